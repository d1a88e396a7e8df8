//! `kq.admin.v1.Quorum`.

use kq_proto::admin::v1;
use kq_proto::admin::v1::quorum_server::Quorum;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::raft::ControllerStatus;

#[tonic::async_trait]
impl Quorum for Admin {
    async fn status(
        &self,
        _: Request<v1::QuorumStatusRequest>,
    ) -> Answer<v1::QuorumStatusResponse> {
        let (status, image) = (self.node.controller.status(), self.node.image());
        let members =
            status.voters.iter().map(|id| member(*id, &status, &image, self.node.broker_id));
        Ok(Response::new(v1::QuorumStatusResponse {
            leader: status.leader.map(|id| id.0),
            term: status.term,
            members: members.collect(),
            last_index: status.last_log_index,
            applied_index: status.applied_index,
            snapshot_index: status.snapshot_index,
            answered_by: self.node.broker_id.0,
        }))
    }
}

fn member(
    id: BrokerId,
    status: &ControllerStatus,
    image: &MetadataImage,
    me: BrokerId,
) -> v1::QuorumMember {
    let role =
        if status.leader == Some(id) { v1::QuorumRole::Leader } else { v1::QuorumRole::Voter };
    // A broker knows its own log; how far others are is what the leader knows.
    let end_index = status.last_log_index.filter(|_| id == me);
    v1::QuorumMember {
        broker: id.0,
        role: role.into(),
        directory: None,
        live: image.is_live(id),
        end_index,
        lag: end_index.filter(|_| role == v1::QuorumRole::Leader).map(|_| 0),
        last_contact_at_ms: None,
    }
}
