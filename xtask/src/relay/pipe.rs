//! One direction of a connection: bytes that wait for their time, then for the other side.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

/// Bytes that are on the way at most; the sender waits beyond that.
const HELD_BYTES_MAX: usize = 4 << 20;

/// How the sender ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It said that no more comes.
    Closed,
    /// It broke off.
    Reset,
}

/// Bytes read at one time.
#[derive(Debug)]
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    sent: usize,
}

/// Bytes on their way, and how far the way still goes.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    chunks: VecDeque<Chunk>,
    held_bytes: usize,
    /// How and when the end of it all may be told.
    end: Option<(End, Instant)>,
    end_told: bool,
    receiver_gone: bool,
    receiver_full: bool,
}

impl Pipe {
    /// Whether more may be read from the sender.
    pub(super) fn wants_bytes(&self) -> bool {
        self.end.is_none() && !self.receiver_gone && self.held_bytes < HELD_BYTES_MAX
    }

    /// Whether the receiver must make room before anything moves.
    pub(super) fn waits_for_room(&self) -> bool {
        self.receiver_full
    }

    /// Whether nothing will move any more.
    pub(super) fn is_over(&self) -> bool {
        self.end_told || self.receiver_gone
    }

    /// When there is something to do next, by its time alone.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.is_over() || self.receiver_full {
            return None;
        }
        self.chunks.front().map(|chunk| chunk.due).or(self.end.map(|(_, due)| due))
    }

    /// Takes what the sender has; it may leave when it is `due`.
    pub(super) fn read_from(&mut self, sender: &mut impl Read, room: &mut [u8], due: Instant) {
        while self.wants_bytes() {
            match sender.read(room) {
                Ok(0) => self.end = Some((End::Closed, due)),
                Ok(count) => {
                    let bytes = room.get(..count).unwrap_or_default().to_vec();
                    self.held_bytes += count;
                    self.chunks.push_back(Chunk { due, bytes, sent: 0 });
                    if count < room.len() {
                        return;
                    }
                }
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.end = Some((End::Reset, due)),
            }
        }
    }

    /// Hands over what is due, up to `allowance` bytes; how many went.
    pub(super) fn write_to(
        &mut self,
        receiver: &mut impl Write,
        allowance: usize,
        now: Instant,
    ) -> usize {
        self.receiver_full = false;
        let mut sent = 0;
        while let Some(chunk) = self.chunks.front_mut().filter(|chunk| chunk.due <= now) {
            let left = chunk.bytes.get(chunk.sent..).unwrap_or_default();
            let part = left.get(..left.len().min(allowance - sent)).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            match receiver.write(part) {
                Ok(count) => {
                    chunk.sent += count;
                    sent += count;
                    if chunk.sent == chunk.bytes.len() {
                        self.chunks.pop_front();
                    }
                }
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                    self.receiver_full = true;
                    break;
                }
                Err(_) => {
                    self.receiver_gone = true;
                    self.chunks.clear();
                }
            }
        }
        self.held_bytes = self.held_bytes.saturating_sub(sent);
        sent
    }

    /// The end, once, when all that was sent before it has gone.
    pub(super) fn take_end(&mut self, now: Instant) -> Option<End> {
        let (end, _) = self.end.filter(|(_, due)| *due <= now)?;
        if self.is_over() || !self.chunks.is_empty() {
            return None;
        }
        self.end_told = true;
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn bytes_and_their_end_wait_for_their_time() {
        let (mut pipe, start) = (Pipe::default(), clock::now());
        let due = start + Duration::from_millis(5);
        pipe.read_from(&mut &b"abc"[..], &mut [0; 3], due);
        let mut arrived = Vec::new();
        assert_eq!(pipe.write_to(&mut arrived, usize::MAX, start), 0);
        assert_eq!(pipe.take_end(start), None);
        assert_eq!(pipe.due(), Some(due));
        assert_eq!(pipe.write_to(&mut arrived, 2, due), 2);
        assert_eq!(pipe.take_end(due), None);
        assert_eq!(pipe.write_to(&mut arrived, 2, due), 1);
        assert_eq!((arrived.as_slice(), pipe.take_end(due)), (&b"abc"[..], Some(End::Closed)));
        assert!(pipe.is_over() && pipe.due().is_none());
    }
}
