//! What was recorded is read back, and a cut file up to the cut.

use std::path::Path;

use kq_proto::monitor::v1;

use super::*;
use crate::facts::Facts;

fn frame(nth: u32, whole: bool) -> FeedEvent {
    let broker = v1::BrokerState { id: nth, host: format!("kq{nth}"), ..Default::default() };
    FeedEvent::Frame(Box::new(v1::WatchResponse {
        now_ms: i64::from(nth) * 1_000,
        whole,
        brokers: vec![broker],
        ..Default::default()
    }))
}

/// Ninety seconds: 40 frames, a loss and a return.
fn record(path: &Path) {
    let mut recorder = Recorder::create(path).unwrap();
    let mut at_ms = 10_000;
    recorder.take(&FeedEvent::Open { to: "kq1:9092".to_owned() }, at_ms).unwrap();
    for nth in 0..40 {
        recorder.take(&frame(nth, nth == 0 || nth == 30), at_ms).unwrap();
        at_ms += 2_300;
        if nth == 29 {
            recorder.take(&FeedEvent::Lost { why: "gone".to_owned() }, at_ms).unwrap();
        }
    }
}

fn all(recording: &Recording) -> Vec<Moment> {
    (0..recording.len()).map_while(|nth| recording.moments(nth)).flatten().collect()
}

/// What is known after these.
fn known(moments: &[Moment]) -> Facts {
    let mut facts = Facts::default();
    for moment in moments {
        for told in moment.clone().news(facts.now_ms.is_some()) {
            if let FeedEvent::Frame(frame) = told {
                facts.apply(*frame);
            }
        }
    }
    facts
}

#[test]
fn what_was_recorded_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.kqrec");
    record(&path);
    assert!(Recorder::create(&path).is_err(), "nothing is written over");
    let recording = Recording::open(&path).unwrap();
    let moments = all(&recording);
    let told: Vec<&Moment> = moments.iter().filter(|it| !it.is_key).collect();
    assert_eq!(told.len(), 42);
    for (nth, it) in told.iter().filter_map(|it| it.clock_ms().map(|at| (at, it))) {
        let sent = frame(u32::try_from(nth / 1_000).unwrap(), nth == 0 || nth == 30_000);
        assert_eq!(it.told, Told::of(&sent), "what was told is there as it was told");
    }
    assert_eq!(moments.len(), 43, "and a key after a minute");
    assert_eq!(recording.span_ms(), Some((0, 39_000)));
    assert_eq!(recording.begin_ms().zip(recording.end_ms()), Some((10_000, 10_000 + 39 * 2_300)));
    assert_eq!(known(&moments).brokers.len(), 10, "the second whole frame began anew");
    let lost = moments.iter().filter(|it| matches!(it.told, Some(Told::Lost(_)))).count();
    assert_eq!(lost, 1);
}

#[test]
fn a_key_holds_all_that_was_known_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.kqrec");
    record(&path);
    let recording = Recording::open(&path).unwrap();
    let moments = all(&recording);
    // The 28th frame came after a minute: a key that no broker sent.
    let at_ms = 10_000 + 28 * 2_300;
    let from = recording.key_before(28_000);
    assert!(from > 0);
    let after: Vec<Moment> =
        (from..recording.len()).filter_map(|nth| recording.moments(nth)).flatten().collect();
    let until = |moments: &[Moment]| {
        let until = moments.iter().filter(|it| it.at_ms <= at_ms).cloned();
        known(&until.collect::<Vec<_>>())
    };
    assert_eq!(until(&after).brokers, until(&moments).brokers);
    assert_eq!(until(&after).brokers.len(), 29);
}

#[test]
fn a_file_cut_anywhere_opens_up_to_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (path, cut) = (dir.path().join("it.kqrec"), dir.path().join("cut.kqrec"));
    record(&path);
    let bytes = std::fs::read(&path).unwrap();
    let whole = all(&Recording::open(&path).unwrap());
    let mut longest = 0;
    for length in 0..bytes.len() {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let moments = all(&Recording::open(&cut).unwrap());
        assert!(whole.starts_with(&moments), "cut at {length}");
        assert!(moments.len() >= longest, "cut at {length}");
        longest = moments.len();
    }
    assert_eq!(longest, whole.len() - 2, "only the last block was missing last");
}

#[test]
fn a_damaged_byte_ends_the_recording_there() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bad) = (dir.path().join("it.kqrec"), dir.path().join("bad.kqrec"));
    record(&path);
    let bytes = std::fs::read(&path).unwrap();
    let whole = all(&Recording::open(&path).unwrap());
    for at in HEADER_BYTES..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&bad, &bytes).unwrap();
        let moments = all(&Recording::open(&bad).unwrap());
        assert!(moments.len() < whole.len() && whole.starts_with(&moments), "byte {at}");
    }
}

#[test]
fn what_is_no_recording_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other");
    std::fs::write(&path, "hello").unwrap();
    assert!(matches!(Recording::open(&path), Err(RecordingError::Foreign)));
    std::fs::write(&path, b"KQTUIREC\x09\0\0\0\0\0\0\0").unwrap();
    assert!(matches!(Recording::open(&path), Err(RecordingError::Version(9))));
}

#[test]
fn a_clock_that_is_set_back_stands_until_it_has_caught_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.kqrec");
    let mut recorder = Recorder::create(&path).unwrap();
    for (nth, at_ms) in [(0, 50_000), (1, 60_000), (2, 1_000), (3, 61_000)] {
        recorder.take(&frame(nth, nth == 0), at_ms).unwrap();
    }
    drop(recorder);
    let recording = Recording::open(&path).unwrap();
    let at: Vec<i64> = all(&recording).iter().map(|it| it.at_ms).collect();
    assert_eq!(at, [50_000, 60_000, 60_000, 61_000]);
    assert_eq!(recording.span_ms(), Some((0, 3_000)));
}
