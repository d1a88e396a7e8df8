//! What a feed was asked to tell is recorded with what it tells.

use std::collections::VecDeque;

use kq_proto::monitor::v1;

use super::*;
use crate::feed::record::{Moment, Recording};

/// Tells what it is made of.
struct Told {
    frames: VecDeque<FeedEvent>,
    is_recording: bool,
}

impl Feed for Told {
    fn next(&mut self) -> Option<FeedEvent> {
        self.frames.pop_front()
    }

    fn asks(&self) -> Asks {
        Asks::new(drop)
    }

    fn tells_what_is_asked(&self) -> bool {
        !self.is_recording
    }
}

fn frame(now_ms: i64, window: u64) -> FeedEvent {
    let frame = v1::WatchResponse { now_ms, window, whole: now_ms == 0, ..Default::default() };
    FeedEvent::Frame(Box::new(frame))
}

/// The numbers of the windows that stand beside frames.
fn recorded(is_recording: bool) -> Vec<(i64, Option<u64>)> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.kqrec");
    let frames = [(0, 0), (1, 0), (2, 1), (3, 3), (4, 3)].map(|(at, window)| frame(at, window));
    let feed = Told { frames: frames.into(), is_recording };
    let recorder = Recorder::create(&path).unwrap();
    let mut tee = Tee::new(Box::new(feed), recorder, Clock::start(), Box::new(drop));
    for number in 1..=4 {
        let window = v1::Window { number, topics: true, ..v1::Window::default() };
        tee.asks().ask(FeedAsk::Window(Box::new(window)));
    }
    while tee.next().is_some() {}
    tee.tape().flush();
    let moments = Recording::open(&path).unwrap().moments(0).unwrap();
    let of = |it: &Moment| Some((it.clock_ms()?, it.window.as_ref().map(|it| it.number)));
    moments.iter().filter_map(of).collect()
}

#[test]
fn a_window_stands_beside_the_first_frame_that_takes_it_into_account() {
    assert_eq!(recorded(false), [(0, None), (1, None), (2, Some(1)), (3, Some(3)), (4, None)]);
}

#[test]
fn what_is_looked_at_of_a_recording_is_not_what_was_asked_for_then() {
    assert!(recorded(true).iter().all(|(_, window)| window.is_none()));
}
