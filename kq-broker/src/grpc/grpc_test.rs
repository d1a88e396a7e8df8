//! The control door of a broker in this process, through the client that kq-ctl uses.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::{self, offset_spec::Named, offset_spec::Spec, topic_ref::By};
use kq_proto::client::{Connection, Options, connect};
use tempfile::TempDir;
use tokio_stream::StreamExt as _;

use crate::config::BrokerConfig;
use crate::process::Broker;

pub(super) struct Rig {
    broker: Broker,
    pub(super) door: Connection,
    _dir: TempDir,
}

pub(super) async fn start() -> Rig {
    start_with(|_| {}).await
}

pub(super) async fn start_with(settle: impl FnOnce(&mut BrokerConfig)) -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let mut config = BrokerConfig::defaults();
    config.data_dir = dir.path().join("data");
    config.listen = "127.0.0.1:0".to_owned();
    // Brokers that register here by hand never beat: their sessions outlast the tests.
    config.session_ms = 3_600_000;
    settle(&mut config);
    let broker = Box::pin(Broker::start(config)).await.unwrap();
    let door = connect(&options(&broker)).await.unwrap();
    Rig { broker, door, _dir: dir }
}

fn options(broker: &Broker) -> Options {
    Options::new(vec![broker.address().to_string().parse().unwrap()])
}

pub(super) fn because(reason: &str) -> v1::Intent {
    v1::Intent { reason: reason.to_owned(), dry_run: false }
}

fn named(names: &[&str]) -> Vec<v1::TopicRef> {
    let by_name = |name: &&str| v1::TopicRef { by: Some(By::Name((*name).to_owned())) };
    names.iter().map(by_name).collect()
}

fn at(name: Named) -> v1::OffsetSpec {
    v1::OffsetSpec { spec: Some(Spec::Named(name.into())) }
}

impl Rig {
    pub(super) async fn create(&self, name: &str, partitions: u32) -> v1::CreateTopicsResponse {
        let topic = v1::NewTopic {
            name: name.to_owned(),
            partition_count: Some(partitions),
            ..v1::NewTopic::default()
        };
        let request =
            v1::CreateTopicsRequest { topics: vec![topic], intent: Some(because("test")) };
        self.door.topics().create(request).await.unwrap().into_inner()
    }

    async fn names(&self) -> Vec<String> {
        let request = v1::ListTopicsRequest::default();
        let topics = self.door.topics().list(request).await.unwrap().into_inner().topics;
        topics.into_iter().map(|it| it.name).collect()
    }

    async fn delete(&self, name: &str, keep_for_ms: Option<u64>) -> v1::DeleteTopicsResponse {
        let topics = named(&[name]);
        let request =
            v1::DeleteTopicsRequest { topics, keep_for_ms, intent: Some(because("cleaning")) };
        self.door.topics().delete(request).await.unwrap().into_inner()
    }

    pub(super) async fn produce(&self, topic: &str, values: &[&str]) -> v1::ProduceResponse {
        let record = |value: &&str| v1::NewRecord {
            partition: Some(0),
            key: Some("key".into()),
            value: Some((*value).to_owned().into()),
            headers: vec![v1::Header { key: "h".to_owned(), value: None }],
            ..v1::NewRecord::default()
        };
        let request = v1::ProduceRequest {
            topic: topic.to_owned(),
            records: values.iter().map(record).collect(),
            compression: v1::Compression::Lz4.into(),
            ..v1::ProduceRequest::default()
        };
        self.door.records().produce(request).await.unwrap().into_inner()
    }

    pub(super) fn node(&self) -> &crate::runtime::Node {
        self.broker.node()
    }

    pub(super) fn groups(&self) -> &std::sync::Arc<crate::runtime::Groups> {
        self.broker.groups()
    }

    /// The only broker there is.
    pub(super) async fn broker_id(&self) -> u32 {
        let request = v1::DescribeClusterRequest {};
        self.door.cluster().describe(request).await.unwrap().into_inner().answered_by
    }

