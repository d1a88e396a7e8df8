//! The life of a broker process: directories, quorum, partitions, listener, and the way back.
//!
//! ```text
//!   lock the directories | check whose they are | metadata quorum | partitions | listen | ready
//!   SIGTERM: accept nothing new | drain | sync and close every log | leave the quorum | exit 0
//! ```

#[cfg(test)]
mod broker_test;
mod dirs;
mod limits;
mod meta_file;
mod serve;
mod signals;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kq_storage::vfs::{RealFs, Vfs};
use tokio::net::TcpListener;

use self::dirs::Dirs;
use self::serve::{serve, start_node};
use crate::config::BrokerConfig;
use crate::runtime::Node;

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
    /// The partitions cannot be kept.
    #[error("partitions: {0}")]
    Store(String),
    /// The configuration does not hold together.
    #[error("{0}")]
    Config(String),
    /// The system refused something else.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The stop was not clean: what was not synced is checked at the next start.
    #[error("stopped, but not every partition was left clean; the log says which")]
    Unclean,
}

/// Runs a broker until a signal ends it.
pub async fn run(config: BrokerConfig) -> Result<(), ProcessError> {
    let stop = signals::listen()?;
    let broker = Broker::start(config).await?;
    stop.first().await;
    tracing::info!("stopping");
    broker.stop().await
}

/// A broker that serves.
#[derive(Debug)]
pub struct Broker {
    node: Arc<Node>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
    /// Locked until the end.
    dirs: Dirs,
}

impl Broker {
    /// Starts one; it is ready on return.
    pub async fn start(config: BrokerConfig) -> Result<Self, ProcessError> {
        let config = Arc::new(config);
        let fs: Arc<dyn Vfs> = Arc::new(RealFs);
        let mut dirs =
            Dirs::prepare(Arc::clone(&fs), &config).map_err(ProcessError::Directories)?;
        let listener = bind(&config).await?;
        let address = listener.local_addr()?;
        let node = Box::pin(start_node(config, &mut dirs, fs, address)).await?;
        let serving = tokio::spawn(serve(Arc::clone(&node), listener));
        announce(&node, address)?;
        Ok(Self { node, address, serving, dirs })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its doors serve from.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Stops it: no new connections, requests drained, every log synced and left clean.
    pub async fn stop(self) -> Result<(), ProcessError> {
        let Self { node, serving, dirs, .. } = self;
        node.stopping.cancel();
        let limit = Duration::from_millis(node.config.shutdown_ms_max);
        if tokio::time::timeout(limit, serving).await.is_err() {
            tracing::warn!(?limit, "connections were cut: they took too long to drain");
        }
        let clean = node.partitions.shutdown().await;
        if let Some(file) = &node.config.ready_file {
            // It says that clients are served; a left-over would lie.
            let _ = std::fs::remove_file(file);
        }
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
