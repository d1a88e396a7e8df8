//! Bringing the parts of a node up in their order, and its doors.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_storage::vfs::Vfs;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::dirs::Dirs;
use super::join::begin;
use super::limits::open_files_max;
use super::standing::{Asker, announce, refusal};
use super::{CONTROL_WAIT, ProcessError};
use crate::catalogue::StaticConfig;
use crate::config::BrokerConfig;
use crate::controller::{Command, ControlError, Limits, Refused, Settings};
use crate::env;
use crate::grpc::Early;
use crate::ids::{BrokerId, ClusterId, Incarnation};
use crate::metadata::{BrokerRegistration, Endpoint};
use crate::observe::Metrics;
use crate::peers::{Peers, Pulse, PulseHandle, SessionKeeper, address_of, parse_addresses};
use crate::raft::{Birth, Controller, ControllerOptions, StartError, Trimming};
use crate::runtime::{Clock, MinuteBook, Node, Partitions, Standstill, StoreParts};

/// Between two attempts to register under a number that is taken.
const TAKEN_PAUSE: Duration = Duration::from_secs(1);
/// The name of the one listener, as Kafka's clients know it.
const LISTENER: &str = "PLAINTEXT";

/// What stands before the node does.
pub(super) struct Ground<'a> {
    pub(super) config: BrokerConfig,
    pub(super) dirs: &'a mut Dirs,
    pub(super) fs: Arc<dyn Vfs>,
    pub(super) address: SocketAddr,
    pub(super) early: &'a Early,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stopping: CancellationToken,
}

/// A node that has its partitions open and is registered, with its tasks running.
pub(super) async fn start_node(
    ground: Ground<'_>,
) -> Result<(Arc<Node>, PulseHandle), ProcessError> {
    let Ground { mut config, dirs, fs, address, early, metrics, stopping } = ground;
    let clock = Clock::start();
    let advertised = advertised(&config, address)?;
    let reached_at =
        Endpoint { listener: LISTENER.to_owned(), host: advertised.0.clone(), port: advertised.1 };
    let own_address = address_of(&reached_at).unwrap_or_default();
    let fixed_addresses = parse_addresses(&config.peer_addresses).map_err(ProcessError::Config)?;
    let peers = Peers::new(fixed_addresses);
    let found = (own_address.as_str(), &peers, early);
    let birth = Box::pin(begin(&mut config, dirs, found, &stopping)).await?;
    let config = Arc::new(config);
    let fixed = statics(&config, address, &advertised)?;
    let options = controller_options(&config, dirs, (&fs, clock, &fixed))?;
    let options = ControllerOptions { birth, address: own_address, peers, ..options };
    let session = Duration::from_millis(config.session_ms);
    let life = Life { incarnation: Incarnation(Uuid::new_v4()), patience: taken_max(session) };
    let minutes =
        MinuteBook::open(Arc::clone(&fs), dirs.metadata_dir(), config.monitor_history_bytes);
    let opened = open_controller(options, (&config.join, life), early, &stopping);
    let controller = Box::pin(opened).await?;
    let keeper = SessionKeeper::new(controller.clone(), session, clock, minutes.known_until());
    early.keep_sessions(Arc::clone(&keeper));
    tokio::spawn(keeper.run());
    let parts = StoreParts {
        fs,
        config: Arc::clone(&config),
        fixed: fixed.clone(),
        dirs: Vec::new(),
        open_files_max: open_files_max(config.open_files_max),
        clock,
        metrics: Arc::clone(&metrics),
    };
    let own = Own { dirs, parts, reached_at, life };
    let (partitions, registration) = take_part(&controller, own, early, &stopping).await?;
    let beats = Duration::from_millis(config.heartbeat_ms);
    let pulse = Pulse::start(controller.clone(), registration, (beats, session));
    metrics.watch_store(&partitions);
    metrics.watch_quorum(&controller);
    tokio::spawn(controller.clone().grow_voters(config.controller_voters));
    tokio::spawn(controller.clone().yield_unheard());
    tokio::spawn(controller.clone().follow_addresses());
    let broker_id = BrokerId(config.node_id);
    let node = Node {
        config,
        fixed,
        controller,
        partitions,
        metrics,
        minutes: Arc::new(minutes),
        clock,
        broker_id,
        standstill: Standstill::new(session),
        advertised,
        stopping,
    };
    let node = Arc::new(node);
    node.start_tasks();
    node.partitions.wait_applied(node.image().applied()).await;
    Ok((node, pulse))
}

/// What a broker takes part with.
struct Own<'a> {
    dirs: &'a mut Dirs,
    /// Of its store, all but the directories.
    parts: StoreParts,
    reached_at: Endpoint,
    life: Life,
}

/// What it has then: its partitions, and what it is registered as.
type Part = (Arc<Partitions>, BrokerRegistration);

