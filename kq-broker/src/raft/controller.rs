//! The handle that the rest of the broker holds: submit a command, read the image.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::kafka::ErrorCode;
use openraft::async_runtime::WatchReceiver as _;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;

use super::contact::Contact;
use super::disk_thread::DiskThread;
use super::identity::Identity;
use super::machine::Images;
use super::members::Leadership;
use super::proposer::{Submission, WallClock};
use super::types::Raft;
use crate::controller::{Command, ControlError, Refused};
use crate::ids::{BrokerId, ClusterId, Incarnation};
use crate::metadata::MetadataImage;
use crate::peers::Peers;

/// How long a start waits for a leader before it gives up.
pub(super) const LEADER_WAIT: Duration = Duration::from_secs(10);

/// How the quorum stands, for describe and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerStatus {
    /// Who leads.
    pub leader: Option<BrokerId>,
    /// The raft term.
    pub term: u64,
    /// The last entry in this voter's log.
    pub last_log_index: Option<u64>,
    /// The last entry applied here.
    pub applied_index: Option<u64>,
    /// The last entry in a snapshot here.
    pub snapshot_index: Option<u64>,
    /// All voters.
    pub voters: Vec<BrokerId>,
    /// How many voters a majority is counted of; while they change, in the smaller set.
    pub deciding: usize,
    /// The members that only listen.
    pub learners: Vec<BrokerId>,
}

/// The metadata quorum, as everyone else sees it. Cheap to clone.
#[derive(Clone)]
pub struct Controller {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) identity: Arc<Identity>,
    /// Where the others reach this broker.
    pub(super) address: String,
    /// Which life of this broker it is.
    pub(super) life: OnceLock<Incarnation>,
    pub(super) peers: Peers,
    pub(super) raft: Raft,
    pub(super) images: Arc<Images>,
    pub(super) submissions: Mutex<Option<mpsc::Sender<Submission>>>,
    pub(super) disk: Mutex<Option<DiskThread>>,
    /// Ends what waits for room on the disk.
    pub(super) stopping: Arc<AtomicBool>,
    /// Learners that an operator wants to stay learners.
    pub(super) kept_out: Mutex<BTreeSet<BrokerId>>,
    pub(super) leadership: watch::Receiver<Leadership>,
    /// When the others were last heard.
    pub(super) contact: Contact,
    /// What runs until the stop.
    pub(super) beside: [tokio::task::JoinHandle<()>; 2],
    /// Held by whoever changes the members of the quorum.
    pub(super) changing_members: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let broker = self.inner.identity.broker;
        f.debug_struct("Controller").field("broker", &broker).finish_non_exhaustive()
    }
}

