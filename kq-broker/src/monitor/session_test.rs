//! A watcher's frames by the changes of its cluster.

use std::sync::Arc;

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;
use uuid::Uuid;

use super::{Counts, Look, Moment, PartitionFigures, Session, Standing, TopicFigures, Window};
use crate::catalogue::StaticConfig;
use crate::ids::{BrokerId, PartitionEpoch, PartitionId, PartitionIndex, TopicId};
use crate::metadata::{
    BrokerRegistration, Change, ConfigResource, MetadataImage, MetadataRecord, PartitionChange,
    PartitionImage, TimestampMs,
};

const ME: BrokerId = BrokerId(1);

pub(super) fn topic_id(id: u32) -> TopicId {
    TopicId(Uuid::from_u128(id.into()))
}

pub(super) fn at(topic: u32, index: u32) -> PartitionId {
    PartitionId { topic: topic_id(topic), index: PartitionIndex(index) }
}

/// A cluster that changes, and one who watches it.
struct Rig {
    image: Arc<MetadataImage>,
    session: Session,
    now: i64,
    plans: Option<Arc<v1::Plans>>,
}

fn created(topic: u32, name: &str, partitions: u32) -> Vec<MetadataRecord> {
    let name = name.to_owned();
    let mut records = vec![MetadataRecord::TopicCreated { topic: topic_id(topic), name }];
    records.extend((0..partitions).map(|index| partition(at(topic, index), (&[1, 2, 3], 1), 0)));
    records
}

/// A partition of the brokers 1 to 3 with this ISR and leader; nobody leads for 0.
fn partition(id: PartitionId, (isr, leader): (&[u32], u32), epoch: u32) -> MetadataRecord {
    let ids = |list: &[u32]| list.iter().copied().map(BrokerId).collect::<Vec<_>>();
    let now = PartitionImage {
        replicas: ids(&[1, 2, 3]),
        isr: ids(isr),
        leader: Some(BrokerId(leader)).filter(|_| leader > 0),
        partition_epoch: PartitionEpoch(epoch),
        ..PartitionImage::default()
    };
    let PartitionId { topic, index } = id;
    MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
}

impl Rig {
    fn new(window: v1::Window) -> Self {
        let window = Window::new(window, None).unwrap();
        let session = Session::new(ME, StaticConfig::default(), window);
        let mut rig = Self { image: Arc::default(), session, now: 0, plans: None };
        let brokers = (1..=3).map(|id| BrokerRegistration::at(BrokerId(id), "host", 9_092));
        rig.commit(brokers.map(MetadataRecord::BrokerRegistered).collect());
        rig
    }

    /// Each change is a second after the one before.
    fn commit(&mut self, records: Vec<MetadataRecord>) {
        self.now += 1_000;
        let time = TimestampMs(self.now);
        let change = Change { time, reason: "test".to_owned(), records };
        self.image = Arc::new(self.image.apply(self.image.applied() + 1, &change).unwrap());
    }

    fn frame(&mut self) -> Option<v1::WatchResponse> {
        self.frame_of(&Moment::now(Arc::clone(&self.image)), None)
    }

    fn frame_with(&mut self, counts: &Counts) -> Option<v1::WatchResponse> {
        self.frame_of(&Moment::now(Arc::clone(&self.image)), Some(&Arc::new(counts.clone())))
    }

    fn frame_of(
        &mut self,
        moment: &Moment,
        counts: Option<&Arc<Counts>>,
    ) -> Option<v1::WatchResponse> {
        self.session.frame(&Look {
            now_ms: self.now,
            moment,
            standing: &Standing { controller: Some(ME), voters: vec![ME], stale_ms: None },
            counts,
            groups: None,
            group: None,
            plans: self.plans.as_ref(),
            quorum: None,
            history: None,
            curves: None,
        })
    }

    fn ask(&mut self, window: v1::Window) {
        let before = self.session.window().number();
        self.session.look_through(Window::new(window, Some(before)).unwrap());
    }
}

