//! `FindCoordinator`: which broker coordinates a group. The first one makes the topic that groups
//! are kept in.

use std::sync::Arc;

use kq_proto::kafka::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use kq_proto::kafka::{ErrorCode, Str};

use crate::group::GroupId;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::leaders::node;

/// The kind of key that names a group; others name transactional ids and share groups.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// From this version on several keys come at once (KIP-699).
const MANY_FROM: i16 = 4;

impl Handle for FindCoordinatorRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        Answer::Later(Box::pin(async move {
            let is_cut_off = door.node.partitions.hearing().is_cut_off();
            let many = call.version >= MANY_FROM;
            let keys = if many { self.coordinator_keys } else { vec![self.key] };
            // Each may wait for its shard to be loaded: all wait at once.
            let found = keys.into_iter().map(|key| find_or_refuse(&door, self.key_type, key));
            let mut coordinators = futures::future::join_all(found).await;
            let none = ErrorCode::CoordinatorNotAvailable;
            let is_to_ask_elsewhere =
                is_cut_off && coordinators.iter().any(|it| it.error_code == none);
            let outcome = call.reply::<Self>(&if many {
                FindCoordinatorResponse { coordinators, ..Default::default() }
            } else {
                alone(coordinators.pop().unwrap_or_default())
            });
            if is_to_ask_elsewhere { outcome.and_end() } else { outcome }
        }))
    }
}

/// The answer of the versions that ask for one key.
fn alone(found: Coordinator) -> FindCoordinatorResponse {
    FindCoordinatorResponse {
        error_code: found.error_code,
        error_message: found.error_message,
        node_id: found.node_id,
        host: found.host,
        port: found.port,
        ..Default::default()
    }
}

async fn find_or_refuse(door: &Door, key_type: i8, key: Str) -> Coordinator {
    let refused = |(error_code, message)| Coordinator {
        error_code,
        error_message: Some(Str::from_static(message)),
        node_id: -1,
        port: -1,
        ..Coordinator::default()
    };
    let found = find(door, key_type, &key).await.unwrap_or_else(refused);
    Coordinator { key, ..found }
}

async fn find(
    door: &Door,
    key_type: i8,
    key: &Str,
) -> Result<Coordinator, (ErrorCode, &'static str)> {
    if key_type == TRANSACTION {
        // Only of this code do all clients take that it is final: librdkafka asks on after others.
        let message = "this broker has no transactions";
        return Err((ErrorCode::TransactionalIdAuthorizationFailed, message));
    }
    if key_type != GROUP {
        let message = "this broker coordinates consumer groups only";
        return Err((ErrorCode::InvalidRequest, message));
    }
    let found = door.groups().find(&GroupId::from(&**key)).await;
    let id = found.map_err(|code| (code, "no coordinator is available yet"))?;
    let image = door.image();
    let found = image.brokers().find(|it| it.id == id).and_then(|it| node(it));
    let node = found.ok_or((ErrorCode::CoordinatorNotAvailable, "its broker is not known yet"))?;
    Ok(Coordinator {
        node_id: node.id,
        host: node.host,
        port: node.port,
        error_message: None,
        ..Coordinator::default()
    })
}
