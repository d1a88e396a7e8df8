//! Which partitions this broker follows, by the broker it follows them from.
//!
//! Whoever fetches from a broker takes the changes for it, in no matter how many steps, and knows
//! after each what there is to fetch. A change costs what changed, however many partitions there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::Rates;
use super::fetcher::Quota;
use super::partition::Partition;
use crate::ids::{BrokerId, PartitionId};

/// The partitions that are followed, and what changed of that.
#[derive(Debug, Default)]
pub struct Follows {
    board: Mutex<Board>,
    sources: watch::Sender<BTreeSet<BrokerId>>,
    quota: Quota,
    rates: Rates,
}

#[derive(Debug, Default)]
struct Board {
    source_of: BTreeMap<PartitionId, BrokerId>,
    sources: BTreeMap<BrokerId, Source>,
}

#[derive(Debug, Default)]
struct Source {
    followed: usize,
    /// Not taken yet; none where the partition is not followed from here any more.
    changes: BTreeMap<PartitionId, Option<Arc<Partition>>>,
    changed: Arc<Notify>,
}

/// What is different since the changes were taken last; the last of several counts.
#[derive(Debug, Clone)]
pub enum FollowChange {
    /// The partition is followed from here, as of now or under another leader epoch.
    Follow(Arc<Partition>),
    /// It is no longer.
    Leave(PartitionId),
}

impl Follows {
    /// The brokers that something is followed from.
    pub fn sources(&self) -> watch::Receiver<BTreeSet<BrokerId>> {
        self.sources.subscribe()
    }

    /// How fast replicas that a move brings here are taken in.
    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    /// How fast this broker was found to take in what others send.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// What changed for one source since this was asked last.
    pub fn take_changes(&self, source: BrokerId) -> Vec<FollowChange> {
        let mut board = self.board.lock();
        let Some(source) = board.sources.get_mut(&source) else { return Vec::new() };
        let changes = std::mem::take(&mut source.changes);
        let shown = |(id, partition): (PartitionId, Option<Arc<Partition>>)| match partition {
            Some(partition) => FollowChange::Follow(partition),
            None => FollowChange::Leave(id),
        };
        changes.into_iter().map(shown).collect()
    }

    /// Waits until there are changes to take for one source.
    pub async fn changed(&self, source: BrokerId) {
        loop {
            let changed = {
                let mut board = self.board.lock();
                let source = board.sources.entry(source).or_default();
                if !source.changes.is_empty() {
                    return;
                }
                Arc::clone(&source.changed)
            };
            changed.notified().await;
        }
    }

    /// The partition is followed from `source` now, or from nobody.
    pub(super) fn set(&self, partition: &Arc<Partition>, source: Option<BrokerId>) {
        let id = partition.id();
        match source {
            None => self.leave(id),
            Some(source) => {
                let mut board = self.board.lock();
                if board.source_of.get(&id).is_some_and(|old| *old != source) {
                    board.leave(id);
                }
                board.follow(id, partition, source);
                self.publish(&board);
            }
        }
    }

    /// The partition is followed no longer.
    pub(super) fn leave(&self, id: PartitionId) {
        let mut board = self.board.lock();
        if board.leave(id) {
            self.publish(&board);
        }
    }

    /// Under the board's lock, so that the last one to publish has the last word.
    fn publish(&self, board: &Board) {
        let followed = board.sources.iter().filter(|(_, it)| it.followed > 0);
        let now: BTreeSet<_> = followed.map(|(id, _)| *id).collect();
        self.sources.send_if_modified(|known| {
            let differs = *known != now;
            if differs {
                *known = now;
            }
            differs
        });
    }
}

impl Board {
    fn follow(&mut self, id: PartitionId, partition: &Arc<Partition>, source: BrokerId) {
        let is_new = self.source_of.insert(id, source).is_none();
        let source = self.sources.entry(source).or_default();
        source.followed += usize::from(is_new);
        source.changes.insert(id, Some(Arc::clone(partition)));
        source.changed.notify_one();
    }

    fn leave(&mut self, id: PartitionId) -> bool {
        let Some(source) = self.source_of.remove(&id) else { return false };
        if let Some(source) = self.sources.get_mut(&source) {
            source.followed -= 1;
            source.changes.insert(id, None);
            source.changed.notify_one();
        }
        true
    }
}
