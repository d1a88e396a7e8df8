//! The image and the facts together, as planner and rules ask them.

use crate::catalogue::{ConfigSources, EffectiveTopicConfig, StaticConfig};
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::{BrokerState, MetadataImage, PartitionImage, TopicImage};

use super::facts::Measured;

/// What a plan is made of.
pub(super) struct View<'a> {
    pub(super) image: &'a MetadataImage,
    pub(super) measured: &'a Measured,
    sources: ConfigSources,
}

/// Why a broker takes no replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It never registered.
    Unknown,
    /// It does not answer.
    Fenced,
    /// It is about to stop.
    Stopping,
    /// It is being emptied.
    Draining,
    /// It is to leave the cluster.
    Decommissioned,
}

impl<'a> View<'a> {
    pub(super) fn new(
        image: &'a MetadataImage,
        fixed: &StaticConfig,
        measured: &'a Measured,
    ) -> Self {
        Self { image, measured, sources: ConfigSources::of_cluster(image, fixed) }
    }

    /// Why a broker takes no new replicas; none when it does.
    pub(super) fn unfit(&self, id: BrokerId) -> Option<Unfit> {
        let Some(broker) = self.image.broker(id) else { return Some(Unfit::Unknown) };
        match (broker.state, &broker.cordon) {
            (BrokerState::Fenced, _) => Some(Unfit::Fenced),
            (_, Some(cordon)) if cordon.decommission => Some(Unfit::Decommissioned),
            (_, Some(_)) => Some(Unfit::Draining),
            (BrokerState::Stopping, None) => Some(Unfit::Stopping),
            (BrokerState::Active, None) => None,
        }
    }

    /// The rack of a broker; none also when it is unknown.
    pub(super) fn rack(&self, id: BrokerId) -> Option<&'a str> {
        self.image.broker(id)?.rack.as_deref()
    }

    /// How many replicas of a topic must be in sync for acks=all.
    pub(super) fn min_isr(&self, topic: &TopicImage) -> usize {
        EffectiveTopicConfig::resolve(&topic.configs, &self.sources).min_insync_replicas as usize
    }

    /// The members of an ISR that are alive.
    pub(super) fn live_isr(&self, partition: &PartitionImage) -> Vec<BrokerId> {
        partition.isr.iter().copied().filter(|id| self.image.is_live(*id)).collect()
    }

    /// A partition and its topic.
    pub(super) fn find(&self, id: PartitionId) -> Option<(&'a TopicImage, &'a PartitionImage)> {
        let topic = self.image.topic_by_id(id.topic)?;
        Some((topic, topic.partition(id.index)?))
    }

    /// For how long a broker has been fenced.
    pub(super) fn fenced_ms(&self, id: BrokerId) -> Option<u64> {
        let broker = self.image.broker(id).filter(|it| !it.is_live())?;
        u64::try_from(self.measured.at.0.checked_sub(broker.state_since.0)?).ok()
    }

    /// How many racks there are that take replicas.
    pub(super) fn racks_total(&self) -> usize {
        let open = self.image.brokers().filter(|it| it.takes_replicas());
        let racks: std::collections::BTreeSet<_> =
            open.filter_map(|it| it.rack.as_deref()).collect();
        racks.len()
    }
}
