//! `JoinGroup`: enter a classic group, or rejoin it.

use bytes::Bytes;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    JoinGroup: JoinGroupRequest -> JoinGroupResponse,
    0..=9, flexible 6
}

wire! {
    struct JoinGroupRequest {
        [0..]                      group_id: Str,
        [0..]                      session_timeout_ms: i32,
        [1.., ignorable]           rebalance_timeout_ms: i32 = -1,
        [0..]                      member_id: Str,
        [5.., null 5..]            group_instance_id: Option<Str>,
        [0..]                      protocol_type: Str,
        [0..]                      protocols: Vec<JoinGroupRequestProtocol>,
        [8.., null 8.., ignorable] reason: Option<Str>,
    }

    struct JoinGroupRequestProtocol {
        [0..] name: Str,
        [0..] metadata: Bytes,
    }

    struct JoinGroupResponse {
        [2.., ignorable]           throttle_time_ms: i32,
        [0..]                      error_code: ErrorCode,
        [0..]                      generation_id: i32 = -1,
        [7.., null 7.., ignorable] protocol_type: Option<Str>,
        [0.., null 7..]            protocol_name: Option<Str> = Some(Str::EMPTY),
        [0..]                      leader: Str,
        [9..]                      skip_assignment: bool,
        [0..]                      member_id: Str,
        [0..]                      members: Vec<JoinGroupResponseMember>,
    }

    struct JoinGroupResponseMember {
        [0..]                      member_id: Str,
        [5.., null 5.., ignorable] group_instance_id: Option<Str>,
        [0..]                      metadata: Bytes,
    }
}
