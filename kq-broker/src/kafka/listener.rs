//! The broker's one port: who may come in, and which of the two doors they want.
//!
//! The first four bytes tell: `PRI ` opens HTTP/2 and so gRPC, `GET ` is HTTP/1.1, and anything else
//! is the length of a Kafka frame. They are read, not peeked at, so that a client that sends fewer
//! and waits costs nothing; whoever takes the connection gets them back first.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::{BufMut, BytesMut};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::sync::SetOnce;
use tokio_util::io::poll_read_buf;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::connection::{Bounds, Connection, Ended, Parts, Peer, Serve};
use super::connections::{Admitted, ConnectionLimits, Connections, Refusal};
use super::frame::FrameMemory;
use super::noise::Noise;
use super::pipeline::Pipelines;
use super::transport::{Rewound, transport_of};
use crate::config::BrokerConfig;
use crate::env::{self, TcpListener, TcpStream};
use crate::observe::{Metrics, Refused};

/// Descriptors left to everything that is neither a connection nor a partition's file.
const DESCRIPTORS_RESERVED: u64 = 128;
/// How long a client of Kafka's protocol that comes early waits for the broker to serve. After that
/// it had better ask another one.
const OPENING_WAIT: Duration = Duration::from_secs(3);
/// Pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests in flight may still be answered after the stop was asked for.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// A connection without traffic for this long is probed, so often and so many times: a peer that is
/// gone holds it for four minutes.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(2);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_PROBES: u32 = 6;
/// Room for the first bytes of a connection.
const FIRST_BYTES: usize = 4 << 10;
/// What a client of HTTP/2 begins with, whole.
const HTTP2_PREFACE_BYTES: usize = 24;
/// Bounds of the control door.
const HTTP_STREAMS_MAX: u32 = 100;
const HTTP_HEADER_BYTES_MAX: u32 = 16 << 10;
const HTTP_KEEPALIVE: Duration = Duration::from_secs(20);
const HTTP_HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bounds of the port.
#[derive(Debug, Clone, Copy)]
pub struct PortLimits {
    /// How many connections, and how long each may rest.
    pub connections: ConnectionLimits,
    /// Of each connection.
    pub each: Bounds,
    /// Memory that the large requests of all connections share.
    pub frame_memory_bytes: usize,
}

impl PortLimits {
    /// The bounds that a broker is configured with.
    pub fn of(config: &BrokerConfig) -> Self {
        let bytes = usize::try_from(config.requests_bytes_max).unwrap_or(usize::MAX);
        Self {
            connections: ConnectionLimits {
                connections_max: (config.connections_max as usize).min(descriptors_max()),
                connections_per_ip_max: config.connections_per_ip_max as usize,
                idle_max: Duration::from_millis(config.connection_idle_ms_max),
            },
            each: Bounds {
                frame_bytes_max: config.request_bytes_max,
                in_flight_max: config.connection_requests_max,
            },
            frame_memory_bytes: if bytes == 0 { memory_bytes() / 4 } else { bytes },
        }
    }
}

/// Descriptors that connections may take: half of those beside a reserve, so that the logs of
/// partitions and of the metadata quorum never lack one.
fn descriptors_max() -> usize {
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let half = allowed.saturating_sub(DESCRIPTORS_RESERVED) / 2;
    usize::try_from(half).unwrap_or(usize::MAX).max(1)
}

/// The machine's memory; a modest guess where the system does not tell.
fn memory_bytes() -> usize {
    let kib = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()
    });
    kib.map_or(1 << 30, |kib| kib << 10)
}

/// One listening address and all that came in through it.
pub struct Port<S> {
    /// Set when the broker serves.
    serve: SetOnce<Arc<S>>,
    router: Router,
    connections: Arc<Connections>,
    each: Bounds,
    memory: FrameMemory,
    noise: Arc<Noise>,
    metrics: Arc<Metrics>,
}

