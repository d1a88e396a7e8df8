//! A topic's configuration in force, as the log, the replica core and the sync threads take it.

use std::time::Duration;

use kq_storage::LogConfig;
use kq_storage::batch::Compression;

use super::partition::SyncRules;
use crate::catalogue::{CompressionType, Durability, EffectiveTopicConfig, TimestampType};
use crate::config::BrokerConfig;
use crate::replica::{self, Rules};

/// How long a record may stay in the page cache where the page cache counts as safe; the kernel
/// itself would write it back after about the same time.
const OS_SYNC_DELAY: Duration = Duration::from_secs(30);

/// What all partitions of a topic go by.
#[derive(Debug, Clone)]
pub(super) struct TopicRules {
    pub(super) log: LogConfig,
    pub(super) replica: Rules,
    pub(super) sync: SyncRules,
}

impl TopicRules {
    pub(super) fn of(topic: &EffectiveTopicConfig, broker: &BrokerConfig) -> Self {
        Self {
            log: log_config(topic, broker),
            replica: Rules {
                durability: match topic.durability {
                    Durability::Fsync => replica::Durability::Fsync,
                    Durability::Os => replica::Durability::Os,
                },
                isr_min: topic.min_insync_replicas as usize,
                ..Rules::default()
            },
            sync: sync_rules(topic, broker),
        }
    }
}

fn sync_rules(topic: &EffectiveTopicConfig, broker: &BrokerConfig) -> SyncRules {
    let longest = match topic.durability {
        Durability::Fsync => Duration::from_millis(broker.sync_delay_ms_max),
        Durability::Os => OS_SYNC_DELAY,
    };
    SyncRules {
        bytes_max: broker.sync_bytes_max,
        records_max: topic.flush_messages.max(1),
        delay: longest.min(Duration::from_millis(topic.flush_ms)),
    }
}

fn log_config(topic: &EffectiveTopicConfig, broker: &BrokerConfig) -> LogConfig {
    LogConfig {
        segment_bytes: topic.segment_bytes.into(),
        segment_ms: topic.segment_ms,
        segment_jitter_ms: topic.segment_jitter_ms,
        index_interval_bytes: topic.index_interval_bytes.into(),
        max_message_bytes: topic.max_message_bytes as usize,
        timestamp_type: match topic.timestamp_type {
            TimestampType::CreateTime => kq_storage::TimestampType::CreateTime,
            TimestampType::LogAppendTime => kq_storage::TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: topic.timestamp_before_max_ms,
        timestamp_after_max_ms: topic.timestamp_after_max_ms,
        compression: compression(topic.compression),
        retention_bytes: topic.retention_bytes,
        retention_ms: topic.retention_ms,
        delete: topic.delete,
        compact: topic.compact,
        producer_id_expiration_ms: broker.producer_id_expiration_ms,
        ..LogConfig::default()
    }
}

fn compression(kind: CompressionType) -> Option<Compression> {
    match kind {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some(Compression::None),
        CompressionType::Gzip(_) => Some(Compression::Gzip),
        CompressionType::Snappy => Some(Compression::Snappy),
        CompressionType::Lz4(_) => Some(Compression::Lz4),
        CompressionType::Zstd(_) => Some(Compression::Zstd),
    }
}
