//! The surroundings of a broker that runs: tokio's sockets, the machine's threads and clocks.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use rustix::net::sockopt;
pub(crate) use tokio::net::{TcpListener, TcpStream};
pub(crate) use tokio::task::spawn_blocking;
use tonic::transport::{Channel, Endpoint};

/// The moment of now.
#[expect(clippy::disallowed_methods, reason = "the one place where time is read")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the one place where time is read")]
pub(crate) fn time_of_day() -> SystemTime {
    SystemTime::now()
}

/// Waits until a read is worth a buffer.
pub(crate) async fn readable(stream: &TcpStream) -> io::Result<()> {
    stream.readable().await
}

/// Waits until the other side says something, or closes.
pub(crate) async fn first_word(stream: TcpStream) {
    // What it is does not matter.
    let _ = stream.peek(&mut [0]).await;
}

/// Has the kernel find out that a peer is gone which could not say so.
pub(crate) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    Ok(sockopt::set_socket_keepalive(stream, true)?)
}

/// The same: asks after so much silence, so often and so many times.
pub(crate) fn keep_alive_by(
    stream: &TcpStream,
    (after, interval, probes): (Duration, Duration, u32),
) -> io::Result<()> {
    keep_alive(stream)?;
    sockopt::set_tcp_keepidle(stream, after)?;
    sockopt::set_tcp_keepintvl(stream, interval)?;
    sockopt::set_tcp_keepcnt(stream, probes)?;
    Ok(())
}

/// Whether a name is known here, as `host:port`; an error says what the system says.
pub(crate) async fn resolve(address: &str) -> io::Result<()> {
    let mut found = tokio::net::lookup_host(address).await?;
    found.next().map(drop).ok_or_else(|| io::Error::other("it has no address"))
}

/// A channel that connects when it is first called.
pub(crate) fn connect_lazily(endpoint: &Endpoint) -> Channel {
    endpoint.connect_lazy()
}
