//! What commands may ask of a cluster, in the words of `kq.admin.v1`. The gRPC adapter asks a kq
//! broker; another adapter may translate to another protocol, and answers `unsupported` where that
//! has no such operation.

#[cfg(test)]
pub(crate) mod fake;
mod grpc;

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use kq_proto::admin::v1;
use kq_proto::client::Options;
use tokio_stream::Stream;

use crate::exit::Failure;

pub(crate) use grpc::connect;

/// The answer to come.
pub(crate) type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// Answers to come, one after the other.
pub(crate) type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Failure>>>>;

/// Makes a connection; tests put a cluster in memory in its place.
pub(crate) type Connector = Box<dyn Fn(Options) -> Reply<'static, Rc<dyn Cluster>>>;

/// Every operation once: name of the method, service and call of the wire, question, answer.
macro_rules! operations {
    ($with:ident) => {
        $with! {
            list_topics, topics.list, ListTopicsRequest, ListTopicsResponse;
            describe_topics, topics.describe, DescribeTopicsRequest, DescribeTopicsResponse;
            create_topics, topics.create, CreateTopicsRequest, CreateTopicsResponse;
            add_partitions, topics.add_partitions, AddPartitionsRequest, AddPartitionsResponse;
            delete_topics, topics.delete, DeleteTopicsRequest, DeleteTopicsResponse;
            list_deleted, topics.list_deleted, ListDeletedTopicsRequest, ListDeletedTopicsResponse;
            restore_topics, topics.restore, RestoreTopicsRequest, RestoreTopicsResponse;
            purge_topics, topics.purge, PurgeTopicsRequest, PurgeTopicsResponse;
            protect_topics, topics.protect, ProtectTopicsRequest, ProtectTopicsResponse;
            unprotect_topics, topics.unprotect, UnprotectTopicsRequest, UnprotectTopicsResponse;
            compact_topics, topics.compact, CompactTopicsRequest, CompactTopicsResponse;
            list_offsets, topics.list_offsets, ListOffsetsRequest, ListOffsetsResponse;
            describe_configs, configs.describe, DescribeConfigsRequest, DescribeConfigsResponse;
            alter_configs, configs.alter, AlterConfigsRequest, AlterConfigsResponse;
            list_brokers, brokers.list, ListBrokersRequest, ListBrokersResponse;
            log_dirs, brokers.log_dirs, LogDirsRequest, LogDirsResponse;
            restart_check, brokers.restart_check, RestartCheckRequest, RestartCheckResponse;
            list_partitions, partitions.list, ListPartitionsRequest, ListPartitionsResponse;
            describe_partitions, partitions.describe, DescribePartitionsRequest, DescribePartitionsResponse;
            propose_plan, plans.propose, ProposePlanRequest, ProposePlanResponse;
            apply_plan, plans.apply, ApplyPlanRequest, ApplyPlanResponse;
            list_plans, plans.list, ListPlansRequest, ListPlansResponse;
            get_plan, plans.get, GetPlanRequest, GetPlanResponse;
            pause_plan, plans.pause, ChangePlanRequest, ChangePlanResponse;
            resume_plan, plans.resume, ChangePlanRequest, ChangePlanResponse;
            cancel_plan, plans.cancel, ChangePlanRequest, ChangePlanResponse;
            throttle_plan, plans.throttle, ThrottlePlanRequest, ChangePlanResponse;
            list_leaders, leaders.list, ListLeadersRequest, ListLeadersResponse;
            elect_leaders, leaders.elect, ElectLeadersRequest, ElectLeadersResponse;
            leader_policies, leaders.get_policies, GetLeaderPoliciesRequest, GetLeaderPoliciesResponse;
            set_leader_policy, leaders.set_policy, SetLeaderPolicyRequest, SetLeaderPolicyResponse;
            freeze_leaders, leaders.freeze, FreezeLeadersRequest, FreezeLeadersResponse;
            unfreeze_leaders, leaders.unfreeze, UnfreezeLeadersRequest, UnfreezeLeadersResponse;
            cordon_brokers, brokers.cordon, CordonBrokersRequest, CordonBrokersResponse;
            uncordon_brokers, brokers.uncordon, UncordonBrokersRequest, UncordonBrokersResponse;
            unregister_brokers, brokers.unregister, UnregisterBrokersRequest, UnregisterBrokersResponse;
            change_quorum, quorum.change, ChangeQuorumRequest, ChangeQuorumResponse;
            quorum_status, quorum.status, QuorumStatusRequest, QuorumStatusResponse;
            doctor, cluster.doctor, DoctorRequest, DoctorResponse;
            list_groups, groups.list, ListGroupsRequest, ListGroupsResponse;
            describe_groups, groups.describe, DescribeGroupsRequest, DescribeGroupsResponse;
            group_lag, groups.lag, GroupLagRequest, GroupLagResponse;
            delete_groups, groups.delete, DeleteGroupsRequest, DeleteGroupsResponse;
            rebalance_group, groups.rebalance, RebalanceGroupRequest, RebalanceGroupResponse;
            remove_members, groups.remove_members, RemoveMembersRequest, RemoveMembersResponse;
            get_offsets, offsets.get, GetOffsetsRequest, GetOffsetsResponse;
            propose_reset, offsets.propose_reset, ProposeResetRequest, ProposeResetResponse;
            apply_reset, offsets.apply_reset, ApplyResetRequest, ApplyResetResponse;
            list_undo, offsets.list_undo, ListUndoRequest, ListUndoResponse;
            describe_cluster, cluster.describe, DescribeClusterRequest, DescribeClusterResponse;
            cluster_health, cluster.health, ClusterHealthRequest, ClusterHealthResponse;
            produce, appends.produce, ProduceRequest, ProduceResponse;
            get_records, records.get, GetRecordsRequest, GetRecordsResponse;
            list_events, events.list, ListEventsRequest, ListEventsResponse;
        }
    };
}
pub(crate) use operations;

macro_rules! declare {
    ($($method:ident, $service:ident.$call:ident, $request:ident, $response:ident;)*) => {
        /// The operations of a cluster.
        pub(crate) trait Cluster {
            /// The broker that answers.
            fn address(&self) -> String;
            /// Its cluster, as far as it has said so.
            fn cluster_id(&self) -> Option<String>;
            /// For how long it has lost the controller, by its last answer; none if it has not.
            fn stale_for(&self) -> Option<Duration>;
            $(fn $method(&self, request: v1::$request) -> Reply<'_, v1::$response>;)*
            /// Records, as they come.
            fn fetch(&self, request: v1::FetchRequest) -> Reply<'_, Replies<v1::FetchResponse>>;
            /// Events, as they happen.
            fn follow_events(
                &self,
                request: v1::FollowEventsRequest,
            ) -> Reply<'_, Replies<v1::FollowEventsResponse>>;
        }
    };
}
operations!(declare);