/// Takes part in the cluster, and tells the others meanwhile where it is. Who cannot lets go of the
/// metadata.
async fn take_part(
    controller: &Controller,
    own: Own<'_>,
    early: &Early,
    stopping: &CancellationToken,
) -> Result<Part, ProcessError> {
    let config = Arc::clone(&own.parts.config);
    let asker = Asker { controller, named: &config.join, life: own.life.incarnation };
    let taken = tokio::select! {
        taken = Box::pin(open_and_register(controller, own, early, stopping)) => taken,
        never = announce(&asker) => match never {},
    };
    if taken.is_err() {
        controller.shutdown().await;
    }
    taken
}

/// Opens the partitions that are in the directories, and registers: from then on this broker may be
/// made a leader, and must show that it lives.
async fn open_and_register(
    controller: &Controller,
    own: Own<'_>,
    early: &Early,
    stopping: &CancellationToken,
) -> Result<Part, ProcessError> {
    let Own { dirs, parts, reached_at, life } = own;
    let config = Arc::clone(&parts.config);
    dirs.claim(&controller.cluster_id(), config.node_id).map_err(ProcessError::Directories)?;
    dirs.end_joining().map_err(ProcessError::Directories)?;
    let resumed_cleanly = dirs.take_clean_mark().map_err(ProcessError::Directories)?;
    early.waits_for("its partitions to open");
    let parts = StoreParts { dirs: dirs.log_dirs(), ..parts };
    let directory = parts.dirs.first().map(|dir| dir.1).unwrap_or_default();
    let partitions = open_partitions(parts, controller).await?;
    let registration = BrokerRegistration {
        broker: BrokerId(config.node_id),
        incarnation: life.incarnation,
        endpoints: vec![reached_at],
        rack: config.rack.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        directory,
        resumed_cleanly,
    };
    register(controller, &registration, life.patience, (early, stopping)).await?;
    Ok((partitions, registration))
}

/// What was set, and what clients ask of every broker whether it was set or not.
fn statics(
    config: &BrokerConfig,
    bound: SocketAddr,
    advertised: &(String, u16),
) -> Result<StaticConfig, ProcessError> {
    let given = config.statics.iter();
    let given = given.map(|(name, given)| ((*name).to_owned(), given.text.clone()));
    let dirs: Vec<String> =
        config.partition_dirs().iter().map(|dir| dir.display().to_string()).collect();
    let always = [
        ("node.id", config.node_id.to_string()),
        ("broker.id", config.node_id.to_string()),
        ("advertised.listeners", format!("{LISTENER}://{}:{}", advertised.0, advertised.1)),
        ("listeners", format!("{LISTENER}://{bound}")),
        ("log.dirs", dirs.join(",")),
    ];
    let always = always.into_iter().map(|(name, value)| (name.to_owned(), value));
    StaticConfig::new(given.chain(always)).map_err(|err| ProcessError::Config(err.to_string()))
}

fn controller_options(
    config: &BrokerConfig,
    dirs: &Dirs,
    (fs, clock, fixed): (&Arc<dyn Vfs>, Clock, &StaticConfig),
) -> Result<ControllerOptions, ProcessError> {
    let wanted = config.cluster_id.clone().map(ClusterId).or_else(|| dirs.cluster_id());
    let seen = Partitions::known_end(Arc::clone(fs), &config.data_dir);
    let seen = seen.map_err(ProcessError::Store)?;
    Ok(ControllerOptions {
        fs: Arc::clone(fs),
        dir: dirs.metadata_dir().to_owned(),
        broker: BrokerId(config.node_id),
        birth: Birth::Again,
        address: String::new(),
        peers: Peers::default(),
        cluster_id: wanted,
        known_end: seen.into_iter().chain(dirs.metadata_end()).max_by_key(|end| end.index),
        settings: Settings { fixed: fixed.clone(), limits: Limits::default() },
        trimming: Trimming::default(),
        clock: Arc::new(move || crate::metadata::TimestampMs(clock.now().0)),
    })
}

/// Opens the metadata and waits until it is current: for ever, if the quorum is not there; not if it
/// is and lets this broker in no more.
async fn open_controller(
    options: ControllerOptions,
    (named, life): (&[String], Life),
    early: &Early,
    stopping: &CancellationToken,
) -> Result<Controller, ProcessError> {
    let quorum = |err: &dyn std::error::Error| ProcessError::Quorum(err.to_string());
    let expected = options.cluster_id.clone();
    let controller = Controller::open(options).await.map_err(|err| quorum(&err))?;
    controller.live_as(life.incarnation);
    early.quorum().open(&controller);
    let asker = Asker { controller: &controller, named, life: life.incarnation };
    let settled = tokio::select! {
        settled = settle(&controller, expected, early) => settled.map_err(|err| quorum(&err)),
        refused = refusal(&asker, life.patience, early) => Err(refused),
        () = stopping.cancelled() => Err(ProcessError::Stopped),
    };
    match settled {
        Ok(()) => Ok(controller),
        Err(err) => {
            controller.shutdown().await;
            Err(if stopping.is_cancelled() { ProcessError::Stopped } else { err })
        }
    }
}

