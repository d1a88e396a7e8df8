//! How a broker comes to be of a cluster: by founding one, by joining one, or by having been of it.

use std::collections::BTreeMap;
use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::ProcessError;
use super::dirs::Dirs;
use super::standing::{verify_addresses, verify_cluster, why_silent};
use crate::config::BrokerConfig;
use crate::grpc::Early;
use crate::ids::{BrokerId, ClusterId};
use crate::peers::{Peers, channel_to};
use crate::raft::Birth;

/// How long one broker may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Between two rounds over all that are named.
const PAUSE: Duration = Duration::from_millis(200);
/// How often the same obstacle is told.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Decides what the directories begin with, and joins a cluster if they are new and one is named.
/// The configuration has this broker's number on return.
pub(super) async fn begin(
    config: &mut BrokerConfig,
    dirs: &mut Dirs,
    (address, peers, early): (&str, &Peers, &Early),
    stopping: &CancellationToken,
) -> Result<Birth, ProcessError> {
    verify_addresses(&config.join)?;
    if let Some(node) = dirs.node_id() {
        config.node_id = node;
        if let Some(own) = dirs.cluster_id() {
            verify_cluster(&config.join, (&own, node)).await?;
        }
        return Ok(if dirs.is_joining() { Birth::Joining } else { Birth::Again });
    }
    if !dirs.is_new() || config.join.is_empty() && !dirs.is_joining() {
        return Ok(Birth::Cluster);
    }
    if config.join.is_empty() {
        let why = "this broker has begun to join a cluster: name a broker of it with --join";
        return Err(ProcessError::Config(why.to_owned()));
    }
    early.waits_for(format!("a broker of the cluster at {}", config.join.join(", ")));
    let asked = v1::JoinRequest {
        cluster_id: config.cluster_id.clone().unwrap_or_default(),
        broker: config.wanted_node_id(),
        address: address.to_owned(),
        passed_on: false,
    };
    let admitted = join(&config.join, &asked, (early, stopping)).await?;
    // In this order: a number without the mark would be one that has lost its log.
    dirs.begin_joining().map_err(ProcessError::Directories)?;
    let cluster = ClusterId(admitted.cluster_id);
    dirs.claim(&cluster, admitted.broker).map_err(ProcessError::Directories)?;
    tracing::info!(broker = admitted.broker, %cluster, "this broker joins the cluster");
    config.node_id = admitted.broker;
    for member in admitted.members {
        peers.tell(BrokerId(member.broker), &member.address);
    }
    Ok(Birth::Joining)
}

/// What keeps those that are named from letting a broker in: told when it is new, and once in a
/// while if it stays.
#[derive(Debug, Default)]
struct Obstacles {
    /// By address, with when it was last told.
    known: BTreeMap<String, (String, Instant)>,
}

impl Obstacles {
    /// Takes one in; true if it is to be told now.
    fn note(&mut self, address: &str, why: &str, now: Instant) -> bool {
        let known = self.known.get(address);
        let is_told = known.is_some_and(|(told, at)| told == why && now < *at + TELL_EVERY);
        if !is_told {
            self.known.insert(address.to_owned(), (why.to_owned(), now));
        }
        !is_told
    }

    fn words(&self) -> String {
        let each = self.known.iter().map(|(address, (why, _))| format!("{address} ({why})"));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// Asks those that are named, one after another, until one lets this broker in.
async fn join(
    named: &[String],
    request: &v1::JoinRequest,
    (early, stopping): (&Early, &CancellationToken),
) -> Result<v1::JoinResponse, ProcessError> {
    let mut obstacles = Obstacles::default();
    loop {
        for address in named {
            let asked = async {
                let refused = match ask(address, request).await {
                    Ok(admitted) => return Ok(admitted),
                    Err(status) => status,
                };
                let why = why_silent(address, &refused).await;
                Err((refused.code(), why))
            };
            let (code, why) = tokio::select! {
                asked = asked => match asked {
                    Ok(admitted) => return Ok(admitted),
                    Err(refused) => refused,
                },
                () = stopping.cancelled() => return Err(ProcessError::Stopped),
            };
            if matches!(code, Code::FailedPrecondition | Code::InvalidArgument) {
                let why = format!("{address} does not let it in: {why}");
                return Err(ProcessError::Quorum(why));
            }
            if obstacles.note(address, &why, Instant::now()) {
                tracing::warn!(address, why, "waiting for a cluster to join");
                let words = obstacles.words();
                early.waits_for(format!("a broker of the cluster to let it in, at {words}"));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stopping.cancelled() => return Err(ProcessError::Stopped),
        }
    }
}

async fn ask(address: &str, request: &v1::JoinRequest) -> Result<v1::JoinResponse, Status> {
    let no_address = || Status::invalid_argument("that is no address: expected host:port");
    let channel = channel_to(address).ok_or_else(no_address)?;
    let asked = async { MembersClient::new(channel).join(request.clone()).await };
    let late = |_| Status::unavailable("no answer");
    Ok(tokio::time::timeout(ANSWER_WAIT, asked).await.map_err(late)??.into_inner())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    /// What a broker says of itself that starts.
    async fn readiness(early: &Arc<Early>) -> String {
        let answer = early.router().oneshot(Request::<Body>::default()).await.unwrap();
        let bytes = to_bytes(answer.into_body(), 4_096).await.unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn an_obstacle_is_told_at_once_and_then_rarely() {
        let (mut obstacles, start) = (Obstacles::default(), Instant::now());
        assert!(obstacles.note("a:1", "closed", start));
        assert!(!obstacles.note("a:1", "closed", start + PAUSE));
        assert!(obstacles.note("b:1", "closed", start + PAUSE));
        assert!(obstacles.note("a:1", "unknown", start + PAUSE * 2));
        assert!(!obstacles.note("a:1", "unknown", start + TELL_EVERY));
        assert!(obstacles.note("a:1", "unknown", start + PAUSE * 2 + TELL_EVERY));
        assert_eq!(obstacles.words(), "a:1 (unknown), b:1 (closed)");
    }

    #[tokio::test]
    async fn who_waits_to_join_tells_that_a_name_is_unknown() {
        let (early, stopping) = (Arc::new(Early::default()), CancellationToken::new());
        let named = ["no-such-broker.invalid:9092".to_owned()];
        let request = v1::JoinRequest::default();
        let joined = join(&named, &request, (&early, &stopping));
        let told = async {
            while !readiness(&early).await.contains("its name cannot be resolved") {
                tokio::task::yield_now().await;
            }
            stopping.cancel();
        };
        let (ended, ()) = tokio::join!(joined, told);
        assert!(matches!(ended, Err(ProcessError::Stopped)));
    }
}
