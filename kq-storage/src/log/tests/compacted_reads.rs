//! Readers beside a pass: what was planned before a swap is read after it.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::compacting::{compacted, request};
use super::*;
use crate::LogConfig;
use crate::compact::Stepped;

const ROUNDS: u64 = 12;

fn put(log: &mut Log, nth: u64) {
    let (key, value) =
        (format!("k{}", nth % 7), "v".repeat(1 + usize::try_from(nth % 50).unwrap()));
    let builder = BatchBuilder::new(Compression::None);
    let batch = builder.record(NOW, Some(key.as_bytes()), Some(value.as_bytes()));
    log.append(batch.build().unwrap(), EPOCH, NOW).unwrap();
}

/// Reads on from `from` to the end that the log had: whole batches, one after the other.
fn read_on(log: &Mutex<Log>, from: u64) -> usize {
    let (mut next, mut count) = (Offset(from), 0);
    loop {
        let plan = {
            let mut log = log.lock();
            let end = log.log_end().offset();
            if next >= end {
                return count;
            }
            log.read(next, end, 300, true).unwrap()
        };
        let bytes = plan.copy_out().unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let header = BatchHeader::parse_verified(rest).unwrap();
            assert!(
                header.base_offset <= next && next < header.next_offset(),
                "{header} at {next}"
            );
            next = header.next_offset();
            count += records(rest, &header, LogConfig::default().decompress).unwrap().len();
            rest = &rest[header.size..];
        }
        assert_eq!(next, plan.next_offset);
    }
}

fn compact_beside(log: &Mutex<Log>) {
    let Some(mut pass) = log.lock().begin_compaction(request()).unwrap() else { return };
    loop {
        match pass.step(100).unwrap() {
            Stepped::Going => {}
            Stepped::Done => break,
            Stepped::Group(group) => {
                let published = log.lock().publish(*group, false).unwrap().unwrap();
                let stable = published.sync();
                log.lock().switch(stable).unwrap().unwrap();
            }
        }
    }
    assert!(log.lock().finish_compaction(&pass, NOW).unwrap());
}

#[test]
fn readers_beside_a_pass_find_whole_batches_in_order() {
    let bench = Bench::new();
    let files = OpenFiles::new(Arc::new(RealFs), 1);
    let created = Log::create(files, bench.dir.clone(), LogIdentity([7; 16]), compacted(), NOW);
    let (log, is_done) = (Mutex::new(created.unwrap()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers = [0, 13].map(|from| {
            let (log, is_done) = (&log, &is_done);
            scope.spawn(move || {
                let mut rounds = 0;
                while !is_done.load(Ordering::Acquire) || rounds == 0 {
                    read_on(log, from);
                    rounds += 1;
                }
            })
        });
        for round in 0..ROUNDS {
            for nth in 0..40 {
                put(&mut log.lock(), round * 40 + nth);
            }
            sync(&mut log.lock());
            compact_beside(&log);
        }
        is_done.store(true, Ordering::Release);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    assert!(read_on(&log, 0) < 60, "most was compacted away");
}
