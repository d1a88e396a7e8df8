//! The list of all APIs whose messages are declared, for what treats them alike.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::api_key::ApiKey;
use super::error::DecodeError;
use super::message::{Message, Request};
use super::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AlterConfigsRequest,
    AlterPartitionReassignmentsRequest, AlterReplicaLogDirsRequest,
    AlterUserScramCredentialsRequest, ApiVersionsRequest, ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest, CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteAclsRequest, DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
    DescribeAclsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeGroupsRequest,
    DescribeLogDirsRequest, DescribeProducersRequest, DescribeQuorumRequest,
    DescribeTopicPartitionsRequest, DescribeTransactionsRequest,
    DescribeUserScramCredentialsRequest, ElectLeadersRequest, EndTxnRequest, FetchRequest,
    FindCoordinatorRequest, HeartbeatRequest, IncrementalAlterConfigsRequest,
    InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest, ListConfigResourcesRequest,
    ListGroupsRequest, ListOffsetsRequest, ListPartitionReassignmentsRequest,
    ListTransactionsRequest, MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest,
    OffsetFetchRequest, OffsetForLeaderEpochRequest, ProduceRequest, SaslAuthenticateRequest,
    SaslHandshakeRequest, SyncGroupRequest, TxnOffsetCommitRequest, UnregisterBrokerRequest,
    UpdateFeaturesRequest, WriteTxnMarkersRequest,
};

/// One API as its tables declare it.
#[derive(Debug)]
pub struct ApiShape {
    /// Its key.
    pub key: ApiKey,
    /// The versions that can be read and written. Which of them a broker serves is its affair.
    pub versions: RangeInclusive<i16>,
    /// The first flexible version.
    pub flexible_from: i16,
    /// Reads a request body of this version and drops it.
    pub check_request: fn(&Bytes, i16) -> Result<(), DecodeError>,
    /// Reads a response body of this version and drops it.
    pub check_response: fn(&Bytes, i16) -> Result<(), DecodeError>,
}

impl ApiShape {
    const fn of<R: Request>() -> Self {
        Self {
            key: R::KEY,
            versions: R::VERSIONS,
            flexible_from: R::FLEXIBLE_FROM,
            check_request: check::<R>,
            check_response: check::<R::Response>,
        }
    }
}

fn check<M: Message>(body: &Bytes, version: i16) -> Result<(), DecodeError> {
    M::decode_all(body, version).map(drop)
}

/// All declared APIs, by key.
pub static API_SHAPES: &[ApiShape] = &[
    ApiShape::of::<ProduceRequest>(),
    ApiShape::of::<FetchRequest>(),
    ApiShape::of::<ListOffsetsRequest>(),
    ApiShape::of::<MetadataRequest>(),
    ApiShape::of::<OffsetCommitRequest>(),
    ApiShape::of::<OffsetFetchRequest>(),
    ApiShape::of::<FindCoordinatorRequest>(),
    ApiShape::of::<JoinGroupRequest>(),
    ApiShape::of::<HeartbeatRequest>(),
    ApiShape::of::<LeaveGroupRequest>(),
    ApiShape::of::<SyncGroupRequest>(),
    ApiShape::of::<DescribeGroupsRequest>(),
    ApiShape::of::<ListGroupsRequest>(),
    ApiShape::of::<SaslHandshakeRequest>(),
    ApiShape::of::<ApiVersionsRequest>(),
    ApiShape::of::<CreateTopicsRequest>(),
    ApiShape::of::<DeleteTopicsRequest>(),
    ApiShape::of::<DeleteRecordsRequest>(),
    ApiShape::of::<InitProducerIdRequest>(),
    ApiShape::of::<OffsetForLeaderEpochRequest>(),
    ApiShape::of::<AddPartitionsToTxnRequest>(),
    ApiShape::of::<AddOffsetsToTxnRequest>(),
    ApiShape::of::<EndTxnRequest>(),
    ApiShape::of::<WriteTxnMarkersRequest>(),
    ApiShape::of::<TxnOffsetCommitRequest>(),
    ApiShape::of::<DescribeAclsRequest>(),
    ApiShape::of::<CreateAclsRequest>(),
    ApiShape::of::<DeleteAclsRequest>(),
    ApiShape::of::<DescribeConfigsRequest>(),
    ApiShape::of::<AlterConfigsRequest>(),
    ApiShape::of::<AlterReplicaLogDirsRequest>(),
    ApiShape::of::<DescribeLogDirsRequest>(),
    ApiShape::of::<SaslAuthenticateRequest>(),
    ApiShape::of::<CreatePartitionsRequest>(),
    ApiShape::of::<DeleteGroupsRequest>(),
    ApiShape::of::<ElectLeadersRequest>(),
    ApiShape::of::<IncrementalAlterConfigsRequest>(),
    ApiShape::of::<AlterPartitionReassignmentsRequest>(),
    ApiShape::of::<ListPartitionReassignmentsRequest>(),
    ApiShape::of::<OffsetDeleteRequest>(),
    ApiShape::of::<DescribeUserScramCredentialsRequest>(),
    ApiShape::of::<AlterUserScramCredentialsRequest>(),
    ApiShape::of::<DescribeQuorumRequest>(),
    ApiShape::of::<UpdateFeaturesRequest>(),
    ApiShape::of::<DescribeClusterRequest>(),
    ApiShape::of::<DescribeProducersRequest>(),
    ApiShape::of::<UnregisterBrokerRequest>(),
    ApiShape::of::<DescribeTransactionsRequest>(),
    ApiShape::of::<ListTransactionsRequest>(),
    ApiShape::of::<ConsumerGroupHeartbeatRequest>(),
    ApiShape::of::<ConsumerGroupDescribeRequest>(),
    ApiShape::of::<ListConfigResourcesRequest>(),
    ApiShape::of::<DescribeTopicPartitionsRequest>(),
];
