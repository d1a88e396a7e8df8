//! The way out of a cluster: nothing is to wait for a broker that stops on purpose.

use std::time::Duration;

use crate::peers::PulseHandle;
use crate::raft::Controller;

/// A quorum that finds no leader for so long does not move anything any more.
const LEADERLESS_MAX: Duration = Duration::from_secs(3);

/// Has the leaders of partitions move to other brokers, and the lead of the quorum to another voter.
/// Takes no longer than it may; then the others find out by themselves.
pub(super) async fn hand_over(controller: &Controller, pulse: &mut PulseHandle, limit: Duration) {
    if is_alone(controller) {
        return;
    }
    let moved = tokio::select! {
        moved = pulse.wish_to_stop(limit) => moved,
        () = leaderless(controller) => false,
    };
    if !moved {
        tracing::warn!("stopping although this broker still leads partitions");
    }
    if controller.is_leader() {
        hand_over_quorum(controller).await;
    }
}

/// The last word: what follows is no failure.
pub(super) async fn say_farewell(controller: &Controller, pulse: PulseHandle) {
    if is_alone(controller) {
        pulse.abandon();
    } else {
        pulse.leave().await;
    }
}

fn is_alone(controller: &Controller) -> bool {
    controller.quorum().iter().all(|it| it.broker == controller.broker())
}

async fn hand_over_quorum(controller: &Controller) {
    let me = controller.broker();
    let others = controller.quorum().into_iter().filter(|it| it.voter && it.broker != me);
    for other in others {
        match controller.transfer(other.broker).await {
            Ok(()) => return,
            Err(err) => tracing::info!(error = %err, "the quorum's lead stays here"),
        }
    }
}

/// Resolves when nobody has led for a while.
async fn leaderless(controller: &Controller) {
    let mut leadership = controller.leadership();
    loop {
        let found = leadership.wait_for(|it| it.leader.is_some());
        if !matches!(tokio::time::timeout(LEADERLESS_MAX, found).await, Ok(Ok(_))) {
            return;
        }
        if leadership.wait_for(|it| it.leader.is_none()).await.is_err() {
            return;
        }
    }
}
