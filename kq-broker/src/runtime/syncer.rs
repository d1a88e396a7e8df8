//! The sync threads of a log directory: each takes a partition off the queue and syncs it, group
//! commits of one partition one after another, of several partitions side by side. In a simulation
//! they are tasks, and a sync takes a while.

use std::io;
use std::sync::Arc;

#[cfg(feature = "turmoil")]
use tokio::task::JoinHandle;

#[cfg(not(feature = "turmoil"))]
use std::thread::JoinHandle;

use super::sync_queue::Task;
use super::{Clock, LogDir};

/// Threads to be joined at the end.
#[derive(Debug)]
pub(super) struct Syncer {
    dir: Arc<LogDir>,
    threads: Vec<JoinHandle<()>>,
}

impl Syncer {
    /// Starts `count` threads for a directory.
    pub(super) fn start(dir: &Arc<LogDir>, count: usize, clock: Clock) -> io::Result<Self> {
        let spawn = |number: usize| spawn(number, Arc::clone(dir), clock);
        let threads = (0..count.max(1)).map(spawn).collect::<io::Result<_>>()?;
        Ok(Self { dir: Arc::clone(dir), threads })
    }

    /// Lets each thread finish the sync it is at, and ends it.
    pub(super) fn stop(self) {
        self.dir.queue().stop();
        for thread in self.threads {
            end(thread);
        }
    }
}

#[cfg(not(feature = "turmoil"))]
fn spawn(number: usize, dir: Arc<LogDir>, clock: Clock) -> io::Result<JoinHandle<()>> {
    let work = move || {
        while let Some(task) = dir.queue().pop(|| clock.instant()) {
            match task {
                Task::Sync(partition, taken) => {
                    if let Some(begun) = partition.begin_sync(taken) {
                        partition.finish_sync(begun);
                    }
                    dir.queue().finish(taken);
                }
                Task::Note(partition) => partition.note_synced(),
            }
        }
    };
    let name = format!("kq-sync-{number}");
    std::thread::Builder::new().name(name).stack_size(256 * 1024).spawn(work)
}

#[cfg(not(feature = "turmoil"))]
fn end(thread: JoinHandle<()>) {
    // A panic aborts the process before it could be met here.
    let _ = thread.join();
}

#[cfg(feature = "turmoil")]
#[expect(clippy::unnecessary_wraps, reason = "a thread may be refused, a task is not")]
fn spawn(_: usize, dir: Arc<LogDir>, clock: Clock) -> io::Result<JoinHandle<()>> {
    Ok(tokio::spawn(async move {
        loop {
            match dir.queue().pop_in_task(|| clock.instant()).await {
                Task::Sync(partition, taken) => {
                    if let Some(begun) = partition.begin_sync(taken) {
                        crate::env::disk_latency().await;
                        partition.finish_sync(begun);
                    }
                    dir.queue().finish(taken);
                }
                Task::Note(partition) => partition.note_synced(),
            }
        }
    }))
}

/// A sync that is under way is as good as never begun.
#[cfg(feature = "turmoil")]
fn end(task: JoinHandle<()>) {
    task.abort();
}
