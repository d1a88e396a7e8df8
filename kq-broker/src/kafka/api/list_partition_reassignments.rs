//! `ListPartitionReassignments`: which partitions are on their way to other brokers.
//!
//! None ever is: no request of this broker moves a replica yet. Tools that look before they change a
//! topic take an empty list for what it says.

use std::sync::Arc;

use kq_proto::kafka::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for ListPartitionReassignmentsRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let nothing_moves =
            ListPartitionReassignmentsResponse { error_message: None, ..Default::default() };
        call.answer::<Self>(&nothing_moves)
    }
}
