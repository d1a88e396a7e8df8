//! Order, pipelining and bounds of one connection, over an in-memory stream and an echo.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

use super::answer::{Answer, Outcome, Response};
use super::connection::{Bounds, Connection, Ended, Parts, Peer, Serve};
use super::connections::{ConnectionLimits, Connections};
use super::frame::{Frame, FrameMemory};
use super::pipeline::Pipelines;
use super::transport::Copying;

/// What follows the echo in a `b`ig answer.
const BIG_BYTES: usize = 400 << 10;

/// Answers by the first byte: `n`ow, `b`ig, `l`ater or `a`lone (when released), `s`ilent, `c`lose.
#[derive(Default)]
struct Echo {
    seen: Mutex<Vec<String>>,
    parked: Mutex<Vec<oneshot::Sender<()>>>,
}

impl Echo {
    fn seen(&self) -> String {
        self.seen.lock().join(" ")
    }

    fn release(&self, which: usize) {
        self.parked.lock().remove(which).send(()).unwrap();
    }
}

fn reply(bytes: &[u8]) -> Outcome {
    let mut out = BytesMut::new();
    out.put_u32(u32::try_from(bytes.len()).unwrap());
    out.put_slice(bytes);
    Outcome::Reply(Response::Whole(out.freeze()))
}

impl Serve for Echo {
    fn serve(&self, _: &mut Peer, frame: Frame) -> Answer {
        let bytes: Bytes = frame.bytes.freeze();
        self.seen.lock().push(String::from_utf8_lossy(bytes.get(..2).unwrap_or(&bytes)).into());
        let parked = || {
            let (sender, receiver) = oneshot::channel();
            self.parked.lock().push(sender);
            let bytes = bytes.clone();
            Box::pin(async move {
                let _ = receiver.await;
                reply(&bytes)
            })
        };
        match bytes.first() {
            Some(b'l') => Answer::Later(parked()),
            Some(b'a') => Answer::Alone(parked()),
            Some(b's') => Answer::Now(Outcome::Silent),
            Some(b'c') => Answer::Now(Outcome::Close("asked to".into())),
            Some(b'b') => Answer::Now(reply(&[&bytes[..], &vec![b'.'; BIG_BYTES]].concat())),
            _ => Answer::Now(reply(&bytes)),
        }
    }
}

struct Rig {
    client: DuplexStream,
    echo: Arc<Echo>,
    connections: Arc<Connections>,
    task: tokio::task::JoinHandle<Ended>,
}

fn rig(frame_bytes_max: usize) -> Rig {
    let (client, server) = tokio::io::duplex(64 << 10);
    let connections = Connections::new(ConnectionLimits {
        connections_max: 1,
        connections_per_ip_max: 1,
        idle_max: Duration::from_mins(1),
    });
    let address = "127.0.0.1:1".parse().unwrap();
    let admitted = connections.admit(std::net::Ipv4Addr::LOCALHOST.into()).unwrap();
    let echo = Arc::new(Echo::default());
    let parts = Parts {
        transport: Copying(server),
        serve: Arc::clone(&echo),
        peer: Peer {
            address,
            local: address,
            software: None,
            pipelines: Pipelines::default(),
            is_lone: false,
        },
        slot: Arc::clone(&admitted.slot),
    };
    let bounds = Bounds { frame_bytes_max, in_flight_max: 64 };
    let memory = FrameMemory::new(1 << 20);
    let id = admitted.id;
    let connection = Connection::new(parts, BytesMut::new(), bounds, memory);
    let task = tokio::spawn(async move {
        let _admitted = admitted;
        connection.run().await.1
    });
    connections.started(id, task.abort_handle());
    Rig { client, echo, connections, task }
}

impl Rig {
    async fn send(&mut self, words: &str) {
        let mut bytes = BytesMut::new();
        for word in words.split(' ') {
            bytes.put_u32(u32::try_from(word.len()).unwrap());
            bytes.put_slice(word.as_bytes());
        }
        self.client.write_all(&bytes).await.unwrap();
    }

