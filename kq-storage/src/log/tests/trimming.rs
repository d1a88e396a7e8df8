//! Truncation, deletion of records and retention.

use super::*;
use crate::sim::SimDisk;
use crate::vfs::create_dir_durable;

#[test]
fn truncation_cuts_whole_batches_and_appends_go_on() {
    for end in [0_u64, 1, 17, 49] {
        let bench = Bench::new();
        let mut log = bench.create(small_segments());
        fill(&mut log, 50);
        sync(&mut log);
        log.checkpoint().unwrap();
        assert_eq!(log.truncate_to(Offset(end)).unwrap().offset(), Offset(end));
        assert_eq!(read_all(&mut log, 0, 100), expected(0..end));
        append(&mut log, &["new"]);
        drop(log);
        let (mut log, _) = bench.open(small_segments());
        let mut want = expected(0..end);
        want.push("new".to_owned());
        assert_eq!(read_all(&mut log, 0, 100), want, "cut at {end}");
    }
}

#[test]
fn truncation_inside_a_batch_takes_the_batch() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    append(&mut log, &["a"]);
    append(&mut log, &["b", "c", "d"]);
    assert_eq!(log.truncate_to(Offset(3)).unwrap().offset(), Offset(1));
}

#[test]
fn truncation_forgets_epochs_and_producers_behind_it() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    for nth in 0..10_u32 {
        log.append(from_producer(0, nth, &["a"]), LeaderEpoch(nth / 4), NOW).unwrap();
    }
    log.truncate_to(Offset(5)).unwrap();
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(1)));
    let gap = log.append(from_producer(0, 6, &["a"]), LeaderEpoch(3), NOW);
    assert!(matches!(gap, Err(AppendError::Sequence(_))));
    log.append(from_producer(0, 5, &["a"]), LeaderEpoch(3), NOW).unwrap();
}

#[test]
fn a_sync_under_way_does_not_vouch_for_what_replaced_its_bytes() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig::default());
    fill(&mut log, 10);
    let work = log.begin_sync().unwrap();
    log.truncate_to(Offset(4)).unwrap();
    fill(&mut log, 3);
    let outcome = work.run();
    assert_eq!(log.finish_sync(outcome).unwrap().offset(), Offset(4));
    sync(&mut log);
    assert_eq!(log.synced_end().offset(), Offset(7));
}

#[test]
fn deleted_records_stay_deleted_after_any_stop() {
    for clean in [true, false] {
        let bench = Bench::new();
        let mut log = bench.create(small_segments());
        fill(&mut log, 50);
        sync(&mut log);
        let before = log.segment_count();
        assert_eq!(log.delete_records_before(Offset(33)).unwrap().offset(), Offset(33));
        assert!(log.segment_count() < before);
        let err = log.read(Offset(32), Offset(50), 100, true).unwrap_err();
        assert!(matches!(err, ReadError::OutOfRange { .. }));
        if clean {
            log.close().unwrap();
        } else {
            drop(log);
        }
        let (mut log, _) = bench.open(small_segments());
        assert_eq!(log.log_start().offset(), Offset(33));
        assert_eq!(read_all(&mut log, 33, 100), expected(33..50));
    }
}

#[test]
fn deleting_all_records_leaves_an_empty_log_at_its_end() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 20);
    log.delete_records_before(Offset(20)).unwrap();
    assert!(log.delete_records_before(Offset(21)).is_err());
    drop(log);
    let (mut log, _) = bench.open(small_segments());
    assert_eq!((log.log_start().offset(), log.log_end().offset()), (Offset(20), Offset(20)));
    assert_eq!(append(&mut log, &["v20"]).base_offset, Offset(20));
}

