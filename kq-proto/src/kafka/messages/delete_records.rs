//! `DeleteRecords`: raise the log start offset.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DeleteRecords: DeleteRecordsRequest -> DeleteRecordsResponse,
    0..=2, flexible 2
}

wire! {
    struct DeleteRecordsRequest {
        [0..] topics: Vec<DeleteRecordsTopic>,
        [0..] timeout_ms: i32,
    }

    struct DeleteRecordsTopic {
        [0..] name: Str,
        [0..] partitions: Vec<DeleteRecordsPartition>,
    }

    struct DeleteRecordsPartition {
        [0..] partition_index: i32,
        [0..] offset: i64,
    }

    struct DeleteRecordsResponse {
        [0..] throttle_time_ms: i32,
        [0..] topics: Vec<DeleteRecordsTopicResult>,
    }

    struct DeleteRecordsTopicResult {
        [0..] name: Str,
        [0..] partitions: Vec<DeleteRecordsPartitionResult>,
    }

    struct DeleteRecordsPartitionResult {
        [0..] partition_index: i32,
        [0..] low_watermark: i64,
        [0..] error_code: ErrorCode,
    }
}
