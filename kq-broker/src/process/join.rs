//! How a broker comes to be of a cluster: by founding one, by joining one, or by having been of it.

use std::collections::BTreeSet;
use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::ProcessError;
use super::dirs::Dirs;
use crate::config::BrokerConfig;
use crate::grpc::Early;
use crate::ids::{BrokerId, ClusterId};
use crate::peers::{Peers, channel_to};
use crate::raft::Birth;

/// How long one broker may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Between two rounds over all that are named.
const PAUSE: Duration = Duration::from_millis(200);

/// Decides what the directories begin with, and joins a cluster if they are new and one is named.
/// The configuration has this broker's number on return.
pub(super) async fn begin(
    config: &mut BrokerConfig,
    dirs: &mut Dirs,
    (address, peers, early): (&str, &Peers, &Early),
    stopping: &CancellationToken,
) -> Result<Birth, ProcessError> {
    if let Some(node) = dirs.node_id() {
        config.node_id = node;
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
    let admitted = join(&config.join, &asked, stopping).await?;
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

/// Asks those that are named, one after another, until one lets this broker in.
async fn join(
    named: &[String],
    request: &v1::JoinRequest,
    stopping: &CancellationToken,
) -> Result<v1::JoinResponse, ProcessError> {
    let mut said = BTreeSet::new();
    loop {
        for address in named {
            let asked = tokio::select! {
                asked = ask(address, request) => asked,
                () = stopping.cancelled() => return Err(ProcessError::Stopped),
            };
            let refused = match asked {
                Ok(admitted) => return Ok(admitted),
                Err(status) => status,
            };
            if matches!(refused.code(), Code::FailedPrecondition | Code::InvalidArgument) {
                let why = format!("{address} does not let it in: {}", refused.message());
                return Err(ProcessError::Quorum(why));
            }
            let why = refused.message().to_owned();
            if said.insert((address.clone(), why.clone())) {
                tracing::info!(address, why, "waiting for a cluster to join");
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
