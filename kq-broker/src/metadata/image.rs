//! The cluster as it stands at one raft index: immutable, cheap to clone, shared by all readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::history::History;
use super::plan::PlanImage;
use super::policy::{Freeze, LeaderPolicy};
use super::record::{ConfigResource, TimestampMs};
use super::roster::{BrokerImage, BrokerLoad};
use crate::ids::{
    BrokerId, ClusterId, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex, PlanId, TopicId,
};

/// Configuration values that were set, by key.
pub type ConfigMap = BTreeMap<String, String>;

/// Everything that is committed, up to one raft index.
///
/// Made only by [`MetadataImage::apply`](MetadataImage::apply) and from snapshots, and checked
/// after both. Soft-deleted topics keep their name and are found by [`MetadataImage::hidden_topics`] only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataImage {
    pub(super) applied: u64,
    pub(super) changed_at: TimestampMs,
    pub(super) cluster_id: Option<ClusterId>,
    /// Who led the quorum last, and since which term.
    pub(super) controller: Option<(BrokerId, u64)>,
    /// Who votes in the quorum, as the history knows it; nobody before it was first told.
    pub(super) voters: Arc<[BrokerId]>,
    pub(super) topics: OrdMap<TopicId, Arc<TopicImage>>,
    /// Every topic's name, hidden ones included: a name stays taken until its topic is purged.
    pub(super) names: OrdMap<Arc<str>, TopicId>,
    /// Names with `.` and `_` made one, to the topic that has it.
    pub(super) unified_names: OrdMap<Arc<str>, TopicId>,
    pub(super) hidden: OrdMap<TopicId, TimestampMs>,
    pub(super) brokers: OrdMap<BrokerId, Arc<BrokerImage>>,
    pub(super) broker_configs: OrdMap<BrokerId, Arc<ConfigMap>>,
    pub(super) cluster_config: Arc<ConfigMap>,
    pub(super) leader_policy: Arc<LeaderPolicy>,
    pub(super) freeze: Option<Freeze>,
    pub(super) balanced_at: TimestampMs,
    pub(super) plans: OrdMap<PlanId, Arc<PlanImage>>,
    /// Topics whose leaders balance themselves or whose freeze ends by itself.
    pub(super) attended: OrdSet<TopicId>,
    pub(super) next_producer_id: u64,
    pub(super) partitions_total: u64,
    pub(super) loads: OrdMap<BrokerId, BrokerLoad>,
    pub(super) history: History,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicImage {
    /// Its id for life.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created_at: TimestampMs,
    /// The raft index that committed its creation.
    pub created_index: u64,
    /// Its partitions, by index, without gaps.
    pub partitions: Vector<Arc<PartitionImage>>,
    /// The values set for it.
    pub configs: Arc<ConfigMap>,
    /// Set while it must not be deleted.
    pub protection: Option<Protection>,
    /// Set while it is hidden and waits for its purge.
    pub soft_deletion: Option<SoftDeletion>,
    /// Who should lead it, as far as that was said for it alone.
    pub leader_policy: Arc<LeaderPolicy>,
    /// Set while its leaders stay where they are.
    pub freeze: Option<Freeze>,
}

/// Why a topic must not be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Since when.
    pub since: TimestampMs,
    /// In the operator's words.
    pub reason: Arc<str>,
}

/// The waiting time of a topic that was deleted with `--keep-for`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftDeletion {
    /// Since when it is hidden.
    pub deleted_at: TimestampMs,
    /// When it is purged.
    pub purge_at: TimestampMs,
    /// Why it was deleted.
    pub reason: Arc<str>,
}

/// The whole controller-owned state of one partition.
///
/// A replica is in at most one of `isr`, `elr` and `last_known`. The ISR is empty only after the
/// disk of the last replica in it was replaced: then nobody can be elected cleanly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionImage {
    /// The brokers that hold it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The replicas that are in sync.
    pub isr: Vec<BrokerId>,
    /// Replicas that left the ISR and still hold everything committed (KIP-966).
    pub elr: Vec<BrokerId>,
    /// Other replicas that were in sync once, the last to leave first: each of them lacks no more
    /// of what is committed than those behind it (the last known ELR of KIP-966).
    pub last_known: Vec<BrokerId>,
    /// Replicas that a reassignment is adding.
    pub adding: Vec<BrokerId>,
    /// Replicas that a reassignment will remove.
    pub removing: Vec<BrokerId>,
    /// Who leads; none while nobody may.
    pub leader: Option<BrokerId>,
    /// To whom the leader is to hand over, once that one holds everything; it takes no writes
    /// meanwhile.
    pub handover: Option<BrokerId>,
    /// The epoch of the newest leader that was elected uncleanly. Records of older epochs that a
    /// replica has to cut off were lost by that election.
    pub unclean_epoch: Option<LeaderEpoch>,
    /// Counts leaders.
    pub leader_epoch: LeaderEpoch,
    /// Counts changes.
    pub partition_epoch: PartitionEpoch,
}

