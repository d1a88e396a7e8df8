//! `kq.admin.v1.Quorum`: any broker can be asked; the one that leads the quorum answers.

mod members;

use std::time::Duration;

use kq_proto::admin::v1;
use kq_proto::admin::v1::quorum_server::Quorum;
use tonic::{Request, Response};

use self::members::verify;
use super::Admin;
use super::answer::Answer;
use super::error::{bad_argument, of_control};
use crate::ids::BrokerId;
use crate::raft::QuorumChange;

/// How long a change of the members may take: a learner may have to catch up.
const CHANGE_WAIT: Duration = Duration::from_secs(30);

#[tonic::async_trait]
impl Quorum for Admin {
    async fn status(
        &self,
        _: Request<v1::QuorumStatusRequest>,
    ) -> Answer<v1::QuorumStatusResponse> {
        Ok(Response::new(self.quorum_status().await))
    }

    async fn change(
        &self,
        request: Request<v1::ChangeQuorumRequest>,
    ) -> Answer<v1::ChangeQuorumResponse> {
        let request = request.into_inner();
        let broker = BrokerId(request.broker);
        let change = match request.deed() {
            v1::QuorumDeed::AddVoter => QuorumChange::AddVoter(broker),
            v1::QuorumDeed::RemoveVoter => QuorumChange::RemoveVoter(broker),
            v1::QuorumDeed::Transfer => QuorumChange::Transfer(broker),
            v1::QuorumDeed::Unspecified => {
                return Err(bad_argument("nothing is said to be done").into());
            }
        };
        let controller = &self.node.controller;
        let members = controller.describe_quorum().await;
        let changed = verify(change, &members, controller.leader(), &self.node.image())?;
        if changed && !request.dry_run {
            let done = controller.change_quorum(change, &request.reason, CHANGE_WAIT).await;
            done.map_err(|err| of_control(&err))?;
            tracing::info!(?change, "the quorum was changed as asked");
        }
        Ok(Response::new(v1::ChangeQuorumResponse { changed }))
    }
}

impl Admin {
    /// The metadata quorum, as the one that leads it sees it.
    pub(super) async fn quorum_status(&self) -> v1::QuorumStatusResponse {
        let members = self.node.controller.describe_quorum().await;
        let (status, image) = (self.node.controller.status(), self.node.image());
        let end = members.iter().filter_map(|it| it.matched).max();
        let now = self.node.clock.now().0;
        let row = |it| members::row(it, status.leader, &image, (end, now));
        v1::QuorumStatusResponse {
            leader: status.leader.map(|id| id.0),
            term: status.term,
            members: members.iter().map(row).collect(),
            last_index: status.last_log_index,
            applied_index: status.applied_index,
            snapshot_index: status.snapshot_index,
            answered_by: self.node.broker_id.0,
        }
    }
}
