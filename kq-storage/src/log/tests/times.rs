//! Look-ups by time, held against a plain list of records.

use super::*;
use crate::TimedOffset;

/// Offsets, in order, and their timestamps.
fn log_with_times(bench: &Bench, times: &[&[i64]], compression: Compression) -> Log {
    let mut log = bench.create(LogConfig { segment_bytes: 300, ..small_segments() });
    for batch in times {
        let mut builder = BatchBuilder::new(compression);
        for time in *batch {
            builder = builder.record(TimestampMs(*time), None, Some(b"some value"));
        }
        log.append(builder.build().unwrap(), EPOCH, NOW).unwrap();
    }
    log
}

const TIMES: &[&[i64]] = &[
    &[100, 50, 70],
    &[60],
    &[200, 199],
    &[150, 201, 10],
    &[5],
    &[201],
    &[300, 250, 260],
    &[90, 91],
    &[300],
    &[280],
];

fn plain() -> Vec<(u64, i64)> {
    (0..).zip(TIMES.iter().flat_map(|batch| batch.iter().copied())).collect()
}

#[test]
fn the_first_record_not_earlier_is_found_exactly() {
    for compression in [Compression::None, Compression::Lz4] {
        let bench = Bench::new();
        let mut log = log_with_times(&bench, TIMES, compression);
        assert!(log.segment_count() > 2);
        for until in [Offset(0), Offset(6), log.log_end().offset()] {
            for time in 0..310 {
                let want = plain().into_iter().find(|(_, found)| *found >= time);
                let want = want.map(|(offset, _)| Offset(offset)).filter(|offset| *offset < until);
                let found = log.find_by_time(TimestampMs(time), until).unwrap();
                assert_eq!(found.map(|found| found.offset), want, "time {time} until {until}");
            }
        }
    }
}

#[test]
fn the_greatest_timestamp_is_found_with_its_first_record() {
    let bench = Bench::new();
    let mut log = log_with_times(&bench, TIMES, Compression::Zstd);
    for until in 1..=log.log_end().offset().0 {
        let below = plain().into_iter().take_while(|(offset, _)| *offset < until);
        // Batches are bounded as wholes: a bound inside of one is never asked for.
        let boundary = log.seek(log.segment_of(Offset(until)), Offset(until)).unwrap();
        if boundary.offset != Offset(until) {
            continue;
        }
        let max = below.clone().map(|(_, time)| time).max().unwrap();
        let want = below.clone().find(|(_, time)| *time == max).unwrap();
        let found = log.max_timestamp(Offset(until)).unwrap().unwrap();
        assert_eq!((found.offset.0, found.timestamp.0), want, "until {until}");
    }
}

#[test]
fn look_ups_by_time_survive_stops_and_lost_indexes() {
    let bench = Bench::new();
    let log = log_with_times(&bench, TIMES, Compression::None);
    log.close().unwrap();
    for entry in std::fs::read_dir(&bench.dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "timeindex" || ext == "index") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let (mut log, recovered) = bench.open(small_segments());
    assert_eq!(recovered, Recovered::default());
    let end = log.log_end().offset();
    let found = log.find_by_time(TimestampMs(201), end).unwrap();
    let want =
        TimedOffset { timestamp: TimestampMs(201), offset: Offset(7), leader_epoch: Some(EPOCH) };
    assert_eq!(found, Some(want));
    assert_eq!(log.max_timestamp(end).unwrap().unwrap().offset, Offset(11));
}

#[test]
fn records_below_the_log_start_are_not_found() {
    let bench = Bench::new();
    let mut log = log_with_times(&bench, TIMES, Compression::None);
    log.delete_records_before(Offset(8)).unwrap();
    let end = log.log_end().offset();
    assert_eq!(log.find_by_time(TimestampMs(0), end).unwrap().unwrap().offset, Offset(8));
    assert_eq!(log.find_by_time(TimestampMs(199), end).unwrap().unwrap().offset, Offset(10));
}

#[test]
fn log_append_time_counts_for_all_records_of_a_batch() {
    let bench = Bench::new();
    let config =
        LogConfig { timestamp_type: crate::TimestampType::LogAppendTime, ..LogConfig::default() };
    let mut log = bench.create(config);
    let appended = log.append(batch_at(TimestampMs(5), &["a", "b"]), EPOCH, NOW).unwrap();
    assert_eq!(appended.log_append_time, Some(NOW));
    let plan = log.read(Offset(0), Offset(2), 1 << 20, true).unwrap();
    let bytes = plan.copy_out().unwrap();
    let header = BatchHeader::parse_verified(&bytes).unwrap();
    assert!(header.attributes.is_log_append_time() && header.max_timestamp == Some(NOW));
    let found = log.find_by_time(NOW, Offset(2)).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (Offset(0), NOW));
}
