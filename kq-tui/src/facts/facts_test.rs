//! Frames taken in: what follows from them, and that strangers cannot upset it.

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn topic(number: u32, name: &str, leaders: &[u32]) -> v1::TopicState {
    let count = leaders.len();
    v1::TopicState {
        number,
        name: name.to_owned(),
        min_insync_replicas: 2,
        leaders: leaders.to_vec(),
        leader_epochs: vec![7; count],
        replica_counts: vec![3],
        replicas: [1, 2, 3].repeat(count),
        in_sync: vec![0b111; count],
        ..v1::TopicState::default()
    }
}

fn whole(topics: Vec<v1::TopicState>) -> Facts {
    let brokers = (1..=3).map(|id| v1::BrokerState { id, ..v1::BrokerState::default() });
    let mut facts = Facts::default();
    facts.apply(v1::WatchResponse {
        whole: true,
        brokers: brokers.collect(),
        topics,
        ..v1::WatchResponse::default()
    });
    facts
}

fn out_of_sync(partition: u32) -> v1::PartitionState {
    v1::PartitionState {
        topic: 1,
        partition,
        leader: Some(1),
        leader_epoch: 8,
        replicas: vec![1, 2, 3],
        in_sync: 0b011,
        changed_at_ms: Some(1_000),
        ..v1::PartitionState::default()
    }
}

fn counted(at_ms: i64, end: u64) -> v1::WatchResponse {
    v1::WatchResponse {
        now_ms: at_ms,
        partition_counters: vec![v1::PartitionCounters {
            topic: 1,
            at_ms,
            partitions: vec![0],
            start_offsets: vec![10],
            high_watermarks: vec![end],
            end_offsets: vec![end],
            size_bytes: vec![(end - 10) * 100],
            behind: vec![v1::FollowerLag { broker: 3, records: 5, ..v1::FollowerLag::default() }],
        }],
        ..v1::WatchResponse::default()
    }
}

#[test]
fn a_partition_that_loses_a_replica_is_counted_where_it_belongs() {
    let mut facts = whole(vec![topic(1, "orders", &[2, 3]), topic(2, "audit", &[0])]);
    assert_eq!(facts.topics.tally.of(Health::Offline), 1, "nobody leads audit");
    let changed = facts.apply(v1::WatchResponse {
        partitions: vec![out_of_sync(1)],
        ..v1::WatchResponse::default()
    });
    assert!(changed.partitions && !changed.rows);
    let tally = &facts.topics.tally;
    assert_eq!((tally.partitions, tally.ill(), tally.of(Health::AtMin)), (3, 2, 1));
    assert_eq!(tally.broker(3), BrokerTally { replicas: 3, out: 1, ..BrokerTally::default() });
    assert_eq!(tally.broker(1).leads, 2);
    assert_eq!(facts.topics.named("orders").unwrap().tally.ill(), 1);
}

#[test]
fn a_topic_that_goes_takes_its_partitions_out_of_every_count() {
    let mut facts = whole(vec![topic(1, "orders", &[2, 3]), topic(2, "audit", &[1])]);
    facts.apply(v1::WatchResponse { topics_gone: vec![1, 2], ..v1::WatchResponse::default() });
    assert_eq!(facts.topics.tally, Tally::default());
    assert!(facts.topics.named("orders").is_none());
}

#[test]
fn a_topic_that_differs_in_itself_keeps_its_partitions() {
    let mut facts = whole(vec![topic(1, "orders", &[2, 3])]);
    facts.apply(counted(5_000, 110));
    let protected = v1::TopicState { protected: true, ..topic(1, "orders", &[]) };
    let told = v1::WatchResponse { topics: vec![protected], ..v1::WatchResponse::default() };
    facts.apply(told);
    let orders = facts.topics.named("orders").unwrap();
    assert!(orders.is_protected);
    assert_eq!(orders.partitions.len(), 2);
    assert_eq!(orders.partitions[0].bytes_per_record(), Some(100));
}

#[test]
fn a_partition_is_added_at_the_end_only() {
    let mut facts = whole(vec![topic(1, "orders", &[2])]);
    let told = |partition| v1::WatchResponse {
        partitions: vec![out_of_sync(partition)],
        ..v1::WatchResponse::default()
    };
    facts.apply(told(7));
    assert_eq!(facts.topics.tally.partitions, 1);
    facts.apply(told(1));
    assert_eq!(facts.topics.tally.partitions, 2);
    assert_eq!(facts.topics.partition_named("orders", 1).unwrap().index, 1);
}

