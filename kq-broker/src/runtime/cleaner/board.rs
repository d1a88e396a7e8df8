//! What is known of the cleaner's work, and what it is asked for. The cleaner writes; metrics, the
//! doctor and operators read, and may put a log in front.

use std::collections::{BTreeMap, BTreeSet};

use kq_storage::Dirtiness;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ids::PartitionId;
use crate::metadata::TimestampMs;

/// What the cleaner has done since the broker started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanerCounts {
    /// Bytes of batches read.
    pub read_bytes: u64,
    /// Bytes of segments written.
    pub written_bytes: u64,
    /// Records dropped.
    pub removed_records: u64,
    /// Passes that went through.
    pub passes: u64,
    /// Passes that failed; one that was called off because the log changed is none.
    pub failures: u64,
}

/// What the cleaner found when it looked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanerLook {
    /// The greatest dirty part of a log, in millionths.
    pub dirty_ppm_max: u32,
    /// By how much the oldest record that is not compacted is older than it may become.
    pub overdue_ms_max: u64,
}

/// Why a log that is due is not compacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stall {
    /// It cannot be read, or holds something else than was written: nobody tries again.
    Uncleanable(String),
    /// The volume has too little room.
    NoRoom(String),
    /// The cleaner is switched off.
    Off,
    /// Its turn has not come.
    Waits,
}

/// A log that is due, and has been for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stalled {
    /// Whose log.
    pub id: PartitionId,
    /// Why it is left.
    pub why: Stall,
    /// Since when it is due, as far as this broker has seen.
    pub since: TimestampMs,
    /// Bytes that are not compacted and could be; zero where nobody can tell.
    pub dirty_bytes: u64,
}

/// How a compaction that somebody asked for stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// Its turn comes.
    Queued,
    /// It is being compacted.
    Running,
    /// It came to nothing.
    Failed(String),
}

#[derive(Debug, Default)]
struct State {
    counts: CleanerCounts,
    look: CleanerLook,
    last_pass: Option<TimestampMs>,
    /// Logs that are due, since when, with bytes that are dirty.
    due: BTreeMap<PartitionId, (TimestampMs, u64)>,
    /// Those that a pass failed on, and why.
    failed: BTreeMap<PartitionId, Stall>,
    demands: BTreeMap<PartitionId, Demand>,
}

/// Shared by the cleaner and those who look.
#[derive(Debug, Default)]
pub struct CleanerBoard {
    state: Mutex<State>,
    asked: Notify,
}

impl CleanerBoard {
    /// What was done so far.
    pub fn counts(&self) -> CleanerCounts {
        self.state.lock().counts
    }

    /// What was found last.
    pub fn look(&self) -> CleanerLook {
        self.state.lock().look
    }

    /// When the last pass ended.
    pub fn last_pass(&self) -> Option<TimestampMs> {
        self.state.lock().last_pass
    }

    /// Logs that are due since before `before`, or that a pass failed on.
    pub fn stalled(&self, before: TimestampMs, is_off: bool) -> Vec<Stalled> {
        let state = self.state.lock();
        let late = |(id, (since, dirty_bytes)): (&PartitionId, &(TimestampMs, u64))| {
            let failed = state.failed.get(id).cloned();
            let why = failed.unwrap_or(if is_off { Stall::Off } else { Stall::Waits });
            let is_stalled = *since < before || matches!(why, Stall::Uncleanable(_));
            is_stalled.then_some(Stalled { id: *id, why, since: *since, dirty_bytes: *dirty_bytes })
        };
        state.due.iter().filter_map(late).collect()
    }

    /// Asks for a log to be compacted as soon as may be.
    pub fn demand(&self, ids: &[PartitionId]) {
        let mut state = self.state.lock();
        for id in ids {
            let demand = state.demands.entry(*id).or_insert(Demand::Queued);
            if matches!(demand, Demand::Failed(_)) {
                *demand = Demand::Queued;
            }
        }
        drop(state);
        self.asked.notify_one();
    }

    /// How it stands with what was asked for; none where nothing is left of it.
    pub fn demand_of(&self, id: PartitionId) -> Option<Demand> {
        self.state.lock().demands.get(&id).cloned()
    }

    /// Waits until something is asked for.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Logs whose turn somebody asked for.
    pub(super) fn demanded(&self) -> BTreeSet<PartitionId> {
        let state = self.state.lock();
        let open = |demand: &Demand| !matches!(demand, Demand::Failed(_));
        state.demands.iter().filter(|it| open(it.1)).map(|it| *it.0).collect()
    }

    /// Takes over what a look at all logs found; `damaged` are those that nobody can measure.
    pub(super) fn looked(
        &self,
        now: TimestampMs,
        found: &[(PartitionId, Dirtiness, bool)],
        damaged: &BTreeMap<PartitionId, String>,
    ) {
        let mut state = self.state.lock();
        state.look = CleanerLook {
            dirty_ppm_max: found.iter().map(|it| it.1.ppm()).max().unwrap_or(0),
            overdue_ms_max: found.iter().map(|it| it.1.overdue_ms).max().unwrap_or(0),
        };
        let measured = found.iter().filter(|it| it.2).map(|it| (it.0, it.1.cleanable_bytes));
        let due = measured.chain(damaged.keys().map(|id| (*id, 0)));
        let before = std::mem::take(&mut state.due);
        let since = |id| before.get(&id).map_or(now, |known| known.0);
        state.due = due.map(|(id, bytes)| (id, (since(id), bytes))).collect();
        let due: BTreeSet<PartitionId> = state.due.keys().copied().collect();
        state.failed.retain(|id, _| due.contains(id));
        for (id, why) in damaged {
            state.failed.insert(*id, Stall::Uncleanable(why.clone()));
        }
        // What is not held here any more is nobody's wish.
        let here: BTreeSet<PartitionId> = found.iter().map(|it| it.0).collect();
        state.demands.retain(|id, _| here.contains(id) || damaged.contains_key(id));
        for (id, demand) in &mut state.demands {
            if let Some(why) = damaged.get(id) {
                *demand = Demand::Failed(why.clone());
            }
        }
    }

