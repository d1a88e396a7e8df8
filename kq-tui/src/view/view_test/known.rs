//! What is not known is never taken for a number, and nothing is claimed that was not looked at.

use super::{cluster, feed, frame, go, shown, start, told};
use crate::model::{Event, FeedEvent, Key, Row, RowKey, Screen, State, update};
use kq_proto::monitor::v1;

const SIZE: (u16, u16) = (80, 24);

fn names(state: &State) -> Vec<String> {
    let name = |row: &Row| if let Row::Group(name) = row { Some(name.to_string()) } else { None };
    state.table.rows.iter().filter_map(name).collect()
}

fn typed(state: &mut State, keys: &str) {
    for it in keys.chars() {
        let key = if it == '\n' { Key::plain(crate::model::Code::Enter) } else { Key::char(it) };
        update(state, Event::Key(key));
    }
}

#[test]
fn lag_that_is_known_in_part_is_compared_as_far_as_it_is_known() {
    let mut state = told(SIZE, true);
    go(&mut state, Screen::Groups, SIZE);
    for (filter, shown) in [
        ("lag>2", vec!["audit-sink", "billing", "etl-raw", "search-index"]),
        ("lag>10", vec!["audit-sink", "billing", "search-index"]),
        ("!lag>10", vec!["dash-eu"]),
        ("lag<10", vec!["dash-eu"]),
        ("!lag<3", vec!["audit-sink", "billing", "etl-raw", "search-index"]),
        ("lag=0", vec!["dash-eu"]),
    ] {
        typed(&mut state, &format!("/{filter}\n"));
        let mut found = names(&state);
        found.sort_unstable();
        assert_eq!(found, shown, "{filter}");
        typed(&mut state, "\\");
    }
}

#[test]
fn unknown_lag_is_last_in_either_order() {
    let mut state = told(SIZE, true);
    go(&mut state, Screen::Groups, SIZE);
    typed(&mut state, ":sort records\n");
    assert_eq!(names(&state)[..4], ["billing", "audit-sink", "search-index", "dash-eu"]);
    assert_eq!(names(&state)[4..], ["etl-raw", "new-team"]);
    typed(&mut state, "S");
    assert_eq!(names(&state)[..4], ["dash-eu", "search-index", "audit-sink", "billing"]);
    assert_eq!(names(&state)[4..], ["etl-raw", "new-team"]);
}

/// A topic on two brokers that wants `min` of them, without its second replica or with it.
fn verdict(min: u32, in_sync: u64, leader: u32) -> String {
    let mut state = start(SIZE);
    feed(&mut state, FeedEvent::Open { to: "10.0.4.1:9092".into() });
    let mut whole = cluster::whole(false);
    whole.groups.clear();
    whole.groups_missing = Some(v1::GroupsMissing::default());
    whole.topics.truncate(1);
    whole.topics[0].min_insync_replicas = min;
    frame(&mut state, whole);
    let partition = v1::PartitionState {
        topic: 1,
        partition: 0,
        leader: (leader > 0).then_some(leader),
        replicas: vec![1, 2, 3],
        in_sync,
        ..Default::default()
    };
    frame(
        &mut state,
        v1::WatchResponse {
            now_ms: cluster::NOW_MS,
            partitions: vec![partition],
            ..Default::default()
        },
    );
    update(&mut state, Event::Tick { uptime_ms: 2_500 });
    format!("{} {}", state.verdict.word, state.verdict.sentence)
}

#[test]
fn writes_are_said_to_pass_only_where_they_do() {
    let stops = "; losing b1 stops";
    assert_eq!(verdict(2, 0b111, 1), "HEALTHY 6 partitions, all replicas in sync");
    assert_eq!(
        verdict(3, 0b111, 1),
        format!("HEALTHY 6 partitions, all replicas in sync{stops} 6 partitions")
    );
    assert_eq!(
        verdict(2, 0b011, 1),
        format!("DEGRADED writes with acks=all pass{stops} 1 partition")
    );
    assert_eq!(verdict(1, 0b011, 1), "DEGRADED writes with acks=all pass");
    assert_eq!(verdict(2, 0b001, 1), "REFUSING writes with acks=all are refused on 1 partition");
    assert_eq!(
        verdict(3, 0b011, 1),
        format!("REFUSING writes with acks=all are refused on 1 partition{stops} 5 partitions")
    );
    assert_eq!(verdict(2, 0b001, 0), "OUTAGE 1 partition can be neither read nor written");
}

