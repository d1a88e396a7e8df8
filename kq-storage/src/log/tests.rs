//! The log on the real file system: append, read, sync, stop, reopen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::batch::{BatchBuilder, BatchHeader, Compression, ProducerMark, records};
use crate::vfs::{RealFs, Vfs};
use crate::{
    AppendError, Appended, LeaderEpoch, Log, LogConfig, LogIdentity, Offset, OpenFiles,
    ProducerEpoch, ProducerId, ReadError, Recovered, TimestampMs,
};

mod appends;
mod at;
mod compacted_reads;
mod compacting;
mod damage;
mod failures;
mod formats;
mod inspected;
mod model;
mod snapshots;
mod times;
mod trimming;

const NOW: TimestampMs = TimestampMs(1_700_000_000_000);
const EPOCH: LeaderEpoch = LeaderEpoch(1);

struct Bench {
    _root: tempfile::TempDir,
    dir: PathBuf,
    files: Arc<OpenFiles>,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let fs: Arc<dyn Vfs> = Arc::new(RealFs);
        Self { dir: root.path().join("t-0"), _root: root, files: OpenFiles::new(fs, 16) }
    }

    fn create(&self, config: LogConfig) -> Log {
        Log::create(self.files.clone(), self.dir.clone(), LogIdentity([7; 16]), config, NOW)
            .unwrap()
    }

    fn open(&self, config: LogConfig) -> (Log, Recovered) {
        Log::open(self.files.clone(), self.dir.clone(), config, NOW).unwrap()
    }
}

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 400, index_interval_bytes: 50, ..LogConfig::default() }
}

fn batch(values: &[&str]) -> BytesMut {
    batch_at(NOW, values)
}

fn batch_at(at: TimestampMs, values: &[&str]) -> BytesMut {
    let mut builder = BatchBuilder::new(Compression::None);
    for value in values {
        builder = builder.record(at, Some(b"k"), Some(value.as_bytes()));
    }
    builder.build().unwrap()
}

fn from_producer(epoch: u16, sequence: u32, values: &[&str]) -> BytesMut {
    let mark = ProducerMark {
        id: ProducerId(9),
        epoch: ProducerEpoch(epoch),
        first_sequence: Some(sequence),
    };
    let mut builder = BatchBuilder::new(Compression::None).producer(mark);
    for value in values {
        builder = builder.record(NOW, None, Some(value.as_bytes()));
    }
    builder.build().unwrap()
}

fn append(log: &mut Log, values: &[&str]) -> Appended {
    log.append(batch(values), EPOCH, NOW).unwrap()
}

fn sync(log: &mut Log) {
    let outcome = log.begin_sync().unwrap().run();
    log.finish_sync(outcome).unwrap();
    log.note_synced();
}

/// Values of all records that a consumer reads from `from` on, `bytes_max` at a time.
fn read_all(log: &mut Log, from: u64, bytes_max: usize) -> Vec<String> {
    let mut values = Vec::new();
    let mut from = Offset(from);
    while from < log.log_end().offset() {
        let plan = log.read(from, log.log_end().offset(), bytes_max, true).unwrap();
        let bytes = Bytes::from(plan.copy_out().unwrap());
        values.extend(values_of(&bytes, from));
        assert!(plan.next_offset > from, "a read makes progress");
        from = plan.next_offset;
    }
    values
}

fn values_of(bytes: &[u8], from: Offset) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let header = BatchHeader::parse_verified(rest).unwrap();
        for record in records(rest, &header, LogConfig::default().decompress).unwrap() {
            if record.offset >= from {
                values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            }
        }
        rest = &rest[header.size..];
    }
    values
}

fn fill(log: &mut Log, count: u64) {
    for nth in 0..count {
        append(log, &[&format!("v{nth}")]);
    }
}

fn expected(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|nth| format!("v{nth}")).collect()
}