impl<S> std::fmt::Debug for Port<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port")
            .field("connections", &self.connections.count())
            .finish_non_exhaustive()
    }
}

impl<S: Serve> Port<S> {
    /// A port that answers Kafka requests by `serve` and HTTP by `router`.
    pub fn new(
        serve: Arc<S>,
        router: Router,
        limits: PortLimits,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let port = Self::closed(router, limits, metrics);
        port.open_to(serve);
        port
    }

    /// A port that answers HTTP only, until it is opened.
    pub fn closed(router: Router, limits: PortLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            serve: SetOnce::new(),
            router,
            connections: Connections::new(limits.connections),
            each: limits.each,
            memory: FrameMemory::new(limits.frame_memory_bytes),
            noise: Arc::default(),
            metrics,
        })
    }

    /// Answers Kafka requests by `serve` from now on, those of clients that wait first.
    pub fn open_to(&self, serve: Arc<S>) {
        // A port is opened once; a second time changes nothing.
        let _ = self.serve.set(serve);
    }

    /// The connections that are open.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Accepts until `stop`, then lets requests in flight end and closes what is left.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let sweeper = tokio::spawn(sweep(Arc::clone(&self)));
        let mut reserve = Reserve::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, address, stop.clone()),
                Err(e) => {
                    if self.noise.may_speak() {
                        warn!(error = %e, "cannot accept a connection");
                    }
                    if is_out_of_descriptors(&e) {
                        reserve.turn_away(&listener).await;
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        sweeper.abort();
        self.drain().await;
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, address: SocketAddr, stop: CancellationToken) {
        let admitted = match self.connections.admit(address.ip()) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.metrics.connections.refused(match refusal {
                    Refusal::Full(_) => Refused::Limit,
                    Refusal::FullForIp { .. } => Refused::LimitPerAddress,
                });
                if self.noise.may_speak() {
                    info!(%address, "connection refused: {refusal}");
                }
                return;
            }
        };
        let id = admitted.id;
        let port = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _counted = Counted::new(&port.metrics);
            port.open(stream, (address, stop), admitted).await;
        });
        self.connections.started(id, task.abort_handle());
    }

    /// Serves one connection to its end.
    async fn open(
        self: Arc<Self>,
        mut stream: TcpStream,
        (address, stop): (SocketAddr, CancellationToken),
        admitted: Admitted,
    ) {
        let opened = async {
            stream.set_nodelay(true)?;
            keep_alive(&stream)?;
            let local = stream.local_addr()?;
            Ok::<_, io::Error>((local, read_first(&mut stream, &admitted).await?))
        };
        let (local, first) = match opened.await {
            Ok((local, Some(first))) => (local, first),
            Ok((_, None)) => return,
            Err(error) => {
                debug!(%address, %error, "connection failed before its first request");
                return;
            }
        };
        if matches!(first.get(..4), Some(b"PRI " | b"GET ")) {
            admitted.slot.serving();
            Box::pin(self.open_http(Rewound::new(first, stream), address, stop)).await;
            return;
        }
        let opened = tokio::time::timeout(OPENING_WAIT, self.serve.wait()).await;
        let Ok(serve) = opened.map(Arc::clone) else {
            debug!(%address, "connection closed: this broker does not serve yet");
            return;
        };
        let pipelines = Pipelines::default();
        let peer = Peer { address, local, software: None, pipelines, is_lone: false };
        let slot = Arc::clone(&admitted.slot);
        let parts = Parts { transport: transport_of(&mut stream), serve, peer, slot };
        let (bounds, memory) = (self.each, self.memory.clone());
        let (noise, metrics) = (Arc::clone(&self.noise), Arc::clone(&self.metrics));
        drop(self);
        let (peer, ended) = Connection::new(parts, first, bounds, memory).run().await;
        if matches!(ended, Ended::Refused(_)) {
            metrics.connections.refused(Refused::Protocol);
        }
        log_end(&peer, &ended, &noise);
    }

    async fn open_http(
        &self,
        stream: Rewound<TcpStream>,
        address: SocketAddr,
        stop: CancellationToken,
    ) {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HTTP_HEADER_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HTTP_KEEPALIVE)
            .max_concurrent_streams(HTTP_STREAMS_MAX)
            .max_header_list_size(HTTP_HEADER_BYTES_MAX);
        let service = TowerToHyperService::new(self.router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%address, error, "control connection ended");
        }
    }

    async fn drain(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        let drained = async {
            while self.connections.count() > 0 {
                self.connections.end_resting();
                tick.tick().await;
            }
        };
        if tokio::time::timeout(DRAIN_MAX, drained).await.is_err() {
            let ended = self.connections.end_all();
            info!(ended, "closed connections with requests in flight");
        }
    }
}

