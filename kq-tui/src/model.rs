//! What the monitor remembers and decides. Pure: time comes in as an event, and whatever reaches
//! outside leaves as an effect.
//!
//! ```text
//!   Event --> update --> State (read by the view)
//!                 \--> Effects (carried out by the shell)
//!   view::draw --> HitMap --> State::drawn
//! ```

pub mod call;
pub mod configs;
pub mod ctl;
pub mod filter;
pub mod keys;
pub mod line;
pub mod moment;
pub mod record;
pub mod tail;
pub mod task;
pub mod words;

mod ask;
mod axis;
mod chosen;
mod column;
mod effect;
mod event;
mod hit;
mod key;
mod look;
mod mode;
mod overlay;
mod pages;
mod past;
mod row;
mod rows;
mod screen;
mod settings;
mod state;
mod subject;
mod table;
mod unanswered;
mod update;

pub use axis::Zoom;
pub(crate) use call::calls;
pub use call::{Answer, Call, Refusal};
pub use chosen::Chosen;
pub use column::{Column, Sort};
pub use effect::{Effect, FeedAsk};
pub use event::{Event, FeedEvent, Mouse, MouseDeed, Outcome, Signal};
pub use hit::{Hit, HitMap};
pub use key::{Code, Key};
pub use keys::Context;
pub use mode::Mode;
pub use moment::Zone;
pub use overlay::{Choice, List, Overlay, Prompt, Purpose};
pub use past::Past;
pub use row::{Row, RowKey};
pub use screen::{Place, Screen};
pub use settings::{Settings, Source};
pub use state::{Link, Said, State, Visit};
pub use subject::Subject;
pub use table::Table;
pub use unanswered::Unanswered;
pub use update::update;

#[cfg(test)]
mod chosen_test;
#[cfg(test)]
mod look_test;
#[cfg(test)]
mod past_test;
#[cfg(test)]
mod session_test;
#[cfg(test)]
mod world;
