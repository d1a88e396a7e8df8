//! `DescribeTransactions` (KIP-664).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeTransactions: DescribeTransactionsRequest -> DescribeTransactionsResponse,
    0..=0, flexible 0
}

wire! {
    struct DescribeTransactionsRequest {
        [0..] transactional_ids: Vec<Str>,
    }

    struct DescribeTransactionsResponse {
        [0..] throttle_time_ms: i32,
        [0..] transaction_states: Vec<TransactionState>,
    }

    struct TransactionState {
        [0..] error_code: ErrorCode,
        [0..] transactional_id: Str,
        [0..] transaction_state: Str,
        [0..] transaction_timeout_ms: i32,
        [0..] transaction_start_time_ms: i64,
        [0..] producer_id: i64,
        [0..] producer_epoch: i16,
        [0..] topics: Vec<TopicData>,
    }

    struct TopicData {
        [0..] topic: Str,
        [0..] partitions: Vec<i32>,
    }
}
