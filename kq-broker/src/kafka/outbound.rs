//! What a connection still has to send: bytes in memory and regions of log files, in order.
//!
//! Large regions go out by sendfile. Small ones are read into memory and leave in one call together
//! with the bytes around them, which costs less than a system call each. Nothing is read before
//! the socket has room for it, so a slow reader holds no more than one such piece.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::task::JoinHandle;

use super::region::{Region, copy, copy_cached, is_cached, stretch, warm};
use super::transport::Transport;
use crate::env;

/// Regions below this are copied: below it a sendfile call costs more than the copy.
const SEND_FILE_BYTES_MIN: usize = 32 << 10;
/// Most bytes copied ahead of one write.
const COPY_BYTES_MAX: usize = 256 << 10;
/// Most slices of one write.
const SLICES_MAX: usize = 32;
/// Sent by one connection before the others get their turn.
const TURN_BYTES_MAX: usize = 4 << 20;

/// A piece of a response.
#[derive(Debug, Clone)]
pub enum Part {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Record batches where they lie.
    Region(Region),
}

impl Part {
    /// How many bytes of the stream it makes.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Region(region) => region.len,
        }
    }

    /// How many bytes of memory it occupies.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Region(_) => 0,
        }
    }

    /// True for a piece that sends nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The queue of one connection.
#[derive(Debug, Default)]
pub struct Outbound {
    parts: VecDeque<Part>,
    /// Bytes of `parts` that occupy memory here.
    held_bytes: usize,
    /// A cold region on its way into the page cache, read by a thread that may block.
    warming: Option<JoinHandle<io::Result<()>>>,
    /// The front region is known to be in the page cache up to here.
    warm_until: u64,
}

impl Outbound {
    /// Adds a piece behind all others.
    pub fn push(&mut self, part: Part) {
        if part.is_empty() {
            return;
        }
        self.held_bytes += part.held_bytes();
        self.parts.push_back(part);
    }

    /// True when all is sent.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Bytes waiting in memory.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Sends until all is gone (ready) or the socket is full.
    pub fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut impl Transport,
    ) -> Poll<io::Result<()>> {
        let mut turn_bytes = 0;
        while !self.parts.is_empty() {
            if turn_bytes >= TURN_BYTES_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            turn_bytes += ready!(self.poll_front(cx, transport))?;
        }
        // A burst must not leave its queue's memory to an idle connection.
        if self.parts.capacity() > SLICES_MAX {
            self.parts = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_front(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut impl Transport,
    ) -> Poll<io::Result<usize>> {
        match self.parts.front_mut() {
            None => Poll::Ready(Ok(0)),
            Some(Part::Region(region)) if region.len >= SEND_FILE_BYTES_MIN => {
                let next = stretch(region);
                self.poll_region(cx, transport, next)
            }
            Some(_) => self.poll_bytes(cx, transport),
        }
    }

    /// Sends some of a large region's next stretch.
    fn poll_region(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut impl Transport,
        mut next: Region,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_warm(cx, &next))?;
        let warm = self.warm_until.saturating_sub(next.position);
        next.len = next.len.min(usize::try_from(warm).unwrap_or(usize::MAX));
        let sent = match ready!(transport.poll_send_file(cx, &next))? {
            Some(0) => return Poll::Ready(Err(shortened(&next))),
            Some(sent) => sent,
            None => {
                let piece = copy(&next, COPY_BYTES_MAX)?;
                self.advance_region(piece.len());
                self.held_bytes += piece.len();
                self.parts.push_front(Part::Bytes(piece));
                0
            }
        };
        self.advance_region(sent);
        Poll::Ready(Ok(sent))
    }

    /// Waits until a stretch at the front is in the page cache.
    fn poll_warm(&mut self, cx: &mut Context<'_>, next: &Region) -> Poll<io::Result<()>> {
        let until = next.position + next.len as u64;
        if next.position < self.warm_until {
            return Poll::Ready(Ok(()));
        }
        if self.warming.is_none() {
            if is_cached(next) {
                self.warm_until = until;
                return Poll::Ready(Ok(()));
            }
            let cold = next.clone();
            self.warming = Some(env::spawn_blocking(move || warm(&cold)));
        }
        if let Some(warming) = &mut self.warming {
            let done = ready!(std::pin::Pin::new(warming).poll(cx));
            self.warming = None;
            done.map_err(io::Error::other)??;
        }
        self.warm_until = until;
        Poll::Ready(Ok(()))
    }

    /// Writes the bytes and small regions at the front.
    fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
        transport: &mut impl Transport,
    ) -> Poll<io::Result<usize>> {
        let mut run = self.gather()?;
        if run == 0
            && let Some(Part::Region(region)) = self.parts.front()
        {
            let region = region.clone();
            ready!(self.poll_warm(cx, &region))?;
            self.replace_front(copy(&region, region.len)?);
            run = 1;
        }
        let slices = self.parts.iter().take(run).filter_map(|part| match part {
            Part::Bytes(bytes) => Some(IoSlice::new(bytes)),
            Part::Region(_) => None,
        });
        let mut array = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slot, slice) in array.iter_mut().zip(slices) {
            *slot = slice;
            count += 1;
        }
        let more = self.parts.len() > run;
        let slices = array.get(..count).unwrap_or(&[]);
        let sent = ready!(transport.poll_write(cx, slices, more))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance_bytes(sent);
        Poll::Ready(Ok(sent))
    }

    /// Turns the small regions at the front into bytes; returns how many parts go into one write.
    fn gather(&mut self) -> io::Result<usize> {
        let mut run = 0;
        let mut copied = 0;
        for part in self.parts.iter_mut().take(SLICES_MAX) {
            if let Part::Region(region) = part {
                if region.len >= SEND_FILE_BYTES_MIN || copied > COPY_BYTES_MAX {
                    break;
                }
                let Some(bytes) = copy_cached(region)? else { break };
                copied += bytes.len();
                self.held_bytes += bytes.len();
                *part = Part::Bytes(bytes);
            }
            run += 1;
        }
        Ok(run)
    }

    fn replace_front(&mut self, bytes: Bytes) {
        self.held_bytes += bytes.len();
        self.warm_until = 0;
        if let Some(front) = self.parts.front_mut() {
            *front = Part::Bytes(bytes);
        }
    }

    fn advance_bytes(&mut self, mut sent: usize) {
        self.held_bytes = self.held_bytes.saturating_sub(sent);
        while sent > 0 {
            let Some(Part::Bytes(front)) = self.parts.front_mut() else { return };
            if sent < front.len() {
                front.advance(sent);
                return;
            }
            sent -= front.len();
            self.parts.pop_front();
        }
    }

    fn advance_region(&mut self, sent: usize) {
        let Some(Part::Region(region)) = self.parts.front_mut() else { return };
        region.position += sent as u64;
        region.len = region.len.saturating_sub(sent);
        if region.len == 0 {
            self.parts.pop_front();
            self.warm_until = 0;
        }
    }
}

fn shortened(region: &Region) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("log file ends before position {} that was promised to a client", region.position),
    )
}
