//! A connection to another broker's data door: Fetch requests out, responses in, in their order.
//!
//! Brokers of one cluster speak the newest version among themselves, so nothing is negotiated. Whoever
//! answers may be broken: a response is read as it comes and never gets room by the length that it
//! claims, and silence ends the connection.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kq_proto::kafka::messages::{FetchRequest, FetchResponse};
use kq_proto::kafka::{
    DecodeError, EncodeError, FRAME_PREFIX_BYTES, FrameError, Message, Reader, Request,
    ResponseHeader, Str, Writer, frame_length, request_frame,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

use crate::env::{self, TcpStream};

/// How long a broker may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How long it may be silent beyond the time that a fetch may be parked; also for a write.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Most room that is made before bytes have come for it.
const READ_BYTES: usize = 256 << 10;
/// Room that an idle connection may keep.
const IDLE_BYTES_MAX: usize = 64 << 10;
/// Partitions and other items of one response together.
const ELEMENTS_MAX: usize = 1_000_000;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    /// The socket failed, or nobody is there.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is there and says nothing.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// What came is no frame.
    #[error("response: {0}")]
    Frame(#[from] FrameError),
    /// What came is no response.
    #[error("response: {0}")]
    Malformed(#[from] DecodeError),
    /// The answer to something else.
    #[error("response {found} came where {expected} was expected")]
    OutOfOrder {
        /// The number of the oldest request that is not answered.
        expected: i32,
        /// What came.
        found: i32,
    },
    /// The request cannot be written down.
    #[error("request: {0}")]
    Request(#[from] EncodeError),
}

/// A connection, and what of its stream is not taken yet.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    response_bytes_max: usize,
    client_id: Str,
    next_correlation: i32,
    /// Those that are not answered, oldest first.
    in_flight: VecDeque<i32>,
    /// When the other side has been silent for too long.
    silent_at: Instant,
    silence_max: Duration,
}

impl Connection {
    /// Connects. Fetches may be parked for as long as `wait_max`.
    pub(super) async fn open(
        address: &str,
        client_id: Str,
        wait_max: Duration,
        response_bytes_max: usize,
    ) -> Result<Self, ConnectionError> {
        let connecting = timeout(CONNECT_MAX, TcpStream::connect(address)).await;
        let stream = connecting.map_err(|_| ConnectionError::Silent(CONNECT_MAX))??;
        stream.set_nodelay(true)?;
        // A peer whose machine is gone is found out by silence; this is for one that nobody asks.
        env::keep_alive(&stream)?;
        let silence_max = SILENCE_MAX + wait_max;
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            response_bytes_max,
            client_id,
            next_correlation: 0,
            in_flight: VecDeque::new(),
            silent_at: Instant::now() + silence_max,
            silence_max,
        })
    }

    /// How many requests are not answered yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Sends a request.
    pub(super) async fn send(&mut self, request: &FetchRequest) -> Result<(), ConnectionError> {
        let number = self.next_correlation;
        self.next_correlation = number.wrapping_add(1) & i32::MAX;
        let version = *FetchRequest::VERSIONS.end();
        let frame = request_frame(number, version, Some(&self.client_id), request)
            .and_then(Writer::into_bytes)?;
        if self.in_flight.is_empty() {
            self.silent_at = Instant::now() + self.silence_max;
        }
        self.in_flight.push_back(number);
        let writing = timeout(SILENCE_MAX, self.stream.write_all(&frame)).await;
        Ok(writing.map_err(|_| ConnectionError::Silent(SILENCE_MAX))??)
    }

    /// The next response. Nothing is lost when this is dropped before it is done.
    pub(super) async fn receive(&mut self) -> Result<FetchResponse, ConnectionError> {
        let frame = loop {
            let missing = match self.buffer.first_chunk::<FRAME_PREFIX_BYTES>() {
                None => FRAME_PREFIX_BYTES,
                Some(prefix) => {
                    let length = frame_length(*prefix, self.response_bytes_max)?;
                    let whole = FRAME_PREFIX_BYTES + length;
                    if self.buffer.len() >= whole {
                        break self.buffer.split_to(whole).freeze();
                    }
                    whole - self.buffer.len()
                }
            };
            self.fill(missing).await?;
        };
        self.parse(&frame)
    }

    /// Lets go of room that only a large response needed. Call it when that is used up.
    pub(super) fn rest(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > IDLE_BYTES_MAX {
            self.buffer = BytesMut::new();
        }
    }

    /// Reads some of what is missing. Room grows with what has come, and is that of the last
    /// response once nobody holds a part of it.
    async fn fill(&mut self, missing: usize) -> Result<(), ConnectionError> {
        self.buffer.reserve(missing.min(READ_BYTES.max(self.buffer.len())).max(4096));
        let reading = timeout_at(self.silent_at, self.stream.read_buf(&mut self.buffer)).await;
        if reading.map_err(|_| ConnectionError::Silent(self.silence_max))?? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.silent_at = Instant::now() + self.silence_max;
        Ok(())
    }

    fn parse(&mut self, frame: &Bytes) -> Result<FetchResponse, ConnectionError> {
        let body = frame.slice(FRAME_PREFIX_BYTES..);
        let mut reader = Reader::bounded(&body, ELEMENTS_MAX);
        let version = *FetchRequest::VERSIONS.end();
        let header = ResponseHeader::parse(&mut reader, FetchRequest::KEY, version)?;
        let found = header.correlation_id;
        let expected = self.in_flight.pop_front().unwrap_or(-1);
        if found != expected {
            return Err(ConnectionError::OutOfOrder { expected, found });
        }
        let response = FetchResponse::decode(&mut reader, version)?;
        reader.finish()?;
        Ok(response)
    }
}