/// Has the kernel find out that a peer is gone which could not say so: its machine lost power, or the
/// network between fell apart. One that is alive may wait for an answer as long as it likes.
pub(super) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    env::keep_alive_by(stream, (KEEPALIVE_AFTER, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES))
}

/// Counts a connection in, and out when dropped: also when its task is ended from outside.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.connections.opened();
        Self(Arc::clone(metrics))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.closed();
    }
}

fn log_end(peer: &Peer, ended: &Ended, noise: &Noise) {
    let address = peer.address;
    match ended {
        Ended::ByClient => debug!(%address, "connection closed by the client"),
        Ended::SentElsewhere => debug!(%address, "client is sent to another broker"),
        Ended::Io(error) => debug!(%address, %error, "connection failed"),
        Ended::Refused(reason) if noise.may_speak() => {
            let software =
                peer.software.as_ref().map(|(name, version)| format!("{name} {version}"));
            info!(%address, software, "connection closed: {reason}");
        }
        Ended::Refused(reason) => debug!(%address, "connection closed: {reason}"),
    }
}

/// Whether more bytes are needed to tell who is to have the connection. HTTP/2 comes with the whole
/// of its preface: the rest of a half would be waited for without end.
pub(super) fn leaves_open(first: &[u8]) -> bool {
    first.len() < 4 || first.starts_with(b"PRI ") && first.len() < HTTP2_PREFACE_BYTES
}

/// Reads the first bytes, which tell the protocols apart; `None` if the client left before.
async fn read_first(stream: &mut TcpStream, admitted: &Admitted) -> io::Result<Option<BytesMut>> {
    env::readable(stream).await?;
    let mut first = BytesMut::with_capacity(FIRST_BYTES);
    while leaves_open(&first) {
        let read = std::future::poll_fn(|cx| {
            let mut room = (&mut first).limit(FIRST_BYTES);
            poll_read_buf(Pin::new(&mut *stream), cx, &mut room)
        });
        if read.await? == 0 {
            return Ok(None);
        }
        admitted.slot.receiving(first.len(), false);
    }
    Ok(Some(first))
}

/// Once a second: ends what is overdue.
async fn sweep<S: Serve>(port: Arc<Port<S>>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    second.tick().await;
    loop {
        second.tick().await;
        let (ended, unsaid) = (port.connections.tick(), port.noise.next_second());
        if unsaid > 0 {
            info!(unsaid, "more connections were refused or closed for bad requests");
        }
        if ended > 0 {
            (0..ended).for_each(|_| port.metrics.connections.refused(Refused::Idle));
            info!(ended, "closed connections that were silent or too slow");
        }
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// A descriptor kept back, to turn a waiting client away when there is none left: otherwise it would
/// hang in the backlog, and the log would have none to roll a segment with.
#[derive(Debug)]
struct Reserve(Option<File>);

impl Reserve {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Accepts with the reserved descriptor, only to hang up.
    async fn turn_away(&mut self, listener: &TcpListener) {
        drop(self.0.take());
        let accepted = tokio::time::timeout(ACCEPT_PAUSE, listener.accept()).await;
        drop(accepted);
        *self = Self::new();
    }
}
