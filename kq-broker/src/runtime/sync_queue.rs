//! Which partitions of one log directory wait for a sync, and which of them first.
//!
//! ```text
//!   urgent   someone waits: a producer for its acks, a reader for records to become visible,
//!            or there is so much unsynced that the kernel would choke on it
//!   later    nobody waits: due after a delay, and then spaced out, so that many partitions that
//!            are written now and then do not keep the disk busy with syncs of a few bytes each
//!   notes    a sync is done, and how far it got is to be noted for the next start: a small write
//!            into the page cache, after a moment, so that many syncs need one note; in no hurry
//!            while someone waits for a sync
//! ```

#[cfg(feature = "turmoil")]
mod simulated;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// The least time between the starts of two syncs that nobody waits for.
const LATER_SPACING: Duration = Duration::from_millis(2);
/// The time within which all syncs that are due get done, however many they are.
const LATER_DRAIN_MAX: Duration = Duration::from_secs(5);

/// So many urgent syncs run side by side however few wait, and one more for each of so many that wait.
/// While one runs, more is appended for the next of the same partition: to begin each at once would
/// sync often and little. Many partitions at a time are better off together: a file system commits in
/// one go what waits at one time.
const SIDE_BY_SIDE: usize = 4;
const WAITING_PER_THREAD: usize = 16;

/// How long notes that are due stay behind urgent syncs before they take turns with them.
const NOTE_PATIENCE: Duration = Duration::from_secs(2);

/// When a partition is to be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// Nobody waits for it; at this moment or after.
    Later(Instant),
    /// As soon as a thread is free.
    Now,
}

/// What a sync thread is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task<T> {
    /// Sync the partition, which was queued with this urgency.
    Sync(T, Urgency),
    /// Note how far it is synced.
    Note(T),
}

/// The queue of one log directory, shared by its sync threads.
#[derive(Debug)]
pub(super) struct SyncQueue<T> {
    state: Mutex<State<T>>,
    /// Those sleep here that have nothing to do.
    wake: Condvar,
    /// One sleeps here until the next due time.
    due: Condvar,
    /// The same for the tasks that stand for threads in a simulation.
    #[cfg(feature = "turmoil")]
    news: tokio::sync::Notify,
}

#[derive(Debug)]
struct State<T> {
    urgent: VecDeque<T>,
    /// Urgent syncs that are under way.
    running: usize,
    /// By due time; the number keeps apart those of one instant.
    later: BTreeMap<(Instant, u64), T>,
    next_number: u64,
    /// In the order of their due times.
    notes: VecDeque<(Instant, T)>,
    /// The last task was an urgent sync: a note that has been due for long comes before the next
    /// one, so that a directory that is always busy does not fall behind with them.
    note_next: bool,
    /// No entry of `later` is taken before this moment.
    later_from: Option<Instant>,
    /// One of the waiting threads watches the due times; the others sleep until they are woken.
    watched: bool,
    stopping: bool,
}

impl<T> Default for SyncQueue<T> {
    fn default() -> Self {
        let state = State {
            urgent: VecDeque::new(),
            running: 0,
            later: BTreeMap::new(),
            next_number: 0,
            notes: VecDeque::new(),
            note_next: false,
            later_from: None,
            watched: false,
            stopping: false,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            due: Condvar::new(),
            #[cfg(feature = "turmoil")]
            news: tokio::sync::Notify::new(),
        }
    }
}

impl<T> SyncQueue<T> {
    /// Queues a partition.
    pub(super) fn push(&self, partition: T, urgency: Urgency) {
        let mut state = self.state.lock();
        if state.stopping {
            return;
        }
        #[cfg(feature = "turmoil")]
        self.news.notify_one();
        match urgency {
            Urgency::Now => {
                state.urgent.push_back(partition);
                let is_wanted = state.may_begin();
                drop(state);
                // When nobody sleeps, the one that watches the due times is idle still.
                if is_wanted && !self.wake.notify_one() {
                    self.due.notify_one();
                }
            }
            Urgency::Later(due) => {
                let is_first = state.later.keys().next().is_none_or(|(first, _)| due < *first);
                let number = state.next_number;
                state.next_number += 1;
                state.later.insert((due, number), partition);
                self.tell_of_due(state, is_first);
            }
        }
    }

    /// Queues a note; the due times of notes never fall.
    pub(super) fn push_note(&self, partition: T, due: Instant) {
        let mut state = self.state.lock();
        if state.stopping {
            return;
        }
        #[cfg(feature = "turmoil")]
        self.news.notify_one();
        let is_first = state.due().is_none_or(|first| due < first);
        state.notes.push_back((due, partition));
        self.tell_of_due(state, is_first);
    }

