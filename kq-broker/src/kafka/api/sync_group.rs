//! `SyncGroup`: the leader hands out the assignment, and every member gets its share.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::groups::{ask, caller, code, own, own_bytes, text};
use crate::group::{Input, MemberId, Reply, SyncGroup};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for SyncGroupRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let instance = self.group_instance_id.as_ref();
        let caller = caller(&self.group_id, &self.member_id, instance, self.generation_id);
        let group = caller.group.clone();
        let share = self.assignments.iter();
        let assignments =
            share.map(|it| (MemberId::from(&*it.member_id), own_bytes(&it.assignment))).collect();
        let sync = |reply| {
            Input::Sync(SyncGroup {
                caller,
                protocol_type: self.protocol_type.as_ref().map(own),
                protocol: self.protocol_name.as_ref().map(own),
                assignments,
                reply,
            })
        };
        ask::<Self>(door, call, &group, sync, respond)
    }
}

fn respond(reply: Result<Reply, ErrorCode>) -> SyncGroupResponse {
    let error_code = match reply {
        Ok(Reply::Synced(Ok(synced))) => {
            return SyncGroupResponse {
                protocol_type: Some(text(&synced.protocol_type)),
                protocol_name: Some(text(&synced.protocol)),
                assignment: synced.assignment,
                ..Default::default()
            };
        }
        Ok(Reply::Synced(Err(error))) => code(&error),
        Ok(_) => ErrorCode::UnknownServerError,
        Err(code) => code,
    };
    SyncGroupResponse { error_code, ..Default::default() }
}
