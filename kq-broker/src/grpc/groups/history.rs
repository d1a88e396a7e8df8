//! What operators do to groups, in the history of the cluster: how it is told, and how it is kept.

use std::time::Duration;

use crate::controller::{Command, GroupNote};
use crate::group::MemberSurvey;
use crate::grpc::Admin;

/// How long the history is waited for.
const NOTE_WAIT: Duration = Duration::from_secs(5);
/// What is kept by one command at most.
const NOTES_MAX: usize = 500;
/// Names that are told where there may be many.
const NAMED_MAX: usize = 3;

impl Admin {
    /// Keeps in the history what was done to a group. It is done whether or not that succeeds: a warning
    /// where the history does not tell of it.
    pub(in crate::grpc) async fn note_group(
        &self,
        group: &str,
        deed: String,
        reason: &str,
    ) -> Option<String> {
        let noted = self.note(vec![GroupNote { group: group.to_owned(), deed }], reason).await;
        noted.err()
    }

    /// The same of groups that one request changed: the warning names those that are not told of.
    pub(super) async fn note_groups(&self, notes: &[GroupNote], reason: &str) -> Option<String> {
        for (nth, some) in notes.chunks(NOTES_MAX).enumerate() {
            if let Err(warning) = self.note(some.to_vec(), reason).await {
                let left = notes.iter().skip(nth * NOTES_MAX).map(|it| it.group.as_str());
                return Some(format!("{}: {warning}", some_of(left.collect())));
            }
        }
        None
    }

    async fn note(&self, notes: Vec<GroupNote>, reason: &str) -> Result<(), String> {
        let groups = some_of(notes.iter().map(|it| it.group.as_str()).collect());
        let command = Command::NoteGroups(notes);
        let kept = self.node.controller.submit_for(reason.to_owned(), command, NOTE_WAIT).await;
        kept.map(drop).map_err(|err| {
            tracing::warn!(%groups, error = %err, "the history does not tell what was done to groups");
            format!("kq-ctl events does not tell of it: {err}")
        })
    }
}

/// Offsets were changed by a plan.
pub(in crate::grpc) fn change(verb: &str, offsets: usize, put_out: usize, plan: &str) -> String {
    let who = counted(put_out, "member");
    let put_out = if put_out == 0 { String::new() } else { format!(", {who} put out") };
    format!("{verb} of {}{put_out}, plan {plan}", counted(offsets, "offset"))
}

/// A group was deleted; `undo` is the plan that brings its offsets back.
pub(super) fn deletion(offsets: usize, undo: Option<&str>) -> String {
    let offsets = match offsets {
        0 => return "deletion of the group".to_owned(),
        offsets => counted(offsets, "offset"),
    };
    match undo {
        Some(plan) => format!("deletion of the group with {offsets}, plan {plan}"),
        None => format!("deletion of the group with {offsets}, which nothing brings back"),
    }
}

/// Members share anew.
pub(super) fn rebalance(members: usize) -> String {
    format!("rebalance of {}", counted(members, "member"))
}

/// Members were put out; static ones are known by their instances.
pub(super) fn removal(members: &[MemberSurvey]) -> String {
    let name = |it: &'_ MemberSurvey| match &it.instance {
        Some(instance) => instance.to_string(),
        None => it.member.to_string(),
    };
    let names: Vec<String> = members.iter().map(name).collect();
    let names = some_of(names.iter().map(String::as_str).collect());
    format!("removal of {}: {names}", counted(members.len(), "member"))
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}

fn some_of(names: Vec<&str>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let shown = names.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_told_in_plain_words() {
        assert_eq!(change("reset", 2, 0, "beef"), "reset of 2 offsets, plan beef");
        assert_eq!(change("undo", 1, 3, "beef"), "undo of 1 offset, 3 members put out, plan beef");
        assert_eq!(deletion(0, None), "deletion of the group");
        assert_eq!(deletion(1, Some("beef")), "deletion of the group with 1 offset, plan beef");
        let lost = "deletion of the group with 9000 offsets, which nothing brings back";
        assert_eq!(deletion(9_000, None), lost);
        assert_eq!(rebalance(1), "rebalance of 1 member");
        assert_eq!(some_of(vec!["a", "b", "c"]), "a, b, c");
        assert_eq!(some_of(vec!["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
