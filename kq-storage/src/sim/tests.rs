//! The simulated disk loses what it may lose, keeps what it must keep, and replays from a seed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::vfs::{create_dir_durable, exists, read_all, sync_parent};

fn disk_with_dir() -> (SimDisk, PathBuf) {
    let disk = SimDisk::new(7);
    let dir = PathBuf::from("/data");
    create_dir_durable(&disk, &dir).unwrap();
    (disk, dir)
}

fn content(disk: &SimDisk, path: &Path) -> Option<Vec<u8>> {
    let file = disk.open(path, OpenMode::Read).ok()?;
    Some(read_all(file.as_ref()).unwrap())
}

/// All contents of `path` that many power cuts leave.
fn outcomes(disk: &SimDisk, path: &Path) -> BTreeSet<Option<Vec<u8>>> {
    let after_cut = |seed| {
        let copy = disk.fork();
        copy.power_cut(seed);
        content(&copy, path)
    };
    (0..2_000).map(after_cut).collect()
}

#[test]
fn synced_bytes_and_names_survive_every_cut() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    file.write_all_at(b"kept", 0).unwrap();
    file.sync_data().unwrap();
    sync_parent(&disk, &path).unwrap();
    assert_eq!(outcomes(&disk, &path), BTreeSet::from([Some(b"kept".to_vec())]));
}

#[test]
fn name_without_directory_sync_may_vanish() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    file.write_all_at(b"kept", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(outcomes(&disk, &path), BTreeSet::from([None, Some(b"kept".to_vec())]));
}

#[test]
fn new_directory_needs_a_sync_of_its_parent() {
    let disk = SimDisk::new(7);
    let dir = Path::new("/a/b");
    disk.create_dir_all(dir).unwrap();
    disk.sync_dir(dir).unwrap();
    let lost = |seed| {
        let copy = disk.fork();
        copy.power_cut(seed);
        !exists(&copy, dir).unwrap()
    };
    assert!((0..50).any(lost));
    disk.sync_dir(Path::new("/a")).unwrap();
    assert!((0..50).any(lost));
    disk.sync_dir(Path::new("/")).unwrap();
    assert!(!(0..50).any(lost));
}

#[test]
fn unsynced_sectors_survive_in_every_combination() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    file.write_all_at(&[b'o'; 1024], 0).unwrap();
    file.sync_data().unwrap();
    sync_parent(&disk, &path).unwrap();
    file.write_all_at(&[b'n'; 1024], 0).unwrap();
    let sectors = |outcome: &Option<Vec<u8>>| {
        let bytes = outcome.as_ref().unwrap();
        assert_eq!(bytes.len(), 1024);
        assert!(bytes.chunks(512).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        format!("{}{}", char::from(bytes[0]), char::from(bytes[512]))
    };
    let seen: BTreeSet<String> = outcomes(&disk, &path).iter().map(sectors).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["nn", "no", "on", "oo"]);
}

#[test]
fn unsynced_append_may_leave_length_without_bytes() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    sync_parent(&disk, &path).unwrap();
    file.write_all_at(b"abc", 0).unwrap();
    let want = [b"".to_vec(), b"\0\0\0".to_vec(), b"abc".to_vec()].map(Some);
    assert_eq!(outcomes(&disk, &path), BTreeSet::from(want));
}

#[test]
fn rename_survives_whole_or_not_at_all() {
    let (disk, dir) = disk_with_dir();
    disk.plant(&dir.join("new"), b"new").unwrap();
    disk.plant(&dir.join("old"), b"old").unwrap();
    disk.rename(&dir.join("new"), &dir.join("old")).unwrap();
    let want = [b"new".to_vec(), b"old".to_vec()].map(Some);
    assert_eq!(outcomes(&disk, &dir.join("old")), BTreeSet::from(want));
}

#[test]
fn failed_sync_loses_the_bytes_though_the_next_succeeds() {
    for (after, seen_by_reads) in
        [(AfterFailedSync::Reverted, "old"), (AfterFailedSync::KeptClean, "new")]
    {
        let (disk, dir) = disk_with_dir();
        let path = dir.join("a");
        disk.plant(&path, b"old").unwrap();
        let file = disk.open(&path, OpenMode::ReadWrite).unwrap();
        disk.fail_sync(disk.syncs() + 1, after);
        file.write_all_at(b"new", 0).unwrap();
        assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
        file.sync_data().unwrap();
        assert_eq!(content(&disk, &path).unwrap(), seen_by_reads.as_bytes());
        assert_eq!(outcomes(&disk, &path), BTreeSet::from([Some(b"old".to_vec())]));
    }
}

