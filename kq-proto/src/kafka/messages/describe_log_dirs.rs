//! `DescribeLogDirs`: directories and the sizes of their replicas.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeLogDirs: DescribeLogDirsRequest -> DescribeLogDirsResponse,
    1..=4, flexible 2
}

wire! {
    struct DescribeLogDirsRequest {
        [1.., null 1..] topics: Option<Vec<DescribableLogDirTopic>> = Some(Vec::new()),
    }

    struct DescribableLogDirTopic {
        [1..] topic: Str,
        [1..] partitions: Vec<i32>,
    }

    struct DescribeLogDirsResponse {
        [1..]            throttle_time_ms: i32,
        [3.., ignorable] error_code: ErrorCode,
        [1..]            results: Vec<DescribeLogDirsResult>,
    }

    struct DescribeLogDirsResult {
        [1..]            error_code: ErrorCode,
        [1..]            log_dir: Str,
        [1..]            topics: Vec<DescribeLogDirsTopic>,
        [4.., ignorable] total_bytes: i64 = -1,
        [4.., ignorable] usable_bytes: i64 = -1,
    }

    struct DescribeLogDirsTopic {
        [1..] name: Str,
        [1..] partitions: Vec<DescribeLogDirsPartition>,
    }

    struct DescribeLogDirsPartition {
        [1..] partition_index: i32,
        [1..] partition_size: i64,
        [1..] offset_lag: i64,
        [1..] is_future_key: bool,
    }
}
