//! Everything that reaches the monitor from outside.

use kq_proto::monitor::v1;

use super::{Answer, Key};

/// One thing that happened. A session is a list of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// The mouse did something, while it is on.
    Mouse(Mouse),
    /// Text was pasted at once.
    Paste(String),
    /// The terminal has another size.
    Resize {
        /// Cells across.
        columns: u16,
        /// Cells down.
        rows: u16,
    },
    /// The feed told something.
    Feed(FeedEvent),
    /// Time went on. One comes before each key, so that its time is known.
    Tick {
        /// Since the monitor started, by a clock that never goes back.
        uptime_ms: u64,
    },
    /// The system told something.
    Signal(Signal),
    /// An effect has come to its end.
    Done(u64, Outcome),
    /// A call has an answer; one of a stream may have another.
    Answer(u64, Box<Answer>),
}

/// What a feed tells.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedEvent {
    /// It looks for a broker.
    Opening {
        /// Where, in words.
        to: String,
    },
    /// It has one, and frames follow, the first of them a whole one.
    Open {
        /// Which, in words: an address, a file, a seed.
        to: String,
    },
    /// What a broker told.
    Frame(Box<v1::WatchResponse>),
    /// It plays a recording: from the next frame on whoever recorded was told what this wants, and
    /// no more.
    Looked(Box<v1::Window>),
    /// It is gone; the feed looks for another by itself.
    Lost {
        /// Why, in words.
        why: String,
    },
    /// There is no more, and will be none.
    Ended {
        /// Why, in words.
        why: String,
    },
}

/// The mouse, in cells from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What it did.
    pub deed: MouseDeed,
    /// From the left.
    pub column: u16,
    /// From above.
    pub row: u16,
}

/// What a mouse does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseDeed {
    /// The left button went down.
    Click,
    /// The wheel turned up.
    WheelUp,
    /// The wheel turned down.
    WheelDown,
}

/// What the system tells the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It runs again after it was suspended: the screen is anybody's.
    Continued,
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// As it should, with what there is to say of it.
    Well(String),
    /// Not, and why.
    Failed(String),
}
