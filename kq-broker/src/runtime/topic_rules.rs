//! A topic's configuration in force, as the log, the replica core and the sync threads take it.

use std::time::Duration;

use kq_storage::LogConfig;

use super::partition::SyncRules;
use crate::catalogue::{Durability, EffectiveTopicConfig};
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
            log: topic.log_config(broker.producer_id_expiration_ms),
            replica: Rules {
                durability: match topic.durability {
                    Durability::Fsync => replica::Durability::Fsync,
                    Durability::Os => replica::Durability::Os,
                },
                isr_min: topic.min_insync_replicas as usize,
                lag_max: Duration::from_millis(broker.replica_lag_ms_max),
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
