//! G3: how long groups may take to be stable again.

use std::cell::Cell;
use std::time::Duration;

use super::clients::{Ground, SESSION};

/// From the last member that came or went, and the last broker that did. Who went without a word is
/// gone when its session has ended.
const SETTLE_MAX: Duration = Duration::from_secs(10).saturating_add(SESSION);

/// Watches groups once the storm is over.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// Since when the brokers are well.
    well_since: Cell<Option<Duration>>,
    /// It took too long, and nobody waits for it any more.
    is_late: Cell<bool>,
}

impl Settling {
    /// Which group is still awaited.
    pub(crate) fn look(&self, ground: &Ground, now: Duration, is_well: bool) -> Option<String> {
        let since = self.well_since.get().filter(|_| is_well);
        self.well_since.set(is_well.then(|| since.unwrap_or(now)));
        let unsettled = ground.unsettled().filter(|_| !self.is_late.get())?;
        let since = since.unwrap_or(now).max(ground.last_change());
        if since + SETTLE_MAX < now {
            self.is_late.set(true);
            let since = since.as_secs_f64();
            let what = format_args!("since {since:.3}s all is well, but {unsettled}");
            ground.history.borrow_mut().broke("G3", what);
        }
        Some(unsettled)
    }
}
