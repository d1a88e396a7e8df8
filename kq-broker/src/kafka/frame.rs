//! Request frames cut out of a connection's bytes: four bytes of length, then that many of request.
//!
//! ```text
//!   buffer  | len | frame ........ | len | frame .... (still arriving)
//!                   `-- handed on without copying, its bytes owned by the handler alone
//! ```
//! Room is made as bytes arrive, never because a length claims them: a large frame is granted
//! [`GROW_BYTES_MAX`] of the memory that all connections share, and must fill what it got before it
//! gets as much again. An idle connection holds no buffer at all.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use kq_proto::kafka::{FrameError, frame_length};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

use super::transport::Transport;

/// Bytes read at once when nothing is known about what comes.
const READ_BYTES: usize = 16 << 10;
/// Most room made for a frame beyond what it has filled.
const GROW_BYTES_MAX: usize = 1 << 20;
/// Frames from this size on count against the memory that all connections share.
const COUNTED_BYTES_MIN: usize = 64 << 10;
/// The API key of requests that carry records.
const PRODUCE: [u8; 2] = [0, 0];
/// The largest request of any other kind.
const OTHER_BYTES_MAX: usize = 8 << 20;
/// The unit of that memory.
const MEMORY_UNIT_BYTES: usize = 4 << 10;

/// Memory that the large frames of all connections share.
#[derive(Debug, Clone)]
pub struct FrameMemory {
    units: Arc<Semaphore>,
    units_max: usize,
}

impl FrameMemory {
    /// A budget of about `bytes`.
    pub fn new(bytes: usize) -> Self {
        let units_max = (bytes / MEMORY_UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units_max)), units_max }
    }

    /// A frame larger than the whole budget takes all of it, and is then let in alone.
    fn units_of(&self, bytes: usize) -> usize {
        bytes.div_ceil(MEMORY_UNIT_BYTES).min(self.units_max)
    }
}

/// One request as it came, without its length.
#[derive(Debug)]
pub struct Frame {
    /// Header and body. No other handle reaches these bytes.
    pub bytes: BytesMut,
    /// Returned to the shared memory when the request is done with.
    pub memory: Option<OwnedSemaphorePermit>,
}

/// Reads frames from one connection.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    limit: usize,
    /// Room worth making for the next frame, by the size of those before.
    expected: usize,
    memory: FrameMemory,
    granted: Option<OwnedSemaphorePermit>,
    /// Bytes of the unfinished frame that there may be before more is asked for.
    granted_bytes: usize,
    waiting: Option<PollSemaphore>,
}

impl FrameReader {
    /// A reader that refuses frames above `limit` bytes; `first` was read from the stream already.
    pub fn new(first: BytesMut, limit: usize, memory: FrameMemory) -> Self {
        Self {
            buffer: first,
            limit,
            expected: READ_BYTES,
            memory,
            granted: None,
            granted_bytes: 0,
            waiting: None,
        }
    }

    /// True between frames.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Bytes of the unfinished frame that have arrived.
    pub fn arrived(&self) -> usize {
        self.buffer.len()
    }

    /// Length of the frame at the front, if its four bytes are here.
    fn claimed(&self) -> Result<Option<usize>, FrameError> {
        let Some(head) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        // A body may decode to many times its size, so only produce requests may be large.
        let is_produce = self.buffer.get(4..6).is_none_or(|key| key == PRODUCE);
        let limit = if is_produce { self.limit } else { self.limit.min(OTHER_BYTES_MAX) };
        frame_length(*head, limit).map(Some)
    }

    /// The next frame that has arrived whole.
    pub fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(len) = self.claimed()? else { return Ok(None) };
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        self.buffer.advance(4);
        let bytes = self.buffer.split_to(len);
        self.expected = (self.expected / 4 * 3).max(len + 4).clamp(READ_BYTES, GROW_BYTES_MAX);
        self.granted_bytes = 0;
        Ok(Some(Frame { bytes, memory: self.granted.take() }))
    }

    /// Reads once more; `Ok(0)` is the end of the stream. Call only when [`Self::take`] has nothing.
    pub fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut impl Transport,
    ) -> Poll<io::Result<usize>> {
        if self.buffer.is_empty()
            && let waiting @ (Poll::Pending | Poll::Ready(Err(_))) = transport.poll_readable(cx)
        {
            self.buffer = BytesMut::new();
            return waiting.map_ok(|()| 0);
        }
        let missing = match self.claimed() {
            Ok(Some(len)) => (4 + len).saturating_sub(self.buffer.len()),
            Ok(None) => 0,
            Err(e) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, e))),
        };
        let frame_bytes = self.buffer.len() + missing;
        if missing == 0 || frame_bytes <= COUNTED_BYTES_MIN {
            self.make_small_room(missing);
            return transport.poll_read(cx, &mut (&mut self.buffer).limit(usize::MAX));
        }
        if self.granted_bytes <= self.buffer.len() {
            let wanted = GROW_BYTES_MAX.max(self.buffer.len() * 2).min(frame_bytes);
            ready!(self.poll_memory(cx, wanted));
            self.granted_bytes = wanted;
        }
        let room = self.granted_bytes - self.buffer.len();
        if self.buffer.capacity() - self.buffer.len() < room.min(READ_BYTES) {
            self.buffer.reserve(room);
        }
        // No byte of the next frame, so that it starts in a buffer of its own.
        transport.poll_read(cx, &mut (&mut self.buffer).limit(room))
    }

    /// Waits until the shared memory has room for so much of the frame that arrives.
    fn poll_memory(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        let held = self.granted.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = self.memory.units_of(bytes).saturating_sub(held);
        let Ok(wanted @ 1..) = u32::try_from(wanted) else { return Poll::Ready(()) };
        let units = &self.memory.units;
        let granted = if self.waiting.is_none()
            && let Ok(granted) = Arc::clone(units).try_acquire_many_owned(wanted)
        {
            Some(granted)
        } else {
            let waiting = self.waiting.get_or_insert_with(|| PollSemaphore::new(Arc::clone(units)));
            // The semaphore is never closed, so a grant always comes.
            let granted = ready!(waiting.poll_acquire_many(cx, wanted));
            self.waiting = None;
            granted
        };
        match (&mut self.granted, granted) {
            (Some(all), Some(more)) => all.merge(more),
            (all, more) => *all = more,
        }
        Poll::Ready(())
    }

    /// Makes room for small frames, several at once if they come so.
    fn make_small_room(&mut self, missing: usize) {
        let wanted = if missing == 0 { self.expected } else { missing.max(READ_BYTES / 4) };
        let room = self.buffer.capacity() - self.buffer.len();
        if room < missing.max(wanted.div_ceil(4)) {
            self.buffer.reserve(wanted);
        }
    }
}
