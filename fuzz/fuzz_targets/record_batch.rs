//! A batch as a client sends it: checked, walked, appended.
#![no_main]

use std::path::PathBuf;
use std::sync::Arc;

use bytes::BytesMut;
use kq_storage::batch::{BatchHeader, records};
use kq_storage::sim::SimDisk;
use kq_storage::{LeaderEpoch, Log, LogConfig, LogIdentity, OpenFiles, TimestampMs};
use libfuzzer_sys::fuzz_target;

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

fuzz_target!(|data: &[u8]| {
    // With its checksum made right, so that what lies behind it is reached.
    let mut batch = BytesMut::from(data);
    if let Some((head, body)) = batch.split_at_mut_checked(21) {
        head[17..].copy_from_slice(&crc32c::crc32c(body).to_be_bytes());
    }
    let config = LogConfig::default();
    if let Ok(header) = BatchHeader::parse(&batch) {
        let _ = records(&batch, &header, config.decompress);
    }
    let files = OpenFiles::new(Arc::new(SimDisk::new(0)), 8);
    let identity = LogIdentity([1; 16]);
    let mut log = Log::create(files, PathBuf::from("/t-0"), identity, config, NOW)
        .expect("an empty disk takes a log");
    if let Ok(appended) = log.append(batch, LeaderEpoch(0), NOW) {
        let end = log.log_end().offset();
        let plan = log.read(appended.base_offset, end, usize::MAX, true).expect("it was appended");
        assert_eq!(plan.bytes, appended.bytes);
    }
});
