//! What can be committed: the smallest facts about the cluster, in the past tense.

use std::fmt;

use kq_storage::Offset;
pub use kq_storage::TimestampMs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::image::PartitionImage;
use super::plan::{Lease, PlanStart, PlanState, PlanStep};
use super::policy::{LeaderPolicy, PolicyScope};
use crate::ids::{BrokerId, ClusterId, Incarnation, PartitionId, PartitionIndex, PlanId, TopicId};

/// A time as people read it: RFC 3339 in UTC. Times that this cannot write stop at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc(pub TimestampMs);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The last millisecond of the year 9999.
        const LAST_MS: u64 = 253_402_300_799_999;
        let since_1970 = u64::try_from(self.0.0).unwrap_or(0).min(LAST_MS);
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(since_1970);
        humantime::format_rfc3339_millis(at).fmt(f)
    }
}

/// The beginning of a text, with a mark where it was cut.
pub fn clip(text: &str, chars_max: usize) -> String {
    let mut clipped: String = text.chars().take(chars_max).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

/// What one raft entry carries: records that hold together or not at all, with when and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// When the leader decided it.
    pub time: TimestampMs,
    /// Why, in the words of whoever asked, or of the rule that fired.
    pub reason: String,
    /// What is now so.
    pub records: Vec<MetadataRecord>,
}

/// One committed fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataRecord {
    /// The first record of a cluster.
    ClusterCreated {
        /// Its id, drawn by the first voter.
        cluster_id: ClusterId,
    },
    /// A broker process came up; its epoch is the index of the raft entry that holds this.
    BrokerRegistered(BrokerRegistration),
    /// A broker may no longer lead or be counted on, until it registers again.
    BrokerFenced {
        /// Which broker.
        broker: BrokerId,
    },
    /// A broker is about to stop and takes on nothing new.
    BrokerStopping {
        /// Which broker.
        broker: BrokerId,
    },
    /// A broker is given no new replicas.
    BrokerCordoned {
        /// Which broker.
        broker: BrokerId,
        /// Whether it is to leave the cluster for good.
        decommission: bool,
    },
    /// A broker may be given new replicas again.
    BrokerUncordoned {
        /// Which broker.
        broker: BrokerId,
    },
    /// A broker that holds nothing any more was forgotten.
    BrokerUnregistered {
        /// Which broker.
        broker: BrokerId,
    },
    /// Another broker leads the metadata quorum, or the same one anew.
    ControllerChanged {
        /// Who leads.
        broker: BrokerId,
        /// Since which raft term.
        term: u64,
        /// Since when nobody was known to lead it, where that was long enough to matter.
        unled_since: Option<TimestampMs>,
    },
    /// Who votes in the metadata quorum: all of them, in order.
    VotersChanged {
        /// The brokers.
        voters: Vec<BrokerId>,
    },
    /// The lead of the metadata quorum was handed over on purpose.
    QuorumTransferred {
        /// Who led.
        from: BrokerId,
        /// Who leads.
        to: BrokerId,
    },
    /// An operator did something to a consumer group; the group's own log has it.
    GroupOperated {
        /// Which group.
        group: String,
        /// What, in words.
        deed: String,
    },
    /// A topic came to be; its partitions follow in the same change.
    TopicCreated {
        /// Its id for life.
        topic: TopicId,
        /// Its name.
        name: String,
    },
    /// A topic was hidden until its deadline.
    TopicSoftDeleted {
        /// Which topic.
        topic: TopicId,
        /// When it is purged unless it was restored before.
        purge_at: TimestampMs,
    },
    /// A hidden topic is back.
    TopicRestored {
        /// Which topic.
        topic: TopicId,
    },
    /// A topic and all its records are gone.
    TopicPurged {
        /// Which topic.
        topic: TopicId,
    },
    /// A topic can no longer be deleted, or can again.
    TopicProtected {
        /// Which topic.
        topic: TopicId,
        /// True when protected.
        protected: bool,
    },
    /// All that the controller knows of one partition, new or changed.
    PartitionChanged(PartitionChange),
    /// A replica has to cut off what a leader that was elected uncleanly does not have.
    RecordsLost(Loss),
    /// A configuration value was set, or removed so that the default holds again.
    ConfigChanged {
        /// Of what.
        resource: ConfigResource,
        /// The key.
        key: String,
        /// The new value; none when removed.
        value: Option<String>,
    },
    /// What is said about leaders: all of it, whatever was said before.
    LeaderPolicyChanged {
        /// For which leaders.
        scope: PolicyScope,
        /// What is said now.
        policy: LeaderPolicy,
    },
    /// Leaders stay where they are.
    LeadersFrozen {
        /// Which leaders.
        scope: PolicyScope,
        /// When that ends by itself.
        until: Option<TimestampMs>,
    },
    /// Leaders may move again.
    LeadersUnfrozen {
        /// Which leaders.
        scope: PolicyScope,
    },
    /// The controller moved leaders to where they are preferred; which ones, follows.
    LeadersBalanced {
        /// How many.
        moves: u32,
    },
    /// A plan was started.
    PlanStarted(PlanStart),
    /// A plan is in another state, or has another rate.
    PlanChanged {
        /// Which plan.
        plan: PlanId,
        /// Its state now.
        state: PlanState,
        /// Its rate now.
        lease: Lease,
    },
    /// One move of a plan has come further.
    PlanStepped(PlanStep),
    /// A block of producer ids was given to a broker.
    ProducerIdsAllocated {
        /// To which broker.
        broker: BrokerId,
        /// The first id that is still free after it.
        next: u64,
    },
}

