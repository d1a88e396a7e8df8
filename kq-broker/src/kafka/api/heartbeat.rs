//! `Heartbeat`: a member lives, and learns whether its group rebalances.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use super::groups::{ask, caller, code_of};
use crate::group::{Heartbeat, Input, Reply};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for HeartbeatRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let instance = self.group_instance_id.as_ref();
        let caller = caller(&self.group_id, &self.member_id, instance, self.generation_id);
        let group = caller.group.clone();
        let beat = |reply| Input::Heartbeat(Heartbeat { caller, reply });
        ask::<Self>(door, call, &group, beat, |reply| {
            let error_code = match reply {
                Ok(Reply::Heartbeat(result)) => code_of(result),
                Ok(_) => ErrorCode::UnknownServerError,
                Err(code) => code,
            };
            HeartbeatResponse { error_code, ..Default::default() }
        })
    }
}
