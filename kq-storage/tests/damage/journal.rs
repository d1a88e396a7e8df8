//! Damage to the files of a journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kq_storage::sim::SimDisk;
use kq_storage::vfs::{OpenMode, Vfs, read_all};
use kq_storage::{Journal, JournalError, JournalOptions};

use crate::hostile::for_each_variant;

type Entries = Vec<(u64, Bytes)>;

fn dir() -> &'static Path {
    Path::new("/raft/log")
}

fn open(disk: &SimDisk) -> Result<Journal, JournalError> {
    let options = JournalOptions {
        segment_bytes: 400,
        entry_bytes_max: 1_000,
        allocate_bytes: 128,
        reserve_bytes: 256,
    };
    Ok(Journal::open(Arc::new(disk.clone()), dir().to_path_buf(), options)?.0)
}

fn content(journal: &Journal) -> Result<Entries, JournalError> {
    let range = journal.first_index().unwrap_or(0)..journal.next_index().unwrap_or(0);
    journal.read(range)
}

/// Entries in three files, ended in order.
fn fixture() -> (SimDisk, Entries) {
    let disk = SimDisk::new(1);
    let mut journal = open(&disk).unwrap();
    for index in 5..30 {
        let payload = format!("entry {index}").repeat(usize::try_from(index % 3).unwrap());
        journal.append(&[(index, payload.as_bytes())]).unwrap();
        journal.sync().unwrap();
    }
    let entries = content(&journal).unwrap();
    journal.close().unwrap();
    assert_eq!(disk.list(dir()).unwrap().len(), 3);
    (disk, entries)
}

fn files(disk: &SimDisk) -> Vec<(PathBuf, usize)> {
    let entries = disk.list(dir()).unwrap();
    let file = |entry: kq_storage::vfs::DirEntry| {
        (dir().join(entry.name), usize::try_from(entry.len).unwrap())
    };
    entries.into_iter().map(file).collect()
}

#[test]
fn each_flipped_bit_of_a_journal_is_refused_or_harmless() {
    let (disk, entries) = fixture();
    let (mut refused, mut harmless) = (0, 0);
    for (path, len) in files(&disk) {
        for at in 0..len {
            let copy = disk.fork();
            copy.flip_bit(&path, at, u32::try_from(at % 8).unwrap()).unwrap();
            match open(&copy).and_then(|journal| content(&journal)) {
                Err(_) => refused += 1,
                Ok(found) => {
                    harmless += 1;
                    assert!(found == entries, "served damage at {at} of {}", path.display());
                }
            }
        }
    }
    // Harmless are zeros written ahead and the marks, which carry no entry.
    assert!(refused > 800, "refused {refused}, harmless {harmless}");
}

#[test]
fn each_flipped_bit_under_an_open_journal_is_not_served() {
    let (disk, entries) = fixture();
    for (path, len) in files(&disk) {
        for at in 0..len {
            let copy = disk.fork();
            let journal = open(&copy).unwrap();
            copy.flip_bit(&path, at, u32::try_from(at % 8).unwrap()).unwrap();
            if let Ok(found) = content(&journal) {
                assert!(found == entries, "served damage at {at} of {}", path.display());
            }
        }
    }
}

#[test]
fn unreadable_sector_fails_the_read_and_nothing_else() {
    let (disk, entries) = fixture();
    let journal = open(&disk).unwrap();
    let (oldest, _) = &files(&disk)[0];
    disk.make_unreadable(oldest, 100..101).unwrap();
    content(&journal).unwrap_err();
    let next = journal.next_index().unwrap();
    assert_eq!(journal.read(next - 1..next).unwrap(), entries[entries.len() - 1..]);
}

#[test]
fn arbitrary_journal_files_never_panic_nor_change_entries() {
    let (disk, entries) = fixture();
    let (path, _) = files(&disk).pop().unwrap();
    let valid = read_all(disk.open(&path, OpenMode::Read).unwrap().as_ref()).unwrap();
    for_each_variant(&valid, |seed, bytes| {
        let copy = disk.fork();
        copy.plant(&path, bytes).unwrap();
        let Ok(journal) = open(&copy) else { return };
        let found = content(&journal).unwrap();
        // Cutting a whole file at a frame is the one change that cannot be told from a crash.
        assert!(entries.starts_with(&found), "variant {seed} changed an entry");
    });
}
