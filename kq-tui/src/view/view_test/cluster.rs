//! Made-up clusters as frames: one that is well, and one that lost a broker three minutes ago.

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

/// 2026-11-21T12:04:31Z.
pub(super) const NOW_MS: i64 = 1_795_262_671_000;
const FENCED_MS: i64 = NOW_MS - 204_000;

/// Everything, as a broker tells it first.
pub(super) fn whole(is_ill: bool) -> v1::WatchResponse {
    v1::WatchResponse {
        now_ms: NOW_MS - 1_000,
        whole: true,
        cluster: Some(v1::ClusterState {
            cluster_id: "c-1".into(),
            controller: Some(2),
            voters: vec![1, 2, 3],
            answered_by: 1,
            version: "0.1.0".into(),
            ..Default::default()
        }),
        brokers: (1..=4).map(|id| broker(id, is_ill && id == 3)).collect(),
        topics: vec![
            topic((1, "orders"), 6, [1, 2, 3], is_ill),
            topic((2, "payments"), 4, [2, 3, 4], is_ill),
            topic((3, "clicks-with-a-name-that-is-far-too-long-for-a-column"), 2, [4, 1, 2], false),
            topic((4, "größe \u{202e}👩\u{1f3fd}注文\u{1b}[31m"), 1, [1, 2, 4], false),
        ],
        groups: groups(is_ill),
        groups_missing: Some(v1::GroupsMissing::default()),
        events: Some(events(is_ill)),
        axis: Some(axis(is_ill)),
        plans: Some(v1::Plans { plans: vec![plan()] }),
        quorum: Some(quorum(is_ill)),
        curves: Some(curves(is_ill)),
        ..counters(NOW_MS - 1_000, is_ill)
    }
}

/// A cluster that has brokers and a quorum, and nothing else yet.
pub(super) fn bare() -> v1::WatchResponse {
    v1::WatchResponse {
        topics: Vec::new(),
        groups: Vec::new(),
        events: Some(v1::EventPage::default()),
        axis: Some(axis(false)),
        plans: Some(v1::Plans::default()),
        topic_counters: Vec::new(),
        partition_counters: Vec::new(),
        curves: Some(v1::Curves::default()),
        ..whole(false)
    }
}

/// A second later.
pub(super) fn next(is_ill: bool) -> v1::WatchResponse {
    counters(NOW_MS, is_ill)
}

/// All of one group.
pub(super) fn open_group() -> v1::GroupState {
    let member = |id: &str, host: &str| admin::GroupMember {
        member: format!("{id}-0001"),
        client_id: id.into(),
        host: format!("/{host}"),
        ..Default::default()
    };
    let owned = |partition: u32, member: &str, lag: Option<u64>| admin::PartitionLag {
        group: "billing".into(),
        topic: "orders".into(),
        partition,
        committed: Some(8_112_401),
        end: lag.map(|lag| 8_112_401 + lag),
        lag,
        time_lag_ms: lag.map(|lag| lag * 2),
        consumed_per_second: Some(310.0),
        produced_per_second: Some(900.0),
        catch_up: lag.map(|_| admin::CatchUp { when: Some(admin::catch_up::When::Never(true)) }),
        class: i32::from(if lag.is_some() {
            admin::LagClass::Lagging
        } else {
            admin::LagClass::Leaderless
        }),
        member: Some(format!("{member}-0001")),
        host: Some("/10.0.4.7".into()),
        ..Default::default()
    };
    v1::GroupState {
        group: "billing".into(),
        summary: groups(true).into_iter().next(),
        members: vec![member("c-1", "10.0.4.5"), member("c-2", "10.0.4.7")],
        partitions: vec![
            owned(0, "c-1", Some(120_000)),
            owned(1, "c-2", Some(376_000)),
            owned(2, "c-2", None),
        ],
        ..Default::default()
    }
}

