//! What a new batch must be before the log takes it.
//!
//! Kafka looks at every record of every batch. Here the header and the CRC are always checked, and
//! the records are walked as a stream: framing, count, offset deltas, timestamps. The walk keeps a
//! batch out whose CRC is right but whose records lie, which would stop every reader behind it.

use super::{Attributes, BatchError, BatchHeader, RecordError, RecordsSummary, walk_records};
use crate::TimestampMs;
use crate::config::{LogConfig, TimestampType};

/// A batch that is well-formed as bytes but must not be appended.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBatch {
    /// Nothing was sent.
    #[error("no record batch was sent")]
    Missing,
    /// Format version 2 allows one batch per partition in one request.
    #[error("one record batch is accepted at a time, but {0} bytes follow it")]
    MoreThanOne(usize),
    /// A client's batch counts from zero.
    #[error("base offset is {0}; a new batch starts at 0")]
    BaseOffset(u64),
    /// A batch without records.
    #[error("the batch holds no records")]
    Empty,
    /// Count and offsets disagree.
    #[error("{record_count} records, but the last offset delta is {last_offset_delta}")]
    Count {
        /// Records that the header counts.
        record_count: u32,
        /// Offset of the last record, less the first's.
        last_offset_delta: u32,
    },
    /// Only the cluster writes control records.
    #[error("control records are not accepted from clients")]
    Control,
    /// A field that only the log's own compaction writes.
    #[error("a delete horizon is not accepted from clients")]
    DeleteHorizon,
    /// An idempotent producer's batch has a sequence.
    #[error("producer {0} sent no sequence number")]
    NoSequence(u64),
    /// A compacted topic needs keys.
    #[error("a compacted topic takes no records without a key")]
    Keyless,
    /// The records are not what the header says.
    #[error(transparent)]
    Records(#[from] RecordError),
}

/// Why a batch was refused before the log's own state was looked at.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Its bytes are damaged or of a foreign format.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// It must not be appended.
    #[error(transparent)]
    Invalid(#[from] InvalidBatch),
    /// It is larger than the topic allows.
    #[error("batch of {size} bytes is larger than max.message.bytes, {max}")]
    TooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The topic's limit.
        max: usize,
    },
    /// A record's timestamp is too far from now.
    #[error("timestamp {found} is outside {from}..={until}")]
    Timestamp {
        /// The timestamp.
        found: TimestampMs,
        /// The earliest accepted.
        from: TimestampMs,
        /// The latest accepted.
        until: TimestampMs,
    },
    /// The log, not the client, writes log append time.
    #[error("a producer must not set the timestamp type to log append time")]
    LogAppendTime,
    /// Transactions are not served.
    #[error("transactional batches are not served by this version")]
    Transactional,
}

/// Checks a batch as a client sends it; tells its header and what its records hold.
pub fn validate_new(
    bytes: &[u8],
    config: &LogConfig,
    now: TimestampMs,
) -> Result<(BatchHeader, RecordsSummary), Refusal> {
    if bytes.is_empty() {
        return Err(InvalidBatch::Missing.into());
    }
    let header = BatchHeader::parse(bytes)?;
    if header.size > config.max_message_bytes {
        return Err(Refusal::TooLarge { size: header.size, max: config.max_message_bytes });
    }
    header.verify_crc(bytes)?;
    if bytes.len() > header.size {
        return Err(InvalidBatch::MoreThanOne(bytes.len() - header.size).into());
    }
    validate_header(&header)?;
    let summary = walk_records(bytes, &header, config.decompress).map_err(InvalidBatch::Records)?;
    if config.compact && summary.has_keyless {
        return Err(InvalidBatch::Keyless.into());
    }
    if config.timestamp_type == TimestampType::CreateTime {
        validate_timestamps(summary, config, now)?;
    }
    Ok((header, summary))
}

fn validate_header(header: &BatchHeader) -> Result<(), Refusal> {
    if header.base_offset.0 != 0 {
        return Err(InvalidBatch::BaseOffset(header.base_offset.0).into());
    }
    if header.record_count == 0 {
        return Err(InvalidBatch::Empty.into());
    }
    let (record_count, last_offset_delta) = (header.record_count, header.last_offset_delta);
    if last_offset_delta != record_count - 1 {
        return Err(InvalidBatch::Count { record_count, last_offset_delta }.into());
    }
    validate_attributes(header.attributes)?;
    match header.producer {
        Some(mark) if mark.first_sequence.is_none() => {
            Err(InvalidBatch::NoSequence(mark.id.0).into())
        }
        Some(_) | None => Ok(()),
    }
}

fn validate_attributes(attributes: Attributes) -> Result<(), Refusal> {
    if attributes.is_control() {
        return Err(InvalidBatch::Control.into());
    }
    if attributes.is_transactional() {
        return Err(Refusal::Transactional);
    }
    if attributes.is_log_append_time() {
        return Err(Refusal::LogAppendTime);
    }
    if attributes.has_delete_horizon() {
        return Err(InvalidBatch::DeleteHorizon.into());
    }
    Ok(())
}

fn validate_timestamps(
    summary: RecordsSummary,
    config: &LogConfig,
    now: TimestampMs,
) -> Result<(), Refusal> {
    let from = TimestampMs(now.0.saturating_sub_unsigned(config.timestamp_before_max_ms));
    let until = TimestampMs(now.0.saturating_add_unsigned(config.timestamp_after_max_ms));
    let outside = |found: &TimestampMs| *found < from || *found > until;
    match [summary.timestamp_min, summary.timestamp_max].into_iter().flatten().find(outside) {
        Some(found) => Err(Refusal::Timestamp { found, from, until }),
        None => Ok(()),
    }
}
