//! `AddPartitionsToTxn`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    AddPartitionsToTxn: AddPartitionsToTxnRequest -> AddPartitionsToTxnResponse,
    0..=5, flexible 3
}

wire! {
    struct AddPartitionsToTxnRequest {
        [4..]  transactions: Vec<AddPartitionsToTxnTransaction>,
        [..=3] v3_and_below_transactional_id: Str,
        [..=3] v3_and_below_producer_id: i64,
        [..=3] v3_and_below_producer_epoch: i16,
        [..=3] v3_and_below_topics: Vec<AddPartitionsToTxnTopic>,
    }

    struct AddPartitionsToTxnTransaction {
        [4..] transactional_id: Str,
        [4..] producer_id: i64,
        [4..] producer_epoch: i16,
        [4..] verify_only: bool,
        [4..] topics: Vec<AddPartitionsToTxnTopic>,
    }

    struct AddPartitionsToTxnTopic {
        [0..] name: Str,
        [0..] partitions: Vec<i32>,
    }

    struct AddPartitionsToTxnResponse {
        [0..]            throttle_time_ms: i32,
        [4.., ignorable] error_code: ErrorCode,
        [4..]            results_by_transaction: Vec<AddPartitionsToTxnResult>,
        [..=3]           results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>,
    }

    struct AddPartitionsToTxnResult {
        [4..] transactional_id: Str,
        [4..] topic_results: Vec<AddPartitionsToTxnTopicResult>,
    }

    struct AddPartitionsToTxnTopicResult {
        [0..] name: Str,
        [0..] results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
    }

    struct AddPartitionsToTxnPartitionResult {
        [0..] partition_index: i32,
        [0..] partition_error_code: ErrorCode,
    }
}
