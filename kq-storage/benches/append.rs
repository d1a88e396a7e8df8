//! Appending to a log without syncs, beside its floor: crc32c and write(2) of the same bytes.
//!
//! One JSON line per case, the median of five rounds; both sides take turns in one run. What is
//! counted is the thread's time on the processor, so that a busy machine does not decide.
//! `cargo bench -p kq-storage --bench append`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use kq_storage::batch::{BatchBuilder, Compression};
use kq_storage::vfs::{OpenMode, RealFs, Vfs};
use kq_storage::{LeaderEpoch, Log, LogConfig, LogIdentity, OpenFiles, TimestampMs};

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
const ROUNDS: usize = 5;
const ROUND_BYTES: usize = 128 << 20;
/// Buffers made ahead of the clock, as many at a time.
const CHUNK_BYTES: usize = 16 << 20;

struct Case {
    name: &'static str,
    record_bytes: usize,
    records: usize,
    compression: Compression,
}

const CASES: [Case; 4] = [
    Case {
        name: "append_16k_of_1k_records",
        record_bytes: 1_000,
        records: 16,
        compression: Compression::None,
    },
    Case {
        name: "append_16k_of_100_byte_records",
        record_bytes: 100,
        records: 150,
        compression: Compression::None,
    },
    Case {
        name: "append_lz4_of_1k_records",
        record_bytes: 1_000,
        records: 16,
        compression: Compression::Lz4,
    },
    Case {
        name: "append_one_record_batches",
        record_bytes: 100,
        records: 1,
        compression: Compression::None,
    },
];

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = tempfile::tempdir_in(".")?;
    for case in CASES {
        println!("{}", measured(&case, root.path())?);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measured(case: &Case, root: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let batch = batch_of(case)?;
    let bytes = if case.records == 1 { ROUND_BYTES / 8 } else { ROUND_BYTES };
    let count = bytes / batch.len();
    let mut floors = Vec::new();
    let mut logs = Vec::new();
    for round in 0..ROUNDS {
        let dir = root.join(format!("{}-{round}", case.name));
        floors.push(floor(&batch, count, &dir)?);
        logs.push(log(&batch, count, &dir.join("log"))?);
        std::fs::remove_dir_all(&dir)?;
    }
    let (floor, log) = (median(floors), median(logs));
    let per_second = |time: Duration| (count * batch.len()) as f64 / time.as_secs_f64() / 1e6;
    let per_batch = log.as_secs_f64() * 1e6 / count as f64;
    Ok(format!(
        "{{\"case\":\"{}\",\"batch_bytes\":{},\"floor_mb_per_cpu_s\":{:.0},\"log_mb_per_cpu_s\":{:.0},\
         \"ratio\":{:.2},\"us_per_batch\":{per_batch:.2}}}",
        case.name,
        batch.len(),
        per_second(floor),
        per_second(log),
        floor.as_secs_f64() / log.as_secs_f64(),
    ))
}

fn batch_of(case: &Case) -> std::io::Result<BytesMut> {
    let mut builder = BatchBuilder::new(case.compression);
    for record in 0..case.records {
        // Half of it compresses, as text does.
        let value: Vec<u8> = (0..case.record_bytes)
            .map(|at| {
                let noise = crc32c::crc32c(&[at.to_le_bytes(), record.to_le_bytes()].concat());
                if at % 2 == 0 { b'a' } else { noise.to_le_bytes()[0] }
            })
            .collect();
        builder = builder.record(NOW, None, Some(&value));
    }
    builder.build()
}

fn buffers(batch: &BytesMut, left: &mut usize) -> Vec<BytesMut> {
    let count = (CHUNK_BYTES / batch.len()).min(*left);
    *left -= count;
    (0..count).map(|_| BytesMut::from(&batch[..])).collect()
}

fn floor(batch: &BytesMut, count: usize, dir: &Path) -> std::io::Result<Duration> {
    std::fs::create_dir_all(dir)?;
    let file = RealFs.open(&dir.join("floor"), OpenMode::CreateNew)?;
    let (mut at, mut left, mut spent) = (0, count, Duration::ZERO);
    let mut sum = 0_u32;
    while left > 0 {
        let chunk = buffers(batch, &mut left);
        let start = cpu_time()?;
        for buffer in chunk {
            sum ^= crc32c::crc32c(buffer.get(21..).unwrap_or_default());
            file.write_all_at(&buffer, at)?;
            at += buffer.len() as u64;
        }
        spent += cpu_time()?.saturating_sub(start);
    }
    std::hint::black_box(sum);
    Ok(spent)
}

fn log(batch: &BytesMut, count: usize, dir: &Path) -> Result<Duration, Box<dyn std::error::Error>> {
    let files = OpenFiles::new(Arc::new(RealFs), 16);
    let config = LogConfig::default();
    let mut log = Log::create(files, dir.to_path_buf(), LogIdentity([1; 16]), config, NOW)?;
    let (mut left, mut spent) = (count, Duration::ZERO);
    while left > 0 {
        let chunk = buffers(batch, &mut left);
        let start = cpu_time()?;
        for buffer in chunk {
            log.append(buffer, LeaderEpoch(1), NOW)?;
        }
        spent += cpu_time()?.saturating_sub(start);
    }
    Ok(spent)
}

/// Time that this thread has spent on a processor.
fn cpu_time() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| std::io::Error::other("no schedstat"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
