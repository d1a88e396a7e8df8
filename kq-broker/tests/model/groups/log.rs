//! The log of one partition of `__consumer_offsets`: what is committed, and what its leader has beyond
//! that and may lose.

use std::collections::VecDeque;

use kq_broker::group::WrittenRecord;
use kq_broker::group::record::{Key, decode_key};

/// One write of a coordinator.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Its number among all writes of the run.
    pub(crate) number: u64,
    pub(crate) records: Vec<WrittenRecord>,
    /// What they are about, in their order.
    pub(crate) keys: Vec<Key>,
}

impl Batch {
    /// The records, each with what it is about.
    pub(crate) fn keyed(&self) -> impl Iterator<Item = (&Key, &WrittenRecord)> {
        self.keys.iter().zip(&self.records)
    }
}

/// A broker that leads from some term on.
pub(crate) type Term = u32;

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) committed: Vec<Batch>,
    /// What the leader has appended and cannot call committed yet.
    pub(crate) tail: VecDeque<Batch>,
    pub(crate) leader: usize,
    pub(crate) term: Term,
    numbered: u64,
}

impl Log {
    /// A write in the making.
    pub(crate) fn number(&mut self, records: Vec<WrittenRecord>) -> Batch {
        self.numbered += 1;
        let keys = records.iter().map(|it| decode_key(&it.key).unwrap().unwrap()).collect();
        Batch { number: self.numbered, records, keys }
    }

    /// A leader, or one who takes itself for it, appends. What the latter writes goes nowhere.
    pub(crate) fn append(&mut self, term: Term, batch: &Batch) {
        if term == self.term {
            self.tail.push_back(batch.clone());
        }
    }

    /// The first batches of the tail are on enough replicas.
    pub(crate) fn commit(&mut self, count: usize) -> Vec<Batch> {
        let batches: Vec<_> = self.tail.drain(..count.min(self.tail.len())).collect();
        self.committed.extend(batches.iter().cloned());
        batches
    }

    /// Another broker leads, or the same one anew, with so much of the tail.
    pub(crate) fn fail_over(&mut self, leader: usize, kept: usize) {
        self.tail.truncate(kept);
        self.leader = leader;
        self.term += 1;
    }

    /// Where the next batch goes.
    pub(crate) fn end(&self) -> usize {
        self.committed.len() + self.tail.len()
    }

    /// Whether this write is committed.
    pub(crate) fn has_committed(&self, number: u64) -> bool {
        self.committed.binary_search_by_key(&number, |it| it.number).is_ok()
    }
}
