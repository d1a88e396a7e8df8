//! Damage to files that are replaced whole.

use std::path::Path;

use kq_storage::AtomicFile;
use kq_storage::sim::SimDisk;
use kq_storage::vfs::{OpenMode, Vfs, read_all};

use crate::hostile::for_each_variant;

const FILE: AtomicFile = AtomicFile { magic: *b"KQTS", version: 3 };
const CONTENT: &[u8] = b"voted for broker 2 in term 7";

fn path() -> &'static Path {
    Path::new("/vote")
}

fn fixture() -> SimDisk {
    let disk = SimDisk::new(1);
    FILE.write(&disk, path(), CONTENT).unwrap();
    disk
}

#[test]
fn each_flipped_bit_of_an_atomic_file_is_refused() {
    let disk = fixture();
    let len = usize::try_from(disk.list(Path::new("/")).unwrap()[0].len).unwrap();
    for at in 0..len {
        for bit in 0..8 {
            let copy = disk.fork();
            copy.flip_bit(path(), at, bit).unwrap();
            FILE.read(&copy, path()).unwrap_err();
        }
    }
}

#[test]
fn arbitrary_atomic_files_never_panic_nor_change_content() {
    let disk = fixture();
    let valid = read_all(disk.open(path(), OpenMode::Read).unwrap().as_ref()).unwrap();
    for_each_variant(&valid, |seed, bytes| {
        disk.plant(path(), bytes).unwrap();
        if let Ok(Some((version, content))) = FILE.read(&disk, path()) {
            assert!(version == 3 && content == CONTENT, "variant {seed} changed the content");
        }
    });
}