fn broker(id: u32, is_fenced: bool) -> v1::BrokerState {
    let state = if is_fenced { admin::BrokerState::Fenced } else { admin::BrokerState::Running };
    v1::BrokerState {
        id,
        host: format!("10.0.4.{id}"),
        port: 9092,
        rack: Some(format!("rack-{}", id % 2)),
        state: state.into(),
        since_at_ms: Some(if is_fenced { FENCED_MS } else { NOW_MS - 9 * 86_400_000 }),
        reason: if is_fenced { "no heartbeat for 5 s".into() } else { String::new() },
        ..Default::default()
    }
}

fn topic((number, name): (u32, &str), count: u32, on: [u32; 3], is_ill: bool) -> v1::TopicState {
    let size = usize::try_from(count).unwrap();
    let [first, second, third] = on;
    let out = on.iter().position(|id| *id == 3).filter(|_| is_ill);
    let in_sync = out.map_or(0b111, |at| 0b111 & !(1_u64 << at));
    let leader = if is_ill && first == 3 { second } else { first };
    v1::TopicState {
        number,
        name: name.into(),
        min_insync_replicas: 2,
        created_at_ms: NOW_MS - 30 * 86_400_000,
        leaders: vec![leader + 1; size],
        leader_epochs: vec![44; size],
        replica_counts: vec![3],
        replicas: [first, second, third].repeat(size),
        in_sync: vec![in_sync; size],
        changed: if is_ill { (0..count).collect() } else { Vec::new() },
        changed_at_ms: if is_ill { vec![FENCED_MS; size] } else { Vec::new() },
        ..Default::default()
    }
}

fn counters(at_ms: i64, is_ill: bool) -> v1::WatchResponse {
    let steps = u64::try_from(at_ms - NOW_MS + 10_000).unwrap() / 1_000;
    let broker = |id: u32| v1::BrokerCounters {
        broker: id,
        at_ms,
        started_at_ms: 1,
        bytes_in: steps * 41_200_000,
        records_in: steps * 41_200,
        bytes_out: steps * 88_000_000,
        disk_total_bytes: Some(1_000_000_000_000),
        disk_free_bytes: Some(390_000_000_000),
        connections: 120,
        produce_p99_us: Some(4_100),
        ..Default::default()
    };
    let topic = |topic: u32| v1::TopicCounters {
        topic,
        at_ms,
        bytes_in: steps * 9_000_000,
        records_in: steps * 9_100,
        bytes_out: steps * 18_000_000,
        size_bytes: 4_100_000_000,
        unknown_count: u32::from(is_ill && topic == 2),
    };
    let behind =
        v1::FollowerLag { partition: 0, broker: 3, records: 11_000, caught_up_at_ms: None };
    let partitions = |topic: u32, count: u32| v1::PartitionCounters {
        topic,
        at_ms,
        partitions: (0..count).collect(),
        start_offsets: vec![0; 6],
        high_watermarks: vec![4_000_000 + steps * 9_100; 6],
        end_offsets: vec![4_000_000 + steps * 9_100; 6],
        size_bytes: vec![4_100_000_000; 6],
        behind: if is_ill { vec![behind] } else { Vec::new() },
    };
    let live = (1..=4).filter(|id| !is_ill || *id != 3);
    v1::WatchResponse {
        now_ms: at_ms,
        broker_counters: live.map(broker).collect(),
        topic_counters: (1..=4).map(topic).collect(),
        partition_counters: vec![partitions(1, 6), partitions(2, 4)],
        ..Default::default()
    }
}

