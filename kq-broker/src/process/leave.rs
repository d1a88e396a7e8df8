//! The way out of a cluster: nothing is to wait for a broker that stops on purpose.

use std::time::Duration;

use crate::controller::may_stop;
use crate::metadata::MetadataImage;
use crate::peers::PulseHandle;
use crate::raft::Controller;

/// A quorum that does not even take the wish to stop up in this time does not move anything any more.
const WISH_WAIT: Duration = Duration::from_secs(5);

/// Who has heard of no majority for so long has nobody to hand over to: an election takes less.
const LOST_AFTER: Duration = Duration::from_secs(3);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Has the leaders of partitions move to other brokers, and the lead of the quorum to another voter.
/// Takes no longer than it may; then the others find out by themselves.
pub(super) async fn hand_over(controller: &Controller, pulse: &PulseHandle, limit: Duration) {
    if is_alone(controller) {
        return;
    }
    let me = controller.broker();
    pulse.wish_to_stop();
    let moved = shows(controller, limit, |image| may_stop(image, me));
    let ignored = async {
        let heard = shows(controller, WISH_WAIT, |image| !image.may_lead(me)).await;
        if heard {
            std::future::pending::<()>().await;
        }
    };
    let why = tokio::select! {
        moved = moved => (!moved).then_some("not all its leaders have moved in time"),
        () = ignored => Some("the controller does not take the wish to stop up"),
        () = lost(controller) => Some("no majority of the metadata quorum is heard"),
    };
    if let Some(why) = why {
        tracing::warn!(why, "stopping although this broker may still lead partitions");
    }
    if controller.is_leader() {
        hand_over_quorum(controller).await;
    }
}

/// Whether the image comes to show something within a time.
async fn shows(
    controller: &Controller,
    limit: Duration,
    what: impl Fn(&MetadataImage) -> bool,
) -> bool {
    let mut images = controller.subscribe();
    let shown = images.wait_for(|image| what(image));
    matches!(tokio::time::timeout(limit, shown).await, Ok(Ok(_)))
}

/// Comes back when the quorum has been silent for so long that it decides nothing now.
async fn lost(controller: &Controller) {
    while controller.silence() < LOST_AFTER {
        tokio::time::sleep(LOOK_EVERY).await;
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
