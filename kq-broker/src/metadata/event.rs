//! One thing that happened to the cluster, kept as numbers and shared names: its words are made
//! when it is shown.

use std::fmt;
use std::sync::Arc;

use super::record::{List, TimestampMs};
use crate::ids::{BrokerId, LeaderEpoch, PartitionIndex, PlanId};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the cluster's history, from 1 and without gaps.
    pub number: u64,
    /// The raft index that committed it.
    pub index: u64,
    /// When.
    pub time: TimestampMs,
    /// What kind.
    pub kind: EventKind,
    /// What it happened to.
    pub subject: Subject,
    /// From what to what.
    pub detail: Detail,
    /// Why, as committed with the change.
    pub reason: Arc<str>,
}

/// What something happened to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The cluster, by its id.
    Cluster(Arc<str>),
    /// All brokers.
    AllBrokers,
    /// All topics.
    AllTopics,
    /// One broker.
    Broker(BrokerId),
    /// One topic, by its name at that time.
    Topic(Arc<str>),
    /// One partition.
    Partition(Arc<str>, PartitionIndex),
    /// One plan.
    Plan(PlanId),
    /// One consumer group.
    Group(Arc<str>),
}

/// From what to what something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Its kind says all.
    None,
    /// In words.
    Text(Arc<str>),
    /// One set of brokers became another.
    Brokers {
        /// As it was.
        from: FewBrokers,
        /// As it became.
        to: FewBrokers,
    },
    /// One leader became another.
    Leader {
        /// Who led.
        from: Option<BrokerId>,
        /// Who leads.
        to: Option<BrokerId>,
        /// Since which epoch.
        epoch: LeaderEpoch,
    },
    /// A leader is to hand over, or no longer.
    Handover {
        /// Who leads.
        leader: Option<BrokerId>,
        /// To whom it hands over.
        to: Option<BrokerId>,
    },
}

/// At most six brokers with small numbers, in place: nearly every ISR that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FewBrokers {
    count: u8,
    ids: [u16; FewBrokers::MAX],
}

impl FewBrokers {
    const MAX: usize = 6;

    /// The set; none if it is too large or its numbers are.
    pub fn of(brokers: &[BrokerId]) -> Option<Self> {
        let mut few = Self { count: u8::try_from(brokers.len()).ok()?, ids: [0; Self::MAX] };
        for (at, id) in brokers.iter().enumerate() {
            *few.ids.get_mut(at)? = u16::try_from(id.0).ok()?;
        }
        Some(few)
    }

    /// Its members.
    pub fn iter(&self) -> impl Iterator<Item = BrokerId> + '_ {
        self.ids.iter().take(self.count.into()).map(|id| BrokerId((*id).into()))
    }
}

impl Detail {
    /// One set of brokers that became another.
    pub(super) fn of_brokers(from: &[BrokerId], to: &[BrokerId]) -> Self {
        match (FewBrokers::of(from), FewBrokers::of(to)) {
            (Some(from), Some(to)) => Self::Brokers { from, to },
            _ => Self::Text(format!("{} to {}", List(from), List(to)).into()),
        }
    }

    /// Words; none of them if there are none.
    pub(super) fn text(words: &str) -> Self {
        if words.is_empty() { Self::None } else { Self::Text(words.into()) }
    }
}

impl Subject {
    /// The topic that it is or belongs to.
    pub fn topic(&self) -> Option<&str> {
        self.topic_name().map(|it| &**it)
    }

    /// The name of that topic, to share.
    pub fn topic_name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Topic(name) | Self::Partition(name, _) => Some(name),
            Self::Cluster(_)
            | Self::AllBrokers
            | Self::AllTopics
            | Self::Broker(_)
            | Self::Plan(_)
            | Self::Group(_) => None,
        }
    }

    /// The broker that it is.
    pub fn broker(&self) -> Option<BrokerId> {
        match self {
            Self::Broker(id) => Some(*id),
            Self::Cluster(_)
            | Self::AllBrokers
            | Self::AllTopics
            | Self::Topic(_)
            | Self::Partition(..)
            | Self::Plan(_)
            | Self::Group(_) => None,
        }
    }
}

