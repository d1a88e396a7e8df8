//! Appending: validate, assign offsets in place, one write.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Appended, Log, last_of};
use crate::batch::{
    self, BatchHeader, InvalidBatch, RecordsSummary, assign, recompress, stamp_log_append_time,
    stamp_max_timestamp, validate_new,
};
use crate::compact::cut_head;
use crate::config::TimestampType;
use crate::error::AppendError;
use crate::producers::{ProducerBatch, Sequence};
use crate::segment::{Indexer, Segment, SegmentName};
use crate::{LeaderEpoch, LogEndOffset, StorageError, TimestampMs};

/// Offsets in a segment are counted from its base in 31 bits, as Kafka's indexes do.
const SEGMENT_OFFSETS_MAX: u64 = i32::MAX.unsigned_abs() as u64;

impl Log {
    /// Appends one new batch: checks it, assigns offsets and the epoch in place, writes it.
    pub fn append(
        &mut self,
        records: BytesMut,
        epoch: LeaderEpoch,
        now: TimestampMs,
    ) -> Result<Appended, AppendError> {
        self.refuse_offline()?;
        let (mut header, summary) = validate_new(&records, &self.config, now)?;
        if let Sequence::Duplicate(batch) = self.producers.check(&header)?
            && !crate::canary::is("dedupe_off")
        {
            return Ok(self.duplicate(batch));
        }
        self.check_epoch(Some(epoch))?;
        let mut records = self.recompressed(records, &mut header)?;
        self.stamp(&mut records, &mut header, summary, now);
        self.make_room(&header, now)?;
        assign(&mut records, &mut header, self.log_end.offset(), epoch);
        self.write(&records, &[header], now)?;
        let log_append_time =
            (self.config.timestamp_type == TimestampType::LogAppendTime).then_some(now);
        Ok(Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            log_append_time,
            log_start: self.log_start,
            duplicate: false,
            bytes: records.len(),
            records: u64::from(header.record_count),
        })
    }

    /// Appends batches whose offsets and epochs were assigned elsewhere; they must follow the end.
    ///
    /// All are checked before the first is written. If the disk refuses one, those before it stand
    /// in the log: it goes on at its end, as after any append.
    pub fn append_replicated(
        &mut self,
        records: Bytes,
        now: TimestampMs,
    ) -> Result<Appended, AppendError> {
        self.refuse_offline()?;
        let records = self.without_what_stands(records)?;
        let headers = self.check_assigned(&records)?;
        let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
            return Err(InvalidBatch::Missing.into());
        };
        let appended = Appended {
            base_offset: first.base_offset,
            last_offset: last.last_offset(),
            log_append_time: None,
            log_start: self.log_start,
            duplicate: false,
            bytes: records.len(),
            records: headers.iter().map(|header| u64::from(header.record_count)).sum(),
        };
        // Each batch rolls for itself, so that segments break where their limits say.
        let mut rest = records;
        for header in headers {
            let batch = rest.split_to(header.size);
            self.make_room(&header, now)?;
            self.write(&batch, &[header], now)?;
        }
        Ok(appended)
    }

    /// Cuts off the first batch what lies below the log's end, if that is inside of it: a source that
    /// was compacted, or begins in mid-batch, has no batch that begins there.
    fn without_what_stands(&self, records: Bytes) -> Result<Bytes, AppendError> {
        let end = self.log_end.offset();
        let Ok(first) = BatchHeader::parse(&records) else { return Ok(records) };
        if first.base_offset >= end || first.last_offset() < end {
            return Ok(records);
        }
        let first = BatchHeader::parse_verified(&records)?;
        let cut = cut_head(&records, &first, end, self.config.decompress);
        let mut all = BytesMut::from(cut.map_err(InvalidBatch::Records)?);
        all.extend_from_slice(records.get(first.size..).unwrap_or_default());
        Ok(all.freeze())
    }

    /// Headers of batches that must follow the log's end and one another.
    fn check_assigned(&self, records: &[u8]) -> Result<Vec<BatchHeader>, AppendError> {
        let mut headers = Vec::new();
        let mut expected = self.log_end;
        let mut last = self.epochs.latest();
        let mut rest = records;
        while !rest.is_empty() {
            let header = BatchHeader::parse_verified(rest)?;
            let found = header.base_offset;
            if found != expected.offset() {
                return Err(AppendError::OffsetGap { expected, found });
            }
            if header.leader_epoch.is_none() || header.leader_epoch < last {
                return Err(AppendError::EpochBackwards { last, found: header.leader_epoch });
            }
            last = header.leader_epoch;
            expected = LogEndOffset(header.next_offset());
            rest = rest.get(header.size..).unwrap_or_default();
            headers.push(header);
        }
        Ok(headers)
    }

    fn check_epoch(&self, found: Option<LeaderEpoch>) -> Result<(), AppendError> {
        let last = self.epochs.latest();
        if last > found {
            return Err(AppendError::EpochBackwards { last, found });
        }
        Ok(())
    }

    const fn duplicate(&self, batch: ProducerBatch) -> Appended {
        let log_append_time = match self.config.timestamp_type {
            TimestampType::LogAppendTime => batch.timestamp,
            TimestampType::CreateTime => None,
        };
        Appended {
            base_offset: batch.base_offset,
            last_offset: batch.last_offset,
            log_append_time,
            log_start: self.log_start,
            duplicate: true,
            bytes: 0,
            records: 0,
        }
    }

    fn recompressed(
        &self,
        records: BytesMut,
        header: &mut BatchHeader,
    ) -> Result<BytesMut, AppendError> {
        match self.config.compression {
            Some(target) if target.compression != header.attributes.compression => {
                let renewed = recompress(&records, header, target, self.config.decompress)
                    .map_err(InvalidBatch::Records)?;
                *header = BatchHeader::parse(&renewed)?;
                let (size, max) = (header.size, self.config.max_message_bytes);
                if size > max {
                    return Err(AppendError::TooLarge { size, max });
                }
                Ok(renewed)
            }
            Some(_) | None => Ok(records),
        }
    }

    /// Sets the batch's time: the log's own, or the true maximum of its records.
    fn stamp(
        &self,
        records: &mut [u8],
        header: &mut BatchHeader,
        summary: RecordsSummary,
        now: TimestampMs,
    ) {
        match self.config.timestamp_type {
            TimestampType::LogAppendTime => stamp_log_append_time(records, header, now),
            TimestampType::CreateTime if summary.timestamp_max != header.max_timestamp => {
                stamp_max_timestamp(records, header, summary.timestamp_max);
            }
            TimestampType::CreateTime => {}
        }
    }

    /// Rolls to a new segment if this batch must not go into the active one.
    fn make_room(&mut self, header: &BatchHeader, now: TimestampMs) -> Result<(), AppendError> {
        let max = self.config.segment_bytes.min(u64::from(u32::MAX));
        if header.size as u64 > max {
            return Err(AppendError::LargerThanSegment { size: header.size, max });
        }
        let rolled = match self.must_roll(header, now) {
            Ok(true) => self.roll(now),
            Ok(false) => Ok(()),
            Err(err) => Err(err),
        };
        Ok(rolled.map_err(|err| self.failed(err))?)
    }

    fn must_roll(&mut self, header: &BatchHeader, now: TimestampMs) -> Result<bool, StorageError> {
        let Segment { base, size, .. } = *last_of(&mut self.segments);
        if size == 0 {
            return Ok(false);
        }
        let max = self.config.segment_bytes.min(u64::from(u32::MAX));
        let last = self.log_end.offset().plus(u64::from(header.last_offset_delta));
        if size + header.size as u64 > max || last.since(base) > SEGMENT_OFFSETS_MAX {
            return Ok(true);
        }
        let first = self.first_record_time()?;
        // By the records' own time where they have one, as in Kafka: old data rolls early.
        let age = match (first, header.max_timestamp) {
            (Some(first), Some(newest)) => newest.0.saturating_sub(first.0),
            _ => now.0.saturating_sub(self.active_began.created.0),
        };
        let jitter = jitter_of(base.0, self.config.segment_jitter_ms);
        // What is in the active segment cannot be compacted in time.
        let lag_max_ms = self.config.compaction.lag_max_ms.filter(|_| self.config.compact);
        let span_max = self.config.segment_ms.min(lag_max_ms.unwrap_or(u64::MAX));
        Ok(age > span_max.saturating_sub(jitter).min(MS_MAX).cast_signed())
    }

    /// Max timestamp of the active segment's first batch.
    fn first_record_time(&mut self) -> Result<Option<TimestampMs>, StorageError> {
        if self.active_began.first_record.is_none() {
            let active = last_of(&mut self.segments);
            let file = active.handle(&self.files, &self.dir)?;
            let mut bytes = [0; batch::HEADER_BYTES];
            let path = active.name.log_path(&self.dir);
            let reading = |err| StorageError::io("reading", &path, err);
            file.read_exact_at(&mut bytes, 0).map_err(reading)?;
            let header =
                BatchHeader::parse(&bytes).map_err(|err| StorageError::corrupt(&path, 0, err))?;
            self.active_began.first_record = header.max_timestamp;
        }
        Ok(self.active_began.first_record)
    }

    /// Seals the active segment and begins a new one at the log's end.
    pub(super) fn roll(&mut self, now: TimestampMs) -> Result<(), StorageError> {
        let end = self.log_end.offset();
        let fs = self.fs().clone();
        self.ensure_indexer()?;
        let snapshot = self.write_snapshot(end)?;
        let name = SegmentName::plain(end);
        let path = name.log_path(&self.dir);
        let created = self
            .files
            .create_new(path.clone())
            .map_err(|err| StorageError::io("creating", &path, err));
        let file = created.map_err(|err| self.failed(err))?;

        if let Some(mut indexer) = self.indexer.take() {
            let sealed = last_of(&mut self.segments);
            sealed.max = Some(indexer.max);
            sealed.sealed_at = now;
            indexer.seal(now);
            // Indexes are derived: one that cannot be written now is rebuilt when it is needed.
            let _ = indexer.flush(fs.as_ref(), &self.dir);
            sealed.close_indexes();
        }
        let sealed = last_of(&mut self.segments).file(&self.files, &self.dir);
        // The snapshot is stable before the recovery point passes it: an opening looks at none below.
        self.sync.files.extend([Arc::clone(sealed), snapshot]);
        self.sync.names = true;
        self.segments.push(Segment::created(end, file));
        // A checkpoint's snapshot at this offset is the segment's own from now on.
        self.sync.extra_snapshot.take_if(|extra| *extra == end);
        self.indexer = Some(Indexer::new(name));
        self.active_began = super::ActiveBegan { first_record: None, created: now };
        Ok(())
    }

    /// Writes batches to the end of the active segment and notes all that follows from them.
    fn write(
        &mut self,
        bytes: &[u8],
        headers: &[BatchHeader],
        now: TimestampMs,
    ) -> Result<(), StorageError> {
        self.ensure_indexer()?;
        let active = last_of(&mut self.segments);
        let (name, position) = (active.name, active.size);
        assert!(name.rewritten.is_none(), "a rewritten segment takes no appends");
        let file = active.file(&self.files, &self.dir);
        if let Err(err) = file.write_all_at(bytes, position) {
            // What got into the file must not be there when the next batch is shorter.
            let undone = file.truncate(position);
            let err = StorageError::io("appending to", &name.log_path(&self.dir), err);
            if undone.is_err() {
                self.offline = Some(err.to_string().into());
            }
            return Err(self.failed(err));
        }
        active.size += bytes.len() as u64;
        active.trusted.add(position..position + bytes.len() as u64);
        let mut at = position;
        for header in headers {
            self.note_batch(header, at, now);
            at += header.size as u64;
        }
        Ok(())
    }

    fn note_batch(&mut self, header: &BatchHeader, position: u64, now: TimestampMs) {
        if let Some(epoch) = header.leader_epoch {
            self.epochs_dirty |= self.epochs.note(epoch, header.base_offset);
        }
        self.producers.note(header, now);
        self.log_end = LogEndOffset(header.next_offset());
        if self.active_began.first_record.is_none() {
            self.active_began.first_record = header.max_timestamp;
        }
        let interval = self.config.index_interval_bytes;
        let full =
            self.indexer.as_mut().is_some_and(|indexer| indexer.note(header, position, interval));
        if full {
            // Tried again with the next entry if it fails.
            let _ = self.flush_indexes();
        }
    }
}

const MS_MAX: u64 = i64::MAX.unsigned_abs();

/// A number below `max` that differs from segment to segment and is the same after a restart.
fn jitter_of(base: u64, max: u64) -> u64 {
    if max == 0 { 0 } else { u64::from(crc32c::crc32c(&base.to_be_bytes())) % max }
}
