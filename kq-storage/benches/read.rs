//! Planning reads: what it costs to find the regions that are then sent as they are.
//!
//! `cargo bench -p kq-storage --bench read`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kq_storage::batch::{BatchBuilder, Compression};
use kq_storage::vfs::RealFs;
use kq_storage::{LeaderEpoch, Log, LogConfig, LogIdentity, Offset, OpenFiles, TimestampMs};

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
const LOG_BYTES: usize = 256 << 20;
const PASSES: u32 = 5;

type Failure = Box<dyn std::error::Error>;

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() -> Result<(), Failure> {
    let root = tempfile::tempdir_in(".")?;
    let mut log = filled(&root.path().join("log"))?;
    for (name, bytes_max, jump) in [
        ("plan_1m_one_after_another", 1 << 20, false),
        ("plan_64k_one_after_another", 64 << 10, false),
        ("plan_1m_anywhere", 1 << 20, true),
    ] {
        let per_plan = plans(&mut log, bytes_max, jump)?;
        println!("{{\"case\":\"{name}\",\"us_per_plan\":{:.2}}}", per_plan.as_secs_f64() * 1e6);
    }
    let files = OpenFiles::new(Arc::new(RealFs), 16);
    log.close()?;
    let (mut log, _) = Log::open(files, root.path().join("log"), LogConfig::default(), NOW)?;
    let start = cpu_time()?;
    read_through(&mut log, 1 << 20)?;
    let spent = cpu_time()?.saturating_sub(start);
    let per_gb = spent.as_secs_f64() * 1e9 / LOG_BYTES_F64;
    println!("{{\"case\":\"verify_at_first_read\",\"cpu_seconds_per_gb\":{per_gb:.3}}}");
    Ok(())
}

const LOG_BYTES_F64: f64 = 268_435_456.0;

fn filled(dir: &Path) -> Result<Log, Failure> {
    let files = OpenFiles::new(Arc::new(RealFs), 16);
    let config = LogConfig::default();
    let mut log = Log::create(files, dir.to_path_buf(), LogIdentity([1; 16]), config, NOW)?;
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..16 {
        builder = builder.record(NOW, None, Some(&[b'x'; 1_000]));
    }
    let batch = builder.build()?;
    for _ in 0..LOG_BYTES / batch.len() {
        log.append(batch.clone(), LeaderEpoch(1), NOW)?;
    }
    Ok(log)
}

/// The time of one plan, over the whole log several times.
fn plans(log: &mut Log, bytes_max: usize, jump: bool) -> Result<Duration, Failure> {
    let end = log.log_end().offset();
    let start = cpu_time()?;
    let mut count = 0;
    for _ in 0..PASSES {
        let mut from = Offset(0);
        while from < end {
            // A stride that no hint knows.
            let at = if jump { Offset((from.0 * 7_919 + 13) % end.0) } else { from };
            let plan = log.read(at, end, bytes_max, true)?;
            count += 1;
            from = if jump { from.plus(1_000) } else { plan.next_offset };
        }
    }
    Ok(cpu_time()?.saturating_sub(start) / count)
}

fn read_through(log: &mut Log, bytes_max: usize) -> Result<(), Failure> {
    let end = log.log_end().offset();
    let mut from = Offset(0);
    while from < end {
        from = log.read(from, end, bytes_max, true)?.next_offset;
    }
    Ok(())
}

/// Time that this thread has spent on a processor: a busy machine does not change it.
fn cpu_time() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| std::io::Error::other("no schedstat"))
}
