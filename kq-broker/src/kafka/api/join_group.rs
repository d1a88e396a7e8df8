//! `JoinGroup`: a consumer enters its group, or comes back for the next generation.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::messages::join_group::{
    JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember,
};
use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use super::groups::{ask, code, own, own_bytes, text};
use crate::group::{
    GroupId, Input, InstanceId, JoinGroup, Joined, MemberId, Protocol, Reply, ReplyTo,
};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

/// From this version on a member without an id is given one and sent back (KIP-394).
const NEEDS_MEMBER_ID_FROM: i16 = 4;
/// From this version on "no protocol" is null.
const NULL_PROTOCOL_FROM: i16 = 7;
/// From this version on a leader can be told to keep the assignment (KIP-814).
const SKIPS_ASSIGNMENT_FROM: i16 = 9;

impl Handle for JoinGroupRequest {
    fn handle(self, door: &Arc<Door>, peer: &mut Peer, call: Call) -> Answer {
        let group = GroupId::from(&*self.group_id);
        let version = call.version;
        let client_id = own(call.client_id.as_ref().unwrap_or(&Str::EMPTY));
        let client_host = Arc::from(format!("/{}", peer.address.ip()));
        let given = text(&self.member_id);
        let join = |reply| Input::Join(understand(&self, version, (client_id, client_host), reply));
        ask::<Self>(door, call, &group, join, move |reply| respond(reply, version, given))
    }
}

fn understand(
    request: &JoinGroupRequest,
    version: i16,
    (client_id, client_host): (Arc<str>, Arc<str>),
    reply: ReplyTo,
) -> JoinGroup {
    let session_ms = u64::try_from(request.session_timeout_ms).unwrap_or(0);
    // Version 0 has no such field: members there are as patient as their session is long.
    let rebalance_ms = u64::try_from(request.rebalance_timeout_ms).unwrap_or(session_ms);
    let instance = request.group_instance_id.as_ref().map(|it| InstanceId::from(&**it));
    let name = instance.as_ref().map_or(&*client_id, InstanceId::as_str);
    let protocols = request.protocols.iter();
    JoinGroup {
        group: GroupId::from(&*request.group_id),
        member: (!request.member_id.is_empty()).then(|| MemberId::from(&*request.member_id)),
        fresh_member: MemberId::from(&*format!("{name}-{}", Uuid::new_v4())),
        needs_known_member: version >= NEEDS_MEMBER_ID_FROM && instance.is_none(),
        can_skip_assignment: version >= SKIPS_ASSIGNMENT_FROM,
        instance,
        client_id,
        client_host,
        session_timeout: Duration::from_millis(session_ms),
        rebalance_timeout: Duration::from_millis(rebalance_ms),
        protocol_type: own(&request.protocol_type),
        protocols: protocols
            .map(|it| Protocol { name: own(&it.name), metadata: own_bytes(&it.metadata) })
            .collect(),
        reply,
    }
}

fn respond(reply: Result<Reply, ErrorCode>, version: i16, given: Str) -> JoinGroupResponse {
    let refused = |error_code, member_id| JoinGroupResponse {
        error_code,
        member_id,
        protocol_name: (version < NULL_PROTOCOL_FROM).then_some(Str::EMPTY),
        ..Default::default()
    };
    match reply {
        Ok(Reply::Joined(joined)) => accepted(&joined),
        Ok(Reply::JoinRefused { error, member }) => {
            refused(code(&error), member.map(|it| text(it.as_str())).unwrap_or_default())
        }
        Ok(_) => refused(ErrorCode::UnknownServerError, given),
        Err(code) => refused(code, given),
    }
}

fn accepted(joined: &Joined) -> JoinGroupResponse {
    let members = joined.members.iter().map(|it| JoinGroupResponseMember {
        member_id: text(it.member.as_str()),
        group_instance_id: it.instance.as_ref().map(|it| text(it.as_str())),
        metadata: it.metadata.clone(),
    });
    JoinGroupResponse {
        generation_id: joined.generation,
        protocol_type: Some(text(&joined.protocol_type)),
        protocol_name: Some(text(&joined.protocol)),
        leader: text(joined.leader.as_str()),
        skip_assignment: joined.skip_assignment,
        member_id: text(joined.member.as_str()),
        members: members.collect(),
        ..Default::default()
    }
}
