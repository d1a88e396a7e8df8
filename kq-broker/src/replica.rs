//! One replica of one partition, leading or following, as a state machine without I/O.
//!
//! `step` takes an event and appends commands; the shell in `runtime` carries the commands out and
//! feeds the results back in as events. Time arrives as an argument, and so does the completion of
//! a sync.
//!
//! ```text
//!   log start <= last stable <= high watermark <= log end
//!                                synced end    <= log end
//!
//!   high watermark = the least of what the in-sync replicas hold, and those about to be in sync;
//!       moves only while min.insync.replicas are in sync; a replica holds
//!       what is synced      with durability fsync
//!       what is appended    with durability os
//! ```

mod cut_off;
mod follower;
#[cfg(test)]
mod follower_epochs_test;
mod follower_io;
#[cfg(test)]
mod follower_test;
mod input;
mod leader;
#[cfg(test)]
mod leader_test;
mod output;
mod refusal;

pub use cut_off::{CutOff, Heard};
pub use follower::Follower;
pub use follower_io::{
    Answer, Diverged, FetchFrom, FetchToken, FollowerInput, FollowerOutput, FollowerStart,
    LostRange,
};
pub use input::{Input, LeaderStart, ProposalRefusal, Rules};
pub use leader::{FollowerStanding, Leader};
pub use output::{IsrProposal, Output, ProposalReason};
pub use refusal::{Acks, AppendRefused, EpochRefusal, FetchVerdict, NotEnoughReplicas};

/// When a record counts as held by a replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// On stable storage: no power cut takes back what a reader has seen.
    #[default]
    Fsync,
    /// In the page cache, as in Kafka.
    Os,
}
