//! Requests of one connection that are taken up and whose answers are not sent yet, in their order.
//!
//! ```text
//!   taken up ──> waits ──rung──> polled ──> done, and sent once it is the first
//!                  ^───────────────┘
//! ```
//! Each request that waits has a waker of its own. What wakes it rings its bell, and the
//! connection's task then polls that one: hundreds that wait beside it cost nothing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;
use parking_lot::Mutex;

use super::answer::{Outcome, Work};

/// Places that an idle connection may keep.
const IDLE_PLACES_MAX: usize = 16;

/// What a connection has on hand.
#[derive(Default)]
pub struct InFlight {
    queue: VecDeque<Request>,
    /// The number of the one at the front.
    first: u64,
    /// Request bytes of those that wait.
    waiting_bytes: usize,
    /// Bytes in memory of answers behind one that waits.
    answered_bytes: usize,
    /// The last one lets no other follow until it is done.
    alone: bool,
    board: Arc<Board>,
    /// Kept between polls for its room.
    rung: Vec<u64>,
}

enum Request {
    Done(Outcome),
    Waiting { work: Work, bytes: usize, bell: Arc<Bell>, waker: Waker },
}

/// Which requests are to be polled, and the task that does it.
#[derive(Debug, Default)]
struct Board {
    rung: Mutex<Vec<u64>>,
    task: AtomicWaker,
}

/// The waker of one request.
#[derive(Debug)]
struct Bell {
    number: u64,
    rung: AtomicBool,
    board: Arc<Board>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.board.rung.lock().push(self.number);
            self.board.task.wake();
        }
    }
}

impl InFlight {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Request bytes of those that wait.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Bytes in memory of answers behind one that waits.
    pub fn answered_bytes(&self) -> usize {
        self.answered_bytes
    }

    /// Whether the last one lets no other follow.
    pub fn is_closed(&self) -> bool {
        self.alone
    }

    /// Whether one that stands alone still waits.
    pub fn one_stands_alone(&self) -> bool {
        self.alone && matches!(self.queue.back(), Some(Request::Waiting { .. }))
    }

    /// Adds a request of `bytes` whose answer is to come. It must be polled.
    pub fn wait(&mut self, work: Work, bytes: usize) {
        let number = self.first + self.queue.len() as u64;
        let (rung, board) = (AtomicBool::new(true), Arc::clone(&self.board));
        let bell = Arc::new(Bell { number, rung, board });
        self.board.rung.lock().push(number);
        self.waiting_bytes += bytes;
        let waker = Waker::from(Arc::clone(&bell));
        self.queue.push_back(Request::Waiting { work, bytes, bell, waker });
    }

    /// The same for one that lets no other follow until it is done.
    pub fn wait_alone(&mut self, work: Work, bytes: usize) {
        self.alone = true;
        self.wait(work, bytes);
    }

    /// Adds one that is answered and has to wait for those before it.
    pub fn answered(&mut self, outcome: Outcome) {
        self.answered_bytes += outcome.held_bytes();
        self.queue.push_back(Request::Done(outcome));
    }

    /// Polls those that something has happened to.
    pub fn poll(&mut self, cx: &Context<'_>) {
        if self.queue.is_empty() {
            return;
        }
        // Before the board is read: whoever rings later wakes this task.
        self.board.task.register(cx.waker());
        let mut rung = std::mem::take(&mut self.rung);
        std::mem::swap(&mut rung, &mut *self.board.rung.lock());
        for number in rung.drain(..) {
            self.poll_one(number);
        }
        self.rung = rung;
    }

