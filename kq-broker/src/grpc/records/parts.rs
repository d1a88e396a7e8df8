//! Requests too large for one message. Their parts are small, and room is made as they arrive: what a
//! client announces costs nothing, and what it has sent counts against a memory that all such requests
//! share. When that is full a request is refused, never left to wait while it holds what it has.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use super::super::error::bad_argument;

/// The unit of the shared memory.
const UNIT_BYTES: usize = 4 << 10;
/// A client that is silent for longer while it sends is given up.
const PART_WAIT: Duration = Duration::from_secs(15);
/// How many of the largest requests fit into the shared memory.
const LARGEST_AT_ONCE: usize = 2;

/// The memory that requests in parts share.
#[derive(Debug, Clone)]
pub(in crate::grpc) struct PartsMemory {
    units: Arc<Semaphore>,
    request_bytes_max: usize,
}

/// A request whose bytes are counted until it is done with.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) request: v1::ProduceRequest,
    pub(super) _held: Option<OwnedSemaphorePermit>,
}

impl PartsMemory {
    /// For requests of at most so many bytes.
    pub(in crate::grpc) fn new(request_bytes_max: usize) -> Self {
        let units = request_bytes_max.div_ceil(UNIT_BYTES).saturating_mul(LARGEST_AT_ONCE);
        let units = Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        Self { units, request_bytes_max }
    }

    /// Takes all parts of a request, unless the broker stops before they are there.
    pub(super) async fn gather(
        &self,
        mut parts: Streaming<v1::ProducePart>,
        stopping: &CancellationToken,
    ) -> Result<Gathered, Status> {
        let mut gathering = Gathering { memory: self, bytes: BytesMut::new(), held: None };
        loop {
            let next = tokio::select! {
                next = tokio::time::timeout(PART_WAIT, parts.message()) => next,
                () = stopping.cancelled() => return Err(Status::unavailable("the broker stops")),
            };
            match next.map_err(|_| Status::deadline_exceeded("no part of the request came"))?? {
                Some(part) => gathering.take(&part.bytes)?,
                None => return gathering.finish(),
            }
        }
    }

    /// Counts one part; an empty one counts, too, or they would be without end.
    fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AdminError> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES).max(1)).unwrap_or(u32::MAX);
        Arc::clone(&self.units).try_acquire_many_owned(units).map_err(|_| {
            AdminError::new(
                Code::ResourceExhausted,
                "kq.BUSY",
                "other large requests are under way",
            )
            .hint("the same again in a moment")
            .retriable()
        })
    }
}

struct Gathering<'a> {
    memory: &'a PartsMemory,
    bytes: BytesMut,
    held: Option<OwnedSemaphorePermit>,
}

impl Gathering<'_> {
    fn take(&mut self, part: &[u8]) -> Result<(), AdminError> {
        let max = self.memory.request_bytes_max;
        if max < self.bytes.len() + part.len() {
            let message = format!("the request is larger than {max} bytes");
            return Err(AdminError::new(Code::OutOfRange, "kq.TOO_LARGE", message)
                .hint("send less at once, or raise socket.request.max.bytes of the broker"));
        }
        let permit = self.memory.hold(part.len())?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    fn finish(self) -> Result<Gathered, Status> {
        let request = v1::ProduceRequest::decode(self.bytes.freeze())
            .map_err(|err| bad_argument(format!("the parts are no request: {err}")))?;
        Ok(Gathered { request, _held: self.held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathering(memory: &PartsMemory) -> Gathering<'_> {
        Gathering { memory, bytes: BytesMut::new(), held: None }
    }

    #[test]
    fn a_request_beyond_the_bound_is_refused_when_it_gets_there() {
        let memory = PartsMemory::new(10_000);
        let mut request = gathering(&memory);
        request.take(&[0; 10_000]).unwrap();
        assert_eq!(request.take(&[0]).unwrap_err().code, "kq.TOO_LARGE");
    }

    #[test]
    fn requests_share_a_memory_and_give_it_back() {
        let memory = PartsMemory::new(UNIT_BYTES);
        let (mut first, mut second) = (gathering(&memory), gathering(&memory));
        first.take(&[1; UNIT_BYTES]).unwrap();
        second.take(&[2; UNIT_BYTES]).unwrap();
        let full = gathering(&memory).take(&[3]).unwrap_err();
        assert!(full.code == "kq.BUSY" && full.retriable);
        drop(first);
        gathering(&memory).take(&[3]).unwrap();
    }

    #[test]
    fn empty_parts_come_to_an_end() {
        let memory = PartsMemory::new(4 * UNIT_BYTES);
        let mut request = gathering(&memory);
        let taken = (0..100).take_while(|_| request.take(&[]).is_ok()).count();
        assert_eq!(taken, 4 * LARGEST_AT_ONCE);
    }

    #[test]
    fn parts_that_are_no_request_are_told() {
        let memory = PartsMemory::new(10_000);
        let mut request = gathering(&memory);
        request.take(&[0xff; 9]).unwrap();
        assert!(request.finish().unwrap_err().message().contains("no request"));
    }
}