impl Event {
    /// Bytes that it takes, counted as if it shared nothing: an upper bound, and the same on every
    /// broker.
    pub(super) fn bytes(&self) -> u64 {
        let name = match &self.subject {
            Subject::Cluster(name)
            | Subject::Topic(name)
            | Subject::Partition(name, _)
            | Subject::Group(name) => name.len(),
            Subject::AllBrokers | Subject::AllTopics | Subject::Broker(_) | Subject::Plan(_) => 0,
        };
        let words = match &self.detail {
            Detail::Text(words) => words.len(),
            Detail::None
            | Detail::Brokers { .. }
            | Detail::Leader { .. }
            | Detail::Handover { .. } => 0,
        };
        (size_of::<Self>() + name + words + self.reason.len()) as u64
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal),* $(,)?) => {
        /// The kinds of events.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name that scripts see.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The number under which it is stored.
            pub(super) const fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// The kind stored under a number.
            pub(super) const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

// The number 4 was a kind that is gone: it is never used again.
kinds! {
    /// The cluster came to be.
    ClusterCreated = 1 "cluster_created",
    /// A broker process came up.
    BrokerRegistered = 2 "broker_registered",
    /// A broker may no longer lead.
    BrokerFenced = 3 "broker_fenced",
    /// A topic came to be.
    TopicCreated = 5 "topic_created",
    /// A topic was hidden until a deadline.
    TopicDeleted = 6 "topic_deleted",
    /// A hidden topic is back.
    TopicRestored = 7 "topic_restored",
    /// A topic and its records are gone.
    TopicPurged = 8 "topic_purged",
    /// A topic can no longer be deleted.
    TopicProtected = 9 "topic_protected",
    /// A topic can be deleted again.
    TopicUnprotected = 10 "topic_unprotected",
    /// A topic has more partitions.
    PartitionsAdded = 11 "partitions_added",
    /// Replicas left the ISR.
    IsrShrunk = 12 "isr_shrunk",
    /// Replicas joined the ISR.
    IsrExpanded = 13 "isr_expanded",
    /// Another replica leads, or none.
    LeaderChanged = 14 "leader_changed",
    /// The set of replicas changed.
    ReplicasChanged = 15 "replicas_changed",
    /// A configuration value changed.
    ConfigChanged = 16 "config_changed",
    /// A replica leads that may lack what was committed.
    LeaderElectedUncleanly = 17 "leader_elected_uncleanly",
    /// A leader is to hand over, or no longer.
    HandoverChanged = 18 "handover_changed",
    /// A broker is about to stop.
    BrokerStopping = 19 "broker_stopping",
    /// A broker is given no new replicas.
    BrokerCordoned = 20 "broker_cordoned",
    /// A broker may be given new replicas again.
    BrokerUncordoned = 21 "broker_uncordoned",
    /// A broker was forgotten.
    BrokerUnregistered = 22 "broker_unregistered",
    /// What is said about leaders changed.
    LeaderPolicyChanged = 23 "leader_policy_changed",
    /// Leaders stay where they are.
    LeadersFrozen = 24 "leaders_frozen",
    /// Leaders may move again.
    LeadersUnfrozen = 25 "leaders_unfrozen",
    /// The controller moved leaders to where they are preferred.
    LeadersBalanced = 26 "leaders_balanced",
    /// A plan was started.
    PlanStarted = 27 "plan_started",
    /// A plan was paused, resumed, cancelled or has another rate.
    PlanChanged = 28 "plan_changed",
    /// A plan has nothing left to do.
    PlanEnded = 29 "plan_ended",
    /// A move of a plan has come further.
    ReplicasMoved = 30 "replicas_moved",
    /// A replica came back with records that a leader elected uncleanly does not have.
    RecordsLost = 31 "records_lost",
    /// Another broker leads the metadata quorum, or the same one anew.
    ControllerChanged = 32 "controller_changed",
    /// A broker votes in the metadata quorum from now on.
    VoterAdded = 33 "voter_added",
    /// It votes no more.
    VoterRemoved = 34 "voter_removed",
    /// The lead of the metadata quorum was handed over on purpose.
    QuorumTransferred = 35 "quorum_transferred",
    /// An operator changed something of a consumer group.
    GroupOperated = 36 "group_operated",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(id) => write!(f, "cluster {id}"),
            Self::AllBrokers => f.write_str("all brokers"),
            Self::AllTopics => f.write_str("all topics"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Topic(name) => write!(f, "topic {name}"),
            Self::Partition(name, index) => write!(f, "partition {name}/{index}"),
            Self::Plan(id) => write!(f, "plan {id}"),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id: Option<BrokerId>| id.map_or("none".to_owned(), |id| id.to_string());
        match self {
            Self::None => Ok(()),
            Self::Text(words) => f.write_str(words),
            Self::Brokers { from, to } => {
                let (from, to): (Vec<_>, Vec<_>) = (from.iter().collect(), to.iter().collect());
                write!(f, "{} to {}", List(&from), List(&to))
            }
            Self::Leader { from, to, epoch } => {
                write!(f, "{} to {}, leader epoch {}", name(*from), name(*to), epoch.0)
            }
            Self::Handover { leader, to: Some(to) } => {
                write!(f, "{} hands over to {to}", name(*leader))
            }
            Self::Handover { leader, to: None } => write!(f, "{} goes on leading", name(*leader)),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.number, self.kind, self.subject)?;
        if self.detail != Detail::None {
            write!(f, ": {}", self.detail)?;
        }
        if !self.reason.is_empty() {
            write!(f, " ({})", self.reason)?;
        }
        Ok(())
    }
}