#[test]
fn offsets_are_assigned_in_order_and_bytes_stay() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    assert_eq!(append(&mut log, &["a", "b"]).base_offset, Offset(0));
    let second = append(&mut log, &["c"]);
    assert_eq!((second.base_offset, second.last_offset), (Offset(2), Offset(2)));
    assert_eq!(read_all(&mut log, 0, 1 << 20), ["a", "b", "c"]);
    assert_eq!(read_all(&mut log, 1, 1 << 20), ["b", "c"]);
}

#[test]
fn reads_of_any_size_across_segments_miss_nothing() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 100);
    assert!(log.segment_count() > 10);
    for bytes_max in [1, 100, 333, 1 << 20] {
        for from in [0, 1, 37, 99] {
            assert_eq!(read_all(&mut log, from, bytes_max), expected(from..100));
        }
    }
}

#[test]
fn a_read_without_room_for_one_batch_is_empty_unless_forced() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    append(&mut log, &["a"]);
    let end = log.log_end().offset();
    assert!(log.read(Offset(0), end, 10, false).unwrap().regions.is_empty());
    assert_eq!(log.read(Offset(0), end, 10, true).unwrap().next_offset, Offset(1));
    assert!(log.read(end, end, 10, true).unwrap().regions.is_empty());
}

#[test]
fn reads_outside_of_the_log_are_out_of_range() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    append(&mut log, &["a"]);
    let err = log.read(Offset(2), Offset(2), 10, true).unwrap_err();
    assert!(matches!(err, ReadError::OutOfRange { from: Offset(2), .. }));
}

#[test]
fn a_read_stops_at_the_given_bound() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 20);
    let plan = log.read(Offset(3), Offset(7), 1 << 20, true).unwrap();
    assert_eq!(plan.next_offset, Offset(7));
    assert_eq!(values_of(&plan.copy_out().unwrap(), Offset(3)), expected(3..7));
}

#[test]
fn a_clean_stop_opens_without_looking_at_batches() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 50);
    log.close().unwrap();
    let (mut log, recovered) = bench.open(small_segments());
    assert_eq!(recovered, Recovered::default());
    assert_eq!(log.synced_end().offset(), Offset(50));
    assert!(!log.needs_sync(), "nothing waits after a clean stop");
    assert_eq!(read_all(&mut log, 0, 100), expected(0..50));
    fill(&mut log, 1);
    assert_eq!(log.log_end().offset(), Offset(51));
}

#[test]
fn a_dropped_log_is_recovered_whole() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 50);
    drop(log);
    let (mut log, recovered) = bench.open(small_segments());
    assert_eq!(recovered.cut, None);
    assert_eq!(log.log_end().offset(), Offset(50));
    assert_eq!(log.synced_end().offset(), Offset(0));
    sync(&mut log);
    assert_eq!(log.synced_end().offset(), Offset(50));
    assert_eq!(read_all(&mut log, 0, 100), expected(0..50));
}

#[test]
fn a_torn_tail_is_cut_and_appends_go_on_there() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    fill(&mut log, 10);
    drop(log);
    flip_last_byte(&bench.dir.join("00000000000000000000.log"));
    let (mut log, recovered) = bench.open(LogConfig::default());
    let cut = recovered.cut.unwrap();
    assert_eq!(cut.log_end, Offset(9));
    append(&mut log, &["v9"]);
    assert_eq!(read_all(&mut log, 0, 1 << 20), expected(0..10));
}

#[test]
fn damage_below_the_recovery_point_is_refused() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    fill(&mut log, 10);
    log.close().unwrap();
    let path = bench.dir.join("00000000000000000000.log");
    flip_last_byte(&path);
    // Served it is never, though opening did not look.
    let (mut log, _) = bench.open(LogConfig::default());
    let err = log.read(Offset(0), Offset(10), 1 << 20, true).unwrap_err();
    assert!(err.to_string().contains("corrupt at byte"), "{err}");
    drop(log);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let len = file.metadata().unwrap().len();
    file.set_len(len - 3).unwrap();
    let refused = Log::open(bench.files.clone(), bench.dir.clone(), LogConfig::default(), NOW);
    let err = refused.unwrap_err().to_string();
    assert!(err.contains("were synced, so nothing is cut"), "{err}");
}

