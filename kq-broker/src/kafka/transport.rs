//! The byte stream under a connection: a TCP socket that takes sendfile, or any other stream that copies.
//!
//! A simulated socket or a TLS session has no descriptor that the kernel could send a file to, so
//! the outbound queue asks the transport and falls back on reading the region itself.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use bytes::buf::Limit;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::region::Region;
use crate::env;

/// A connection's stream of bytes.
pub trait Transport: Send + Unpin {
    /// Ready when a read is worth a buffer. A stream that cannot tell says so at once.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ready once the other side has closed or reset the stream, even while bytes that it sent before
    /// wait to be read. A stream that cannot tell never says so.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Appends what has arrived, within the buffer's limit; 0 is the end of the stream.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Limit<&mut BytesMut>,
    ) -> Poll<io::Result<usize>>;

    /// Writes some of the slices. `more` says that bytes follow at once, so that a header travels
    /// in the same segment as the records behind it.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        more: bool,
    ) -> Poll<io::Result<usize>>;

    /// Sends some of a file region without copying, or `None` if this stream or file cannot.
    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        region: &Region,
    ) -> Poll<io::Result<Option<usize>>>;
}

/// The transport over a connection that came in.
#[cfg(not(feature = "turmoil"))]
pub(super) fn transport_of(stream: &mut env::TcpStream) -> Socket<'_> {
    Socket::new(stream)
}

/// The transport over a connection that came in: a simulated one has no descriptor.
#[cfg(feature = "turmoil")]
pub(super) fn transport_of(stream: &mut env::TcpStream) -> Copying<&mut env::TcpStream> {
    Copying(stream)
}

/// A TCP socket.
pub struct Socket<'a> {
    read: ReadHalf<'a>,
    /// Until somebody asks whether the other side has left.
    unasked: Option<WriteHalf<'a>>,
    /// Waits for that from then on.
    left: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
}

impl<'a> Socket<'a> {
    /// The transport over `stream`.
    pub fn new(stream: &'a mut TcpStream) -> Self {
        let (read, write) = stream.split();
        Self { read, unasked: Some(write), left: None }
    }
}

impl std::fmt::Debug for Socket<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket").field("read", &self.read).finish_non_exhaustive()
    }
}

impl Transport for Socket<'_> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read.as_ref().poll_read_ready(cx)
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(half) = self.unasked.take() {
            self.left = Some(Box::pin(async move {
                // Readable it may be all the time. This interest leaves that out: it stands for urgent
                // data, of which no socket here is told, and for the end of the stream.
                let _ = half.ready(Interest::PRIORITY).await;
            }));
        }
        if let Some(left) = &mut self.left {
            ready!(left.as_mut().poll(cx));
            self.left = None;
        }
        Poll::Ready(())
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Limit<&mut BytesMut>,
    ) -> Poll<io::Result<usize>> {
        tokio_util::io::poll_read_buf(Pin::new(&mut self.read), cx, into)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        more: bool,
    ) -> Poll<io::Result<usize>> {
        let mut flags = SendFlags::NOSIGNAL;
        flags.set(SendFlags::MORE, more);
        poll_socket(self.read.as_ref(), cx, |socket| {
            let mut control = SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(socket, slices, &mut control, flags)?)
        })
    }

    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        region: &Region,
    ) -> Poll<io::Result<Option<usize>>> {
        let Some(file) = region.file.as_fd() else { return Poll::Ready(Ok(None)) };
        let mut position = region.position;
        let len = region.len;
        poll_socket(self.read.as_ref(), cx, |socket| {
            Ok(rustix::fs::sendfile(socket, file, Some(&mut position), len)?)
        })
        .map_ok(Some)
    }
}

/// Runs a nonblocking call on a socket until it succeeds, fails or the socket is full.
fn poll_socket<R>(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    mut call: impl FnMut(&TcpStream) -> io::Result<R>,
) -> Poll<io::Result<R>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        match socket.try_io(Interest::WRITABLE, || call(socket)) {
            Err(e)
                if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            done => return Poll::Ready(done),
        }
    }
}

/// A stream that only reads and writes: a TLS session, a simulated socket.
#[derive(Debug)]
pub struct Copying<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Transport for Copying<S> {
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_left(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Limit<&mut BytesMut>,
    ) -> Poll<io::Result<usize>> {
        tokio_util::io::poll_read_buf(Pin::new(&mut self.0), cx, into)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        _more: bool,
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_send_file(
        &mut self,
        _: &mut Context<'_>,
        _: &Region,
    ) -> Poll<io::Result<Option<usize>>> {
        Poll::Ready(Ok(None))
    }
}

/// A stream whose first bytes were read already: they come first, then the rest.
#[derive(Debug)]
pub struct Rewound<S> {
    first: BytesMut,
    rest: S,
}

impl<S> Rewound<S> {
    /// Puts `first` back in front of `rest`.
    pub fn new(first: BytesMut, rest: S) -> Self {
        Self { first, rest }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.rest).poll_read(cx, buf);
        }
        let n = self.first.len().min(buf.remaining());
        buf.put_slice(&self.first.split_to(n));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.rest.is_write_vectored()
    }
}
