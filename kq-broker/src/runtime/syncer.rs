//! The sync threads of a log directory: each takes a partition off the queue and syncs it, group
//! commits of one partition one after another, of several partitions side by side.

use std::io;
use std::sync::Arc;
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
        let spawn = |number: usize| {
            let dir = Arc::clone(dir);
            let work = move || {
                while let Some(task) = dir.queue().pop(|| clock.instant()) {
                    match task {
                        Task::Sync(partition, taken) => partition.sync(taken),
                        Task::Note(partition) => partition.note_synced(),
                    }
                }
            };
            let name = format!("kq-sync-{number}");
            std::thread::Builder::new().name(name).stack_size(256 * 1024).spawn(work)
        };
        let threads = (0..count.max(1)).map(spawn).collect::<io::Result<_>>()?;
        Ok(Self { dir: Arc::clone(dir), threads })
    }

    /// Lets each thread finish the sync it is at, and ends it.
    pub(super) fn stop(self) {
        self.dir.queue().stop();
        for thread in self.threads {
            // A panic aborts the process before it could be met here.
            let _ = thread.join();
        }
    }
}
