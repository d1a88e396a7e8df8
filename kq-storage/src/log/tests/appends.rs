//! What the log refuses to append, and what it changes in what it takes.

use super::*;
use crate::batch::{Attributes, Codec, HEADER_BYTES};
use crate::config::TimestampType;

fn refused(config: LogConfig, bytes: impl AsRef<[u8]>) -> String {
    let bench = Bench::new();
    let mut log = bench.create(config);
    let err = log.append(BytesMut::from(bytes.as_ref()), EPOCH, NOW).unwrap_err();
    assert_eq!(log.log_end().offset(), Offset(0), "nothing is appended");
    assert_eq!(log.size_bytes(), 0);
    append(&mut log, &["good"]);
    err.to_string()
}

/// A good batch with some bytes overwritten, and its CRC right again.
fn patched(at: usize, field: &[u8]) -> BytesMut {
    let mut bytes = batch(&["a", "b"]);
    bytes[at..at + field.len()].copy_from_slice(field);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}

#[test]
fn damaged_batches_are_refused_by_what_is_wrong() {
    let good = batch(&["a", "b"]);
    let mut flipped = good.clone();
    flipped[70] ^= 1;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "no record batch was sent"),
        (good[..40].to_vec(), "batch of 61 bytes is cut after 40"),
        (good[..good.len() - 1].to_vec(), "is cut after"),
        ([&good[..], &good[..]].concat(), "one record batch is accepted at a time"),
        (flipped.to_vec(), "crc is"),
        (patched(16, &[1]).to_vec(), "record format version 1 is not supported"),
        (patched(16, &[0]).to_vec(), "record format version 0 is not supported"),
        (patched(8, &10_i32.to_be_bytes()).to_vec(), "batch length 10 is less"),
        (patched(8, &(-1_i32).to_be_bytes()).to_vec(), "batch length -1 is less"),
        (patched(8, &i32::MAX.to_be_bytes()).to_vec(), "larger than max.message.bytes"),
        (patched(0, &5_i64.to_be_bytes()).to_vec(), "base offset is 5"),
        (patched(0, &(-5_i64).to_be_bytes()).to_vec(), "base offset is -5"),
        (patched(21, &5_u16.to_be_bytes()).to_vec(), "compression codec 5 is unknown"),
        (patched(21, &Attributes::CONTROL.to_be_bytes()).to_vec(), "control records"),
        (patched(21, &Attributes::TRANSACTIONAL.to_be_bytes()).to_vec(), "transactional"),
        (patched(21, &Attributes::LOG_APPEND_TIME.to_be_bytes()).to_vec(), "timestamp type"),
        (patched(21, &Attributes::DELETE_HORIZON.to_be_bytes()).to_vec(), "delete horizon"),
        (patched(57, &0_i32.to_be_bytes()).to_vec(), "holds no records"),
        (patched(57, &3_i32.to_be_bytes()).to_vec(), "3 records, but the last offset delta is 1"),
        (patched(43, &7_i64.to_be_bytes()).to_vec(), "producer epoch is -1"),
        (patched(43, &(-7_i64).to_be_bytes()).to_vec(), "producer id is -7"),
        (patched(43, &[&[0; 8][..], &[0; 2][..]].concat()).to_vec(), "sent no sequence"),
        (patched(HEADER_BYTES, &[100]).to_vec(), "record 0 has a length of 50"),
    ];
    for (bytes, want) in cases {
        let err = refused(LogConfig::default(), &bytes);
        assert!(err.contains(want), "{err:?} does not say {want:?}");
    }
}

