//! One event, as bytes.

use prost::{Message, Oneof};

use crate::feed::record::Told;
use crate::model::{Answer, Code, Event, FeedEvent, Key, Mouse, MouseDeed, Outcome, Signal};

/// An event, or the mark of a drawing.
#[derive(Clone, PartialEq, Message)]
pub struct Item {
    /// What it is.
    #[prost(oneof = "What", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15")]
    pub what: Option<What>,
}

/// What can be written down.
#[derive(Clone, PartialEq, Oneof)]
pub enum What {
    /// A key.
    #[prost(message, tag = "1")]
    Key(KeyItem),
    /// The mouse.
    #[prost(message, tag = "2")]
    Mouse(MouseItem),
    /// Pasted text.
    #[prost(string, tag = "3")]
    Paste(String),
    /// Columns, and rows times 65536.
    #[prost(uint32, tag = "4")]
    Resize(u32),
    /// Of the feed: a frame, as protobuf.
    #[prost(message, boxed, tag = "5")]
    Frame(Box<kq_proto::monitor::v1::WatchResponse>),
    /// Of the feed: where a broker is looked for.
    #[prost(string, tag = "6")]
    Opening(String),
    /// Of the feed: which one was found.
    #[prost(string, tag = "7")]
    Open(String),
    /// Of the feed: why it was lost.
    #[prost(string, tag = "8")]
    Lost(String),
    /// Of the feed: why it is over.
    #[prost(string, tag = "9")]
    Ended(String),
    /// Uptime in milliseconds.
    #[prost(uint64, tag = "10")]
    Tick(u64),
    /// We run again.
    #[prost(bool, tag = "11")]
    Continued(bool),
    /// An effect has ended.
    #[prost(message, tag = "12")]
    Done(DoneItem),
    /// The checksum of what was drawn.
    #[prost(uint32, tag = "13")]
    Drawn(u32),
    /// A call has an answer.
    #[prost(message, tag = "14")]
    Answer(AnswerItem),
    /// Of the feed: what whoever recorded looked through, as protobuf.
    #[prost(message, boxed, tag = "15")]
    Looked(Box<kq_proto::monitor::v1::Window>),
}

/// A key.
#[derive(Clone, PartialEq, Message)]
pub struct KeyItem {
    /// The place in the list of codes plus one; 0 = the character.
    #[prost(uint32, tag = "1")]
    pub code: u32,
    /// The character.
    #[prost(uint32, tag = "2")]
    pub character: u32,
    /// With the control key.
    #[prost(bool, tag = "3")]
    pub ctrl: bool,
    /// With the alt key.
    #[prost(bool, tag = "4")]
    pub alt: bool,
}

/// The mouse.
#[derive(Clone, PartialEq, Message)]
pub struct MouseItem {
    /// 0 = click, 1 = wheel up, 2 = wheel down.
    #[prost(uint32, tag = "1")]
    pub deed: u32,
    /// From the left.
    #[prost(uint32, tag = "2")]
    pub column: u32,
    /// From above.
    #[prost(uint32, tag = "3")]
    pub row: u32,
}

/// How an effect ended.
#[derive(Clone, PartialEq, Message)]
pub struct DoneItem {
    /// Which.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Whether it failed.
    #[prost(bool, tag = "2")]
    pub is_failure: bool,
    /// What there is to say of it.
    #[prost(string, tag = "3")]
    pub words: String,
}

/// What a call was answered.
#[derive(Clone, PartialEq, Message)]
pub struct AnswerItem {
    /// Which call.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// What kind of answer, by its number in the table of calls.
    #[prost(uint32, tag = "2")]
    pub number: u32,
    /// The answer, as protobuf.
    #[prost(bytes = "vec", tag = "3")]
    pub answer: Vec<u8>,
}

/// Keys that are no character, by their numbers; new ones come at the end.
const CODES: [Code; 14] = [
    Code::Enter,
    Code::Esc,
    Code::Backspace,
    Code::Delete,
    Code::Tab,
    Code::BackTab,
    Code::Up,
    Code::Down,
    Code::Left,
    Code::Right,
    Code::PageUp,
    Code::PageDown,
    Code::Home,
    Code::End,
];
const DEEDS: [MouseDeed; 3] = [MouseDeed::Click, MouseDeed::WheelUp, MouseDeed::WheelDown];

