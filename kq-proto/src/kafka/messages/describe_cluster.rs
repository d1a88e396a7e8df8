//! `DescribeCluster`: brokers or controllers of the cluster.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeCluster: DescribeClusterRequest -> DescribeClusterResponse,
    0..=2, flexible 0
}

wire! {
    struct DescribeClusterRequest {
        [0..] include_cluster_authorized_operations: bool,
        [1..] endpoint_type: i8 = 1,
        [2..] include_fenced_brokers: bool,
    }

    struct DescribeClusterResponse {
        [0..]           throttle_time_ms: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str>,
        [1..]           endpoint_type: i8 = 1,
        [0..]           cluster_id: Str,
        [0..]           controller_id: i32 = -1,
        [0..]           brokers: Vec<DescribeClusterBroker>,
        [0..]           cluster_authorized_operations: i32 = i32::MIN,
    }

    struct DescribeClusterBroker {
        [0..]           broker_id: i32,
        [0..]           host: Str,
        [0..]           port: i32,
        [0.., null 0..] rack: Option<Str>,
        [2..]           is_fenced: bool,
    }
}