#[test]
fn records_that_lie_under_a_right_crc_are_refused() {
    // Both counts say three, but there are two records.
    let mut bytes = patched(57, &3_i32.to_be_bytes());
    bytes[23..27].copy_from_slice(&2_i32.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    assert!(refused(LogConfig::default(), &bytes).contains("records end inside record 2"));
    let mut bytes = patched(57, &1_i32.to_be_bytes());
    bytes[23..27].copy_from_slice(&0_i32.to_be_bytes());
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    assert!(refused(LogConfig::default(), &bytes).contains("followed by further bytes"));
}

#[test]
fn batches_beyond_the_topics_limits_are_refused() {
    let big = "x".repeat(2_000);
    let config = LogConfig { max_message_bytes: 1_000, ..LogConfig::default() };
    let err = refused(config, batch(&[&big]));
    assert!(err.contains("larger than max.message.bytes, 1000"), "{err}");
    let config = LogConfig { segment_bytes: 1_000, ..LogConfig::default() };
    let err = refused(config, batch(&[&big]));
    assert!(err.contains("larger than segment.bytes, 1000"), "{err}");
    let config = LogConfig { compact: true, ..LogConfig::default() };
    let keyless = BatchBuilder::new(Compression::None).record(NOW, None, Some(b"v"));
    assert!(refused(config, keyless.build().unwrap()).contains("without a key"));
}

/// What a new replica is sent of a log that starts at offset 3, in the middle of a batch.
fn from_mid_batch(compression: Compression) -> Bytes {
    let bench = Bench::new();
    let mut source = bench.create(LogConfig::default());
    let mark = ProducerMark { id: ProducerId(9), epoch: ProducerEpoch(0), first_sequence: Some(0) };
    let mut builder = BatchBuilder::new(compression).producer(mark);
    for nth in 0..5 {
        let value = format!("v{nth}");
        builder = builder.record(TimestampMs(NOW.0 - nth), None, Some(value.as_bytes()));
    }
    source.append(builder.build().unwrap(), EPOCH, NOW).unwrap();
    source.append(from_producer(0, 5, &["v5"]), EPOCH, NOW).unwrap();
    source.delete_records_before(Offset(3)).unwrap();
    Bytes::from(source.read(Offset(3), Offset(6), 1 << 20, true).unwrap().copy_out().unwrap())
}

#[test]
fn a_replica_goes_on_at_a_log_start_inside_a_batch() {
    for compression in [Compression::None, Compression::Zstd] {
        let bench = Bench::new();
        let mut copy = bench.create(LogConfig::default());
        copy.start_over_at(Offset(3)).unwrap();
        let appended = copy.append_replicated(from_mid_batch(compression), NOW).unwrap();
        assert_eq!((appended.base_offset, appended.last_offset), (Offset(3), Offset(5)));
        assert_eq!(read_all(&mut copy, 3, 1 << 20), expected(3..6));
        let newest = copy.max_timestamp(Offset(6)).unwrap().unwrap();
        assert_eq!((newest.timestamp, newest.offset), (NOW, Offset(5)));
        assert!(copy.append(from_producer(0, 5, &["v5"]), EPOCH, NOW).unwrap().duplicate);
        assert!(!copy.append(from_producer(0, 6, &["v6"]), EPOCH, NOW).unwrap().duplicate);
    }
}

#[test]
fn only_the_first_batch_may_reach_below_the_log_end() {
    let bench = Bench::new();
    let mut copy = bench.create(LogConfig::default());
    copy.start_over_at(Offset(3)).unwrap();
    let sent = from_mid_batch(Compression::None);
    let twice = [sent.clone(), sent].concat();
    let err = copy.append_replicated(twice.into(), NOW).unwrap_err();
    assert!(matches!(err, AppendError::OffsetGap { .. }), "{err}");
    assert_eq!(copy.log_end().offset(), Offset(3), "nothing of it is appended");
}

#[test]
fn timestamps_outside_of_the_bounds_are_refused() {
    let config = LogConfig {
        timestamp_before_max_ms: 1_000,
        timestamp_after_max_ms: 500,
        ..LogConfig::default()
    };
    for (at, good) in [(-1_001, false), (-1_000, true), (500, true), (501, false)] {
        let bench = Bench::new();
        let mut log = bench.create(config.clone());
        let outcome = log.append(batch_at(TimestampMs(NOW.0 + at), &["a"]), EPOCH, NOW);
        assert_eq!(outcome.is_ok(), good, "{at}");
        assert!(good || matches!(outcome, Err(AppendError::Timestamp(_))));
    }
    let config = LogConfig { timestamp_type: TimestampType::LogAppendTime, ..config };
    let bench = Bench::new();
    let mut log = bench.create(config);
    log.append(batch_at(TimestampMs(1), &["a"]), EPOCH, NOW).unwrap();
}

#[test]
fn decompression_bombs_are_refused() {
    for compression in [Compression::Gzip, Compression::Zstd, Compression::Lz4, Compression::Snappy]
    {
        let value = vec![0; 300_000];
        let bomb = BatchBuilder::new(compression).record(NOW, None, Some(&value)).build().unwrap();
        let limits = crate::batch::DecompressLimits {
            bytes_max: 200_000,
            ratio_max: 10,
            ratio_free_bytes: 1_000,
        };
        let config = LogConfig { decompress: limits, ..LogConfig::default() };
        let err = refused(config, bomb);
        assert!(err.contains("more than") || err.contains("claims"), "{compression}: {err}");
    }
}

#[test]
fn batches_of_every_codec_pass_untouched() {
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for compression in codecs {
        let bench = Bench::new();
        let mut log = bench.create(LogConfig::default());
        let mut builder = BatchBuilder::new(compression);
        for nth in 0..2_000 {
            builder = builder.record(NOW, Some(b"key"), Some(format!("value {nth}").as_bytes()));
        }
        let sent = builder.build().unwrap();
        log.append(sent.clone(), EPOCH, NOW).unwrap();
        let plan = log.read(Offset(0), Offset(2_000), 1, true).unwrap();
        let stored = plan.copy_out().unwrap();
        assert_eq!(stored[16..], sent[16..], "{compression}");
        assert_eq!(values_of(&stored, Offset(1_998)), ["value 1998", "value 1999"]);
    }
}

#[test]
fn compression_type_of_the_topic_recompresses() {
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    for from in codecs {
        for to in codecs {
            let bench = Bench::new();
            let config = LogConfig { compression: Some(to.into()), ..LogConfig::default() };
            let mut log = bench.create(config);
            let value = "v".repeat(70_000);
            let sent = BatchBuilder::new(from)
                .record(NOW, Some(b"k"), Some(b"first"))
                .record(TimestampMs(NOW.0 + 3), None, Some(value.as_bytes()))
                .build()
                .unwrap();
            let sent_header = BatchHeader::parse(&sent).unwrap();
            log.append(sent, EPOCH, NOW).unwrap();
            let stored = log.read(Offset(0), Offset(2), 1, true).unwrap().copy_out().unwrap();
            let header = BatchHeader::parse_verified(&stored).unwrap();
            assert_eq!(header.attributes.compression, to);
            assert_eq!(header.max_timestamp, sent_header.max_timestamp);
            assert_eq!(values_of(&stored, Offset(0)), ["first".to_owned(), value]);
        }
    }
}

#[test]
fn the_level_of_the_topic_says_how_hard_its_codec_works() {
    let words = (0_u32..20_000).map(|at| at.wrapping_mul(2_654_435_761) >> 20);
    let value = words.map(|word| word.to_string()).collect::<String>();
    let sent = BatchBuilder::new(Compression::None).record(NOW, None, Some(value.as_bytes()));
    let sent = sent.build().unwrap();
    let stored_at = |compression, level| {
        let config =
            LogConfig { compression: Some(Codec { compression, level }), ..LogConfig::default() };
        let bench = Bench::new();
        let mut log = bench.create(config);
        log.append(sent.clone(), EPOCH, NOW).unwrap();
        let stored = log.read(Offset(0), Offset(1), 1, true).unwrap().copy_out().unwrap();
        assert_eq!(values_of(&stored, Offset(0)), [value.as_str()]);
        stored.len()
    };
    for (compression, low, usual, high) in
        [(Compression::Gzip, 1, 6, 9), (Compression::Zstd, -5, 3, 19)]
    {
        let level = |level| stored_at(compression, Some(level));
        assert!(level(high) < level(low), "{compression}");
        assert_eq!(stored_at(compression, None), level(usual), "{compression}");
    }
}

#[test]
fn a_batch_that_grows_too_large_when_recompressed_is_refused() {
    let value = vec![b'v'; 5_000];
    let small = BatchBuilder::new(Compression::Zstd).record(NOW, None, Some(&value));
    let config = LogConfig {
        compression: Some(Compression::None.into()),
        max_message_bytes: 1_000,
        ..LogConfig::default()
    };
    assert!(refused(config, small.build().unwrap()).contains("max.message.bytes"));
}

#[test]
fn a_wrong_max_timestamp_is_put_right() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    log.append(patched(35, &1_i64.to_be_bytes()), EPOCH, NOW).unwrap();
    let stored = log.read(Offset(0), Offset(2), 1, true).unwrap().copy_out().unwrap();
    assert_eq!(BatchHeader::parse_verified(&stored).unwrap().max_timestamp, Some(NOW));
}

#[test]
fn sequences_wrap_and_new_epochs_start_at_zero() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    let last = u32::try_from(i32::MAX).unwrap();
    log.append(from_producer(0, last - 1, &["a"]), EPOCH, NOW).unwrap();
    log.append(from_producer(0, last, &["a", "b"]), EPOCH, NOW).unwrap();
    log.append(from_producer(0, 1, &["c"]), EPOCH, NOW).unwrap();
    let skipped = log.append(from_producer(1, 5, &["c"]), EPOCH, NOW).unwrap_err();
    assert!(skipped.to_string().contains("at sequence None"), "{skipped}");
    log.append(from_producer(1, 0, &["c"]), EPOCH, NOW).unwrap();
}

#[test]
fn forgotten_producers_may_begin_anywhere() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    log.append(from_producer(0, 0, &["a"]), EPOCH, NOW).unwrap();
    log.expire_producers(TimestampMs(NOW.0 + 86_399_999));
    assert!(!log.active_producers().is_empty());
    log.expire_producers(TimestampMs(NOW.0 + 86_400_000));
    assert!(log.active_producers().is_empty());
    log.append(from_producer(0, 77, &["a"]), EPOCH, NOW).unwrap();
}
