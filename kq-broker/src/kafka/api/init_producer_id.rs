//! `InitProducerId`: a number for an idempotent producer.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

use crate::kafka::answer::{Answer, Outcome};
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for InitProducerIdRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        if self.transactional_id.is_some() {
            // As from `FindCoordinator`: all producers take this as final.
            let code = ErrorCode::TransactionalIdAuthorizationFailed;
            return Answer::Now(answer(&call, Err(code)));
        }
        if let Some(id) = door.producer_ids.take() {
            return Answer::Now(answer(&call, Ok(id)));
        }
        let door = Arc::clone(door);
        Answer::Later(Box::pin(async move {
            let id = door.producer_ids.allocate(&door.node).await;
            answer(&call, id.map_err(|error| error.code))
        }))
    }
}

fn answer(call: &Call, id: Result<u64, ErrorCode>) -> Outcome {
    let response = match id {
        Ok(id) => InitProducerIdResponse {
            producer_id: i64::try_from(id).unwrap_or(i64::MAX),
            producer_epoch: 0,
            ..Default::default()
        },
        Err(error_code) => {
            InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() }
        }
    };
    call.reply::<InitProducerIdRequest>(&response)
}
