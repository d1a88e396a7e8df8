//! `AlterPartitionReassignments` (KIP-455): moves of replicas, carried out as a plan. Replicas of
//! null take back a move that has not ended.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};

use super::control::{deadline, each_of, message};
use crate::controller::plan::Reassignment;
use crate::controller::{Command, Reply};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for AlterPartitionReassignmentsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { alter(&door, self).await })
    }
}

async fn alter(
    door: &Door,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let mut partitions = Vec::new();
    for topic in &request.topics {
        partitions.extend(topic.partitions.iter().map(|it| Reassignment {
            topic: topic.name.to_string(),
            index: it.partition_index,
            replicas: it.replicas.clone(),
        }));
    }
    let count = partitions.len();
    let allow_factor_change = request.allow_replication_factor_change;
    let command = Command::AlterReassignments { partitions, allow_factor_change };
    let reply = door.submit(command, deadline(request.timeout_ms)).await;
    let mut results = each_of(reply, count, |reply| {
        if let Reply::ReassignmentsAltered(each) = reply { Some(each) } else { None }
    })
    .into_iter();
    let mut responses = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let partitions = topic.partitions.iter().zip(&mut results).map(|(it, result)| {
            let error = result.err();
            ReassignablePartitionResponse {
                partition_index: it.partition_index,
                error_code: error.as_ref().map_or(ErrorCode::None, |it| it.code),
                error_message: error.as_ref().and_then(message),
            }
        });
        let partitions = partitions.collect();
        responses.push(ReassignableTopicResponse { name: topic.name, partitions });
    }
    AlterPartitionReassignmentsResponse {
        allow_replication_factor_change: allow_factor_change,
        error_message: None,
        responses,
        ..Default::default()
    }
}
