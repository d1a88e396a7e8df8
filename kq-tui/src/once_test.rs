//! One frame of a recording: the same each time, by whichever way it was reached, and of a file that
//! was cut as well.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser as _;
use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::*;
use crate::feed::record::Recorder;
use crate::model::{Settings, Source};

/// 2026-11-21T12:00:00Z.
const BEGIN_MS: i64 = 1_795_262_400_000;
const SECONDS: i64 = 75;

fn once(line: &str) -> Result<Once, Failure> {
    let line = format!("kq-tui --once --replay it.kqrec --utc {line}");
    let args = Args::try_parse_from(line.split_whitespace()).unwrap();
    let settings = Settings {
        context: "it.kqrec".to_owned(),
        source: Source::Recording,
        read_only: true,
        ascii: true,
        utc: true,
        ..Settings::default()
    };
    Once::new(Monitor::new(settings), &args, None)
}

fn broker(id: u32, state: admin::BrokerState) -> v1::BrokerState {
    let host = format!("kq{id}");
    v1::BrokerState { id, host, port: 9092, state: state.into(), ..Default::default() }
}

fn counters(second: i64) -> v1::WatchResponse {
    let steps = u64::try_from(second).unwrap();
    let at_ms = BEGIN_MS + second * 1_000;
    let broker = |broker: u32| v1::BrokerCounters {
        broker,
        at_ms,
        started_at_ms: 1,
        bytes_in: steps * steps * 40_000 * u64::from(broker),
        ..Default::default()
    };
    let partitions = v1::PartitionCounters {
        topic: 1,
        at_ms,
        partitions: vec![0, 1],
        start_offsets: vec![0, 0],
        high_watermarks: vec![steps * 70, steps * 90],
        end_offsets: vec![steps * 70, steps * 90],
        size_bytes: vec![steps * 7_000, steps * 9_000],
        behind: Vec::new(),
    };
    v1::WatchResponse {
        now_ms: at_ms,
        broker_counters: (1..=3).map(broker).collect(),
        partition_counters: vec![partitions],
        ..Default::default()
    }
}