#[test]
fn failed_writeback_is_told_to_old_handles_only() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    disk.plant(&path, b"old").unwrap();
    let writer = disk.open(&path, OpenMode::ReadWrite).unwrap();
    writer.write_all_at(b"new", 0).unwrap();
    disk.fail_writeback(&path, AfterFailedSync::KeptClean).unwrap();
    let fresh = disk.open(&path, OpenMode::ReadWrite).unwrap();
    fresh.sync_data().unwrap();
    writer.sync_data().unwrap_err();
    writer.sync_data().unwrap();
    assert_eq!(outcomes(&disk, &path), BTreeSet::from([Some(b"old".to_vec())]));
}

#[test]
fn full_disk_takes_what_fits_then_refuses() {
    let (disk, dir) = disk_with_dir();
    disk.set_capacity(Some(10));
    let file = disk.open(&dir.join("a"), OpenMode::CreateNew).unwrap();
    assert_eq!(file.write_at(b"12345678", 0).unwrap(), 8);
    assert_eq!(file.write_at(b"12345678", 8).unwrap(), 2);
    assert_eq!(file.write_at(b"1", 10).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.free_bytes(&dir).unwrap(), 0);
    file.write_all_at(b"over", 0).unwrap();
    disk.remove_file(&dir.join("a")).unwrap();
    assert_eq!(disk.free_bytes(&dir).unwrap(), 10);
}

#[test]
fn crash_step_is_half_done_and_ends_everything() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    disk.plant(&path, b"old").unwrap();
    let file = disk.open(&path, OpenMode::ReadWrite).unwrap();
    disk.crash_at(disk.step() + 1);
    file.write_at(b"new", 0).unwrap_err();
    assert!(disk.is_down());
    file.read_at(&mut [0], 0).unwrap_err();
    disk.list(&dir).unwrap_err();
    disk.power_cut(3);
    file.read_at(&mut [0], 0).unwrap_err();
    let found = content(&disk, &path).unwrap();
    assert!(found == b"old" || found == b"new", "{found:?}");
}

#[test]
fn killed_process_leaves_the_page_cache() {
    let (disk, dir) = disk_with_dir();
    let file = disk.open(&dir.join("a"), OpenMode::CreateNew).unwrap();
    file.write_all_at(b"cached", 0).unwrap();
    disk.kill_process();
    file.write_at(b"x", 0).unwrap_err();
    assert_eq!(content(&disk, &dir.join("a")).unwrap(), b"cached");
}

#[test]
fn recording_holds_one_disk_per_step() {
    let (disk, dir) = disk_with_dir();
    disk.start_recording();
    let file = disk.open(&dir.join("a"), OpenMode::CreateNew).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    sync_parent(&disk, &dir.join("a")).unwrap();
    let steps = disk.take_recording();
    assert_eq!(steps.len(), 4);
    let found = |step: usize| {
        steps[step].power_cut(0);
        content(&steps[step], &dir.join("a"))
    };
    assert!([None, Some(Vec::new())].contains(&found(0)));
    assert_eq!(steps[3].step(), disk.step());
}

#[test]
fn same_seed_leaves_the_same_disk() {
    let (disk, dir) = disk_with_dir();
    for name in ["a", "b", "c"] {
        let file = disk.open(&dir.join(name), OpenMode::CreateNew).unwrap();
        file.write_all_at(&[1; 3000], 0).unwrap();
    }
    for seed in 0..100 {
        let [one, two] = [disk.fork(), disk.fork()];
        one.power_cut(seed);
        two.power_cut(seed);
        assert_eq!(one.list(&dir).unwrap(), two.list(&dir).unwrap());
        assert_eq!(content(&one, &dir.join("a")), content(&two, &dir.join("a")));
    }
}

#[test]
fn unreadable_range_and_flipped_bit_show_in_reads() {
    let (disk, dir) = disk_with_dir();
    let path = dir.join("a");
    disk.plant(&path, &[0; 2048]).unwrap();
    disk.flip_bit(&path, 5, 1).unwrap();
    disk.make_unreadable(&path, 1024..1025).unwrap();
    let file = disk.open(&path, OpenMode::Read).unwrap();
    let mut buf = [0; 512];
    file.read_exact_at(&mut buf, 0).unwrap();
    assert_eq!(buf[5], 2);
    assert_eq!(file.read_at(&mut buf, 1000).unwrap_err().raw_os_error(), Some(5));
    file.read_exact_at(&mut buf, 1025).unwrap();
}
