//! The way to the other members of the quorum: openraft's calls over gRPC, each with a deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kq_proto::cluster::v1;
use kq_proto::cluster::v1::raft_client::RaftClient;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, v2::RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, OptionalSend, RaftNetworkFactory};
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

use super::identity::Identity;
use super::types::{Snapshot, Types, Vote};
use super::wire::{
    PART_BYTES, append_response_from_wire, append_to_parts, id_to_wire, vote_from_wire,
    vote_request_to_wire, vote_response_from_wire, vote_to_wire,
};
use crate::ids::BrokerId;
use crate::peers::Peers;

/// How long an append with entries may take, and what it is lent for its size: a slow disk is no
/// reason to send the same again.
const APPEND_WAIT: Duration = Duration::from_secs(5);
const BYTES_PER_S_MIN: u64 = 1 << 20;
/// How long a snapshot may take beside what it is lent for its size.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(30);

/// Makes connections to members.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) identity: Arc<Identity>,
    pub(super) peers: Peers,
}

/// The way to one of them.
#[derive(Debug, Clone)]
pub(super) struct Link {
    to: u64,
    identity: Arc<Identity>,
    peers: Peers,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Link;

    async fn new_client(&mut self, to: u64, node: &BasicNode) -> Link {
        if let Ok(id) = u32::try_from(to) {
            self.peers.tell(BrokerId(id), &node.addr);
        }
        Link { to, identity: Arc::clone(&self.identity), peers: self.peers.clone() }
    }
}

impl Link {
    fn client(&self) -> Result<RaftClient<Channel>, Status> {
        let broker = u32::try_from(self.to).ok().map(BrokerId);
        let channel = broker.and_then(|broker| self.peers.channel(broker));
        let unknown = || Status::unavailable(format!("no address of member {} is known", self.to));
        channel.map(RaftClient::new).ok_or_else(unknown)
    }

    fn route(&self) -> v1::Route {
        self.identity.route_to(self.to)
    }

    async fn ask_vote(
        &self,
        request: VoteRequest<Types>,
        pre_vote: bool,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let answered = async {
            let wire = vote_request_to_wire(self.route(), &request, pre_vote);
            let answer = self.client()?.vote(wire).await?;
            vote_response_from_wire(answer.into_inner())
        };
        in_time(option.hard_ttl(), answered).await.map_err(rpc_error)
    }

    async fn send_snapshot(&self, vote: Vote, bytes: Vec<u8>) -> Result<Vote, Status> {
        let head = v1::SnapshotHead {
            route: Some(self.route()),
            ballot: Some(vote_to_wire(&vote)),
            bytes: bytes.len() as u64,
        };
        let mut rest = Bytes::from(bytes);
        let mut parts = vec![v1::SnapshotPart { head: Some(head), data: Bytes::new() }];
        while !rest.is_empty() {
            let data = rest.split_to(rest.len().min(PART_BYTES));
            parts.push(v1::SnapshotPart { head: None, data });
        }
        let sent = self.client()?.install_snapshot(tokio_stream::iter(parts)).await;
        vote_from_wire(sent?.into_inner().ballot)
    }
}

impl RaftNetworkV2<Types> for Link {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        let head = v1::AppendHead {
            route: Some(self.route()),
            ballot: Some(vote_to_wire(&request.vote)),
            previous: request.prev_log_id.as_ref().map(id_to_wire),
            leader_commit: request.leader_commit.as_ref().map(id_to_wire),
        };
        let (parts, last, sent) = append_to_parts(head, &request.entries);
        let is_whole = last == request.entries.last().map(|entry| entry.log_id);
        let wait =
            if last.is_none() { option.hard_ttl() } else { APPEND_WAIT + lent_for(sent as u64) };
        let answered = async {
            let answer: Response<_> = self.client()?.append(tokio_stream::iter(parts)).await?;
            append_response_from_wire(answer.into_inner())
        };
        let answer = in_time(wait, answered).await.map_err(rpc_error)?;
        if !is_whole && answer.is_success() {
            return Ok(AppendEntriesResponse::PartialSuccess(last));
        }
        Ok(answer)
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Box::pin(self.ask_vote(request, false, option)).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Box::pin(self.ask_vote(request, true, option)).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let bytes = snapshot.snapshot;
        let wait = SNAPSHOT_WAIT + lent_for(bytes.len() as u64);
        let sent = Box::pin(in_time(wait, self.send_snapshot(vote, bytes)));
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = sent => match sent {
                Ok(vote) => Ok(SnapshotResponse::new(vote)),
                Err(status) => Err(rpc_error(status).into()),
            }
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let wire = v1::TransferLeaderRequest {
            route: Some(self.route()),
            from: Some(vote_to_wire(request.from_leader())),
            to: *request.to_node_id(),
            last: request.last_log_id().map(id_to_wire),
        };
        let answered = async { self.client()?.transfer_leader(wire).await };
        let answer = in_time(option.hard_ttl(), answered).await.map_err(rpc_error)?.into_inner();
        if !answer.refused.is_empty() {
            tracing::info!(to = self.to, why = answer.refused, "a voter does not take the lead");
        }
        Ok(Ok(()))
    }
}

fn lent_for(bytes: u64) -> Duration {
    Duration::from_secs(bytes / BYTES_PER_S_MIN)
}

async fn in_time<T>(
    wait: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let late = |_| Status::deadline_exceeded(format!("no answer within {wait:?}"));
    tokio::time::timeout(wait, call).await.map_err(late)?
}

/// Whom nobody answers for is left alone for a while; who was only slow is asked again.
fn rpc_error(status: Status) -> RPCError<Types> {
    if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) {
        return NetworkError::new(&status).into();
    }
    Unreachable::new(&status).into()
}
