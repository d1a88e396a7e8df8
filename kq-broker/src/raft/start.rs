//! Opening a controller: its files, its raft node, and what runs beside both.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kq_storage::vfs::Vfs;
use openraft::{Config, ServerState, SnapshotPolicy};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::contact::Contact;
use super::controller::{Controller, Inner, LEADER_WAIT, keep_deadlines};
use super::disk::KnownEnd;
use super::identity::Identity;
use super::machine::Machine;
use super::members::{Leadership, follow_members};
use super::network::Network;
use super::proposer::Proposer;
use super::store::{Begin, Opened, Store};
use super::types::Raft;
use crate::controller::{Command, ControlError, Refused, Settings};
use crate::env;
use crate::ids::{self, BrokerId, ClusterId};
use crate::metadata::{Change, MetadataRecord, TimestampMs};
use crate::peers::Peers;

/// Commands that wait for the proposer; more wait for a place.
const SUBMISSIONS_MAX: usize = 1_024;
/// How often the leader says that it lives, and how long the others wait until they elect another.
const HEARTBEAT_MS: u64 = 150;
const ELECTION_MS_MIN: u64 = 750;
const ELECTION_MS_MAX: u64 = 1_000;

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

/// What a directory without a log begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Birth {
    /// A new cluster, of which this broker is the one voter.
    Cluster,
    /// Nothing: this broker joins a cluster, whose leader will send the log.
    Joining,
    /// An error: this broker has been of a cluster before.
    Again,
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
    /// What an empty directory begins with.
    pub birth: Birth,
    /// Where the others reach this broker; empty if there are to be none.
    pub address: String,
    /// The ways to the others.
    pub peers: Peers,
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
        /// The members that its log names.
        found: Vec<u64>,
        /// As configured.
        expected: BrokerId,
    },
    /// What is committed cannot be applied.
    #[error("the metadata log cannot be replayed: {0}")]
    Catchup(ControlError),
}

impl Controller {
    /// Opens the directory, and returns when commands are carried out.
    pub async fn start(options: ControllerOptions) -> Result<Self, StartError> {
        let expected = options.cluster_id.clone();
        let controller = Self::open(options).await?;
        if let Err(err) = controller.verify_cluster_id(expected).await {
            controller.shutdown().await;
            return Err(err);
        }
        Ok(controller)
    }