/// A broker, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerRegistration {
    /// Its number.
    pub broker: BrokerId,
    /// This life of it.
    pub incarnation: Incarnation,
    /// The id of the directory that holds its logs. An id that is not the known one means that its
    /// disk is new (KIP-903): then it holds nothing.
    pub directory: Uuid,
    /// Where clients and peers reach it.
    pub endpoints: Vec<Endpoint>,
    /// Where it stands, for placement.
    pub rack: Option<String>,
    /// The build it runs.
    pub version: String,
    /// Whether its logs hold all that its last life wrote. After any other stop an offset may be
    /// written a second time, so the leader epochs of what it leads go up.
    pub resumed_cleanly: bool,
}

/// One address that a broker advertises.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The listener's name, for example `PLAINTEXT`.
    pub listener: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What a replica has to cut off, because a leader that was elected uncleanly does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loss {
    /// The partition.
    pub partition: PartitionId,
    /// Who held it.
    pub broker: BrokerId,
    /// The first offset.
    pub from: Offset,
    /// The end: one more than the last offset.
    pub until: Offset,
    /// The leader's log begins beyond all of them: it may have had some, and deleted them since.
    #[serde(default)]
    pub at_most: bool,
}

/// What a partition has become.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionChange {
    /// The topic.
    pub topic: TopicId,
    /// The place within it.
    pub index: PartitionIndex,
    /// All of it, whatever it was before.
    pub now: PartitionImage,
}

/// What a configuration belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResource {
    /// One topic.
    Topic(TopicId),
    /// One broker.
    Broker(BrokerId),
    /// The default for all brokers.
    Cluster,
}

impl Change {
    /// A change with nothing in it yet.
    pub fn new(time: TimestampMs, reason: impl Into<String>) -> Self {
        Self { time, reason: reason.into(), records: Vec::new() }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records at {} ({})", self.records.len(), self.time, self.reason)
    }
}

impl BrokerRegistration {
    /// A broker of the given number with one address, everything else left out.
    pub fn at(broker: BrokerId, host: impl Into<String>, port: u16) -> Self {
        let endpoint = Endpoint { listener: "PLAINTEXT".into(), host: host.into(), port };
        Self {
            broker,
            incarnation: Incarnation(Uuid::nil()),
            directory: Uuid::nil(),
            endpoints: vec![endpoint],
            rack: None,
            version: env!("CARGO_PKG_VERSION").into(),
            resumed_cleanly: false,
        }
    }
}

