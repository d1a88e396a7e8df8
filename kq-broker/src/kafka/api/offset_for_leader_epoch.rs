//! `OffsetForLeaderEpoch`: where the records of a leader's term end.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition, OffsetForLeaderTopicResult,
};

use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::topic_key::TopicKey;
use crate::metadata::MetadataImage;
use crate::runtime::LeaderEpoch;

impl Handle for OffsetForLeaderEpochRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let image = door.image();
        let topics = self.topics.into_iter().map(|topic| {
            let key = TopicKey::Name(topic.topic.clone());
            let partitions = topic.partitions.iter().map(|it| answer(door, &image, &key, it));
            OffsetForLeaderTopicResult { partitions: partitions.collect(), topic: topic.topic }
        });
        let topics = topics.collect();
        call.answer::<Self>(&OffsetForLeaderEpochResponse { topics, ..Default::default() })
    }
}

fn answer(
    door: &Door,
    image: &MetadataImage,
    key: &TopicKey,
    asked: &OffsetForLeaderPartition,
) -> EpochEndOffset {
    let epoch = |wire: i32| u32::try_from(wire).ok().map(LeaderEpoch);
    let partition = asked.partition;
    let found = key.partition(image, partition).and_then(|id| {
        let partition = door.node.partition(id).map_err(|error| error.code())?;
        let Some(wanted) = epoch(asked.leader_epoch) else { return Ok(None) };
        let known = epoch(asked.current_leader_epoch);
        partition.epoch_end(wanted, known).map_err(|error| error.code())
    });
    match found {
        Ok(None) => EpochEndOffset { partition, ..Default::default() },
        Ok(Some((epoch, end))) => EpochEndOffset {
            error_code: ErrorCode::None,
            partition,
            leader_epoch: i32::try_from(epoch.0).unwrap_or(i32::MAX),
            end_offset: i64::try_from(end.offset().0).unwrap_or(i64::MAX),
        },
        Err(error_code) => EpochEndOffset { error_code, partition, ..Default::default() },
    }
}
