//! Watching a cluster: what a watcher is told, as a difference from what it was told before.
//!
//! ```text
//!   image, counters, groups --.
//!   asks of the watcher -------+--> Session::frame --> the next frame, or none if nothing differs
//!   the moment it looks at ---'
//! ```
//! Pure: no clock, no socket, no task. Images and counters share what has not changed, so that a
//! frame costs what differs and not what exists; and it is made when the watcher can take it, from
//! what it knows to what is: whoever reads slowly gets fewer frames, never a backlog. To look at
//! another moment is the same difference.

mod brokers;
mod counts;
#[cfg(test)]
mod counts_test;
mod event_words;
mod focus;
mod groups;
mod moment;
mod numbers;
mod pace;
mod recent;
mod session;
mod session_counters;
#[cfg(test)]
mod session_test;
mod since;
mod topics;
mod totals;
mod window;

pub use brokers::state_of;
pub use counts::{Behind, Counts, PartitionFigures, PartitionRow, Silence, TopicFigures, TopicRow};
pub use event_words::{EventFilter, event_of, kind_of};
pub use groups::{GroupRows, order_partitions};
pub use moment::{Moment, Standing};
pub use pace::Pace;
pub use recent::{Buckets, Recent, bucket_of};
pub use session::{Look, Session};
pub use totals::Totals;
pub use window::{Scope, Window, WindowError};