#[test]
fn groups_that_were_not_told_yet_are_not_called_well() {
    let words = |state: &State| format!("{} {}", state.verdict.word, state.verdict.sentence);
    let mut state = start(SIZE);
    feed(&mut state, FeedEvent::Open { to: "10.0.4.1:9092".into() });
    let mut whole = cluster::whole(false);
    whole.groups.clear();
    whole.groups_missing = None;
    frame(&mut state, whole);
    update(&mut state, Event::Tick { uptime_ms: 2_500 });
    let before = words(&state);
    assert_eq!(before, "WAITING 13 partitions, all replicas in sync; groups are not told yet");
    frame(
        &mut state,
        v1::WatchResponse {
            now_ms: cluster::NOW_MS,
            groups_missing: Some(v1::GroupsMissing::default()),
            ..Default::default()
        },
    );
    update(&mut state, Event::Tick { uptime_ms: 3_500 });
    assert_eq!(words(&state), "HEALTHY 13 partitions, all replicas in sync", "there are none");
}

#[test]
fn where_no_majority_answers_nobody_is_said_to_live() {
    let mut state = told(SIZE, false);
    let mut quorum = state.facts.quorum.clone().unwrap();
    let leader = quorum.leader.unwrap();
    quorum.answered_by = leader;
    let told_by = |controller, stale_ms| {
        let cluster = state.facts.cluster.clone();
        v1::ClusterState { controller, answered_by: leader, stale_ms, ..cluster }
    };
    let (alone, cut_off) = (told_by(Some(leader), Some(12_000)), told_by(None, None));
    let mut tell = |cluster: v1::ClusterState, quorum: Option<_>, uptime_ms| {
        let now_ms = cluster::NOW_MS;
        let cluster = Some(cluster);
        frame(&mut state, v1::WatchResponse { now_ms, cluster, quorum, ..Default::default() });
        update(&mut state, Event::Tick { uptime_ms });
        go(&mut state, Screen::Quorum, SIZE);
        let alarm = state.verdict.alarms[0].text.clone();
        (format!("{} {}", state.verdict.word, state.verdict.sentence), alarm, shown(&state, SIZE))
    };
    let waits = "acks=all waits where a replica in sync is gone";
    let (verdict, alarm, screen) = tell(alone, Some(quorum.clone()), 2_500);
    assert_eq!(verdict, format!("HEADLESS as it was 12 s ago; {waits}"));
    let who = crate::model::words::broker(leader);
    assert_eq!(
        alarm,
        format!("{who} leads the quorum, and no majority of it has answered for 12 s")
    );
    assert!(screen.contains("no majority has answered it for 12 s"), "{screen}");
    assert!(!screen.contains(" live, "), "{screen}");
    assert_eq!(screen.matches("  up  ").count(), 1, "who tells this lives: {screen}");
    quorum.leader = None;
    let (verdict, _, screen) = tell(cut_off, Some(quorum), 10_000);
    assert_eq!(verdict, format!("HEADLESS as it was when a controller was last heard; {waits}"));
    assert!(screen.contains("has heard nobody lead; the last term is"), "{screen}");
}

#[test]
fn only_what_one_broker_holds_is_lost_with_it() {
    let mut state = told(SIZE, false);
    let mut whole = cluster::whole(false);
    whole.topics.truncate(1);
    whole.topics[0].min_insync_replicas = 1;
    frame(&mut state, whole);
    let alone = |partition, broker: u32| v1::PartitionState {
        topic: 1,
        partition,
        leader: Some(broker),
        replicas: vec![broker],
        in_sync: 1,
        ..Default::default()
    };
    let partitions = vec![alone(0, 1), alone(1, 2), alone(2, 2), alone(3, 3)];
    let now_ms = cluster::NOW_MS;
    frame(&mut state, v1::WatchResponse { now_ms, partitions, ..Default::default() });
    assert_eq!(state.facts.topics.tally.worst_loss(), Some((2, 2)), "not all four at once");
}

