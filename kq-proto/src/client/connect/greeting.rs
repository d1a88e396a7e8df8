//! A stream that tells when the other side has said its first word, whoever reads it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A connection on which somebody waits to hear anything at all.
#[derive(Debug)]
pub(super) struct Greeted {
    stream: TcpStream,
    tell: Option<oneshot::Sender<io::Result<()>>>,
}

impl Greeted {
    /// The stream, and what comes of its first read.
    pub(super) fn new(stream: TcpStream) -> (Self, oneshot::Receiver<io::Result<()>>) {
        let (tell, heard) = oneshot::channel();
        (Self { stream, tell: Some(tell) }, heard)
    }
}

impl AsyncRead for Greeted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if let Poll::Ready(read) = &read
            && let Some(tell) = self.tell.take()
        {
            // Nobody waits any more to hear it when a reconnect is greeted.
            let _ = tell.send(match read {
                Ok(()) if into.filled().len() == before => {
                    Err(io::Error::other("the connection was closed"))
                }
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            });
        }
        read
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
