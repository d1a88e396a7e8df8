//! When a key of the table does nothing, and why.

use crate::model::ctl::Deed;
use crate::model::task::{Aim, Stage};
use crate::model::{Mode, Overlay, Row, State};

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
    /// Above the screen, where something is only to be read.
    Read,
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
            Self::Read => nothing_to_run(state),
        }
    }
}

fn no_row(state: &State) -> Option<String> {
    state.table.current().is_none().then(|| "no row is under the cursor".to_owned())
}

/// Enter above the screen; what is there to be read stays until Esc, however long a key is held.
fn nothing_to_run(state: &State) -> Option<String> {
    let Some(Overlay::Task(task)) = &state.overlay else { return None };
    match task.stage {
        Stage::How | Stage::Shown(_) => None,
        Stage::Asked(_) => Some("the plan is not there yet".to_owned()),
        Stage::Acting(_) => Some("it is being done; how it ends is told here".to_owned()),
        Stage::Ended => Some("there is nothing more to run; Esc goes back".to_owned()),
    }
}

/// Why nothing is changed from here: for good, for this moment, or for want of a row.
fn deed_off(state: &State, deed: Deed) -> Option<String> {
    if let Some(why) = state.unchangeable() {
        return Some(format!("{} is forbidden here: {why}", deed.words()));
    }
    Aim::wants(state, deed)
}
