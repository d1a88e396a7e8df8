//! `ListOffsets`: the offset of a moment: the earliest, the latest, that of a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::kafka::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopic, ListOffsetsTopicResponse,
};
use kq_proto::kafka::{ErrorCode, Str};

use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::topic_key::TopicKey;
use crate::runtime::{
    Isolation, LeaderEpoch, ListedOffset, OffsetSpec, PartitionError, TimestampMs,
};

/// Timestamps that stand for a place in the log.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

impl Handle for ListOffsetsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        Answer::Later(Box::pin(async move {
            let response = list(&door, self, call.version).await;
            call.reply::<Self>(&response)
        }))
    }
}

async fn list(door: &Door, request: ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let isolation = match request.isolation_level {
        1 => Isolation::ReadCommitted,
        _ => Isolation::ReadUncommitted,
    };
    let repeated = repeated(&request);
    let mut topics = Vec::with_capacity(request.topics.len());
    for ListOffsetsTopic { name, partitions } in request.topics {
        let key = TopicKey::Name(name.clone());
        let mut answers = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let index = partition.partition_index;
            let found = if repeated.contains(&(name.clone(), index)) {
                Err(ErrorCode::InvalidRequest)
            } else {
                find(door, &key, &partition, (isolation, version)).await
            };
            answers.push(answer(index, found, version));
        }
        topics.push(ListOffsetsTopicResponse { name, partitions: answers });
    }
    ListOffsetsResponse { topics, ..Default::default() }
}

/// Partitions that the request names more than once: none of them is answered.
fn repeated(request: &ListOffsetsRequest) -> BTreeSet<(Str, i32)> {
    let mut seen = BTreeSet::new();
    let all = request.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| (topic.name.clone(), partition.partition_index))
    });
    all.filter(|it| !seen.insert(it.clone())).collect()
}

async fn find(
    door: &Door,
    key: &TopicKey,
    wanted: &ListOffsetsPartition,
    (isolation, version): (Isolation, i16),
) -> Result<ListedOffset, ErrorCode> {
    let id = key.partition(&door.image(), wanted.partition_index)?;
    let partition = door.node.partition(id).map_err(|error| error.code())?;
    let spec = match wanted.timestamp {
        LATEST => OffsetSpec::Latest,
        EARLIEST => OffsetSpec::Earliest,
        MAX_TIMESTAMP if version >= 7 => OffsetSpec::MaxTimestamp,
        // Nothing is tiered, so all that is kept is local.
        EARLIEST_LOCAL if version >= 8 => OffsetSpec::Earliest,
        LATEST_TIERED if version >= 9 => return Ok(ListedOffset::default()),
        ..0 => return Err(ErrorCode::UnsupportedVersion),
        timestamp => OffsetSpec::AtOrAfter(TimestampMs(timestamp)),
    };
    let known_epoch = u32::try_from(wanted.current_leader_epoch).ok().map(LeaderEpoch);
    let listed = partition.list_offset(spec, isolation, known_epoch).await;
    listed.map_err(|error| {
        // Clients of then do not know the code (KIP-207).
        let is_new = version < 5 && matches!(error, PartitionError::OffsetNotAvailable);
        if is_new { ErrorCode::LeaderNotAvailable } else { error.code() }
    })
}

fn answer(
    partition_index: i32,
    found: Result<ListedOffset, ErrorCode>,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let found = match found {
        Ok(found) => found,
        Err(error_code) => {
            return ListOffsetsPartitionResponse {
                partition_index,
                error_code,
                ..Default::default()
            };
        }
    };
    let wire = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
    let epoch = found.leader_epoch.filter(|_| version >= 4);
    ListOffsetsPartitionResponse {
        partition_index,
        error_code: ErrorCode::None,
        timestamp: found.timestamp.map_or(-1, |time| time.0),
        offset: found.offset.map_or(-1, |offset| wire(offset.0)),
        leader_epoch: epoch.map_or(-1, |epoch| i32::try_from(epoch.0).unwrap_or(i32::MAX)),
    }
}
