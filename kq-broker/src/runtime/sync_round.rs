//! One round of a follower's fetches: what many partitions took in, until all of it is stable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the partitions whose sync is still awaited.
#[derive(Debug, Default)]
pub struct SyncRound {
    left: Arc<Left>,
}

#[derive(Debug, Default)]
struct Left {
    count: AtomicUsize,
    joined: AtomicBool,
    none: Notify,
}

/// One partition's part of a round; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct RoundPart(Arc<Left>);

impl SyncRound {
    /// A round that waits for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until everything that was applied with this round is on stable storage, or never will
    /// be, because its partition was closed or its records were cut off.
    pub async fn done(&self) {
        while self.left.count.load(Ordering::Acquire) > 0 {
            self.left.none.notified().await;
        }
    }

    /// Whether there is nothing to wait for.
    pub fn is_done(&self) -> bool {
        self.left.count.load(Ordering::Acquire) == 0
    }

    /// Whether anything was ever waited for; it may be over by now.
    pub fn was_joined(&self) -> bool {
        self.left.joined.load(Ordering::Acquire)
    }

    pub(super) fn part(&self) -> RoundPart {
        self.left.joined.store(true, Ordering::Release);
        self.left.count.fetch_add(1, Ordering::AcqRel);
        RoundPart(Arc::clone(&self.left))
    }
}

impl Drop for RoundPart {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_round_is_over_when_its_last_part_is() {
        let round = SyncRound::new();
        assert!(round.done().now_or_never().is_some() && !round.was_joined());
        let parts = [round.part(), round.part()];
        assert!(round.done().now_or_never().is_none());
        drop(parts);
        assert!(round.done().now_or_never().is_some() && round.is_done());
        assert!(round.was_joined(), "what joined may be asked for again, however soon it was over");
    }
}
