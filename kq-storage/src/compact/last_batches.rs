//! The batches that say what producers wrote last: compaction leaves them, if only without records.

use std::collections::BTreeMap;

use crate::batch::BatchHeader;
use crate::producers::Producers;
use crate::{Offset, ProducerId};

/// Per producer, the base offsets of its last batch below a bound and of its last one of all.
///
/// Both: the log may yet be cut between the two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LastBatches {
    of: BTreeMap<ProducerId, [Option<Offset>; 2]>,
}

impl LastBatches {
    /// Of the producers that are known now, with their state at the bound.
    pub(crate) fn of(at_bound: &Producers, now: &Producers) -> Self {
        let last_of = |producers: &Producers, id: ProducerId| {
            let producer = producers.get(id)?;
            producer.batches.back().map(|batch| batch.base_offset)
        };
        let both = now.iter().map(|(id, _)| (id, [last_of(at_bound, id), last_of(now, id)]));
        Self { of: both.collect() }
    }

    /// Whether the batch is one of them.
    pub(crate) fn contain(&self, header: &BatchHeader) -> bool {
        let last = header.producer.and_then(|mark| self.of.get(&mark.id));
        last.is_some_and(|last| last.contains(&Some(header.base_offset)))
    }
}
