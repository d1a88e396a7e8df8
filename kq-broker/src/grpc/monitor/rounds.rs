//! Something that is looked up again and again while somebody wants it, once for all who do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::demand::{Demand, Guest};

/// What was found last; none before the first round.
type Found<T> = Option<Arc<T>>;

/// Rounds of looking something up.
#[derive(Debug)]
pub(super) struct Rounds<T> {
    demand: Arc<Demand>,
    found: Arc<watch::Sender<Found<T>>>,
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
    /// Looks once each `every` from now on, unless somebody already does. `look` is given what was
    /// found before.
    pub(super) fn follow<F, L>(&self, every: Duration, look: F) -> Follow<T>
    where
        F: Fn(Found<T>) -> L + Send + Sync + 'static,
        L: Future<Output = T> + Send + 'static,
    {
        let found = Arc::clone(&self.found);
        let guest = self.demand.join(false, |ends| {
            found.send_replace(None);
            tokio::spawn(run(found, (every, ends), look));
        });
        Follow::new(guest, self.found.subscribe())
    }
}

async fn run<T, F, L>(
    found: Arc<watch::Sender<Found<T>>>,
    (every, ends): (Duration, CancellationToken),
    look: F,
) where
    F: Fn(Found<T>) -> L + Send + Sync,
    L: Future<Output = T> + Send,
{
    let mut turns = tokio::time::interval(every);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let before = found.borrow().clone();
        let round = async {
            turns.tick().await;
            look(before).await
        };
        let now = tokio::select! {
            () = ends.cancelled() => return,
            now = round => now,
        };
        found.send_replace(Some(Arc::new(now)));
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
