//! Topics, configurations, offsets and records, as clients administer them.

use kq_proto::kafka::messages::create_partitions::CreatePartitionsTopic;
use kq_proto::kafka::messages::create_topics::CreatableTopic;
use kq_proto::kafka::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsTopic};
use kq_proto::kafka::messages::delete_topics::DeleteTopicState;
use kq_proto::kafka::messages::describe_configs::DescribeConfigsResource;
use kq_proto::kafka::messages::describe_topic_partitions::TopicRequest;
use kq_proto::kafka::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use kq_proto::kafka::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use kq_proto::kafka::messages::offset_for_leader_epoch::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kq_proto::kafka::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
    DescribeAclsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeLogDirsRequest,
    DescribeTopicPartitionsRequest, FindCoordinatorRequest, IncrementalAlterConfigsRequest,
    InitProducerIdRequest, ListConfigResourcesRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::rig::{Client, Rig, Topic, batch};

fn text(text: &'static str) -> Str {
    Str::from_static(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_checked_and_deleted() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let topic = |name, num_partitions| CreatableTopic {
        name: text(name),
        num_partitions,
        replication_factor: 1,
        ..Default::default()
    };
    let topics = vec![topic("good", 2), topic("bad/name", 1), topic("none", 0)];
    let mut request = CreateTopicsRequest { topics, validate_only: true, ..Default::default() };
    let codes = [ErrorCode::None, ErrorCode::InvalidTopicException, ErrorCode::InvalidPartitions];
    let response = client.ask(&request).await;
    assert_eq!(response.topics.iter().map(|it| it.error_code).collect::<Vec<_>>(), codes);
    assert_eq!(client.metadata(&["good"]).await, [ErrorCode::UnknownTopicOrPartition]);

    request.validate_only = false;
    let made = client.ask(&request).await.topics.remove(0);
    assert_eq!((made.num_partitions, made.replication_factor), (2, 1));
    let segment = made.configs.unwrap().into_iter().find(|it| it.name == "segment.bytes").unwrap();
    assert_eq!(segment.value.as_deref(), Some("1073741824"));
    let again = client.ask(&request).await.topics.remove(0);
    assert_eq!(again.error_code, ErrorCode::TopicAlreadyExists);

    let by_id = DeleteTopicState { name: None, topic_id: made.topic_id };
    let unknown = DeleteTopicState { name: Some(text("nope")), ..Default::default() };
    let neither = DeleteTopicState::default();
    let topics = vec![neither, by_id, unknown];
    let deleted = client.ask(&DeleteTopicsRequest { topics, ..Default::default() }).await;
    let codes = [ErrorCode::InvalidRequest, ErrorCode::None, ErrorCode::UnknownTopicOrPartition];
    assert_eq!(deleted.responses.iter().map(|it| it.error_code).collect::<Vec<_>>(), codes);
    assert_eq!(deleted.responses[1].name.as_deref(), Some("good"));
    assert_eq!(client.metadata(&["good"]).await, [ErrorCode::UnknownTopicOrPartition]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_added_and_described_in_pages() {
    let rig = Rig::start().await;
    let (mut client, _) = rig.client_with_topic(2).await;
    let topic = |count| CreatePartitionsTopic { name: text("orders"), count, assignments: None };
    let grow = |count| CreatePartitionsRequest { topics: vec![topic(count)], ..Default::default() };
    assert_eq!(client.ask(&grow(2)).await.results[0].error_code, ErrorCode::InvalidPartitions);
    assert_eq!(client.ask(&grow(5)).await.results[0].error_code, ErrorCode::None);
    let names = vec![TopicRequest { name: text("orders") }, TopicRequest { name: text("aaa") }];
    let mut request =
        DescribeTopicPartitionsRequest { topics: names, response_partition_limit: 3, cursor: None };
    let first = client.ask(&request).await;
    let seen: Vec<_> = first.topics.iter().map(|it| (it.error_code, it.partitions.len())).collect();
    assert_eq!(seen, [(ErrorCode::UnknownTopicOrPartition, 0), (ErrorCode::None, 3)]);
    request.cursor = first.next_cursor;
    assert_eq!(request.cursor.as_ref().unwrap().partition_index, 3);
    let second = client.ask(&request).await;
    assert_eq!(second.topics.len(), 1, "topics before the cursor are not told again");
    assert_eq!(second.topics[0].partitions.len(), 2);
    assert_eq!(second.next_cursor, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_set_and_taken_away() {
    let rig = Rig::start().await;
    let (mut client, _) = rig.client_with_topic(1).await;
    let alter = |op, value: Option<&'static str>| IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 2,
            resource_name: text("orders"),
            configs: vec![AlterableConfig {
                name: text("retention.ms"),
                config_operation: op,
                value: value.map(text),
            }],
        }],
        validate_only: false,
    };
    let describe = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: 2,
            resource_name: text("orders"),
            configuration_keys: Some(vec![text("retention.ms")]),
        }],
        include_synonyms: true,
        include_documentation: true,
    };
    for (op, value, code, now, source) in [
        (0, Some("soon"), ErrorCode::InvalidConfig, "604800000", 5),
        (9, Some("1"), ErrorCode::InvalidRequest, "604800000", 5),
        (0, Some("1000"), ErrorCode::None, "1000", 1),
        (1, None, ErrorCode::None, "604800000", 5),
    ] {
        let altered = client.ask(&alter(op, value)).await;
        assert_eq!(altered.responses[0].error_code, code);
        let shown = client.ask(&describe).await.results.remove(0).configs.remove(0);
        assert_eq!((shown.value.as_deref(), shown.config_source), (Some(now), source));
        assert!(!shown.synonyms.is_empty() && shown.documentation.is_some());
    }
}

