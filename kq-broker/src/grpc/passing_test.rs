//! Two whole brokers in this process: either is asked for what the other one leads, and the one that
//! is left when the other, the only voter, has gone.

use std::time::Duration;

use kq_proto::admin::v1::{self, offset_spec::Named, offset_spec::Spec};
use kq_proto::admin::{ACCEPT_STALE, AdminError, STALE};
use kq_proto::client::{Connection, Options, connect};
use tempfile::TempDir;
use tokio_stream::StreamExt as _;
use tonic::Request;

use crate::config::BrokerConfig;
use crate::controller::{Command, ManualAssignment, NewTopic};
use crate::process::Broker;

const SOON: Duration = Duration::from_secs(30);

/// Topic `orders`: the first broker leads partition 0, the second one partition 1.
struct Pair {
    brokers: [Broker; 2],
    /// The control door of the first.
    door: Connection,
    _dir: TempDir,
}

async fn start_broker(dir: &TempDir, name: &str, join: &[String]) -> Broker {
    let mut config = BrokerConfig::defaults();
    config.data_dir = dir.path().join(name);
    config.listen = "127.0.0.1:0".to_owned();
    config.join = join.to_vec();
    config.session_ms = 1_000;
    Box::pin(Broker::start(config)).await.unwrap()
}

async fn door_of(broker: &Broker) -> Connection {
    let options = Options::new(vec![broker.address().to_string().parse().unwrap()]);
    connect(&options).await.unwrap()
}

impl Pair {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let first = start_broker(&dir, "first", &[]).await;
        let second = start_broker(&dir, "second", &[first.address().to_string()]).await;
        let brokers = [first, second];
        for broker in &brokers {
            let mut images = broker.node().controller.subscribe();
            let both = images.wait_for(|image| image.live_brokers().count() == 2);
            tokio::time::timeout(SOON, both).await.expect("both are registered").unwrap();
        }
        let led_by = |(partition, broker): (i32, &Broker)| {
            let id = i32::try_from(broker.node().broker_id.0).unwrap();
            ManualAssignment { partition, brokers: vec![id] }
        };
        let topic = NewTopic {
            name: "orders".to_owned(),
            assignments: (0..).zip(&brokers).map(led_by).collect(),
            ..NewTopic::default()
        };
        let command = Command::CreateTopics { topics: vec![topic], validate_only: false };
        let controller = &brokers[0].node().controller;
        controller.submit(command, SOON).await.unwrap();
        let created = brokers[0].node().image().applied();
        for broker in &brokers {
            let applied = broker.node().partitions.wait_applied(created);
            tokio::time::timeout(SOON, applied).await.expect("both have their partitions");
        }
        let door = door_of(&brokers[0]).await;
        Self { brokers, door, _dir: dir }
    }

    async fn produce(&self, values: &[(u32, String)]) -> v1::ProduceResponse {
        let record = |(partition, value): &(u32, String)| v1::NewRecord {
            partition: Some(*partition),
            value: Some(value.clone().into()),
            ..v1::NewRecord::default()
        };
        let records = values.iter().map(record).collect();
        let request =
            v1::ProduceRequest { topic: "orders".to_owned(), records, ..Default::default() };
        self.door.appends().produce(request).await.unwrap().into_inner()
    }

    async fn fetch(&self, follow: bool, most: u64) -> Vec<(u32, u64)> {
        let partition = |partition| v1::FetchPartition {
            topic: "orders".to_owned(),
            partition,
            from: Some(at(Named::Earliest)),
            until: None,
        };
        let request = v1::FetchRequest {
            partitions: vec![partition(0), partition(1)],
            follow,
            record_count_max: most,
            ..v1::FetchRequest::default()
        };
        let stream = self.door.record_stream().fetch(request).await.unwrap().into_inner();
        let all = stream.map(|message| {
            let message = message.unwrap();
            assert!(message.errors.is_empty(), "{:?}", message.errors);
            message.records.into_iter().map(|it| (it.partition, it.offset)).collect()
        });
        let told: Vec<Vec<(u32, u64)>> =
            tokio::time::timeout(SOON, all.collect()).await.expect("the stream ends");
        let mut told = told.concat();
        told.sort_unstable();
        told
    }

    async fn stop(self) {
        drop(self.door);
        let [first, second] = self.brokers;
        second.stop().await.unwrap();
        first.stop().await.unwrap();
    }
}

fn at(name: Named) -> v1::OffsetSpec {
    v1::OffsetSpec { spec: Some(Spec::Named(name.into())) }
}

