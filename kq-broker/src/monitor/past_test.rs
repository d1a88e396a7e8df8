//! What the past is told as: troubles, steps, pages and columns of a small history, and what they
//! cost over a full one.

use expect_test::{Expect, expect};
use kq_proto::admin::v1::{EventFilter, EventKind};
use kq_proto::monitor::v1::{AxisScope, EventScope, Seek, Step};
use uuid::Uuid;

use super::*;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId};
use crate::metadata::{
    BrokerRegistration, Change, EVENTS_MAX, MetadataImage, MetadataRecord, PartitionChange,
    PartitionImage, TimestampMs,
};

/// A history in the making.
#[derive(Default)]
struct Story {
    image: MetadataImage,
    now: i64,
}

fn ids(list: &[u32]) -> Vec<BrokerId> {
    list.iter().map(|id| BrokerId(*id)).collect()
}

impl Story {
    /// Four brokers and a topic of three partitions on the first three.
    fn new() -> Self {
        let mut story = Self { now: 1_000, ..Self::default() };
        let register =
            |id| MetadataRecord::BrokerRegistered(BrokerRegistration::at(BrokerId(id), "h", 1));
        story.commit("start", (1..=4).map(register).collect());
        let mut records = vec![MetadataRecord::TopicCreated {
            topic: TopicId(Uuid::from_u128(1)),
            name: "orders".to_owned(),
        }];
        records.extend((0..3).map(|at| story.partition(at, &[1, 2, 3], &[1, 2, 3], Some(1))));
        story.commit("create", records);
        story
    }

    fn commit(&mut self, reason: &str, records: Vec<MetadataRecord>) {
        let change = Change { time: TimestampMs(self.now), reason: reason.to_owned(), records };
        self.image = self.image.apply(self.image.applied() + 1, &change).unwrap();
    }

    fn wait(&mut self, ms: i64) -> &mut Self {
        self.now += ms;
        self
    }

    fn partition(
        &self,
        index: u32,
        replicas: &[u32],
        isr: &[u32],
        leader: Option<u32>,
    ) -> MetadataRecord {
        let (topic, index) = (TopicId(Uuid::from_u128(1)), PartitionIndex(index));
        let old = self.image.any_topic(topic).and_then(|it| it.partition(index));
        let old = old.map(|it| it.as_ref().clone());
        let leader = leader.map(BrokerId);
        let epochs = old.map_or((0, 0), |it| {
            let raised = u32::from(it.leader != leader);
            (it.leader_epoch.0 + raised, it.partition_epoch.0 + 1)
        });
        let out = replicas.iter().filter(|id| !isr.contains(id)).map(|id| BrokerId(*id));
        let now = PartitionImage {
            replicas: ids(replicas),
            isr: ids(isr),
            elr: out.collect(),
            leader,
            leader_epoch: LeaderEpoch(epochs.0),
            partition_epoch: PartitionEpoch(epochs.1),
            ..PartitionImage::default()
        };
        MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
    }

    fn fence(&mut self, id: u32, isrs: &[&[u32]], reason: &str) {
        let mut records = vec![MetadataRecord::BrokerFenced { broker: BrokerId(id) }];
        for (at, isr) in (0..).zip(isrs) {
            let leads = isr.first().copied();
            let left = if isr.is_empty() { vec![id] } else { isr.to_vec() };
            records.push(self.partition(at, &[1, 2, 3], &left, leads));
        }
        self.commit(reason, records);
    }

    fn troubles(&self) -> Vec<String> {
        let timeline = Timeline::of(&self.image);
        let troubles = timeline.troubles().iter();
        troubles.map(|it| format!("#{} at {}: {}", it.event, it.at_ms, it.words())).collect()
    }

    fn seek(&self, at_ms: i64, step: Step) -> String {
        let asked = Seek { number: 1, at_ms, step: step.into() };
        let timeline = Timeline::of(&self.image);
        let Sought { landing, index } = seek(&timeline, &self.image, &asked, TimestampMs(self.now));
        let index = index.map_or("stays".to_owned(), |it| format!("index {it}"));
        format!("{} {index}: {}", landing.at_ms, landing.words)
    }

