//! `LeaveGroup`: leave a classic group.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    LeaveGroup: LeaveGroupRequest -> LeaveGroupResponse,
    0..=5, flexible 4
}

wire! {
    struct LeaveGroupRequest {
        [0..]  group_id: Str,
        [..=2] member_id: Str,
        [3..]  members: Vec<MemberIdentity>,
    }

    struct MemberIdentity {
        [3..]                      member_id: Str,
        [3.., null 3..]            group_instance_id: Option<Str>,
        [5.., null 5.., ignorable] reason: Option<Str>,
    }

    struct LeaveGroupResponse {
        [1.., ignorable] throttle_time_ms: i32,
        [0..]            error_code: ErrorCode,
        [3..]            members: Vec<MemberResponse>,
    }

    struct MemberResponse {
        [3..]           member_id: Str,
        [3.., null 3..] group_instance_id: Option<Str> = Some(Str::EMPTY),
        [3..]           error_code: ErrorCode,
    }
}