fn groups(is_ill: bool) -> Vec<admin::GroupSummary> {
    use admin::LagClass as Class;
    let group = |name: &str, class: Class, lag: u64, unknown: u32| admin::GroupSummary {
        group: name.into(),
        state: if class == Class::Stopped {
            admin::GroupState::Empty
        } else {
            admin::GroupState::Stable
        }
        .into(),
        protocol: "range".into(),
        member_count: if class == Class::Stopped { 0 } else { 3 },
        coordinator: 1,
        last_commit_at_ms: Some(NOW_MS - 2_000),
        state_since_at_ms: NOW_MS - 121_000,
        generation: Some(812),
        lag: Some(admin::LagSummary {
            lag,
            partial_count: unknown,
            time_lag_ms: Some(lag / 1_000 * 800),
            class: class.into(),
            class_since_at_ms: Some(NOW_MS - 991_000),
            consumed_per_second: Some(8_600.0),
            produced_per_second: Some(if lag > 0 { 9_800.0 } else { 8_600.0 }),
            catch_up: Some(admin::CatchUp { when: Some(admin::catch_up::When::Never(true)) }),
            slowest: Some(admin::PartitionRef { topic: "orders".into(), partition: 1 }),
            ..Default::default()
        }),
        ..Default::default()
    };
    if !is_ill {
        return vec![group("billing", Class::Ok, 0, 0), group("dash-eu", Class::Ok, 0, 0)];
    }
    vec![
        group("billing", Class::Lagging, 1_210_377, 0),
        group("audit-sink", Class::Stalled, 88_249, 0),
        group("search-index", Class::Stopped, 41_002, 0),
        group("etl-raw", Class::Partial, 3, 1),
        group("new-team", Class::New, 0, 0),
        group("dash-eu", Class::Ok, 0, 0),
    ]
}

fn events(is_ill: bool) -> v1::EventPage {
    use admin::EventKind as Kind;
    let row = |sequence: u64, at_ms: i64, kind: Kind, words: [&str; 3], count: u32| v1::EventRow {
        event: Some(admin::Event {
            sequence,
            at_ms,
            kind: kind.into(),
            subject: words[0].into(),
            message: words[1].into(),
            reason: words[2].into(),
            ..Default::default()
        }),
        count,
        last: sequence + u64::from(count) - 1,
    };
    let mut rows = vec![row(
        7,
        NOW_MS - 7_200_000,
        Kind::TopicCreated,
        ["clicks", "2 partitions, 3 replicas", "asked for"],
        1,
    )];
    if is_ill {
        let why = "no heartbeat for 5 s";
        let fenced = ["broker 3", "fenced", why];
        rows.push(row(8, FENCED_MS, Kind::BrokerFenced, fenced, 1));
        let leader = ["payments/0", "leader 3 -> 2", why];
        rows.push(row(9, FENCED_MS + 4, Kind::LeaderChanged, leader, 4));
        let shrunk = ["orders/0", "isr [1 2 3] -> [1 2]", why];
        rows.push(row(13, FENCED_MS + 11, Kind::IsrShrunk, shrunk, 10));
    }
    v1::EventPage { rows, before: 1, ..Default::default() }
}

fn axis(is_ill: bool) -> v1::Axis {
    let column_ms = 300_000;
    let until_at_ms = (NOW_MS / column_ms + 1) * column_ms;
    let from_at_ms = until_at_ms - 72 * column_ms;
    axis_of(is_ill, &v1::AxisScope { from_at_ms, until_at_ms, columns: 72, filter: None })
}

/// The axis as it was asked for: an outage in its last column, and a smaller one before.
pub(super) fn axis_of(is_ill: bool, asked: &v1::AxisScope) -> v1::Axis {
    let columns = usize::try_from(asked.columns).unwrap();
    let column_ms = (asked.until_at_ms - asked.from_at_ms) / i64::from(asked.columns);
    let last = |count: u32| {
        let mut counts = vec![0; columns];
        if let Some(last) = counts.last_mut() {
            *last = if is_ill { count } else { 0 };
        }
        counts[columns * 20 / 72] = u32::from(is_ill);
        counts
    };
    let share = |of: &str, count: u32| v1::Share { of: of.into(), count };
    let of = |shares: Vec<v1::Share>| if is_ill { shares } else { Vec::new() };
    v1::Axis {
        from_at_ms: asked.from_at_ms,
        until_at_ms: asked.until_at_ms,
        columns: asked.columns,
        shrinks: last(412),
        expands: vec![0; columns],
        leaders: last(12),
        fences: last(1),
        holes: of(vec![share("no controller", 0)])
            .into_iter()
            .map(|it| v1::Hole {
                from_at_ms: asked.until_at_ms - 40 * column_ms,
                until_at_ms: asked.until_at_ms - 39 * column_ms + 1,
                why: it.of,
            })
            .collect(),
        by_broker: of(vec![share("b3", 552), share("b1", 12)]),
        by_topic: of(vec![share("orders", 64)]),
        by_reason: of(vec![share("fenced", 412), share("slow follower", 19)]),
        worst: is_ill.then(|| asked.columns - 1),
        worst_count: if is_ill { 425 } else { 0 },
    }
}