/// Waits until the metadata is current, and says what it waits for.
async fn settle(
    controller: &Controller,
    expected: Option<ClusterId>,
    early: &Early,
) -> Result<(), StartError> {
    loop {
        match controller.verify_cluster_id(expected.clone()).await {
            Err(StartError::Catchup(err)) if may_pass(&err) => {
                let who = others(controller);
                early.waits_for(format!("the metadata quorum, that is {who}"));
                tracing::info!(quorum = who, why = %err, "waiting for the metadata quorum");
            }
            settled => return settled,
        }
    }
}

/// Whether the next attempt may go better.
fn may_pass(err: &ControlError) -> bool {
    matches!(err.refused, Refused::NoController | Refused::Deadline)
}

/// The members whose votes a start waits for, with their addresses.
fn others(controller: &Controller) -> String {
    let me = controller.broker();
    let voters = controller.quorum().into_iter().filter(|it| it.voter && it.broker != me);
    let named: Vec<String> = voters
        .map(|it| match controller.peers().address(it.broker) {
            Some(address) => format!("broker {} at {address}", it.broker),
            None => format!("broker {} at an unknown address", it.broker),
        })
        .collect();
    if named.is_empty() { "its leader".to_owned() } else { named.join(", ") }
}

/// This life of the broker.
#[derive(Debug, Clone, Copy)]
struct Life {
    incarnation: Incarnation,
    /// How long its number may be another one's before it gives up.
    patience: Duration,
}

/// Who died is fenced after a session, and each new leader of the quorum gives a whole one.
fn taken_max(session: Duration) -> Duration {
    session * 5 + Duration::from_secs(1)
}

/// Registers this life of the broker; asks again for as long as the quorum is away.
async fn register(
    controller: &Controller,
    registration: &BrokerRegistration,
    patience: Duration,
    (early, stopping): (&Early, &CancellationToken),
) -> Result<(), ProcessError> {
    let mut taken_since = None;
    loop {
        let command = Command::RegisterBroker(registration.clone());
        let registered = tokio::select! {
            registered = controller.submit(command, CONTROL_WAIT) => registered,
            () = stopping.cancelled() => return Err(ProcessError::Stopped),
        };
        match registered {
            Ok(_) => return Ok(()),
            // A second time changes nothing: it is the same life of the same broker.
            Err(err) if may_pass(&err) => tracing::info!(why = %err, "not registered yet"),
            // The life that had this number before, on a disk that is gone, may not be fenced yet.
            Err(err) if err.code == ErrorCode::DuplicateBrokerRegistration => {
                let why = words(&err);
                if taken_since.is_none() {
                    tracing::warn!(why, "waiting for the other process to be fenced");
                }
                if taken_since.get_or_insert_with(Instant::now).elapsed() >= patience {
                    return Err(ProcessError::Refused(why));
                }
                early.waits_for(format!("its number: {why}"));
                tokio::time::sleep(TAKEN_PAUSE).await;
            }
            Err(err) => return Err(ProcessError::Quorum(err.to_string())),
        }
    }
}

fn words(err: &ControlError) -> String {
    let hint = err.hint.iter().map(|hint| format!("; {hint}"));
    std::iter::once(err.message.clone()).chain(hint).collect()
}

/// Opens every partition that the metadata gives this broker, on threads of their own.
async fn open_partitions(
    parts: StoreParts,
    controller: &Controller,
) -> Result<Arc<Partitions>, ProcessError> {
    let image = controller.image();
    let open = move || {
        let partitions = Partitions::start(parts)?;
        partitions.apply(&image);
        partitions.set_strays_aside();
        Ok::<_, String>(partitions)
    };
    let opened = env::spawn_blocking(open).await;
    opened.unwrap_or_else(|err| Err(err.to_string())).map_err(ProcessError::Store)
}

/// What clients are told: the configured address, or the one that was bound.
fn advertised(config: &BrokerConfig, bound: SocketAddr) -> Result<(String, u16), ProcessError> {
    let host_of_listen = || config.listen.rsplit_once(':').map(|(host, _)| host.to_owned());
    match &config.advertised_address {
        None if bound.ip().is_unspecified() => Err(ProcessError::Config(format!(
            "listen = '{}' is every address of this machine; say with advertised.address which \
             one clients are to use",
            config.listen
        ))),
        None => Ok((host_of_listen().unwrap_or_else(|| bound.ip().to_string()), bound.port())),
        Some(address) => {
            let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
            let port = port.parse().unwrap_or_else(|_| bound.port());
            Ok((host.trim_matches(['[', ']']).to_owned(), port))
        }
    }
}
