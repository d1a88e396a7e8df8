//! The queue as tasks see it that stand for sync threads in a simulation.

use std::time::Instant;

use super::{State, SyncQueue, Task};

impl<T> SyncQueue<T> {
    /// Waits for the next task.
    pub(in crate::runtime) async fn pop_in_task(&self, now: impl Fn() -> Instant) -> Task<T> {
        loop {
            let due = {
                let mut state = self.state.lock();
                let (task, due) = (state.take_ready(now()), state.due());
                if let Some(task) = task {
                    // The next one is for another task, if one is idle.
                    self.news.notify_one();
                    return task;
                }
                due
            };
            match due {
                Some(due) => {
                    // Either ends it.
                    let _ = tokio::time::timeout_at(due.into(), self.news.notified()).await;
                }
                None => self.news.notified().await,
            }
        }
    }
}

impl<T> State<T> {
    fn take_ready(&mut self, now: Instant) -> Option<Task<T>> {
        if let Some(task) = self.take_urgent(|| now) {
            return Some(task);
        }
        self.due().filter(|due| *due <= now)?;
        self.take_due(now)
    }
}
