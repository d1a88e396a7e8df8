//! Commands to the cluster: (image, command, now) to the records that make it so, or to a refusal
//! with Kafka's error code.
//!
//! ```text
//!   Command --decide(image, now, ids)--> Decision { records, reply }  --raft-->  image
//!                                   \--> ControlError { code, message, hint }
//! ```
//! Pure: the clock and fresh ids come in as arguments, and nothing is changed here. A command over
//! several items refuses each item on its own; what it decides holds together in one raft entry.

mod balance;
mod broker;
#[cfg(test)]
mod brokers_test;
#[cfg(test)]
mod changes_test;
mod command;
mod configs;
mod decide;
mod election;
mod error;
mod features;
mod groups;
mod isr;
mod leader_command;
mod leader_policy;
#[cfg(test)]
mod leader_policy_test;
mod leaders;
#[cfg(test)]
mod leaders_test;
mod names;
mod partitions;
mod placement;
#[cfg(test)]
mod placement_test;
pub mod plan;
mod quorum;
mod replicas;
#[cfg(test)]
mod replicas_test;
mod restart;
#[cfg(test)]
mod restart_test;
#[cfg(test)]
mod script;
mod sessions;
mod topics;
#[cfg(test)]
mod topics_test;
#[cfg(test)]
mod travel_test;

pub use broker::may_stop;
pub use command::{
    AlterConfigs, AlterOp, Command, ConfigAlteration, ConfigTarget, CreatedTopic, DeletedTopic,
    IncrementalAlter, ManualAssignment, NewPartitions, NewTopic, ProducerIdBlock, ProtectedTopic,
    Reply, TopicRef,
};
pub use decide::{Decision, Limits, Settings, Turn, decide};
pub use election::{Ballot, Choice, choose_leader};
pub use error::{ControlError, Refused};
pub use features::{FEATURES, Feature, FeatureUpdate, UpgradeType};
pub use groups::GroupNote;
pub use leader_command::{
    AlterPartition, AlteredPartition, Elected, ElectedPartition, ElectionKind, FenceReason,
    Handover, LedPartition, PartitionRef, Patch, PolicyChange, PolicyTarget,
};
pub use leader_policy::LeaderRules;
pub use names::verify_topic_name;
pub use placement::{PlacementError, Share, Site, place};
pub use quorum::{QuorumNote, UnledSince};
pub use restart::{FollowerLag, RestartFacts, Risk, RiskKind, check_restart};
pub use sessions::{BeatEnd, BeatStream, Fence, Sessions};
