//! Taking over at once from a leader whose process is known to be gone.
//!
//! Voters wait out the lease of a leader that fell silent: it may only be slow. Where its machine
//! says that nobody listens there any more, there is nothing to wait for, and they stand for
//! election in turn, by requests that leases do not hold up, as when a leader hands over (Raft
//! dissertation, 3.10 and 4.2.3). Votes go by terms and logs as ever: were it a mistake, it would
//! cost one change of leaders and nothing else.
//!
//! A leader whose answers are lost on their way to it stays the leader for all who hear it, and
//! commits nothing: no lease runs out, and nobody else may stand. So a leader that hears of no
//! majority any more gives the lead up (Raft dissertation, 6.2): it hands it over to each voter in
//! turn, and falls silent meanwhile, for a voter that lacks its last entries cannot take the lead
//! and has to be elected. Where nobody hears it either, that changes nothing, and after a while it
//! speaks again: those that return may need what only its log has. Voters that still beat are only
//! slow, as their disks may be, and another leader would wait for them too.

use std::time::Duration;

use openraft::async_runtime::WatchReceiver as _;
use openraft::raft::TransferLeaderRequest;

use super::controller::Controller;
use crate::ids::BrokerId;

/// How long each voter leaves to those before it: an election takes some round trips and a sync.
const TURN: Duration = Duration::from_millis(150);
/// A leader gives up after so long without a majority. Those that do not hear it have elected
/// another one by then.
const UNHEARD_MAX: Duration = Duration::from_secs(2);
/// How often that is looked at. One look proves nothing: a process that stood still itself hears
/// the others only afterwards.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Looks before the first voter is asked to take over, and before each other one.
const LOOKS_EACH: u32 = 2;
/// Looks of a turn, and of the part of it in which it is silent: several election timeouts.
const LOOKS_TURN: u32 = 32;
const LOOKS_SILENT: u32 = 24;

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

    /// Gives the lead up whenever this member leads and hears no majority. Runs until the stop.
    pub async fn yield_unheard(self) {
        let mut leadership = self.leadership();
        loop {
            let leads = leadership.wait_for(|it| it.leader == Some(self.broker())).await.map(drop);
            if leads.is_err() {
                return;
            }
            let mut looks = 0_u32;
            while self.is_leader() {
                tokio::time::sleep(LOOK_EVERY).await;
                let heard = self.silence() < UNHEARD_MAX || self.hears_majority(UNHEARD_MAX);
                looks = if heard { 0 } else { looks.saturating_add(1) };
                self.set_heartbeats(!is_silent(looks));
                if let Some(to) = successor(looks, &self.status().voters, self.broker()) {
                    self.hand_over(to, looks).await;
                }
            }
            self.set_heartbeats(true);
        }
    }

    /// They are sent only while there are others to send them to.
    fn set_heartbeats(&self, on: bool) {
        let is_alone = self.status().voters.len() < 2 && self.status().learners.is_empty();
        self.inner.raft.runtime_config().heartbeat(on && !is_alone);
    }

    async fn hand_over(&self, to: BrokerId, looks: u32) {
        if looks == LOOKS_EACH {
            tracing::warn!(%to, "no majority of the metadata quorum answers: giving its lead up");
        }
        if let Err(err) = self.inner.raft.trigger().transfer_leader(u64::from(to.0)).await {
            tracing::debug!(error = %err, "the controller has stopped");
        }
    }
}

/// Whom to hand over to after so many looks at which no majority was heard: each other voter has
/// some of them to take the lead, and then it is the next one's turn.
fn successor(looks: u32, voters: &[BrokerId], me: BrokerId) -> Option<BrokerId> {
    let mut others: Vec<BrokerId> = voters.iter().copied().filter(|it| *it != me).collect();
    others.sort_unstable();
    let round = usize::try_from(looks / LOOKS_EACH).ok()?.checked_sub(1)?;
    let due = looks.is_multiple_of(LOOKS_EACH);
    others.get(round % others.len().max(1)).copied().filter(|_| due)
}

/// Whether a leader without a majority sends no heartbeats now, so that others may stand.
fn is_silent(looks: u32) -> bool {
    LOOKS_EACH <= looks && looks % LOOKS_TURN < LOOKS_SILENT
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

    #[test]
    fn an_unheard_leader_is_silent_and_speaks_again_in_turn() {
        let silent: Vec<u32> = (0..80).filter(|looks| is_silent(*looks)).collect();
        let expected: Vec<u32> = (2..24).chain(32..56).chain(64..80).collect();
        assert_eq!(silent, expected);
    }

    #[test]
    fn an_unheard_leader_hands_over_to_each_voter_in_turn() {
        let voters = [3, 1, 2].map(BrokerId);
        let to = |looks| successor(looks, &voters, BrokerId(2)).map(|it| it.0);
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6].map(to),
            [None, None, Some(1), None, Some(3), None, Some(1)]
        );
        assert_eq!(successor(2, &voters[..1], BrokerId(3)), None);
    }
}
