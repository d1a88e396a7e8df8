//! A topic's configuration in force, typed: what the log and the replication go by.

pub use kq_storage::TimestampType;
use kq_storage::batch::{Codec, Compression};
use kq_storage::{CompactionRules, LogConfig};

use super::describe::scale;
use super::sources::{ConfigSources, StaticConfig};
use super::value::{items, parse_boolean};
use super::{broker_key, topic_key};
use crate::ids::BrokerId;
use crate::metadata::{ConfigMap, MetadataImage, TopicImage};

/// When a record counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On stable storage.
    Fsync,
    /// In the page cache.
    Os,
}

/// The codec a topic asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionType {
    /// What the producer sent stays.
    Producer,
    /// None.
    Uncompressed,
    /// gzip at this level; none for the codec's own.
    Gzip(Option<i32>),
    /// Snappy.
    Snappy,
    /// LZ4, which has one level here.
    Lz4,
    /// Zstandard at this level.
    Zstd(i32),
}

/// A topic's values in force.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, on or off")]
pub struct EffectiveTopicConfig {
    /// Whether old segments are compacted.
    pub compact: bool,
    /// Whether old segments are dropped.
    pub delete: bool,
    /// The codec of stored batches.
    pub compression: CompressionType,
    /// How long tombstones stay.
    pub delete_retention_ms: u64,
    /// How long a dropped segment's files stay.
    pub file_delete_delay_ms: u64,
    /// Records after which the log is forced to disk.
    pub flush_messages: u64,
    /// Age of a record at which the log is forced to disk.
    pub flush_ms: u64,
    /// Bytes between two offset index entries.
    pub index_interval_bytes: u32,
    /// When a record counts as stored.
    pub durability: Durability,
    /// The longest a record waits for compaction.
    pub max_compaction_lag_ms: u64,
    /// The largest batch.
    pub max_message_bytes: u32,
    /// How far timestamps may run ahead.
    pub timestamp_after_max_ms: u64,
    /// How far timestamps may lie behind.
    pub timestamp_before_max_ms: u64,
    /// Whose clock stamps records.
    pub timestamp_type: TimestampType,
    /// The uncompacted share that makes compaction look.
    pub min_cleanable_dirty_ratio: f64,
    /// The shortest a record waits for compaction.
    pub min_compaction_lag_ms: u64,
    /// How many replicas must hold a record for acks=all.
    pub min_insync_replicas: u32,
    /// Whether a segment takes its space at once.
    pub preallocate: bool,
    /// The size a partition is trimmed to; none for no bound.
    pub retention_bytes: Option<u64>,
    /// How long records are kept; none for ever.
    pub retention_ms: Option<u64>,
    /// The size at which a segment is closed.
    pub segment_bytes: u32,
    /// The largest offset index of a segment.
    pub segment_index_bytes: u32,
    /// What is taken at random from the age below.
    pub segment_jitter_ms: u64,
    /// The age at which a segment is closed.
    pub segment_ms: u64,
    /// Whether a replica out of sync may lead at last.
    pub unclean_leader_election: bool,
}

impl EffectiveTopicConfig {
    /// A topic's values in force on one broker, which was started with `fixed`.
    pub fn of(
        image: &MetadataImage,
        topic: &TopicImage,
        broker: BrokerId,
        fixed: &StaticConfig,
    ) -> Self {
        Self::resolve(&topic.configs, &ConfigSources::of(image, broker, fixed))
    }

    /// The values in force of a topic with these values of its own.
    ///
    /// All stored values were verified when they were set; one that a later build no longer takes
    /// gives way to the default of its key.
    pub fn resolve(overrides: &ConfigMap, sources: &ConfigSources) -> Self {
        let it = Resolver { overrides, sources };
        let policy = it.text("cleanup.policy");
        Self {
            compact: items(&policy).any(|item| item == "compact"),
            delete: items(&policy).any(|item| item == "delete"),
            compression: it.compression(),
            delete_retention_ms: it.number("delete.retention.ms"),
            file_delete_delay_ms: it.number("file.delete.delay.ms"),
            flush_messages: it.number("flush.messages"),
            flush_ms: it.number("flush.ms"),
            index_interval_bytes: it.small("index.interval.bytes"),
            durability: match it.text("log.durability").as_str() {
                "os" => Durability::Os,
                _ => Durability::Fsync,
            },
            max_compaction_lag_ms: it.number("max.compaction.lag.ms"),
            max_message_bytes: it.small("max.message.bytes"),
            timestamp_after_max_ms: it.number("message.timestamp.after.max.ms"),
            timestamp_before_max_ms: it.number("message.timestamp.before.max.ms"),
            timestamp_type: match it.text("message.timestamp.type").as_str() {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            min_cleanable_dirty_ratio: it.ratio("min.cleanable.dirty.ratio"),
            min_compaction_lag_ms: it.number("min.compaction.lag.ms"),
            min_insync_replicas: it.small("min.insync.replicas"),
            preallocate: it.flag("preallocate"),
            retention_bytes: it.bound("retention.bytes"),
            retention_ms: it.bound("retention.ms"),
            segment_bytes: it.small("segment.bytes"),
            segment_index_bytes: it.small("segment.index.bytes"),
            segment_jitter_ms: it.number("segment.jitter.ms"),
            segment_ms: it.number("segment.ms"),
            unclean_leader_election: it.flag("unclean.leader.election.enable"),
        }
    }
}

impl EffectiveTopicConfig {
    /// What a log goes by. How long producers are remembered is the broker's to say.
    pub fn log_config(&self, producer_id_expiration_ms: u64) -> LogConfig {
        // The largest number stands for never.
        let often = |every: u64| (every < i64::MAX.unsigned_abs()).then_some(every);
        LogConfig {
            segment_bytes: self.segment_bytes.into(),
            segment_ms: self.segment_ms,
            segment_jitter_ms: self.segment_jitter_ms,
            index_interval_bytes: self.index_interval_bytes.into(),
            max_message_bytes: self.max_message_bytes as usize,
            timestamp_type: self.timestamp_type,
            timestamp_before_max_ms: self.timestamp_before_max_ms,
            timestamp_after_max_ms: self.timestamp_after_max_ms,
            compression: self.compression.codec(),
            retention_bytes: self.retention_bytes,
            retention_ms: self.retention_ms,
            delete: self.delete,
            compact: self.compact,
            compaction: self.compaction_rules(),
            producer_id_expiration_ms,
            flush_messages: often(self.flush_messages),
            flush_ms: often(self.flush_ms),
            ..LogConfig::default()
        }
    }

