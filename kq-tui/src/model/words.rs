//! Sentences made of facts: how the cluster is, why a partition is ill, what a group's class rests on.

mod group;
mod look;
mod partition;
mod title;
mod verdict;

pub use group::{class_word, evidence, records_known, records_text};
pub use look::{HIDDEN, absence, config, standing};
pub use partition::{events_of, short, why};
pub use title::{in_all, nothing, title};
pub use verdict::{Alarm, Sign, Verdict};
pub(in crate::model) use verdict::{filter_of_broker, filter_of_topic};

/// A broker as screens name it.
pub fn broker(id: u32) -> String {
    format!("b{id}")
}

/// Brokers as screens name them: `b1 b4`.
pub fn brokers(ids: impl IntoIterator<Item = u32>) -> String {
    ids.into_iter().map(broker).collect::<Vec<_>>().join(" ")
}
