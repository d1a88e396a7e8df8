//! The handle that the rest of the broker holds: submit a command, read the image.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_storage::vfs::Vfs;
use openraft::async_runtime::WatchReceiver as _;
use openraft::{Config, ServerState, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::disk::KnownEnd;
use super::machine::{Images, Machine};
use super::network::NoPeers;
use super::proposer::{Proposer, Submission, WallClock};
use super::store::{DiskThread, Store};
use super::types::Raft;
use crate::controller::{Command, ControlError, Refused, Reply, Settings};
use crate::ids::{BrokerId, ClusterId};
use crate::metadata::{Change, MetadataImage, MetadataRecord, TimestampMs, clip};

/// Commands that wait for the proposer; more wait for a place.
const SUBMISSIONS_MAX: usize = 1_024;
/// How long a start waits for a leader before it gives up.
const LEADER_WAIT: Duration = Duration::from_secs(10);

/// When the log is replaced by a snapshot of what it adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimming {
    /// Entries between two snapshots.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot, for voters that lag a little.
    pub kept_entries: u64,
}

impl Default for Trimming {
    fn default() -> Self {
        Self { snapshot_entries: 5_000, kept_entries: 500 }
    }
}

/// What a controller starts with.
#[derive(Clone)]
pub struct ControllerOptions {
    /// Where its files live.
    pub fs: Arc<dyn Vfs>,
    /// Their directory.
    pub dir: PathBuf,
    /// This broker, which is also the voter's number.
    pub broker: BrokerId,
    /// The cluster it must belong to, if that was said.
    pub cluster_id: Option<ClusterId>,
    /// An entry that its log must reach, if one is known: a log that ends before was cut short.
    pub known_end: Option<KnownEnd>,
    /// What commands are decided by.
    pub settings: Settings,
    /// When its log is trimmed.
    pub trimming: Trimming,
    /// The time of day.
    pub clock: Arc<dyn Fn() -> TimestampMs + Send + Sync>,
}

/// Why a controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its files cannot be read or written.
    #[error("metadata in {dir} cannot be opened: {source}")]
    Store {
        /// Where.
        dir: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// openraft refused to start.
    #[error("the metadata quorum does not start: {0}")]
    Raft(String),
    /// The directory belongs to another cluster.
    #[error("this directory belongs to cluster {found}, but the configuration names {expected}")]
    WrongCluster {
        /// As committed.
        found: ClusterId,
        /// As configured.
        expected: ClusterId,
    },
    /// The directory belongs to another broker.
    #[error("this directory belongs to voter {found:?}, but this broker is {expected}")]
    WrongBroker {
        /// The voters that its log names.
        found: Vec<u64>,
        /// As configured.
        expected: BrokerId,
    },
    /// What is committed cannot be applied.
    #[error("the metadata log cannot be replayed: {0}")]
    Catchup(ControlError),
}

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
}

/// The metadata quorum, as everyone else sees it. Cheap to clone.
#[derive(Clone)]
pub struct Controller {
    inner: Arc<Inner>,
}

struct Inner {
    broker: BrokerId,
    raft: Raft,
    images: Arc<Images>,
    submissions: Mutex<Option<mpsc::Sender<Submission>>>,
    disk: Mutex<Option<DiskThread>>,
    /// Ends what waits for room on the disk.
    stopping: Arc<AtomicBool>,
    deadlines: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Controller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").field("broker", &self.inner.broker).finish_non_exhaustive()
    }
}