    fn compaction_rules(&self) -> CompactionRules {
        let ratio = self.min_cleanable_dirty_ratio.clamp(0.0, 1.0) * 1_000_000.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to a million"
        )]
        let dirty_ppm_min = ratio.round() as u32;
        let lag_max = self.max_compaction_lag_ms;
        CompactionRules {
            dirty_ppm_min,
            lag_min_ms: self.min_compaction_lag_ms,
            // The largest number stands for never.
            lag_max_ms: (lag_max < i64::MAX.unsigned_abs()).then_some(lag_max),
            delete_retention_ms: self.delete_retention_ms,
        }
    }
}

impl CompressionType {
    /// The codec that stored batches have; none where the producer's stays.
    pub const fn codec(self) -> Option<Codec> {
        let (compression, level) = match self {
            Self::Producer => return None,
            Self::Uncompressed => (Compression::None, None),
            Self::Gzip(level) => (Compression::Gzip, level),
            Self::Snappy => (Compression::Snappy, None),
            Self::Lz4 => (Compression::Lz4, None),
            Self::Zstd(level) => (Compression::Zstd, Some(level)),
        };
        Some(Codec { compression, level })
    }
}

impl Default for EffectiveTopicConfig {
    fn default() -> Self {
        Self::resolve(&ConfigMap::new(), &ConfigSources::default())
    }
}

struct Resolver<'a> {
    overrides: &'a ConfigMap,
    sources: &'a ConfigSources,
}

impl Resolver<'_> {
    /// The strongest value that its key still takes.
    fn text(&self, name: &str) -> String {
        let key = topic_key(name);
        let accepted = |value: &String| key.is_some_and(|key| key.verify(value).is_ok());
        let own = self.overrides.get(name).cloned().filter(accepted);
        let server = || {
            key.into_iter().flat_map(|key| key.server).find_map(|server| {
                self.sources
                    .values_of(server.name, broker_key(server.name))
                    .map(|(_, value)| scale(server, value))
                    .find(accepted)
            })
        };
        let default = || key.and_then(|key| key.default).unwrap_or_default().to_owned();
        own.or_else(server).unwrap_or_else(default)
    }

    fn integer(&self, name: &str) -> i64 {
        self.text(name).trim().parse().unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        u64::try_from(self.integer(name)).unwrap_or_default()
    }

    fn small(&self, name: &str) -> u32 {
        u32::try_from(self.integer(name)).unwrap_or_default()
    }

    /// Negative numbers stand for no bound.
    fn bound(&self, name: &str) -> Option<u64> {
        u64::try_from(self.integer(name)).ok()
    }

    fn flag(&self, name: &str) -> bool {
        parse_boolean(&self.text(name)).unwrap_or_default()
    }

    fn ratio(&self, name: &str) -> f64 {
        self.text(name).trim().parse().unwrap_or_default()
    }

    fn compression(&self) -> CompressionType {
        match self.text("compression.type").as_str() {
            "uncompressed" => CompressionType::Uncompressed,
            "gzip" => CompressionType::Gzip(self.level("gzip").filter(|level| *level > 0)),
            "snappy" => CompressionType::Snappy,
            "lz4" => CompressionType::Lz4,
            "zstd" => CompressionType::Zstd(self.level("zstd").unwrap_or_default()),
            _ => CompressionType::Producer,
        }
    }

    fn level(&self, codec: &str) -> Option<i32> {
        i32::try_from(self.integer(&format!("compression.{codec}.level"))).ok()
    }
}
