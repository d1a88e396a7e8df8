//! A connection that says one thing at a time: cheap enough to have ten thousand of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use kq_proto::kafka::{
    FRAME_PREFIX_BYTES, Message as _, Reader, Request, ResponseHeader, frame_length, request_frame,
};

/// How long an answer may take; a join waits for others.
const ANSWER_MAX: Duration = Duration::from_mins(1);

/// More than any answer here.
const FRAME_MAX: usize = 64 << 20;

/// A connection to a broker.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    sent: i32,
    received: i32,
}

impl Connection {
    /// Opens one; `brokers` is an address, or several with commas, of which the first counts.
    pub(super) fn open(brokers: &str) -> Result<Self> {
        let address = brokers.split(',').next().unwrap_or(brokers);
        let stream =
            TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { stream, sent: 0, received: 0 })
    }

    /// Sends a request and waits for nothing.
    pub(super) fn send<R: Request>(&mut self, version: i16, request: &R) -> Result<()> {
        self.sent += 1;
        let frame = request_frame(self.sent, version, None, request)?.into_bytes()?;
        Ok(self.stream.write_all(&frame)?)
    }

    /// Waits for the answer to the oldest request that has none yet.
    pub(super) fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response> {
        let mut prefix = [0; FRAME_PREFIX_BYTES];
        self.stream.read_exact(&mut prefix)?;
        let mut frame = vec![0; frame_length(prefix, FRAME_MAX)?];
        self.stream.read_exact(&mut frame)?;
        let frame = Bytes::from(frame);
        let mut reader = Reader::new(&frame);
        let header = ResponseHeader::parse(&mut reader, R::KEY, version)?;
        self.received += 1;
        ensure!(header.correlation_id == self.received, "an answer to another request");
        Ok(R::Response::decode(&mut reader, version)?)
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        self.send(version, request)?;
        self.receive::<R>(version)
    }
}
