//! The life of a broker process: directories, quorum, partitions, listener, and the way back.
//!
//! ```text
//!   lock the directories | listen | join, or found a cluster | metadata quorum | register |
//!   partitions | serve | ready
//!   SIGTERM: hand leaders and the quorum's lead over | accept nothing new | drain | sync and close
//!   every log | say farewell | leave the quorum | exit 0
//! ```
//! The port answers the other brokers from the beginning, for they may wait for one another; clients
//! are served last. A start waits for its quorum for as long as it takes, and says so.

#[cfg(test)]
mod broker_test;
#[cfg(test)]
mod cluster_test;
mod dirs;
mod join;
mod leave;
mod limits;
mod meta_file;
#[cfg(test)]
mod moved_test;
mod serve;
mod signals;
mod standing;
#[cfg(test)]
mod standing_test;
#[cfg(test)]
mod watch_test;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kq_storage::vfs::{RealFs, Vfs};
use tokio_util::sync::CancellationToken;

use self::dirs::Dirs;
use self::serve::{Ground, start_node};
use crate::config::BrokerConfig;
use crate::env::TcpListener;
use crate::grpc::Early;
use crate::kafka;
use crate::observe::Metrics;
use crate::peers::PulseHandle;
use crate::runtime::{Groups, Node};

pub use limits::raise_open_files;

/// How long the quorum may take to commit what the start needs.
const CONTROL_WAIT: Duration = Duration::from_secs(30);

/// Why a broker does not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The directories are not usable, or not this broker's.
    #[error("{0}")]
    Directories(String),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address as configured.
        address: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The metadata quorum did not start.
    #[error("metadata quorum: {0}")]
    Quorum(String),
    /// The cluster does not let this broker in, however often it asks.
    #[error("{0}")]
    Refused(String),
    /// The partitions cannot be kept.
    #[error("partitions: {0}")]
    Store(String),
    /// The configuration does not hold together.
    #[error("{0}")]
    Config(String),
    /// The system refused something else.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It was told to stop before it was ready.
    #[error("stopped before it was ready")]
    Stopped,
    /// The stop was not clean: what was not synced is checked at the next start.
    #[error("stopped, but not every partition was left clean; the log says which")]
    Unclean,
}

/// Runs a broker until a signal ends it.
pub async fn run(config: BrokerConfig) -> Result<(), ProcessError> {
    let stop = signals::listen()?;
    Box::pin(run_until(stop.first(), Arc::new(RealFs), config, |_| ())).await
}

/// Runs a broker on this file system until it is told to stop. Calls `ready` once it serves.
pub async fn run_until(
    signal: impl Future<Output = ()>,
    fs: Arc<dyn Vfs>,
    config: BrokerConfig,
    ready: impl FnOnce(&Broker),
) -> Result<(), ProcessError> {
    let stopping = CancellationToken::new();
    let told = stopping.clone();
    let signal = async {
        signal.await;
        tracing::info!("stopping");
    };
    tokio::pin!(signal);
    let mut starting = Box::pin(Broker::start_on(fs, config, stopping));
    let started = tokio::select! {
        started = &mut starting => started,
        () = &mut signal => {
            told.cancel();
            match starting.await {
                Ok(broker) => return broker.stop().await,
                Err(err) => Err(err),
            }
        }
    };
    match started {
        Ok(broker) => {
            ready(&broker);
            signal.await;
            broker.stop().await
        }
        Err(ProcessError::Stopped) => Ok(()),
        Err(err) => Err(err),
    }
}

/// A broker that serves.
#[derive(Debug)]
pub struct Broker {
    node: Arc<Node>,
    groups: Arc<Groups>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
    pulse: PulseHandle,
    /// Locked until the end.
    dirs: Dirs,
}

impl Broker {
    /// Starts one; it is ready on return.
    pub async fn start(config: BrokerConfig) -> Result<Self, ProcessError> {
        Box::pin(Self::start_on(Arc::new(RealFs), config, CancellationToken::new())).await
    }

    /// Starts one on this file system, unless it is told to stop before it is ready.
    async fn start_on(
        fs: Arc<dyn Vfs>,
        config: BrokerConfig,
        stopping: CancellationToken,
    ) -> Result<Self, ProcessError> {
        let mut dirs =
            Dirs::prepare(Arc::clone(&fs), &config).map_err(ProcessError::Directories)?;
        let listener = bind(&config).await?;
        let address = listener.local_addr()?;
        tracing::info!(%address, "listening");
        let (early, metrics) = (Arc::new(Early::default()), Arc::new(Metrics::new()));
        let port = kafka::port(&config, Arc::clone(&metrics), early.router());
        let serving = tokio::spawn(Arc::clone(&port).listen(listener, stopping.clone()));
        let ground = Ground {
            config,
            dirs: &mut dirs,
            fs,
            address,
            early: &early,
            metrics,
            stopping: stopping.clone(),
        };
        let (node, pulse) = match Box::pin(start_node(ground)).await {
            Ok(started) => started,
            Err(err) => {
                stopping.cancel();
                // The address is free again on return.
                let _ = serving.await;
                return Err(err);
            }
        };
        let groups = Groups::new(Arc::clone(&node));
        node.metrics.watch_groups(&groups, node.config.metrics_groups_max);
        groups.start();
        tokio::spawn(crate::runtime::minutes::run(Arc::clone(&node), Arc::clone(&groups)));
        kafka::open(&port, Arc::clone(&node), Arc::clone(&groups));
        early.serve(crate::grpc::router(Arc::clone(&node), Arc::clone(&groups)));
        announce(&node, address)?;
        Ok(Self { node, groups, address, serving, pulse, dirs })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its doors serve from.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The groups that it coordinates.
    pub fn groups(&self) -> &Arc<Groups> {
        &self.groups
    }

    /// Stops it: no new connections, requests drained, every log synced and left clean.
    pub async fn stop(self) -> Result<(), ProcessError> {
        let Self { node, serving, pulse, dirs, .. } = self;
        let limit = Duration::from_millis(node.config.shutdown_ms_max);
        leave::hand_over(&node.controller, &pulse, limit).await;
        node.stopping.cancel();
        if tokio::time::timeout(limit, serving).await.is_err() {
            tracing::warn!(?limit, "connections were cut: they took too long to drain");
        }
        let clean = node.partitions.shutdown().await;
        if let Some(file) = &node.config.ready_file {
            // It says that clients are served; a left-over would lie.
            let _ = std::fs::remove_file(file);
        }
        leave::say_farewell(&node.controller, pulse).await;
        let metadata_end = node.controller.shutdown().await;
        if !clean {
            return Err(ProcessError::Unclean);
        }
        dirs.leave_clean_mark(metadata_end).map_err(ProcessError::Directories)?;
        tracing::info!("stopped");
        Ok(())
    }
}

async fn bind(config: &BrokerConfig) -> Result<TcpListener, ProcessError> {
    let refused = |cause| ProcessError::Listen { address: config.listen.clone(), cause };
    TcpListener::bind(&config.listen).await.map_err(refused)
}

/// Says that clients are served, and where.
fn announce(node: &Node, address: SocketAddr) -> Result<(), ProcessError> {
    if let Some(file) = &node.config.ready_file {
        std::fs::write(file, format!("{address}\n"))?;
    }
    let (cluster, broker) = (node.controller.cluster_id(), node.broker_id);
    let partitions = node.partitions.all().len();
    tracing::info!(%address, %broker, %cluster, partitions, "ready");
    Ok(())
}
