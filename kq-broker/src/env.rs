//! What a broker has from its surroundings: sockets, threads that may block, and the time.
//!
//! A broker that runs has them from the machine: `real` is little more than re-exports and costs
//! nothing. Built with the feature `turmoil`, which only the test of whole brokers has, they are a
//! simulated network, tasks in place of threads, and a time that moves only when nothing is left to
//! do; so a run follows from its seed alone. Both bodies have the same items. Beside them only what
//! is a thread by nature has two bodies: the sync threads, the thread of raft's files, and work that
//! is spread over threads; and a simulated socket takes no `sendfile`. Disks are a `Vfs` in either.

#[cfg(not(feature = "turmoil"))]
mod real;
#[cfg(feature = "turmoil")]
mod simulated;

#[cfg(not(feature = "turmoil"))]
pub(crate) use real::*;
#[cfg(feature = "turmoil")]
pub(crate) use simulated::*;