impl MetadataImage {
    /// The raft index of the last entry in it.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// When the last change in it was decided.
    pub fn changed_at(&self) -> TimestampMs {
        self.changed_at
    }

    /// The cluster's id; none only before the first voter has committed it.
    pub fn cluster_id(&self) -> Option<&ClusterId> {
        self.cluster_id.as_ref()
    }

    /// Who led the quorum last, and since which raft term. Who leads now may not have said so yet.
    pub fn controller(&self) -> Option<(BrokerId, u64)> {
        self.controller
    }

    /// Who votes in the metadata quorum, as the history was told last.
    pub fn voters(&self) -> &[BrokerId] {
        &self.voters
    }

    /// A visible topic by name.
    pub fn topic_by_name(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.names.get(name)?).filter(|it| it.is_visible())
    }

    /// A visible topic by id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topics.get(&id).filter(|it| it.is_visible())
    }

    /// A topic by id, also while it waits for its purge.
    pub fn any_topic(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topics.get(&id)
    }

    /// The topic that holds a name, also while it waits for its purge.
    pub fn name_holder(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.names.get(name)?)
    }

    /// The topic whose name differs from `name` at most in `.` against `_`.
    pub fn colliding_topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.unified_names.get(unify(name).as_str())?)
    }

    /// Visible topics in the order of their names.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.names.values().filter_map(|id| self.topic_by_id(*id))
    }

    /// Visible topics whose names come after `name`, in the order of their names.
    pub fn topics_after(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        use std::ops::Bound;
        let bounds = (Bound::Excluded(Arc::<str>::from(name)), Bound::Unbounded);
        self.names.range(bounds).filter_map(|(_, id)| self.topic_by_id(*id))
    }

    /// Topics that were deleted and wait for their purge, in the order of their ids.
    pub fn hidden_topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.hidden.keys().filter_map(|id| self.topics.get(id))
    }

    /// Every topic, hidden ones included, in the order of their ids.
    pub fn all_topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.topics.values()
    }

    /// A partition of a visible topic.
    pub fn partition(&self, id: PartitionId) -> Option<&Arc<PartitionImage>> {
        self.topic_by_id(id.topic)?.partition(id.index)
    }

    /// A partition, also of a topic that waits for its purge.
    pub fn any_partition(&self, id: PartitionId) -> Option<&Arc<PartitionImage>> {
        self.any_topic(id.topic)?.partition(id.index)
    }

    /// How many partitions all topics have together, hidden ones included.
    pub fn partitions_total(&self) -> u64 {
        self.partitions_total
    }

    /// How many topics there are, hidden ones included.
    pub fn topics_total(&self) -> usize {
        self.topics.len()
    }

    /// What holds for the leaders of topics that say nothing of their own.
    pub fn leader_policy(&self) -> &Arc<LeaderPolicy> {
        &self.leader_policy
    }

    /// Set while all leaders stay where they are.
    pub fn freeze(&self) -> Option<&Freeze> {
        self.freeze.as_ref()
    }

    /// What keeps the leaders of a topic where they are: its own freeze or the cluster's.
    pub fn freeze_of(&self, topic: &TopicImage) -> Option<Freeze> {
        topic.freeze.clone().or_else(|| self.freeze.clone())
    }

    /// When leaders were last moved to where they are preferred.
    pub fn balanced_at(&self) -> TimestampMs {
        self.balanced_at
    }

    /// Whether time alone brings something about for leaders, so that the controller has to look
    /// every few seconds.
    pub fn wants_ticks(&self) -> bool {
        !self.attended.is_empty()
            || self.leader_policy.auto_balance == Some(true)
            || self.freeze.as_ref().is_some_and(|it| it.until.is_some())
    }

    /// Keeps account of whether a topic needs attention without being touched.
    pub(super) fn attend(&mut self, id: TopicId) {
        let wants = |it: &Arc<TopicImage>| {
            it.leader_policy.auto_balance == Some(true)
                || it.freeze.as_ref().is_some_and(|it| it.until.is_some())
        };
        if self.topics.get(&id).is_some_and(wants) {
            self.attended.insert(id);
        } else {
            self.attended.remove(&id);
        }
    }

    /// The values set for one resource; empty when none are.
    pub fn configs(&self, resource: &ConfigResource) -> Arc<ConfigMap> {
        match resource {
            ConfigResource::Topic(id) => self.topics.get(id).map(|it| it.configs.clone()),
            ConfigResource::Broker(id) => self.broker_configs.get(id).cloned(),
            ConfigResource::Cluster => Some(self.cluster_config.clone()),
        }
        .unwrap_or_default()
    }

    /// The resources that have values of their own.
    pub fn configured_resources(&self) -> impl Iterator<Item = ConfigResource> {
        let topics = self.topics.values().filter(|it| it.is_visible() && !it.configs.is_empty());
        let cluster = (!self.cluster_config.is_empty()).then_some(ConfigResource::Cluster);
        topics
            .map(|it| ConfigResource::Topic(it.id))
            .chain(self.broker_configs.keys().map(|id| ConfigResource::Broker(*id)))
            .chain(cluster)
    }

    /// The first producer id that no broker was given.
    pub fn next_producer_id(&self) -> u64 {
        self.next_producer_id
    }

    /// The history that is kept, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.history.iter()
    }

    /// The kept events whose number is above `number`, oldest first.
    pub fn events_after(&self, number: u64) -> impl Iterator<Item = &Event> {
        self.history.iter_after(number)
    }

    /// The number of the newest event; zero before the first.
    pub fn events_total(&self) -> u64 {
        self.history.total()
    }

    /// When the controller must look again: the nearest purge of a topic that nobody protects, or
    /// the nearest time at which a plan asks a leader again.
    pub fn next_deadline(&self) -> Option<TimestampMs> {
        let due = |topic: &Arc<TopicImage>| {
            let deletion = topic.soft_deletion.as_ref()?;
            topic.protection.is_none().then_some(deletion.purge_at)
        };
        self.hidden_topics().filter_map(due).chain(self.plans_deadline()).min()
    }
}

