//! When a key of the table does nothing, and why.

use crate::model::ctl::Deed;
use crate::model::task::Aim;
use crate::model::{Mode, Row, State};

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
    /// Where no row is under the cursor.
    NoRow,
    /// Where the row under the cursor leads nowhere, or there is none.
    NoWay,
    /// Where the screen was come to from nowhere.
    NoWayBack,
    /// Where nothing under the cursor has records.
    NoRecords,
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
                let is_past = state.moment_asked().is_some() || state.held.is_some();
                match state.mode() {
                    Mode::Live { .. } => Some("this is live already".to_owned()),
                    Mode::Lost { .. } if !is_past => {
                        Some("nobody tells anything; it is live again by itself".to_owned())
                    }
                    Mode::Paused { .. }
                    | Mode::Seeking { .. }
                    | Mode::Past { .. }
                    | Mode::Replay { .. }
                    | Mode::Lost { .. } => None,
                }
            }
            Self::OneZone => {
                let has_one = state.settings.zone.is_none();
                has_one.then(|| "no other zone than UTC is known here".to_owned())
            }
            Self::NoRow => no_row(state),
            Self::NoWay => no_row(state).or_else(|| match state.table.current() {
                Some(Row::Config(_)) => Some("what there is to say of it stands below".to_owned()),
                Some(Row::Line(_)) => {
                    Some("this is the record itself; Esc goes back to the others".to_owned())
                }
                _ => None,
            }),
            Self::NoWayBack => {
                let is_first = state.back.is_empty();
                is_first.then(|| "there is nothing to go back to; q ends".to_owned())
            }
            Self::NoRecords => state.recorded_here().is_none().then(|| {
                "records are a topic's, and none is under the cursor: :tail NAME".to_owned()
            }),
            Self::Deed(deed) => deed_off(state, deed),
        }
    }
}

fn no_row(state: &State) -> Option<String> {
    state.table.current().is_none().then(|| "no row is under the cursor".to_owned())
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