impl Controller {
    /// Opens the directory and leads at once; an empty one becomes a cluster of one voter.
    pub async fn start(options: ControllerOptions) -> Result<Self, StartError> {
        let in_dir = |source| StartError::Store { dir: options.dir.clone(), source };
        let (fs, dir) = (options.fs.clone(), options.dir.clone());
        let id = u64::from(options.broker.0);
        let first = first_change(&options);
        let known_end = options.known_end.clone();
        let open = move || Store::open(fs, dir, (&first, id), known_end.as_ref());
        let opened = tokio::task::spawn_blocking(open).await.map_err(io::Error::other);
        let (store, snapshot, disk) = opened.and_then(|opened| opened).map_err(in_dir)?;
        let machine = Machine::open(store.clone(), snapshot.as_deref()).map_err(in_dir)?;
        let (images, stopping) = (machine.images(), store.stopping());
        let raft = Box::pin(Raft::new(
            id,
            raft_config(options.trimming)?,
            NoPeers,
            store.clone(),
            machine,
        ))
        .await
        .map_err(|err| StartError::Raft(err.to_string()))?;
        if let Err(err) = lead(&raft, options.broker).await {
            // What it was already told to do is done or not; nobody waits for it.
            let _ = raft.shutdown().await;
            return Err(err);
        }

        let (submissions, inbox) = mpsc::channel(SUBMISSIONS_MAX);
        let clock: WallClock = options.clock.clone();
        let proposer = Proposer {
            raft: raft.clone(),
            store,
            images: images.clone(),
            settings: options.settings.clone(),
            clock: clock.clone(),
        };
        tokio::spawn(proposer.run(inbox));
        let deadlines =
            tokio::spawn(keep_deadlines(submissions.downgrade(), images.subscribe(), clock));
        let inner = Inner {
            broker: options.broker,
            raft,
            images,
            submissions: Mutex::new(Some(submissions)),
            disk: Mutex::new(Some(disk)),
            stopping,
            deadlines,
        };
        let controller = Self { inner: Arc::new(inner) };
        if let Err(err) = controller.verify_cluster_id(options.cluster_id).await {
            controller.shutdown().await;
            return Err(err);
        }
        Ok(controller)
    }

    /// Waits until the image holds all that was committed, and checks whose it is.
    async fn verify_cluster_id(&self, expected: Option<ClusterId>) -> Result<(), StartError> {
        match self.submit(Command::Tick, LEADER_WAIT).await {
            // Then it is not the log that lacks anything: topics whose time is up stay.
            Err(err) if err.refused == Refused::Storage => tracing::warn!(error = %err, "tick"),
            replied => drop(replied.map_err(StartError::Catchup)?),
        }
        match expected.filter(|expected| *expected != self.cluster_id()) {
            Some(expected) => Err(StartError::WrongCluster { found: self.cluster_id(), expected }),
            None => Ok(()),
        }
    }

    /// Carries a command out. Once this returns, [`Controller::image`] shows what it changed.
    pub async fn submit(
        &self,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, ControlError> {
        self.submit_for(String::new(), command, deadline).await
    }

    /// Carries a command out and keeps with it why; an empty reason stands for the usual one.
    ///
    /// After the deadline the outcome is open: the command may still take effect.
    pub async fn submit_for(
        &self,
        reason: impl Into<Cow<'static, str>>,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, ControlError> {
        let reason = match reason.into() {
            empty if empty.is_empty() => command.usual_reason(),
            given => tidy_reason(&given),
        };
        let (reply, replied) = oneshot::channel();
        let submissions = self.inner.submissions.lock().clone().ok_or_else(stopped)?;
        let carry_out = async {
            let submission = Submission { command, reason, reply };
            submissions.send(submission).await.map_err(|_| stopped())?;
            replied.await.map_err(|_| stopped())?
        };
        tokio::time::timeout(deadline, carry_out).await.unwrap_or_else(|_| Err(late(deadline)))
    }

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
        self.image().cluster_id().cloned().unwrap_or_default()
    }

    /// The broker whose controller leads, as far as this one knows.
    pub fn leader(&self) -> Option<BrokerId> {
        self.status().leader
    }

    /// How the quorum stands.
    pub fn status(&self) -> ControllerStatus {
        let receiver = self.inner.raft.metrics();
        let metrics = receiver.borrow_watched();
        ControllerStatus {
            leader: metrics.current_leader.and_then(broker_of),
            term: metrics.current_term,
            last_log_index: metrics.last_log_index,
            applied_index: metrics.last_applied.map(|id| id.index),
            snapshot_index: metrics.snapshot.map(|id| id.index),
            voters: metrics.membership_config.voter_ids().filter_map(broker_of).collect(),
        }
    }

    /// Takes a snapshot now and trims the log behind it.
    pub async fn snapshot(&self) -> Result<(), ControlError> {
        self.inner.raft.trigger().snapshot().await.map_err(|_| stopped())
    }

    /// Stops: finishes the command under way, closes the files in order. Tells the last entry of
    /// the log; none if it was not closed in order.
    pub async fn shutdown(&self) -> Option<u64> {
        self.inner.deadlines.abort();
        self.inner.stopping.store(true, Ordering::Relaxed);
        drop(self.inner.submissions.lock().take());
        if let Err(err) = self.inner.raft.shutdown().await {
            tracing::warn!(error = %err, "the metadata quorum did not stop in order");
        }
        let disk = self.inner.disk.lock().take();
        // The thread ends once openraft's tasks have let go of the store.
        let joined = tokio::task::spawn_blocking(move || disk?.join().ok()?);
        if let Ok(joined) = tokio::time::timeout(LEADER_WAIT, joined).await {
            return joined.ok().flatten();
        }
        tracing::warn!("the thread of the metadata log did not end");
        None
    }
}

