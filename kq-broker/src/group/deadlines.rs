//! When each group wants to be looked at again.
//!
//! One entry a group, and a lazy one: a sign of life only puts a deadline off, so the entry stays
//! where it is, and is corrected when it comes due. The thousand heartbeats between touch nothing here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::GroupId;

/// The deadlines of a shard's groups, in time since the broker started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deadlines {
    due: BTreeSet<(Duration, GroupId)>,
    /// Invariant: the same entries by group.
    of: BTreeMap<GroupId, Duration>,
}

impl Deadlines {
    /// When the first group is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The group is looked at no later than at this time.
    pub(crate) fn arm(&mut self, id: &GroupId, at: Option<Duration>) {
        let Some(at) = at else { return };
        match self.of.get_mut(id) {
            Some(known) if *known <= at => return,
            Some(known) => {
                self.due.remove(&(*known, id.clone()));
                *known = at;
            }
            None => drop(self.of.insert(id.clone(), at)),
        }
        self.due.insert((at, id.clone()));
    }

    /// The groups that are due, each of which has no entry any more.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<GroupId> {
        let mut ids = Vec::new();
        while let Some((at, _)) = self.due.first() {
            if now < *at {
                break;
            }
            let Some((_, id)) = self.due.pop_first() else { break };
            self.of.remove(&id);
            ids.push(id);
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_only_comes_nearer_until_it_is_due() {
        let second = Duration::from_secs;
        let mut deadlines = Deadlines::default();
        deadlines.arm(&"a".into(), Some(second(5)));
        deadlines.arm(&"a".into(), Some(second(9)));
        deadlines.arm(&"b".into(), Some(second(7)));
        deadlines.arm(&"b".into(), Some(second(3)));
        deadlines.arm(&"c".into(), None);
        assert_eq!(deadlines.next(), Some(second(3)));
        assert_eq!(deadlines.take_due(second(2)), []);
        assert_eq!(deadlines.take_due(second(5)), ["b".into(), "a".into()]);
        assert_eq!(deadlines, Deadlines::default());
    }
}
