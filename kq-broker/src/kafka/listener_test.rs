//! One port, three protocols: who gets which, and what happens to those who dawdle or are too many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Outcome, Response};
use super::connection::{Bounds, Peer, Serve};
use super::connections::ConnectionLimits;
use super::frame::Frame;
use super::listener::{Port, PortLimits, leaves_open};
use crate::observe::Metrics;

/// Sends each request back; one that begins with `w` only when it is released.
#[derive(Default)]
struct Echo {
    release: Arc<Notify>,
}

impl Serve for Echo {
    fn serve(&self, _: &mut Peer, frame: Frame) -> Answer {
        let mut reply = u32::try_from(frame.bytes.len()).unwrap().to_be_bytes().to_vec();
        reply.extend_from_slice(&frame.bytes);
        let outcome = Outcome::Reply(Response::Whole(reply.into()));
        if frame.bytes.first() == Some(&b'w') {
            let release = Arc::clone(&self.release);
            return Answer::Later(Box::pin(async move {
                release.notified().await;
                outcome
            }));
        }
        Answer::Now(outcome)
    }
}

struct Rig {
    address: SocketAddr,
    port: Arc<Port<Echo>>,
    release: Arc<Notify>,
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
    let release = Arc::clone(&echo.release);
    let port = Port::new(echo, router, limits, Arc::new(Metrics::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&port).listen(listener, stop.clone()));
    Rig { address, port, release, stop, task }
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
    while rig.port.connections().count() > 0 {
        tokio::task::yield_now().await;
    }
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
