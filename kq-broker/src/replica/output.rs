//! All that a leading replica can ask of the world.

use std::fmt;

use kq_storage::HighWatermark;

use crate::ids::BrokerId;

/// A command for the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Records below `to` are committed: answer producers and wake readers.
    AdvanceHighWatermark {
        /// The new watermark.
        to: HighWatermark,
    },
    /// Ask the controller to drop `lagging` from the in-sync set.
    ProposeIsrShrink {
        /// Who fell behind.
        lagging: BrokerId,
    },
    /// Ask the controller to take `caught_up` into the in-sync set.
    ProposeIsrGrowth {
        /// Who holds all that is committed.
        caught_up: BrokerId,
    },
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdvanceHighWatermark { to } => write!(f, "advance high watermark to {to}"),
            Self::ProposeIsrShrink { lagging } => write!(f, "propose isr without {lagging}"),
            Self::ProposeIsrGrowth { caught_up } => write!(f, "propose isr with {caught_up}"),
        }
    }
}
