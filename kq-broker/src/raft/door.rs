//! What the other members of the quorum call.

use std::sync::Arc;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::raft_server::{self, RaftServer};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest};
use tokio::sync::SetOnce;
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use super::Controller;
use super::entry::decode_snapshot;
use super::types::{LogId, Snapshot};
use super::wire::{
    Collected, append_response_to_wire, id_from_wire, malformed, vote_from_wire,
    vote_request_from_wire, vote_response_to_wire, vote_to_wire,
};

/// The largest snapshot that is taken in.
const SNAPSHOT_BYTES_MAX: u64 = 2 << 30;
/// The largest message: a part, and what comes around it.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The door of the quorum. It stands before the controller does, so that members which wait for one
/// another at their start can be heard; until then it asks to be called again.
#[derive(Debug, Clone, Default)]
pub struct QuorumDoor {
    controller: Arc<SetOnce<Controller>>,
}

impl QuorumDoor {
    /// From now on it answers for this controller.
    pub fn open(&self, controller: &Controller) {
        // Set once in the life of a broker; a second time changes nothing.
        let _ = self.controller.set(controller.clone());
    }

    /// The service for the router.
    pub fn service(&self) -> RaftServer<Self> {
        RaftServer::new(self.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The controller behind it.
    pub fn controller(&self) -> Result<&Controller, Status> {
        self.controller.get().ok_or_else(|| Status::unavailable("this broker is starting"))
    }

    fn controller_for(&self, route: Option<&v1::Route>) -> Result<&Controller, Status> {
        let controller = self.controller()?;
        controller.inner.identity.verify(route)?;
        Ok(controller)
    }
}

#[tonic::async_trait]
impl raft_server::Raft for QuorumDoor {
    async fn append(
        &self,
        request: Request<Streaming<v1::AppendPart>>,
    ) -> Result<Response<v1::AppendResponse>, Status> {
        let mut parts = request.into_inner();
        let mut first = parts.message().await?.ok_or_else(|| malformed("its parts"))?;
        let head = first.head.take().ok_or_else(|| malformed("its head"))?;
        let controller = self.controller_for(head.route.as_ref())?;
        let mut collected = Collected::default();
        collected.take(first)?;
        while let Some(part) = parts.message().await? {
            collected.take(part)?;
        }
        let rpc = AppendEntriesRequest {
            vote: vote_from_wire(head.ballot)?,
            prev_log_id: head.previous.map(id_from_wire),
            entries: collected.entries,
            leader_commit: head.leader_commit.map(id_from_wire),
        };
        let committed = rpc.leader_commit.as_ref().map_or(0, LogId::index);
        let answered = Box::pin(controller.inner.raft.append_entries(rpc)).await;
        let answer = answered.map_err(|err| out_of_service(&err))?;
        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
            let applied = controller.image().applied();
            controller.inner.contact.heard(committed, applied, Instant::now());
        }
        Ok(Response::new(append_response_to_wire(&answer)))
    }

    async fn vote(
        &self,
        request: Request<v1::VoteRequest>,
    ) -> Result<Response<v1::VoteResponse>, Status> {
        let request = request.into_inner();
        let controller = self.controller_for(request.route.as_ref())?;
        let pre_vote = request.pre_vote;
        let rpc = vote_request_from_wire(request)?;
        let raft = &controller.inner.raft;
        let answered = if pre_vote { raft.pre_vote(rpc).await } else { raft.vote(rpc).await };
        let answer = answered.map_err(|err| out_of_service(&err))?;
        Ok(Response::new(vote_response_to_wire(&answer)))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<v1::SnapshotPart>>,
    ) -> Result<Response<v1::SnapshotResponse>, Status> {
        let mut parts = request.into_inner();
        let first = parts.message().await?.ok_or_else(|| malformed("its parts"))?;
        let head = first.head.ok_or_else(|| malformed("its head"))?;
        let controller = self.controller_for(head.route.as_ref())?;
        if head.bytes > SNAPSHOT_BYTES_MAX {
            return Err(Status::out_of_range("a snapshot of the metadata is too large"));
        }
        let mut bytes = first.data.to_vec();
        while let Some(part) = parts.message().await? {
            if (bytes.len() + part.data.len()) as u64 > head.bytes {
                return Err(Status::out_of_range("a snapshot is larger than its head says"));
            }
            bytes.extend_from_slice(&part.data);
        }
        if bytes.len() as u64 != head.bytes {
            return Err(Status::data_loss("a snapshot is shorter than its head says"));
        }
        let content = decode_snapshot(&bytes).map_err(|err| Status::data_loss(err.to_string()))?;
        let snapshot = Snapshot { meta: content.meta, snapshot: bytes };
        let vote = vote_from_wire(head.ballot)?;
        let installed = controller.inner.raft.install_full_snapshot(vote, snapshot);
        let answer = Box::pin(installed).await.map_err(|err| out_of_service(&err))?;
        Ok(Response::new(v1::SnapshotResponse { ballot: Some(vote_to_wire(&answer.vote)) }))
    }

    async fn transfer_leader(
        &self,
        request: Request<v1::TransferLeaderRequest>,
    ) -> Result<Response<v1::TransferLeaderResponse>, Status> {
        let request = request.into_inner();
        let controller = self.controller_for(request.route.as_ref())?;
        let from = vote_from_wire(request.from)?;
        let rpc = TransferLeaderRequest::new(from, request.to, request.last.map(id_from_wire));
        let answered = controller.inner.raft.handle_transfer_leader(rpc).await;
        let answer = answered.map_err(|err| out_of_service(&err))?;
        let refused = answer.err().map(|err| err.to_string()).unwrap_or_default();
        Ok(Response::new(v1::TransferLeaderResponse { refused }))
    }
}

fn out_of_service(err: &dyn std::error::Error) -> Status {
    Status::unavailable(format!("the metadata log of this broker is out of service: {err}"))
}
