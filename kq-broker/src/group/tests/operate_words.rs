//! The language of the scripts, as far as an operator's hand on a group goes.
//!
//! ```text
//! drop r1 p                      delete the group, its offsets to be brought back as p
//! rebalance r2                   share anew
//! remove r3 m1 /a silent=5s      put out m1, the instance a, and who was silent; `silent` = half
//! ... dry                        only tell what would be done
//! ```

use std::time::Duration;

use crate::group::{
    Act, Chosen, MemberSurvey, Operate, OperateRefused, Operated, ReplyTo, Silence,
};

/// One line of a script.
pub(super) fn read(verb: &str, reply: ReplyTo, words: &[&str]) -> Operate {
    let act = match verb {
        "drop" => Act::Delete { plan: words[0].into(), reason: "".into() },
        "rebalance" => Act::Rebalance,
        _ => Act::Remove(chosen(words)),
    };
    Operate { group: "g".into(), act, validate_only: words.contains(&"dry"), reply }
}

fn chosen(words: &[&str]) -> Chosen {
    let mut chosen = Chosen::default();
    for word in words.iter().filter(|it| **it != "dry") {
        match (*word, word.strip_prefix('/'), word.strip_prefix("silent=")) {
            ("silent", ..) => chosen.silent = Some(Silence::HalfSession),
            (_, Some(instance), _) => chosen.instances.push(instance.into()),
            (_, _, Some(bound)) => {
                let bound = bound.trim_end_matches('s').parse().unwrap();
                chosen.silent = Some(Silence::For(Duration::from_secs(bound)));
            }
            (member, ..) => chosen.members.push(member.into()),
        }
    }
    chosen
}

/// What the operator hears.
pub(super) fn show(result: &Result<Operated, OperateRefused>) -> String {
    match result {
        Ok(Operated::Deleted { offset_count, undo, is_thin, .. }) => {
            let (undo, thin) =
                (undo.as_deref().unwrap_or("-"), if *is_thin { ", thin" } else { "" });
            format!("dropped with {offset_count} offsets, undo {undo}{thin}")
        }
        Ok(Operated::Rebalanced { before, under_way }) => {
            let (state, generation) = (before.state.name(), before.generation);
            let now = if *under_way { "rebalances" } else { "has nobody" };
            format!("{now}: was {state} in {generation} with {}", before.member_count)
        }
        Ok(Operated::Removed { members, unknown, left }) => {
            let strangers = unknown.members.iter().map(ToString::to_string);
            let strangers = strangers.chain(unknown.instances.iter().map(|it| format!("/{it}")));
            let strangers: Vec<String> = strangers.collect();
            format!("put out {:?}, unknown {strangers:?}, {left} left", names(members))
        }
        Err(OperateRefused::NonEmpty(members)) => format!("refused: {:?} are in", names(members)),
        Err(OperateRefused::Group(error)) => format!("refused: {error}"),
    }
}

fn names(members: &[MemberSurvey]) -> Vec<String> {
    let name = |it: &MemberSurvey| match &it.instance {
        Some(instance) => format!("{}/{instance}", it.member),
        None => it.member.to_string(),
    };
    members.iter().map(name).collect()
}
