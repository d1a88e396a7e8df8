//! Playing and seeking in a small recording.

use std::path::Path;

use kq_proto::admin::v1::BrokerState;

use super::*;
use crate::feed::record::Recorder;

const BEGIN_MS: i64 = 1_000_000;

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
        recorder.take(&frame(state, at_ms), at_ms).unwrap();
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

/// The next frame with where a seek landed.
fn landed(replay: &mut Replay) -> v1::WatchResponse {
    loop {
        match replay.next() {
            Some(FeedEvent::Frame(frame)) if frame.landing.is_some() => return *frame,
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
        let frame = landed(&mut replay);
        assert_eq!(frame.landing.map(|it| (it.found, it.at_ms)), Some((true, at_ms)));
        assert_eq!((frame.whole, frame.now_ms), (true, at_ms));
        assert_eq!(frame.brokers[0].state(), state, "second {second}");
    }
}

#[test]
fn steps_go_to_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (mut replay, asks) = replay(&dir);
    let mut step = |from: i64, step: v1::Step| {
        asks.ask(seek(1, BEGIN_MS + from * 1_000, step));
        let landing = landed(&mut replay).landing.unwrap();
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
    assert_eq!(landed(&mut replay).now_ms, BEGIN_MS);
}
