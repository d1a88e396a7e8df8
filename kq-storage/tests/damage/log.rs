//! Arbitrary bytes in the files of a partition log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kq_storage::batch::{BatchBuilder, Compression, ProducerMark};
use kq_storage::sim::SimDisk;
use kq_storage::vfs::{OpenMode, Vfs, create_dir_durable, read_all};
use kq_storage::{
    LeaderEpoch, Log, LogConfig, LogIdentity, Offset, OpenFiles, ProducerEpoch, ProducerId,
    TimedOffset, TimestampMs, read_identity,
};

use crate::hostile::for_each_variant;

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

fn dir() -> &'static Path {
    Path::new("/data/t-0")
}

fn config() -> LogConfig {
    LogConfig { segment_bytes: 700, index_interval_bytes: 100, ..LogConfig::default() }
}

fn files(disk: &SimDisk) -> Arc<OpenFiles> {
    OpenFiles::new(Arc::new(disk.clone()), 8)
}

/// A log of a few segments, ended in order, and all its bytes.
fn fixture() -> (SimDisk, Vec<u8>) {
    let disk = SimDisk::new(1);
    create_dir_durable(&disk, dir().parent().unwrap()).unwrap();
    let identity = LogIdentity([9; 16]);
    let mut log = Log::create(files(&disk), PathBuf::from(dir()), identity, config(), NOW).unwrap();
    for nth in 0..20 {
        let mark =
            ProducerMark { id: ProducerId(4), epoch: ProducerEpoch(0), first_sequence: Some(nth) };
        let value = format!("value {nth}");
        let batch = BatchBuilder::new(Compression::None)
            .producer(mark)
            .record(TimestampMs(NOW.0 + i64::from(nth)), None, Some(value.as_bytes()))
            .build()
            .unwrap();
        log.append(batch, LeaderEpoch(nth / 6), NOW).unwrap();
    }
    let bytes = served(&mut log).unwrap();
    log.delete_records_before(Offset(1)).unwrap();
    log.close().unwrap();
    (disk, bytes)
}

/// All that readers get, in pieces; what was got before an error counts too.
fn served(log: &mut Log) -> Result<Vec<u8>, Vec<u8>> {
    let mut bytes = Vec::new();
    let mut next = log.log_start().offset();
    while next < log.log_end().offset() {
        let Ok(plan) = log.read(next, log.log_end().offset(), 300, true) else { return Err(bytes) };
        bytes.extend(plan.copy_out().unwrap());
        assert!(next < plan.next_offset, "a read does not move on");
        next = plan.next_offset;
    }
    Ok(bytes)
}

/// What look-ups by time answer.
fn looked_up(log: &mut Log) -> Vec<Option<TimedOffset>> {
    let end = log.log_end().offset();
    let times = [0, NOW.0 + 3, NOW.0 + 11, NOW.0 + 19, NOW.0 + 100];
    let mut found: Vec<_> = times
        .iter()
        .map(|time| log.find_by_time(TimestampMs(*time), end).unwrap_or_default())
        .collect();
    found.push(log.max_timestamp(end).unwrap_or_default());
    found
}

/// Plants variants of the files of one kind; whatever is in them, nothing panics, and nobody is
/// served what was not appended.
fn try_variants_of(
    wanted: impl Fn(&str, &str) -> bool,
    judge: impl Fn(Log, &str, Option<&[u8]>, &[u8]),
) {
    let (disk, bytes) = fixture();
    let mut tried = 0;
    for entry in disk.list(dir()).unwrap() {
        let name = entry.name;
        let (_, kind) = name.split_once('.').unwrap_or(("", ""));
        if !wanted(&name, kind) {
            continue;
        }
        let path = dir().join(&name);
        let valid = read_all(disk.open(&path, OpenMode::Read).unwrap().as_ref()).unwrap();
        for_each_variant(&valid, |seed, variant| {
            tried += 1;
            let copy = disk.fork();
            copy.plant(&path, variant).unwrap();
            let opened = Log::open(files(&copy), PathBuf::from(dir()), config(), NOW);
            let Ok((mut log, _)) = opened else { return };
            let found = served(&mut log);
            let (Ok(part) | Err(part)) = &found;
            let is_part = part.is_empty() || bytes.windows(part.len()).any(|of| of == part);
            let case = format!("variant {seed} of {name}");
            assert!(is_part, "{case} is served");
            judge(log, &case, found.ok().as_deref(), &bytes);
        });
    }
    assert!(tried > 0, "there is no such file");
}

#[test]
fn arbitrary_segments_never_panic_nor_are_served() {
    try_variants_of(|_, kind| kind == "log", |mut log, _, _, _| drop(looked_up(&mut log)));
}

#[test]
fn arbitrary_indexes_never_panic_nor_mislead() {
    let (disk, _) = fixture();
    let (mut log, _) = Log::open(files(&disk), PathBuf::from(dir()), config(), NOW).unwrap();
    let want = looked_up(&mut log);
    // What can be made again out of the batches never stands in anybody's way.
    try_variants_of(
        |_, kind| kind.ends_with("index"),
        |mut log, case, found, bytes| {
            assert!(found.is_some_and(|found| bytes.ends_with(found)), "{case} is in the way");
            assert_eq!(looked_up(&mut log), want, "{case} misleads");
        },
    );
}

#[test]
fn arbitrary_snapshots_and_checkpoints_never_panic_nor_mislead() {
    let small = ["recovery-point", "leader-epoch-checkpoint"];
    try_variants_of(
        |name, kind| kind == "snapshot" || small.contains(&name),
        |mut log, _, _, _| drop(looked_up(&mut log)),
    );
}

#[test]
fn arbitrary_identity_is_never_another_identity() {
    let (disk, _) = fixture();
    let path = dir().join(kq_storage::IDENTITY_FILE);
    let valid = read_all(disk.open(&path, OpenMode::Read).unwrap().as_ref()).unwrap();
    for_each_variant(&valid, |seed, variant| {
        disk.plant(&path, variant).unwrap();
        if let Ok(Some(found)) = read_identity(&disk, dir()) {
            assert_eq!(found, LogIdentity([9; 16]), "variant {seed} is another identity");
        }
    });
}
