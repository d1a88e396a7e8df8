//! Who wants something: the first one starts it, the last one ends it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Counts those who want something, and those of them who want all of it.
#[derive(Debug, Default)]
pub(super) struct Demand {
    guests: Mutex<Guests>,
    wide: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Guests {
    count: usize,
    ends: CancellationToken,
}

/// Somebody who wants it, until this is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    demand: Arc<Demand>,
    is_wide: bool,
}

impl Demand {
    /// Somebody more wants it. `start` is called for the first one, with what ends it.
    pub(super) fn join(
        self: &Arc<Self>,
        is_wide: bool,
        start: impl FnOnce(CancellationToken),
    ) -> Guest {
        if is_wide {
            self.wide.send_modify(|count| *count += 1);
        }
        let mut guests = self.guests.lock();
        guests.count += 1;
        if guests.count == 1 {
            guests.ends = CancellationToken::new();
            start(guests.ends.clone());
        }
        drop(guests);
        Guest { demand: Arc::clone(self), is_wide }
    }

    /// How many want all of it; tells when that changes.
    pub(super) fn wide(&self) -> watch::Receiver<usize> {
        self.wide.subscribe()
    }
}

impl Guest {
    /// Whether all of it is wanted.
    pub(super) fn is_wide(&self) -> bool {
        self.is_wide
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.is_wide {
            self.demand.wide.send_modify(|count| *count -= 1);
        }
        let mut guests = self.demand.guests.lock();
        guests.count -= 1;
        if guests.count == 0 {
            guests.ends.cancel();
        }
    }
}

/// Resolves when somebody wants all of it and nobody did, or the other way around; never if nobody
/// can want anything any more.
pub(super) async fn turns(wide: &mut watch::Receiver<usize>, was_wide: bool) {
    if wide.wait_for(|count| (*count > 0) != was_wide).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_guest_starts_and_the_last_one_ends() {
        let demand = Arc::new(Demand::default());
        let wide = demand.wide();
        let mut running = Vec::new();
        let first = demand.join(false, |ends| running.push(ends));
        let second = demand.join(true, |ends| running.push(ends));
        assert_eq!((running.len(), *wide.borrow()), (1, 1));
        drop(first);
        assert!(!running[0].is_cancelled());
        drop(second);
        assert!(running[0].is_cancelled());
        assert_eq!(*wide.borrow(), 0);
        let again = demand.join(false, |ends| running.push(ends));
        assert!(running.len() == 2 && !running[1].is_cancelled());
        drop(again);
    }
}
