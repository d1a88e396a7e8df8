//! Many idle partitions: how long they take to open after a clean stop and after a kill, and what
//! each holds in memory.
//!
//! Syncs of that many new logs take minutes on some disks; `KQ_BENCH_DIR` can name a directory in
//! memory instead.
//! `KQ_BENCH_DIR=/dev/shm cargo bench -p kq-storage --bench open`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kq_storage::batch::{BatchBuilder, Compression};
use kq_storage::vfs::RealFs;
use kq_storage::{LeaderEpoch, Log, LogConfig, LogIdentity, OpenFiles, TimestampMs};

const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
const PARTITIONS: usize = 10_000;

type Failure = Box<dyn std::error::Error>;

#[expect(clippy::print_stdout, reason = "a bench reports on standard output")]
fn main() -> Result<(), Failure> {
    let root = std::env::var("KQ_BENCH_DIR").unwrap_or_else(|_| ".".to_owned());
    let root = tempfile::tempdir_in(root)?;
    let files = OpenFiles::new(Arc::new(RealFs), 512);
    let dirs: Vec<PathBuf> =
        (0..PARTITIONS).map(|nth| root.path().join(format!("topic-{nth}"))).collect();
    let before = rss_bytes()?;
    let (logs, created) = timed(|| create(&files, &dirs))?;
    let held = rss_bytes()?.saturating_sub(before) / PARTITIONS;
    println!(
        "{{\"case\":\"create\",\"cpu_seconds\":{:.2},\"bytes_per_log\":{held}}}",
        created.as_secs_f64()
    );
    drop(logs);
    for (case, clean) in [("open_after_kill", true), ("open_after_clean_stop", false)] {
        let before = rss_bytes()?;
        let (mut logs, opened) = timed(|| open(&files, &dirs))?;
        let held = rss_bytes()?.saturating_sub(before) / PARTITIONS;
        let seconds = opened.as_secs_f64();
        println!("{{\"case\":\"{case}\",\"cpu_seconds\":{seconds:.2},\"bytes_per_log\":{held}}}");
        if clean {
            let ((), closed) =
                timed(|| logs.drain(..).try_for_each(Log::close).map_err(Failure::from))?;
            println!("{{\"case\":\"close\",\"cpu_seconds\":{:.2}}}", closed.as_secs_f64());
        }
    }
    Ok(())
}

fn create(files: &Arc<OpenFiles>, dirs: &[PathBuf]) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::with_capacity(dirs.len());
    for dir in dirs {
        let mut log = log_in(files, dir)?;
        let batch = BatchBuilder::new(Compression::None).record(NOW, None, Some(&[b'x'; 500]));
        log.append(batch.build()?, LeaderEpoch(1), NOW)?;
        if let Some(work) = log.begin_sync() {
            let outcome = work.run();
            log.finish_sync(outcome)?;
        }
        log.checkpoint()?;
        log.release();
        logs.push(log);
    }
    Ok(logs)
}

fn log_in(files: &Arc<OpenFiles>, dir: &Path) -> Result<Log, Failure> {
    let config = LogConfig::default();
    Ok(Log::create(files.clone(), dir.to_path_buf(), LogIdentity([1; 16]), config, NOW)?)
}

fn open(files: &Arc<OpenFiles>, dirs: &[PathBuf]) -> Result<Vec<Log>, Failure> {
    let mut logs = Vec::with_capacity(dirs.len());
    for dir in dirs {
        logs.push(Log::open(files.clone(), dir.clone(), LogConfig::default(), NOW)?.0);
    }
    Ok(logs)
}

/// Time on the processor that `act` takes.
fn timed<T>(act: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Duration), Failure> {
    let start = cpu_time()?;
    let done = act()?;
    Ok((done, cpu_time()?.saturating_sub(start)))
}

/// Time that this thread has spent on a processor: a busy machine does not change it.
fn cpu_time() -> std::io::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = stat.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| std::io::Error::other("no schedstat"))
}

fn rss_bytes() -> std::io::Result<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    Ok(pages.unwrap_or(0) * 4_096)
}
