//! Compaction beside a bare read of what it reads and a bare write of what it writes.
//!
//! `cargo bench -p kq-storage --bench compact`

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kq_storage::batch::{BatchBuilder, Compression};
use kq_storage::vfs::RealFs;
use kq_storage::{
    CompactionRequest, LeaderEpoch, Log, LogConfig, LogIdentity, Offset, OpenFiles, Stepped,
    TimestampMs,
};

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
const LOG_BYTES: u64 = 512 << 20;
const SEGMENT_BYTES: u64 = 64 << 20;
const RECORDS_PER_BATCH: u64 = 16;
/// Bytes that one step may move, as the broker's cleaner has it.
const STEP_BYTES: u64 = 4 << 20;
const ROUNDS: usize = 3;

type Failure = Box<dyn std::error::Error>;

/// What a log is made of.
struct Case {
    name: &'static str,
    record_bytes: usize,
    compression: Compression,
    /// Of two records, one has a key that comes back; else none is ever superseded.
    has_superseded: bool,
}

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() -> Result<(), Failure> {
    let root = tempfile::tempdir_in(".")?;
    let (plain, lz4) = (Compression::None, Compression::Lz4);
    let case = |name, record_bytes, compression, has_superseded| Case {
        name,
        record_bytes,
        compression,
        has_superseded,
    };
    for case in [
        case("compact_1k", 1_000, plain, true),
        case("compact_100b", 100, plain, true),
        case("compact_1k_lz4", 1_000, lz4, true),
        case("compact_1k_clean", 1_000, plain, false),
    ] {
        let mut ratios = Vec::new();
        let mut moved = Moved::default();
        for _ in 0..ROUNDS {
            let dir = root.path().join("log");
            let mut log = filled(&dir, &case)?;
            let inputs = segments(&dir)?;
            // Both find the input in the page cache.
            read_all(&inputs)?;
            let (bare_read, read) = timed(|| read_all(&inputs))?;
            let (compaction, written) = timed(|| compact(&mut log))?;
            let (bare_write, ()) = timed(|| write_bare(root.path(), written))?;
            ratios.push((bare_read + bare_write).as_secs_f64() / compaction.as_secs_f64());
            moved = Moved { read, written };
            log.close()?;
            fs::remove_dir_all(&dir)?;
        }
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
        println!(
            "{{\"case\":\"{}\",\"ratio\":{ratio:.3},\"read_mib\":{},\"written_mib\":{}}}",
            case.name,
            moved.read >> 20,
            moved.written >> 20
        );
    }
    Ok(())
}

#[derive(Default)]
struct Moved {
    read: u64,
    written: u64,
}

fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(Duration, T), Failure> {
    let start = now();
    let gave = work()?;
    Ok((now().duration_since(start), gave))
}

#[expect(clippy::disallowed_methods, reason = "a bench takes the time")]
fn now() -> Instant {
    Instant::now()
}

/// A log of whole segments, on stable storage.
fn filled(dir: &Path, case: &Case) -> Result<Log, Failure> {
    let files = OpenFiles::new(Arc::new(RealFs), 64);
    let config = LogConfig {
        compact: true,
        delete: false,
        segment_bytes: SEGMENT_BYTES,
        ..LogConfig::default()
    };
    let mut log = Log::create(files, dir.to_path_buf(), LogIdentity([1; 16]), config, NOW)?;
    let value = noise(case.record_bytes);
    let (mut number, mut bytes) = (0_u64, 0);
    while bytes < LOG_BYTES {
        let mut builder = BatchBuilder::new(case.compression);
        for _ in 0..RECORDS_PER_BATCH {
            let is_old = case.has_superseded && number % 2 == 1;
            let key = if is_old {
                format!("hot-{:020}", number % 2_000)
            } else {
                format!("one-{number:020}")
            };
            builder = builder.record(NOW, Some(key.as_bytes()), Some(&value));
            number += 1;
        }
        let batch = builder.build()?;
        bytes += batch.len() as u64;
        log.append(batch, LeaderEpoch(1), NOW)?;
        if number % (1 << 14) == 0 {
            sync(&mut log)?;
        }
    }
    sync(&mut log)?;
    Ok(log)
}

fn sync(log: &mut Log) -> Result<(), Failure> {
    while let Some(work) = log.begin_sync() {
        let outcome = work.run();
        log.finish_sync(outcome)?;
        log.note_synced();
    }
    Ok(())
}

/// Half of it words, half of it noise: it compresses about as real records do.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut value = Vec::with_capacity(bytes + 16);
    while value.len() < bytes {
        value.extend_from_slice(&next().to_le_bytes());
        value.extend_from_slice(b"accepted");
    }
    value.truncate(bytes);
    value
}

/// The files of batches, oldest first.
fn segments(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(dir)?.map(|entry| entry.map(|it| it.path()));
    let mut files = entries.collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|it| it == "log"));
    files.sort();
    // The last one is active: compaction leaves it alone.
    files.pop();
    Ok(files)
}

fn read_all(files: &[PathBuf]) -> Result<u64, Failure> {
    let mut buffer = vec![0; 1 << 20];
    let mut sum = 0;
    for path in files {
        let mut file = File::open(path)?;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => sum += count as u64,
            }
        }
    }
    Ok(sum)
}

/// As many bytes as were written, in files of a segment's size, each synced.
fn write_bare(root: &Path, bytes: u64) -> Result<(), Failure> {
    let dir = root.join("bare");
    fs::create_dir_all(&dir)?;
    let block = vec![7; 1 << 20];
    let mut left = bytes;
    let mut number = 0;
    while left > 0 {
        let mut file = File::create(dir.join(number.to_string()))?;
        let mut space = SEGMENT_BYTES.min(left);
        left -= space;
        while space > 0 {
            let count = space.min(block.len() as u64);
            file.write_all(block.get(..usize::try_from(count)?).unwrap_or_default())?;
            space -= count;
        }
        file.sync_data()?;
        number += 1;
    }
    fs::remove_dir_all(&dir)?;
    Ok(())
}

/// One pass to its end; how many bytes it wrote.
fn compact(log: &mut Log) -> Result<u64, Failure> {
    let request = CompactionRequest {
        bound: Offset(u64::MAX),
        now: NOW,
        map_bytes_max: 128 << 20,
        seed: [1, 2],
        keeps_tombstones: false,
        is_demanded: true,
        spare_bytes: 0,
    };
    let mut pass = log.begin_compaction(request)?.ok_or("nothing is to be compacted")?;
    let mut written = 0;
    loop {
        match pass.step(STEP_BYTES)? {
            Stepped::Going => {}
            Stepped::Done => break,
            Stepped::Group(group) => {
                let published = log.publish(*group, false)?.ok_or("a group was called off")?;
                let replaced = log.switch(published.sync())?.ok_or("a group was called off")?;
                written += replaced.bytes_after;
            }
        }
    }
    log.finish_compaction(&pass, NOW)?;
    Ok(written)
}
