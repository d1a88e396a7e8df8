//! `SyncGroup`: hand out, or get, the assignment.

use bytes::Bytes;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    SyncGroup: SyncGroupRequest -> SyncGroupResponse,
    0..=5, flexible 4
}

wire! {
    struct SyncGroupRequest {
        [0..]                      group_id: Str,
        [0..]                      generation_id: i32,
        [0..]                      member_id: Str,
        [3.., null 3..]            group_instance_id: Option<Str>,
        [5.., null 5.., ignorable] protocol_type: Option<Str>,
        [5.., null 5.., ignorable] protocol_name: Option<Str>,
        [0..]                      assignments: Vec<SyncGroupRequestAssignment>,
    }

    struct SyncGroupRequestAssignment {
        [0..] member_id: Str,
        [0..] assignment: Bytes,
    }

    struct SyncGroupResponse {
        [1.., ignorable]           throttle_time_ms: i32,
        [0..]                      error_code: ErrorCode,
        [5.., null 5.., ignorable] protocol_type: Option<Str>,
        [5.., null 5.., ignorable] protocol_name: Option<Str>,
        [0..]                      assignment: Bytes,
    }
}