    /// Lets someone look at the due times, of which the newest may be the first.
    fn tell_of_due(&self, state: MutexGuard<'_, State<T>>, is_first: bool) {
        let watched = state.watched;
        drop(state);
        if !watched {
            self.wake.notify_one();
        } else if is_first {
            self.due.notify_one();
        }
    }

    /// Waits for the next task; none once the queue is closed.
    #[cfg_attr(feature = "turmoil", expect(dead_code, reason = "tasks stand for threads there"))]
    pub(super) fn pop(&self, now: impl Fn() -> Instant) -> Option<Task<T>> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            if let Some(task) = state.take_urgent(&now) {
                let is_sync = matches!(task, Task::Sync(..));
                let is_watch_free = is_sync && !state.watched && state.due().is_some();
                if is_watch_free || state.may_begin() {
                    self.wake.notify_one();
                }
                return Some(task);
            }
            if state.watched {
                self.wake.wait(&mut state);
                continue;
            }
            let Some(due) = state.due() else {
                self.wake.wait(&mut state);
                continue;
            };
            let at = now();
            if due <= at {
                let Some(task) = state.take_due(at) else { continue };
                if state.due().is_some() {
                    self.wake.notify_one();
                }
                return Some(task);
            }
            state.watched = true;
            self.due.wait_until(&mut state, due);
            state.watched = false;
        }
    }

    /// A sync that was taken out is over. Its thread comes for the next one, so nobody is woken.
    pub(super) fn finish(&self, urgency: Urgency) {
        if urgency == Urgency::Now {
            let mut state = self.state.lock();
            state.running = state.running.saturating_sub(1);
        }
    }

    /// Sends the threads home; what is queued is synced by whoever closes the partitions.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        state.stopping = true;
        state.urgent.clear();
        state.later.clear();
        state.notes.clear();
        drop(state);
        self.wake.notify_all();
        self.due.notify_all();
    }
}

impl<T> State<T> {
    /// When there is something to do that is not urgent.
    fn due(&self) -> Option<Instant> {
        let note = self.notes.front().map(|(due, _)| *due);
        note.into_iter().chain(self.later_due()).min()
    }

    /// Whether an urgent sync waits, and may run beside those that are under way.
    fn may_begin(&self) -> bool {
        let side_by_side = SIDE_BY_SIDE.max(self.urgent.len() / WAITING_PER_THREAD);
        !self.urgent.is_empty() && self.running < side_by_side
    }

    /// The next urgent sync, or the note whose turn it is before that.
    fn take_urgent(&mut self, now: impl Fn() -> Instant) -> Option<Task<T>> {
        if std::mem::take(&mut self.note_next)
            && let Some(partition) = self.take_late_note(now())
        {
            return Some(Task::Note(partition));
        }
        let partition = if self.may_begin() { self.urgent.pop_front() } else { None }?;
        self.running += 1;
        self.note_next = true;
        Some(Task::Sync(partition, Urgency::Now))
    }

    fn take_due(&mut self, now: Instant) -> Option<Task<T>> {
        if let Some(partition) = self.take_note(now) {
            return Some(Task::Note(partition));
        }
        let (due, partition) = self.take_later(now)?;
        Some(Task::Sync(partition, Urgency::Later(due)))
    }

    fn take_note(&mut self, now: Instant) -> Option<T> {
        let (_, partition) = self.notes.pop_front_if(|(due, _)| *due <= now)?;
        Some(partition)
    }

    fn take_late_note(&mut self, now: Instant) -> Option<T> {
        let (_, partition) = self.notes.pop_front_if(|(due, _)| *due + NOTE_PATIENCE <= now)?;
        Some(partition)
    }

    fn later_due(&self) -> Option<Instant> {
        let (due, _) = self.later.keys().next()?;
        Some(self.later_from.map_or(*due, |from| from.max(*due)))
    }

