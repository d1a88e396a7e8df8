//! The bytes of a journal's only file: opened, read, appended to, opened again.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kq_storage::sim::SimDisk;
use kq_storage::vfs::Vfs;
use kq_storage::{AtomicFile, Journal, JournalOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let disk = SimDisk::new(0);
    let dir = Path::new("/j");
    disk.create_dir_all(dir).expect("an empty disk takes a directory");
    let planted = dir.join("00000000000000000001.journal");
    disk.plant(&planted, data).expect("an empty disk takes a file");
    let _ = AtomicFile { magic: *b"KQJL", version: 1 }.read(&disk, &planted);
    // Without zeros written ahead, which only cost time here.
    let options = JournalOptions { allocate_bytes: 0, ..JournalOptions::default() };
    let open = || Journal::open(Arc::new(disk.clone()), PathBuf::from(dir), options);
    let Ok((mut journal, _)) = open() else { return };
    let next = journal.next_index().unwrap_or(1);
    let first = journal.first_index().unwrap_or(next);
    let found = journal.read(first..next).expect("what was opened can be read");
    journal.append(&[(next, b"more")]).expect("what was opened can be appended to");
    journal.close().expect("what was appended can be synced");
    let (journal, recovered) = open().expect("what was closed can be opened");
    assert!(recovered.is_clean);
    let again = journal.read(first..next + 1).expect("it holds what was appended");
    assert!(again.starts_with(&found) && again.len() == found.len() + 1);
});
