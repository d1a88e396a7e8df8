//! The gRPC client that kq-ctl and kq-tui share: finds a broker that answers, says why none did, gives
//! every call a deadline and passes over brokers that refuse for what they are; and the settings by
//! which tools find it. Not here: output, retries of calls that may have been heard (a caller knows
//! best what may be repeated).

mod address;
mod appends;
pub mod asker;
mod connect;
pub mod settings;
pub mod typed;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tonic::codec::CompressionEncoding;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

pub use address::{Address, AddressError};
pub use appends::{Appends, in_parts};
pub use asker::Asker;
pub use connect::{Attempt, ConnectError, connect};

use crate::admin::v1::{
    brokers_client::BrokersClient, cluster_client::ClusterClient, configs_client::ConfigsClient,
    events_client::EventsClient, groups_client::GroupsClient, leaders_client::LeadersClient,
    offsets_client::OffsetsClient, partitions_client::PartitionsClient, plans_client::PlansClient,
    quorum_client::QuorumClient, records_client::RecordsClient, topics_client::TopicsClient,
};
use crate::admin::{ACCEPT_STALE, CLUSTER_ID, EXPECTED_CLUSTER_ID, STALE_MS};
use crate::monitor::v1::monitor_client::MonitorClient;

/// A reply larger than this is refused: a broker can be hostile too. It is more than the largest
/// request that brokers take unless told otherwise (100 MiB), so that what went in comes out.
const REPLY_BYTES_MAX: usize = 128 << 20;

/// The port of a broker unless it was told otherwise.
pub const PORT: u16 = 9092;

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// Brokers to begin with, the first preferred. Any one of them suffices.
    pub brokers: Vec<Address>,
    /// Bound on finding a broker that accepts.
    pub connect_timeout: Duration,
    /// Deadline of each call that is no stream.
    pub call_timeout: Duration,
    /// Go on trying for this long when all refuse; `None` = fail at once.
    pub retry: Option<Duration>,
    /// Refuse any other cluster.
    pub expected_cluster_id: Option<String>,
}

impl Options {
    /// The defaults: 3 s to connect, 15 s per call, no retries.
    pub fn new(brokers: Vec<Address>) -> Self {
        Self {
            brokers,
            connect_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(15),
            retry: None,
            expected_cluster_id: None,
        }
    }
}

/// A channel whose calls carry deadline and expected cluster id.
pub type Service = InterceptedService<Channel, Outgoing>;

/// A cluster that answered on one of its brokers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connection {
    channel: Channel,
    address: Address,
    call_timeout: Duration,
    expected_cluster_id: Option<MetadataValue<Ascii>>,
    accepts_stale: bool,
    learnt: Arc<Learnt>,
}

/// What the headers of replies have told.
#[derive(Debug, Default)]
struct Learnt {
    cluster_id: OnceLock<String>,
    /// Zero while the broker hears the controller.
    stale_ms: AtomicU64,
}

/// Stamps every request on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    timeout: Option<Duration>,
    expected_cluster_id: Option<MetadataValue<Ascii>>,
    accepts_stale: bool,
}

impl Interceptor for Outgoing {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        if let Some(id) = &self.expected_cluster_id {
            request.metadata_mut().insert(EXPECTED_CLUSTER_ID, id.clone());
        }
        if self.accepts_stale {
            request.metadata_mut().insert(ACCEPT_STALE, MetadataValue::from_static("true"));
        }
        Ok(request)
    }
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident: $client:ident, $timeout:ident;)*) => {
        impl Connection {
            $($(#[$doc])*
            pub fn $name(&self) -> $client<Service> {
                $client::with_interceptor(self.channel.clone(), self.$timeout())
                    .max_decoding_message_size(REPLY_BYTES_MAX)
            })*
        }
    };
}

services! {
    /// Topics.
    topics: TopicsClient, with_deadline;
    /// Configuration.
    configs: ConfigsClient, with_deadline;
    /// Brokers and log directories.
    brokers: BrokersClient, with_deadline;
    /// The cluster as a whole.
    cluster: ClusterClient, with_deadline;
    /// Partitions and their replicas.
    partitions: PartitionsClient, with_deadline;
    /// Plans of moves.
    plans: PlansClient, with_deadline;
    /// Leaders of partitions.
    leaders: LeadersClient, with_deadline;
    /// The metadata quorum.
    quorum: QuorumClient, with_deadline;
    /// Consumer groups.
    groups: GroupsClient, with_deadline;
    /// Committed offsets of consumer groups.
    offsets: OffsetsClient, with_deadline;
    /// Records, one call at a time.
    records: RecordsClient, with_deadline;
    /// Records as a stream without an end.
    record_stream: RecordsClient, without_deadline;
    /// History.
    events: EventsClient, with_deadline;
    /// History as a stream without an end.
    event_stream: EventsClient, without_deadline;
}

impl Connection {
    /// All of the cluster, as a stream without an end.
    pub fn monitor_stream(&self) -> MonitorClient<Service> {
        MonitorClient::with_interceptor(self.channel.clone(), self.without_deadline())
            .max_decoding_message_size(REPLY_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// Appending records of any size.
    pub fn appends(&self) -> Appends {
        Appends(self.records())
    }

    /// The broker that answered.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The id of the cluster, once any reply has named it to [`Connection::observe`].
    pub fn cluster_id(&self) -> Option<&str> {
        self.learnt.cluster_id.get().map(String::as_str)
    }

    /// For how long the broker has heard nothing of the controller, by its last reply; what it tells
    /// may be as old. None while it hears it.
    pub fn stale_for(&self) -> Option<Duration> {
        let stale_ms = self.learnt.stale_ms.load(Ordering::Relaxed);
        (stale_ms > 0).then(|| Duration::from_millis(stale_ms))
    }

    /// The same connection, that takes what a broker tells which has lost the controller. Others
    /// are refused there with [`STALE`](crate::admin::STALE).
    #[must_use]
    pub fn accepting_stale(self) -> Self {
        Self { accepts_stale: true, ..self }
    }

    /// Whether it takes that.
    pub fn accepts_stale(&self) -> bool {
        self.accepts_stale
    }

    /// Learns from the headers of a reply.
    pub fn observe(&self, headers: &MetadataMap) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(id) = text(CLUSTER_ID) {
            let _ = self.learnt.cluster_id.set(id.to_owned());
        }
        let stale_ms = text(STALE_MS).and_then(|value| value.parse().ok()).unwrap_or(0);
        self.learnt.stale_ms.store(stale_ms, Ordering::Relaxed);
    }

    fn with_deadline(&self) -> Outgoing {
        Outgoing { timeout: Some(self.call_timeout), ..self.without_deadline() }
    }

    fn without_deadline(&self) -> Outgoing {
        Outgoing {
            timeout: None,
            expected_cluster_id: self.expected_cluster_id.clone(),
            accepts_stale: self.accepts_stale,
        }
    }
}
