//! Differential tests: the crate `kafka-protocol`, generated from the schemas of Kafka 4.1, must
//! read what we write and write the same bytes again.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable};

use super::catalogue::API_SHAPES;
use super::field::Form;
use super::message::{Message, Request};
use super::messages as ours;
use super::sample::{Dice, Sample};
use super::writer::Writer;

const ROUNDS: u64 = 200;

fn both_agree<Ours, Theirs>()
where
    Ours: Message + Sample + PartialEq + Debug,
    Theirs: Decodable + Encodable + Debug,
{
    for version in Ours::VERSIONS {
        for seed in 0..ROUNDS {
            let mut dice = Dice::new(seed);
            let form = Form { version, flexible: Ours::is_flexible(version), nullable: false };
            let message = Ours::sample(&mut dice, form);
            let bytes = encoded(&message, version);
            let at = format!("{} version {version} seed {seed}: {message:?}", Ours::NAME);
            assert_eq!(Ours::decode_all(&bytes, version).as_ref(), Ok(&message), "{at}");
            let mut rest = bytes.clone();
            let read = Theirs::decode(&mut rest, version).unwrap_or_else(|e| panic!("{at}: {e}"));
            assert!(rest.is_empty(), "{at}: the oracle leaves {} bytes", rest.len());
            let mut written = BytesMut::new();
            read.encode(&mut written, version).unwrap_or_else(|e| panic!("{at}: {e}"));
            assert_eq!(written.freeze(), bytes, "{at}\n{read:?}");
        }
    }
}

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.into_bytes().unwrap()
}

macro_rules! agreements {
    ($($name:ident $request:ident $response:ident;)+) => {
        $(
            #[test]
            fn $name() {
                both_agree::<ours::$request, theirs::$request>();
                both_agree::<ours::$response, theirs::$response>();
            }
        )+

        #[test]
        fn every_declared_api_meets_the_oracle() {
            let met = [$(ours::$request::KEY),+];
            let declared: Vec<_> = API_SHAPES.iter().map(|it| it.key).collect();
            assert_eq!(met.as_slice(), declared);
        }
    };
}

agreements! {
    produce_agrees ProduceRequest ProduceResponse;
    fetch_agrees FetchRequest FetchResponse;
    list_offsets_agrees ListOffsetsRequest ListOffsetsResponse;
    metadata_agrees MetadataRequest MetadataResponse;
    offset_commit_agrees OffsetCommitRequest OffsetCommitResponse;
    offset_fetch_agrees OffsetFetchRequest OffsetFetchResponse;
    find_coordinator_agrees FindCoordinatorRequest FindCoordinatorResponse;
    join_group_agrees JoinGroupRequest JoinGroupResponse;
    heartbeat_agrees HeartbeatRequest HeartbeatResponse;
    leave_group_agrees LeaveGroupRequest LeaveGroupResponse;
    sync_group_agrees SyncGroupRequest SyncGroupResponse;
    describe_groups_agrees DescribeGroupsRequest DescribeGroupsResponse;
    list_groups_agrees ListGroupsRequest ListGroupsResponse;
    sasl_handshake_agrees SaslHandshakeRequest SaslHandshakeResponse;
    api_versions_agrees ApiVersionsRequest ApiVersionsResponse;
    create_topics_agrees CreateTopicsRequest CreateTopicsResponse;
    delete_topics_agrees DeleteTopicsRequest DeleteTopicsResponse;
    delete_records_agrees DeleteRecordsRequest DeleteRecordsResponse;
    init_producer_id_agrees InitProducerIdRequest InitProducerIdResponse;
    offset_for_leader_epoch_agrees OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse;
    add_partitions_to_txn_agrees AddPartitionsToTxnRequest AddPartitionsToTxnResponse;
    add_offsets_to_txn_agrees AddOffsetsToTxnRequest AddOffsetsToTxnResponse;
    end_txn_agrees EndTxnRequest EndTxnResponse;
    write_txn_markers_agrees WriteTxnMarkersRequest WriteTxnMarkersResponse;
    txn_offset_commit_agrees TxnOffsetCommitRequest TxnOffsetCommitResponse;
    describe_acls_agrees DescribeAclsRequest DescribeAclsResponse;
    create_acls_agrees CreateAclsRequest CreateAclsResponse;
    delete_acls_agrees DeleteAclsRequest DeleteAclsResponse;
    describe_configs_agrees DescribeConfigsRequest DescribeConfigsResponse;
    alter_configs_agrees AlterConfigsRequest AlterConfigsResponse;
    alter_replica_log_dirs_agrees AlterReplicaLogDirsRequest AlterReplicaLogDirsResponse;
    describe_log_dirs_agrees DescribeLogDirsRequest DescribeLogDirsResponse;
    sasl_authenticate_agrees SaslAuthenticateRequest SaslAuthenticateResponse;
    create_partitions_agrees CreatePartitionsRequest CreatePartitionsResponse;
    delete_groups_agrees DeleteGroupsRequest DeleteGroupsResponse;
    elect_leaders_agrees ElectLeadersRequest ElectLeadersResponse;
    incremental_alter_configs_agrees IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse;
    alter_partition_reassignments_agrees AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse;
    list_partition_reassignments_agrees ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse;
    offset_delete_agrees OffsetDeleteRequest OffsetDeleteResponse;
    describe_user_scram_credentials_agrees DescribeUserScramCredentialsRequest DescribeUserScramCredentialsResponse;
    alter_user_scram_credentials_agrees AlterUserScramCredentialsRequest AlterUserScramCredentialsResponse;
    describe_quorum_agrees DescribeQuorumRequest DescribeQuorumResponse;
    update_features_agrees UpdateFeaturesRequest UpdateFeaturesResponse;
    describe_cluster_agrees DescribeClusterRequest DescribeClusterResponse;
    describe_producers_agrees DescribeProducersRequest DescribeProducersResponse;
    unregister_broker_agrees UnregisterBrokerRequest UnregisterBrokerResponse;
    describe_transactions_agrees DescribeTransactionsRequest DescribeTransactionsResponse;
    list_transactions_agrees ListTransactionsRequest ListTransactionsResponse;
    consumer_group_heartbeat_agrees ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse;
    consumer_group_describe_agrees ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse;
    list_config_resources_agrees ListConfigResourcesRequest ListConfigResourcesResponse;
    describe_topic_partitions_agrees DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse;
}
