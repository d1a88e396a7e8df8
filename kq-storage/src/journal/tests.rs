//! What the journal promises its owner, on a disk that behaves and on one that does not.

use std::path::Path;

use super::*;
use crate::sim::{AfterFailedSync, SimDisk};

const SMALL: JournalOptions = JournalOptions {
    segment_bytes: 200,
    entry_bytes_max: 1000,
    allocate_bytes: 0,
    reserve_bytes: 0,
};

fn dir() -> &'static Path {
    Path::new("/raft/log")
}

fn try_open(disk: &SimDisk) -> Result<(Journal, JournalRecovered), JournalError> {
    Journal::open(Arc::new(disk.clone()), dir().to_path_buf(), SMALL)
}

fn open(disk: &SimDisk) -> Journal {
    try_open(disk).unwrap().0
}

fn payload(index: u64) -> Vec<u8> {
    format!("entry {index} {}", "x".repeat(usize::try_from(index % 7).unwrap())).into_bytes()
}

fn append(journal: &mut Journal, indexes: Range<u64>) -> Result<(), JournalError> {
    let payloads: Vec<(u64, Vec<u8>)> = indexes.map(|index| (index, payload(index))).collect();
    let entries: Vec<(u64, &[u8])> =
        payloads.iter().map(|(index, bytes)| (*index, bytes.as_slice())).collect();
    journal.append(&entries)
}

fn assert_holds(journal: &Journal, indexes: Range<u64>) {
    assert_eq!(journal.first_index(), Some(indexes.start));
    assert_eq!(journal.next_index(), Some(indexes.end));
    let want: Vec<(u64, Bytes)> =
        indexes.clone().map(|index| (index, payload(index).into())).collect();
    assert_eq!(journal.read(indexes).unwrap(), want);
}

fn files(disk: &SimDisk) -> Vec<String> {
    disk.list(dir()).unwrap().into_iter().map(|entry| entry.name).collect()
}

#[test]
fn entries_are_read_back_across_files() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    assert_eq!((journal.first_index(), journal.last_index()), (None, None));
    append(&mut journal, 1..2).unwrap();
    append(&mut journal, 2..40).unwrap();
    journal.sync().unwrap();
    assert!(files(&disk).len() > 4);
    assert_holds(&journal, 1..40);
    assert_eq!(journal.read(17..19).unwrap()[1], (18, payload(18).into()));
    drop(journal);
    let (journal, recovered) = try_open(&disk).unwrap();
    assert!(recovered.is_clean);
    assert_holds(&journal, 1..40);
}

#[test]
fn entry_larger_than_a_file_gets_its_own() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..3).unwrap();
    journal.append(&[(3, &[7; 900])]).unwrap();
    append(&mut journal, 4..6).unwrap();
    assert_eq!(journal.read(3..4).unwrap(), [(3, Bytes::from(vec![7; 900]))]);
    assert_eq!(files(&disk).len(), 3);
}

#[test]
fn gaps_and_oversized_entries_are_refused_whole() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 5..8).unwrap();
    let err = append(&mut journal, 9..10).unwrap_err();
    assert_eq!(err.to_string(), "journal entry 9 is out of order: 8 comes next");
    let err = journal.append(&[(8, b"fine"), (9, &[0; 1001])]).unwrap_err();
    assert_eq!(err.to_string(), "journal entry 9 has 1001 bytes, more than 1000");
    let err = journal.read(4..6).unwrap_err();
    assert_eq!(err.to_string(), "journal entries 4..6 asked for, 5..8 are there");
    assert_holds(&journal, 5..8);
}

#[test]
fn truncation_cuts_across_files_for_good() {
    let disk = SimDisk::new(0);
    for keep in [39, 38, 20, 7, 1, 0] {
        let disk = disk.fork();
        let mut journal = open(&disk);
        append(&mut journal, 1..40).unwrap();
        journal.sync().unwrap();
        journal.truncate_after(keep).unwrap();
        assert_holds(&journal, 1..keep + 1);
        disk.power_cut(keep);
        let mut journal = open(&disk);
        assert_holds(&journal, 1..keep + 1);
        append(&mut journal, keep + 1..45).unwrap();
        assert_holds(&journal, 1..45);
    }
}

#[test]
fn purge_drops_only_whole_files() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..40).unwrap();
    journal.purge_before(20).unwrap();
    let first = journal.first_index().unwrap();
    assert!((10..=20).contains(&first), "{first}");
    assert_holds(&journal, first..40);
    journal.purge_before(40).unwrap();
    let first = journal.first_index().unwrap();
    assert!((30..40).contains(&first), "{first}");
    journal.truncate_after(first - 2).unwrap_err();
}

#[test]
fn purge_beyond_the_end_begins_anew() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..40).unwrap();
    journal.purge_before(100).unwrap();
    assert_eq!((journal.next_index(), journal.last_index()), (Some(100), None));
    append(&mut journal, 100..104).unwrap();
    journal.close().unwrap();
    assert_holds(&open(&disk), 100..104);
    assert_eq!(files(&disk), ["00000000000000000100.journal"]);
}

