//! The bytes of one file of a log, byte 0 choosing which: opened, read, searched.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use kq_storage::batch::{BatchBuilder, Compression, ProducerMark};
use kq_storage::sim::SimDisk;
use kq_storage::vfs::Vfs;
use kq_storage::{
    LeaderEpoch, Log, LogConfig, LogIdentity, OpenFiles, ProducerEpoch, ProducerId, TimestampMs,
};
use libfuzzer_sys::fuzz_target;

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

fn config() -> LogConfig {
    LogConfig { segment_bytes: 700, index_interval_bytes: 100, ..LogConfig::default() }
}

fn files(disk: &SimDisk) -> Arc<OpenFiles> {
    OpenFiles::new(Arc::new(disk.clone()), 8)
}

/// A log of a few segments, ended in order.
fn fixture(dir: &Path) -> SimDisk {
    let disk = SimDisk::new(1);
    let identity = LogIdentity([9; 16]);
    let mut log = Log::create(files(&disk), PathBuf::from(dir), identity, config(), NOW)
        .expect("an empty disk takes a log");
    for nth in 0..20 {
        let (id, epoch) = (ProducerId(4), ProducerEpoch(0));
        let batch = BatchBuilder::new(Compression::None)
            .producer(ProducerMark { id, epoch, first_sequence: Some(nth) })
            .record(TimestampMs(NOW.0 + i64::from(nth)), None, Some(b"value"))
            .build()
            .expect("a small batch can be built");
        log.append(batch, LeaderEpoch(nth / 6), NOW).expect("the log takes it");
    }
    log.close().expect("the disk takes it");
    disk
}

fuzz_target!(|data: &[u8]| {
    static FIXTURE: OnceLock<SimDisk> = OnceLock::new();
    let dir = Path::new("/t-0");
    let disk = FIXTURE.get_or_init(|| fixture(dir)).fork();
    let Some((which, bytes)) = data.split_first() else { return };
    let names = disk.list(dir).expect("the log is there");
    let name = &names[usize::from(*which) % names.len()].name;
    disk.plant(&dir.join(name), bytes).expect("the disk takes a file");
    let Ok((mut log, _)) = Log::open(files(&disk), PathBuf::from(dir), config(), NOW) else {
        return;
    };
    let end = log.log_end().offset();
    let mut next = log.log_start().offset();
    while next < end {
        let Ok(plan) = log.read(next, end, 300, true) else { break };
        plan.copy_out().expect("what is planned can be read");
        assert!(next < plan.next_offset, "a read does not move on");
        next = plan.next_offset;
    }
    let _ = log.find_by_time(TimestampMs(NOW.0 + 7), end);
    let _ = log.max_timestamp(end);
});