    pub(super) async fn stop(self) {
        drop(self.door);
        self.broker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_live_die_and_come_back() {
    let rig = start().await;
    assert_eq!(rig.create("orders", 3).await.topics[0].assignments.len(), 3);
    let again = rig.create("orders", 3).await;
    assert_eq!(again.errors[0].code, "kafka.TOPIC_ALREADY_EXISTS");
    assert_eq!(again.errors[0].message, "topic 'orders' already exists");
    rig.produce("orders", &["kept"]).await;

    let gone = rig.delete("orders", Some(60_000)).await;
    assert!(gone.topics[0].purge_at_ms.is_some());
    assert!(rig.names().await.is_empty());
    assert_eq!(rig.create("orders", 1).await.errors[0].code, "kq.EXISTS");
    let deleted = rig.door.topics().list_deleted(v1::ListDeletedTopicsRequest::default()).await;
    let deleted = deleted.unwrap().into_inner().topics;
    assert_eq!((deleted[0].name.as_str(), deleted[0].reason.as_str()), ("orders", "cleaning"));

    let request = v1::RestoreTopicsRequest { topics: named(&["orders"]), intent: None };
    rig.door.topics().restore(request).await.unwrap();
    assert_eq!(rig.names().await, ["orders"]);
    let described = v1::DescribeTopicsRequest { topics: named(&["orders"]), with_configs: true };
    let described = rig.door.topics().describe(described).await.unwrap().into_inner();
    let topic = &described.topics[0];
    assert_eq!(topic.partitions[0].high_watermark, Some(1), "its records are back");
    assert!(topic.configs.iter().any(|it| it.key == "retention.ms" && !it.doc.is_empty()));

    let topics = named(&["orders"]);
    let request = v1::ProtectTopicsRequest { topics, intent: Some(because("ledger")) };
    rig.door.topics().protect(request).await.unwrap();
    let refused = rig.delete("orders", Some(0)).await;
    assert_eq!(refused.errors[0].code, "kq.PROTECTED");
    assert_eq!(refused.errors[0].message, "topic 'orders' is protected from deletion: ledger");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_added_and_lists_come_in_pages() {
    let rig = start().await;
    for name in ["a", "b", "c"] {
        rig.create(name, 1).await;
    }
    let page = |after: &str| v1::ListTopicsRequest {
        page: Some(v1::PageRequest { size: 2, after: after.to_owned() }),
        ..v1::ListTopicsRequest::default()
    };
    let first = rig.door.topics().list(page("")).await.unwrap().into_inner();
    assert_eq!((first.topics.len(), first.next.as_str()), (2, "b"));
    let second = rig.door.topics().list(page("b")).await.unwrap().into_inner();
    assert_eq!((second.topics[0].name.as_str(), second.next.as_str()), ("c", ""));
    let grow = v1::PartitionCount { topic: "a".to_owned(), total: 4, ..Default::default() };
    let request = v1::AddPartitionsRequest { topics: vec![grow], intent: None };
    let grown = rig.door.topics().add_partitions(request).await.unwrap().into_inner();
    assert_eq!((grown.topics[0].old_count, grown.topics[0].new_count), (1, 4));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_shows_the_change_and_makes_none() {
    let rig = start().await;
    rig.create("orders", 1).await;
    let alter = |value: &str, dry_run| v1::AlterConfigsRequest {
        resources: vec![v1::ResourceAlteration {
            resource: Some(v1::ConfigResource {
                r#type: v1::ResourceType::Topic.into(),
                name: "orders".to_owned(),
            }),
            alterations: vec![v1::ConfigAlteration {
                key: "retention.ms".to_owned(),
                op: v1::AlterOp::Set.into(),
                value: Some(value.to_owned()),
            }],
        }],
        intent: Some(v1::Intent { reason: String::new(), dry_run }),
    };
    for dry_run in [true, false] {
        let answer = rig.door.configs().alter(alter("5000", dry_run)).await.unwrap().into_inner();
        let [change] = &answer.resources[0].changes[..] else { panic!("{answer:?}") };
        let values = (change.old_value.as_deref(), change.new_value.as_deref());
        assert_eq!(values, (Some("604800000"), Some("5000")), "dry run: {dry_run}");
    }
    let same = rig.door.configs().alter(alter("5000", false)).await.unwrap().into_inner();
    assert!(same.resources[0].changes.is_empty());
    let wrong = rig.door.configs().alter(alter("soon", false)).await.unwrap().into_inner();
    assert_eq!(wrong.errors[0].code, "kafka.INVALID_CONFIG");
    assert_eq!(wrong.errors[0].item, "topic:orders");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_go_in_and_come_out_again() {
    let rig = start().await;
    rig.create("orders", 2).await;
    let produced = rig.produce("orders", &["one", "two", "three"]).await;
    assert!(produced.errors.is_empty(), "{produced:?}");
    assert_eq!(produced.records[2].offset, Some(2));
    let missing = v1::ProduceRequest { topic: "none".to_owned(), ..Default::default() };
    let refused = rig.door.records().produce(missing).await.unwrap_err();
    let err = AdminError::from_status(&refused);
    assert_eq!(err.code, "kafka.UNKNOWN_TOPIC_OR_PARTITION");

    let from = |partition| v1::FetchPartition {
        topic: "orders".to_owned(),
        partition,
        from: Some(at(Named::Earliest)),
        until: None,
    };
    let request = v1::FetchRequest {
        partitions: vec![from(0), from(1), from(9)],
        ..v1::FetchRequest::default()
    };
    let stream = rig.door.record_stream().fetch(request).await.unwrap().into_inner();
    let answers: Vec<v1::FetchResponse> = stream.map(Result::unwrap).collect().await;
    let records: Vec<&v1::Record> = answers.iter().flat_map(|it| &it.records).collect();
    let values: Vec<&[u8]> = records.iter().filter_map(|it| it.value.as_deref()).collect();
    assert_eq!(values, [&b"one"[..], b"two", b"three"]);
    assert_eq!(records[1].offset, 1);
    assert_eq!(records[1].compression(), v1::Compression::Lz4);
    assert_eq!(answers.iter().flat_map(|it| &it.errors).count(), 1, "partition 9 is not there");

    let wanted = |offset| v1::RecordRef { topic: "orders".to_owned(), partition: 0, offset };
    let request = v1::GetRecordsRequest { records: vec![wanted(1), wanted(7)] };
    let got = rig.door.records().get(request).await.unwrap().into_inner();
    assert_eq!(got.records[0].value.as_deref(), Some(&b"two"[..]));
    assert_eq!(got.errors[0].item, "orders/0@7");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_larger_than_a_message_goes_in_and_comes_out() {
    let rig = start().await;
    let topic = v1::NewTopic {
        name: "large".to_owned(),
        configs: [("max.message.bytes".to_owned(), "20000000".to_owned())].into(),
        ..v1::NewTopic::default()
    };
    let request = v1::CreateTopicsRequest { topics: vec![topic], intent: None };
    rig.door.topics().create(request).await.unwrap();
    let value = bytes::Bytes::from(vec![7; 9 << 20]);
    let request = |value| v1::ProduceRequest {
        topic: "large".to_owned(),
        records: vec![v1::NewRecord { value: Some(value), ..v1::NewRecord::default() }],
        ..v1::ProduceRequest::default()
    };
    let produced = rig.door.appends().produce(request(value.clone())).await.unwrap();
    assert_eq!(produced.into_inner().records[0].offset, Some(0));
    let too_large = rig.door.appends().produce(request(vec![7; 21 << 20].into())).await.unwrap();
    assert_eq!(too_large.into_inner().errors[0].code, "kafka.MESSAGE_TOO_LARGE");
    let from = v1::FetchPartition {
        topic: "large".to_owned(),
        from: Some(at(Named::Earliest)),
        ..v1::FetchPartition::default()
    };
    let request = v1::FetchRequest { partitions: vec![from], ..v1::FetchRequest::default() };
    let stream = rig.door.record_stream().fetch(request).await.unwrap().into_inner();
    let answers: Vec<v1::FetchResponse> = stream.map(Result::unwrap).collect().await;
    assert!(answers[0].records[0].value.as_ref() == Some(&value));
    let wanted = v1::RecordRef { topic: "large".to_owned(), partition: 0, offset: 0 };
    let request = v1::GetRecordsRequest { records: vec![wanted; 3] };
    let got = rig.door.records().get(request).await.unwrap().into_inner();
    let refused: Vec<&str> = got.errors.iter().map(|it| it.code.as_str()).collect();
    assert_eq!((got.records.len(), refused), (1, vec!["kq.TOO_LARGE"; 2]), "answers are bounded");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_records_move_the_start_and_offsets_are_found() {
    let rig = start().await;
    rig.create("orders", 1).await;
    rig.produce("orders", &["one", "two", "three"]).await;
    let before = |offset, dry_run| v1::DeleteRecordsRequest {
        partitions: vec![v1::DeleteBefore {
            topic: "orders".to_owned(),
            partition: 0,
            before: Some(v1::OffsetSpec { spec: Some(Spec::Offset(offset)) }),
        }],
        intent: Some(v1::Intent { dry_run, ..v1::Intent::default() }),
    };
    for dry_run in [true, false] {
        let answer = rig.door.records().delete(before(2, dry_run)).await.unwrap().into_inner();
        let row = &answer.partitions[0];
        assert_eq!((row.old_log_start_offset, row.new_log_start_offset), (0, 2));
    }
    let beyond = rig.door.records().delete(before(9, false)).await.unwrap().into_inner();
    assert_eq!(beyond.errors[0].code, "kafka.OFFSET_OUT_OF_RANGE");
    let query = |name| v1::OffsetQuery {
        topic: "orders".to_owned(),
        at: Some(at(name)),
        ..Default::default()
    };
    let queries = vec![query(Named::Earliest), query(Named::Latest), query(Named::LogEnd)];
    let found = rig.door.topics().list_offsets(v1::ListOffsetsRequest { queries }).await.unwrap();
    let offsets: Vec<_> = found.into_inner().offsets.iter().map(|it| it.offset).collect();
    assert_eq!(offsets, [Some(2), Some(3), Some(3)]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_listed_and_followed() {
    let rig = start().await;
    rig.create("orders", 1).await;
    let request = v1::FollowEventsRequest { filter: None, after_sequence: Some(0) };
    let mut follow = rig.door.event_stream().follow(request).await.unwrap().into_inner();
    let history = follow.next().await.unwrap().unwrap().events;
    rig.create("later", 1).await;
    let next = tokio::time::timeout(Duration::from_secs(20), follow.next()).await;
    let news = next.unwrap().unwrap().unwrap().events;
    assert_eq!((news[0].subject.as_str(), news[0].reason.as_str()), ("later", "test"));
    assert_eq!(news[0].kind(), v1::EventKind::TopicCreated);
    assert_eq!(news[0].sequence, history.last().unwrap().sequence + 1);
    let filter = v1::EventFilter { topics: vec!["orders".to_owned()], ..Default::default() };
    let request = v1::ListEventsRequest { filter: Some(filter), ..Default::default() };
    let listed = rig.door.events().list(request).await.unwrap().into_inner().events;
    assert_eq!(listed.len(), 1);
    drop(follow);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_is_told_and_another_one_is_refused() {
    let rig = start().await;
    rig.create("orders", 2).await;
    let cluster = rig.door.cluster().describe(v1::DescribeClusterRequest {}).await.unwrap();
    let cluster = cluster.into_inner();
    assert_eq!((cluster.controller, cluster.topic_count), (Some(1), 1));
    let health = rig.door.cluster().health(v1::ClusterHealthRequest::default()).await.unwrap();
    let errors: Vec<_> = health
        .into_inner()
        .reasons
        .into_iter()
        .filter(|it| it.severity() == v1::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let request = v1::ListBrokersRequest { ids: vec![1, 7], with_figures: true };
    let brokers = rig.door.brokers().list(request).await.unwrap().into_inner();
    assert_eq!((brokers.brokers[0].leader_count, brokers.errors.len()), (2, 1));
    let dirs = rig.door.brokers().log_dirs(v1::LogDirsRequest::default()).await.unwrap();
    assert_eq!(dirs.into_inner().dirs[0].replica_count, 2);

    let mut other = options(&rig.broker);
    other.expected_cluster_id = Some("another".to_owned());
    let door = connect(&other).await.unwrap();
    let refused = door.cluster().describe(v1::DescribeClusterRequest {}).await.unwrap_err();
    let err = AdminError::from_status(&refused);
    assert_eq!(err.code, "kq.WRONG_CLUSTER");
    assert_eq!(err.attributes["cluster_id"], cluster.cluster_id);
    drop(door);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_and_health_are_served() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_request::MessageRequest,
        server_reflection_response::MessageResponse,
    };
    let rig = start().await;
    let address = format!("http://{}", rig.broker.address());
    let endpoint = tonic::transport::Endpoint::from_shared(address).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let check = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(channel.clone()).check(check).await.unwrap().into_inner();
    assert_eq!(health.status, 1, "serving");
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let stream = tokio_stream::once(request);
    let answers = ServerReflectionClient::new(channel).server_reflection_info(stream).await;
    let answer = answers.unwrap().into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let names: Vec<String> = services.service.into_iter().map(|it| it.name).collect();
    for service in ["Topics", "Configs", "Brokers", "Cluster", "Events", "Records"] {
        assert!(names.contains(&format!("kq.admin.v1.{service}")), "{service} in {names:?}");
    }
    rig.stop().await;
}
