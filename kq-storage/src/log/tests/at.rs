//! Look-ups by offset, held against a plain list of records.

use super::*;
use crate::batch::Attributes;
use crate::{Precision, RecordAt};

/// What a reader is given: offsets and times.
type Plain = Vec<(u64, i64)>;

const CODECS: [Compression; 4] =
    [Compression::None, Compression::Lz4, Compression::Zstd, Compression::Gzip];

fn compacted() -> LogConfig {
    LogConfig { compact: true, ..small_segments() }
}

/// A batch of these offset deltas and times, as compaction leaves it: its span stays `span`.
fn with_gaps(base: u64, span: u32, kept: &[(u8, i8)]) -> Vec<u8> {
    let first = TimestampMs(1_000 + i64::try_from(base).unwrap());
    let mut bytes = BatchBuilder::new(Compression::None).record(first, None, None).build().unwrap();
    bytes.truncate(crate::batch::HEADER_BYTES);
    let mut bytes = bytes.to_vec();
    for (delta, time) in kept {
        // Length, attributes, time delta, offset delta, no key, no value, no headers.
        bytes.extend_from_slice(&[12, 0, (time << 1).cast_unsigned(), delta << 1, 1, 1, 0]);
    }
    let length = i32::try_from(bytes.len() - 12).unwrap();
    bytes[..8].copy_from_slice(&base.to_be_bytes());
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[12..16].copy_from_slice(&EPOCH.0.to_be_bytes());
    bytes[23..27].copy_from_slice(&span.to_be_bytes());
    bytes[57..61].copy_from_slice(&u32::try_from(kept.len()).unwrap().to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// Every look-up from every offset up to some bounds, against the list.
fn verify(log: &mut Log, plain: &Plain) {
    let end = log.log_end().offset().0;
    let beyond = end + 2;
    for until in [0, end / 3, end.saturating_sub(1), end] {
        for from in 0..beyond {
            let want = plain.iter().find(|(offset, _)| (from..until).contains(offset));
            let want = want.map(|(offset, time)| RecordAt {
                offset: Offset(*offset),
                timestamp: Some(TimestampMs(*time)),
            });
            let found = log.find_at(Offset(from), Offset(until), Precision::Record).unwrap();
            assert_eq!(found, want, "from {from} until {until}");
        }
    }
}

/// Batches of every codec with falling and rising times.
fn mixed(log: &mut Log, batches: u64) -> Plain {
    let mut plain = Plain::new();
    for nth in 0..batches {
        let codec = CODECS[usize::try_from(nth).unwrap() % CODECS.len()];
        let mut builder = BatchBuilder::new(codec);
        for record in 0..=nth % 4 {
            let time = i64::try_from(1_000 + (nth * 37 + record * 91) % 100).unwrap();
            builder = builder.record(TimestampMs(time), Some(b"k"), Some(b"some value"));
            plain.push((u64::try_from(plain.len()).unwrap(), time));
        }
        log.append(builder.build().unwrap(), EPOCH, NOW).unwrap();
    }
    plain
}

#[test]
fn the_record_at_each_offset_is_found_exactly() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    let plain = mixed(&mut log, 30);
    assert!(log.segment_count() > 5);
    verify(&mut log, &plain);
    log.delete_records_before(Offset(17)).unwrap();
    verify(&mut log, &plain[17..].to_vec());
    let end = log.truncate_to(Offset(40)).unwrap().offset().0;
    verify(&mut log, &plain[17..usize::try_from(end).unwrap()].to_vec());
}

#[test]
fn look_ups_by_offset_survive_stops_and_lost_indexes() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    let plain = mixed(&mut log, 20);
    log.close().unwrap();
    for entry in std::fs::read_dir(&bench.dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "timeindex" || ext == "index") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let (mut log, _) = bench.open(small_segments());
    verify(&mut log, &plain);
}

#[test]
fn gaps_and_control_records_are_passed_over() {
    let bench = Bench::new();
    let mut log = bench.create(compacted());
    // 0 _ 2 _ _ | all of 5..=9 is gone, its batch stays | a batch of 10.. whose first are gone |
    // a control record at 24 | and the last gap reaches the end.
    for bytes in [
        with_gaps(0, 4, &[(0, 0), (2, 7)]),
        with_gaps(5, 4, &[]),
        with_gaps(10, 13, &[(11, 3), (12, 9)]),
    ] {
        log.append_replicated(Bytes::from(bytes), NOW).unwrap();
    }
    let marker = BatchBuilder::new(Compression::None)
        .attributes(Attributes::CONTROL)
        .record(TimestampMs(5), Some(&[0, 0, 0, 1]), Some(b""))
        .build()
        .unwrap();
    let mut marker = marker.to_vec();
    marker[..8].copy_from_slice(&24_u64.to_be_bytes());
    marker[12..16].copy_from_slice(&EPOCH.0.to_be_bytes());
    log.append_replicated(Bytes::from(marker), NOW).unwrap();
    log.append_replicated(Bytes::from(with_gaps(25, 4, &[(0, 1)])), NOW).unwrap();
    verify(&mut log, &vec![(0, 1_000), (2, 1_007), (21, 1_013), (22, 1_019), (25, 1_026)]);
}

#[test]
fn a_header_tells_the_batch_of_an_offset_and_its_first_time() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    let plain = mixed(&mut log, 30);
    let end = log.log_end().offset();
    for (offset, _) in &plain {
        let found = log.find_at(Offset(*offset), end, Precision::Header).unwrap().unwrap();
        assert_eq!(found.offset, Offset(*offset), "nothing was taken out");
        let at = log.segment_of(Offset(*offset));
        let first = log.seek(at, Offset(*offset)).unwrap().offset.0;
        let of_batch = plain.iter().rfind(|it| it.0 <= *offset && it.0 <= first).unwrap();
        assert_eq!(found.timestamp, Some(TimestampMs(of_batch.1)), "offset {offset}");
    }
}

#[test]
fn a_stamped_batch_has_one_time_for_all() {
    let bench = Bench::new();
    let timestamp_type = crate::TimestampType::LogAppendTime;
    let mut log = bench.create(LogConfig { timestamp_type, ..LogConfig::default() });
    log.append(batch_at(TimestampMs(5), &["a", "b"]), EPOCH, NOW).unwrap();
    for precision in [Precision::Header, Precision::Record] {
        let found = log.find_at(Offset(1), Offset(2), precision).unwrap();
        assert_eq!(found, Some(RecordAt { offset: Offset(1), timestamp: Some(NOW) }));
    }
}

#[test]
fn a_time_leads_back_to_no_later_record() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    let plain = mixed(&mut log, 30);
    let end = log.log_end().offset();
    for (offset, _) in plain {
        let found = log.find_at(Offset(offset), end, Precision::Record).unwrap().unwrap();
        let back = log.find_by_time(found.timestamp.unwrap(), end).unwrap().unwrap();
        assert!(back.offset <= Offset(offset));
    }
}
