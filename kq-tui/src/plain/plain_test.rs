//! Frames in, sentences out.

use expect_test::{Expect, expect};
use kq_proto::admin::v1::BrokerState;

use super::*;

fn broker(id: u32, state: BrokerState, reason: &str) -> v1::BrokerState {
    v1::BrokerState {
        id,
        state: state.into(),
        reason: reason.to_owned(),
        ..v1::BrokerState::default()
    }
}

/// Three brokers and a topic of 200 partitions on all of them.
fn first() -> FeedEvent {
    let partitions = 200;
    let topic = v1::TopicState {
        number: 1,
        name: "orders".to_owned(),
        min_insync_replicas: 2,
        leaders: vec![2; partitions],
        leader_epochs: vec![1; partitions],
        replica_counts: vec![3],
        replicas: [1, 2, 3].repeat(partitions),
        in_sync: vec![0b111; partitions],
        ..v1::TopicState::default()
    };
    FeedEvent::Frame(Box::new(v1::WatchResponse {
        whole: true,
        cluster: Some(v1::ClusterState { controller: Some(2), ..Default::default() }),
        brokers: (1..=3).map(|id| broker(id, BrokerState::Running, "")).collect(),
        topics: vec![topic],
        ..v1::WatchResponse::default()
    }))
}

fn without_3(partitions: std::ops::Range<u32>) -> Vec<v1::PartitionState> {
    let state = |partition| v1::PartitionState {
        topic: 1,
        partition,
        leader: Some(1),
        leader_epoch: 1,
        replicas: vec![1, 2, 3],
        in_sync: 0b011,
        ..v1::PartitionState::default()
    };
    partitions.map(state).collect()
}

#[track_caller]
fn check(events: Vec<(FeedEvent, u64)>, want: Expect) {
    let mut plain = Plain::default();
    let mut lines = Vec::new();
    for (event, now_ms) in events {
        lines.extend(plain.tell(event, now_ms).into_iter().map(|it| format!("{now_ms} {it}")));
    }
    while let Some(at_ms) = plain.deadline_ms() {
        lines.extend(plain.expire(at_ms).into_iter().map(|it| format!("{at_ms} {it}")));
    }
    let text = lines.join("\n");
    assert!(!text.contains(['\r', '\t', '\u{1b}']) && !text.contains('│'), "{text}");
    want.assert_eq(&text);
}