    /// Bytes moved and records dropped in a step.
    pub(super) fn moved(&self, read_bytes: u64, written_bytes: u64, removed_records: u64) {
        let counts = &mut self.state.lock().counts;
        counts.read_bytes += read_bytes;
        counts.written_bytes += written_bytes;
        counts.removed_records += removed_records;
    }

    /// A pass over a log begins.
    pub(super) fn began(&self, id: PartitionId) {
        if let Some(demand) = self.state.lock().demands.get_mut(&id) {
            *demand = Demand::Running;
        }
    }

    /// A pass went through, or there was nothing to do. What was asked for stays so where more is left.
    pub(super) fn ended(&self, id: PartitionId, at: Option<TimestampMs>, is_partial: bool) {
        let mut state = self.state.lock();
        state.failed.remove(&id);
        if let Some(at) = at {
            state.last_pass = Some(at);
            state.counts.passes += 1;
            state.due.remove(&id);
        }
        if is_partial {
            if let Some(demand) = state.demands.get_mut(&id) {
                *demand = Demand::Queued;
            }
        } else {
            state.demands.remove(&id);
        }
    }

    /// A pass failed; without a stall it may go better at once.
    pub(super) fn failed(&self, id: PartitionId, stall: Option<Stall>, why: &str) {
        let mut state = self.state.lock();
        if let Some(stall) = stall {
            state.counts.failures += 1;
            state.failed.insert(id, stall);
        }
        if let Some(demand) = state.demands.get_mut(&id) {
            *demand = Demand::Failed(why.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use kq_storage::Offset;

    use super::*;
    use crate::ids::{PartitionIndex, TopicId};

    fn id(index: u32) -> PartitionId {
        PartitionId { topic: TopicId::default(), index: PartitionIndex(index) }
    }

    fn found(index: u32, is_due: bool) -> (PartitionId, Dirtiness, bool) {
        let dirtiness = Dirtiness {
            clean_bytes: 300,
            cleanable_bytes: 100,
            dirty_from: Offset(0),
            until: Offset(9),
            overdue_ms: u64::from(index),
        };
        (id(index), dirtiness, is_due)
    }

    #[test]
    fn a_log_is_stalled_once_it_is_due_for_long_or_cannot_be_read() {
        let board = CleanerBoard::default();
        let damaged = BTreeMap::from([(id(3), "cut short".to_owned())]);
        board.looked(TimestampMs(10), &[found(1, true), found(2, false)], &damaged);
        board.looked(TimestampMs(20), &[found(1, true), found(2, true)], &damaged);
        let stalled = |before, is_off| {
            let all = board.stalled(TimestampMs(before), is_off).into_iter();
            all.map(|it| (it.id.index.0, it.why, it.dirty_bytes)).collect::<Vec<_>>()
        };
        let unreadable = (3, Stall::Uncleanable("cut short".to_owned()), 0);
        assert_eq!(stalled(10, false), std::slice::from_ref(&unreadable));
        assert_eq!(stalled(11, false), [(1, Stall::Waits, 100), unreadable.clone()]);
        assert_eq!(stalled(11, true), [(1, Stall::Off, 100), unreadable.clone()]);
        board.failed(id(1), Some(Stall::NoRoom("full".to_owned())), "full");
        assert_eq!(stalled(11, false)[0], (1, Stall::NoRoom("full".to_owned()), 100));
        board.ended(id(1), Some(TimestampMs(30)), false);
        assert_eq!(stalled(11, false), [unreadable]);
        assert_eq!((board.counts().passes, board.counts().failures), (1, 1));
        assert_eq!(board.look(), CleanerLook { dirty_ppm_max: 250_000, overdue_ms_max: 2 });
    }

    #[test]
    fn what_was_asked_for_stands_until_it_is_done_or_told_why_not() {
        let board = CleanerBoard::default();
        board.demand(&[id(1), id(2)]);
        board.looked(TimestampMs(1), &[found(1, false)], &BTreeMap::new());
        assert_eq!(board.demanded(), BTreeSet::from([id(1)]), "the other is not here");
        board.began(id(1));
        assert_eq!(board.demand_of(id(1)), Some(Demand::Running));
        board.ended(id(1), Some(TimestampMs(2)), true);
        assert_eq!(board.demand_of(id(1)), Some(Demand::Queued), "more is left");
        board.failed(id(1), None, "the log was cut");
        assert!(board.demanded().is_empty());
        assert_eq!(board.demand_of(id(1)), Some(Demand::Failed("the log was cut".to_owned())));
        board.demand(&[id(1)]);
        board.ended(id(1), None, false);
        assert_eq!(board.demand_of(id(1)), None);
    }
}
