//! The words of group coordination, one type per meaning.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// The name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The `group.id` that consumers share.
    GroupId
}
name! {
    /// One member of one group, named by the coordinator when it joins.
    MemberId
}
name! {
    /// The `group.instance.id` of a static member (KIP-345), named by its operator.
    InstanceId
}

/// Whom an answer is for: chosen by the shell, one per request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyTo(pub u64);

/// One batch of records that the coordinator asked to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub u64);

/// A partition by the name of its topic, as offsets are keyed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number, from 0.
    pub partition: i32,
}

/// The time, on both clocks: deadlines use the one that never jumps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since the broker started.
    pub uptime: Duration,
    /// Milliseconds since 1970, for what is written down.
    pub wall_ms: i64,
}