#[test]
fn retention_by_size_deletes_oldest_segments() {
    let bench = Bench::new();
    let config = LogConfig { retention_bytes: Some(1_000), ..small_segments() };
    let mut log = bench.create(config);
    fill(&mut log, 50);
    let deleted = log.apply_retention(NOW, Offset(50)).unwrap();
    assert!(!deleted.is_empty());
    assert!((1_000..1_400).contains(&log.size_bytes()), "{}", log.size_bytes());
    let start = log.log_start().offset();
    assert_eq!(Some(start), deleted.last().map(|last| last.end));
    assert_eq!(read_all(&mut log, start.0, 100), expected(start.0..50));
    assert!(log.apply_retention(NOW, Offset(50)).unwrap().is_empty());
}

#[test]
fn retention_by_time_also_empties_the_active_segment() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 20);
    let week = TimestampMs(NOW.0 + 7 * 24 * 3_600_000);
    assert!(log.apply_retention(week, Offset(20)).unwrap().is_empty());
    let later = TimestampMs(week.0 + 1);
    assert_eq!(log.apply_retention(later, Offset(7)).unwrap().last().unwrap().end, Offset(5));
    log.apply_retention(later, Offset(20)).unwrap();
    assert_eq!((log.size_bytes(), log.log_start().offset()), (0, Offset(20)));
}

#[test]
fn a_compacted_log_deletes_nothing_by_time() {
    let bench = Bench::new();
    let config = LogConfig { delete: false, compact: true, ..small_segments() };
    let mut log = bench.create(config);
    fill(&mut log, 20);
    assert!(log.apply_retention(TimestampMs(i64::MAX), Offset(20)).unwrap().is_empty());
}

#[test]
fn readers_of_a_deleted_segment_go_on() {
    let bench = Bench::new();
    let mut log = bench.create(small_segments());
    fill(&mut log, 20);
    let plan = log.read(Offset(0), Offset(4), 1 << 20, true).unwrap();
    log.delete_records_before(Offset(20)).unwrap();
    assert_eq!(values_of(&plan.copy_out().unwrap(), Offset(0)), expected(0..4));
}

#[test]
fn segments_roll_by_the_time_of_their_records() {
    let bench = Bench::new();
    let mut log = bench.create(LogConfig { segment_ms: 1_000, ..LogConfig::default() });
    for (at, segments) in [(0, 1), (1_000, 1), (1_001, 2), (2_001, 2), (1_500, 2), (2_002, 3)] {
        log.append(batch_at(TimestampMs(NOW.0 + at), &["a"]), EPOCH, NOW).unwrap();
        assert_eq!(log.segment_count(), segments, "at {at}");
    }
}

/// A log whose process is killed at that step of a truncation to offset 3; what its file shows
/// may be in the page cache only.
fn killed_while_truncating(step: u64) -> SimDisk {
    let disk = SimDisk::new(11);
    create_dir_durable(&disk, Path::new("/d")).unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), 8);
    let id = LogIdentity([7; 16]);
    let mut log = Log::create(files, PathBuf::from("/d/t-0"), id, small_segments(), NOW).unwrap();
    fill(&mut log, 3);
    sync(&mut log);
    fill(&mut log, 2);
    let work = log.begin_sync().unwrap().run();
    log.finish_sync(work).unwrap();
    disk.crash_at(disk.step() + step);
    let _ = log.truncate_to(Offset(3));
    drop(log);
    disk.kill_process();
    disk
}

#[test]
fn a_truncation_that_a_kill_interrupts_is_made_stable() {
    for (step, seed) in (0..30).flat_map(|step| (0..8).map(move |seed| (step, seed))) {
        let disk = killed_while_truncating(step);
        let open = || {
            let files = OpenFiles::new(Arc::new(disk.clone()), 8);
            Log::open(files, PathBuf::from("/d/t-0"), small_segments(), NOW).unwrap().0
        };
        let mut log = open();
        let mut want = read_all(&mut log, 0, 1 << 20);
        // Too large for the segment that was being cut, which is never written to again.
        append(&mut log, &["new".repeat(100).as_str()]);
        sync(&mut log);
        drop(log);
        disk.power_cut(seed);
        want.push("new".repeat(100));
        assert_eq!(read_all(&mut open(), 0, 1 << 20), want, "killed at step {step}, cut by {seed}");
    }
}
