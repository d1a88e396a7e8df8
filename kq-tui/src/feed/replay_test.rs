//! Playing and seeking in a small recording.

use std::path::Path;

use kq_proto::admin::v1::BrokerState;

use super::*;
use crate::facts::Facts;
use crate::feed::record::Recorder;

const BEGIN_MS: i64 = 1_000_000;
/// So far the clock of whoever recorded was behind the cluster's.
const BEHIND_MS: i64 = 600_000;

fn frame(state: Option<BrokerState>, now_ms: i64) -> FeedEvent {
    let broker =
        |state| v1::BrokerState { id: 3, state: i32::from(state), ..v1::BrokerState::default() };
    FeedEvent::Frame(Box::new(v1::WatchResponse {
        now_ms,
        whole: now_ms == BEGIN_MS,
        brokers: state.map(broker).into_iter().collect(),
        ..Default::default()
    }))
}

/// Five minutes: a broker is fenced at 1:40 and comes back at 3:20.
fn recording(path: &Path) -> Recording {
    let mut recorder = Recorder::create(path).unwrap();
    for second in 0..300 {
        let state = match second {
            0 | 200 => Some(BrokerState::Running),
            100 => Some(BrokerState::Fenced),
            _ => None,
        };
        let at_ms = BEGIN_MS + second * 1_000;
        recorder.take(&frame(state, at_ms), at_ms - BEHIND_MS).unwrap();
    }
    drop(recorder);
    Recording::open(path).unwrap()
}

fn replay(dir: &tempfile::TempDir) -> (Replay, Asks) {
    let recording = recording(&dir.path().join("it.kqrec"));
    let mut replay = Replay::new(recording, "it".to_owned(), Clock::start());
    assert_eq!(replay.next(), Some(FeedEvent::Open { to: "it".to_owned() }));
    let asks = replay.asks();
    asks.ask(FeedAsk::Speed(0));
    (replay, asks)
}

fn seek(number: u64, at_ms: i64, step: v1::Step) -> FeedAsk {
    FeedAsk::Seek(v1::Seek { number, at_ms, step: step.into() })
}

/// The next frame with where a seek landed, and what is known then.
fn landed(replay: &mut Replay) -> (v1::WatchResponse, Facts) {
    let mut facts = Facts::default();
    loop {
        match replay.next() {
            Some(FeedEvent::Frame(frame)) => {
                facts.apply((*frame).clone());
                if frame.landing.is_some() {
                    return (*frame, facts);
                }
            }
            Some(_) => {}
            None => unreachable!("somebody can ask"),
        }
    }
}

#[test]
fn a_seek_shows_what_was_known_then() {
    let dir = tempfile::tempdir().unwrap();
    let (mut replay, asks) = replay(&dir);
    for (second, state) in
        [(99, BrokerState::Running), (100, BrokerState::Fenced), (250, BrokerState::Running)]
    {
        let at_ms = BEGIN_MS + second * 1_000;
        asks.ask(seek(1, at_ms, v1::Step::Unspecified));
        let (frame, facts) = landed(&mut replay);
        assert_eq!(frame.landing.map(|it| (it.found, it.at_ms)), Some((true, at_ms)));
        assert_eq!(frame.now_ms, at_ms);
        assert_eq!(facts.brokers[&3].state(), state, "second {second}");
    }
}

#[test]
fn steps_go_to_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (mut replay, asks) = replay(&dir);
    let mut step = |from: i64, step: v1::Step| {
        asks.ask(seek(1, BEGIN_MS + from * 1_000, step));
        let landing = landed(&mut replay).0.landing.unwrap();
        landing.found.then_some((landing.at_ms - BEGIN_MS) / 1_000)
    };
    assert_eq!(step(0, v1::Step::EventOn), Some(100));
    assert_eq!(step(100, v1::Step::EventOn), Some(200));
    assert_eq!(step(299, v1::Step::TroubleBack), Some(100));
    assert_eq!(step(299, v1::Step::EventBack), Some(200));
    assert_eq!(step(200, v1::Step::EventBack), Some(100));
    assert_eq!(step(0, v1::Step::TroubleOn), Some(100));
    assert_eq!(step(100, v1::Step::TroubleOn), None);
    assert_eq!(step(100, v1::Step::TroubleBack), None);
}