#[test]
fn a_few_changes_are_told_one_by_one() {
    let fenced = v1::WatchResponse {
        brokers: vec![broker(3, BrokerState::Fenced, "no heartbeat for 5 s")],
        partitions: without_3(17..18),
        ..v1::WatchResponse::default()
    };
    check(
        vec![
            (FeedEvent::Opening { to: "kq1:9092".to_owned() }, 0),
            (FeedEvent::Open { to: "kq1:9092".to_owned() }, 10),
            (first(), 20),
            (FeedEvent::Frame(Box::new(fenced)), 5_000),
            (FeedEvent::Lost { why: "kq1 has gone\r\n\u{1b}[2J".to_owned() }, 9_000),
        ],
        expect![[r#"
            0 Looking for a broker at kq1:9092.
            20 Connected to kq1:9092.
            20 3 of 3 brokers are up, broker 2 is the controller; 1 topics with 200 partitions, all in sync.
            5000 Broker 3 is fenced: no heartbeat for 5 s.
            5000 orders-17 ISR: 3 left, now 1 2.
            9000 Connection lost: kq1 has gone\u{d}\u{a}\u{1b}[2J."#]],
    );
}

#[test]
fn a_hundred_changes_are_one_sentence_a_second() {
    let storm = |partitions, now_ms| {
        let partitions = without_3(partitions);
        let brokers = vec![broker(3, BrokerState::Fenced, "")];
        (
            FeedEvent::Frame(Box::new(v1::WatchResponse {
                partitions,
                brokers,
                ..v1::WatchResponse::default()
            })),
            now_ms,
        )
    };
    check(
        vec![(first(), 0), storm(0..60, 5_000), storm(60..100, 5_400), storm(100..200, 6_100)],
        expect![[r#"
            0 3 of 3 brokers are up, broker 2 is the controller; 1 topics with 200 partitions, all in sync.
            5000 Broker 3 is fenced.
            6100 100 changes: 100 partitions lost replicas from their ISR.
            7100 100 changes: 100 partitions lost replicas from their ISR."#]],
    );
}

#[test]
fn what_is_ill_at_the_start_is_told_first_and_once() {
    use kq_proto::admin::v1::{GroupSummary, LagClass, LagSummary};

    let FeedEvent::Frame(mut ill) = first() else { panic!("a frame") };
    ill.brokers[2] = broker(3, BrokerState::Fenced, "no heartbeat");
    let group = |name: &str| GroupSummary {
        group: name.to_owned(),
        lag: Some(LagSummary {
            lag: 90_000,
            class: LagClass::Stalled.into(),
            ..LagSummary::default()
        }),
        ..GroupSummary::default()
    };
    let groups = || {
        FeedEvent::Frame(Box::new(v1::WatchResponse {
            groups: vec![group("billing"), group("dash")],
            groups_missing: Some(v1::GroupsMissing::default()),
            ..v1::WatchResponse::default()
        }))
    };
    check(
        vec![(FeedEvent::Frame(ill), 0), (groups(), 900), (groups(), 1_900)],
        expect![[r#"
        0 2 of 3 brokers are up, broker 2 is the controller; 1 topics with 200 partitions, all in sync.
        0 Broker b3 fenced (no heartbeat).
        900 billing commits and does not move: 90.0 k records.
        900 dash commits and does not move: 90.0 k records."#]],
    );
}

#[test]
fn a_group_without_commits_is_not_said_to_keep_up() {
    use kq_proto::admin::v1::{GroupSummary, LagClass, LagSummary};

    let groups = |class: LagClass, last_commit_at_ms| {
        let lag = Some(LagSummary { class: class.into(), ..LagSummary::default() });
        let group = "nocom".to_owned();
        FeedEvent::Frame(Box::new(v1::WatchResponse {
            groups: vec![GroupSummary { group, lag, last_commit_at_ms, ..Default::default() }],
            groups_missing: Some(v1::GroupsMissing::default()),
            ..v1::WatchResponse::default()
        }))
    };
    check(
        vec![
            (first(), 0),
            (groups(LagClass::New, None), 900),
            (groups(LagClass::Ok, None), 1_900),
            (groups(LagClass::New, None), 2_900),
            (groups(LagClass::Ok, Some(1)), 3_900),
        ],
        expect![[r#"
        0 3 of 3 brokers are up, broker 2 is the controller; 1 topics with 200 partitions, all in sync.
        1900 Group nocom is not behind, and no commit of it is known.
        2900 Group nocom is too new to be judged.
        3900 Group nocom keeps up."#]],
    );
}

#[test]
fn why_nobody_answers_is_told_once() {
    let refused = || FeedEvent::Lost { why: "connection refused".to_owned() };
    let opening = || FeedEvent::Opening { to: "kq1:9092".to_owned() };
    let open = || FeedEvent::Open { to: "kq1:9092".to_owned() };
    let full = || FeedEvent::Lost { why: "no watcher more".to_owned() };
    let events = [
        opening(),
        refused(),
        opening(),
        refused(),
        opening(),
        open(),
        full(),
        opening(),
        open(),
        full(),
        opening(),
        open(),
        first(),
        refused(),
        opening(),
        refused(),
    ];
    check(
        (0..).zip(events).map(|(at, it)| (it, at * 10)).collect(),
        expect![[r#"
        0 Looking for a broker at kq1:9092.
        10 No broker tells anything: connection refused.
        60 No broker tells anything: no watcher more.
        120 Connected to kq1:9092.
        120 3 of 3 brokers are up, broker 2 is the controller; 1 topics with 200 partitions, all in sync.
        130 Connection lost: connection refused."#]],
    );
}

#[test]
fn many_brokers_are_told_by_their_states() {
    let fenced = v1::WatchResponse {
        brokers: (1..=12)
            .map(|id| {
                broker(
                    id,
                    if id == 5 { BrokerState::Running } else { BrokerState::Fenced },
                    "power",
                )
            })
            .collect(),
        ..v1::WatchResponse::default()
    };
    check(
        vec![(first(), 0), (FeedEvent::Frame(Box::new(fenced)), 5_000)],
        expect![[r#"
        0 3 of 3 brokers are up, broker 2 is the controller; 1 topics with 200 partitions, all in sync.
        6000 12 changes: brokers 1 2 3 4 6 7 8 9 10 11 12 are fenced; broker 5 is up."#]],
    );
}

#[test]
fn addresses_that_fail_in_turns_are_told_once_each() {
    let lost = |why: &str| FeedEvent::Lost { why: why.to_owned() };
    let (one, other) = ("kq1: connection refused", "kq2: no route");
    let events = [lost(one), lost(other), lost(one), lost(other), lost("kq1: no watcher more")];
    check(
        (0..).zip(events).map(|(at, it)| (it, at * 10)).collect(),
        expect![[r#"
        0 No broker tells anything: kq1: connection refused.
        10 No broker tells anything: kq2: no route.
        40 No broker tells anything: kq1: no watcher more."#]],
    );
}
