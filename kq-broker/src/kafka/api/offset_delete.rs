//! `OffsetDelete`: a group forgets offsets of topics that it no longer reads (KIP-496).

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};

use super::groups::{ask, code, code_of, own};
use crate::group::{DeleteOffsets, GroupId, Input, Reply, TopicPartition};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for OffsetDeleteRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let group = GroupId::from(&*self.group_id);
        let mut partitions = Vec::new();
        let topics = self.topics.iter().map(|topic| {
            let name = own(&topic.name);
            let indexes = topic.partitions.iter().map(|it| it.partition_index);
            partitions.extend(
                indexes
                    .clone()
                    .map(|partition| TopicPartition { topic: Arc::clone(&name), partition }),
            );
            let unanswered = |partition_index| OffsetDeleteResponsePartition {
                partition_index,
                ..Default::default()
            };
            OffsetDeleteResponseTopic {
                name: topic.name.clone(),
                partitions: indexes.map(unanswered).collect(),
            }
        });
        let response = OffsetDeleteResponse { topics: topics.collect(), ..Default::default() };
        let delete =
            |reply| Input::DeleteOffsets(DeleteOffsets { group: group.clone(), partitions, reply });
        ask::<Self>(door, call, &group, delete, move |reply| fill(response, reply))
    }
}

/// The results come in the order in which the partitions were named. A refusal of the whole comes
/// without topics.
fn fill(
    mut response: OffsetDeleteResponse,
    reply: Result<Reply, ErrorCode>,
) -> OffsetDeleteResponse {
    let refused = |error_code| OffsetDeleteResponse { error_code, ..Default::default() };
    let results = match reply {
        Ok(Reply::Offsets(results)) => results,
        Ok(Reply::OffsetsRefused(error)) => return refused(code(&error)),
        Ok(_) => return refused(ErrorCode::UnknownServerError),
        Err(code) => return refused(code),
    };
    let partitions = response.topics.iter_mut().flat_map(|it| &mut it.partitions);
    for (partition, (_, result)) in partitions.zip(results) {
        partition.error_code = code_of(result);
    }
    response
}