impl PartitionImage {
    /// Its replicas without those that a reassignment is still adding: what it is to have as long as
    /// that goes on.
    pub fn settled(&self) -> impl Iterator<Item = BrokerId> {
        self.replicas.iter().copied().filter(|id| !self.adding.contains(id))
    }

    /// Whether a replica is out of sync. One that a reassignment is still filling does not count, as
    /// in Kafka: nothing is wrong there.
    pub fn is_under_replicated(&self) -> bool {
        self.settled().any(|id| !self.isr.contains(&id))
    }

    /// Whether any replica is out of sync, also one that a reassignment is still filling: it may have
    /// old records and not know yet what became of them.
    pub fn awaits_replicas(&self) -> bool {
        self.replicas.iter().any(|id| !self.isr.contains(id))
    }
}

impl TopicImage {
    /// False while it waits for its purge.
    pub fn is_visible(&self) -> bool {
        self.soft_deletion.is_none()
    }

    /// One of its partitions.
    pub fn partition(&self, index: PartitionIndex) -> Option<&Arc<PartitionImage>> {
        self.partitions.get(index.position())
    }

    /// Its partitions with their indexes.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionIndex, &Arc<PartitionImage>)> {
        (0..).map(PartitionIndex).zip(self.partitions.iter())
    }

    /// How many partitions it has.
    pub fn partition_count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    /// How many replicas its first partition has, which is what Kafka calls its factor; while it is
    /// moved, how many it will have.
    pub fn replication_factor(&self) -> usize {
        let target = |it: &Arc<PartitionImage>| {
            it.replicas.iter().filter(|id| !it.removing.contains(id)).count()
        };
        self.partitions.front().map_or(0, target)
    }

    /// Whether it belongs to the cluster itself, as Kafka's clients understand it.
    pub fn is_internal(&self) -> bool {
        is_internal_name(&self.name)
    }
}

/// Whether a topic of this name belongs to the cluster itself.
pub fn is_internal_name(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// A name as metrics see it, where `.` and `_` are one.
pub(super) fn unify(name: &str) -> String {
    name.replace('.', "_")
}