impl Controller {
    /// The newest image.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.inner.images.newest()
    }

    /// Tells of each newer image.
    pub fn subscribe(&self) -> watch::Receiver<Arc<MetadataImage>> {
        self.inner.images.subscribe()
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> ClusterId {
        self.inner.identity.cluster_id().unwrap_or_default()
    }

    /// This broker.
    pub fn broker(&self) -> BrokerId {
        self.inner.identity.broker
    }

    /// The ways to the others.
    pub fn peers(&self) -> &Peers {
        &self.inner.peers
    }

    /// The broker whose controller leads, as far as this one knows.
    pub fn leader(&self) -> Option<BrokerId> {
        self.inner.raft.metrics().borrow_watched().current_leader.and_then(broker_of)
    }

    /// Tells whenever somebody else leads, or nobody.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// The head of a message to another broker.
    pub fn route_to(&self, broker: BrokerId) -> v1::Route {
        self.inner.identity.route_to(u64::from(broker.0))
    }

    /// Refuses a message that is not meant for this broker; tells who sent it.
    pub fn verify_route(&self, route: Option<&v1::Route>) -> Result<BrokerId, Status> {
        self.inner.identity.verify(route)
    }

    /// Whether this broker's controller leads, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.leader() == Some(self.broker())
    }

    /// How the quorum stands.
    pub fn status(&self) -> ControllerStatus {
        let receiver = self.inner.raft.metrics();
        let metrics = receiver.borrow_watched();
        let membership = metrics.membership_config.membership();
        let sets = membership.get_joint_config().iter().map(BTreeSet::len);
        ControllerStatus {
            leader: metrics.current_leader.and_then(broker_of),
            term: metrics.current_term,
            last_log_index: metrics.last_log_index,
            applied_index: metrics.last_applied.map(|id| id.index),
            snapshot_index: metrics.snapshot.map(|id| id.index),
            voters: membership.voter_ids().filter_map(broker_of).collect(),
            deciding: sets.min().unwrap_or(0),
            learners: membership.learner_ids().filter_map(broker_of).collect(),
        }
    }

    /// Takes a snapshot now and trims the log behind it.
    pub async fn snapshot(&self) -> Result<(), ControlError> {
        self.inner.raft.trigger().snapshot().await.map_err(|_| stopped())
    }

    /// Whether it was told to stop, or its disk has made it.
    pub fn is_stopped(&self) -> bool {
        self.inner.submissions.lock().is_none()
    }

    /// Stops: finishes the command under way, closes the files in order. Tells the last entry of
    /// the log; none if it was not closed in order.
    pub async fn shutdown(&self) -> Option<u64> {
        self.inner.beside.iter().for_each(tokio::task::JoinHandle::abort);
        self.inner.stopping.store(true, Ordering::Relaxed);
        drop(self.inner.submissions.lock().take());
        if let Err(err) = self.inner.raft.shutdown().await {
            tracing::warn!(error = %err, "the metadata quorum did not stop in order");
        }
        let disk = self.inner.disk.lock().take();
        // The thread ends once openraft's tasks have let go of the store.
        let joined = async { disk?.join().await };
        if let Ok(last) = tokio::time::timeout(LEADER_WAIT, joined).await {
            return last;
        }
        tracing::warn!("the thread of the metadata log did not end");
        None
    }
}

/// How often the controller looks while time alone may move leaders.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Sends a tick when the nearest deadline of the image has come, and every few seconds while leaders
/// are balanced; sleeps otherwise.
pub(super) async fn keep_deadlines(
    submissions: mpsc::WeakSender<Submission>,
    mut images: watch::Receiver<Arc<MetadataImage>>,
    clock: WallClock,
) {
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let image = Arc::clone(&images.borrow_and_update());
        let deadline = image.next_deadline();
        let wait = deadline.map(|at| {
            let wait_ms = u64::try_from(at.0.saturating_sub(clock().0)).unwrap_or(0);
            // Not too long at once: the clock of the day may be set in between.
            Duration::from_millis(wait_ms.clamp(1, 3_600_000))
        });
        let is_due = tokio::select! {
            changed = images.changed() => {
                if changed.is_err() {
                    return;
                }
                false
            }
            _ = looks.tick(), if image.wants_ticks() => true,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                deadline.is_some_and(|at| clock() >= at)
            }
        };
        if is_due {
            let Some(submissions) = submissions.upgrade() else { return };
            tick(&submissions).await;
        }
    }
}

async fn tick(submissions: &mpsc::Sender<Submission>) {
    let command = Command::Tick;
    let (reply, replied) = oneshot::channel();
    let reason = command.usual_reason();
    if submissions.send(Submission { command, reason, reply }).await.is_err() {
        return;
    }
    if let Ok(Err(err)) = replied.await {
        // Whoever leads has the same deadlines.
        if err.refused != Refused::NoController {
            tracing::warn!(error = %err, "topics whose time is up could not be purged");
        }
        // A controller that cannot commit is asked again, but not in a hurry.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

pub(super) fn broker_of(id: u64) -> Option<BrokerId> {
    u32::try_from(id).ok().map(BrokerId)
}

pub(super) fn stopped() -> ControlError {
    ControlError::new(ErrorCode::NotController, "the controller of this broker has stopped")
        .refused(Refused::NoController)
}