impl Item {
    /// An event.
    pub fn of(event: &Event) -> Self {
        let what = match event {
            Event::Key(key) => What::Key(KeyItem::of(*key)),
            Event::Mouse(mouse) => What::Mouse(MouseItem::of(*mouse)),
            Event::Paste(text) => What::Paste(text.clone()),
            Event::Resize { columns, rows } => {
                What::Resize(u32::from(*columns) | u32::from(*rows) << 16)
            }
            Event::Feed(FeedEvent::Ended { why }) => What::Ended(why.clone()),
            Event::Feed(FeedEvent::Looked(window)) => What::Looked(window.clone()),
            Event::Feed(told) => match Told::of(told) {
                Some(Told::Frame(frame)) => What::Frame(frame),
                Some(Told::Opening(to)) => What::Opening(to),
                Some(Told::Open(to)) => What::Open(to),
                Some(Told::Lost(why)) => What::Lost(why),
                None => What::Ended(String::new()),
            },
            Event::Tick { uptime_ms } => What::Tick(*uptime_ms),
            Event::Signal(Signal::Continued) => What::Continued(true),
            Event::Done(id, outcome) => {
                let (is_failure, words) = match outcome {
                    Outcome::Well(words) => (false, words.clone()),
                    Outcome::Failed(words) => (true, words.clone()),
                };
                What::Done(DoneItem { id: *id, is_failure, words })
            }
            Event::Answer(id, answer) => {
                let (number, answer) = answer.encode();
                What::Answer(AnswerItem { id: *id, number, answer })
            }
        };
        Self { what: Some(what) }
    }

    /// The mark of a drawing.
    pub const fn drawn(checksum: u32) -> Self {
        Self { what: Some(What::Drawn(checksum)) }
    }

    /// The event; the checksum of a drawing; none of what this version does not know.
    pub fn into_event(self) -> Option<Result<Event, u32>> {
        Some(Ok(match self.what? {
            What::Key(key) => Event::Key(key.key()?),
            What::Mouse(mouse) => Event::Mouse(mouse.mouse()?),
            What::Paste(text) => Event::Paste(text),
            What::Resize(size) => Event::Resize {
                columns: u16::try_from(size & 0xffff).ok()?,
                rows: u16::try_from(size >> 16).ok()?,
            },
            What::Frame(frame) => Event::Feed(FeedEvent::Frame(frame)),
            What::Opening(to) => Event::Feed(FeedEvent::Opening { to }),
            What::Open(to) => Event::Feed(FeedEvent::Open { to }),
            What::Looked(window) => Event::Feed(FeedEvent::Looked(window)),
            What::Lost(why) => Event::Feed(FeedEvent::Lost { why }),
            What::Ended(why) => Event::Feed(FeedEvent::Ended { why }),
            What::Tick(uptime_ms) => Event::Tick { uptime_ms },
            What::Continued(_) => Event::Signal(Signal::Continued),
            What::Done(it) => {
                let how = if it.is_failure { Outcome::Failed } else { Outcome::Well };
                Event::Done(it.id, how(it.words))
            }
            What::Answer(it) => {
                Event::Answer(it.id, Box::new(Answer::decode(it.number, &it.answer)?))
            }
            What::Drawn(checksum) => return Some(Err(checksum)),
        }))
    }
}

impl KeyItem {
    fn of(key: Key) -> Self {
        let character = if let Code::Char(it) = key.code { u32::from(it) } else { 0 };
        let code = (1..).zip(CODES).find(|(_, it)| *it == key.code).map_or(0, |(at, _)| at);
        Self { code, character, ctrl: key.ctrl, alt: key.alt }
    }

    fn key(&self) -> Option<Key> {
        let code = match usize::try_from(self.code).ok()?.checked_sub(1) {
            None => Code::Char(char::from_u32(self.character)?),
            Some(at) => *CODES.get(at)?,
        };
        Some(Key { code, ctrl: self.ctrl, alt: self.alt })
    }
}

impl MouseItem {
    fn of(mouse: Mouse) -> Self {
        let deed = (0..).zip(DEEDS).find(|(_, it)| *it == mouse.deed).map_or(0, |(at, _)| at);
        Self { deed, column: mouse.column.into(), row: mouse.row.into() }
    }

    fn mouse(&self) -> Option<Mouse> {
        Some(Mouse {
            deed: *DEEDS.get(usize::try_from(self.deed).ok()?)?,
            column: u16::try_from(self.column).ok()?,
            row: u16::try_from(self.row).ok()?,
        })
    }
}
