//! `DeleteGroups`: groups without members are forgotten, with their offsets.

use std::sync::Arc;

use kq_proto::kafka::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::groups::code_of;
use crate::group::{GroupId, Input, Reply};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for DeleteGroupsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let ask = |group_id: &Str| {
            let group = GroupId::from(&**group_id);
            let host = door.groups().host(&group);
            host.map(|host| host.call(|reply| Input::DeleteGroup { group, reply }))
        };
        // All are asked before the first answer is awaited.
        let pending: Vec<_> = self.groups_names.iter().map(ask).collect();
        Answer::Later(Box::pin(async move {
            let mut results = Vec::with_capacity(pending.len());
            for (group_id, pending) in self.groups_names.into_iter().zip(pending) {
                let error_code = match pending {
                    Ok(pending) => code(pending.await),
                    Err(code) => code,
                };
                results.push(DeletableGroupResult { group_id, error_code });
            }
            call.reply::<Self>(&DeleteGroupsResponse { results, ..Default::default() })
        }))
    }
}

fn code(reply: Option<Reply>) -> ErrorCode {
    match reply {
        Some(Reply::GroupDeleted(result)) => code_of(result),
        Some(_) => ErrorCode::UnknownServerError,
        None => ErrorCode::CoordinatorNotAvailable,
    }
}
