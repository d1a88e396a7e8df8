//! Replaying changes, taking and reading snapshots, and refusing what does not fit.

use expect_test::expect;
use uuid::Uuid;

use super::*;
use crate::ids::{
    BrokerId, ClusterId, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex, TopicId,
};

fn topic(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(number))
}

fn partition(number: u128, index: u32, isr: &[u32], epoch: u32) -> MetadataRecord {
    let ids = |list: &[u32]| list.iter().map(|id| BrokerId(*id)).collect::<Vec<_>>();
    MetadataRecord::PartitionChanged(PartitionChange {
        topic: topic(number),
        index: PartitionIndex(index),
        now: PartitionImage {
            replicas: ids(&[1, 2, 3]),
            isr: ids(isr),
            leader: isr.first().map(|id| BrokerId(*id)),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(epoch),
            ..PartitionImage::default()
        },
    })
}

fn created(number: u128, name: &str) -> MetadataRecord {
    MetadataRecord::TopicCreated { topic: topic(number), name: name.to_owned() }
}

fn set(resource: ConfigResource, key: &str, value: Option<&str>) -> MetadataRecord {
    MetadataRecord::ConfigChanged { resource, key: key.to_owned(), value: value.map(str::to_owned) }
}

fn led(broker: u32, term: u64, unled_since: Option<TimestampMs>) -> MetadataRecord {
    MetadataRecord::ControllerChanged { broker: BrokerId(broker), term, unled_since }
}

fn change(time: i64, reason: &str, records: Vec<MetadataRecord>) -> Change {
    Change { time: TimestampMs(time), reason: reason.to_owned(), records }
}

/// A cluster's life with one of each record.
fn history() -> Vec<Change> {
    let cluster = MetadataRecord::ClusterCreated { cluster_id: ClusterId("kq-1".into()) };
    let broker = |id| {
        let mut it = BrokerRegistration::at(BrokerId(id), "127.0.0.1", 9_092);
        it.rack = Some(format!("r{id}"));
        MetadataRecord::BrokerRegistered(it)
    };
    let hide = MetadataRecord::TopicSoftDeleted { topic: topic(2), purge_at: TimestampMs(99) };
    vec![
        change(1, "first start", vec![cluster]),
        change(2, "start", vec![broker(1), broker(2)]),
        change(
            3,
            "create",
            vec![
                created(1, "orders"),
                set(ConfigResource::Topic(topic(1)), "retention.ms", Some("9")),
                partition(1, 0, &[1, 2, 3], 0),
                partition(1, 1, &[2, 3, 1], 0),
            ],
        ),
        change(4, "", vec![created(2, "a.b"), partition(2, 0, &[1], 0)]),
        change(5, "broker 1 is silent", vec![partition(1, 0, &[2, 3], 1)]),
        change(6, "more", vec![partition(1, 2, &[3], 0), partition(1, 3, &[3], 0)]),
        change(7, "not needed", vec![hide]),
        change(
            8,
            "keep it",
            vec![
                MetadataRecord::TopicProtected { topic: topic(1), protected: true },
                set(ConfigResource::Cluster, "log.retention.ms", Some("5")),
                set(ConfigResource::Broker(BrokerId(1)), "num.partitions", Some("5")),
                set(ConfigResource::Broker(BrokerId(1)), "num.partitions", None),
                MetadataRecord::ProducerIdsAllocated { broker: BrokerId(1), next: 1_000 },
                MetadataRecord::BrokerFenced { broker: BrokerId(2) },
            ],
        ),
        change(9, "they change", leaders_and_brokers()),
    ]
}

