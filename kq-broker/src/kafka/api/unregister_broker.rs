//! `UnregisterBroker`: forgets a broker that has stopped for good and holds nothing any more.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::unregister_broker::{
    UnregisterBrokerRequest, UnregisterBrokerResponse,
};

use super::control::message;
use crate::controller::{Command, ControlError};
use crate::ids::BrokerId;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::raft::QuorumChange;

/// The request names no patience of its own.
const DEADLINE: Duration = Duration::from_secs(30);

impl Handle for UnregisterBrokerRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { unregister(&door, self.broker_id).await })
    }
}

async fn unregister(door: &Door, id: i32) -> UnregisterBrokerResponse {
    let done = if let Some(broker) = BrokerId::from_wire(id) {
        let command = Command::UnregisterBroker { broker, validate_only: false };
        let done = door.submit(command, DEADLINE).await.map(drop);
        if done.is_ok() {
            let forget = QuorumChange::Forget(broker);
            if let Err(error) = door.node.controller.change_quorum(forget, "", DEADLINE).await {
                tracing::warn!(%broker, %error, "a broker is unregistered and stays in the quorum");
            }
        }
        done
    } else {
        let message = format!("broker {id} never registered: ids are 0 and up");
        Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message))
    };
    let (error_code, error_message) = match done {
        Ok(()) => (ErrorCode::None, None),
        Err(error) => (error.code, message(&error)),
    };
    UnregisterBrokerResponse { error_code, error_message, ..UnregisterBrokerResponse::default() }
}