#[test]
fn another_moment_has_none_of_the_counters_of_now() {
    let mut facts = whole(vec![topic(1, "orders", &[2])]);
    facts.apply(counted(1_000, 110));
    facts.apply(counted(2_000, 160));
    let partition = &facts.topics.named("orders").unwrap().partitions[0];
    assert_eq!(facts.records_in(partition), Some(50.0));
    assert_eq!(partition.behind_of(3).map(|it| it.records), Some(5));
    facts.apply(v1::WatchResponse { as_of_ms: Some(500), ..v1::WatchResponse::default() });
    let partition = &facts.topics.named("orders").unwrap().partitions[0];
    assert_eq!((partition.counters, partition.behind.len()), (None, 0));
    assert_eq!(facts.moment_ms(), Some(500));
}

/// All that is of one moment alone.
fn moment_of_now() -> v1::WatchResponse {
    let group = admin::GroupSummary { group: "billing".to_owned(), ..Default::default() };
    v1::WatchResponse {
        now_ms: 2_000,
        groups: vec![group],
        groups_missing: Some(v1::GroupsMissing { why: vec!["broker 2: silent".to_owned()] }),
        group: Some(v1::GroupState { group: "billing".to_owned(), ..Default::default() }),
        plans: Some(v1::Plans { plans: vec![admin::PlanStatus::default()] }),
        quorum: Some(admin::QuorumStatusResponse::default()),
        silent: Some(v1::SilentBrokers {
            brokers: vec![2],
            since_at_ms: vec![9],
            why: vec!["it does not answer".to_owned()],
        }),
        ..v1::WatchResponse::default()
    }
}

#[test]
fn another_moment_has_nothing_of_the_one_before() {
    let at = |as_of_ms: Option<i64>| v1::WatchResponse { as_of_ms, ..Default::default() };
    // From now to the past, from there to another moment, and from that back to now.
    for (first, then) in [(None, Some(500)), (Some(500), Some(400)), (Some(400), None)] {
        let mut facts = whole(vec![topic(1, "orders", &[2])]);
        facts.apply(at(first));
        facts.apply(v1::WatchResponse { as_of_ms: first, ..moment_of_now() });
        assert_eq!(facts.told, Told { groups: true, plans: true });
        assert_eq!(facts.brokers[&2].silent_why, "it does not answer");
        let changed = facts.apply(at(then));
        assert!(changed.groups && changed.brokers && changed.counters, "{first:?} {then:?}");
        assert_eq!(facts.told, Told::default());
        assert!(facts.groups.is_empty() && facts.groups_missing.is_empty());
        assert!(facts.group.is_none() && facts.plans.is_empty() && facts.quorum.is_none());
        assert_eq!((facts.brokers[&2].silent_since_ms, facts.brokers.len()), (None, 3));
        assert_eq!(facts.topics.len(), 1, "metadata are told as a difference");
    }
}

#[test]
fn what_was_told_to_be_empty_is_known_to_be() {
    let mut facts = whole(Vec::new());
    assert_eq!(facts.told, Told::default());
    facts.apply(v1::WatchResponse {
        groups_missing: Some(v1::GroupsMissing::default()),
        plans: Some(v1::Plans::default()),
        ..v1::WatchResponse::default()
    });
    assert_eq!(facts.told, Told { groups: true, plans: true });
    let mut copy = Facts::default();
    copy.apply(facts.whole_frame());
    assert_eq!(copy.told, facts.told);
}

fn broker_counted(at_ms: i64, bytes_in: u64) -> v1::WatchResponse {
    let counters = |broker: u32, at_ms: i64| v1::BrokerCounters {
        broker,
        at_ms,
        bytes_in,
        ..v1::BrokerCounters::default()
    };
    v1::WatchResponse {
        now_ms: at_ms,
        // The clock of the second one is an hour behind.
        broker_counters: vec![counters(1, at_ms), counters(2, at_ms - 3_600_000)],
        ..v1::WatchResponse::default()
    }
}

fn bytes_in(facts: &Facts, id: u32) -> Option<f64> {
    facts.brokers[&id].counters.unwrap().bytes_in.at(facts.counted_at_ms.unwrap())
}

#[test]
fn a_clock_that_is_behind_has_the_same_rates() {
    let mut facts = whole(Vec::new());
    for second in 1..4 {
        facts.apply(broker_counted(second * 1_000, 70 * u64::try_from(second).unwrap()));
    }
    assert_eq!((bytes_in(&facts, 1), bytes_in(&facts, 2)), (Some(70.0), Some(70.0)));
    // The clock of whoever tells is set back: what is told no more comes to rest all the same.
    for second in 0..60 {
        let mut frame = broker_counted(-90_000 + second * 1_000, 210);
        frame.broker_counters.pop();
        facts.apply(frame);
    }
    assert_eq!(bytes_in(&facts, 2), Some(0.0));
}

