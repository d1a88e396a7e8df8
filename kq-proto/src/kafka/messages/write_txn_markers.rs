//! `WriteTxnMarkers`: control records of ended transactions.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    WriteTxnMarkers: WriteTxnMarkersRequest -> WriteTxnMarkersResponse,
    1..=1, flexible 1
}

wire! {
    struct WriteTxnMarkersRequest {
        [1..] markers: Vec<WritableTxnMarker>,
    }

    struct WritableTxnMarker {
        [1..] producer_id: i64,
        [1..] producer_epoch: i16,
        [1..] transaction_result: bool,
        [1..] topics: Vec<WritableTxnMarkerTopic>,
        [1..] coordinator_epoch: i32,
    }

    struct WritableTxnMarkerTopic {
        [1..] name: Str,
        [1..] partition_indexes: Vec<i32>,
    }

    struct WriteTxnMarkersResponse {
        [1..] markers: Vec<WritableTxnMarkerResult>,
    }

    struct WritableTxnMarkerResult {
        [1..] producer_id: i64,
        [1..] topics: Vec<WritableTxnMarkerTopicResult>,
    }

    struct WritableTxnMarkerTopicResult {
        [1..] name: Str,
        [1..] partitions: Vec<WritableTxnMarkerPartitionResult>,
    }

    struct WritableTxnMarkerPartitionResult {
        [1..] partition_index: i32,
        [1..] error_code: ErrorCode,
    }
}
