//! Compaction beside a bare read of what it reads and a bare write of what it writes.
//!
//! `cargo bench -p kq-storage --bench compact`, with part of a case's name behind `--` for some only.
//! `ratio` is the bare read and write over compaction; `codec_ratio` counts with the bare ones what
//! the codec takes to decompress what is read and to compress what is written. `cpu_ratio` is the
//! latter of CPU time, which does not hang on who else uses the machine.

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
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
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
        if wanted.as_ref().is_some_and(|wanted| !case.name.contains(wanted)) {
            continue;
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(root.path(), &case)?);
        }
        rounds.sort_by(|one, other| one.ratio().total_cmp(&other.ratio()));
        let Some(median) = rounds.get(rounds.len() / 2) else { continue };
        println!("{{\"case\":\"{}\",{median}}}", case.name);
    }
    Ok(())
}

/// Fills a log, compacts it and does the same bare.
fn round(root: &Path, case: &Case) -> Result<Round, Failure> {
    let dir = root.join("log");
    let mut log = filled(&dir, case)?;
    let inputs = segments(&dir)?;
    // Both find the input in the page cache.
    read_all(&inputs)?;
    let (bare_read, read) = timed(|| read_all(&inputs))?;
    let (compaction, written) = timed(|| compact(&mut log))?;
    let (bare_write, ()) = timed(|| write_bare(root, written))?;
    let codec = codec_time(case, read, written)?;
    log.close()?;
    fs::remove_dir_all(&dir)?;
    Ok(Round { bare_read, bare_write, codec, compaction, read, written })
}

/// What the codec takes alone: to decompress as many bytes as are read, and compress as are written.
fn codec_time(case: &Case, read: u64, written: u64) -> Result<Took, Failure> {
    if case.compression == Compression::None {
        return Ok(Took::default());
    }
    let records = (0..RECORDS_PER_BATCH).flat_map(|nth| value(case, nth)).collect::<Vec<_>>();
    let compressed = lz4_flex::block::compress(&records);
    let mut room = vec![0; lz4_flex::block::get_maximum_output_size(records.len())];
    let mut plain = vec![0; records.len()];
    let size = compressed.len() as u64;
    let (spent, ()) = timed(|| {
        for _ in 0..read / size {
            lz4_flex::block::decompress_into(&compressed, &mut plain)?;
        }
        for _ in 0..written / size {
            lz4_flex::block::compress_into(&records, &mut room)?;
        }
        Ok(())
    })?;
    Ok(spent)
}

/// What one round took.
struct Round {
    bare_read: Took,
    bare_write: Took,
    codec: Took,
    compaction: Took,
    read: u64,
    written: u64,
}

impl Round {
    fn ratio(&self) -> f64 {
        self.ratio_of(|took| took.wall, Duration::ZERO)
    }

    fn ratio_of(&self, of: fn(&Took) -> Duration, besides: Duration) -> f64 {
        let bare = of(&self.bare_read) + of(&self.bare_write) + besides;
        bare.as_secs_f64() / of(&self.compaction).as_secs_f64()
    }
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "\"ratio\":{:.3},\"codec_ratio\":{:.3},\"cpu_ratio\":{:.3},\"compaction_ms\":{},\
             \"compaction_cpu_ms\":{},\"read_ms\":{},\"write_ms\":{},\"codec_ms\":{},\"read_mib\":{},\
             \"written_mib\":{}",
            self.ratio(),
            self.ratio_of(|took| took.wall, self.codec.wall),
            self.ratio_of(|took| took.cpu, self.codec.cpu),
            self.compaction.wall.as_millis(),
            self.compaction.cpu.as_millis(),
            self.bare_read.wall.as_millis(),
            self.bare_write.wall.as_millis(),
            self.codec.wall.as_millis(),
            self.read >> 20,
            self.written >> 20
        )
    }
}

fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(Took, T), Failure> {
    let (start, cpu_start) = (now(), cpu()?);
    let gave = work()?;
    let (wall, cpu) = (now().duration_since(start), cpu()?.saturating_sub(cpu_start));
    Ok((Took { wall, cpu }, gave))
}

/// The time that this thread has run: says more than the clock where others want the cores as well.
fn cpu() -> Result<Duration, Failure> {
    let told = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = told.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanos))
}

/// What some work took.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    wall: Duration,
    cpu: Duration,
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
            builder = builder.record(NOW, Some(key.as_bytes()), Some(&value(case, number)));
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

/// A record's own value: half of it words, half of it noise. It compresses about as real records do.
fn value(case: &Case, number: u64) -> Vec<u8> {
    let mut state = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut value = Vec::with_capacity(case.record_bytes + 16);
    while value.len() < case.record_bytes {
        value.extend_from_slice(&next().to_le_bytes());
        value.extend_from_slice(b"accepted");
    }
    value.truncate(case.record_bytes);
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
