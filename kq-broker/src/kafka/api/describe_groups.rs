//! `DescribeGroups`: members and state of groups.

use std::sync::Arc;

use bytes::Bytes;
use kq_proto::kafka::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::groups::text;
use super::operations::GROUP_OPERATIONS;
use crate::group::{GroupDescription, GroupId, GroupState, MemberDescription};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

/// From this version on an unknown group is an error; before, it is dead.
const UNKNOWN_IS_ERROR_FROM: i16 = 6;
const DEAD: Str = Str::from_static("Dead");

impl Handle for DescribeGroupsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let describe = |group_id: &Str| {
            let group = GroupId::from(&**group_id);
            let found = door.groups().host(&group).map(|host| host.look(|it| it.describe(&group)));
            let described = match found {
                Ok(Some(group)) => known(&group, self.include_authorized_operations),
                Ok(None) => unknown(&group, call.version),
                Err(error_code) => DescribedGroup { error_code, ..Default::default() },
            };
            DescribedGroup { group_id: group_id.clone(), ..described }
        };
        let groups = self.groups.iter().map(describe).collect();
        call.answer::<Self>(&DescribeGroupsResponse { groups, ..Default::default() })
    }
}

fn unknown(group: &GroupId, version: i16) -> DescribedGroup {
    let is_error = version >= UNKNOWN_IS_ERROR_FROM;
    DescribedGroup {
        error_code: if is_error { ErrorCode::GroupIdNotFound } else { ErrorCode::None },
        error_message: is_error.then(|| text(&format!("Group {group} not found."))),
        group_state: DEAD,
        ..Default::default()
    }
}

fn known(group: &GroupDescription, operations: bool) -> DescribedGroup {
    // Between generations there is no assignment that the members' metadata could explain.
    let stable = group.state == GroupState::Stable;
    DescribedGroup {
        group_state: Str::from_static(group.state.name()),
        protocol_type: text(&group.listing.protocol_type),
        protocol_data: if stable { text(&group.protocol) } else { Str::EMPTY },
        members: group.members.iter().map(|it| member(it, stable)).collect(),
        authorized_operations: if operations { GROUP_OPERATIONS } else { i32::MIN },
        ..Default::default()
    }
}

fn member(member: &MemberDescription, stable: bool) -> DescribedGroupMember {
    let shown = |bytes: &Bytes| if stable { bytes.clone() } else { Bytes::new() };
    DescribedGroupMember {
        member_id: text(member.member.as_str()),
        group_instance_id: member.instance.as_ref().map(|it| text(it.as_str())),
        client_id: text(&member.client_id),
        client_host: text(&member.client_host),
        member_metadata: shown(&member.metadata),
        member_assignment: shown(&member.assignment),
    }
}