/// Three brokers, of which one is fenced for a while; a group that falls behind.
fn told(second: i64) -> v1::WatchResponse {
    use admin::BrokerState::{Fenced, Running};
    let group = admin::GroupSummary {
        group: "billing".to_owned(),
        lag: Some(admin::LagSummary {
            lag: u64::try_from(second).unwrap() * 100,
            class: admin::LagClass::Lagging.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let partition = |in_sync| v1::PartitionState {
        topic: 1,
        partition: 1,
        leader: Some(2),
        replicas: vec![2, 3, 1],
        in_sync,
        changed_at_ms: Some(BEGIN_MS + second * 1_000),
        ..Default::default()
    };
    let frame = v1::WatchResponse { groups: vec![group], ..counters(second) };
    match second {
        0 => v1::WatchResponse {
            whole: true,
            brokers: (1..=3).map(|id| broker(id, Running)).collect(),
            topics: vec![v1::TopicState {
                number: 1,
                name: "orders".to_owned(),
                min_insync_replicas: 2,
                leaders: vec![2, 3],
                replica_counts: vec![3],
                replicas: vec![1, 2, 3, 2, 3, 1],
                in_sync: vec![0b111; 2],
                ..Default::default()
            }],
            ..frame
        },
        20 => v1::WatchResponse {
            brokers: vec![broker(3, Fenced)],
            partitions: vec![partition(0b101)],
            ..frame
        },
        // Right where a key is due: what happens then is told as it was.
        60 => v1::WatchResponse {
            brokers: vec![broker(3, Running)],
            partitions: vec![partition(0b111)],
            ..frame
        },
        _ => frame,
    }
}

fn record(path: &Path) -> Recording {
    let mut recorder = Recorder::create(path).unwrap();
    for second in 0..SECONDS {
        let frame = FeedEvent::Frame(Box::new(told(second)));
        recorder.take(&frame, BEGIN_MS + second * 1_000).unwrap();
    }
    drop(recorder);
    Recording::open(path).unwrap()
}

fn printed(recording: &Recording, screen: &str, second: i64) -> String {
    let (minute, second) = (second / 60, second % 60);
    let line = format!("--screen {screen} --at 2026-11-21T12:{minute:02}:{second:02}Z");
    once(&line).and_then(|it| it.of_recording(recording)).map_err(|it| it.message).unwrap()
}

/// The same by a recording that plays, and is gone to that moment in.
fn sought(replay: &mut dyn Feed, once: &mut Once, second: i64) -> String {
    let asks = replay.asks();
    let at_ms = BEGIN_MS + second * 1_000;
    asks.ask(FeedAsk::Seek(v1::Seek { number: 1, at_ms, ..Default::default() }));
    loop {
        let event = replay.next().unwrap();
        let has_landed = matches!(&event, FeedEvent::Frame(frame) if frame.landing.is_some());
        once.tell(Event::Feed(event), &Asks::new(drop));
        if has_landed {
            return once.finish(&Asks::new(drop));
        }
    }
}

#[test]
fn each_second_of_a_recording_is_printed_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let recording = record(&dir.path().join("it.kqrec"));
    let again = Recording::open(&dir.path().join("it.kqrec")).unwrap();
    let mut replay = Replay::new(again, "it.kqrec".to_owned(), Clock::start());
    replay.asks().ask(FeedAsk::Speed(0));
    for screen in ["overview", "brokers", "partitions", "groups"] {
        let mut other = once(&format!("--screen {screen}")).unwrap();
        // Backwards and forwards: where it comes from makes no difference.
        let each = if screen == "partitions" { 1 } else { 9 };
        let seconds = (0..SECONDS).rev().step_by(7).chain((0..SECONDS).step_by(each));
        for second in seconds {
            let text = printed(&recording, screen, second);
            assert_eq!(text, printed(&recording, screen, second), "{screen} at {second} again");
            let sought = sought(&mut replay, &mut other, second);
            assert_eq!(text, sought, "{screen} at {second} by a seek");
        }
    }
    let at = |second| printed(&recording, "brokers", second);
    assert!(!at(19).contains("FENCED") && at(20).contains("FENCED") && at(59).contains("FENCED"));
    assert!(!at(60).contains("FENCED"), "{}", at(60));
}

#[test]
fn a_recording_that_was_cut_is_printed_up_to_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (path, cut) = (dir.path().join("it.kqrec"), dir.path().join("cut.kqrec"));
    let whole = record(&path);
    let bytes = std::fs::read(&path).unwrap();
    let (mut lengths, mut ends) = (BTreeSet::new(), BTreeSet::new());
    for length in 0..bytes.len() {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let recording = Recording::open(&cut).unwrap();
        if !lengths.insert(recording.len()) {
            // The same blocks are the same recording.
            continue;
        }
        let Some((_, last_ms)) = recording.span_ms() else {
            let none = once("").unwrap().of_recording(&recording);
            assert_eq!(none.unwrap_err().message, "nothing was recorded", "cut at {length}");
            continue;
        };
        if ends.insert(last_ms) {
            let end = once("--screen partitions").unwrap().of_recording(&recording);
            let second = (last_ms - BEGIN_MS) / 1_000;
            let want = printed(&whole, "partitions", second);
            assert_eq!(end.map_err(|it| it.message), Ok(want), "cut at {length}");
        }
    }
    assert!(ends.len() > 20, "{ends:?}");
}

#[test]
fn what_is_no_moment_is_refused_before_anything_is_reached() {
    for text in ["soon", "-5x", "25:01", "12:01:", "trouble after soon"] {
        let args = ["kq-tui", "--once", "--at", text];
        let args = Args::try_parse_from(args).unwrap();
        let refused = Once::new(Monitor::new(Settings::default()), &args, None).err().unwrap();
        assert_eq!(refused.exit, Exit::Usage, "{text}");
        assert!(refused.message.starts_with("--at: '"), "{}", refused.message);
        assert!(refused.message.contains("accepted: -10m"), "{}", refused.message);
    }
}

#[test]
fn moments_of_a_recording_are_counted_from_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let recording = record(&dir.path().join("it.kqrec"));
    let of = |line: &str| once(line).and_then(|it| it.of_recording(&recording));
    let text = |line: &str| of(line).map_err(|it| it.message).unwrap();
    let base = "--screen brokers";
    let printed = |second| printed(&recording, "brokers", second);
    assert_eq!(text(&format!("{base} --at -10s")), printed(64));
    assert_eq!(text(base), printed(74));
    assert_eq!(text(&format!("{base} --at live")), printed(74));
    let args = ["kq-tui", "--once", "--replay", "it", "--utc", "--screen", "brokers", "--at"];
    let args = args.into_iter().chain(["trouble"]);
    let mut trouble = once(base).unwrap();
    trouble.at = Args::try_parse_from(args).unwrap().at;
    assert_eq!(trouble.of_recording(&recording).map_err(|it| it.message), Ok(printed(20)));
    let before = of(&format!("{base} --at 11:59")).unwrap_err();
    assert_eq!(before.exit, Exit::NotFound);
    assert!(before.message.contains("accepted: 2026-11-21 12:00:00Z to"), "{}", before.message);
}

