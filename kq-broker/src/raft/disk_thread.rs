//! The thread that raft's files are behind: it serves what the store asks, in order, and closes the
//! log when the last asker is gone. In a simulation it is a task, and a sync takes a while.

use std::collections::VecDeque;
use std::io;

use super::disk::{Disk, Task};

#[cfg(not(feature = "turmoil"))]
pub(super) use self::real::{DiskThread, Tasks, start};
#[cfg(feature = "turmoil")]
pub(super) use self::simulated::{DiskThread, Tasks, start};

#[cfg(not(feature = "turmoil"))]
mod real {
    use std::sync::mpsc::{self, Receiver};
    use std::thread::JoinHandle;

    use super::{Disk, Task, VecDeque, io};

    /// Where tasks are put.
    pub(crate) type Tasks = mpsc::Sender<Task>;

    /// It ends with the last entry, if it closed the log in order.
    #[derive(Debug)]
    pub(crate) struct DiskThread(JoinHandle<Option<u64>>);

    pub(crate) fn start(disk: Disk) -> io::Result<(Tasks, DiskThread)> {
        let (tasks, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("kq-metadata".into());
        Ok((tasks, DiskThread(thread.spawn(move || serve(disk, &inbox))?)))
    }

    fn serve(mut disk: Disk, inbox: &Receiver<Task>) -> Option<u64> {
        let mut waiting = VecDeque::new();
        while let Ok(task) = inbox.recv() {
            waiting.push_back(task);
            waiting.extend(inbox.try_iter());
            while !waiting.is_empty() {
                let unsynced = disk.append_row(&mut waiting);
                disk.sync(unsynced);
                waiting.pop_front().into_iter().for_each(|task| disk.serve_one(task));
            }
        }
        disk.close()
    }

    impl DiskThread {
        /// Waits for its end.
        pub(crate) async fn join(self) -> Option<u64> {
            tokio::task::spawn_blocking(move || self.0.join().ok()?).await.ok()?
        }
    }
}

#[cfg(feature = "turmoil")]
mod simulated {
    use tokio::sync::mpsc::{self, UnboundedReceiver};
    use tokio::task::JoinHandle;

    use super::{Disk, Task, VecDeque, io};
    use crate::env;

    /// Where tasks are put.
    pub(crate) type Tasks = mpsc::UnboundedSender<Task>;

    /// It ends with the last entry, if it closed the log in order.
    #[derive(Debug)]
    pub(crate) struct DiskThread(JoinHandle<Option<u64>>);

    #[expect(clippy::unnecessary_wraps, reason = "a thread may be refused, a task is not")]
    pub(crate) fn start(disk: Disk) -> io::Result<(Tasks, DiskThread)> {
        let (tasks, inbox) = mpsc::unbounded_channel();
        Ok((tasks, DiskThread(tokio::spawn(serve(disk, inbox)))))
    }

    async fn serve(mut disk: Disk, mut inbox: UnboundedReceiver<Task>) -> Option<u64> {
        let mut waiting = VecDeque::new();
        while let Some(task) = inbox.recv().await {
            waiting.push_back(task);
            waiting.extend(std::iter::from_fn(|| inbox.try_recv().ok()));
            while !waiting.is_empty() {
                let unsynced = disk.append_row(&mut waiting);
                if !unsynced.is_empty() {
                    env::disk_latency().await;
                }
                disk.sync(unsynced);
                waiting.pop_front().into_iter().for_each(|task| disk.serve_one(task));
            }
        }
        disk.close()
    }

    impl DiskThread {
        /// Waits for its end.
        pub(crate) async fn join(self) -> Option<u64> {
            self.0.await.ok()?
        }
    }
}
