//! The history of the cluster: what changed, when, why, at which raft index.
//!
//! Events are made while records are applied, so every broker holds the same history, exact to the
//! last ISR change, and a restart brings it back. The ring keeps the newest [`EVENTS_MAX`].

use std::fmt;
use std::sync::Arc;

use super::record::TimestampMs;

/// How many events an image keeps; the oldest make room.
pub const EVENTS_MAX: usize = 10_000;

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
    /// What it happened to: `topic orders`, `partition orders/3`, `broker 2`.
    pub subject: Arc<str>,
    /// From what to what, in words; may be empty.
    pub detail: Arc<str>,
    /// Why, as committed with the change.
    pub reason: Arc<str>,
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
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.number, self.kind, self.subject)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if !self.reason.is_empty() {
            write!(f, " ({})", self.reason)?;
        }
        Ok(())
    }
}