#[test]
fn failed_sync_takes_the_journal_offline() {
    for after in [AfterFailedSync::Reverted, AfterFailedSync::KeptClean] {
        let disk = SimDisk::new(0);
        let mut journal = open(&disk);
        append(&mut journal, 1..3).unwrap();
        journal.sync().unwrap();
        append(&mut journal, 3..5).unwrap();
        disk.fail_sync(disk.syncs() + 1, after);
        journal.sync().unwrap_err();
        let err = journal.sync().unwrap_err();
        assert_eq!(err.to_string(), "journal /raft/log is offline since a write or sync failed");
        append(&mut journal, 5..6).unwrap_err();
        disk.power_cut(1);
        assert_holds(&open(&disk), 1..3);
    }
}

#[test]
fn full_disk_refuses_the_append_and_goes_on() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..4).unwrap();
    journal.sync().unwrap();
    for free in 0..300 {
        let used = u64::MAX - disk.free_bytes(dir()).unwrap();
        disk.set_capacity(Some(used + free));
        append(&mut journal, 4..30).unwrap_err();
        disk.set_capacity(None);
        assert_holds(&journal, 1..4);
        let copy = disk.fork();
        copy.power_cut(free);
        assert_holds(&open(&copy), 1..4);
    }
    append(&mut journal, 4..30).unwrap();
    journal.sync().unwrap();
    disk.power_cut(0);
    assert_holds(&open(&disk), 1..30);
}

#[test]
fn missing_file_in_the_middle_is_refused() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..40).unwrap();
    journal.close().unwrap();
    let names = files(&disk);
    disk.remove_file(&dir().join(&names[2])).unwrap();
    let err = try_open(&disk).unwrap_err().to_string();
    assert!(err.starts_with(&format!("/raft/log/{} is damaged at byte ", names[1])), "{err}");
}

#[test]
fn unknown_version_is_refused_by_name() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..2).unwrap();
    journal.close().unwrap();
    let path = dir().join(&files(&disk)[0]);
    disk.flip_bit(&path, 4, 1).unwrap();
    let err = try_open(&disk).unwrap_err().to_string();
    assert_eq!(err, format!("{} has format version 3; this version of kq reads 1", path.display()));
}

#[test]
fn decayed_entry_is_not_served_by_an_open_journal() {
    let disk = SimDisk::new(0);
    let mut journal = open(&disk);
    append(&mut journal, 1..6).unwrap();
    let path = dir().join(&files(&disk)[0]);
    disk.flip_bit(&path, 60, 0).unwrap();
    let err = journal.read(1..3).unwrap_err().to_string();
    assert!(err.contains("is damaged at byte"), "{err}");
}

#[test]
fn allocated_room_reads_as_no_entries() {
    let disk = SimDisk::new(0);
    let options = JournalOptions { allocate_bytes: 4096, segment_bytes: 8192, ..SMALL };
    let reopen = || Journal::open(Arc::new(disk.clone()), dir().to_path_buf(), options).unwrap().0;
    let mut journal = reopen();
    append(&mut journal, 1..20).unwrap();
    journal.sync().unwrap();
    assert_eq!(disk.list(dir()).unwrap()[0].len, 4096);
    assert_holds(&reopen(), 1..20);
    let mut journal = reopen();
    append(&mut journal, 20..300).unwrap();
    journal.close().unwrap();
    assert_holds(&reopen(), 1..300);
}

const KEEPS_ROOM: JournalOptions =
    JournalOptions { segment_bytes: 400, allocate_bytes: 128, reserve_bytes: 1_000, ..SMALL };

fn open_with_reserve(disk: &SimDisk) -> Journal {
    Journal::open(Arc::new(disk.clone()), dir().to_path_buf(), KEEPS_ROOM).unwrap().0
}

/// Whatever is free is taken by somebody else.
fn fill(disk: &SimDisk) {
    let used = u64::MAX - disk.free_bytes(dir()).unwrap();
    disk.set_capacity(Some(used));
}

#[test]
fn the_reserve_takes_entries_on_a_full_disk_and_across_the_size_of_a_file() {
    for before in 2..30 {
        let disk = SimDisk::new(before);
        let mut journal = open_with_reserve(&disk);
        append(&mut journal, 1..before).unwrap();
        journal.sync().unwrap();
        fill(&disk);
        let mut next = before;
        while append(&mut journal, next..next + 1).is_ok() {
            journal.sync().unwrap();
            next += 1;
        }
        let (least, most) = (1_000 / (FRAME_BYTES + 16), 1_128 / FRAME_BYTES);
        let count = usize::try_from(next - before).unwrap();
        assert!((least..=most).contains(&count), "{count} entries in the reserve of {before}");
        let copy = disk.fork();
        copy.power_cut(before);
        assert_holds(&open_with_reserve(&copy), 1..next);
        // With room again it goes on, and has its reserve back.
        disk.set_capacity(None);
        append(&mut journal, next..next + 40).unwrap();
        assert!(journal.room() >= 1_000);
        journal.close().unwrap();
        let journal = open_with_reserve(&disk);
        assert_holds(&journal, 1..next + 40);
        assert!(journal.room() >= 1_000, "{} bytes", journal.room());
    }
}

#[test]
fn what_does_not_fit_the_reserve_leaves_it_as_it_was() {
    let disk = SimDisk::new(0);
    let mut journal = open_with_reserve(&disk);
    append(&mut journal, 1..4).unwrap();
    journal.sync().unwrap();
    fill(&disk);
    journal.append(&[(4, &[7; 500])]).unwrap();
    let room = journal.room();
    journal.append(&[(5, &[7; 1_000])]).unwrap_err();
    assert_eq!(journal.room(), room);
    append(&mut journal, 5..7).unwrap();
    assert_eq!(journal.next_index(), Some(7));
}
