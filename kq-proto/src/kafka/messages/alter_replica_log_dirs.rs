//! `AlterReplicaLogDirs`: move replicas between directories of a broker.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    AlterReplicaLogDirs: AlterReplicaLogDirsRequest -> AlterReplicaLogDirsResponse,
    1..=2, flexible 2
}

wire! {
    struct AlterReplicaLogDirsRequest {
        [1..] dirs: Vec<AlterReplicaLogDir>,
    }

    struct AlterReplicaLogDir {
        [1..] path: Str,
        [1..] topics: Vec<AlterReplicaLogDirTopic>,
    }

    struct AlterReplicaLogDirTopic {
        [1..] name: Str,
        [1..] partitions: Vec<i32>,
    }

    struct AlterReplicaLogDirsResponse {
        [1..] throttle_time_ms: i32,
        [1..] results: Vec<AlterReplicaLogDirTopicResult>,
    }

    struct AlterReplicaLogDirTopicResult {
        [1..] topic_name: Str,
        [1..] partitions: Vec<AlterReplicaLogDirPartitionResult>,
    }

    struct AlterReplicaLogDirPartitionResult {
        [1..] partition_index: i32,
        [1..] error_code: ErrorCode,
    }
}
