//! A partition as the leader of followers: what they read, and what they tell of themselves.

use std::sync::Arc;

use super::Partition;
use crate::replica::Input;
use crate::runtime::replication::ReplicaFetch;
use crate::runtime::{PartitionError, ReadOutcome};

impl Partition {
    /// Plans a follower's read, and takes note of what the follower has. May be called again for the
    /// same request, when the partition has moved.
    ///
    /// Whether the broker epoch is the one of the follower's registration is up to the door, which
    /// has the image.
    pub fn replica_fetch(
        self: &Arc<Self>,
        fetch: &ReplicaFetch,
    ) -> Result<ReadOutcome, PartitionError> {
        self.dir.verify_online()?;
        let mut state = self.state.lock();
        if !state.leader()?.is_replica(fetch.replica) {
            return Err(PartitionError::NotReplica(fetch.replica));
        }
        let outcome = self.read_locked(&mut state, fetch.read)?;
        if outcome.diverging.is_none() {
            let fetch_offset = fetch.read.offset;
            state.step(Input::FollowerFetched {
                follower: fetch.replica,
                broker_epoch: fetch.broker_epoch,
                fetch_offset,
                synced_end: fetch.synced_end.unwrap_or_default(),
                log_start: fetch.log_start.unwrap_or_default(),
                now: self.clock.elapsed(),
            });
        }
        Ok(outcome)
    }

    /// Tells the leader of something; whoever leads no longer does not care.
    pub(in crate::runtime) fn tell(&self, input: Input) {
        self.state.lock().step(input);
    }

    /// Time has passed for the leader. Registers with the timer again if it still watches the time.
    pub(in crate::runtime) fn tick(&self) {
        let mut state = self.state.lock();
        state.ticking = false;
        state.step(Input::Ticked { now: self.clock.elapsed() });
    }
}
