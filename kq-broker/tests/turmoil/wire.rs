//! A client's connection to a broker: Kafka's frames over a simulated socket.

use std::time::Duration;

use kq_proto::kafka::{
    Message as _, Reader, Request, ResponseHeader, Str, Writer, frame_length, request_frame,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use turmoil::net::TcpStream;

/// The port of every broker.
pub(crate) const PORT: u16 = 9092;
/// How long a broker may take to accept.
const CONNECT_MAX: Duration = Duration::from_secs(1);
const FRAME_BYTES_MAX: usize = 16 << 20;

/// Why there is no answer. The request may have been carried out or not.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The connection failed.
    Io,
    /// Nothing came in time.
    Late,
    /// What came is no answer: a fault of the broker's.
    Malformed(String),
}

impl From<std::io::Error> for Lost {
    fn from(_: std::io::Error) -> Self {
        Self::Io
    }
}

/// One connection, one request at a time.
pub(crate) struct Line {
    stream: TcpStream,
    next_correlation: i32,
}

impl Line {
    /// Connects to a broker by its name.
    pub(crate) async fn open(host: &str) -> Result<Self, Lost> {
        let connecting = tokio::time::timeout(CONNECT_MAX, TcpStream::connect((host, PORT)));
        let stream = connecting.await.map_err(|_| Lost::Late)??;
        Ok(Self { stream, next_correlation: 1 })
    }

    /// Asks, and waits so long for the answer. The connection is of no use after an error.
    pub(crate) async fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        wait: Duration,
    ) -> Result<R::Response, Lost> {
        let asked = tokio::time::timeout(wait, self.exchange(version, request));
        asked.await.map_err(|_| Lost::Late)?
    }

    async fn exchange<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Result<R::Response, Lost> {
        let malformed = |err: &dyn std::fmt::Display| Lost::Malformed(err.to_string());
        let number = self.next_correlation;
        self.next_correlation += 1;
        let client = Str::from_static("turmoil");
        let frame = request_frame(number, version, Some(&client), request)
            .and_then(Writer::into_bytes)
            .map_err(|err| malformed(&err))?;
        self.stream.write_all(&frame).await?;
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix).await?;
        let length = frame_length(prefix, FRAME_BYTES_MAX).map_err(|err| malformed(&err))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        let body = body.into();
        let mut reader = Reader::new(&body);
        let header = ResponseHeader::parse(&mut reader, R::KEY, version);
        let header = header.map_err(|err| malformed(&err))?;
        if header.correlation_id != number {
            return Err(malformed(&format!("answer {} to {number}", header.correlation_id)));
        }
        R::Response::decode(&mut reader, version).map_err(|err| malformed(&err))
    }
}
