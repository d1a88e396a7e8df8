//! What all requests share: the node they speak to, and what the door itself remembers.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::{ApiKey, ErrorCode, Str};
use parking_lot::Mutex;
use tracing::{info, warn};

use super::producer_ids::ProducerIds;
use super::sessions::FetchSessions;
use crate::catalogue::ConfigSources;
use crate::controller::{Command, ControlError, FEATURES, Feature, NewTopic, Reply};
use crate::metadata::MetadataImage;
use crate::runtime::{Groups, Node};

/// How long a client waits for a topic that its request makes.
const AUTO_CREATE_DEADLINE: Duration = Duration::from_secs(10);

/// Bounds of single requests.
#[derive(Debug, Clone, Copy)]
pub struct DoorLimits {
    /// Most bytes of one fetch, the first batch excepted.
    pub fetch_bytes_max: usize,
    /// Whether a request for a topic that is not there may make it.
    pub auto_create_topics: bool,
}

/// The data door of one broker.
#[derive(Debug)]
pub struct Door {
    /// What it speaks to.
    pub node: Arc<Node>,
    /// Fetch sessions.
    pub sessions: Mutex<FetchSessions>,
    /// Producer ids to give out.
    pub producer_ids: ProducerIds,
    /// Consumer groups.
    groups: Arc<Groups>,
    /// Bounds.
    pub limits: DoorLimits,
}

impl Door {
    /// A door to this node, with the bounds of its configuration.
    pub fn new(node: Arc<Node>, groups: Arc<Groups>) -> Arc<Self> {
        let config = &node.config;
        let limits = DoorLimits {
            fetch_bytes_max: config.fetch_bytes_max,
            auto_create_topics: config.auto_create_topics,
        };
        let sessions = Mutex::new(FetchSessions::new(config.fetch_sessions_max));
        Arc::new(Self { node, sessions, producer_ids: ProducerIds::default(), groups, limits })
    }

    /// The groups that this broker coordinates.
    pub fn groups(&self) -> &Arc<Groups> {
        &self.groups
    }

    /// Counts an error that a response carries.
    pub fn failed(&self, key: ApiKey, error: ErrorCode) {
        self.node.metrics.api(key).failed(error);
    }

    /// The cluster as this broker knows it.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.node.image()
    }

    /// The cluster's id.
    pub fn cluster_id(&self) -> Option<Str> {
        self.image().cluster_id().map(|id| id.0.as_str().into())
    }

    /// Whom clients send commands to: this broker, which passes them on. It lives, as its answer
    /// shows, while the leader of the quorum may have died just now, and clients wait long for a
    /// controller that does not answer. (Kafka's brokers name any broker, KIP-590.)
    pub fn controller_id(&self) -> i32 {
        self.node.broker_id.to_wire()
    }

    /// The places below a topic's own configuration.
    pub fn config_sources(&self, image: &MetadataImage) -> ConfigSources {
        ConfigSources::of(image, self.node.broker_id, &self.node.fixed)
    }

    /// A number for a new fetch session: never zero.
    pub fn draw_session_id(&self) -> i32 {
        let [a, b, c, d, ..] = *uuid::Uuid::new_v4().as_bytes();
        i32::from_be_bytes([a & 0x7f, b, c, d]).max(1)
    }

    /// The features that the cluster has agreed on.
    pub fn features(&self) -> &'static [Feature] {
        FEATURES
    }

    /// Grows whenever feature levels may have changed.
    pub fn features_epoch(&self) -> i64 {
        i64::try_from(self.image().applied()).unwrap_or(i64::MAX)
    }

    /// Submits a command, and waits until this broker serves what came of it.
    pub async fn submit(
        &self,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, ControlError> {
        let reply = self.node.controller.submit(command, deadline).await?;
        self.node.partitions.wait_applied(self.image().applied()).await;
        Ok(reply)
    }

    /// Makes topics that a client asked for and that are not there.
    pub async fn create_missing(&self, names: Vec<String>) {
        let topic = |name| NewTopic { name, ..Default::default() };
        let topics = names.iter().cloned().map(topic).collect();
        let command = Command::CreateTopics { topics, validate_only: false };
        match self.submit(command, AUTO_CREATE_DEADLINE).await {
            Ok(_) => info!(topics = ?names, "created topics on a client's first use"),
            Err(error) => warn!(topics = ?names, %error, "cannot create topics on first use"),
        }
    }
}
