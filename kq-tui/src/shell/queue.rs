//! What waits for the main loop. Neither side grows without bound: who finds its side full waits, and
//! a flood of frames never stands before a key.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::model::{Answer, Event, FeedEvent, Outcome};

/// Notes that wait on either side. A frame may be large, so few of them do.
const INPUT_MAX: usize = 1024;
const FEED_MAX: usize = 16;

/// Something for the main loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The user did something.
    Input(Event),
    /// The terminal has another size.
    Resized,
    /// Somebody asks us to stop for a while.
    Suspend,
    /// We run again: the terminal may be in any state.
    Continued,
    /// The feed told something.
    Feed(FeedEvent),
    /// An effect has ended.
    Done(u64, Outcome),
    /// A call has an answer.
    Answer(u64, Box<Answer>),
}

/// The notes that wait.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    /// Something came.
    came: Condvar,
    /// Something was taken.
    taken: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    input: VecDeque<Note>,
    feed: VecDeque<Note>,
    is_closed: bool,
}

impl Waiting {
    fn side(&mut self, note: &Note) -> (&mut VecDeque<Note>, usize) {
        match note {
            Note::Feed(_) | Note::Answer(..) => (&mut self.feed, FEED_MAX),
            Note::Input(_) | Note::Resized | Note::Suspend | Note::Continued | Note::Done(..) => {
                (&mut self.input, INPUT_MAX)
            }
        }
    }
}

impl Queue {
    /// Puts a note behind the others of its side, when there is room for it. False if nobody will
    /// ever take it.
    pub fn push(&self, note: Note) -> bool {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.is_closed {
                return false;
            }
            let (side, max) = waiting.side(&note);
            if side.len() < max {
                side.push_back(note);
                self.came.notify_one();
                return true;
            }
            self.taken.wait(&mut waiting);
        }
    }

    /// The same without waiting for room: of what says the same again, one is enough.
    pub fn nudge(&self, note: Note) {
        let mut waiting = self.waiting.lock();
        if !waiting.is_closed && !waiting.input.contains(&note) {
            waiting.input.push_back(note);
            self.came.notify_one();
        }
    }

    /// Everything that waits, what the user did first. Waits for it until a moment, if one is given.
    pub fn take_all(&self, until: Option<Instant>) -> Vec<Note> {
        let mut waiting = self.waiting.lock();
        while waiting.input.is_empty() && waiting.feed.is_empty() {
            match until {
                None => self.came.wait(&mut waiting),
                Some(at) if self.came.wait_until(&mut waiting, at).timed_out() => break,
                Some(_) => {}
            }
        }
        let mut notes: Vec<Note> = waiting.input.drain(..).collect();
        notes.extend(waiting.feed.drain(..));
        self.taken.notify_all();
        notes
    }

    /// Nobody takes anything any more.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.taken.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn keys_come_before_frames_that_waited_longer() {
        let queue = Queue::default();
        let lost = || Note::Feed(FeedEvent::Lost { why: String::new() });
        queue.push(lost());
        queue.push(Note::Resized);
        assert_eq!(queue.take_all(None), [Note::Resized, lost()]);
    }

    #[test]
    fn a_flood_waits_and_keys_do_not() {
        let queue = Arc::new(Queue::default());
        let flood = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || {
                let lost = || Note::Feed(FeedEvent::Lost { why: String::new() });
                (0..100).take_while(|_| queue.push(lost())).count()
            })
        };
        let mut seen = 0;
        while seen < FEED_MAX {
            let notes = queue.take_all(None);
            assert!(notes.len() <= FEED_MAX, "{}", notes.len());
            seen += notes.len();
            assert!(queue.push(Note::Resized));
            assert!(queue.take_all(None).contains(&Note::Resized));
        }
        queue.close();
        assert!(flood.join().unwrap() <= 100);
        assert!(!queue.push(Note::Resized));
    }
}