#[test]
fn retries_of_an_idempotent_producer_are_recognised() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    let first = log.append(from_producer(0, 0, &["a", "b"]), EPOCH, NOW).unwrap();
    log.append(from_producer(0, 2, &["c"]), EPOCH, NOW).unwrap();
    let again = log.append(from_producer(0, 0, &["a", "b"]), EPOCH, NOW).unwrap();
    assert!(again.duplicate && again.base_offset == first.base_offset);
    let gap = log.append(from_producer(0, 9, &["x"]), EPOCH, NOW).unwrap_err();
    assert!(matches!(gap, AppendError::Sequence(_)), "{gap}");
    assert_eq!(log.log_end().offset(), Offset(3));
}

#[test]
fn producers_are_known_again_after_any_stop() {
    for clean in [true, false] {
        let bench = Bench::new();
        let mut log = bench.create(small_segments());
        for nth in 0..12 {
            log.append(from_producer(3, nth, &["a"]), EPOCH, NOW).unwrap();
        }
        let before = log.active_producers().clone();
        if clean {
            log.close().unwrap();
        } else {
            drop(log);
        }
        let (mut log, _) = bench.open(small_segments());
        assert_eq!(*log.active_producers(), before);
        assert!(log.append(from_producer(3, 11, &["a"]), EPOCH, NOW).unwrap().duplicate);
        let old = log.append(from_producer(2, 0, &["a"]), EPOCH, NOW).unwrap_err();
        assert!(matches!(old, AppendError::Sequence(_)));
    }
}

#[test]
fn replicated_batches_keep_their_offsets_and_must_follow() {
    let bench = Bench::new();
    let mut source = bench.create(LogConfig::default());
    fill(&mut source, 5);
    let plan = source.read(Offset(0), Offset(5), 1 << 20, true).unwrap();
    let bytes = Bytes::from(plan.copy_out().unwrap());
    let other = Bench::new();
    let mut copy = other.create(LogConfig::default());
    copy.append_replicated(bytes.clone(), NOW).unwrap();
    assert_eq!(read_all(&mut copy, 0, 1 << 20), expected(0..5));
    assert_eq!(copy.latest_epoch(), Some(EPOCH));
    let err = copy.append_replicated(bytes, NOW).unwrap_err();
    assert!(matches!(err, AppendError::OffsetGap { .. }), "{err}");
}

fn flip_last_byte(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_change_of_epoch_survives_any_stop() {
    for clean in [true, false] {
        let bench = Bench::new();
        let mut log = bench.create(small_segments());
        for nth in 0..30_u32 {
            let epoch = LeaderEpoch(1 + nth / 7);
            log.append(batch(&["a"]), epoch, NOW).unwrap();
        }
        let before = log.epochs().to_vec();
        if clean {
            log.close().unwrap();
        } else {
            drop(log);
        }
        let (mut log, recovered) = bench.open(small_segments());
        assert_eq!(recovered.cut, None);
        assert_eq!(log.epochs(), before);
        assert_eq!(log.epoch_end_offset(LeaderEpoch(2)), Some((LeaderEpoch(2), Offset(14))));
        assert_eq!(read_all(&mut log, 0, 100).len(), 30);
    }
}

#[test]
fn a_new_log_never_takes_over_old_records() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    append(&mut log, &["a"]);
    drop(log);
    let config = LogConfig::default();
    let id = LogIdentity([8; 16]);
    let refused = Log::create(bench.files.clone(), bench.dir.clone(), id, config, NOW);
    assert!(refused.unwrap_err().to_string().starts_with("creating"));
}
