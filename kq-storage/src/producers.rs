//! What idempotent producers wrote last, so that a retry is recognised and a gap refused.
//!
//! Per producer: its epoch and its last five batches (KIP-98), as many as a client keeps in
//! flight. A snapshot is written at each segment's start and on a clean stop; after a crash the
//! state is rebuilt from the last snapshot and the batch headers behind it.

use std::collections::{BTreeMap, VecDeque};

use crate::batch::{BatchHeader, ProducerMark};
use crate::canary;
use crate::{Offset, ProducerEpoch, ProducerId, TimestampMs};

mod snapshot;

pub(crate) use snapshot::{FORMAT as SNAPSHOT_FORMAT, SnapshotError, from_bytes, to_bytes};

/// Batches remembered per producer: Kafka's clients keep at most five in flight.
pub const BATCHES_KEPT: usize = 5;

/// One batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerBatch {
    /// Sequence number of its first record.
    pub first_sequence: u32,
    /// Sequence number of its last record.
    pub last_sequence: u32,
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// Its max timestamp.
    pub timestamp: Option<TimestampMs>,
}

/// One producer's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// When it was last heard of, by the log's time.
    pub heard: TimestampMs,
    /// Its last batches, oldest first.
    pub batches: VecDeque<ProducerBatch>,
}

/// Why an idempotent producer's batch does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SequenceError {
    /// A newer incarnation has written already.
    #[error("producer {id} wrote with epoch {current}, but the batch has epoch {found}")]
    OldEpoch {
        /// The producer.
        id: ProducerId,
        /// The epoch it last wrote with.
        current: ProducerEpoch,
        /// The batch's.
        found: ProducerEpoch,
    },
    /// A batch is missing between the last one and this one, or this one is long past.
    #[error("producer {id} is at sequence {last:?}, but the batch starts at {found}")]
    OutOfOrder {
        /// The producer.
        id: ProducerId,
        /// Its last sequence; `None` in a new epoch, which starts at 0.
        last: Option<u32>,
        /// The batch's first sequence.
        found: u32,
    },
}

/// What a batch is to the producers' state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// It follows, or has no producer.
    Next,
    /// It stands in the log already.
    Duplicate(ProducerBatch),
}

/// All producers of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Producers {
    by_id: BTreeMap<ProducerId, Producer>,
}

impl Producers {
    /// Whether no producer is known.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All producers, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ProducerId, &Producer)> {
        self.by_id.iter().map(|(id, producer)| (*id, producer))
    }

    /// Whether it has written here, and is not forgotten.
    pub fn knows(&self, id: ProducerId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// What is known of one.
    pub(crate) fn get(&self, id: ProducerId) -> Option<&Producer> {
        self.by_id.get(&id)
    }

    /// Checks a new batch of a client.
    pub fn check(&self, header: &BatchHeader) -> Result<Sequence, SequenceError> {
        let Some(mark) = header.producer else { return Ok(Sequence::Next) };
        let Some((first, last)) = mark.first_sequence.zip(header.last_sequence()) else {
            return Ok(Sequence::Next);
        };
        // A producer not known (or forgotten) may begin anywhere, as in Kafka.
        let Some(producer) = self.by_id.get(&mark.id) else { return Ok(Sequence::Next) };
        if mark.epoch < producer.epoch {
            let (id, current, found) = (mark.id, producer.epoch, mark.epoch);
            return Err(SequenceError::OldEpoch { id, current, found });
        }
        if mark.epoch > producer.epoch {
            return match first {
                0 => Ok(Sequence::Next),
                found => Err(SequenceError::OutOfOrder { id: mark.id, last: None, found }),
            };
        }
        let same =
            |batch: &&ProducerBatch| batch.first_sequence == first && batch.last_sequence == last;
        if let Some(batch) = producer.batches.iter().find(same) {
            return Ok(Sequence::Duplicate(*batch));
        }
        let newest = producer.batches.back().map(|batch| batch.last_sequence);
        match newest {
            Some(newest)
                if crate::batch::sequence_plus(newest, 1) != first
                    && !canary::is("sequence_gap_taken") =>
            {
                Err(SequenceError::OutOfOrder { id: mark.id, last: Some(newest), found: first })
            }
            Some(_) | None => Ok(Sequence::Next),
        }
    }

    /// Notes a batch that stands in the log now. Its offsets are assigned.
    pub fn note(&mut self, header: &BatchHeader, now: TimestampMs) {
        let Some(mark) = header.producer else { return };
        let batch = batch_of(mark, header);
        let producer = self.by_id.entry(mark.id).or_insert_with(|| Producer {
            epoch: mark.epoch,
            heard: now,
            batches: VecDeque::new(),
        });
        if producer.epoch != mark.epoch {
            producer.epoch = mark.epoch;
            producer.batches.clear();
        }
        producer.heard = producer.heard.max(now);
        let Some(batch) = batch else { return };
        let kept = if canary::is("one_batch_remembered") { 1 } else { BATCHES_KEPT };
        if producer.batches.len() == kept {
            producer.batches.pop_front();
        }
        producer.batches.push_back(batch);
    }

    /// Forgets producers unheard of for `expiration_ms`.
    pub fn expire(&mut self, now: TimestampMs, expiration_ms: u64) {
        self.by_id.retain(|_, producer| {
            now.0.saturating_sub(producer.heard.0).cast_unsigned() < expiration_ms
                || now < producer.heard
        });
    }

    pub(crate) fn insert(&mut self, id: ProducerId, producer: Producer) {
        self.by_id.insert(id, producer);
    }
}

fn batch_of(mark: ProducerMark, header: &BatchHeader) -> Option<ProducerBatch> {
    Some(ProducerBatch {
        first_sequence: mark.first_sequence?,
        last_sequence: header.last_sequence()?,
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        timestamp: header.max_timestamp,
    })
}
