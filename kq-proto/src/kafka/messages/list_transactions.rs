//! `ListTransactions` (KIP-664).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ListTransactions: ListTransactionsRequest -> ListTransactionsResponse,
    0..=2, flexible 0
}

wire! {
    struct ListTransactionsRequest {
        [0..]           state_filters: Vec<Str>,
        [0..]           producer_id_filters: Vec<i64>,
        [1..]           duration_filter: i64 = -1,
        [2.., null 2..] transactional_id_pattern: Option<Str>,
    }

    struct ListTransactionsResponse {
        [0..] throttle_time_ms: i32,
        [0..] error_code: ErrorCode,
        [0..] unknown_state_filters: Vec<Str>,
        [0..] transaction_states: Vec<TransactionState>,
    }

    struct TransactionState {
        [0..] transactional_id: Str,
        [0..] producer_id: i64,
        [0..] transaction_state: Str,
    }
}