#[test]
fn a_broker_that_is_silent_has_no_rate_and_none_of_its_partitions() {
    let mut facts = whole(vec![topic(1, "orders", &[2])]);
    for second in 1..3 {
        facts.apply(broker_counted(second * 1_000, 70 * u64::try_from(second).unwrap()));
        facts.apply(counted(second * 1_000, 100 * u64::try_from(second).unwrap()));
    }
    let records_in = |facts: &Facts| facts.records_in(&facts.topics.get(1).unwrap().partitions[0]);
    assert_eq!((bytes_in(&facts, 2), records_in(&facts)), (Some(70.0), Some(100.0)));
    // Leaders are told as their ids plus one.
    let silent = |brokers: Vec<u32>| v1::WatchResponse {
        silent: Some(v1::SilentBrokers {
            since_at_ms: vec![9; brokers.len()],
            brokers,
            ..v1::SilentBrokers::default()
        }),
        ..v1::WatchResponse::default()
    };
    facts.apply(silent(vec![1, 2]));
    assert_eq!((bytes_in(&facts, 2), records_in(&facts)), (None, None), "not zero");
    facts.apply(silent(Vec::new()));
    facts.apply(broker_counted(60_000, 70_000));
    assert_eq!(bytes_in(&facts, 2), None, "what it did meanwhile is no rate of now");
    facts.apply(broker_counted(61_000, 70_090));
    assert_eq!(bytes_in(&facts, 2), Some(90.0));
}

#[test]
fn a_sum_over_others_than_before_is_no_rate() {
    let mut facts = whole(vec![topic(1, "orders", &[2, 3])]);
    let mut sum = |second: i64, bytes_in: u64, unknown_count: u32| {
        facts.apply(v1::WatchResponse {
            now_ms: second * 1_000,
            topic_counters: vec![v1::TopicCounters {
                topic: 1,
                at_ms: second * 1_000,
                bytes_in,
                unknown_count,
                ..v1::TopicCounters::default()
            }],
            ..v1::WatchResponse::default()
        });
        let counters = facts.topics.named("orders").unwrap().counters.unwrap();
        counters.bytes_in.at(facts.counted_at_ms.unwrap())
    };
    assert_eq!(sum(1, 500, 1), None);
    assert_eq!(sum(2, 510, 1), Some(10.0));
    assert_eq!(sum(3, 9_000_000, 0), None, "another broker tells what it counted in years");
    assert_eq!(sum(4, 9_000_020, 0), Some(20.0));
}

#[test]
fn what_is_scrolled_out_of_sight_does_not_come_to_rest() {
    let mut facts = whole(vec![topic(1, "orders", &[2, 3])]);
    let scope = |partition| v1::Window {
        partitions: Some(v1::PartitionScope {
            all: false,
            keys: vec![v1::PartitionKey { topic: "orders".to_owned(), partition }],
        }),
        ..v1::Window::default()
    };
    let records_in = |facts: &Facts| facts.records_in(&facts.topics.get(1).unwrap().partitions[0]);
    facts.look_through(&scope(0));
    facts.apply(counted(1_000, 110));
    facts.apply(counted(2_000, 160));
    facts.look_through(&scope(0));
    assert_eq!(records_in(&facts), Some(50.0), "it is still in sight");
    facts.look_through(&scope(1));
    facts.apply(broker_counted(60_000, 1));
    facts.look_through(&scope(0));
    assert_eq!(records_in(&facts), None);
    facts.apply(counted(60_500, 9_000));
    facts.apply(counted(61_500, 9_070));
    assert_eq!(records_in(&facts), Some(70.0));
    facts.look_through(&v1::Window::default());
    assert_eq!(records_in(&facts), None, "another screen");
    facts.apply(counted(62_500, 9_140));
    facts.apply(counted(63_500, 9_210));
    assert_eq!(records_in(&facts), Some(70.0), "told although it is not asked for any more");
    facts.look_through(&scope(1));
    assert_eq!(records_in(&facts), None);
    let all = v1::PartitionScope { all: true, keys: Vec::new() };
    facts.look_through(&v1::Window { partitions: Some(all), ..v1::Window::default() });
    facts.apply(counted(64_500, 9_280));
    facts.apply(counted(65_500, 9_350));
    facts.look_through(&scope(0));
    assert_eq!(records_in(&facts), Some(70.0), "one of all, and in sight still");
    facts.look_through(&scope(1));
    assert_eq!(records_in(&facts), None);
}

#[test]
fn in_a_recording_what_nobody_tells_of_is_not_known_to_rest() {
    for (mut facts, rests) in [(Facts::default(), Some(0.0)), (Facts::blind(), None)] {
        facts.apply(v1::WatchResponse {
            topics: vec![topic(1, "orders", &[2])],
            whole: true,
            ..Default::default()
        });
        facts.apply(counted(1_000, 110));
        facts.apply(counted(2_000, 160));
        let records_in =
            |facts: &Facts| facts.records_in(&facts.topics.get(1).unwrap().partitions[0]);
        assert_eq!(records_in(&facts), Some(50.0));
        facts.apply(broker_counted(90_000, 1));
        assert_eq!(records_in(&facts), rests, "it may be out of sight of whoever recorded");
    }
}

