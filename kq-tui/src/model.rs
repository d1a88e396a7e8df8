//! What the monitor remembers and decides. Pure: time comes in as an event, and whatever reaches
//! outside leaves as an effect.

mod effect;
mod event;
mod key;

pub use effect::{Effect, FeedAsk};
pub use event::{Event, FeedEvent, Mouse, MouseDeed, Outcome, Signal};
pub use key::{Code, Key};