/// One of each record about leaders, and the rest of those about brokers.
fn leaders_and_brokers() -> Vec<MetadataRecord> {
    let scope = PolicyScope::Topic(topic(1));
    let policy = LeaderPolicy {
        prefer: Some(vec![LeaderPlace::Rack("r2".into()), LeaderPlace::Broker(BrokerId(1))]),
        avoid: Some(Vec::new()),
        unclean: Some(UncleanPolicy::Balanced),
        auto_balance: Some(true),
        moves_per_minute: Some(7),
        pins: [(PartitionIndex(1), BrokerId(2))].into(),
    };
    let MetadataRecord::PartitionChanged(mut moves) = partition(1, 0, &[2], 2) else { panic!() };
    moves.now.isr.push(BrokerId(3));
    moves.now.last_known = vec![BrokerId(1)];
    moves.now.handover = Some(BrokerId(3));
    vec![
        MetadataRecord::BrokerStopping { broker: BrokerId(1) },
        MetadataRecord::BrokerCordoned { broker: BrokerId(1), decommission: true },
        MetadataRecord::BrokerCordoned { broker: BrokerId(2), decommission: false },
        MetadataRecord::BrokerUncordoned { broker: BrokerId(2) },
        MetadataRecord::BrokerRegistered(BrokerRegistration::at(BrokerId(8), "localhost", 1)),
        MetadataRecord::BrokerFenced { broker: BrokerId(8) },
        MetadataRecord::BrokerUnregistered { broker: BrokerId(8) },
        led(1, 2, None),
        led(2, 5, Some(TimestampMs(4))),
        led(2, 6, None),
        MetadataRecord::VotersChanged { voters: [1, 2].map(BrokerId).to_vec() },
        MetadataRecord::VotersChanged { voters: [2, 3].map(BrokerId).to_vec() },
        MetadataRecord::QuorumTransferred { from: BrokerId(2), to: BrokerId(3) },
        MetadataRecord::GroupOperated { group: "billing".into(), deed: "reset".into() },
        MetadataRecord::LeaderPolicyChanged { scope, policy: policy.clone() },
        MetadataRecord::LeaderPolicyChanged { scope: PolicyScope::Cluster, policy },
        MetadataRecord::LeadersFrozen { scope, until: Some(TimestampMs(77)) },
        MetadataRecord::LeadersFrozen { scope: PolicyScope::Cluster, until: None },
        MetadataRecord::LeadersUnfrozen { scope: PolicyScope::Cluster },
        MetadataRecord::LeadersBalanced { moves: 1 },
        MetadataRecord::RecordsLost(Loss {
            partition: PartitionId { topic: topic(1), index: PartitionIndex(0) },
            broker: BrokerId(1),
            from: kq_storage::Offset(1_000),
            until: kq_storage::Offset(1_300),
            at_most: false,
        }),
        MetadataRecord::PartitionChanged(moves),
        partition(1, 1, &[1], 1),
    ]
}

fn replay(changes: &[Change]) -> MetadataImage {
    let mut image = MetadataImage::default();
    for (index, change) in (1..).zip(changes) {
        let stored = Change::decode(&change.encode()).unwrap();
        assert_eq!(stored, *change);
        image = image.apply(index, &stored).unwrap();
    }
    image
}