    async fn receive(&mut self) -> String {
        let len = self.client.read_u32().await.unwrap() as usize;
        let mut bytes = vec![0; len];
        self.client.read_exact(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    async fn receive_all(&mut self, count: usize) -> String {
        let mut words = Vec::new();
        for _ in 0..count {
            words.push(self.receive().await);
        }
        words.join(" ")
    }

    /// Waits until that many requests have been taken up.
    async fn until_seen(&self, count: usize) {
        while self.echo.seen.lock().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn responses_keep_the_order_of_requests() {
    let mut rig = rig(1000);
    rig.send("n0 l1 n2 l3 n4").await;
    assert_eq!(rig.receive().await, "n0");
    rig.until_seen(5).await;
    assert_eq!(rig.echo.seen(), "n0 l1 n2 l3 n4", "those behind a waiting one are taken up");
    rig.echo.release(1);
    rig.echo.release(0);
    assert_eq!(rig.receive_all(4).await, "l1 n2 l3 n4");
}

#[tokio::test]
async fn nothing_overtakes_a_request_that_stands_alone() {
    let mut rig = rig(1000);
    rig.send("a0 n1 l2").await;
    rig.until_seen(1).await;
    tokio::task::yield_now().await;
    assert_eq!(rig.echo.seen(), "a0");
    rig.echo.release(0);
    assert_eq!(rig.receive_all(2).await, "a0 n1");
    rig.echo.release(0);
    assert_eq!(rig.receive().await, "l2");
}

#[tokio::test]
async fn silent_requests_leave_no_gap() {
    let mut rig = rig(1000);
    rig.send("s0 n1 s2 s3 n4").await;
    assert_eq!(rig.receive_all(2).await, "n1 n4");
}

#[tokio::test]
async fn a_refused_request_closes_after_earlier_answers() {
    let mut rig = rig(1000);
    rig.send("n0 c1 n2").await;
    assert_eq!(rig.receive().await, "n0");
    assert_eq!(rig.task.await.unwrap().to_string(), "asked to");
    assert_eq!(rig.echo.seen(), "n0 c1");
}

#[tokio::test]
async fn too_many_waiting_requests_stop_the_reading() {
    let mut rig = rig(1000);
    let words: Vec<String> = (0..100).map(|i| format!("l{i}")).collect();
    rig.send(&words.join(" ")).await;
    rig.until_seen(64).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.echo.seen.lock().len(), 64);
    for _ in 0..100 {
        rig.until_seen(1).await;
        while rig.echo.parked.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        rig.echo.release(0);
    }
    assert_eq!(rig.receive_all(100).await, words.join(" "));
}

#[tokio::test]
async fn requests_behind_large_answers_are_taken_up_once_those_are_sent() {
    // Small requests with answers that the socket cannot hold, all sent before the first is read.
    let mut rig = rig(1000);
    let words: Vec<String> = (0..100).map(|i| format!("big{i}")).collect();
    rig.send(&words.join(" ")).await;
    rig.until_seen(3).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(rig.echo.seen.lock().len() < 10, "unread answers stop the taking up");
    for word in words {
        let answer = tokio::time::timeout(Duration::from_secs(10), rig.receive()).await;
        assert!(answer.expect("the client sends no more and must not wait").starts_with(&word));
    }
}

#[tokio::test]
async fn answers_that_wait_for_an_earlier_one_are_bounded() {
    let mut rig = rig(1000);
    let words: Vec<String> = (0..50).map(|i| format!("big{i}")).collect();
    rig.send(&format!("l {}", words.join(" "))).await;
    rig.until_seen(3).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(rig.echo.seen.lock().len() < 10, "they are in memory until the first is answered");
    rig.echo.release(0);
    assert_eq!(rig.receive().await, "l");
    for word in words {
        assert!(rig.receive().await.starts_with(&word));
    }
}

#[tokio::test]
async fn frames_arrive_whole_however_they_are_cut() {
    let mut rig = rig(300_000);
    let big = format!("n{}", "x".repeat(250_000));
    let mut stream = BytesMut::new();
    for word in ["n1", big.as_str(), "n3"] {
        stream.put_u32(u32::try_from(word.len()).unwrap());
        stream.put_slice(word.as_bytes());
    }
    let mut at = 0;
    for step in [1, 2, 3, 1, 2, 100, 70_001, 5, 99_000].into_iter().chain(std::iter::repeat(40_000))
    {
        let end = (at + step).min(stream.len());
        rig.client.write_all(&stream[at..end]).await.unwrap();
        tokio::task::yield_now().await;
        at = end;
        if at == stream.len() {
            break;
        }
    }
    assert_eq!(rig.receive().await, "n1");
    assert_eq!(rig.receive().await, big);
    assert_eq!(rig.receive().await, "n3");
}

#[tokio::test]
async fn a_frame_larger_than_the_shared_memory_comes_alone() {
    let rig = rig(4 << 20);
    let big = format!("n{}", "x".repeat(3 << 20));
    let (mut from, mut to) = tokio::io::split(rig.client);
    let mut stream = BytesMut::new();
    for word in [big.as_str(), "n1", big.as_str()] {
        stream.put_u32(u32::try_from(word.len()).unwrap());
        stream.put_slice(word.as_bytes());
    }
    let want = stream.clone();
    let receive = async {
        let mut got = vec![0; want.len()];
        from.read_exact(&mut got).await.unwrap();
        assert!(got == want, "the same frames come back");
    };
    let (sent, ()) = tokio::join!(to.write_all(&stream), receive);
    sent.unwrap();
    rig.task.abort();
}

#[tokio::test]
async fn impossible_frame_lengths_end_the_connection() {
    for (len, want) in [
        (0, "frame length is zero"),
        (-1, "frame length -1 is negative"),
        (1001, "frame of 1001 bytes is over the limit of 1000"),
        (i32::MAX, "frame of 2147483647 bytes is over the limit of 1000"),
    ] {
        let mut rig = rig(1000);
        rig.client.write_all(&len.to_be_bytes()).await.unwrap();
        assert_eq!(rig.task.await.unwrap().to_string(), want);
    }
}

#[tokio::test]
async fn a_client_that_leaves_drops_what_waits() {
    let mut rig = rig(1000);
    rig.send("l0").await;
    rig.until_seen(1).await;
    drop(rig.client);
    assert!(matches!(rig.task.await.unwrap(), Ended::ByClient));
    assert!(rig.echo.parked.lock().remove(0).send(()).is_err(), "its work is dropped");
}

#[tokio::test]
async fn a_frame_in_dribbles_gains_no_time_by_a_request_that_waits() {
    let mut rig = rig(1000);
    rig.send("l0").await;
    rig.until_seen(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert_eq!(rig.connections.tick(), 0, "a client may wait for its answer");
    }
    rig.client.write_all(&[0, 0, 0, 9, b'n']).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let ended = (0..20).map(|_| rig.connections.tick()).find(|ended| *ended > 0);
    assert_eq!(ended, Some(1));
    assert!(rig.task.await.unwrap_err().is_cancelled());
}
