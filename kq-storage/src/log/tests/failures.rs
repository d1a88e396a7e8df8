//! A full volume, a failing sync, an unreadable file: told by what it is, and nothing else changed.

use super::*;
use crate::sim::{AfterFailedSync, SimDisk};
use crate::vfs::create_dir_durable;
use crate::{ReadPlan, StorageError};

fn log_on(disk: &SimDisk) -> Log {
    create_dir_durable(disk, Path::new("/d")).unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), 8);
    let dir = PathBuf::from("/d/t-0");
    Log::create(files, dir, LogIdentity([7; 16]), small_segments(), NOW).unwrap()
}

fn read(log: &mut Log) -> Result<ReadPlan, ReadError> {
    let end = log.log_end().offset();
    log.read(Offset(0), end, 1 << 20, true)
}

#[test]
fn a_full_volume_refuses_appends_until_there_is_room() {
    let disk = SimDisk::new(3);
    let mut log = log_on(&disk);
    fill(&mut log, 7);
    sync(&mut log);
    let mut refused = 0;
    for room in 0..600 {
        disk.set_capacity(Some(disk.space(Path::new("/d")).unwrap().total_bytes.min(700 + room)));
        let before = log.log_end();
        match log.append(batch(&[&format!("v{}", before.offset())]), EPOCH, NOW) {
            Ok(appended) => assert_eq!(appended.base_offset, before.offset()),
            Err(AppendError::Storage(err)) => {
                assert!(err.is_no_space(), "{err}");
                assert_eq!(log.log_end(), before);
                refused += 1;
            }
            Err(err) => panic!("{err}"),
        }
        assert_eq!(read_all(&mut log, 0, 1 << 20), expected(0..log.log_end().offset().0));
    }
    assert!(refused > 10, "{refused}");
    disk.set_capacity(None);
    let end = log.log_end().offset().0;
    append(&mut log, &[&format!("v{end}")]);
    sync(&mut log);
    drop(log);
    disk.power_cut(1);
    let files = OpenFiles::new(Arc::new(disk), 8);
    let (mut log, _) = Log::open(files, PathBuf::from("/d/t-0"), small_segments(), NOW).unwrap();
    assert_eq!(read_all(&mut log, 0, 1 << 20), expected(0..end + 1));
}

#[test]
fn a_failed_sync_takes_the_log_offline_for_good() {
    for after in [AfterFailedSync::Reverted, AfterFailedSync::KeptClean] {
        let disk = SimDisk::new(4);
        let mut log = log_on(&disk);
        fill(&mut log, 3);
        sync(&mut log);
        fill(&mut log, 2);
        disk.fail_sync(disk.syncs() + 1, after);
        let outcome = log.begin_sync().unwrap().run();
        let offline = log.finish_sync(outcome).unwrap_err();
        assert!(offline.to_string().starts_with("log /d/t-0 is offline: syncing"), "{offline}");
        assert!(log.begin_sync().is_none(), "a sync is never tried again");
        assert_eq!(log.synced_end().offset(), Offset(3));
        let refused = log.append(batch(&["x"]), EPOCH, NOW).unwrap_err();
        assert!(matches!(refused, AppendError::Storage(StorageError::Offline(_))), "{refused}");
        assert!(log.close().is_err());
    }
}

#[test]
fn an_unreadable_region_fails_its_readers_only() {
    let disk = SimDisk::new(5);
    let mut log = log_on(&disk);
    fill(&mut log, 12);
    log.close().unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), 8);
    let (mut log, _) = Log::open(files, PathBuf::from("/d/t-0"), small_segments(), NOW).unwrap();
    disk.make_unreadable(Path::new("/d/t-0/00000000000000000005.log"), 0..400).unwrap();
    assert!(matches!(read(&mut log), Err(ReadError::Storage(StorageError::Io { .. }))));
    let plan = log.read(Offset(0), Offset(5), 1 << 20, true).unwrap();
    assert_eq!(values_of(&plan.copy_out().unwrap(), Offset(0)), expected(0..5));
    append(&mut log, &["v12"]);
}

#[test]
fn writes_in_pieces_arrive_whole() {
    let disk = SimDisk::new(6);
    disk.set_short_io(true);
    let mut log = log_on(&disk);
    fill(&mut log, 40);
    assert_eq!(read_all(&mut log, 0, 250), expected(0..40));
}

#[test]
fn replicated_batches_that_find_no_room_leave_those_before_them() {
    let source = SimDisk::new(7);
    let mut source = log_on(&source);
    fill(&mut source, 12);
    let all = Bytes::from(read(&mut source).unwrap().copy_out().unwrap());
    let used = |disk: &SimDisk| u64::MAX - disk.free_bytes(Path::new("/d")).unwrap();
    let mut stopped = 0;
    for room in (0..1_000).step_by(13) {
        let disk = SimDisk::new(8);
        let mut copy = log_on(&disk);
        disk.set_capacity(Some(used(&disk) + room));
        if let Err(err) = copy.append_replicated(all.clone(), NOW) {
            assert!(matches!(&err, AppendError::Storage(err) if err.is_no_space()), "{err}");
            stopped += 1;
        }
        disk.set_capacity(None);
        let end = copy.log_end().offset();
        assert_eq!(read_all(&mut copy, 0, 1 << 20), expected(0..end.0));
        if end < Offset(12) {
            let rest = source.read(end, Offset(12), 1 << 20, true).unwrap().copy_out().unwrap();
            copy.append_replicated(rest.into(), NOW).unwrap();
        }
        sync(&mut copy);
        assert_eq!(read_all(&mut copy, 0, 1 << 20), expected(0..12));
    }
    assert!(stopped > 10, "{stopped}");
}

#[test]
fn a_batch_that_finds_no_room_in_its_new_segment_is_tried_again() {
    let disk = SimDisk::new(9);
    let mut log = log_on(&disk);
    fill(&mut log, 5);
    sync(&mut log);
    let segments = log.segment_count();
    let used = u64::MAX - disk.free_bytes(Path::new("/d")).unwrap();
    for room in 0..90 {
        disk.set_capacity(Some(used + room));
        log.append(batch(&["v5"]), EPOCH, NOW).unwrap_err();
        assert!(log.offline_reason().is_none(), "{room}");
    }
    disk.set_capacity(None);
    append(&mut log, &["v5"]);
    assert_eq!(log.segment_count(), segments + 1, "this batch was to begin a segment");
    assert_eq!(read_all(&mut log, 0, 1 << 20), expected(0..6));
}
