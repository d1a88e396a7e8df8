//! The metadata quorum: commands in, committed changes and images out.
//!
//! ```text
//!   Controller::submit -> Proposer (one at a time) -> decide(image, command)
//!        ^                                               | records
//!        |  reply, once applied                          v
//!   image() <- Machine (apply) <- openraft <-> Store (journal, vote, snapshot on disk)
//! ```
//! openraft stays behind [`Controller`]: nothing outside this module names it. One voter stands
//! today; more are the same code with a network in place of [`network`]'s unreachable peers.

mod controller;
#[cfg(test)]
mod crash_test;
mod disk;
mod entry;
mod machine;
mod network;
mod proposer;
#[cfg(test)]
mod raft_test;
mod store;
mod types;

pub use controller::{Controller, ControllerOptions, ControllerStatus, StartError, Trimming};
pub use disk::KnownEnd;
