//! What a log may be told. Defaults are Kafka's for a topic.

use crate::batch::{Codec, DecompressLimits};
use crate::compact::CompactionRules;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Whose time a record carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The log's, stamped when it appends.
    LogAppendTime,
}

/// The settings of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// A segment is closed before it would grow past this (`segment.bytes`).
    pub segment_bytes: u64,
    /// A segment is closed when its records span this time (`segment.ms`).
    pub segment_ms: u64,
    /// Taken off `segment_ms`, differently for each segment, so that not all roll at once (`segment.jitter.ms`).
    pub segment_jitter_ms: u64,
    /// Bytes between two index entries (`index.interval.bytes`).
    pub index_interval_bytes: u64,
    /// The largest batch accepted (`max.message.bytes`).
    pub max_message_bytes: usize,
    /// Whose time records carry (`message.timestamp.type`).
    pub timestamp_type: TimestampType,
    /// How far before now a record's time may be (`message.timestamp.before.max.ms`).
    pub timestamp_before_max_ms: u64,
    /// How far after now a record's time may be (`message.timestamp.after.max.ms`).
    pub timestamp_after_max_ms: u64,
    /// The codec that batches are kept in; `None` keeps the producer's (`compression.type` and the
    /// `compression.*.level` of that type).
    pub compression: Option<Codec>,
    /// Old segments go while at least this much stays (`retention.bytes`).
    pub retention_bytes: Option<u64>,
    /// Old segments go when their newest record is older (`retention.ms`).
    pub retention_ms: Option<u64>,
    /// Old segments are deleted (`cleanup.policy=delete`).
    pub delete: bool,
    /// Old records of a key give way to newer ones (`cleanup.policy=compact`); records need keys.
    pub compact: bool,
    /// When that happens, and what it spares.
    pub compaction: CompactionRules,
    /// A producer unheard of for so long is forgotten (`producer.id.expiration.ms`).
    pub producer_id_expiration_ms: u64,
    /// Sync after so many records (`flush.messages`), besides what acknowledgements ask for.
    pub flush_messages: Option<u64>,
    /// Sync after so much time (`flush.ms`), besides what acknowledgements ask for.
    pub flush_ms: Option<u64>,
    /// How much a compressed batch may grow to when its records are looked at.
    pub decompress: DecompressLimits,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            segment_jitter_ms: 0,
            index_interval_bytes: 4_096,
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX.unsigned_abs(),
            timestamp_after_max_ms: 60 * 60 * 1_000,
            compression: None,
            retention_bytes: None,
            retention_ms: Some(7 * DAY_MS),
            delete: true,
            compact: false,
            compaction: CompactionRules::default(),
            producer_id_expiration_ms: DAY_MS,
            flush_messages: None,
            flush_ms: None,
            decompress: DecompressLimits::default(),
        }
    }
}
