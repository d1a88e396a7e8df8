//! The language of the scripts, as far as an operator's hand on a group goes.
//!
//! ```text
//! drop r1 p                      delete the group, its offsets to be brought back as p
//! rebalance r2                   share anew
//! remove r3 m1 /a silent=5s      put out m1, the instance a, and who was silent; `silent` = half
//! ... dry                        only tell what would be done
//! ```

use std::sync::Arc;
use std::time::Duration;

use crate::group::{
    Act, Chosen, MemberSurvey, Now, Operate, OperateRefused, Operated, ReplyTo, Shard, Silence,
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
        Ok(Operated::Rebalanced { before, under_way, is_thin }) => {
            let (state, generation) = (before.state.name(), before.generation);
            let now = if *under_way { "rebalances" } else { "has nobody" };
            let thin = if *is_thin { ", thin" } else { "" };
            format!("{now}: was {state} in {generation} with {}{thin}", before.member_count)
        }
        Ok(Operated::Removed { members, unknown, left, is_thin }) => {
            let strangers = unknown.members.iter().map(ToString::to_string);
            let strangers = strangers.chain(unknown.instances.iter().map(|it| format!("/{it}")));
            let strangers: Vec<String> = strangers.collect();
            let (names, thin) = (names(members), if *is_thin { ", thin" } else { "" });
            format!("put out {names:?}, unknown {strangers:?}, {left} left{thin}")
        }
        Err(OperateRefused::NonEmpty(members)) => format!("refused: {:?} are in", names(members)),
        Err(OperateRefused::Group(error)) => format!("refused: {error}"),
    }
}

/// A line a member: its epoch, what it has and is to give back, its pattern and its rack.
pub(super) fn members(shard: &Shard, now: Now) -> Vec<String> {
    let dealt = |of: &[(Arc<str>, Vec<i32>)]| {
        let topics: Vec<_> =
            of.iter().map(|(topic, indexes)| format!("{topic}{indexes:?}")).collect();
        if topics.is_empty() { "-".to_owned() } else { topics.join(" ") }
    };
    let line = |it: &MemberSurvey| {
        let epoch = it.epoch.map_or("-".to_owned(), |it| it.0.to_string());
        let (has, gives) = (dealt(&it.assigned), dealt(&it.revoking));
        let said = |it: &Option<Arc<str>>| it.as_deref().unwrap_or("-").to_owned();
        let (pattern, rack) = (said(&it.pattern), said(&it.rack));
        let who = &it.member;
        format!("{who} at {epoch}: has {has}, gives up {gives}; pattern {pattern}, rack {rack}")
    };
    shard.survey_members(&"g".into(), now).iter().map(line).collect()
}

fn names(members: &[MemberSurvey]) -> Vec<String> {
    let name = |it: &MemberSurvey| match &it.instance {
        Some(instance) => format!("{}/{instance}", it.member),
        None => it.member.to_string(),
    };
    members.iter().map(name).collect()
}
