//! The way to other voters: there are none yet, so every peer is unreachable.

use std::future::Future;
use std::io;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, v2::RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{BasicNode, OptionalSend, RaftNetworkFactory};

use super::types::{Snapshot, Types, Vote};

/// Makes connections to peers.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPeers;

/// A connection that never stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    id: u64,
}

impl RaftNetworkFactory<Types> for NoPeers {
    type Network = Peer;

    async fn new_client(&mut self, id: u64, _node: &BasicNode) -> Peer {
        Peer { id }
    }
}

impl Peer {
    fn unreachable(self) -> Unreachable<Types> {
        Unreachable::new(&io::Error::other(format!("there is no way to voter {} yet", self.id)))
    }
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Vec<u8>;

    async fn append_entries(
        &mut self,
        _: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Err(self.unreachable().into())
    }

    async fn vote(
        &mut self,
        _: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Err(self.unreachable().into())
    }

    async fn pre_vote(
        &mut self,
        _: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Err(self.unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _: Vote,
        _: Snapshot,
        _: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Err(self.unreachable().into())
    }

    async fn transfer_leader(
        &mut self,
        _: TransferLeaderRequest<Types>,
        _: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        Err(self.unreachable().into())
    }
}
