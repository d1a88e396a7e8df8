//! A log as the model has it: batches of one record, each with its epoch, and how much is synced.

use kq_broker::ids::{LeaderEpoch, TopicId};
use kq_storage::batch::{Attributes, BatchHeader, Compression, ProducerMark};
use kq_storage::producers::{Producers, Sequence, SequenceError};
use kq_storage::{EpochHistory, LogEndOffset, LogStartOffset, Offset, TimestampMs};

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Under which leader it was written.
    pub(crate) epoch: LeaderEpoch,
    /// Different for each record that a producer thinks of.
    pub(crate) value: u64,
    /// For which topic: a record of an earlier topic of the same name shows.
    pub(crate) topic: TopicId,
    /// Which producer numbered it.
    pub(crate) mark: Option<ProducerMark>,
}

/// What a broker has of one partition, in its page cache and on its disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModelLog {
    start: u64,
    entries: Vec<Entry>,
    synced: u64,
    /// How far a sync that runs will reach, if the log is not cut meanwhile.
    syncing: Option<u64>,
    epochs: EpochHistory,
    producers: Producers,
    /// As they were where the log begins.
    producers_before: Producers,
}

impl Entry {
    /// The header of the batch that it is.
    fn header_at(&self, offset: u64) -> BatchHeader {
        BatchHeader {
            base_offset: Offset(offset),
            size: 0,
            leader_epoch: Some(self.epoch),
            crc: 0,
            attributes: Attributes { bits: 0, compression: Compression::None },
            last_offset_delta: 0,
            base_timestamp: 0,
            max_timestamp: None,
            producer: self.mark,
            record_count: 1,
        }
    }
}

impl ModelLog {
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced
    }

    pub(crate) fn start_offset(&self) -> LogStartOffset {
        LogStartOffset(Offset(self.start))
    }

    pub(crate) fn end_offset(&self) -> LogEndOffset {
        LogEndOffset(Offset(self.end()))
    }

    pub(crate) fn synced_offset(&self) -> LogEndOffset {
        LogEndOffset(Offset(self.synced))
    }

    pub(crate) fn get(&self, offset: u64) -> Option<&Entry> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.entries.get(at)
    }

    pub(crate) fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    pub(crate) fn end_of(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_of(epoch, self.end_offset())
    }

    pub(crate) fn begin_epoch(&mut self, epoch: LeaderEpoch) {
        self.epochs.note(epoch, Offset(self.end()));
    }

    pub(crate) fn append(&mut self, entry: Entry) {
        self.begin_epoch(entry.epoch);
        self.producers.note(&entry.header_at(self.end()), TimestampMs(0));
        self.entries.push(entry);
    }

    /// Whether its producer has written it before.
    pub(crate) fn check(&self, entry: &Entry) -> Result<Sequence, SequenceError> {
        self.producers.check(&entry.header_at(self.end()))
    }

    /// Whether these follow its end, as kq-storage demands of what others have written.
    pub(crate) fn takes(&self, records: &[(u64, Entry)]) -> bool {
        let first = records.first();
        first.is_some_and(|(at, it)| {
            *at == self.end() && self.latest_epoch().is_none_or(|latest| latest <= it.epoch)
        })
    }

    /// Cuts it, stable at once, as kq-storage does.
    pub(crate) fn truncate(&mut self, end: u64) {
        let end = end.clamp(self.start, self.end());
        let cuts = end < self.end();
        self.entries.truncate(usize::try_from(end - self.start).unwrap_or(usize::MAX));
        self.synced = self.synced.min(end);
        self.syncing = self.syncing.map(|it| it.min(end));
        self.epochs.truncate_end(Offset(end));
        if !cuts {
            return;
        }
        self.producers = self.producers_before.clone();
        for (offset, entry) in (self.start..).zip(&self.entries) {
            self.producers.note(&entry.header_at(offset), TimestampMs(0));
        }
    }

    pub(crate) fn start_over(&mut self, at: u64) {
        *self = Self { start: at, synced: at, ..Self::default() };
    }

    pub(crate) fn raise_start(&mut self, to: u64) {
        let to = to.clamp(self.start, self.end());
        let gone = self.entries.drain(..usize::try_from(to - self.start).unwrap_or(usize::MAX));
        for (offset, entry) in (self.start..).zip(gone) {
            self.producers_before.note(&entry.header_at(offset), TimestampMs(0));
        }
        self.start = to;
        self.synced = self.synced.max(to);
        self.epochs.truncate_start(Offset(to));
    }

    /// Begins to sync what there is; false if there is nothing to do.
    pub(crate) fn begin_sync(&mut self) -> bool {
        if self.syncing.is_some() || self.synced == self.end() {
            return false;
        }
        self.syncing = Some(self.end());
        true
    }

    pub(crate) fn finish_sync(&mut self) {
        if let Some(reached) = self.syncing.take() {
            self.synced = self.synced.max(reached);
        }
    }

    /// The process ended; the page cache is left with all below `keep`.
    pub(crate) fn crash(&mut self, keep: u64) {
        self.syncing = None;
        self.truncate(keep);
    }

    /// A start makes stable what it finds before anyone reads it.
    pub(crate) fn recover(&mut self) {
        self.synced = self.end();
    }
}
