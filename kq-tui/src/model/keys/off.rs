//! When a key of the table does nothing, and why.

use crate::model::ctl::Deed;
use crate::model::task::Aim;
use crate::model::{Mode, State};

/// When a key does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// It always does something.
    Never,
    /// Where the screen is at what is now: nothing comes after it.
    AtNow,
    /// Where what is shown is live.
    Live,
    /// Where no other zone than UTC is known.
    OneZone,
    /// What changes the cluster.
    Deed(Deed),
}

impl Off {
    /// Why it does nothing now; none if it does.
    pub fn why(self, state: &State) -> Option<String> {
        match self {
            Self::Never => None,
            Self::AtNow => {
                let is_now = state.moment_asked().is_none() && !state.is_recording();
                is_now.then(|| "nothing comes after what is now; [ and { go back".to_owned())
            }
            Self::Live => {
                matches!(state.mode(), Mode::Live { .. }).then(|| "this is live already".to_owned())
            }
            Self::OneZone => {
                let has_one = state.settings.zone.is_none();
                has_one.then(|| "no other zone than UTC is known here".to_owned())
            }
            Self::Deed(deed) => deed_off(state, deed),
        }
    }
}

/// Why nothing is changed from here: for good, for this moment, or for want of a row.
fn deed_off(state: &State, deed: Deed) -> Option<String> {
    let word = match deed {
        Deed::Elect => "an election",
        Deed::Drain => "draining a broker",
        Deed::Reset => "a reset of offsets",
        Deed::Plan => "a rebalance",
        Deed::Steer => "to steer a plan",
    };
    if let Some(why) = state.unchangeable() {
        return Some(format!("{word} is forbidden here: {why}"));
    }
    let has_row = Aim::has_row(state, deed);
    (!has_row).then(|| format!("{word} wants a row to be about, and none is under the cursor"))
}