fn listing() -> v1::ListOffsetsRequest {
    let at = Some(at(Named::Latest));
    let query = v1::OffsetQuery { topic: "orders".to_owned(), partitions: Vec::new(), at };
    v1::ListOffsetsRequest { queries: vec![query] }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_broker_takes_and_gives_the_records_of_all() {
    let pair = Pair::start().await;
    // One for its own partition, two for the other one's, in parts for their size.
    let large = "x".repeat(700_000);
    let values = [(1, large.clone()), (0, "own".to_owned()), (1, large)];
    let answer = pair.produce(&values).await;
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    let rows: Vec<_> = answer.records.iter().map(|it| (it.partition, it.offset)).collect();
    assert_eq!(rows, [(1, Some(0)), (0, Some(0)), (1, Some(1))]);

    let listed = pair.door.topics().list_offsets(listing()).await.unwrap().into_inner();
    let ends: Vec<_> = listed.offsets.iter().map(|it| (it.partition, it.offset)).collect();
    assert_eq!(ends, [(0, Some(1)), (1, Some(2))]);

    assert_eq!(pair.fetch(false, 0).await, [(0, 0), (1, 0), (1, 1)]);
    assert_eq!(pair.fetch(true, 2).await.len(), 2, "no more than asked for");

    let reference =
        |partition, offset| v1::RecordRef { topic: "orders".to_owned(), partition, offset };
    let records = vec![reference(1, 1), reference(1, 7), reference(0, 0), reference(1, 0)];
    let request = v1::GetRecordsRequest { records };
    let got = pair.door.records().get(request).await.unwrap().into_inner();
    let found: Vec<_> = got.records.iter().map(|it| (it.partition, it.offset)).collect();
    assert_eq!(found, [(1, 1), (0, 0), (1, 0)], "as they were asked for");
    assert_eq!(got.errors[0].code, "kafka.OFFSET_OUT_OF_RANGE");

    let before = Some(v1::OffsetSpec { spec: Some(Spec::Offset(1)) });
    let partitions = vec![v1::DeleteBefore { topic: "orders".to_owned(), partition: 1, before }];
    let request = v1::DeleteRecordsRequest { partitions, intent: None };
    let deleted = pair.door.records().delete(request).await.unwrap().into_inner();
    assert_eq!(deleted.partitions[0].new_log_start_offset, 1);
    assert_eq!(pair.fetch(false, 0).await, [(0, 0), (1, 1)]);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_passed_on_is_not_passed_on_again() {
    let pair = Pair::start().await;
    let mut request = Request::new(listing());
    request.metadata_mut().insert("kq-passed-on", "1".parse().unwrap());
    let listed = pair.door.topics().list_offsets(request).await.unwrap().into_inner();
    assert_eq!((listed.offsets.len(), listed.offsets[0].partition), (1, 0));
    assert_eq!(listed.errors[0].item, "orders/1");
    assert_eq!(listed.errors[0].code, "kafka.NOT_LEADER_OR_FOLLOWER");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_lost_the_controller_answers_only_who_accepts_that() {
    let Pair { brokers: [first, second], door, _dir } = Pair::start().await;
    drop(door);
    let door = door_of(&second).await;
    let fresh = door.cluster().describe(v1::DescribeClusterRequest {}).await.unwrap();
    door.observe(fresh.metadata());
    assert_eq!(door.stale_for(), None);
    first.stop().await.unwrap();

    let refused = async {
        loop {
            let asked = door.topics().list(v1::ListTopicsRequest::default()).await;
            if let Err(status) = asked {
                return AdminError::from_status(&status);
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(SOON, refused).await.expect("it notices in time");
    assert_eq!(refused.code, STALE);
    assert!(refused.hint.contains(ACCEPT_STALE), "{}", refused.hint);

    let door = door.accepting_stale();
    let listed = door.topics().list(v1::ListTopicsRequest::default()).await.unwrap();
    door.observe(listed.metadata());
    assert!(door.stale_for().is_some_and(|it| it >= Duration::from_secs(1)));
    assert_eq!(listed.into_inner().topics.len(), 1, "what it knew");
    let health = door.cluster().health(v1::ClusterHealthRequest::default()).await.unwrap();
    let health = health.into_inner();
    assert!(!health.healthy);
    assert!(health.reasons.iter().any(|it| it.check == "D033"), "{:?}", health.reasons);
    let gate = door.brokers().restart_check(v1::RestartCheckRequest { broker: 1 }).await;
    assert_eq!(AdminError::from_status(&gate.unwrap_err()).code, STALE, "old news opens no gate");
    second.stop().await.unwrap();
}
