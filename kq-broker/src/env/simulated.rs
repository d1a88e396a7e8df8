//! The surroundings of a broker in a simulation: turmoil's network, tasks in place of threads, and
//! tokio's paused time. One thread runs everything, so that a run can be repeated to the letter.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint, Uri};
pub(crate) use turmoil::net::{TcpListener, TcpStream};

/// The longest that a disk usually takes, and what it takes once in a while.
const DISK_US_MAX: u64 = 4_000;
const DISK_HICCUP_US_MAX: u64 = 60_000;

/// The moment of now.
pub(crate) fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time of day.
pub(crate) fn time_of_day() -> SystemTime {
    // Outside of a host there is no time; what asks there is the test itself.
    SystemTime::UNIX_EPOCH + turmoil::since_epoch().unwrap_or_default()
}

/// A task that holds everything up for as long as it takes, which is no time here.
pub(crate) fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(async move { work() })
}

/// Waits for as long as a disk may take to sync.
pub(crate) async fn disk_latency() {
    let (dice, _) = uuid::Uuid::new_v4().as_u64_pair();
    let us_max = if dice.is_multiple_of(50) { DISK_HICCUP_US_MAX } else { DISK_US_MAX };
    tokio::time::sleep(Duration::from_micros((dice >> 16) % us_max)).await;
}

/// A read costs no buffer that anybody would miss.
#[expect(clippy::unused_async, reason = "the machine's waits")]
pub(crate) async fn readable(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// Waits until the other side says something, or closes.
pub(crate) async fn first_word(mut stream: TcpStream) {
    // What it is does not matter.
    let _ = stream.peek(&mut [0]).await;
}

/// There is no kernel that would probe.
#[expect(clippy::unnecessary_wraps, reason = "the machine's may fail")]
pub(crate) fn keep_alive(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// There is no kernel that would probe.
#[expect(clippy::unnecessary_wraps, reason = "the machine's may fail")]
pub(crate) fn keep_alive_by(_: &TcpStream, _: (Duration, Duration, u32)) -> io::Result<()> {
    Ok(())
}

/// Names are what the simulation's hosts are called.
#[expect(clippy::unused_async, reason = "the machine's waits")]
pub(crate) async fn resolve(_: &str) -> io::Result<()> {
    Ok(())
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

/// A channel that connects when it is first called.
pub(crate) fn connect_lazily(endpoint: &Endpoint) -> Channel {
    endpoint.connect_with_connector_lazy(tower::service_fn(|uri: Uri| -> Connecting {
        Box::pin(async move {
            let at = uri.authority().map(ToString::to_string).unwrap_or_default();
            Ok(TokioIo::new(TcpStream::connect(at).await?))
        })
    }))
}
