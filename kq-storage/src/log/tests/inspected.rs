//! What an offline look finds: nothing in a sound log, and every byte that a CRC covers.

use super::damage::{DIR, fixture};
use super::*;
use crate::batch::CRC_FROM;
use crate::inspect::{Batches, FileKind, files, verify};
use crate::vfs::OpenMode;

fn flip(disk: &crate::sim::SimDisk, path: &Path, at: u64) {
    let file = disk.open(path, OpenMode::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[test]
fn a_sound_log_has_no_faults_and_all_its_batches() {
    let (disk, values) = fixture();
    let mut seen = 0;
    for (path, kind, _) in files(&disk, Path::new(DIR)).unwrap() {
        assert_eq!(verify(&disk, &path).unwrap(), None, "{}", path.display());
        if kind == FileKind::Segment {
            let mut batches = Batches::open(&disk, &path).unwrap();
            while let Some(batch) = batches.next_batch().unwrap() {
                assert_eq!(batch.unwrap().fault, None);
                seen += 1;
            }
        }
    }
    assert_eq!(seen, values.len());
}

#[test]
fn every_covered_byte_that_flips_is_found() {
    let (disk, _) = fixture();
    for (path, kind, len) in files(&disk, Path::new(DIR)).unwrap() {
        // One whole slot of two suffices.
        if matches!(kind, FileKind::RecoveryPoint | FileKind::Other) {
            continue;
        }
        // Offset and epoch of a batch are assigned without a new CRC.
        let crc_from = CRC_FROM as u64;
        let covered = if kind == FileKind::Segment { crc_from..crc_from + 40 } else { 0..len };
        for at in covered {
            flip(&disk, &path, at);
            let fault = verify(&disk, &path).unwrap();
            assert!(fault.is_some(), "byte {at} of {}", path.display());
            flip(&disk, &path, at);
        }
    }
}

#[test]
fn a_torn_tail_is_told_with_its_position() {
    let (disk, _) = fixture();
    let (path, _, len) = files(&disk, Path::new(DIR))
        .unwrap()
        .into_iter()
        .find(|(_, kind, _)| *kind == FileKind::Segment)
        .unwrap();
    disk.open(&path, OpenMode::ReadWrite).unwrap().truncate(len - 1).unwrap();
    let fault = verify(&disk, &path).unwrap().unwrap();
    assert!(fault.what.contains("is cut after"), "{}", fault.what);
    assert!(0 < fault.position && fault.position < len);
}