#[test]
fn screens_about_one_thing_are_printed_of_it() {
    let printed = |line: &str| {
        let made = crate::feed::Made { seed: 7, partitions: 0 };
        let line = format!("kq-tui --once --demo 7 --size 120x40 --utc {line}");
        let args = Args::try_parse_from(line.split_whitespace()).unwrap();
        let settings = Settings { ascii: true, utc: true, ..Settings::default() };
        let once = Once::new(Monitor::new(settings), &args, None)?;
        once.of_script(Script::new(made))
    };
    let groups = printed("--screen groups").unwrap();
    let group = groups.lines().nth(4).unwrap().split_whitespace().nth(1).unwrap();
    let members = printed(&format!("--screen members --of {group}")).unwrap();
    assert!(members.contains(&format!("> group > {group}")), "{members}");
    assert!(members.contains("LAST HOUR") && !members.contains("none is told"), "{members}");
    let Err(failure) = printed("--screen members") else { panic!("of which group?") };
    assert_eq!(failure.exit, Exit::Usage);
    let configs = printed("--screen configs --of orders").unwrap();
    assert!(configs.contains("> orders > configs"), "{configs}");
    assert!(printed("--screen configs --of b1").unwrap().contains("> b1 > configs"));
    for (line, exit, why) in [
        ("--screen members --of nobody", Exit::NotFound, "--of: group 'nobody' does not exist"),
        ("--screen configs --of nothing", Exit::NotFound, "--of: topic 'nothing' does not exist"),
        ("--screen configs --of b99", Exit::NotFound, "--of: no broker with id 99 is registered"),
        ("--screen tail --of nothing", Exit::NotFound, "--of: topic 'nothing' does not exist"),
        (
            "--screen tail --of orders/99999",
            Exit::NotFound,
            "--of: partition orders/99999 does not exist",
        ),
        (
            "--screen groups --of nobody",
            Exit::Usage,
            "--of: --screen groups is of all there is, and takes no name",
        ),
    ] {
        let Err(failure) = printed(line) else { panic!("{line} prints something") };
        assert_eq!((failure.exit, failure.message.as_str()), (exit, why));
        assert!(failure.hint.contains("kq-tui --once --screen"), "{}", failure.hint);
    }
}

#[test]
fn the_newest_records_are_one_frame_once_they_are_read() {
    let line = "kq-tui --once --screen tail --of orders/1 --utc";
    let args = Args::try_parse_from(line.split_whitespace()).unwrap();
    let settings = Settings { ascii: true, utc: true, ..Settings::default() };
    let mut once = Once::new(Monitor::new(settings), &args, None).unwrap();
    let take = |once: &mut Once, event| {
        let effects = once.monitor.update(event);
        effects
            .iter()
            .find_map(|it| if let Effect::Call { id, .. } = it { Some(*id) } else { None })
    };
    take(&mut once, Event::Feed(FeedEvent::Open { to: "kq1:9092".to_owned() }));
    let frame = FeedEvent::Frame(Box::new(told(0)));
    take(&mut once, Event::Feed(frame));
    let ends = take(&mut once, Event::Tick { uptime_ms: 1 }).unwrap_or(1);
    assert!(!subject::is_read(&once.monitor.state), "nobody told where it ends");
    let at = |offset| admin::PartitionOffset {
        topic: "orders".to_owned(),
        partition: 1,
        offset: Some(offset),
        ..Default::default()
    };
    let told = admin::ListOffsetsResponse { offsets: vec![at(3), at(0)], errors: Vec::new() };
    let answer = Answer::ListOffsets(told);
    let fetch = take(&mut once, Event::Answer(ends, Box::new(answer))).unwrap();
    assert!(!subject::is_read(&once.monitor.state), "nothing is read yet");
    let record = |offset: u64| admin::Record {
        topic: "orders".to_owned(),
        partition: 1,
        offset,
        value: Some(format!("value {offset}").into()),
        ..Default::default()
    };
    let read = |offsets: std::ops::Range<u64>| {
        let records = offsets.map(record).collect();
        Box::new(Answer::Fetch(admin::FetchResponse { records, ..Default::default() }))
    };
    take(&mut once, Event::Answer(fetch, read(0..2)));
    assert!(!subject::is_read(&once.monitor.state), "one is to come");
    take(&mut once, Event::Answer(fetch, read(2..3)));
    assert!(subject::is_read(&once.monitor.state));
    let text = once.finished(&Asks::new(drop)).map_err(|it| it.message).unwrap();
    for value in ["value 0", "value 1", "value 2"] {
        assert!(text.contains(value), "{text}");
    }
}