#[test]
fn a_frame_of_a_liar_takes_no_room() {
    let leaders = usize::try_from(bounds::PARTITIONS_MAX).unwrap() + 7;
    let mut liar = topic(1, "orders", &[]);
    liar.leaders = vec![1; leaders];
    liar.replica_counts = vec![0];
    let mut facts = whole(vec![liar, topic(2, "audit", &[1])]);
    assert_eq!(facts.topics.tally.partitions, bounds::PARTITIONS_MAX);
    assert!(facts.is_cut());
    facts.apply(v1::WatchResponse { topics_gone: vec![1], ..v1::WatchResponse::default() });
    assert_eq!(facts.topics.tally.partitions, 0);
    let wide = v1::TopicState {
        leaders: vec![1],
        replica_counts: vec![100_000],
        replicas: (0..100_000).collect(),
        ..topic(3, "wide", &[1])
    };
    facts.apply(v1::WatchResponse { topics: vec![wide], ..v1::WatchResponse::default() });
    assert_eq!(facts.topics.named("wide").unwrap().partitions[0].replicas.len(), 64);
}

#[test]
fn silence_is_forgotten_when_it_ends() {
    let mut facts = whole(Vec::new());
    let silent = |brokers: Vec<u32>| v1::WatchResponse {
        silent: Some(v1::SilentBrokers {
            since_at_ms: vec![9; brokers.len()],
            brokers,
            ..v1::SilentBrokers::default()
        }),
        ..v1::WatchResponse::default()
    };
    facts.apply(silent(vec![2, 77]));
    assert_eq!(facts.brokers[&2].silent_since_ms, Some(9));
    assert!(!facts.brokers.contains_key(&77));
    facts.apply(silent(Vec::new()));
    assert_eq!(facts.brokers[&2].silent_since_ms, None);
}

#[test]
fn the_whole_frame_tells_an_empty_store_the_same() {
    let mut facts = whole(vec![topic(1, "orders", &[2, 3]), topic(4, "audit", &[0])]);
    facts.apply(counted(2_000, 160));
    facts.apply(v1::WatchResponse {
        now_ms: 2_500,
        partitions: vec![v1::PartitionState { adding: vec![3], ..out_of_sync(1) }],
        ..v1::WatchResponse::default()
    });
    let mut copy = Facts::default();
    copy.apply(facts.whole_frame());
    assert_eq!(copy.whole_frame(), facts.whole_frame());
    assert_eq!(copy.topics.tally, facts.topics.tally);
}

prop_compose! {
    fn any_topic()(
        number in 0u32..4,
        leaders in vec(0u32..5, 0..6),
        leader_epochs in vec(any::<u32>(), 0..6),
        replica_counts in vec(0u32..5, 0..6),
        replicas in vec(0u32..5, 0..12),
        in_sync in vec(any::<u64>(), 0..6),
        changed in vec(any::<u32>(), 0..3),
        changed_at_ms in vec(any::<i64>(), 0..3),
        min_insync_replicas in 0u32..4,
    ) -> v1::TopicState {
        v1::TopicState {
            number, name: format!("t{}", number % 3), leaders, leader_epochs, replica_counts, replicas,
            in_sync, changed, changed_at_ms, min_insync_replicas, ..v1::TopicState::default()
        }
    }
}

prop_compose! {
    fn any_partition()(
        topic in 0u32..4,
        partition in 0u32..8,
        leader in proptest::option::of(0u32..5),
        replicas in vec(0u32..5, 0..5),
        in_sync in any::<u64>(),
    ) -> v1::PartitionState {
        v1::PartitionState { topic, partition, leader, replicas, in_sync, ..v1::PartitionState::default() }
    }
}

proptest! {
    #[test]
    fn counts_follow_any_frames(
        frames in vec((any::<bool>(), vec(any_topic(), 0..3), vec(any_partition(), 0..6), vec(0u32..4, 0..2)), 1..8)
    ) {
        let mut facts = Facts::default();
        for (whole, topics, partitions, topics_gone) in frames {
            facts.apply(v1::WatchResponse { whole, topics, partitions, topics_gone, ..v1::WatchResponse::default() });
        }
        let mut tally = Tally::default();
        for (_, topic, partition) in facts.topics.partitions() {
            tally.add(partition, topic.min_insync_replicas);
        }
        prop_assert_eq!(&facts.topics.tally, &tally);
    }
}
