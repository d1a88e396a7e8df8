//! `kq.admin.v1.Quorum`.

use kq_proto::admin::v1;
use kq_proto::admin::v1::quorum_server::Quorum;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::raft::MemberStatus;

#[tonic::async_trait]
impl Quorum for Admin {
    async fn status(
        &self,
        _: Request<v1::QuorumStatusRequest>,
    ) -> Answer<v1::QuorumStatusResponse> {
        let members = self.node.controller.describe_quorum().await;
        let (status, image) = (self.node.controller.status(), self.node.image());
        let end = members.iter().filter_map(|it| it.matched).max();
        let now = self.node.clock.now().0;
        let members = members.iter().map(|it| member(it, status.leader, &image, (end, now)));
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

/// A member, with how far it is behind the end of the leader's log.
fn member(
    it: &MemberStatus,
    leader: Option<BrokerId>,
    image: &MetadataImage,
    (end, now): (Option<u64>, i64),
) -> v1::QuorumMember {
    let role = match it.voter {
        _ if leader == Some(it.broker) => v1::QuorumRole::Leader,
        true => v1::QuorumRole::Voter,
        false => v1::QuorumRole::Learner,
    };
    let ago_ms = it.answered.and_then(|ago| i64::try_from(ago.as_millis()).ok());
    v1::QuorumMember {
        broker: it.broker.0,
        role: role.into(),
        directory: image.broker(it.broker).map(|it| it.directory.to_string()),
        live: image.is_live(it.broker),
        end_index: it.matched,
        lag: it.matched.and_then(|matched| Some(end?.saturating_sub(matched))),
        last_contact_at_ms: ago_ms.map(|ago| now.saturating_sub(ago)),
    }
}
