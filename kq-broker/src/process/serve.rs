//! Bringing the parts of a node up in their order, and its doors.

use std::net::SocketAddr;
use std::sync::Arc;

use kq_storage::vfs::Vfs;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::dirs::Dirs;
use super::limits::open_files_max;
use super::{CONTROL_WAIT, ProcessError};
use crate::catalogue::StaticConfig;
use crate::config::BrokerConfig;
use crate::controller::{Command, Limits, Settings};
use crate::ids::{BrokerId, ClusterId, Incarnation};
use crate::metadata::{BrokerRegistration, Endpoint};
use crate::observe::Metrics;
use crate::raft::{Controller, ControllerOptions, Trimming};
use crate::runtime::{Clock, Node, Partitions, StoreParts};

/// The name of the one listener, as Kafka's clients know it.
const LISTENER: &str = "PLAINTEXT";

/// A node that has its partitions open and is registered, with its tasks running.
pub(super) async fn start_node(
    config: Arc<BrokerConfig>,
    dirs: &mut Dirs,
    fs: Arc<dyn Vfs>,
    address: SocketAddr,
) -> Result<Arc<Node>, ProcessError> {
    let clock = Clock::start();
    let broker_id = BrokerId(config.node_id);
    let advertised = advertised(&config, address)?;
    let fixed = statics(&config, address, &advertised)?;
    let controller = start_controller(&config, dirs, &fs, clock, &fixed).await?;
    dirs.claim(&controller.cluster_id()).map_err(ProcessError::Directories)?;
    let resumed_cleanly = dirs.take_clean_mark().map_err(ProcessError::Directories)?;
    let directory = dirs.log_dirs().first().map(|dir| dir.1).unwrap_or_default();
    let life = Life { directory, resumed_cleanly };
    register(&controller, &config, &advertised, life).await?;
    let metrics = Arc::new(Metrics::new());
    let partitions = open_partitions(
        StoreParts {
            fs,
            config: Arc::clone(&config),
            fixed: fixed.clone(),
            dirs: dirs.log_dirs(),
            open_files_max: open_files_max(config.open_files_max),
            clock,
            metrics: Arc::clone(&metrics),
        },
        &controller,
    )
    .await?;
    metrics.watch_store(&partitions);
    metrics.watch_quorum(&controller);
    let stopping = CancellationToken::new();
    let node = Node {
        config,
        fixed,
        controller,
        partitions,
        metrics,
        clock,
        broker_id,
        advertised,
        stopping,
    };
    let node = Arc::new(node);
    node.start_tasks();
    Ok(node)
}

/// Serves both doors until the node stops; drains the connections then.
pub(super) async fn serve(node: Arc<Node>, listener: TcpListener) {
    let stopping = node.stopping.clone();
    let router = crate::grpc::router(Arc::clone(&node));
    crate::kafka::port(node, router).listen(listener, stopping).await;
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

async fn start_controller(
    config: &BrokerConfig,
    dirs: &Dirs,
    fs: &Arc<dyn Vfs>,
    clock: Clock,
    fixed: &StaticConfig,
) -> Result<Controller, ProcessError> {
    let wanted = config.cluster_id.clone().map(ClusterId).or_else(|| dirs.cluster_id());
    let seen = Partitions::known_end(Arc::clone(fs), &config.data_dir);
    let seen = seen.map_err(ProcessError::Store)?;
    let options = ControllerOptions {
        fs: Arc::clone(fs),
        dir: dirs.metadata_dir().to_owned(),
        broker: BrokerId(config.node_id),
        cluster_id: wanted,
        known_end: seen.into_iter().chain(dirs.metadata_end()).max_by_key(|end| end.index),
        settings: Settings { fixed: fixed.clone(), limits: Limits::default() },
        trimming: Trimming::default(),
        clock: Arc::new(move || crate::metadata::TimestampMs(clock.now().0)),
    };
    let started = Box::pin(Controller::start(options)).await;
    started.map_err(|err| ProcessError::Quorum(err.to_string()))
}

/// What a process finds of the life before it.
#[derive(Debug, Clone, Copy)]
struct Life {
    directory: Uuid,
    resumed_cleanly: bool,
}

async fn register(
    controller: &Controller,
    config: &BrokerConfig,
    advertised: &(String, u16),
    life: Life,
) -> Result<(), ProcessError> {
    let (host, port) = advertised.clone();
    let registration = BrokerRegistration {
        broker: BrokerId(config.node_id),
        incarnation: Incarnation(Uuid::new_v4()),
        endpoints: vec![Endpoint { listener: LISTENER.to_owned(), host, port }],
        rack: config.rack.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        directory: life.directory,
        resumed_cleanly: life.resumed_cleanly,
    };
    let command = Command::RegisterBroker(registration);
    let registered = controller.submit(command, CONTROL_WAIT).await;
    registered.map(drop).map_err(|err| ProcessError::Quorum(err.to_string()))
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
    let opened = tokio::task::spawn_blocking(open).await;
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
