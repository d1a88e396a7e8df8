//! `OffsetCommit`: how far a group has read. Answered once the offsets are on stable storage.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use super::groups::{ask, caller, code, code_of, own};
use crate::group::{CommitOffsets, Input, OffsetToCommit, Reply, TopicPartition};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::MetadataImage;

/// From this version on a generation may be the epoch of a member of a consumer group (KIP-848).
const KNOWS_EPOCHS_FROM: i16 = 9;

impl Handle for OffsetCommitRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let generation = self.generation_id_or_member_epoch;
        let instance = self.group_instance_id.as_ref();
        let caller = caller(&self.group_id, &self.member_id, instance, generation);
        let group = caller.group.clone();
        let (response, offsets) = sort_out(&door.image(), &self.topics);
        let host = door.groups().host(&group);
        let knows_epochs = KNOWS_EPOCHS_FROM <= call.version;
        if !knows_epochs
            && host.is_ok_and(|it| it.look(|it| it.is_consumer_member(&group, &caller.member)))
        {
            return call.answer::<Self>(&fill(response, Err(ErrorCode::UnsupportedVersion)));
        }
        if offsets.is_empty() {
            return call.answer::<Self>(&response);
        }
        let retention = u64::try_from(self.retention_time_ms).ok().map(Duration::from_millis);
        let commit = |reply| Input::Commit(CommitOffsets { caller, retention, offsets, reply });
        ask::<Self>(door, call, &group, commit, move |reply| fill(response, reply))
    }
}

/// The response with what is refused already, and the offsets that the others commit. Those are
/// marked by a code that no partition is left with.
fn sort_out(
    image: &MetadataImage,
    topics: &[OffsetCommitRequestTopic],
) -> (OffsetCommitResponse, Vec<OffsetToCommit>) {
    let mut offsets = Vec::new();
    let mut response = OffsetCommitResponse::default();
    for topic in topics {
        let known = image.topic_by_name(&topic.name).map_or(0, |it| it.partition_count());
        let name = own(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let index = u32::try_from(partition.partition_index);
            let exists = index.is_ok_and(|it| it < known);
            if exists {
                offsets.push(offset(&name, partition));
            }
            partitions.push(OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: if exists { PENDING } else { ErrorCode::UnknownTopicOrPartition },
            });
        }
        let name = topic.name.clone();
        response.topics.push(OffsetCommitResponseTopic { name, partitions });
    }
    (response, offsets)
}

const PENDING: ErrorCode = ErrorCode::OperationNotAttempted;

fn offset(topic: &Arc<str>, partition: &OffsetCommitRequestPartition) -> OffsetToCommit {
    let epoch = partition.committed_leader_epoch;
    let metadata = partition.committed_metadata.as_ref();
    OffsetToCommit {
        partition: TopicPartition {
            topic: Arc::clone(topic),
            partition: partition.partition_index,
        },
        offset: partition.committed_offset,
        leader_epoch: (epoch >= 0).then_some(epoch),
        metadata: metadata.map_or_else(|| Arc::from(""), own),
    }
}

/// The results come in the order in which the offsets were put.
fn fill(
    mut response: OffsetCommitResponse,
    reply: Result<Reply, ErrorCode>,
) -> OffsetCommitResponse {
    let (results, otherwise) = match reply {
        Ok(Reply::Offsets(results)) => (results, ErrorCode::UnknownServerError),
        Ok(Reply::OffsetsRefused(error)) => (Vec::new(), code(&error)),
        Ok(_) => (Vec::new(), ErrorCode::UnknownServerError),
        Err(code) => (Vec::new(), code),
    };
    let mut codes = results.into_iter().map(|(_, result)| code_of(result));
    let partitions = response.topics.iter_mut().flat_map(|it| &mut it.partitions);
    for partition in partitions.filter(|it| it.error_code == PENDING) {
        partition.error_code = codes.next().unwrap_or(otherwise);
    }
    response
}