async fn offset_at(client: &mut Client, topic: &Topic, timestamp: i64) -> (ErrorCode, i64, i64) {
    let partition = ListOffsetsPartition { partition_index: 0, timestamp, ..Default::default() };
    let topics = vec![ListOffsetsTopic { name: topic.name.clone(), partitions: vec![partition] }];
    let response = client.ask(&ListOffsetsRequest { topics, ..Default::default() }).await;
    let found = &response.topics[0].partitions[0];
    (found.error_code, found.offset, found.timestamp)
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_found_by_place_and_time() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    client.produce(&topic, -1, batch(&[b"a", b"b"])).await;
    for (timestamp, want) in [
        (-1, (ErrorCode::None, 2, -1)),
        (-2, (ErrorCode::None, 0, -1)),
        (-3, (ErrorCode::None, 0, 1000)),
        (-4, (ErrorCode::None, 0, -1)),
        (-5, (ErrorCode::None, -1, -1)),
        (999, (ErrorCode::None, 0, 1000)),
        (1001, (ErrorCode::None, -1, -1)),
    ] {
        assert_eq!(offset_at(&mut client, &topic, timestamp).await, want, "at {timestamp}");
    }
    let nowhere = Topic { name: text("nowhere"), ..topic.clone() };
    let (code, ..) = offset_at(&mut client, &nowhere, -1).await;
    assert_eq!(code, ErrorCode::UnknownTopicOrPartition);

    let partition = OffsetForLeaderPartition { leader_epoch: 0, ..Default::default() };
    let topics = vec![OffsetForLeaderTopic { topic: topic.name, partitions: vec![partition] }];
    let response = client.ask(&OffsetForLeaderEpochRequest { topics, ..Default::default() }).await;
    assert_eq!(response.topics[0].partitions[0].end_offset, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_records_move_the_log_start() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    for _ in 0..4 {
        client.produce(&topic, -1, batch(&[b"a"])).await;
    }
    for (offset, want) in [
        (3, (ErrorCode::None, 3)),
        (5, (ErrorCode::OffsetOutOfRange, -1)),
        (-2, (ErrorCode::OffsetOutOfRange, -1)),
        (-1, (ErrorCode::None, 4)),
    ] {
        let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset }];
        let topics = vec![DeleteRecordsTopic { name: topic.name.clone(), partitions }];
        let response = client.ask(&DeleteRecordsRequest { topics, timeout_ms: 1000 }).await;
        let result = &response.topics[0].partitions[0];
        assert_eq!((result.error_code, result.low_watermark), want, "before {offset}");
    }
    assert_eq!(offset_at(&mut client, &topic, -2).await.1, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn producer_ids_are_never_given_twice() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let response = client.ask(&request).await;
        assert_eq!((response.error_code, response.producer_epoch), (ErrorCode::None, 0));
        assert!(ids.insert(response.producer_id));
    }
    let transactional_id = Some(text("t"));
    let request = InitProducerIdRequest { transactional_id, ..request };
    let refused = client.ask(&request).await.error_code;
    assert_eq!(refused, ErrorCode::TransactionalIdAuthorizationFailed);
    let coordinator_keys = vec![text("t")];
    let request = FindCoordinatorRequest {
        coordinator_keys,
        key_type: 1,
        ..FindCoordinatorRequest::default()
    };
    assert_eq!(client.ask(&request).await.coordinators[0].error_code, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_named_twice_is_refused_once() {
    let rig = Rig::start().await;
    let (mut client, _) = rig.client_with_topic(1).await;
    let topic = |name, num_partitions| CreatableTopic {
        name: text(name),
        num_partitions,
        replication_factor: 1,
        ..Default::default()
    };
    let topics = vec![topic("twice", 1), topic("once", 1), topic("twice", 2)];
    let made = client.ask(&CreateTopicsRequest { topics, ..Default::default() }).await.topics;
    let made: Vec<_> = made.iter().map(|it| (&*it.name, it.error_code)).collect();
    assert_eq!(made, [("twice", ErrorCode::InvalidRequest), ("once", ErrorCode::None)]);

    let topic = |count| CreatePartitionsTopic { name: text("orders"), count, assignments: None };
    let topics = vec![topic(2), topic(3)];
    let grown = client.ask(&CreatePartitionsRequest { topics, ..Default::default() }).await.results;
    assert_eq!((grown.len(), grown[0].error_code), (1, ErrorCode::InvalidRequest));

    let topic = || DeleteTopicState { name: Some(text("orders")), ..Default::default() };
    let topics = vec![topic(), topic()];
    let deleted = client.ask(&DeleteTopicsRequest { topics, ..Default::default() }).await.responses;
    assert_eq!((deleted.len(), deleted[0].error_code), (1, ErrorCode::None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_describes_itself() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    client.produce(&topic, -1, batch(&[b"a"])).await;
    let port = i32::from(rig.broker.address().port());
    let cluster =
        client.ask(&DescribeClusterRequest { endpoint_type: 1, ..Default::default() }).await;
    assert_eq!((cluster.brokers.len(), cluster.brokers[0].port), (1, port));
    let metadata = client.ask(&MetadataRequest { topics: None, ..Default::default() }).await;
    assert_eq!(metadata.cluster_id.as_deref(), Some(&*cluster.cluster_id));
    assert_eq!(metadata.topics[0].partitions[0].leader_id, cluster.brokers[0].broker_id);
    let dirs = client.ask(&DescribeLogDirsRequest { topics: None }).await;
    let size = dirs.results[0].topics[0].partitions[0].partition_size;
    assert_eq!(usize::try_from(size).unwrap(), batch(&[b"a"]).len());
    let listed = client.ask(&ListConfigResourcesRequest::default()).await;
    assert!(listed.config_resources.iter().any(|it| it.resource_name == "orders"));
    let acls = client.ask(&DescribeAclsRequest::default()).await;
    assert_eq!(acls.error_code, ErrorCode::SecurityDisabled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_use_makes_a_topic_only_where_allowed() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    assert_eq!(client.metadata(&["auto"]).await, [ErrorCode::UnknownTopicOrPartition]);
    let rig = Rig::start_with(&["--auto-create-topics-enable"]).await;
    let mut client = rig.client().await;
    let codes = client.metadata(&["auto", "no/name"]).await;
    assert_eq!(codes, [ErrorCode::None, ErrorCode::InvalidTopicException]);
}