/// One line per record, as scripts of tests and `--explain` output show it.
impl fmt::Display for MetadataRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterCreated { cluster_id } => write!(f, "cluster {cluster_id} created"),
            Self::BrokerRegistered(it) => write!(f, "broker {} registered", it.broker),
            Self::BrokerFenced { broker } => write!(f, "broker {broker} fenced"),
            Self::BrokerStopping { broker } => write!(f, "broker {broker} stopping"),
            Self::BrokerCordoned { broker, decommission: false } => {
                write!(f, "broker {broker} cordoned")
            }
            Self::BrokerCordoned { broker, decommission: true } => {
                write!(f, "broker {broker} to be decommissioned")
            }
            Self::BrokerUncordoned { broker } => write!(f, "broker {broker} uncordoned"),
            Self::BrokerUnregistered { broker } => write!(f, "broker {broker} unregistered"),
            Self::ControllerChanged { broker, term, unled_since } => {
                write!(f, "broker {broker} leads the quorum in term {term}")?;
                unled_since.map_or(Ok(()), |it| write!(f, ", unled since {}", Utc(it)))
            }
            Self::VotersChanged { voters } => write!(f, "voters {}", List(voters)),
            Self::QuorumTransferred { from, to } => {
                write!(f, "broker {from} handed the quorum over to broker {to}")
            }
            Self::GroupOperated { group, deed } => write!(f, "group {group}: {deed}"),
            Self::TopicCreated { topic, name } => write!(f, "topic {name} created as {topic}"),
            Self::TopicSoftDeleted { topic, purge_at } => {
                write!(f, "topic {topic} deleted, kept until {}", Utc(*purge_at))
            }
            Self::TopicRestored { topic } => write!(f, "topic {topic} restored"),
            Self::TopicPurged { topic } => write!(f, "topic {topic} purged"),
            Self::TopicProtected { topic, protected: true } => write!(f, "topic {topic} protected"),
            Self::TopicProtected { topic, protected: false } => {
                write!(f, "topic {topic} unprotected")
            }
            Self::PartitionChanged(it) => it.fmt(f),
            Self::ConfigChanged { resource, key, value: Some(value) } => {
                write!(f, "config of {resource}: {key}={value}")
            }
            Self::ConfigChanged { resource, key, value: None } => {
                write!(f, "config of {resource}: {key} removed")
            }
            Self::LeaderPolicyChanged { scope, policy } => {
                write!(f, "leader policy of {scope}: {policy}")
            }
            Self::LeadersFrozen { scope, until: Some(until) } => {
                write!(f, "leaders of {scope} frozen until {}", Utc(*until))
            }
            Self::LeadersFrozen { scope, until: None } => write!(f, "leaders of {scope} frozen"),
            Self::LeadersUnfrozen { scope } => write!(f, "leaders of {scope} unfrozen"),
            Self::LeadersBalanced { moves } => write!(f, "{moves} leaders balanced"),
            Self::PlanStarted(it) => {
                let moves = it.moves.len();
                write!(f, "plan {} started: {}, {moves} moves, {}", it.id, it.verb, it.lease)
            }
            Self::PlanChanged { plan, state, lease } => write!(f, "plan {plan} {state}, {lease}"),
            Self::PlanStepped(it) => it.fmt(f),
            Self::RecordsLost(it) => {
                write!(f, "partition {} lost {it}", it.partition)
            }
            Self::ProducerIdsAllocated { broker, next } => {
                write!(f, "producer ids below {next} given to broker {broker}")
            }
        }
    }
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plan {}: {} {}", self.plan, self.partition, self.state)?;
        if self.asked {
            f.write_str(", leader asked to hand over")?;
        }
        if !self.why.is_empty() {
            write!(f, " ({})", self.why)?;
        }
        Ok(())
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { broker, from, until, .. } = self;
        let count = until.0.saturating_sub(from.0);
        let bound = if self.at_most { "at most " } else { "" };
        write!(f, "{bound}{count} records, offsets {from} to {}", until.0.saturating_sub(1))?;
        write!(f, ", which broker {broker} held")
    }
}

impl fmt::Display for PartitionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, index, now } = self;
        write!(f, "partition {topic}-{index}: replicas {}", List(&now.replicas))?;
        write!(f, " isr {}", List(&now.isr))?;
        let others = [
            ("elr", &now.elr),
            ("last known", &now.last_known),
            ("adding", &now.adding),
            ("removing", &now.removing),
        ];
        for (name, list) in others {
            if !list.is_empty() {
                write!(f, " {name} {}", List(list))?;
            }
        }
        match now.leader {
            Some(leader) => write!(f, " leader {leader}")?,
            None => write!(f, " no leader")?,
        }
        if let Some(to) = now.handover {
            write!(f, " handing over to {to}")?;
        }
        if let Some(epoch) = now.unclean_epoch {
            write!(f, " unclean since {}", epoch.0)?;
        }
        write!(f, " epochs {}/{}", now.leader_epoch.0, now.partition_epoch)
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(id) => write!(f, "topic {id}"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Cluster => f.write_str("all brokers"),
        }
    }
}

impl fmt::Display for PolicyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("all topics"),
            Self::Topic(id) => write!(f, "topic {id}"),
        }
    }
}

/// Broker ids as `[1,2,3]`.
pub(super) struct List<'a>(pub(super) &'a [BrokerId]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (position, id) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            id.fmt(f)?;
        }
        f.write_str("]")
    }
}