#[test]
fn the_worst_alarm_stays_in_sight_while_one_scrolls() {
    let mut state = told(SIZE, true);
    let worst = state.verdict.alarms[0].text.clone();
    let rows_with = |state: &State| {
        let text = shown(state, SIZE);
        let lines = text.lines().filter(|it| it.contains(&worst));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows_with(&state).len(), 1);
    typed(&mut state, "G");
    assert!(state.table.first > 0, "nothing was scrolled away");
    let lines = rows_with(&state);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("more above"), "{lines:?}");
}

#[test]
fn a_partition_is_found_by_its_name_as_it_is_written_anywhere() {
    for keys in [":orders-1\n", ":orders/1\n", ":partition orders-1\n", ":der-1\n"] {
        let mut state = told(SIZE, true);
        typed(&mut state, keys);
        assert_eq!(state.place.screen, Screen::Partitions, "{keys}");
        let row = state.table.current().and_then(|row| state.key_of(row));
        assert_eq!(row, Some(RowKey::Partition("orders".into(), 1)), "{keys}");
    }
    let mut state = told(SIZE, true);
    typed(&mut state, ":orders-999\n");
    assert_eq!(state.place.screen, Screen::Overview, "there is none of this number");
}

#[test]
fn a_topic_that_is_known_in_part_may_be_larger_and_is_last() {
    let mut state = told(SIZE, true);
    go(&mut state, Screen::Topics, SIZE);
    let topics = |state: &State| {
        let name = |row: &Row| {
            let Row::Topic(number) = row else { return None };
            state.facts.topics.get(*number).map(|it| it.name.to_string())
        };
        state.table.rows.iter().filter_map(name).collect::<Vec<_>>()
    };
    // Of one partition of payments nothing is known: it has 4.1 GB, or more.
    for (filter, shown) in [
        ("size>4GB orders", vec!["orders"]),
        ("size>4GB payments", vec!["payments"]),
        ("size<5GB orders", vec!["orders"]),
        ("size<5GB payments", vec![]),
        ("size>5GB payments", vec![]),
        ("in<90MB payments", vec![]),
    ] {
        typed(&mut state, &format!("/{filter}\n"));
        assert_eq!(topics(&state), shown, "{filter}");
        typed(&mut state, "\\");
    }
    for column in ["size", "in", "out"] {
        typed(&mut state, &format!(":sort {column}\n"));
        for _ in 0..2 {
            typed(&mut state, "S");
            assert_eq!(topics(&state).last().unwrap(), "payments", "{column}");
        }
    }
}

#[test]
fn no_part_of_the_lag_is_more_than_all_of_it() {
    let size = (120, 40);
    let mut state = told(size, true);
    go(&mut state, Screen::Members, size);
    let words = |state: &State| crate::view::encode::text(&super::drawn(state, size).0);
    assert!(words(&state).contains("Slowest: orders-1, 31 % of the lag"), "{}", words(&state));
    // A sum of another moment: right after a reset.
    let mut open = cluster::open_group();
    let lag = open.summary.as_mut().and_then(|it| it.lag.as_mut()).unwrap();
    lag.lag = 2_069;
    frame(&mut state, v1::WatchResponse { group: Some(open), ..cluster::next(true) });
    super::settle(&mut state, size);
    let text = words(&state);
    assert!(text.contains("Slowest: orders-1, member") && !text.contains("% of the lag"), "{text}");
}

#[test]
fn rows_of_a_group_that_nobody_owns_are_counted_with_their_head() {
    let mut state = start((160, 50));
    feed(&mut state, FeedEvent::Open { to: "10.0.4.1:9092".into() });
    frame(&mut state, cluster::whole(false));
    go(&mut state, Screen::Members, (160, 50));
    let mut open = cluster::open_group();
    open.partitions.iter_mut().for_each(|it| it.member = None);
    frame(&mut state, v1::WatchResponse { group: Some(open), ..cluster::next(true) });
    update(&mut state, Event::Tick { uptime_ms: 4_000 });
    assert!(state.table.rows.contains(&Row::Nobody), "{:?}", state.table.rows);
    assert_eq!(state.table.rows.len(), state.table.total);
}