    fn page(&self, scope: &EventScope) -> String {
        let page = page(&Timeline::of(&self.image), &self.image, scope);
        let mut lines = vec![format!("more before: {}", page.more_before)];
        for (at, row) in page.rows.iter().enumerate() {
            let event = row.event.clone().unwrap_or_default();
            let mark = if at == page.before as usize { ">" } else { " " };
            let (kind, number) = (event.kind().as_str_name(), event.sequence);
            let kind = kind.trim_start_matches("EVENT_KIND_").to_lowercase();
            lines.push(format!(
                "{mark}{} #{number}-{} {} x {kind} {}",
                event.at_ms, row.last, row.count, event.subject
            ));
        }
        lines.push(format!("more after: {}", page.more_after));
        lines.join("\n")
    }
}

fn check(found: &[String], expected: &Expect) {
    expected.assert_eq(&found.join("\n"));
}

/// An outage of one partition and two that go on, its end, and an orderly stop later.
fn outage() -> Story {
    let mut story = Story::new();
    story.wait(60_000).fence(1, &[&[2, 3], &[2, 3], &[]], "broker 1: session expired");
    story.wait(2_000);
    let shrink = story.partition(0, &[1, 2, 3], &[2], Some(2));
    story.commit("follower 3 is slow", vec![shrink]);
    story.wait(600_000);
    let back = MetadataRecord::BrokerRegistered(BrokerRegistration::at(BrokerId(1), "h", 1));
    let leads = story.partition(2, &[1, 2, 3], &[1], Some(1));
    story.commit("broker 1 started", vec![back, leads]);
    story.wait(5_000);
    let full: Vec<MetadataRecord> =
        (0..3).map(|at| story.partition(at, &[1, 2, 3], &[1, 2, 3], Some(2))).collect();
    story.commit("proposed by the leader", full);
    story
}

#[test]
fn an_outage_is_one_trouble_where_it_began() {
    let story = outage();
    check(
        &story.troubles(),
        &expect![
            "#6 at 61000: broker 1 fenced: session expired; no leader of orders/2; 4 ISRs shrunk"
        ],
    );
}

#[test]
fn what_was_wanted_is_no_trouble() {
    let mut story = Story::new();
    story.wait(60_000);
    let leaves = story.partition(0, &[1, 2, 3], &[1, 2, 3], Some(2));
    let stopping = MetadataRecord::BrokerStopping { broker: BrokerId(1) };
    story.commit("broker 1 is to stop", vec![stopping, leaves]);
    story.wait(100).fence(1, &[&[2, 3], &[2, 3], &[2, 3]], "broker 1: controlled shutdown");
    story.wait(60_000);
    // A replica is moved from 3 to 4: it leaves the ISR with the set of replicas.
    let moved = story.partition(1, &[1, 2, 4], &[2, 4], Some(2));
    story.commit("moved", vec![moved]);
    check(&story.troubles(), &expect![""]);
    // But what nobody leads is trouble, also after an orderly stop.
    let stopping = MetadataRecord::BrokerStopping { broker: BrokerId(2) };
    story.wait(60_000).commit("broker 2 is to stop", vec![stopping]);
    let alone = story.partition(0, &[1, 2, 3], &[2], None);
    story.wait(100).commit("broker 2: controlled shutdown", vec![alone]);
    check(
        &story.troubles(),
        &expect![
            "#18 at 181200: no leader of orders/0; smaller ISR of orders/0 (broker 2: controlled shutdown)"
        ],
    );
}

