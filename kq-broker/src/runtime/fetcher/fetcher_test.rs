//! A whole broker that leads, the store of another that follows, and a real socket between them.

use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Ground, run};
use crate::config;
use crate::controller::plan::{Goal, Measured, PlanChange, Request, Throttle, propose};
use crate::controller::{Command, FenceReason, ManualAssignment, NewTopic, Reply};
use crate::ids::{BrokerId, LeaderEpoch, PartitionId, PartitionIndex, TopicId};
use crate::metadata::{
    BrokerRegistration, Change, MetadataImage, MetadataRecord, PartitionChange, PartitionImage,
    TimestampMs,
};
use crate::peers::Peers;
use crate::process::Broker;
use crate::runtime::test_world::{World, batch};
use crate::runtime::{Acks, Appended, Clock, Offset, Partition, Partitions};

const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// Broker 1 as a process has it, and broker 2's store with its fetchers.
struct Pair {
    leader: Broker,
    dir: TempDir,
    world: World,
    store: Arc<Partitions>,
    images: watch::Sender<Arc<MetadataImage>>,
    stopping: CancellationToken,
}

impl Pair {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let leader = start_broker(&dir).await;
        let world = World::of_broker(2);
        let store = world.start();
        let (images, _) = watch::channel(leader.node().image());
        let stopping = CancellationToken::new();
        let pair = Self { leader, dir, world, store, images, stopping };
        pair.register_follower().await;
        pair.start_fetchers();
        pair
    }

    fn start_fetchers(&self) {
        let peers = Peers::default();
        peers.follow(self.images.subscribe());
        tokio::spawn(run(Ground {
            me: BrokerId(2),
            partitions: Arc::clone(&self.store),
            images: self.images.subscribe(),
            peers,
            clock: Clock::start(),
            meter: crate::observe::ReplicationMeter::default(),
            request_bytes_max: 100 << 20,
            stopping: self.stopping.clone(),
        }));
    }

    /// Has broker 2 in the cluster; its epoch is another one from then on.
    async fn register_follower(&self) {
        let node = self.leader.node();
        let mine = node.image().broker(BrokerId(1)).unwrap().registration();
        let incarnation = crate::ids::Incarnation(uuid::Uuid::new_v4());
        let its = BrokerRegistration { broker: BrokerId(2), incarnation, ..mine };
        node.controller.submit(Command::RegisterBroker(its), DEADLINE).await.unwrap();
        self.tell();
    }

    /// Takes a broker out of the cluster until it registers again; the other leads what it can.
    async fn fence(&self, broker: u32) {
        let (broker, why) = (BrokerId(broker), FenceReason::SessionExpired);
        let command = Command::FenceBroker { broker, epoch: None, why };
        self.leader.node().controller.submit(command, DEADLINE).await.unwrap();
        let node = self.leader.node();
        node.partitions.wait_applied(node.image().applied()).await;
    }

    async fn create_topic(&self, name: &str, partitions: i32) -> TopicId {
        self.create_topic_on(&[1, 2], name, partitions).await
    }

    async fn create_topic_on(&self, brokers: &[i32], name: &str, partitions: i32) -> TopicId {
        let brokers = brokers.to_vec();
        let place = |partition| ManualAssignment { partition, brokers: brokers.clone() };
        let topic = NewTopic {
            name: name.to_owned(),
            assignments: (0..partitions).map(place).collect(),
            ..NewTopic::default()
        };
        let node = self.leader.node();
        let command = Command::CreateTopics { topics: vec![topic], validate_only: false };
        node.controller.submit(command, DEADLINE).await.unwrap();
        node.partitions.wait_applied(node.image().applied()).await;
        self.tell();
        node.image().topic_by_name(name).unwrap().id
    }

    /// The follower hears what the cluster has committed.
    fn tell(&self) {
        let image = self.leader.node().image();
        self.store.apply(&image);
        self.images.send_replace(image);
    }

    fn led(&self, id: PartitionId) -> Arc<Partition> {
        self.leader.node().partition(id).unwrap()
    }

    fn append(&self, id: PartitionId, value: &str) -> Appended {
        self.led(id).append(batch(value), Acks::All).unwrap()
    }

    /// Appends and waits until the follower has it on stable storage.
    async fn produce(&self, id: PartitionId, value: &str) {
        let appended = self.append(id, value);
        let acknowledged = self.led(id).acknowledged(&appended);
        tokio::time::timeout(DEADLINE, acknowledged).await.expect("acknowledged in time").unwrap();
    }

    async fn follower_reaches(&self, id: PartitionId, end: u64) {
        let reached = async {
            while self.followed_end(id) != end {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.expect("copied in time");
    }

    fn followed_end(&self, id: PartitionId) -> u64 {
        let partition = self.store.replica(id).unwrap();
        partition.describe().unwrap().synced_end.offset().0
    }

    async fn stop(self) {
        self.stopping.cancel();
        self.leader.stop().await.unwrap();
        self.store.shutdown().await;
    }
}

async fn start_broker(dir: &TempDir) -> Broker {
    let data_dir = dir.path().to_str().unwrap();
    // The follower never beats, and must not be fenced for that while a busy machine takes its time.
    let session = "--broker-session-timeout-ms=60000";
    let args = ["kq-broker", "--listen", "127.0.0.1:0", "--data-dir", data_dir, session];
    let loaded = config::load(args.map(Into::into), |_| None).unwrap();
    Box::pin(Broker::start(loaded.config)).await.unwrap()
}

fn at(topic: TopicId, index: u32) -> PartitionId {
    PartitionId { topic, index: PartitionIndex(index) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_acknowledged_when_the_follower_has_synced_it() {
    let pair = Pair::start().await;
    let topic = pair.create_topic("orders", 2).await;
    for count in 1..=20 {
        pair.produce(at(topic, 0), "a").await;
        assert_eq!(pair.followed_end(at(topic, 0)), count);
    }
    pair.produce(at(topic, 1), "b").await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_come_later_join_the_session_at_once() {
    let pair = Pair::start().await;
    let first = pair.create_topic("first", 1).await;
    pair.produce(at(first, 0), "a").await;
    // A fetch is parked now; the new topic does not wait for its end.
    let second = pair.create_topic("second", 3).await;
    for index in 0..3 {
        pair.produce(at(second, index), "b").await;
    }
    pair.produce(at(first, 0), "c").await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_goes_on_with_a_leader_that_came_back() {
    let mut pair = Pair::start().await;
    let topic = pair.create_topic("orders", 1).await;
    pair.produce(at(topic, 0), "a").await;
    // It would lead otherwise, and here is no process of it.
    pair.fence(2).await;
    pair.leader.stop().await.unwrap();
    pair.leader = start_broker(&pair.dir).await;
    pair.register_follower().await;
    pair.append(at(topic, 0), "b");
    pair.follower_reaches(at(topic, 0), 2).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_registers_again_opens_a_new_session() {
    let pair = Pair::start().await;
    let topic = pair.create_topic("orders", 1).await;
    pair.produce(at(topic, 0), "a").await;
    pair.register_follower().await;
    pair.produce(at(topic, 0), "b").await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_follower_has_and_its_leader_has_not_is_cut_off() {
    let mut pair = Pair::start().await;
    let topic = pair.create_topic("orders", 1).await;
    let id = at(topic, 0);
    pair.produce(id, "a").await;
    pair.stopping.cancel();
    pair.store.shutdown().await;
    // It leads for a while in a cluster of its own, and takes in what nobody else has.
    let image = pair.leader.node().image();
    let now = PartitionImage {
        leader: Some(BrokerId(2)),
        leader_epoch: LeaderEpoch(image.partition(id).unwrap().leader_epoch.0 + 1),
        partition_epoch: image.partition(id).unwrap().partition_epoch.next(),
        ..image.partition(id).unwrap().as_ref().clone()
    };
    let change = PartitionChange { topic, index: id.index, now };
    let records = vec![MetadataRecord::PartitionChanged(change)];
    let change = Change { time: TimestampMs(1), reason: "test".to_owned(), records };
    let astray = Arc::new(image.apply(image.applied() + 1, &change).unwrap());
    let store = pair.world.start_at(&astray);
    for _ in 0..5 {
        store.get(id).unwrap().append(batch("lost"), Acks::Leader).unwrap();
    }
    store.shutdown().await;
    // The other one leads on, in later epochs.
    pair.fence(2).await;
    for _ in 0..2 {
        pair.fence(1).await;
        pair.leader.stop().await.unwrap();
        pair.leader = start_broker(&pair.dir).await;
    }
    pair.register_follower().await;
    let appended = pair.append(id, "b");
    assert_eq!(appended.base_offset, Offset(1));
    pair.store = pair.world.start_at(&pair.leader.node().image());
    pair.stopping = CancellationToken::new();
    pair.tell();
    pair.start_fetchers();
    pair.append(id, "c");
    pair.follower_reaches(id, 3).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_catches_up_with_what_it_missed() {
    let mut pair = Pair::start().await;
    let topic = pair.create_topic("orders", 3).await;
    pair.produce(at(topic, 0), "a").await;
    pair.stopping.cancel();
    pair.store.shutdown().await;
    let large = "x".repeat(300_000);
    for index in 0..3 {
        for _ in 0..10 {
            pair.append(at(topic, index), &large);
        }
    }
    pair.store = pair.world.start_at(&pair.leader.node().image());
    pair.stopping = CancellationToken::new();
    pair.tell();
    pair.start_fetchers();
    for index in 0..3 {
        pair.produce(at(topic, index), "z").await;
    }
    assert_eq!(pair.followed_end(at(topic, 1)), 11);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_a_plan_brings_comes_at_its_rate() {
    const RATE: u64 = 1_000_000;
    const RECORDS: u64 = 20;
    let pair = Pair::start().await;
    let topic = pair.create_topic_on(&[1], "orders", 1).await;
    let id = at(topic, 0);
    for _ in 0..RECORDS {
        pair.append(id, &"x".repeat(200_000));
    }
    let node = pair.leader.node();
    let mut request = Request::new(Goal::Assign([(id, vec![BrokerId(1), BrokerId(2)])].into()));
    request.options.throttle = Throttle::Rate(RATE);
    let plan = propose(&request, &node.image(), &node.fixed, &Measured::default()).unwrap();
    let command = Command::StartPlan { order: plan.order(), validate_only: false };
    let started = node.controller.submit(command, DEADLINE).await.unwrap();
    let Reply::PlanStarted(plan) = started else { panic!("another answer: {started:?}") };
    let clock = Clock::start();
    pair.tell();
    pair.follower_reaches(id, RECORDS).await;
    // Four seconds' worth, less the last answer, which nothing waits for.
    let took = clock.elapsed();
    assert!(took.as_millis() > 3_500, "it took {took:?}");

    let change = PlanChange::Cancel;
    let command = Command::ChangePlan { plan, change, validate_only: false };
    node.controller.submit(command, DEADLINE).await.unwrap();
    pair.tell();
    assert!(!pair.store.follows().quota().is_set(), "the lease ends with its plan");
    pair.stop().await;
}
