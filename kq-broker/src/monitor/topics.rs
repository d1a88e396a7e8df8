//! Topics and partitions of an image in the words of the wire.

use kq_proto::monitor::v1;

use super::since::Since;
use crate::catalogue::{ConfigSources, StaticConfig, topic_value};
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::{ConfigMap, MetadataImage, PartitionImage, TopicImage};

/// How many replicas must be in sync for a write with acks=all.
const MIN_ISR: &str = "min.insync.replicas";

/// `min.insync.replicas` of all topics of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MinIsr {
    /// Of topics that have no value of their own.
    plain: u32,
}

impl MinIsr {
    pub(super) fn of(image: &MetadataImage, broker: BrokerId, fixed: &StaticConfig) -> Self {
        let sources = ConfigSources::of(image, broker, fixed);
        let plain = topic_value(&ConfigMap::new(), &sources, MIN_ISR);
        Self { plain: plain.and_then(|it| it.trim().parse().ok()).unwrap_or(1) }
    }

    pub(super) fn of_topic(self, topic: &TopicImage) -> u32 {
        let own = topic.configs.get(MIN_ISR);
        own.and_then(|it| it.trim().parse().ok()).unwrap_or(self.plain)
    }
}

/// Whether something is wrong with a partition.
pub(super) fn is_ill(it: &PartitionImage, min_isr: u32) -> bool {
    it.leader.is_none() || it.is_under_replicated() || it.isr.len() < min_isr as usize
}

/// Whether a watcher would see two states of a partition as the same.
pub(super) fn look_alike(a: &PartitionImage, b: &PartitionImage) -> bool {
    a.leader == b.leader
        && a.leader_epoch == b.leader_epoch
        && a.replicas == b.replicas
        && in_sync(a) == in_sync(b)
        && a.adding == b.adding
        && a.removing == b.removing
}

/// A topic without its partitions.
pub(super) fn topic_itself(number: u32, it: &TopicImage, min_isr: u32) -> v1::TopicState {
    v1::TopicState {
        number,
        name: it.name.to_string(),
        id: bytes::Bytes::copy_from_slice(it.id.0.as_bytes()),
        min_insync_replicas: min_isr,
        internal: it.is_internal(),
        protected: it.protection.is_some(),
        created_at_ms: it.created_at.0,
        ..v1::TopicState::default()
    }
}

/// A topic with all its partitions, in columns.
pub(super) fn topic(number: u32, it: &TopicImage, min_isr: u32, since: &Since) -> v1::TopicState {
    let mut state = topic_itself(number, it, min_isr);
    for (index, partition) in it.partitions() {
        state.leaders.push(partition.leader.map_or(0, |id| id.0.saturating_add(1)));
        state.leader_epochs.push(partition.leader_epoch.0);
        state.replica_counts.push(u32::try_from(partition.replicas.len()).unwrap_or(u32::MAX));
        state.replicas.extend(partition.replicas.iter().map(|id| id.0));
        state.in_sync.push(in_sync(partition));
        let known = since.get(PartitionId { topic: it.id, index });
        if let Some(at) = known.filter(|_| is_ill(partition, min_isr)) {
            state.changed.push(index.0);
            state.changed_at_ms.push(at);
        }
        if !partition.adding.is_empty() || !partition.removing.is_empty() {
            state.moves.push(v1::Move {
                partition: index.0,
                adding: ids(&partition.adding),
                removing: ids(&partition.removing),
            });
        }
    }
    if let [first, rest @ ..] = state.replica_counts.as_slice()
        && rest.iter().all(|it| it == first)
    {
        state.replica_counts.truncate(1);
    }
    state
}

/// One partition.
pub(super) fn partition(
    number: u32,
    (index, it): (PartitionIndex, &PartitionImage),
    changed_at_ms: Option<i64>,
) -> v1::PartitionState {
    v1::PartitionState {
        topic: number,
        partition: index.0,
        leader: it.leader.map(|id| id.0),
        leader_epoch: it.leader_epoch.0,
        replicas: ids(&it.replicas),
        in_sync: in_sync(it),
        changed_at_ms,
        adding: ids(&it.adding),
        removing: ids(&it.removing),
    }
}

/// Bit N: the Nth replica is in the ISR. Beyond 64 replicas there is no bit.
fn in_sync(it: &PartitionImage) -> u64 {
    let bits = (0..u64::BITS).zip(&it.replicas).filter(|(_, id)| it.isr.contains(id));
    bits.fold(0, |all, (at, _)| all | 1 << at)
}

fn ids(list: &[BrokerId]) -> Vec<u32> {
    list.iter().map(|id| id.0).collect()
}
