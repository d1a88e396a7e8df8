//! Where frames come from: a cluster, a recording, or a seed. Each feed runs where it likes; a thread
//! of the shell waits for what it tells, and asks go in beside it; so do calls, if it is a cluster.

mod calls;
pub mod demo;
pub mod live;
pub mod record;
pub mod replay;
mod tee;

use std::sync::Arc;

use crate::model::{FeedAsk, FeedEvent};

pub use calls::{Answers, Calls};
pub use demo::{Demo, Made, Script};
pub use live::Live;
pub use replay::Replay;
pub use tee::{Failed, Tape, Tee};

/// One source of frames.
pub trait Feed: Send {
    /// Waits for what is told next. None if nothing will be told ever again.
    fn next(&mut self) -> Option<FeedEvent>;

    /// The way in for what is wanted of it; works while somebody waits.
    fn asks(&self) -> Asks;

    /// Whether it tells what windows want. A recording tells what it has, whatever is wanted.
    fn tells_what_is_asked(&self) -> bool {
        true
    }

    /// The way in for calls, and the way back to whoever comes first. Only a cluster can be asked.
    fn calls(&mut self) -> (Calls, Option<Answers>) {
        (Calls::none("a recording cannot be asked"), None)
    }
}

/// What is wanted of a feed goes in here. Cheap to clone.
#[derive(Clone)]
pub struct Asks(Arc<dyn Fn(FeedAsk) + Send + Sync>);

impl Asks {
    /// Hands each ask to whoever fulfils it. It must not wait.
    pub fn new(to: impl Fn(FeedAsk) + Send + Sync + 'static) -> Self {
        Self(Arc::new(to))
    }

    /// Something is wanted.
    pub fn ask(&self, ask: FeedAsk) {
        (self.0)(ask);
    }
}

impl std::fmt::Debug for Asks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asks")
    }
}
