//! What rests and what is out of sight, as whoever recorded saw it.

use std::path::Path;

use super::*;
use crate::facts::{Facts, PartitionId};
use crate::feed::record::Recorder;

const SECONDS: i64 = 130;
/// From this second on the third partition is out of sight.
const OTHER_WINDOW_AT: i64 = 20;

fn window(number: u64, partitions: &[u32]) -> FeedEvent {
    let key = |index: &u32| v1::PartitionKey { topic: "orders".to_owned(), partition: *index };
    let keys = partitions.iter().map(key).collect();
    let scope = v1::PartitionScope { all: false, keys };
    FeedEvent::Looked(Box::new(v1::Window {
        number,
        brokers: true,
        partitions: Some(scope),
        ..v1::Window::default()
    }))
}

/// The first partition takes seventy records a second. The second one rests: after it was told once it
/// is told no more. So does the third until it is out of sight, and then nobody knows.
fn told(second: i64) -> Vec<FeedEvent> {
    let at_ms = second * 1_000;
    let topic = || v1::TopicState {
        number: 1,
        name: "orders".to_owned(),
        leaders: vec![1; 3],
        leader_epochs: vec![1; 3],
        replica_counts: vec![1],
        replicas: vec![0; 3],
        in_sync: vec![1; 3],
        ..v1::TopicState::default()
    };
    let partitions: Vec<u32> = match second {
        0 => Vec::new(),
        1 => vec![0, 1, 2],
        _ => vec![0],
    };
    let zeros = vec![0; partitions.len()];
    let end = |index: &u32| if *index == 0 { 70 * second.unsigned_abs() } else { 9 };
    let counters = v1::PartitionCounters {
        topic: 1,
        at_ms,
        end_offsets: partitions.iter().map(end).collect(),
        partitions,
        start_offsets: zeros.clone(),
        high_watermarks: zeros.clone(),
        size_bytes: zeros,
        ..v1::PartitionCounters::default()
    };
    let frame = FeedEvent::Frame(Box::new(v1::WatchResponse {
        now_ms: at_ms,
        whole: second == 0,
        topics: (second == 0).then(topic).into_iter().collect(),
        partition_counters: vec![counters],
        ..v1::WatchResponse::default()
    }));
    let looked = match second {
        1 => Some(window(1, &[0, 1, 2])),
        OTHER_WINDOW_AT => Some(window(2, &[0, 1])),
        _ => None,
    };
    looked.into_iter().chain([frame]).collect()
}

/// Records a second into each partition, as a screen shows them.
fn rates(facts: &Facts) -> [Option<f64>; 3] {
    [0, 1, 2].map(|index| {
        let (_, partition) = facts.topics.partition(PartitionId { topic: 1, index })?;
        facts.records_in(partition).map(f64::round)
    })
}

fn learn(facts: &mut Facts, event: FeedEvent) {
    match event {
        FeedEvent::Frame(frame) => drop(facts.apply(*frame)),
        FeedEvent::Looked(window) => facts.look_through(&window),
        FeedEvent::Opening { .. }
        | FeedEvent::Open { .. }
        | FeedEvent::Lost { .. }
        | FeedEvent::Ended { .. } => {}
    }
}

fn recording(path: &Path, holds_windows: bool) -> Recording {
    let mut recorder = Recorder::create(path).unwrap();
    for second in 0..SECONDS {
        for event in told(second) {
            if holds_windows || matches!(event, FeedEvent::Frame(_)) {
                recorder.take(&event, second * 1_000).unwrap();
            }
        }
    }
    drop(recorder);
    Recording::open(path).unwrap()
}

#[test]
fn what_rests_and_what_is_out_of_sight_is_as_it_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let recording = recording(&dir.path().join("it.kqrec"), true);
    let mut live = Facts::default();
    for second in 0..SECONDS {
        for it in told(second) {
            learn(&mut live, it);
        }
        let mut then = Facts::blind();
        for it in Replay::told_at(&recording, second * 1_000) {
            learn(&mut then, it);
        }
        assert_eq!(rates(&then), rates(&live), "second {second}");
    }
    assert_eq!(rates(&live), [Some(70.0), Some(0.0), None]);
}

#[test]
fn a_recording_that_plays_tells_its_windows() {
    let dir = tempfile::tempdir().unwrap();
    let recording = recording(&dir.path().join("it.kqrec"), true);
    let mut replay = Replay::new(recording, "it".to_owned(), Clock::start());
    replay.asks().ask(FeedAsk::Speed(u32::MAX));
    let mut facts = Facts::blind();
    loop {
        match replay.next() {
            Some(FeedEvent::Ended { .. }) | None => break,
            Some(event) => learn(&mut facts, event),
        }
    }
    assert_eq!(rates(&facts), [Some(70.0), Some(0.0), None]);
}

#[test]
fn of_a_recording_without_windows_nobody_knows_what_rests() {
    let dir = tempfile::tempdir().unwrap();
    let recording = recording(&dir.path().join("it.kqrec"), false);
    let mut facts = Facts::blind();
    for it in Replay::told_at(&recording, 100_000) {
        learn(&mut facts, it);
    }
    assert_eq!(rates(&facts), [Some(70.0), None, None]);
}
