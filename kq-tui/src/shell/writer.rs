//! The thread that writes to the terminal, with room for one frame: a newer one takes the place of one
//! that was not sent. So a slow terminal delays frames and nothing else, and what it shows next is
//! never old.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use ratatui::buffer::Buffer;

use super::clock::Clock;
use super::encode::difference;
use super::pace::Pace;
use super::screen::Screen;

/// Asks the terminal for an answer (device status).
const QUESTION: &[u8] = b"\x1b[5n";
/// Words beside frames; what is more is not said.
const WORDS_BYTES_MAX: usize = 256 << 10;

/// The way to the terminal.
#[derive(Debug)]
pub struct Writer {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    screen: Arc<Screen>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Waiting {
    frame: Option<Frame>,
    words: Vec<u8>,
    /// What the terminal shows, as far as we know.
    shown: Option<Buffer>,
    pace: Pace,
    is_busy: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Frame {
    buffer: Buffer,
    is_urgent: bool,
}

impl Writer {
    /// A writer whose thread is still to be started.
    pub fn new(screen: Arc<Screen>, clock: Clock) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), screen, clock }
    }

    /// This is what the terminal should show now.
    pub fn show(&self, buffer: Buffer, is_urgent: bool) {
        let mut waiting = self.waiting.lock();
        // Who waits for the frame that was not sent waits for this one.
        let is_urgent = is_urgent || waiting.frame.as_ref().is_some_and(|it| it.is_urgent);
        waiting.frame = Some(Frame { buffer, is_urgent });
        self.changed.notify_all();
    }

    /// Says something beside the frames.
    pub fn say(&self, words: &[u8]) {
        let mut waiting = self.waiting.lock();
        if waiting.words.len() + words.len() <= WORDS_BYTES_MAX {
            waiting.words.extend_from_slice(words);
            self.changed.notify_all();
        }
    }

    /// Asks the terminal whether it answers at all.
    pub fn ask(&self) {
        self.say(QUESTION);
        self.waiting.lock().pace.asked(self.clock.uptime_ms());
    }

    /// The terminal has answered.
    pub fn answered(&self) {
        self.waiting.lock().pace.answered();
        self.changed.notify_all();
    }

    /// What the terminal shows is not known any more: the next frame is drawn as a whole.
    pub fn forget(&self) {
        self.waiting.lock().shown = None;
    }

    /// Waits until the terminal has been told everything and has answered, up to a bound: an answer
    /// that comes later would be typed into the shell.
    pub fn settle(&self, bound: Duration) {
        let until = self.clock.instant(self.clock.uptime_ms()) + bound;
        let mut waiting = self.waiting.lock();
        waiting.frame = None;
        while waiting.is_busy || !waiting.words.is_empty() || waiting.pace.is_waiting() {
            if self.changed.wait_until(&mut waiting, until).timed_out() {
                return;
            }
        }
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// The thread: writes what there is to write until it is closed.
    pub fn run(&self) {
        while let Some(bytes) = self.next() {
            // A terminal that is gone is the watchdog's to notice.
            let _ = self.screen.write(&bytes);
        }
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting.lock();
        waiting.is_busy = false;
        self.changed.notify_all();
        loop {
            if waiting.is_closed {
                return None;
            }
            let now_ms = self.clock.uptime_ms();
            let mut bytes = std::mem::take(&mut waiting.words);
            let wait_ms = match waiting.frame.as_ref().map(|it| it.is_urgent) {
                Some(is_urgent) => waiting.pace.wait_ms(is_urgent, now_ms),
                None => None,
            };
            if wait_ms.is_none()
                && let Some(frame) = waiting.frame.take()
            {
                let told = difference(waiting.shown.as_ref(), &frame.buffer);
                if !told.is_empty() {
                    bytes.extend(told);
                    bytes.extend_from_slice(QUESTION);
                    waiting.pace.asked(now_ms);
                }
                waiting.shown = Some(frame.buffer);
            }
            if !bytes.is_empty() {
                waiting.is_busy = true;
                return Some(bytes);
            }
            match wait_ms {
                Some(at_ms) => {
                    self.changed.wait_until(&mut waiting, self.clock.instant(at_ms));
                }
                None => self.changed.wait(&mut waiting),
            }
        }
    }
}
