//! A slow way between a process and the terminal that somebody looks at: it takes whatever is written
//! to it at once, as the buffers of a network do, and delivers it late.

use std::collections::VecDeque;

use kq_tui::shell::clock::Clock;

use super::driver::Pty;
use super::grid::Grid;

/// What a frame ends with: the question whether it was shown.
const QUESTION: &[u8] = b"\x1b[5n";

/// What a link is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// To the terminal, in bytes a second.
    pub(crate) bytes_per_second: u64,
    /// In either direction, in milliseconds.
    pub(crate) delay_ms: u64,
}

/// A process at the far end of a link.
pub(crate) struct Link {
    pty: Pty,
    speed: Speed,
    clock: Clock,
    /// What the terminal shows.
    pub(crate) far: Grid,
    /// Written, and not yet sent.
    queue: VecDeque<u8>,
    /// Sent, with when it arrives.
    wire: VecDeque<(u64, Vec<u8>)>,
    /// Typed or answered, with when it arrives.
    back: VecDeque<(u64, Vec<u8>)>,
    /// The line has sent up to this moment, in microseconds.
    sent_us: u64,
    /// Frames that were shown, and bytes.
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
    /// The most frames that were under way at a time.
    pub(crate) under_way_max: usize,
}

impl Link {
    /// A link to a process whose terminal nobody has read from yet.
    pub(crate) fn new(pty: Pty, speed: Speed) -> Self {
        Self {
            pty,
            speed,
            clock: Clock::start(),
            far: Grid::default(),
            queue: VecDeque::new(),
            wire: VecDeque::new(),
            back: VecDeque::new(),
            sent_us: 0,
            frames: 0,
            bytes: 0,
            under_way_max: 0,
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.uptime_ms()
    }

    /// Somebody types.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.back.push_back((self.now_ms() + self.speed.delay_ms, bytes.to_vec()));
    }

    /// Goes on until something can be seen.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str, seen: impl Fn(&Self) -> bool) {
        let until_ms = self.now_ms() + 60_000;
        while !seen(self) {
            assert!(self.now_ms() < until_ms, "{what}; seen:\n{}", self.far.text());
            self.turn();
        }
    }

    fn turn(&mut self) {
        let read = self.pty.take(self.wait_ms());
        self.queue.extend(read);
        let now_ms = self.now_ms();
        self.put_on_the_wire(now_ms);
        let under_way = self.under_way();
        self.under_way_max = self.under_way_max.max(under_way);
        while self.wire.front().is_some_and(|it| it.0 <= now_ms) {
            let (_, bytes) = self.wire.pop_front().unwrap();
            self.bytes += bytes.len();
            for answer in self.far.take(&bytes) {
                self.frames += 1;
                self.back.push_back((now_ms + self.speed.delay_ms, answer.into_bytes()));
            }
        }
        while self.back.front().is_some_and(|it| it.0 <= now_ms) {
            let (_, bytes) = self.back.pop_front().unwrap();
            self.pty.write(&bytes);
        }
    }

    /// As much as the line has sent by now.
    fn put_on_the_wire(&mut self, now_ms: u64) {
        let clock_us = now_ms * 1_000;
        let byte_us = 1_000_000 / self.speed.bytes_per_second;
        if self.queue.is_empty() {
            self.sent_us = clock_us;
            return;
        }
        let room = usize::try_from(clock_us.saturating_sub(self.sent_us) / byte_us).unwrap();
        let count = room.min(self.queue.len());
        self.sent_us += byte_us * u64::try_from(count).unwrap();
        if count > 0 {
            let bytes = self.queue.drain(..count).collect();
            self.wire.push_back((now_ms + self.speed.delay_ms, bytes));
        }
    }

    /// Frames of which the terminal has not yet the end.
    fn under_way(&self) -> usize {
        let sent = self.wire.iter().flat_map(|it| it.1.iter().copied());
        let bytes: Vec<u8> = sent.chain(self.queue.iter().copied()).collect();
        bytes.windows(QUESTION.len()).filter(|it| *it == QUESTION).count()
    }

    /// Until something has to be done, in milliseconds.
    fn wait_ms(&self) -> u64 {
        let now_ms = self.now_ms();
        let due = [self.wire.front().map(|it| it.0), self.back.front().map(|it| it.0)];
        let due_ms = due.into_iter().flatten().min().unwrap_or(u64::MAX);
        let line_ms = if self.queue.is_empty() { 1_000 } else { 5 };
        due_ms.saturating_sub(now_ms).min(line_ms)
    }
}
