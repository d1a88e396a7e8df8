//! Every byte of a small log flipped in turn: found or harmless, never served.

use super::*;
use crate::sim::SimDisk;
use crate::vfs::{OpenMode, create_dir_durable, read_all as read_file};

pub(super) const DIR: &str = "/d/t-0";

/// A log of several segments with epochs and producers.
fn written() -> (SimDisk, Log, Vec<String>) {
    let disk = SimDisk::new(1);
    create_dir_durable(&disk, Path::new("/d")).unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), 8);
    let id = LogIdentity([7; 16]);
    let mut log = Log::create(files, PathBuf::from(DIR), id, small_segments(), NOW).unwrap();
    for nth in 0..14_u32 {
        let value = format!("v{nth}");
        log.append(from_producer(0, nth, &[&value]), LeaderEpoch(nth / 5), NOW).unwrap();
    }
    (disk, log, expected(0..14))
}

/// The log after a clean stop.
pub(super) fn fixture() -> (SimDisk, Vec<String>) {
    let (disk, log, want) = written();
    log.close().unwrap();
    (disk, want)
}

/// The log synced to its end by a process that was killed then.
fn killed_fixture() -> (SimDisk, Vec<String>) {
    let (disk, mut log, want) = written();
    sync(&mut log);
    drop(log);
    disk.kill_process();
    (disk, want)
}

fn content(disk: &SimDisk, path: &Path) -> Vec<u8> {
    read_file(disk.open(path, OpenMode::Read).unwrap().as_ref()).unwrap()
}

/// Reads everything; what is read must be a prefix of what was written.
fn served(disk: SimDisk, want: &[String]) -> Result<usize, String> {
    let files = OpenFiles::new(Arc::new(disk), 8);
    let opened = Log::open(files, PathBuf::from(DIR), small_segments(), NOW);
    let (mut log, recovered) = opened.map_err(|err| err.to_string())?;
    let start = log.log_start().offset();
    let end = log.log_end().offset();
    assert!(recovered.cut.is_none(), "what was synced is never cut: {recovered:?}");
    let mut values = Vec::new();
    let mut from = start;
    while from < end {
        let plan = log.read(from, end, 150, true).map_err(|err| err.to_string())?;
        values.extend(values_of(&plan.copy_out().unwrap(), from));
        for header in headers_of(&plan.copy_out().unwrap()) {
            let epoch = u32::try_from(header.base_offset.0 / 5).unwrap();
            assert_eq!(header.leader_epoch, Some(LeaderEpoch(epoch)), "a wrong epoch was served");
        }
        from = plan.next_offset;
    }
    assert_eq!(values, want, "something else was served");
    log.find_by_time(NOW, end).map_err(|err| err.to_string())?;
    log.max_timestamp(end).map_err(|err| err.to_string())?;
    let producer = log.active_producers().iter().next().map(|(_, producer)| producer.clone());
    assert_eq!(producer.unwrap().batches.back().unwrap().last_sequence, 13);
    Ok(values.len())
}

fn headers_of(bytes: &[u8]) -> Vec<BatchHeader> {
    let mut headers = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let header = BatchHeader::parse(rest).unwrap();
        rest = &rest[header.size..];
        headers.push(header);
    }
    headers
}

#[test]
fn no_flipped_byte_is_ever_served() {
    let (disk, want) = fixture();
    assert_eq!(served(disk.fork(), &want), Ok(14));
    for entry in disk.list(Path::new(DIR)).unwrap() {
        let path = Path::new(DIR).join(&entry.name);
        for at in 0..usize::try_from(entry.len).unwrap() {
            let flipped = disk.fork();
            flipped.flip_bit(&path, at, u32::try_from(at % 8).unwrap()).unwrap();
            let outcome = served(flipped, &want);
            if path.extension().is_some_and(|ext| ext == "log") {
                assert!(outcome.is_err(), "byte {at} of {} was not noticed", entry.name);
            } else {
                // The rest can be made again out of the batches.
                assert_eq!(outcome, Ok(14), "byte {at} of {}", entry.name);
            }
        }
    }
}

#[test]
fn damage_after_a_kill_is_refused_up_to_the_last_sync() {
    let (disk, want) = killed_fixture();
    assert_eq!(served(disk.fork(), &want), Ok(14));
    for entry in disk.list(Path::new(DIR)).unwrap() {
        let path = Path::new(DIR).join(&entry.name);
        if path.extension().is_none_or(|ext| ext != "log") {
            continue;
        }
        for at in 0..usize::try_from(entry.len).unwrap() {
            let flipped = disk.fork();
            flipped.flip_bit(&path, at, u32::try_from(at % 8).unwrap()).unwrap();
            assert!(served(flipped, &want).is_err(), "byte {at} of {} was not noticed", entry.name);
        }
    }
}

#[test]
fn a_damaged_identity_is_refused() {
    let (disk, _) = fixture();
    let path = Path::new(DIR).join(crate::IDENTITY_FILE);
    let id = crate::read_identity(&disk, Path::new(DIR)).unwrap();
    assert_eq!(id, Some(LogIdentity([7; 16])));
    for at in 0..content(&disk, &path).len() {
        let flipped = disk.fork();
        flipped.flip_bit(&path, at, 3).unwrap();
        assert!(crate::read_identity(&flipped, Path::new(DIR)).is_err(), "byte {at}");
    }
}

#[test]
fn files_of_a_later_version_are_refused_by_name() {
    let (disk, want) = fixture();
    for name in ["leader-epoch-checkpoint", "00000000000000000014.snapshot"] {
        let path = Path::new(DIR).join(name);
        let mut later = content(&disk, &path);
        later[7] = 9;
        let body = later.len() - 4;
        let crc = crc32c::crc32c(&later[..body]);
        later[body..].copy_from_slice(&crc.to_be_bytes());
        let changed = disk.fork();
        changed.plant(&path, &later).unwrap();
        let err = served(changed, &want).unwrap_err();
        assert!(err.contains(name) && err.contains("format version 9"), "{err}");
    }
}

#[test]
fn a_missing_first_segment_is_an_error() {
    let (disk, want) = fixture();
    disk.remove_file(&Path::new(DIR).join("00000000000000000000.log")).unwrap();
    let err = served(disk, &want).unwrap_err();
    assert!(err.contains("is missing"), "{err}");
}