    fn poll_one(&mut self, number: u64) {
        // One that is gone may ring still.
        let Some(at) = number.checked_sub(self.first) else { return };
        let Some(one) = usize::try_from(at).ok().and_then(|at| self.queue.get_mut(at)) else {
            return;
        };
        let Request::Waiting { work, bytes, bell, waker } = one else { return };
        // Exchanged, not stored: who rang before this is seen by the poll, who rings after it is
        // on the board again.
        bell.rung.swap(false, Ordering::AcqRel);
        if let Poll::Ready(outcome) = work.as_mut().poll(&mut Context::from_waker(waker)) {
            self.waiting_bytes -= *bytes;
            self.answered_bytes += outcome.held_bytes();
            *one = Request::Done(outcome);
        }
    }

    /// Takes the first one if it is done.
    pub fn pop_done(&mut self) -> Option<Outcome> {
        if !matches!(self.queue.front(), Some(Request::Done(_))) {
            return None;
        }
        let Some(Request::Done(outcome)) = self.queue.pop_front() else { return None };
        self.first += 1;
        self.answered_bytes -= outcome.held_bytes();
        if self.queue.is_empty() {
            self.rest();
        }
        Some(outcome)
    }

    /// Nothing is left: a burst leaves no memory to an idle connection.
    fn rest(&mut self) {
        self.alone = false;
        if self.queue.capacity() > IDLE_PLACES_MAX {
            self.queue = VecDeque::new();
            self.rung = Vec::new();
            self.board = Arc::default();
        }
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use bytes::Bytes;
    use futures::task::noop_waker;
    use tokio::sync::oneshot;

    use super::super::answer::Response;
    use super::*;

    /// A request that is answered when it is told to, and the number of its polls.
    fn waiting(answer: &'static str) -> (oneshot::Sender<()>, Arc<AtomicUsize>, Work) {
        let (sender, mut receiver) = oneshot::channel();
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let work = Box::pin(async move {
            let _ = std::future::poll_fn(|cx| {
                counted.fetch_add(1, Ordering::Relaxed);
                std::pin::Pin::new(&mut receiver).poll(cx)
            })
            .await;
            Outcome::Reply(Response::Whole(Bytes::from_static(answer.as_bytes())))
        });
        (sender, polls, work)
    }

    fn poll(in_flight: &mut InFlight) {
        in_flight.poll(&Context::from_waker(&noop_waker()));
    }

    #[test]
    fn only_what_was_woken_is_polled() {
        let mut in_flight = InFlight::default();
        let (first, first_polls, work) = waiting("first");
        in_flight.wait(work, 5);
        let (second, second_polls, work) = waiting("second");
        in_flight.wait(work, 6);
        poll(&mut in_flight);
        poll(&mut in_flight);
        let polls = || [&first_polls, &second_polls].map(|it| it.load(Ordering::Relaxed));
        assert_eq!((polls(), in_flight.waiting_bytes()), ([1, 1], 11));

        second.send(()).unwrap();
        poll(&mut in_flight);
        assert_eq!((polls(), in_flight.answered_bytes()), ([1, 2], 6));
        assert!(in_flight.pop_done().is_none(), "it waits for the first");
        first.send(()).unwrap();
        poll(&mut in_flight);
        assert_eq!(polls(), [2, 2]);
        assert_eq!([5, 6].map(|_| in_flight.pop_done().unwrap().len()), [5, 6]);
        assert!(in_flight.is_empty() && in_flight.answered_bytes() == 0);
    }

    #[test]
    fn a_bell_that_rings_wakes_the_task_once() {
        struct Counted(AtomicUsize);
        impl Wake for Counted {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let wakes = Arc::new(Counted(AtomicUsize::new(0)));
        let task = Waker::from(Arc::clone(&wakes));
        let mut in_flight = InFlight::default();
        let (first, _, work) = waiting("first");
        in_flight.wait(work, 5);
        let (second, _, work) = waiting("second");
        in_flight.wait(work, 6);
        in_flight.poll(&Context::from_waker(&task));
        first.send(()).unwrap();
        second.send(()).unwrap();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        in_flight.poll(&Context::from_waker(&task));
        assert!(in_flight.pop_done().is_some() && in_flight.pop_done().is_some());
    }
}