    fn take_later(&mut self, now: Instant) -> Option<(Instant, T)> {
        let count = u32::try_from(self.later.len()).unwrap_or(u32::MAX);
        let ((due, _), partition) = self.later.pop_first()?;
        self.later_from = Some(now + LATER_SPACING.min(LATER_DRAIN_MAX / count.max(1)));
        Some((due, partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any moment serves as the first one")]
    fn begin() -> Instant {
        Instant::now()
    }

    #[test]
    fn those_that_someone_waits_for_come_first() {
        let (queue, at) = (SyncQueue::default(), begin());
        queue.push("later", Urgency::Later(at));
        queue.push("now", Urgency::Now);
        assert_eq!(queue.pop(|| at), Some(Task::Sync("now", Urgency::Now)));
        assert_eq!(queue.pop(|| at), Some(Task::Sync("later", Urgency::Later(at))));
    }

    #[test]
    fn few_that_wait_are_synced_by_few() {
        let (queue, at) = (SyncQueue::default(), begin());
        (0..2 * SIDE_BY_SIDE).for_each(|number| queue.push(number, Urgency::Now));
        let take = || queue.state.lock().take_urgent(|| at);
        for number in 0..SIDE_BY_SIDE {
            assert_eq!(take(), Some(Task::Sync(number, Urgency::Now)));
        }
        assert_eq!(take(), None, "it waits, and what is appended meanwhile waits with it");
        queue.finish(Urgency::Now);
        queue.finish(Urgency::Later(at));
        assert_eq!(take(), Some(Task::Sync(SIDE_BY_SIDE, Urgency::Now)), "its thread comes for it");
        assert_eq!(take(), None, "one was over");
    }

    #[test]
    fn many_that_wait_are_synced_by_many() {
        let (queue, at) = (SyncQueue::default(), begin());
        let waiting = 8 * WAITING_PER_THREAD;
        (0..waiting).for_each(|number| queue.push(number, Urgency::Now));
        let mut state = queue.state.lock();
        let begun = std::iter::from_fn(|| state.take_urgent(|| at)).count();
        assert!((SIDE_BY_SIDE + 1..=8).contains(&begun), "{begun} of {waiting}");
    }

    #[test]
    fn notes_stay_behind_urgent_syncs() {
        let (queue, at) = (SyncQueue::default(), begin());
        queue.push_note("a", at);
        queue.push("1", Urgency::Now);
        queue.push("2", Urgency::Now);
        let tasks: Vec<_> = (0..3).filter_map(|_| queue.pop(|| at)).collect();
        let sync = |name| Task::Sync(name, Urgency::Now);
        assert_eq!(tasks, [sync("1"), sync("2"), Task::Note("a")]);
    }

    #[test]
    fn notes_long_due_take_turns_with_urgent_syncs() {
        let (queue, at) = (SyncQueue::default(), begin());
        let late = at + NOTE_PATIENCE;
        queue.push_note("a", at);
        queue.push_note("b", late);
        queue.push("1", Urgency::Now);
        queue.push("2", Urgency::Now);
        queue.push("3", Urgency::Now);
        let tasks: Vec<_> = (0..5).filter_map(|_| queue.pop(|| late)).collect();
        let sync = |name| Task::Sync(name, Urgency::Now);
        assert_eq!(tasks, [sync("1"), Task::Note("a"), sync("2"), sync("3"), Task::Note("b")]);
    }

    #[test]
    fn those_that_nobody_waits_for_are_spaced_out() {
        let (queue, at) = (SyncQueue::default(), begin());
        queue.push(1, Urgency::Later(at));
        queue.push(2, Urgency::Later(at));
        assert_eq!(queue.pop(|| at), Some(Task::Sync(1, Urgency::Later(at))));
        let mut state = queue.state.lock();
        assert_eq!(state.later_due(), Some(at + LATER_SPACING));
        for number in 3..20_000 {
            state.later.insert((at, number), 0);
        }
        state.take_later(at);
        assert!(state.later_due() < Some(at + LATER_SPACING));
    }

    #[test]
    fn an_earlier_due_time_is_not_slept_through() {
        let (queue, at) = (SyncQueue::default(), begin());
        queue.push("far", Urgency::Later(at + Duration::from_hours(1)));
        std::thread::scope(|scope| {
            let popped = scope.spawn(|| queue.pop(|| at));
            queue.push("near", Urgency::Later(at));
            assert_eq!(popped.join().unwrap(), Some(Task::Sync("near", Urgency::Later(at))));
        });
    }

    #[test]
    fn a_stopped_queue_sends_its_threads_home() {
        let (queue, at) = (SyncQueue::default(), begin());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.pop(|| at));
            queue.push("first", Urgency::Later(at + Duration::from_hours(1)));
            queue.stop();
            assert_eq!(waiting.join().unwrap(), None);
        });
        queue.push("late", Urgency::Now);
        assert_eq!(queue.pop(|| at), None);
    }
}
