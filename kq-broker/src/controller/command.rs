//! What can be asked of the controller, and what it answers.
//!
//! Numbers that clients send are signed here as on the wire, because a refusal must name the very
//! value that was sent; what is accepted leaves as typed records. Commands and replies travel
//! between brokers as JSON, so that any broker can be asked.

use serde::{Deserialize, Serialize};

use super::ControlError;
use super::features::FeatureUpdate;
use super::groups::GroupNote;
use super::leader_command::{
    AlterPartition, AlteredPartition, ElectedPartition, ElectionKind, FenceReason, Handover,
    LedPartition, PartitionRef, PolicyChange, PolicyTarget,
};
use super::plan::{PlanChange, PlanOrder, Reassignment};
use super::quorum::{QuorumNote, UnledSince};
use crate::ids::{BrokerEpoch, BrokerId, PartitionId, PlanId, TopicId};
use crate::metadata::{BrokerRegistration, Loss, TimestampMs};

/// A topic by name or by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopicRef {
    /// By name.
    Name(String),
    /// By id.
    Id(TopicId),
}

/// A request to the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Tells the cluster that a broker process is up.
    RegisterBroker(BrokerRegistration),
    /// Takes a broker out of service until it registers again.
    FenceBroker {
        /// Which broker.
        broker: BrokerId,
        /// Its registration; a newer one is left alone. None for whichever it has.
        epoch: Option<BrokerEpoch>,
        /// Why.
        why: FenceReason,
    },
    /// Keeps in the history that a broker leads the quorum.
    TakeLead {
        /// Which broker.
        broker: BrokerId,
        /// Since which raft term.
        term: u64,
        /// Since when it knew of nobody who led; none where it cannot tell.
        #[serde(default)]
        unled: Option<UnledSince>,
    },
    /// Keeps in the history what became of the quorum.
    NoteQuorum(QuorumNote),
    /// Keeps in the history what an operator did to consumer groups.
    NoteGroups(Vec<GroupNote>),
    /// A broker is about to stop: its leaders are to move away, and it takes on nothing new. It may
    /// stop once [`may_stop`](super::may_stop) says so.
    BeginShutdown {
        /// Which broker.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
    },
    /// Gives a broker no new replicas.
    CordonBroker {
        /// Which broker.
        broker: BrokerId,
        /// Whether it is to leave the cluster for good.
        decommission: bool,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Lets a broker have new replicas again.
    UncordonBroker {
        /// Which broker.
        broker: BrokerId,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Forgets a broker that is fenced and holds nothing.
    UnregisterBroker {
        /// Which broker.
        broker: BrokerId,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Creates topics, each on its own.
    CreateTopics {
        /// The topics.
        topics: Vec<NewTopic>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Deletes topics, each on its own.
    DeleteTopics {
        /// Which topics.
        topics: Vec<TopicRef>,
        /// How long they stay restorable; none for gone at once.
        keep_for_ms: Option<u64>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Brings deleted topics back.
    RestoreTopics {
        /// Which topics.
        topics: Vec<TopicRef>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Removes deleted topics before their time is up.
    PurgeTopics {
        /// Which topics.
        topics: Vec<TopicRef>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Protects topics from deletion, or lifts that.
    ProtectTopics {
        /// Which topics.
        topics: Vec<TopicRef>,
        /// True to protect.
        protected: bool,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Adds partitions to topics, each on its own.
    CreatePartitions {
        /// The topics with their new totals.
        topics: Vec<NewPartitions>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Replaces all values of resources: the old `AlterConfigs` of Kafka.
    AlterConfigs {
        /// The resources with all their values.
        resources: Vec<AlterConfigs>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Changes single values of resources.
    IncrementalAlterConfigs {
        /// The resources with what changes.
        resources: Vec<IncrementalAlter>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Gives a broker the next block of producer ids.
    AllocateProducerIds {
        /// Which broker.
        broker: BrokerId,
        /// Its registration; a fenced life of it gets nothing.
        epoch: BrokerEpoch,
    },
    /// Changes ISRs, as asked by leaders.
    AlterPartitions {
        /// The broker that leads them.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
        /// The partitions.
        partitions: Vec<AlterPartition>,
    },
    /// Takes replicas out of service that their broker cannot serve, though it lives.
    FailReplicas {
        /// The broker that holds them.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
        /// The partitions.
        partitions: Vec<PartitionId>,
    },
    /// Lets others lead what their leader cannot append to, for its disk is full.
    GiveUpLead {
        /// The broker that leads them.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
        /// The partitions.
        partitions: Vec<LedPartition>,
    },
    /// Tells what replicas have to cut off since a leader was elected uncleanly.
    ReportLosses {
        /// The broker that holds them.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
        /// What of which partitions.
        losses: Vec<Loss>,
    },
    /// Makes the targets of handovers lead: the leader has drained, they hold everything.
    CompleteHandover {
        /// The broker that led them.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
        /// The partitions.
        handovers: Vec<Handover>,
    },
    /// Gives handovers up: the targets did not catch up in time.
    CancelHandover {
        /// The broker that leads them.
        broker: BrokerId,
        /// Its registration.
        epoch: BrokerEpoch,
        /// The partitions.
        handovers: Vec<Handover>,
    },
    /// Moves leaders, or elects some where there are none.
    ElectLeaders {
        /// Among which replicas.
        kind: ElectionKind,
        /// Of which partitions; none for all.
        partitions: Option<Vec<PartitionRef>>,
        /// Who is to lead them; none for whom the policy names.
        designate: Option<BrokerId>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Changes what is said about leaders.
    SetLeaderPolicy {
        /// Of which topics, or of all.
        targets: Vec<PolicyTarget>,
        /// What changes.
        change: PolicyChange,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Keeps leaders where they are: only failures and shutdowns move them.
    FreezeLeaders {
        /// Of which topics, or of all.
        targets: Vec<PolicyTarget>,
        /// For how long; none until it is lifted.
        for_ms: Option<u64>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Lets leaders move again.
    UnfreezeLeaders {
        /// Of which topics, or of all.
        targets: Vec<PolicyTarget>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Carries a plan out.
    StartPlan {
        /// The plan.
        order: PlanOrder,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Pauses, resumes, cancels or throttles a plan.
    ChangePlan {
        /// Which plan.
        plan: PlanId,
        /// What is to become of it.
        change: PlanChange,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Kafka's way to move replicas (KIP-455).
    AlterReassignments {
        /// The partitions.
        partitions: Vec<Reassignment>,
        /// Whether a partition may have more or fewer replicas afterwards (KIP-860).
        allow_factor_change: bool,
    },
    /// Changes feature levels (KIP-584), all or none.
    UpdateFeatures {
        /// The features with their levels.
        updates: Vec<FeatureUpdate>,
        /// Checks all and changes nothing.
        validate_only: bool,
    },
    /// Time has passed: purges what is due, ends freezes, balances leaders.
    Tick,
}

/// A topic to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; none for `num.partitions`.
    pub partitions: Option<i32>,
    /// How many replicas; none for `default.replication.factor`.
    pub replication_factor: Option<i16>,
    /// Explicit placement, which excludes both numbers; empty to let the controller place.
    pub assignments: Vec<ManualAssignment>,
    /// Configuration values; none as a value is refused.
    pub configs: Vec<(String, Option<String>)>,
}

/// The replicas of one partition, chosen by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualAssignment {
    /// The partition.
    pub partition: i32,
    /// Its brokers, the preferred leader first.
    pub brokers: Vec<i32>,
}

/// More partitions for a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPartitions {
    /// The topic.
    pub topic: String,
    /// The total afterwards.
    pub total: i32,
    /// The brokers of each new partition in order; none to let the controller place.
    pub assignments: Option<Vec<Vec<i32>>>,
}

/// What configuration values are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigTarget {
    /// A topic by name.
    Topic(String),
    /// A broker by number as text; empty for all brokers, as in Kafka.
    Broker(String),
}

impl std::fmt::Display for ConfigTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Broker(name) if name.is_empty() => f.write_str("all brokers"),
            Self::Broker(name) => write!(f, "broker {name}"),
        }
    }
}

/// All values of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlterConfigs {
    /// Which resource.
    pub target: ConfigTarget,
    /// Its values; what is not here goes back to its default.
    pub values: Vec<(String, Option<String>)>,
}

/// Changes of single values of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncrementalAlter {
    /// Which resource.
    pub target: ConfigTarget,
    /// What changes.
    pub alterations: Vec<ConfigAlteration>,
}

/// One change of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigAlteration {
    /// The key.
    pub key: String,
    /// What is done to it.
    pub op: AlterOp,
    /// With which value.
    pub value: Option<String>,
}

/// What is done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlterOp {
    /// It becomes the one given.
    Set,
    /// It goes back to its default.
    Delete,
    /// Items are added to a list.
    Append,
    /// Items are taken from a list.
    Subtract,
}

impl AlterOp {
    /// The operation of a number in the Kafka protocol.
    pub const fn from_wire(op: i8) -> Option<Self> {
        match op {
            0 => Some(Self::Set),
            1 => Some(Self::Delete),
            2 => Some(Self::Append),
            3 => Some(Self::Subtract),
            _ => None,
        }
    }
}

/// The controller's answer: one entry per item of the command, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Nothing more to say.
    Done,
    /// To `RegisterBroker`.
    BrokerRegistered {
        /// The registration's epoch.
        epoch: BrokerEpoch,
    },
    /// To `CreateTopics`.
    TopicsCreated(Vec<Result<CreatedTopic, ControlError>>),
    /// To `DeleteTopics` and `PurgeTopics`.
    TopicsDeleted(Vec<Result<DeletedTopic, ControlError>>),
    /// To `RestoreTopics`.
    TopicsRestored(Vec<Result<DeletedTopic, ControlError>>),
    /// To `ProtectTopics`.
    TopicsProtected(Vec<Result<ProtectedTopic, ControlError>>),
    /// To `CreatePartitions`: the totals before.
    PartitionsCreated(Vec<Result<u32, ControlError>>),
    /// To both ways of changing configurations.
    ConfigsAltered(Vec<Result<(), ControlError>>),
    /// To `AllocateProducerIds`.
    ProducerIds(ProducerIdBlock),
    /// To `AlterPartitions`.
    PartitionsAltered(Vec<Result<AlteredPartition, ControlError>>),
    /// To `CompleteHandover` and `CancelHandover`.
    HandoversSettled(Vec<Result<AlteredPartition, ControlError>>),
    /// To `ElectLeaders`: in the order of the request, or of topics and partitions for all, and
    /// then only those where something was to be done.
    LeadersElected(Vec<ElectedPartition>),
    /// To `SetLeaderPolicy`, `FreezeLeaders` and `UnfreezeLeaders`: whether that changed anything.
    PoliciesSet(Vec<Result<bool, ControlError>>),
    /// To `StartPlan`: its name, which is another one if that was taken.
    PlanStarted(PlanId),
    /// To `ChangePlan`.
    PlanChanged(PlanId),
    /// To `AlterReassignments`.
    ReassignmentsAltered(Vec<Result<(), ControlError>>),
    /// To `Tick`.
    Ticked {
        /// How many topics were purged.
        purged: usize,
        /// How many leaders were asked to move.
        moved: usize,
    },
}

/// A topic that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedTopic {
    /// Its name.
    pub name: String,
    /// Its id; drawn, but not in use after a mere check.
    pub id: TopicId,
    /// The brokers of each partition, in order.
    pub assignments: Vec<Vec<BrokerId>>,
    /// The values it was made with.
    pub configs: Vec<(String, String)>,
}

impl CreatedTopic {
    /// How many replicas its first partition has.
    pub fn replication_factor(&self) -> usize {
        self.assignments.first().map_or(0, Vec::len)
    }
}

/// A topic that was deleted, purged or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTopic {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: TopicId,
    /// How many partitions it has or had.
    pub partitions: u32,
    /// How many replicas its first partition has or had.
    pub replication_factor: usize,
    /// When it was deleted.
    pub deleted_at: TimestampMs,
    /// When it is purged; none when it is gone already.
    pub purge_at: Option<TimestampMs>,
}

/// A topic that was protected, or is no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedTopic {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: TopicId,
    /// Whether that is new.
    pub changed: bool,
}

/// Producer ids for one broker to give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerIdBlock {
    /// The first id.
    pub first: u64,
    /// How many.
    pub count: u32,
}
