//! A follower's Fetch request, put together from what changed.

use kq_proto::kafka::Str;
use kq_proto::kafka::messages::FetchRequest;
use kq_proto::kafka::messages::fetch::{FetchPartition, FetchTopic, ForgottenTopic, ReplicaState};
use kq_storage::Offset;

use super::book::Changes;
use crate::ids::{BrokerEpoch, BrokerId, PartitionId};
use crate::runtime::FetchFrom;

/// How long a fetch that finds nothing may be parked.
pub(super) const WAIT_MS_MAX: i32 = 500;
/// Bytes of records of one response; a single batch may be larger.
const RESPONSE_BYTES_MAX: i32 = 8 << 20;
/// Bytes of records of one partition.
const PARTITION_BYTES_MAX: i32 = 1 << 20;

/// Who asks, and in which fetch session.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    pub(super) replica: BrokerId,
    /// Its registration: what makes the leader believe the rest.
    pub(super) epoch: BrokerEpoch,
    /// Told when a session is opened, so that brokers of two clusters part at once.
    pub(super) cluster_id: Option<Str>,
    pub(super) session_id: i32,
    /// 0 opens a session.
    pub(super) session_epoch: i32,
}

/// The request that tells these changes. Where a partition has a portion, no more of it is wanted.
pub(super) fn request(
    terms: Terms,
    changes: &Changes,
    portion: impl Fn(PartitionId) -> Option<i32>,
) -> FetchRequest {
    let opening = terms.session_epoch == 0;
    let mut request = FetchRequest {
        max_wait_ms: WAIT_MS_MAX,
        min_bytes: 1,
        max_bytes: RESPONSE_BYTES_MAX,
        session_id: terms.session_id,
        session_epoch: terms.session_epoch,
        cluster_id: terms.cluster_id.filter(|_| opening),
        replica_state: ReplicaState {
            replica_id: terms.replica.to_wire(),
            replica_epoch: i64::try_from(terms.epoch.0).unwrap_or(i64::MAX),
        },
        ..FetchRequest::default()
    };
    for (id, from) in &changes.named {
        let partition = partition(*id, from, portion(*id));
        match request.topics.last_mut() {
            Some(last) if last.topic_id == id.topic.0 => last.partitions.push(partition),
            _ => request.topics.push(FetchTopic {
                topic_id: id.topic.0,
                partitions: vec![partition],
                ..FetchTopic::default()
            }),
        }
    }
    // A session that is not open yet has nothing to forget.
    for id in changes.forgotten.iter().filter(|_| !opening) {
        let index = id.index.to_wire();
        let forgotten = &mut request.forgotten_topics_data;
        match forgotten.last_mut() {
            Some(last) if last.topic_id == id.topic.0 => last.partitions.push(index),
            _ => forgotten.push(ForgottenTopic {
                topic_id: id.topic.0,
                partitions: vec![index],
                ..ForgottenTopic::default()
            }),
        }
    }
    request
}

fn partition(id: PartitionId, from: &FetchFrom, portion: Option<i32>) -> FetchPartition {
    let epoch = |epoch: kq_storage::LeaderEpoch| i32::try_from(epoch.0).unwrap_or(i32::MAX);
    FetchPartition {
        partition: id.index.to_wire(),
        current_leader_epoch: epoch(from.leader_epoch),
        fetch_offset: wire(from.offset),
        last_fetched_epoch: from.last_epoch.map_or(-1, epoch),
        log_start_offset: wire(from.log_start.offset()),
        partition_max_bytes: portion.unwrap_or(PARTITION_BYTES_MAX),
        synced_end: wire(from.synced_end.offset()),
        ..FetchPartition::default()
    }
}

fn wire(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}
