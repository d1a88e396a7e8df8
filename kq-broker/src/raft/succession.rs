//! Taking over at once from a leader whose process is known to be gone.
//!
//! Voters wait out the lease of a leader that fell silent: it may only be slow. Where its machine
//! says that nobody listens there any more, there is nothing to wait for, and they stand for
//! election in turn, by requests that leases do not hold up, as when a leader hands over (Raft
//! dissertation, 3.10 and 4.2.3). Votes go by terms and logs as ever: were it a mistake, it would
//! cost one change of leaders and nothing else.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;
use openraft::raft::TransferLeaderRequest;

use super::controller::Controller;
use crate::ids::BrokerId;

/// How long each voter leaves to those before it: an election takes some round trips and a sync.
const TURN: Duration = Duration::from_millis(150);

impl Controller {
    /// Stands for election in the place of a leader that is gone, unless another voter is elected
    /// before it is this one's turn. Returns when this one stands, or needs not.
    pub async fn succeed(&self, gone: BrokerId) {
        let Some(turn) = turn_after(gone, &self.status().voters, self.broker()) else { return };
        let mut leadership = self.leadership();
        let settled = leadership.wait_for(|it| it.leader != Some(gone));
        if tokio::time::timeout(TURN * turn, settled).await.is_ok() {
            return;
        }
        let raft = &self.inner.raft;
        let (leader, vote) = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow_watched();
            (metrics.current_leader, metrics.vote)
        };
        if leader != Some(u64::from(gone.0)) {
            return;
        }
        tracing::info!(%gone, "the leader of the metadata quorum is gone: standing for election");
        let me = u64::from(self.broker().0);
        match raft.handle_transfer_leader(TransferLeaderRequest::new(vote, me, None)).await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => tracing::debug!(error = %err, "another election is under way"),
            Err(err) => tracing::debug!(error = %err, "the controller has stopped"),
        }
    }
}

/// How many voters stand before this one; none if it has no vote.
fn turn_after(gone: BrokerId, voters: &[BrokerId], me: BrokerId) -> Option<u32> {
    let mut staying: Vec<BrokerId> = voters.iter().copied().filter(|it| *it != gone).collect();
    staying.sort_unstable();
    let turn = staying.iter().position(|it| *it == me)?;
    u32::try_from(turn).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_stand_in_the_order_of_their_ids() {
        let voters = [3, 1, 2].map(BrokerId);
        let turn = |me| turn_after(BrokerId(1), &voters, BrokerId(me));
        assert_eq!([1, 2, 3, 4].map(turn), [None, Some(0), Some(1), None]);
    }
}
