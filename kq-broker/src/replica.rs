//! One replica of one partition, as a state machine without I/O.
//!
//! `Leader::step` takes an [`Input`] and appends [`Output`]s; the shell in `runtime` carries the
//! outputs out and feeds the results back in as inputs. Time arrives as an argument, and so does
//! the completion of a sync.
//!
//! ```text
//!   log start <= last stable <= high watermark <= log end
//!                                synced end    <= log end
//!
//!   high watermark = the least of what the in-sync replicas hold, where the leader holds
//!       what is synced      with durability fsync
//!       what is appended    with durability os
//! ```

mod input;
mod leader;
#[cfg(test)]
mod leader_test;
mod output;
mod refusal;

pub use input::{Input, Rules};
pub use leader::Leader;
pub use output::Output;
pub use refusal::{Acks, EpochRefusal, NotEnoughReplicas};

/// When a record counts as held by a replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// On stable storage: no power cut takes back what a reader has seen.
    #[default]
    Fsync,
    /// In the page cache, as in Kafka.
    Os,
}
