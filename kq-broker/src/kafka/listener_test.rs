//! One port, three protocols: who gets which, and what happens to those who dawdle or are too many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rustix::net::sockopt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Outcome, Response};
use super::connection::{Bounds, Peer, Serve};
use super::connections::ConnectionLimits;
use super::frame::Frame;
use super::listener::{Port, PortLimits, keep_alive, leaves_open};
use crate::observe::Metrics;

/// Sends each request back; one that begins with `w` or, alone, with `a` only when it is released.
#[derive(Default)]
struct Echo {
    release: Arc<Notify>,
    released: Arc<AtomicUsize>,
}

impl Serve for Echo {
    fn serve(&self, _: &mut Peer, frame: Frame) -> Answer {
        let mut reply = u32::try_from(frame.bytes.len()).unwrap().to_be_bytes().to_vec();
        reply.extend_from_slice(&frame.bytes);
        let outcome = Outcome::Reply(Response::Whole(reply.clone().into()));
        let (release, released) = (Arc::clone(&self.release), Arc::clone(&self.released));
        let parked = async move {
            release.notified().await;
            released.fetch_add(1, Ordering::Relaxed);
            outcome
        };
        match frame.bytes.first() {
            Some(b'w') => Answer::Later(Box::pin(parked)),
            Some(b'a') => Answer::Alone(Box::pin(parked)),
            _ => Answer::Now(Outcome::Reply(Response::Whole(reply.into()))),
        }
    }
}

struct Rig {
    address: SocketAddr,
    port: Arc<Port<Echo>>,
    release: Arc<Notify>,
    released: Arc<AtomicUsize>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn rig(connections_max: usize) -> Rig {
    let router = Router::new().route("/healthz", get(|| async { "well\n" }));
    let limits = PortLimits {
        connections: ConnectionLimits {
            connections_max,
            connections_per_ip_max: connections_max,
            idle_max: Duration::from_mins(1),
        },
        each: Bounds { frame_bytes_max: 1 << 20, in_flight_max: 64 },
        frame_memory_bytes: 1 << 20,
    };
    let echo = Arc::new(Echo::default());
    let (release, released) = (Arc::clone(&echo.release), Arc::clone(&echo.released));
    let port = Port::new(echo, router, limits, Arc::new(Metrics::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&port).listen(listener, stop.clone()));
    Rig { address, port, release, released, stop, task }
}

impl Rig {
    /// Waits until that many requests are parked.
    async fn until_parked(&self, count: usize) {
        // Its own handle and the echo's are there in any case.
        while Arc::strong_count(&self.release) < count + 2 {
            tokio::task::yield_now().await;
        }
    }

    async fn until_all_left(&self) {
        let left = async {
            while self.port.connections().count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), left).await.expect("a client left unnoticed");
    }
}

async fn echo(stream: &mut TcpStream, word: &str) -> String {
    stream.write_u32(u32::try_from(word.len()).unwrap()).await.unwrap();
    stream.write_all(word.as_bytes()).await.unwrap();
    let len = stream.read_u32().await.unwrap() as usize;
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn http_and_kafka_share_the_port() {
    let rig = rig(10).await;
    let mut kafka = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(echo(&mut kafka, "one").await, "one");
    let mut http = TcpStream::connect(rig.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    http.write_all(request).await.unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("well\n"), "{answer}");
    assert_eq!(echo(&mut kafka, "two").await, "two");
}

#[tokio::test]
async fn http_2_is_greeted_in_its_own_tongue() {
    let rig = rig(10).await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "a SETTINGS frame");
}

#[test]
fn half_a_preface_has_only_the_time_of_a_frame() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert!((0..preface.len()).all(|len| leaves_open(&preface[..len])));
    for whole in [preface.as_slice(), b"GET ", b"\0\0\0\x02"] {
        assert!(!leaves_open(whole));
    }
}

#[tokio::test]
async fn first_bytes_may_come_one_at_a_time() {
    let rig = rig(10).await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in [0, 0, 0, 2, b'h', b'i'] {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\0\0\0\x02hi");
}

#[tokio::test]
async fn one_connection_too_many_is_hung_up_on() {
    let rig = rig(1).await;
    let mut first = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(echo(&mut first, "in").await, "in");
    let mut second = TcpStream::connect(rig.address).await.unwrap();
    assert!(second.read_u8().await.is_err());
    drop(first);
    rig.until_all_left().await;
    let mut third = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(echo(&mut third, "in").await, "in");
}

#[tokio::test]
async fn a_stop_lets_requests_in_flight_end() {
    let rig = rig(10).await;
    let mut busy = TcpStream::connect(rig.address).await.unwrap();
    let mut idle = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(echo(&mut idle, "here").await, "here");
    assert_eq!(echo(&mut busy, "here").await, "here");
    busy.write_all(b"\0\0\0\x04wait").await.unwrap();
    while !rig.port.connections().is_serving() {
        tokio::task::yield_now().await;
    }
    rig.stop.cancel();
    assert!(idle.read_u8().await.is_err(), "an idle connection is closed at once");
    rig.release.notify_one();
    let mut answer = [0; 8];
    busy.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\0\0\0\x04wait");
    rig.task.await.unwrap();
    assert_eq!(rig.port.connections().count(), 0);
    assert!(TcpStream::connect(rig.address).await.is_err());
}

/// In which way a client may go.
fn leave(client: &TcpStream, way: &str) {
    match way {
        "closes" => {}
        "closes its side" => rustix::net::shutdown(client, rustix::net::Shutdown::Write).unwrap(),
        _ => sockopt::set_socket_linger(client, Some(Duration::ZERO)).unwrap(),
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_nothing_is_read() {
    let rig = rig(1).await;
    for way in ["closes", "closes its side", "resets"] {
        let mut client = TcpStream::connect(rig.address).await.unwrap();
        // As many requests as are taken up at once, and some that nobody reads.
        client.write_all(&b"\0\0\0\x04wait".repeat(80)).await.unwrap();
        rig.until_parked(64).await;
        leave(&client, way);
        let still_open = (way == "closes its side").then_some(client);
        rig.until_all_left().await;
        assert_eq!(Arc::strong_count(&rig.release), 2, "what waited for a client that {way}");
        drop(still_open);
    }
}

#[tokio::test]
async fn a_request_that_stands_alone_is_carried_through() {
    let rig = rig(1).await;
    let mut client = TcpStream::connect(rig.address).await.unwrap();
    client.write_all(b"\0\0\0\x04wait\0\0\0\x05alone").await.unwrap();
    rig.until_parked(2).await;
    drop(client);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.port.connections().count(), 1);
    rig.release.notify_waiters();
    rig.until_all_left().await;
    assert_eq!(rig.released.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_silent_peer_is_probed() {
    let rig = rig(1).await;
    let stream = TcpStream::connect(rig.address).await.unwrap();
    keep_alive(&stream).unwrap();
    assert!(sockopt::socket_keepalive(&stream).unwrap());
    let after = sockopt::tcp_keepidle(&stream).unwrap();
    let interval = sockopt::tcp_keepintvl(&stream).unwrap();
    let probes = sockopt::tcp_keepcnt(&stream).unwrap();
    assert_eq!(after + interval * probes, Duration::from_mins(4), "a dead one goes after that");
}
