//! Something that is looked up again and again while somebody wants it, once for all who do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::demand::{Demand, Guest};

/// A round may take so little of the time until the next one; else that comes later.
const COSTS: u32 = 50;

/// What was found last; none before the first round.
type Found<T> = Option<Arc<T>>;

/// Rounds of looking something up.
#[derive(Debug)]
pub(super) struct Rounds<T> {
    demand: Arc<Demand>,
    found: Arc<watch::Sender<Found<T>>>,
}

/// The time between two rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// As long as rounds are cheap.
    pub(super) least: Duration,
    /// However dear they are.
    pub(super) most: Duration,
}

/// Somebody who is told what the rounds find. While there is one, they go on.
#[derive(Debug)]
pub(super) struct Follow<T> {
    _guest: Guest,
    found: watch::Receiver<Found<T>>,
    has_some: bool,
}

impl<T> Default for Rounds<T> {
    fn default() -> Self {
        Self { demand: Arc::default(), found: Arc::new(watch::Sender::new(None)) }
    }
}

impl<T: Send + Sync + 'static> Rounds<T> {
    /// Looks at this pace from now on, unless somebody already does. `look` is given what was found
    /// before.
    pub(super) fn follow<F, L>(&self, pace: impl Into<Pace>, look: F) -> Follow<T>
    where
        F: Fn(Found<T>) -> L + Send + Sync + 'static,
        L: Future<Output = T> + Send + 'static,
    {
        let (found, pace) = (Arc::clone(&self.found), pace.into());
        let guest = self.demand.join(false, |ends| {
            found.send_replace(None);
            tokio::spawn(run(found, (pace, ends), look));
        });
        Follow::new(guest, self.found.subscribe())
    }
}

async fn run<T, F, L>(
    found: Arc<watch::Sender<Found<T>>>,
    (pace, ends): (Pace, CancellationToken),
    look: F,
) where
    F: Fn(Found<T>) -> L + Send + Sync,
    L: Future<Output = T> + Send,
{
    let mut next = tokio::time::Instant::now();
    loop {
        let before = found.borrow().clone();
        let round = async {
            tokio::time::sleep_until(next).await;
            let began = tokio::time::Instant::now();
            let now = look(before).await;
            (now, began, began.elapsed())
        };
        let (now, began, took) = tokio::select! {
            () = ends.cancelled() => return,
            told = round => told,
        };
        next = began + pace.after(took);
        found.send_replace(Some(Arc::new(now)));
    }
}

impl From<Duration> for Pace {
    fn from(every: Duration) -> Self {
        Self { least: every, most: every }
    }
}

impl Pace {
    /// From the begin of a round that took so long to that of the next one.
    fn after(self, took: Duration) -> Duration {
        took.saturating_mul(COSTS).max(self.least).min(self.most)
    }
}

impl<T> Follow<T> {
    pub(super) fn new(guest: Guest, found: watch::Receiver<Found<T>>) -> Self {
        let has_some = found.borrow().is_some();
        Self { _guest: guest, found, has_some }
    }

    /// What was found last.
    pub(super) fn newest(&self) -> Found<T> {
        self.found.borrow().clone()
    }

    /// Waits for what is found next; true if it is the first.
    pub(super) async fn changed(&mut self) -> bool {
        if self.found.changed().await.is_err() {
            // Nobody looks any more; what was found stays.
            std::future::pending::<()>().await;
        }
        let is_some = self.found.borrow_and_update().is_some();
        is_some && !std::mem::replace(&mut self.has_some, true)
    }
}

/// Waits in the same way for something that may not be followed; then for ever.
pub(super) async fn changed<T>(followed: &mut Option<Follow<T>>) -> bool {
    match followed {
        Some(followed) => followed.changed().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_that_are_dear_come_later() {
        let ms = Duration::from_millis;
        let pace = Pace { least: ms(1_000), most: ms(5_000) };
        let after: Vec<Duration> = [0, 20, 40, 400].map(|took| pace.after(ms(took))).into();
        assert_eq!(after, [ms(1_000), ms(1_000), ms(2_000), ms(5_000)]);
        assert_eq!(Pace::from(ms(1_000)).after(ms(300)), ms(1_000));
    }
}
