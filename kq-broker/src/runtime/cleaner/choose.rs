//! Which partition is compacted next. Decides only.

use kq_storage::Dirtiness;

use crate::ids::PartitionId;

/// A partition that could be compacted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) id: PartitionId,
    pub(super) dirtiness: Dirtiness,
    pub(super) is_due: bool,
    /// Somebody asked for it.
    pub(super) is_demanded: bool,
}

/// One that somebody asked for; else the one that is overdue the longest, or the one with the greatest dirty part.
pub(super) fn choose(candidates: &[Candidate]) -> Option<PartitionId> {
    let due = candidates.iter().filter(|it| it.is_due || it.is_demanded);
    let urgency = |it: &&Candidate| (it.is_demanded, it.dirtiness.overdue_ms, it.dirtiness.ppm());
    // The first of equals.
    let best = due.rev().max_by_key(urgency);
    best.map(|it| it.id)
}

#[cfg(test)]
mod tests {
    use kq_storage::Offset;

    use super::*;
    use crate::ids::{PartitionIndex, TopicId};

    fn candidate(index: u32, cleanable_bytes: u64, overdue_ms: u64, is_due: bool) -> Candidate {
        let id = PartitionId { topic: TopicId::default(), index: PartitionIndex(index) };
        let (dirty_from, until) = (Offset(0), Offset(9));
        let dirtiness =
            Dirtiness { clean_bytes: 100, cleanable_bytes, dirty_from, until, overdue_ms };
        Candidate { id, dirtiness, is_due, is_demanded: false }
    }

    fn chosen(candidates: &[Candidate]) -> Option<u32> {
        choose(candidates).map(|id| id.index.0)
    }

    #[test]
    fn nothing_is_chosen_that_is_not_due() {
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&[candidate(0, 900, 0, false)]), None);
    }

    #[test]
    fn the_dirtiest_comes_first_unless_one_is_overdue() {
        let dirty =
            [candidate(0, 10, 0, true), candidate(1, 90, 0, true), candidate(2, 90, 0, true)];
        assert_eq!(chosen(&dirty), Some(1));
        let late = [dirty[1], candidate(3, 1, 5, true), candidate(4, 1, 6, true)];
        assert_eq!(chosen(&late), Some(4));
        let asked = Candidate { is_demanded: true, ..candidate(5, 0, 0, false) };
        assert_eq!(chosen(&[late[0], asked, late[2]]), Some(5));
    }
}