/// What an empty directory begins with.
fn first_change(options: &ControllerOptions) -> Change {
    let cluster_id =
        options.cluster_id.clone().unwrap_or_else(|| ClusterId::from_uuid(Uuid::new_v4()));
    let mut change = Change::new((options.clock)(), "first start of the first voter");
    change.records.push(MetadataRecord::ClusterCreated { cluster_id });
    change
}

/// One voter needs no clock: it elects itself when told to and its lease never ends. With more
/// voters ticks and heartbeats go on.
fn raft_config(trimming: Trimming) -> Result<Arc<Config>, StartError> {
    let config = Config {
        cluster_name: "kq".to_owned(),
        heartbeat_interval: 150,
        election_timeout_min: 500,
        election_timeout_max: 1_000,
        enable_tick: false,
        enable_heartbeat: false,
        enable_elect: false,
        enable_pre_vote: Some(true),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(trimming.snapshot_entries),
        max_in_snapshot_log_to_keep: trimming.kept_entries,
        ..Config::default()
    };
    let config = config.validate().map_err(|err| StartError::Raft(err.to_string()))?;
    Ok(Arc::new(config))
}

/// Makes the one voter lead.
async fn lead(raft: &Raft, broker: BrokerId) -> Result<(), StartError> {
    let refused = |err: &dyn std::error::Error| StartError::Raft(err.to_string());
    let standing = raft.with_raft_state(|state| {
        let voters: Vec<u64> = state.membership_state.effective().voter_ids().collect();
        (voters, state.server_state)
    });
    let (voters, state) = standing.await.map_err(|err| refused(&err))?;
    if !voters.contains(&u64::from(broker.0)) {
        return Err(StartError::WrongBroker { found: voters, expected: broker });
    }
    // Who led before it stopped leads again at once; else this asks for it.
    if state != ServerState::Leader {
        raft.trigger().elect(false).await.map_err(|err| refused(&err))?;
    }
    let waited = raft.wait(Some(LEADER_WAIT)).state(ServerState::Leader, "one voter leads").await;
    waited.map(|_| ()).map_err(|err| refused(&err))
}

/// Sends a tick when the nearest deadline of the image has come; sleeps otherwise.
async fn keep_deadlines(
    submissions: mpsc::WeakSender<Submission>,
    mut images: watch::Receiver<Arc<MetadataImage>>,
    clock: WallClock,
) {
    loop {
        let deadline = images.borrow_and_update().next_deadline();
        let changed = match deadline {
            None => images.changed().await,
            Some(at) => {
                let wait_ms = u64::try_from(at.0.saturating_sub(clock().0)).unwrap_or(0);
                // Not too long at once: the clock of the day may be set in between.
                let wait = Duration::from_millis(wait_ms.clamp(1, 3_600_000));
                match tokio::time::timeout(wait, images.changed()).await {
                    Ok(changed) => changed,
                    Err(_) if clock() < at => Ok(()),
                    Err(_) => {
                        let Some(submissions) = submissions.upgrade() else { return };
                        tick(&submissions).await;
                        Ok(())
                    }
                }
            }
        };
        if changed.is_err() {
            return;
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
        tracing::warn!(error = %err, "topics whose time is up could not be purged");
        // A controller that cannot commit is asked again, but not in a hurry.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A reason is kept for ever and shown on terminals: one line, and not a long one.
fn tidy_reason(given: &str) -> Cow<'static, str> {
    const REASON_CHARS_MAX: usize = 500;
    let line: String = given.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    clip(line.trim(), REASON_CHARS_MAX).into()
}

fn broker_of(id: u64) -> Option<BrokerId> {
    u32::try_from(id).ok().map(BrokerId)
}

fn stopped() -> ControlError {
    ControlError::new(ErrorCode::NotController, "the controller of this broker has stopped")
        .refused(Refused::NoController)
}

fn late(deadline: Duration) -> ControlError {
    let message = format!("no answer from the controller within {} ms", deadline.as_millis());
    ControlError::new(ErrorCode::RequestTimedOut, message)
        .refused(Refused::Deadline)
        .hint("the change may still take effect: look before you repeat it")
}