#[test]
fn the_history_tells_what_happened_and_why() {
    let image = replay(&history());
    let lines: Vec<String> = image.events().map(ToString::to_string).collect();
    expect![[r#"
        #1 cluster_created cluster kq-1 (first start)
        #2 broker_registered broker 1: version 0.1.0, PLAINTEXT 127.0.0.1:9092 (start)
        #3 broker_registered broker 2: version 0.1.0, PLAINTEXT 127.0.0.1:9092 (start)
        #4 topic_created topic orders (create)
        #5 config_changed topic orders: retention.ms=9 (create)
        #6 topic_created topic a.b
        #7 isr_shrunk partition orders/0: [1,2,3] to [2,3] (broker 1 is silent)
        #8 leader_changed partition orders/0: 1 to 2, leader epoch 1 (broker 1 is silent)
        #9 partitions_added topic orders: now 4 partitions (more)
        #10 topic_deleted topic a.b: kept until 1970-01-01T00:00:00.099Z (not needed)
        #11 topic_protected topic orders (keep it)
        #12 config_changed all brokers: log.retention.ms=5 (keep it)
        #13 config_changed broker 1: num.partitions=5 (keep it)
        #14 config_changed broker 1: num.partitions back to its default (keep it)
        #15 broker_fenced broker 2 (keep it)
        #16 broker_stopping broker 1 (they change)
        #17 broker_cordoned broker 1: to be decommissioned (they change)
        #18 broker_cordoned broker 2 (they change)
        #19 broker_uncordoned broker 2 (they change)
        #20 broker_registered broker 8: version 0.1.0, PLAINTEXT localhost:1 (they change)
        #21 broker_fenced broker 8 (they change)
        #22 broker_unregistered broker 8 (they change)
        #23 controller_changed broker 1: leads the quorum, term 2 (they change)
        #24 controller_changed broker 2: leads the quorum in place of broker 1, term 5 (they change)
        #25 controller_changed broker 2: leads the quorum anew, term 6 after 5 (they change)
        #26 voter_added broker 3: [1,2] to [2,3] (they change)
        #27 voter_removed broker 1: [1,2] to [2,3] (they change)
        #28 quorum_transferred broker 3: leads the quorum now, after broker 2 (they change)
        #29 group_operated group billing: reset (they change)
        #30 leader_policy_changed topic orders: prefer=rack=r2,broker=1 avoid=nobody unclean=balanced auto-balance=on max-per-minute=7 pin=1=2 (they change)
        #31 leader_policy_changed all topics: prefer=rack=r2,broker=1 avoid=nobody unclean=balanced auto-balance=on max-per-minute=7 pin=1=2 (they change)
        #32 leaders_frozen topic orders: until 1970-01-01T00:00:00.077Z (they change)
        #33 leaders_frozen all topics: until it is lifted (they change)
        #34 leaders_unfrozen all topics (they change)
        #35 leaders_balanced all topics: 1 leaders move to where they are preferred (they change)
        #36 records_lost partition orders/0: 300 records, offsets 1000 to 1299, which broker 1 held (they change)
        #37 handover_changed partition orders/0: 2 hands over to 3 (they change)
        #38 isr_shrunk partition orders/1: [2,3,1] to [1] (they change)
        #39 leader_changed partition orders/1: 2 to 1, leader epoch 1 (they change)"#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(image.events_after(13).count() as u64, image.events_total() - 13);
}

#[test]
fn a_snapshot_and_the_rest_of_the_log_give_the_replayed_image() {
    let changes = history();
    let whole = replay(&changes);
    for cut in 0..=changes.len() {
        let (before, after) = changes.split_at(cut);
        let snapshot = replay(before).to_snapshot();
        let mut image = MetadataImage::from_snapshot(&snapshot).unwrap();
        for (index, change) in (cut as u64 + 1..).zip(after) {
            image = image.apply(index, change).unwrap();
        }
        assert_eq!(image, whole, "cut after {cut}");
        assert_eq!(image.state_hash(), whole.state_hash());
    }
}

#[test]
fn every_flipped_byte_of_a_snapshot_is_found() {
    let snapshot = replay(&history()).to_snapshot();
    for at in 0..snapshot.len() {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 0x10;
        assert!(MetadataImage::from_snapshot(&damaged).is_err(), "byte {at}");
        assert!(MetadataImage::from_snapshot(&snapshot[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn deleted_topics_are_hidden_but_keep_their_name() {
    let image = replay(&history());
    assert!(image.topic_by_name("a.b").is_none());
    assert!(image.topic_by_id(topic(2)).is_none());
    assert_eq!(image.name_holder("a.b").unwrap().id, topic(2));
    assert_eq!(image.colliding_topic("a_b").unwrap().id, topic(2));
    assert_eq!(image.next_deadline(), Some(TimestampMs(99)));
    assert_eq!(image.topics().map(|it| it.name.to_string()).collect::<Vec<_>>(), ["orders"]);
    let purged =
        image.apply(10, &change(99, "", vec![MetadataRecord::TopicPurged { topic: topic(2) }]));
    let purged = purged.unwrap();
    assert!(purged.name_holder("a.b").is_none() && purged.colliding_topic("a_b").is_none());
    assert_eq!((purged.next_deadline(), purged.partitions_total()), (None, 4));
}

#[test]
fn changes_that_do_not_fit_leave_the_image_alone() {
    let image = replay(&history());
    let refusal = |record| image.apply(10, &change(9, "", vec![record])).unwrap_err().to_string();
    let all = [
        refusal(created(7, "orders")),
        refusal(partition(7, 0, &[1], 0)),
        refusal(partition(1, 9, &[1], 0)),
        refusal(partition(1, 0, &[1, 1], 2)),
        refusal(partition(1, 0, &[9], 2)),
        refusal(partition(1, 0, &[1], 1)),
        refusal(MetadataRecord::BrokerUnregistered { broker: BrokerId(1) }),
        refusal(MetadataRecord::BrokerStopping { broker: BrokerId(8) }),
        refusal(MetadataRecord::ProducerIdsAllocated { broker: BrokerId(1), next: 999 }),
        refusal(MetadataRecord::ClusterCreated { cluster_id: ClusterId("kq-2".into()) }),
        image.apply(9, &Change::default()).unwrap_err().to_string(),
    ];
    expect![[r#"
        a change creates topic orders, which exists
        a change names topic AAAAAAAAAAAAAAAAAAAABw, which does not exist
        a change makes partition AAAAAAAAAAAAAAAAAAAAAQ-9 invalid: its index leaves a gap
        a change makes partition AAAAAAAAAAAAAAAAAAAAAQ-0 invalid: an in-sync replica is named twice
        a change makes partition AAAAAAAAAAAAAAAAAAAAAQ-0 invalid: its ISR is not within its replicas
        a change makes partition AAAAAAAAAAAAAAAAAAAAAQ-0 invalid: its leader epoch goes back
        a change forgets broker 1, which still holds replicas
        a change names broker 8, which never registered
        a change gives out producer ids below 999 again
        a change makes cluster kq-2 of cluster kq-1
        change at raft index 9 comes after index 9 was applied"#]]
    .assert_eq(&all.join("\n"));
}

#[test]
fn a_delta_names_exactly_what_changed() {
    let changes = history();
    let old = replay(&changes[..4]);
    let new = old.apply(5, &changes[4]).unwrap();
    let delta = MetadataDelta::between(&old, &new);
    let [
        TopicDelta::Changed {
            partitions, configs_changed: false, visibility_changed: false, ..
        },
    ] = &delta.topics[..]
    else {
        panic!("{delta:?}")
    };
    assert_eq!(partitions[..], [PartitionIndex(0)]);
    assert!(delta.brokers.is_empty() && !delta.cluster_config_changed);
    assert!(MetadataDelta::between(&new, &new).is_empty());
    let all = MetadataDelta::between(&MetadataImage::default(), &replay(&changes));
    assert_eq!(all.topics.len(), 2);
    assert_eq!(all.brokers.len(), 2);
    assert!(all.cluster_config_changed);
}

#[test]
fn the_history_forgets_the_oldest() {
    let mut image = replay(&history()[..3]);
    let before = image.events_total();
    for index in 4..14 {
        let record = set(ConfigResource::Cluster, "log.retention.ms", Some("5"));
        let records = vec![record; EVENTS_MAX / 10 + 1];
        image = image.apply(index, &change(9, "", records)).unwrap();
    }
    assert_eq!(image.events_total(), before + EVENTS_MAX as u64 + 10);
    assert_eq!(image.events().count(), EVENTS_MAX);
    assert_eq!(image.events_after(image.events_total() - 3).count(), 3);
    assert_eq!(image.events_after(image.events_total()).count(), 0);
    assert_eq!(image.events_after(0).count(), EVENTS_MAX);
    let restored = MetadataImage::from_snapshot(&image.to_snapshot()).unwrap();
    assert!(restored == image);
}

#[test]
fn long_reasons_make_the_history_shorter() {
    let mut image = replay(&history()[..3]);
    let reason = "x".repeat(1 << 20);
    for index in 4..104 {
        let record = set(ConfigResource::Cluster, "log.retention.ms", Some("5"));
        image = image.apply(index, &change(9, &reason, vec![record])).unwrap();
    }
    assert_eq!(image.events().count(), 63);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(
        mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
        at in 0..300_usize,
        change in 0..9_usize,
    ) {
        let _ = Change::decode(&bytes);
        let _ = MetadataImage::from_snapshot(&bytes);
        // Nearly valid bytes reach deeper than arbitrary ones.
        let mut valid = history()[change].encode();
        valid.splice(at.min(valid.len()).., bytes.drain(..));
        if let Ok(decoded) = Change::decode(&valid) {
            let _ = replay(&history()).apply(100, &decoded);
        }
    }
}
