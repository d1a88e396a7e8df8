//! What the made-up cluster tells, told to a store.

use kq_proto::monitor::v1;

use super::cluster::Cluster;
use super::session::Session;
use super::story::BEGIN_MS;
use crate::facts::Facts;

const SECOND_MS: i64 = 1_000;
/// All that happens in one outage comes within this.
const CYCLE: i64 = 900;

fn everything() -> v1::Window {
    v1::Window {
        number: 1,
        brokers: true,
        topics: true,
        partitions: Some(v1::PartitionScope { all: true, keys: Vec::new() }),
        groups: true,
        group: "billing".to_owned(),
        events: Some(v1::EventScope { before: 40, after: 40, ..v1::EventScope::default() }),
        axis: Some(v1::AxisScope {
            from_at_ms: BEGIN_MS - 6 * 3_600_000,
            until_at_ms: BEGIN_MS + 3_600_000,
            columns: 84,
            filter: None,
        }),
        focus: Some(v1::PartitionKey { topic: "orders".to_owned(), partition: 3 }),
        plans: true,
        quorum: true,
        curve_minutes: 60,
        curve_groups: vec!["billing".to_owned()],
    }
}

fn session(seed: u64) -> Session {
    let mut session = Session::new(Cluster::new(seed, 0));
    session.look_through(v1::Window { groups: true, plans: true, ..v1::Window::default() });
    session
}

fn at(second: i64) -> i64 {
    BEGIN_MS + second * SECOND_MS
}

/// Every partition: its name, leader, epoch and ISR.
fn table(facts: &Facts) -> Vec<String> {
    let all = facts.topics.iter().flat_map(|topic| {
        (0..).zip(&topic.partitions).map(move |(at, it): (u32, _)| {
            let isr: Vec<u32> = it.isr().collect();
            format!("{}/{at} {:?} {} {isr:?}", topic.name, it.leader, it.leader_epoch)
        })
    });
    all.collect()
}

#[test]
fn a_seed_tells_the_same_each_time() {
    let told = |seed| {
        let mut session = session(seed);
        session.look_through(everything());
        let frames: Vec<_> = (0..8).map(|it| session.frame(at(it * 40))).collect();
        frames
    };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}

#[test]
fn differences_lead_to_what_is_told_as_a_whole() {
    let mut session = session(7);
    let mut facts = Facts::default();
    let mut states = std::collections::BTreeSet::new();
    for second in 0..CYCLE {
        facts.apply(session.frame(at(second)));
        if second % 10 == 0 {
            let mut whole = Facts::default();
            whole.apply(self::session(7).frame(at(second)));
            assert_eq!(table(&facts), table(&whole), "after {second} s");
            states.insert(table(&facts));
        }
    }
    assert!(states.len() >= 4, "well, out, behind, led elsewhere: {}", states.len());
}

#[test]
fn the_past_is_as_it_was() {
    let mut session = session(7);
    let mut facts = Facts::default();
    let mut live = Vec::new();
    for second in 0..CYCLE {
        facts.apply(session.frame(at(second)));
        live.push(table(&facts));
    }
    for (second, then) in (0..).zip(&live).step_by(7) {
        let seek = v1::Seek { number: 1, at_ms: at(second), step: v1::Step::Unspecified.into() };
        session.seek(&seek, at(CYCLE));
        facts.apply(session.frame(at(CYCLE)));
        assert_eq!((facts.as_of_ms, &table(&facts)), (Some(at(second)), then));
        assert!(!facts.told.groups, "of the past there are none");
    }
    session.resume();
    facts.apply(session.frame(at(CYCLE)));
    assert!(facts.as_of_ms.is_none() && facts.told.groups && facts.told.plans);
}

#[test]
fn trouble_is_found_back_and_on() {
    let mut session = session(7);
    session.frame(at(CYCLE));
    let mut go = |step: v1::Step, from_ms| {
        session.seek(&v1::Seek { number: 1, at_ms: from_ms, step: step.into() }, at(CYCLE));
        session.frame(at(CYCLE)).landing.unwrap()
    };
    let last = go(v1::Step::TroubleBack, at(CYCLE));
    assert!(last.found && last.words.contains("fenced: no heartbeat"), "{last:?}");
    let before = go(v1::Step::TroubleBack, last.at_ms);
    assert!(before.at_ms < last.at_ms && before.event < last.event);
    assert_eq!(go(v1::Step::TroubleOn, before.at_ms).at_ms, last.at_ms);
    let none = go(v1::Step::TroubleOn, last.at_ms);
    assert!(!none.found && !none.words.is_empty());
}

#[test]
fn it_is_as_large_as_it_is_asked_to_be() {
    let mut facts = Facts::default();
    let mut session = Session::new(Cluster::new(1, 10_000));
    facts.apply(session.frame(BEGIN_MS));
    let count = table(&facts).len();
    assert!((10_000..10_100).contains(&count), "{count}");
}