/// What happened to one partition.
pub(super) fn focus(is_ill: bool, key: &v1::PartitionKey) -> v1::Focus {
    let subject = format!("{}/{}", key.topic, key.partition);
    let event =
        |sequence: u64, at_ms: i64, kind: admin::EventKind, words: [&str; 3]| admin::Event {
            sequence,
            at_ms,
            kind: kind.into(),
            subject: words[0].into(),
            message: words[1].into(),
            reason: words[2].into(),
            ..Default::default()
        };
    let why = "no heartbeat for 5 s";
    let shrunk = [&*subject, "isr [1 2 3] -> [1 2]", why];
    let fenced = ["broker 3", "fenced", why];
    let mut events = vec![
        event(13, FENCED_MS + 11, admin::EventKind::IsrShrunk, shrunk),
        event(8, FENCED_MS, admin::EventKind::BrokerFenced, fenced),
    ];
    events.truncate(if is_ill { 2 } else { 0 });
    v1::Focus { partition: Some(key.clone()), events }
}

fn plan() -> admin::PlanStatus {
    admin::PlanStatus {
        id: "drain-b4".into(),
        verb: "drain".into(),
        state: "running".into(),
        reason: "disk is to be replaced".into(),
        started_at_ms: NOW_MS - 600_000,
        batch: 4,
        concurrency: 2,
        move_count: 40,
        moves_by_state: [("done".to_owned(), 16), ("waiting".to_owned(), 24)].into(),
        bytes: 5_500_000_000,
        bytes_left: Some(3_245_000_000),
        rate: Some(9_000_000),
        eta_ms: Some(360_000),
        ..Default::default()
    }
}

fn quorum(is_ill: bool) -> admin::QuorumStatusResponse {
    let member = |broker: u32, role: admin::QuorumRole, live: bool| admin::QuorumMember {
        broker,
        role: role.into(),
        live,
        end_index: live.then_some(81_204),
        lag: live.then_some(0),
        last_contact_at_ms: Some(if live { NOW_MS } else { FENCED_MS }),
        ..Default::default()
    };
    admin::QuorumStatusResponse {
        leader: Some(2),
        term: 7,
        members: vec![
            member(1, admin::QuorumRole::Voter, true),
            member(2, admin::QuorumRole::Leader, true),
            member(3, admin::QuorumRole::Voter, !is_ill),
            member(4, admin::QuorumRole::Learner, true),
        ],
        last_index: Some(81_204),
        applied_index: Some(81_204),
        snapshot_index: Some(80_000),
        answered_by: 1,
    }
}

fn curves(is_ill: bool) -> v1::Curves {
    let last = u32::try_from(NOW_MS / 60_000).unwrap() - 1;
    let minutes: Vec<u32> = (last - 9..=last).filter(|it| *it != last - 4).collect();
    let rising: Vec<u64> = (1..=9).map(|it| it * 120_000).collect();
    v1::Curves {
        bytes_in: vec![60 * 122_000_000; 9],
        bytes_out: vec![60 * 250_000_000; 9],
        under_replicated: vec![0; 9],
        lag: rising.clone(),
        groups: vec![v1::GroupCurve {
            group: "billing".into(),
            minutes: minutes.clone(),
            lag: rising,
            members: vec![3; 9],
        }],
        minutes,
        without_brokers: if is_ill { vec![3] } else { Vec::new() },
    }
}
