//! The metadata quorum: commands in, committed changes and images out.
//!
//! ```text
//!   Controller::submit -> Proposer -> decide(image, command)        here, or on the broker that leads
//!        ^                              | records
//!        |  reply, once applied         v
//!   image() <- Machine (apply) <- openraft <-> Store (journal, vote, snapshot on disk)
//!                                     ^
//!                Network / QuorumDoor v  gRPC to and from the other members
//! ```
//! openraft stays behind [`Controller`]: nothing outside this module names it. A member is a voter,
//! or a learner that only hears what was decided; a voter that is alone needs no clock and sends
//! nothing.

#[cfg(test)]
mod cluster_test;
mod contact;
mod controller;
#[cfg(test)]
mod crash_test;
#[cfg(test)]
mod deaf_test;
mod disk;
mod disk_thread;
mod door;
mod entry;
mod forward;
mod identity;
mod machine;
mod members;
mod network;
mod proposer;
mod quorum;
#[cfg(test)]
mod raft_test;
mod standing;
mod start;
mod store;
mod succession;
mod types;
#[cfg(test)]
mod valve;
mod votes;
mod whereabouts;
#[cfg(test)]
mod whereabouts_test;
mod wire;

pub use controller::{Controller, ControllerStatus};
pub use disk::KnownEnd;
pub use door::QuorumDoor;
pub use members::{Leadership, MemberStatus, SILENCE_MAX};
pub use quorum::QuorumChange;
pub use standing::Standing;
pub use start::{Birth, ControllerOptions, StartError, Trimming};
pub use votes::{silent, verify_majority_with, verify_majority_without};
pub use whereabouts::Found;
