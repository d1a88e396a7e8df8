//! Producers' snapshots on disk: which of them stay, and that none is left damaged.

use super::damage::DIR;
use super::*;
use crate::inspect::{FileKind, files, verify};
use crate::sim::SimDisk;
use crate::vfs::{OpenMode, create_dir_durable};

/// Two batches of a producer fill a segment.
fn two_per_segment() -> LogConfig {
    let size = from_producer(0, 0, &["a"]).len() as u64;
    LogConfig { segment_bytes: 2 * size, ..LogConfig::default() }
}

fn append_from_producer(log: &mut Log, sequences: std::ops::Range<u32>) {
    for sequence in sequences {
        log.append(from_producer(0, sequence, &["a"]), EPOCH, NOW).unwrap();
    }
}

/// The offsets of all snapshots, none of them damaged.
fn snapshots(fs: &dyn Vfs, dir: &Path) -> Vec<u64> {
    let mut offsets = Vec::new();
    for (path, kind, _) in files(fs, dir).unwrap() {
        if kind == FileKind::ProducerSnapshot {
            assert_eq!(verify(fs, &path).unwrap(), None, "{}", path.display());
            offsets.push(path.file_stem().unwrap().to_str().unwrap().parse().unwrap());
        }
    }
    offsets
}

#[test]
fn a_checkpoint_leaves_the_snapshots_of_segments() {
    for restart in [false, true] {
        let bench = Bench::new();
        let mut log = bench.create(two_per_segment());
        append_from_producer(&mut log, 0..4);
        sync(&mut log);
        log.checkpoint().unwrap();
        // The segment that begins with the next batch begins where the checkpoint was taken.
        append_from_producer(&mut log, 4..5);
        if restart {
            log.close().unwrap();
            log = bench.open(two_per_segment()).0;
        } else {
            sync(&mut log);
            log.checkpoint().unwrap();
        }
        assert_eq!(snapshots(&RealFs, &bench.dir), [2, 4, 5]);
        append_from_producer(&mut log, 5..6);
        log.close().unwrap();
        assert_eq!(snapshots(&RealFs, &bench.dir), [2, 4, 6]);
    }
}

#[test]
fn an_empty_segment_keeps_its_snapshot_over_restarts() {
    let bench = Bench::new();
    let config = LogConfig { retention_ms: Some(1), ..two_per_segment() };
    let mut log = bench.create(config.clone());
    append_from_producer(&mut log, 0..2);
    let later = TimestampMs(NOW.0 + 2);
    log.apply_retention(later, Offset(2)).unwrap();
    assert_eq!((log.size_bytes(), log.log_end().offset()), (0, Offset(2)));
    log.close().unwrap();
    let (mut log, _) = bench.open(config);
    append_from_producer(&mut log, 2..3);
    log.close().unwrap();
    assert_eq!(snapshots(&RealFs, &bench.dir), [2, 3]);
}

#[test]
fn a_power_cut_leaves_no_damaged_snapshot() {
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        create_dir_durable(&disk, Path::new("/d")).unwrap();
        let create = || {
            let files = OpenFiles::new(Arc::new(disk.clone()), 8);
            (files, PathBuf::from(DIR))
        };
        let (files, dir) = create();
        let id = LogIdentity([7; 16]);
        let mut log = Log::create(files, dir, id, two_per_segment(), NOW).unwrap();
        append_from_producer(&mut log, 0..5);
        sync(&mut log);
        append_from_producer(&mut log, 5..8);
        drop(log);
        disk.power_cut(seed);
        let (files, dir) = create();
        let (log, _) = Log::open(files, dir, two_per_segment(), NOW).unwrap();
        assert!(log.log_end().offset() >= Offset(5));
        log.close().unwrap();
        let kept = snapshots(&disk, Path::new(DIR));
        assert!(kept.starts_with(&[2, 4]), "what a sync covered is whole: {kept:?}");
    }
}

#[test]
fn a_snapshot_that_a_power_cut_emptied_is_taken_away() {
    let bench = Bench::new();
    let mut log = bench.create(two_per_segment());
    append_from_producer(&mut log, 0..7);
    drop(log);
    let emptied = bench.dir.join("00000000000000000004.snapshot");
    RealFs.open(&emptied, OpenMode::ReadWrite).unwrap().truncate(0).unwrap();
    let (mut log, _) = bench.open(two_per_segment());
    assert!(log.append(from_producer(0, 6, &["a"]), EPOCH, NOW).unwrap().duplicate);
    log.close().unwrap();
    assert_eq!(snapshots(&RealFs, &bench.dir), [2, 6, 7]);
}