fn names(frame: &v1::WatchResponse) -> Vec<&str> {
    frame.topics.iter().map(|it| it.name.as_str()).collect()
}

#[test]
fn all_is_told_first_and_then_nothing_twice() {
    let mut rig = Rig::new(v1::Window { number: 7, ..v1::Window::default() });
    rig.commit(created(1, "orders", 2));
    let frame = rig.frame().unwrap();
    assert!(frame.whole && frame.window == 7);
    assert_eq!(frame.brokers.iter().map(|it| it.id).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(frame.brokers[0].state(), admin::BrokerState::Running);
    let cluster = frame.cluster.unwrap();
    assert_eq!((cluster.controller, cluster.voters), (Some(1), vec![1]));
    let topic = &frame.topics[0];
    assert_eq!((topic.name.as_str(), topic.min_insync_replicas), ("orders", 1));
    assert_eq!((&topic.leaders[..], &topic.in_sync[..]), (&[2, 2][..], &[7, 7][..]));
    assert_eq!((&topic.replica_counts[..], topic.replicas.len()), (&[3][..], 6));
    assert!(topic.changed.is_empty() && topic.moves.is_empty());
    assert_eq!(rig.frame(), None);
}

#[test]
fn what_changed_is_told_and_since_when() {
    let mut rig = Rig::new(v1::Window::default());
    rig.commit(created(1, "orders", 3));
    rig.frame().unwrap();
    rig.commit(vec![partition(at(1, 2), (&[1, 2], 1), 1)]);
    rig.commit(created(2, "audit", 1));
    rig.commit(vec![MetadataRecord::BrokerFenced { broker: BrokerId(3) }]);
    let frame = rig.frame().unwrap();
    assert!(!frame.whole);
    assert_eq!(names(&frame), ["audit"]);
    let [shrunk] = &frame.partitions[..] else { panic!("{:?}", frame.partitions) };
    assert_eq!((shrunk.partition, shrunk.in_sync, shrunk.leader), (2, 0b011, Some(1)));
    assert_eq!(shrunk.changed_at_ms, Some(3_000), "when it happened, not when it is told");
    let [fenced] = &frame.brokers[..] else { panic!("{:?}", frame.brokers) };
    assert_eq!((fenced.id, fenced.state()), (3, admin::BrokerState::Fenced));
    assert_eq!((fenced.since_at_ms, fenced.reason.as_str()), (Some(5_000), "test"));
    assert_ne!(frame.topics[0].number, shrunk.topic);
}

#[test]
fn who_comes_late_learns_since_when_partitions_are_ill() {
    let mut rig = Rig::new(v1::Window::default());
    rig.commit(created(1, "orders", 3));
    rig.commit(vec![partition(at(1, 0), (&[1, 2], 1), 1)]);
    rig.commit(vec![partition(at(1, 1), (&[1, 3], 0), 1)]);
    rig.commit(vec![partition(at(1, 0), (&[1, 2, 3], 1), 2)]);
    let frame = rig.frame().unwrap();
    assert_eq!(frame.topics[0].changed, [1], "the other one is well again");
    assert_eq!(frame.topics[0].changed_at_ms, [4_000]);
}

#[test]
fn topics_go_come_back_and_are_never_mixed_up() {
    let mut rig = Rig::new(v1::Window::default());
    rig.commit(created(1, "orders", 1));
    let number = rig.frame().unwrap().topics[0].number;
    let hide = |purge_at| MetadataRecord::TopicSoftDeleted { topic: topic_id(1), purge_at };
    rig.commit(vec![hide(TimestampMs(99_000))]);
    assert_eq!(rig.frame().unwrap().topics_gone, [number]);
    rig.commit(vec![MetadataRecord::TopicRestored { topic: topic_id(1) }]);
    let back = rig.frame().unwrap();
    assert_eq!((names(&back), back.topics[0].number), (vec!["orders"], number));
    rig.commit(vec![MetadataRecord::TopicPurged { topic: topic_id(1) }]);
    rig.commit(created(5, "orders", 1));
    let frame = rig.frame().unwrap();
    assert_eq!((&frame.topics_gone[..], names(&frame)), (&[number][..], vec!["orders"]));
    assert_ne!(frame.topics[0].number, number, "it is another topic");
}

#[test]
fn a_topics_own_values_are_told_without_its_partitions() {
    let mut rig = Rig::new(v1::Window::default());
    rig.commit(created(1, "orders", 3));
    rig.frame().unwrap();
    let set = |resource| MetadataRecord::ConfigChanged {
        resource,
        key: "min.insync.replicas".to_owned(),
        value: Some("2".to_owned()),
    };
    rig.commit(vec![set(ConfigResource::Topic(topic_id(1)))]);
    let frame = rig.frame().unwrap();
    assert_eq!(frame.topics[0].min_insync_replicas, 2);
    assert!(frame.topics[0].leaders.is_empty() && frame.partitions.is_empty());
    rig.commit(created(2, "audit", 1));
    assert_eq!(rig.frame().unwrap().topics[0].min_insync_replicas, 1);
    rig.commit(vec![set(ConfigResource::Cluster)]);
    let frame = rig.frame().unwrap();
    assert_eq!((names(&frame), frame.topics[0].min_insync_replicas), (vec!["audit"], 2));
}

#[test]
fn to_look_at_another_moment_is_a_difference_as_well() {
    let window = v1::Window { brokers: true, plans: true, ..v1::Window::default() };
    let mut rig = Rig::new(window);
    rig.plans = Some(Arc::default());
    rig.commit(created(1, "orders", 2));
    let then = Moment { image: Arc::clone(&rig.image), as_of_ms: Some(2_000) };
    rig.commit(vec![partition(at(1, 1), (&[1], 1), 1)]);
    rig.commit(created(2, "audit", 1));
    let mut counts = Counts::default();
    counts.put_broker(v1::BrokerCounters { broker: 1, ..v1::BrokerCounters::default() });
    let frame = rig.frame_with(&counts).unwrap();
    assert_eq!((frame.topics.len(), frame.broker_counters.len()), (2, 1));
    assert!(frame.plans.is_some());

    rig.session.land(v1::Landing { number: 3, found: true, ..v1::Landing::default() });
    let back = rig.frame_of(&then, Some(&Arc::new(counts.clone()))).unwrap();
    assert!(!back.whole && back.as_of_ms == Some(2_000));
    assert_eq!(back.landing.as_ref().map(|it| it.number), Some(3));
    assert_eq!((back.topics_gone.len(), back.partitions[0].in_sync), (1, 0b111));
    assert!(back.broker_counters.is_empty(), "of the past there are none");
    assert_eq!(back.plans, None);
    assert_eq!(rig.frame_of(&then, None), None);
    let beat = rig.session.beat(9_000);
    assert_eq!((beat.now_ms, beat.as_of_ms), (9_000, Some(2_000)));

    let now = rig.frame_with(&counts).unwrap();
    assert!(now.as_of_ms.is_none() && names(&now) == ["audit"]);
    assert_eq!((now.partitions[0].in_sync, now.broker_counters.len()), (1, 1));
    assert!(now.plans.is_some(), "the watcher has forgotten them");
    assert_eq!(now.partitions[0].changed_at_ms, Some(3_000));
}

fn counted(topic: u32, ends: &[u64], at_ms: i64) -> Counts {
    let mut counts = Counts::default();
    count(&mut counts, topic, ends, at_ms);
    counts
}

fn count(counts: &mut Counts, topic: u32, ends: &[u64], at_ms: i64) {
    let rows = (0..).zip(ends).map(|(index, end)| {
        let figures = PartitionFigures { end: *end, size_bytes: 10, ..Default::default() };
        (at(topic, index), figures)
    });
    let bytes_in = ends.iter().sum();
    let figures = TopicFigures { bytes_in, ..TopicFigures::default() };
    counts.sample((ME, at_ms), rows, [(topic_id(topic), figures)]);
    let broker = v1::BrokerCounters { broker: 1, at_ms, ..v1::BrokerCounters::default() };
    counts.put_broker(broker);
}

fn ends(frame: Option<v1::WatchResponse>) -> Vec<(u32, u64)> {
    let counters = frame.into_iter().flat_map(|it| it.partition_counters);
    counters.flat_map(|it| it.partitions.into_iter().zip(it.end_offsets)).collect()
}

fn keys(of: &[u32]) -> v1::PartitionScope {
    let key = |partition: &u32| v1::PartitionKey { topic: "orders".into(), partition: *partition };
    v1::PartitionScope { all: false, keys: of.iter().map(key).collect() }
}

#[test]
fn counters_are_told_of_what_is_in_the_window_and_has_changed() {
    let mut rig = Rig::new(v1::Window { partitions: Some(keys(&[0, 1])), ..v1::Window::default() });
    rig.commit(created(1, "orders", 3));
    assert_eq!(ends(rig.frame()), [], "they are not known yet");
    let mut counts = counted(1, &[5, 6, 7], 10);
    let frame = rig.frame_with(&counts).unwrap();
    assert_eq!(frame.broker_counters.len(), 1, "until when it was counted");
    assert_eq!(ends(Some(frame)), [(0, 5), (1, 6)]);
    count(&mut counts, 1, &[5, 8, 9], 11);
    assert_eq!(ends(rig.frame_with(&counts)), [(1, 8)]);
    rig.ask(v1::Window { number: 1, partitions: Some(keys(&[1, 2])), ..v1::Window::default() });
    assert_eq!(ends(rig.frame_with(&counts)), [(2, 9)], "scrolled");
    count(&mut counts, 1, &[6, 8, 9], 12);
    let all = Some(v1::PartitionScope { all: true, keys: Vec::new() });
    rig.ask(v1::Window { number: 2, partitions: all, ..v1::Window::default() });
    assert_eq!(ends(rig.frame_with(&counts)), [(1, 8), (2, 9), (0, 6)]);
    count(&mut counts, 1, &[6, 8, 10], 13);
    assert_eq!(ends(rig.frame_with(&counts)), [(2, 10)]);
    rig.ask(v1::Window { number: 3, ..v1::Window::default() });
    assert_eq!(rig.frame_with(&counts).map(|it| it.window), Some(3));
    count(&mut counts, 1, &[7, 8, 10], 14);
    assert_eq!(rig.frame_with(&counts), None, "no counters are wanted");
}

#[test]
fn counters_that_came_before_their_topic_are_told_with_it() {
    let all = Some(v1::PartitionScope { all: true, keys: Vec::new() });
    let mut rig = Rig::new(v1::Window { partitions: all, topics: true, ..v1::Window::default() });
    let counts = counted(1, &[5], 10);
    assert_eq!(ends(rig.frame_with(&counts)), []);
    rig.commit(created(1, "orders", 1));
    let frame = rig.frame_with(&counts).unwrap();
    assert_eq!(frame.topic_counters[0].bytes_in, 5);
    assert_eq!(ends(Some(frame)), [(0, 5)]);
}

#[test]
fn what_leaders_do_not_tell_is_told_as_unknown() {
    let mut rig = Rig::new(v1::Window { topics: true, ..v1::Window::default() });
    rig.commit(created(1, "orders", 3));
    let counts = counted(1, &[5, 6], 10);
    let frame = rig.frame_with(&counts).unwrap();
    let told = &frame.topic_counters[0];
    assert_eq!((told.bytes_in, told.size_bytes, told.unknown_count), (11, 20, 1));
    rig.commit(vec![partition(at(1, 0), (&[2, 3], 2), 1)]);
    let frame = rig.frame_with(&counts).unwrap();
    assert_eq!(frame.topic_counters[0].unknown_count, 2, "another one leads it now");
}
