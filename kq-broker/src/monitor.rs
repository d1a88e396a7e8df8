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

mod axis;
mod brokers;
mod counts;
#[cfg(test)]
mod counts_test;
mod curves;
mod event_words;
mod events;
mod focus;
mod groups;
mod minutes;
pub(crate) mod minutes_file;
mod moment;
mod numbers;
mod pace;
mod pages;
#[cfg(test)]
mod past_test;
mod recent;
mod seek;
mod session;
mod session_counters;
#[cfg(test)]
mod session_test;
mod since;
mod timeline;
mod topics;
mod totals;
mod trouble;
mod wanted;
mod window;

pub use axis::{COLUMNS_MAX, axis};
pub use brokers::{since_of, state_of};
pub use counts::{Behind, Counts, PartitionFigures, PartitionRow, Silence, TopicFigures, TopicRow};
pub use curves::join;
pub use event_words::{EventFilter, event_of, kind_of};
pub use events::{SIDE_ROWS_MAX, page, total};
pub use groups::{GroupRows, order_partitions};
pub use minutes::{GroupMinute, Minute, Minutes, MinutesAsked};
pub use moment::{Moment, Standing};
pub use pace::Pace;
pub use pages::History;
pub use recent::{Buckets, Recent, bucket_of};
pub use seek::{Sought, seek};
pub use session::{Look, Session};
pub use timeline::Timeline;
pub use totals::Totals;
pub use trouble::Trouble;
pub use window::{Scope, Window, WindowError, minutes_asked};