    /// Opens the directory. A voter that is alone leads on return; any other waits for its leader.
    pub async fn open(options: ControllerOptions) -> Result<Self, StartError> {
        let in_dir = |source| StartError::Store { dir: options.dir.clone(), source };
        let opened = open_store(&options).await.map_err(in_dir)?;
        let Opened { store, snapshot, members, thread: disk } = opened;
        let machine = Machine::open(store.clone(), snapshot.as_deref()).map_err(in_dir)?;
        let id = u64::from(options.broker.0);
        let alone = members == BTreeSet::from([id]);
        let (images, stopping) = (machine.images(), store.stopping());
        options.peers.follow(images.subscribe());
        let identity = Arc::new(Identity {
            broker: options.broker,
            cluster_id: options.cluster_id.clone(),
            images: images.clone(),
        });
        let network = Network { identity: Arc::clone(&identity), peers: options.peers.clone() };
        let config = raft_config(options.trimming, alone)?;
        let started = Box::pin(Raft::new(id, config, network, store.clone(), machine)).await;
        let raft = started.map_err(|err| StartError::Raft(err.to_string()))?;
        let standing = match options.birth {
            _ if alone => lead(&raft).await,
            // The first entries that it was sent may be from before it was a member.
            Birth::Joining => Ok(()),
            Birth::Cluster | Birth::Again => verify_member(&members, id),
        };
        if let Err(err) = standing {
            // What it was already told to do is done or not; nobody waits for it.
            let _ = raft.shutdown().await;
            return Err(err);
        }
        let (submissions, inbox) = mpsc::channel(SUBMISSIONS_MAX);
        let clock = options.clock.clone();
        let proposer = Proposer {
            raft: raft.clone(),
            store,
            images: images.clone(),
            settings: options.settings.clone(),
            clock: clock.clone(),
        };
        tokio::spawn(proposer.run(inbox));
        let deadlines = keep_deadlines(submissions.downgrade(), images.subscribe(), clock);
        let (leads, leadership) = watch::channel(Leadership::default());
        let members = follow_members(raft.clone(), options.peers.clone(), leads);
        let inner = Inner {
            identity,
            address: options.address,
            life: OnceLock::new(),
            peers: options.peers,
            raft,
            images,
            submissions: Mutex::new(Some(submissions)),
            disk: Mutex::new(Some(disk)),
            stopping,
            kept_out: Mutex::default(),
            leadership,
            contact: Contact::default(),
            beside: [tokio::spawn(deadlines), tokio::spawn(members)],
            changing_members: tokio::sync::Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Waits until the image holds all that was committed, and checks whose it is.
    pub async fn verify_cluster_id(&self, expected: Option<ClusterId>) -> Result<(), StartError> {
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
}

async fn open_store(options: &ControllerOptions) -> io::Result<Opened> {
    let (fs, dir) = (options.fs.clone(), options.dir.clone());
    let (voter, address) = (u64::from(options.broker.0), options.address.clone());
    let (birth, first) = (options.birth, first_change(options));
    let known_end = options.known_end.clone();
    let open = move || {
        let begin = match birth {
            Birth::Cluster => Begin::Cluster { first: &first, voter: (voter, &address) },
            Birth::Joining => Begin::FromOthers,
            Birth::Again => Begin::Again,
        };
        Store::open(fs, dir, &begin, known_end.as_ref())
    };
    env::spawn_blocking(open).await.map_err(io::Error::other)?
}

/// What an empty directory begins with.
fn first_change(options: &ControllerOptions) -> Change {
    let cluster_id =
        options.cluster_id.clone().unwrap_or_else(|| ClusterId::from_uuid(ids::draw()));
    let mut change = Change::new((options.clock)(), "first start of the first voter");
    change.records.push(MetadataRecord::ClusterCreated { cluster_id });
    change
}

/// One voter needs no clock: it elects itself when told to and its lease never ends. With more
/// members ticks and heartbeats go on, which [`follow_members`] sees to.
///
/// Who led before it stopped leads again at once only if it was alone: others may have entries of
/// its term that it has lost.
fn raft_config(trimming: Trimming, alone: bool) -> Result<Arc<Config>, StartError> {
    let config = Config {
        cluster_name: "kq".to_owned(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MS_MIN,
        election_timeout_max: ELECTION_MS_MAX,
        enable_tick: false,
        enable_heartbeat: false,
        enable_elect: false,
        enable_pre_vote: Some(true),
        enable_leader_restore: Some(alone),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(trimming.snapshot_entries),
        max_in_snapshot_log_to_keep: trimming.kept_entries,
        ..Config::default()
    };
    let config = config.validate().map_err(|err| StartError::Raft(err.to_string()))?;
    Ok(Arc::new(config))
}

/// Makes the one voter lead.
async fn lead(raft: &Raft) -> Result<(), StartError> {
    let refused = |err: &dyn std::error::Error| StartError::Raft(err.to_string());
    let state = raft.with_raft_state(|state| state.server_state).await;
    // Who led before it stopped leads again at once; else this asks for it.
    if state.map_err(|err| refused(&err))? != ServerState::Leader {
        raft.trigger().elect(false).await.map_err(|err| refused(&err))?;
    }
    let waited = raft.wait(Some(LEADER_WAIT)).state(ServerState::Leader, "one voter leads").await;
    waited.map(|_| ()).map_err(|err| refused(&err))
}

/// A log that names only others is another broker's. Who was removed from the quorum is named by
/// none of its later entries, but by those before, or has a log that names more than one.
fn verify_member(members: &BTreeSet<u64>, id: u64) -> Result<(), StartError> {
    match members.iter().next() {
        Some(other) if members.len() == 1 && *other != id => {
            let expected = BrokerId(u32::try_from(id).unwrap_or(u32::MAX));
            Err(StartError::WrongBroker { found: members.iter().copied().collect(), expected })
        }
        Some(_) | None => Ok(()),
    }
}