#[test]
fn something_worse_is_a_trouble_of_its_own() {
    let mut story = Story::new();
    for at in 0..3 {
        story.wait(5_000);
        let isr: &[u32] = if at % 2 == 0 { &[1, 2] } else { &[1, 2, 3] };
        let slow = story.partition(0, &[1, 2, 3], isr, Some(1));
        story.commit("follower 3 is slow", vec![slow]);
    }
    story.wait(4_000).fence(3, &[], "broker 3: connection closed");
    story.wait(1_000).fence(2, &[], "broker 2: connection closed");
    story.wait(60_000);
    let led = |term, unled_since| MetadataRecord::ControllerChanged {
        broker: BrokerId(1),
        term,
        unled_since,
    };
    story.commit("elected by the voters", vec![led(7, Some(TimestampMs(story.now - 125_000)))]);
    check(
        &story.troubles(),
        &expect![[r#"
            #6 at 6000: 2 ISRs shrunk (follower 3 is slow)
            #9 at 20000: brokers 2, 3 fenced
            #11 at 81000: no controller for 2 m 5 s (elected by the voters)"#]],
    );
}

#[test]
fn steps_land_where_something_is() {
    let story = outage();
    let steps = [
        story.seek(700_000, Step::TroubleBack),
        story.seek(61_000, Step::TroubleBack),
        story.seek(0, Step::TroubleOn),
        story.seek(61_000, Step::TroubleOn),
        story.seek(668_000, Step::EventBack),
        story.seek(61_000, Step::EventOn),
        story.seek(668_000, Step::EventOn),
        story.seek(1_000, Step::EventBack),
        story.seek(60_999, Step::Unspecified),
        story.seek(61_000, Step::Unspecified),
        story.seek(999, Step::Unspecified),
        story.seek(999_999_999, Step::Unspecified),
    ];
    check(
        &steps,
        &expect![[r#"
        61000 index 3: broker 1 fenced: session expired; no leader of orders/2; 4 ISRs shrunk
        61000 stays: there was no trouble before 1970-01-01T00:01:01.000Z, and nothing is kept of before 1970-01-01T00:00:01.000Z
        61000 index 3: broker 1 fenced: session expired; no leader of orders/2; 4 ISRs shrunk
        61000 stays: there has been no trouble since 1970-01-01T00:01:01.000Z
        663000 index 5: partition orders/2: leader changed, nobody to 1 (broker 1 started)
        63000 index 4: partition orders/0: isr shrunk, [2,3] to [2] (follower 3 is slow)
        668000 stays: nothing has happened since 1970-01-01T00:11:08.000Z
        1000 stays: nothing is kept of before 1970-01-01T00:00:01.000Z
        60999 index 2: 59 s after: topic orders: topic created (create)
        61000 index 3: partition orders/2: leader changed, 1 to nobody (broker 1: session expired)
        999 stays: nothing is kept of before 1970-01-01T00:00:01.000Z
        999999999 stays: 1970-01-12T13:46:39.999Z is yet to come"#]],
    );
}

#[test]
fn a_page_sums_up_what_happened_together() {
    let story = outage();
    let around =
        |at| EventScope { around_at_ms: Some(at), before: 2, after: 3, ..EventScope::default() };
    let of_three = EventFilter { brokers: vec![3], ..EventFilter::default() };
    let shrinks =
        EventFilter { kinds: vec![EventKind::IsrShrunk.into()], ..EventFilter::default() };
    let scopes = [
        around(61_000),
        EventScope { before: 3, ..EventScope::default() },
        EventScope { filter: Some(of_three), ..around(61_000) },
        EventScope { filter: Some(shrinks), ..around(63_000) },
        EventScope { run_of: Some(9), after: 2, ..EventScope::default() },
        EventScope { run_of: Some(9), after: 3, ..EventScope::default() },
        EventScope { run_of: Some(999), after: 3, ..EventScope::default() },
    ];
    let pages: Vec<String> = scopes.iter().map(|it| story.page(it)).collect();
    check(
        &pages,
        &expect![[r#"
        more before: false
         1000 #1-4 4 x broker_registered broker 1
         1000 #5-5 1 x topic_created orders
        >61000 #6-6 1 x broker_fenced broker 1
         61000 #7-11 3 x isr_shrunk orders/0
         61000 #8-12 3 x leader_changed orders/0
        more after: true
        more before: true
         663000 #15-15 1 x leader_changed orders/2
         668000 #16-18 3 x isr_expanded orders/0
         668000 #19-19 1 x leader_changed orders/2
        more after: false
        more before: false
         1000 #3-3 1 x broker_registered broker 3
        >61000 #11-11 1 x isr_shrunk orders/2
         63000 #13-13 1 x isr_shrunk orders/0
         668000 #16-18 2 x isr_expanded orders/0
        more after: false
        more before: false
         61000 #7-11 3 x isr_shrunk orders/0
        >63000 #13-13 1 x isr_shrunk orders/0
        more after: false
        more before: false
        >61000 #7-7 1 x isr_shrunk orders/0
         61000 #9-9 1 x isr_shrunk orders/1
        more after: true
        more before: false
        >61000 #7-7 1 x isr_shrunk orders/0
         61000 #9-9 1 x isr_shrunk orders/1
         61000 #11-11 1 x isr_shrunk orders/2
        more after: false
        more before: false
        more after: false"#]],
    );
}

#[test]
fn all_rows_of_the_history_are_counted_and_not_those_of_a_page() {
    let mut story = outage();
    let filter = |it: EventFilter| EventScope { filter: Some(it), ..EventScope::default() };
    let shrinks =
        EventFilter { kinds: vec![EventKind::IsrShrunk.into()], ..EventFilter::default() };
    let of_three = EventFilter { brokers: vec![3], ..EventFilter::default() };
    let of_nobody = EventFilter { brokers: vec![77], ..EventFilter::default() };
    let of_run = |number| EventScope { run_of: Some(number), ..EventScope::default() };
    for (scope, rows) in [
        (EventScope::default(), 10),
        (filter(EventFilter::default()), 10),
        (filter(shrinks), 2),
        (filter(of_three), 4),
        (filter(of_nobody), 0),
        (of_run(9), 3),
        (of_run(999), 0),
    ] {
        let told = total(&Timeline::of(&story.image), &story.image, &scope);
        assert_eq!((told.rows, told.is_more), (rows, false), "{scope:?}");
        let all = EventScope { before: 100, after: 100, ..scope };
        let page = page(&Timeline::of(&story.image), &story.image, &all);
        assert_eq!(page.rows.len() as u64, rows, "the page with all of them has as many");
    }
    for _ in 0..10_001 {
        for (reason, isr) in [("slow", &[2][..]), ("caught up", &[1, 2, 3])] {
            let changed = story.partition(0, &[1, 2, 3], isr, Some(2));
            story.wait(2_000).commit(reason, vec![changed]);
        }
    }
    let timeline = Timeline::of(&story.image);
    let shrinks =
        EventFilter { kinds: vec![EventKind::IsrShrunk.into()], ..EventFilter::default() };
    let told = total(&timeline, &story.image, &filter(shrinks));
    assert_eq!((told.rows, told.is_more), (10_000, true), "a filter is not followed without end");
    let told = total(&timeline, &story.image, &EventScope::default());
    assert_eq!((told.rows, told.is_more), (10 + 20_002, false), "without one there is no bound");
}

#[test]
fn an_axis_counts_by_column_and_names_holes() {
    let mut story = outage();
    story.wait(10_000);
    let unled_since = Some(TimestampMs(story.now - 8_000));
    let led = MetadataRecord::ControllerChanged { broker: BrokerId(1), term: 7, unled_since };
    story.commit("elected", vec![led]);
    let timeline = Timeline::of(&story.image);
    let scope = AxisScope { from_at_ms: 0, until_at_ms: 700_000, columns: 7, filter: None };
    let told = axis(&timeline, &story.image, &scope);
    let shares = |it: &[kq_proto::monitor::v1::Share]| {
        it.iter().map(|it| format!("{} {}", it.of, it.count)).collect::<Vec<_>>().join(", ")
    };
    let mut lines = vec![
        format!("shrinks {:?} expands {:?}", told.shrinks, told.expands),
        format!("leaders {:?} fences {:?}", told.leaders, told.fences),
        format!("worst {:?} with {}", told.worst, told.worst_count),
        format!("brokers {}; topics {}", shares(&told.by_broker), shares(&told.by_topic)),
        format!("reasons {}", shares(&told.by_reason)),
    ];
    let hole = |it: &kq_proto::monitor::v1::Hole| {
        format!("{} to {}: {}", it.from_at_ms, it.until_at_ms, it.why)
    };
    lines.extend(told.holes.iter().map(hole));
    check(
        &lines,
        &expect![[r#"
        shrinks [4, 0, 0, 0, 0, 0, 0] expands [0, 0, 0, 0, 0, 0, 3]
        leaders [3, 0, 0, 0, 0, 0, 2] fences [1, 0, 0, 0, 0, 0, 0]
        worst Some(0) with 8
        brokers 1 10, 3 4, 2 2; topics orders 12
        reasons broker 1: session expired 7, proposed by the leader 4, broker 1 started 1, follower 3 is slow 1
        0 to 1000: the history begins at 1970-01-01T00:00:01.000Z
        670000 to 678000: no controller was known for 8 s, until 1970-01-01T00:11:18.000Z: what changed then was noted after it, or not at all"#]],
    );
    let of_three = EventFilter { brokers: vec![3], ..EventFilter::default() };
    let scope = AxisScope { filter: Some(of_three), ..scope };
    let told = axis(&timeline, &story.image, &scope);
    assert_eq!(told.shrinks.iter().sum::<u32>(), 2);
    assert_eq!(told.fences.iter().sum::<u32>(), 0);
}

#[test]
fn a_timeline_that_is_carried_on_is_the_one_made_anew() {
    let mut story = Story::new();
    let mut carried = Timeline::of(&story.image);
    for round in 0..40_u32 {
        story.wait(i64::from(round % 3) * 400);
        let isr: &[u32] = if round % 2 == 0 { &[1, 2] } else { &[1, 2, 3] };
        let shrink = story.partition(round % 3, &[1, 2, 3], isr, Some(1));
        story.commit("slow", vec![shrink]);
        carried.follow(&story.image);
    }
    let anew = Timeline::of(&story.image);
    let rows = |it: &Timeline| {
        (it.oldest()..=it.newest()).map(|at| it.row(at).copied()).collect::<Vec<_>>()
    };
    assert_eq!(rows(&carried), rows(&anew));
    let runs: std::collections::BTreeSet<u64> =
        rows(&anew).into_iter().flatten().map(|it| it.run).collect();
    assert_eq!((carried.runs(), anew.runs()), (runs.len() as u64, runs.len() as u64));
    assert_eq!(carried.troubles(), anew.troubles());
}

#[test]
fn a_full_history_is_looked_through_quickly() {
    let mut story = Story::new();
    for round in 0..u32::try_from(EVENTS_MAX / 200).unwrap() {
        story.wait(500);
        let names = (0..220).map(|at| MetadataRecord::ConfigChanged {
            resource: crate::metadata::ConfigResource::Topic(TopicId(Uuid::from_u128(1))),
            key: format!("k{at}"),
            value: Some(round.to_string()),
        });
        story.commit(&format!("reason {}", round % 50), names.collect());
    }
    assert_eq!(story.image.events().count(), EVENTS_MAX);
    // The oldest of them lie in the middle of a run.
    let timeline = Timeline::of(&story.image);
    let rows = (timeline.oldest()..=timeline.newest()).filter_map(|it| timeline.row(it));
    let runs: std::collections::BTreeSet<u64> = rows.map(|it| it.run).collect();
    assert_eq!(timeline.runs(), runs.len() as u64);
    let mut spans = Vec::new();
    let mut took = |what: &str, work: &mut dyn FnMut()| {
        let began = crate::env::instant();
        work();
        spans.push(format!("{what} {:?}", began.elapsed()));
    };
    let mut timeline = Timeline::default();
    took("index", &mut || timeline = Timeline::of(&story.image));
    let scope = AxisScope { from_at_ms: 0, until_at_ms: story.now, columns: 512, filter: None };
    took("axis", &mut || drop(axis(&timeline, &story.image, &scope)));
    let middle = EventScope {
        around_at_ms: Some(story.now / 2),
        before: 50,
        after: 50,
        ..EventScope::default()
    };
    took("page", &mut || assert_eq!(page(&timeline, &story.image, &middle).rows.len(), 100));
    let rare = EventFilter { brokers: vec![9], ..EventFilter::default() };
    let rare = EventScope { filter: Some(rare), ..middle };
    took("total", &mut || assert_eq!(total(&timeline, &story.image, &rare).rows, 0));
    took("nothing found", &mut || assert!(page(&timeline, &story.image, &rare).rows.is_empty()));
    let back = Seek { number: 1, at_ms: story.now / 2, step: Step::EventBack.into() };
    took("step", &mut || {
        assert!(seek(&timeline, &story.image, &back, TimestampMs(story.now)).landing.found);
    });
    // For who wants to know; a test does not judge it.
    assert_eq!(spans.len(), 6, "{spans:?}");
    assert!(std::env::var_os("KQ_SPANS").is_none(), "{spans:?}");
}
