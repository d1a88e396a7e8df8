//! `DeleteRecords`: moves the log start offset up.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};

use tokio::time::Instant;

use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::topic_key::TopicKey;
use crate::runtime::{LogStartOffset, Offset};

/// Stands for all records that are committed.
const ALL_COMMITTED: i64 = -1;

impl Handle for DeleteRecordsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { delete(&door, self).await })
    }
}

async fn delete(door: &Door, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let wait_max = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let until = Instant::now() + wait_max;
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let key = TopicKey::Name(topic.name.clone());
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let partition_index = asked.partition_index;
            let deleted = delete_before(door, &key, (partition_index, asked.offset), until).await;
            let wire = |start: LogStartOffset| i64::try_from(start.offset().0).unwrap_or(i64::MAX);
            let (low_watermark, error_code) = match deleted {
                Ok(log_start) => (wire(log_start), ErrorCode::None),
                Err(code) => (-1, code),
            };
            let result =
                DeleteRecordsPartitionResult { partition_index, low_watermark, error_code };
            partitions.push(result);
        }
        topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}

async fn delete_before(
    door: &Door,
    key: &TopicKey,
    (index, offset): (i32, i64),
    until: Instant,
) -> Result<LogStartOffset, ErrorCode> {
    let before = match offset {
        ALL_COMMITTED => None,
        offset => Some(Offset(u64::try_from(offset).map_err(|_| ErrorCode::OffsetOutOfRange)?)),
    };
    let id = key.partition(&door.image(), index)?;
    let partition = door.node.partition(id).map_err(|error| error.code())?;
    let wait_max = until.saturating_duration_since(Instant::now());
    partition.delete_records(before, wait_max).await.map_err(|error| error.code())
}
