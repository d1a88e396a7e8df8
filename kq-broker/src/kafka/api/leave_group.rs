//! `LeaveGroup`: members leave, one by itself or several by an admin's hand (KIP-345).

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberResponse,
};

use super::groups::{ask, code_of, text};
use crate::group::{GroupId, Input, InstanceId, LeaveGroup, LeavingMember, MemberId, Reply};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

/// From this version on several members can leave at once.
const MANY_FROM: i16 = 3;

impl Handle for LeaveGroupRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let group = GroupId::from(&*self.group_id);
        let many = call.version >= MANY_FROM;
        let members = if many {
            let named = self.members.iter().map(|it| LeavingMember {
                member: MemberId::from(&*it.member_id),
                instance: it.group_instance_id.as_ref().map(|it| InstanceId::from(&**it)),
            });
            named.collect()
        } else {
            vec![LeavingMember { member: MemberId::from(&*self.member_id), instance: None }]
        };
        let leave = |reply| Input::Leave(LeaveGroup { group: group.clone(), members, reply });
        ask::<Self>(door, call, &group, leave, move |reply| respond(reply, many))
    }
}

fn respond(reply: Result<Reply, ErrorCode>, many: bool) -> LeaveGroupResponse {
    let left = match reply {
        Ok(Reply::Left(left)) => left,
        Ok(_) => return refused(ErrorCode::UnknownServerError),
        Err(code) => return refused(code),
    };
    if !many {
        let result = left.into_iter().next().map_or(Ok(()), |(_, result)| result);
        return refused(code_of(result));
    }
    let members = left.into_iter().map(|(leaving, result)| MemberResponse {
        member_id: text(leaving.member.as_str()),
        group_instance_id: leaving.instance.map(|it| text(it.as_str())),
        error_code: code_of(result),
    });
    LeaveGroupResponse { members: members.collect(), ..Default::default() }
}

fn refused(error_code: ErrorCode) -> LeaveGroupResponse {
    LeaveGroupResponse { error_code, ..Default::default() }
}