#[test]
fn it_ends_once_and_can_be_sought_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut replay, asks) = replay(&dir);
    asks.ask(FeedAsk::Speed(u32::MAX));
    let mut seen = 0;
    while !matches!(replay.next(), Some(FeedEvent::Ended { .. })) {
        seen += 1;
    }
    assert!(seen >= 300, "{seen}");
    asks.ask(FeedAsk::Speed(0));
    asks.ask(seek(2, 0, v1::Step::Unspecified));
    assert_eq!(landed(&mut replay).0.now_ms, BEGIN_MS);
}

#[test]
fn live_is_the_end_of_a_recording() {
    let dir = tempfile::tempdir().unwrap();
    let (mut replay, asks) = replay(&dir);
    asks.ask(FeedAsk::Resume);
    let mut last_ms = 0;
    let why = loop {
        match replay.next() {
            Some(FeedEvent::Frame(frame)) => last_ms = frame.now_ms,
            Some(FeedEvent::Ended { why }) => break why,
            _ => unreachable!("it stands at its end, and says so"),
        }
    };
    assert_eq!((last_ms, why.as_str()), (BEGIN_MS + 299_000, "it: the recording ends here"));
}

#[test]
fn the_end_is_the_end_where_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.kqrec");
    let mut recorder = Recorder::create(&path).unwrap();
    for second in 0..200 {
        // After a minute and a half the cluster's clock is set back by an hour.
        let off_ms = if second < 90 { 0 } else { -3_600_000 };
        let state = (second == 0).then_some(BrokerState::Running);
        let at_ms = BEGIN_MS + second * 1_000;
        recorder.take(&frame(state, at_ms + off_ms), at_ms).unwrap();
    }
    drop(recorder);
    let recording = Recording::open(&path).unwrap();
    let mut replay = Replay::new(recording, "it".to_owned(), Clock::start());
    let asks = replay.asks();
    asks.ask(FeedAsk::Speed(0));
    asks.ask(FeedAsk::Resume);
    let mut last_ms = 0;
    loop {
        match replay.next() {
            Some(FeedEvent::Frame(frame)) => last_ms = frame.now_ms,
            Some(FeedEvent::Ended { .. }) => break,
            _ => {}
        }
    }
    let end_ms = BEGIN_MS + 199_000 - 3_600_000;
    assert_eq!(last_ms, end_ms);
    asks.ask(seek(1, i64::MAX, v1::Step::Unspecified));
    assert_eq!(landed(&mut replay).0.landing.map(|it| it.at_ms), Some(end_ms));
}

#[test]
fn beyond_either_end_a_seek_lands_there_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (mut replay, asks) = replay(&dir);
    let mut land = |at_ms| {
        asks.ask(seek(1, at_ms, v1::Step::Unspecified));
        let landing = landed(&mut replay).0.landing.unwrap();
        (landing.at_ms, landing.words)
    };
    let end_ms = BEGIN_MS + 299_000;
    assert_eq!(land(i64::MAX), (end_ms, "the recording ends here".to_owned()));
    assert_eq!(land(0), (BEGIN_MS, "the recording begins here".to_owned()));
    assert_eq!(land(end_ms), (end_ms, String::new()));
}

#[test]
fn a_moment_that_was_gone_to_has_its_rates() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.kqrec");
    let mut recorder = Recorder::create(&path).unwrap();
    let counted = |second: i64| v1::WatchResponse {
        now_ms: second * 1_000,
        whole: second == 0,
        brokers: (second == 0)
            .then(|| v1::BrokerState { id: 3, ..Default::default() })
            .into_iter()
            .collect(),
        broker_counters: vec![v1::BrokerCounters {
            broker: 3,
            at_ms: second * 1_000,
            bytes_in: 70 * u64::try_from(second).unwrap(),
            ..Default::default()
        }],
        ..Default::default()
    };
    for second in 0..130 {
        recorder.take(&FeedEvent::Frame(Box::new(counted(second))), second * 1_000).unwrap();
    }
    drop(recorder);
    let recording = Recording::open(&path).unwrap();
    // Also right behind a key, which is at 1:00.
    for second in [2, 59, 60, 61, 100, 129] {
        let mut facts = Facts::default();
        for told in Replay::told_at(&recording, second * 1_000) {
            if let FeedEvent::Frame(frame) = told {
                facts.apply(*frame);
            }
        }
        let rate = facts.brokers[&3].counters.unwrap().bytes_in;
        let rate = rate.at(facts.counted_at_ms.unwrap()).unwrap();
        assert!((rate - 70.0).abs() < 1e-9, "second {second}: {rate}");
        assert_eq!(facts.now_ms, Some(second * 1_000));
    }
}
