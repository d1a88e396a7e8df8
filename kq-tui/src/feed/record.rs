//! A recording: what a feed told, in a file that only grows. `docs/tui-recordings.md` draws it.
//!
//! ```text
//! file  = header, block, block, ..
//! block = entry of 32 bytes, data packed by zstd
//! data  = moments, each behind its length
//! ```
//! Nothing in it is trusted: what does not fit its checksum, and all that stands behind it, is as if
//! it had never been written. A recording that was cut is a shorter one.

mod entry;
mod reader;
mod writer;

#[cfg(test)]
mod record_test;

use kq_proto::monitor::v1;
use prost::Message;

use crate::model::FeedEvent;

pub use reader::{Recording, RecordingError};
pub use writer::Recorder;

/// What a recording begins with; the format's number follows.
pub const MAGIC: &[u8; 8] = b"KQTUIREC";
/// The format that is written, and the only one that is read.
pub const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;

/// Something that was told, and when it was received.
#[derive(Clone, PartialEq, Message)]
pub struct Moment {
    /// In milliseconds since 1970, by a clock of whoever recorded that never goes back. What a frame
    /// says of the time is the cluster's.
    #[prost(int64, tag = "1")]
    pub at_ms: i64,
    /// Nobody told it: it is all that was known before the next moment, for whoever begins here.
    #[prost(bool, tag = "6")]
    pub is_key: bool,
    /// What whoever recorded looked through since then, where that is another window than before. A
    /// frame takes it into account; what a key knows was told before.
    #[prost(message, optional, boxed, tag = "7")]
    pub window: Option<Box<v1::Window>>,
    /// What it was.
    #[prost(oneof = "Told", tags = "2, 3, 4, 5")]
    pub told: Option<Told>,
}

impl Moment {
    /// The cluster's clock, where a broker told it.
    pub fn clock_ms(&self) -> Option<i64> {
        match &self.told {
            Some(Told::Frame(frame)) if !self.is_key => Some(frame.now_ms),
            _ => None,
        }
    }

    /// What it tells somebody who knows something already, or nothing yet, one after the other.
    pub fn news(self, is_known: bool) -> Vec<FeedEvent> {
        if self.is_key && is_known {
            return Vec::new();
        }
        let looked = self.window.map(FeedEvent::Looked);
        let told = self.told.map(FeedEvent::from);
        let in_order = if self.is_key { [told, looked] } else { [looked, told] };
        in_order.into_iter().flatten().collect()
    }
}

/// What can be told.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Told {
    /// By a broker.
    #[prost(message, boxed, tag = "2")]
    Frame(Box<v1::WatchResponse>),
    /// A broker was looked for there.
    #[prost(string, tag = "3")]
    Opening(String),
    /// This one was found.
    #[prost(string, tag = "4")]
    Open(String),
    /// It was lost, and why.
    #[prost(string, tag = "5")]
    Lost(String),
}

impl Told {
    /// None of what is no part of a recording: that it ends is told by its end. Windows stand beside
    /// frames.
    pub fn of(event: &FeedEvent) -> Option<Self> {
        match event {
            FeedEvent::Frame(frame) => Some(Self::Frame(frame.clone())),
            FeedEvent::Opening { to } => Some(Self::Opening(to.clone())),
            FeedEvent::Open { to } => Some(Self::Open(to.clone())),
            FeedEvent::Lost { why } => Some(Self::Lost(why.clone())),
            FeedEvent::Looked(_) | FeedEvent::Ended { .. } => None,
        }
    }
}

impl From<Told> for FeedEvent {
    fn from(told: Told) -> Self {
        match told {
            Told::Frame(frame) => Self::Frame(frame),
            Told::Opening(to) => Self::Opening { to },
            Told::Open(to) => Self::Open { to },
            Told::Lost(why) => Self::Lost { why },
        }
    }
}
