//! A cluster of made-up brokers: they die in the middle, stay silent, refuse and lie.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use kq_proto::monitor::v1::monitor_server::{Monitor, MonitorServer};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::*;

/// What a broker does when it is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Tells a frame and goes on.
    Tells,
    /// Tells a frame and dies.
    Dies,
    /// Refuses with a message.
    Refuses,
    /// Belongs to another cluster.
    Foreign,
    /// Has lost the controller: answers only who takes that.
    Stale,
    /// Tells frames without an end, as fast as they are taken.
    Floods,
}

/// What a broker was asked.
type Heard = Arc<Mutex<Vec<v1::WatchRequest>>>;

#[derive(Debug, Clone)]
struct Fake {
    manner: Manner,
    id: u32,
    /// The brokers that it names.
    names: Vec<SocketAddr>,
    heard: Heard,
    taken: Arc<Mutex<u64>>,
    tell_heard: mpsc::UnboundedSender<()>,
}

type Frames = Pin<Box<dyn Stream<Item = Result<v1::WatchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Monitor for Fake {
    type WatchStream = Frames;
    type SampleStream = Pin<Box<dyn Stream<Item = Result<v1::SampleResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<tonic::Streaming<v1::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let takes_stale = request.metadata().contains_key(kq_proto::admin::ACCEPT_STALE);
        match self.manner {
            Manner::Refuses => return Err(Status::internal("no\u{7} room for another watcher")),
            Manner::Foreign => {
                let error = AdminError::new(Code::FailedPrecondition, "kq.WRONG_CLUSTER", "not us");
                return Err(error.into());
            }
            Manner::Stale if !takes_stale => {
                let error = AdminError::new(Code::Unavailable, kq_proto::admin::STALE, "lost");
                return Err(error.into());
            }
            Manner::Tells | Manner::Dies | Manner::Stale | Manner::Floods => {}
        }
        let (heard, tell) = (Arc::clone(&self.heard), self.tell_heard.clone());
        let mut asks = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(ask)) = asks.message().await {
                heard.lock().push(ask);
                let _ = tell.send(());
            }
        });
        let first = tokio_stream::once(Ok(self.frame(true)));
        let frames: Frames = match self.manner {
            Manner::Dies => {
                Box::pin(first.chain(tokio_stream::once(Err(Status::unavailable("bye")))))
            }
            Manner::Floods => {
                let fake = self.clone();
                let flood = tokio_stream::iter(std::iter::repeat_with(move || {
                    *fake.taken.lock() += 1;
                    Ok(fake.frame(false))
                }));
                Box::pin(first.chain(flood))
            }
            Manner::Tells | Manner::Refuses | Manner::Foreign | Manner::Stale => {
                Box::pin(first.chain(tokio_stream::pending()))
            }
        };
        Ok(Response::new(frames))
    }

    async fn minutes(
        &self,
        _: Request<v1::MinutesRequest>,
    ) -> Result<Response<v1::MinutesResponse>, Status> {
        Err(Status::unimplemented("brokers ask this of one another"))
    }

    async fn sample(
        &self,
        _: Request<v1::SampleRequest>,
    ) -> Result<Response<Self::SampleStream>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

impl Fake {
    fn frame(&self, whole: bool) -> v1::WatchResponse {
        let broker = |(id, address): (u32, &SocketAddr)| v1::BrokerState {
            id,
            host: address.ip().to_string(),
            port: address.port().into(),
            ..v1::BrokerState::default()
        };
        let cluster = v1::ClusterState {
            answered_by: self.id,
            version: if whole { String::new() } else { "x".repeat(64 << 10) },
            ..v1::ClusterState::default()
        };
        v1::WatchResponse {
            whole,
            cluster: Some(cluster),
            brokers: (1..).zip(&self.names).map(broker).collect(),
            ..v1::WatchResponse::default()
        }
    }
}

/// A broker that runs until it is dropped.
struct Server {
    address: SocketAddr,
    heard: Heard,
    taken: Arc<Mutex<u64>>,
    asks: mpsc::UnboundedReceiver<()>,
    _stop: oneshot::Sender<()>,
}

/// Brokers of these manners on a runtime of their own; each names all of them.
fn serve(manners: &[Manner]) -> (tokio::runtime::Runtime, Vec<Server>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listeners: Vec<TcpListener> = manners
        .iter()
        .map(|_| runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap())
        .collect();
    let names: Vec<SocketAddr> = listeners.iter().map(|it| it.local_addr().unwrap()).collect();
    let mut servers = Vec::new();
    for ((manner, listener), id) in manners.iter().zip(listeners).zip(1..) {
        let (heard, taken) = (Heard::default(), Arc::default());
        let (tell_heard, asks) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let address = listener.local_addr().unwrap();
        let fake = Fake {
            manner: *manner,
            id,
            names: names.clone(),
            heard: Arc::clone(&heard),
            taken: Arc::clone(&taken),
            tell_heard,
        };
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        runtime.spawn(async move {
            let served = tonic::transport::Server::builder()
                .add_service(MonitorServer::new(fake))
                .serve_with_incoming(incoming);
            tokio::select! {
                _ = served => {}
                _ = stopped => {}
            }
        });
        servers.push(Server { address, heard, taken, asks, _stop: stop });
    }
    (runtime, servers)
}

fn live(brokers: &[SocketAddr]) -> Live {
    let brokers = brokers.iter().map(|it| it.to_string().parse().unwrap()).collect();
    Live::start(Options::new(brokers)).unwrap()
}

/// The next event that is not about looking.
fn told(live: &mut Live) -> FeedEvent {
    loop {
        match live.next() {
            Some(FeedEvent::Opening { .. }) => {}
            Some(event) => return event,
            None => unreachable!("it looks for ever"),
        }
    }
}

/// Who told the next frame.
fn framed_by(live: &mut Live) -> u32 {
    loop {
        if let FeedEvent::Frame(frame) = told(live) {
            return frame.cluster.map_or(0, |it| it.answered_by);
        }
    }
}

fn window(number: u64) -> v1::Window {
    v1::Window { number, brokers: true, ..v1::Window::default() }
}

#[test]
fn a_broker_that_dies_is_followed_by_one_it_named() {
    let (runtime, mut servers) = serve(&[Manner::Dies, Manner::Tells]);
    let mut live = live(&[servers[0].address]);
    live.asks().ask(FeedAsk::Window(Box::new(window(7))));
    assert!(matches!(told(&mut live), FeedEvent::Open { .. }));
    assert_eq!(framed_by(&mut live), 1);
    assert_eq!(told(&mut live), FeedEvent::Lost { why: "bye".to_owned() });
    assert_eq!(framed_by(&mut live), 2);
    runtime.block_on(servers[1].asks.recv());
    let first = servers[1].heard.lock()[0].ask.clone();
    assert_eq!(first, Some(v1::watch_request::Ask::Window(window(7))));
}

#[test]
fn a_broker_that_falls_silent_is_left_for_another_one() {
    let (runtime, servers) = serve(&[Manner::Tells, Manner::Tells]);
    let mut live = live(&[servers[0].address]);
    assert_eq!(framed_by(&mut live), 1);
    let FeedEvent::Lost { why } = told(&mut live) else { unreachable!("it beats no more") };
    assert_eq!(why, "the broker has fallen silent");
    assert_eq!(framed_by(&mut live), 2);
    drop((servers, runtime));
}

#[test]
fn asks_reach_the_broker_that_is_watched() {
    let (runtime, mut servers) = serve(&[Manner::Tells]);
    let mut live = live(&[servers[0].address]);
    assert_eq!(framed_by(&mut live), 1);
    let asks = live.asks();
    asks.ask(FeedAsk::Window(Box::new(window(1))));
    asks.ask(FeedAsk::Seek(v1::Seek { number: 3, at_ms: 5, ..v1::Seek::default() }));
    let heard = Arc::clone(&servers[0].heard);
    let has_seek =
        || heard.lock().iter().any(|it| matches!(it.ask, Some(v1::watch_request::Ask::Seek(_))));
    while !has_seek() {
        runtime.block_on(servers[0].asks.recv());
    }
    let windows = heard
        .lock()
        .iter()
        .filter_map(|it| match &it.ask {
            Some(v1::watch_request::Ask::Window(it)) => Some(it.number),
            _ => None,
        })
        .collect::<Vec<_>>();
    assert_eq!(windows.last(), Some(&1));
}

#[test]
fn a_refusal_is_told_in_the_brokers_words() {
    let (_runtime, servers) = serve(&[Manner::Refuses]);
    let mut live = live(&[servers[0].address]);
    let why = "no  room for another watcher".to_owned();
    assert_eq!(told(&mut live), FeedEvent::Lost { why: why.clone() });
    assert_eq!(told(&mut live), FeedEvent::Lost { why });
}

#[test]
fn another_cluster_is_not_asked_again() {
    let (_runtime, servers) = serve(&[Manner::Foreign]);
    let mut live = live(&[servers[0].address]);
    assert_eq!(told(&mut live), FeedEvent::Ended { why: "not us".to_owned() });
    assert_eq!(live.next(), None);
}

#[test]
fn a_broker_without_controller_is_watched_if_all_are() {
    let (_runtime, servers) = serve(&[Manner::Stale, Manner::Stale]);
    let mut live = live(&[servers[0].address, servers[1].address]);
    assert!(framed_by(&mut live) > 0);
    let (_runtime, servers) = serve(&[Manner::Stale, Manner::Tells]);
    let mut live = self::live(&[servers[0].address, servers[1].address]);
    assert_eq!(framed_by(&mut live), 2);
}

#[test]
fn a_flood_stays_with_the_broker() {
    let (_runtime, servers) = serve(&[Manner::Floods]);
    let mut live = live(&[servers[0].address]);
    for _ in 0..100 {
        assert_eq!(framed_by(&mut live), 1);
    }
    // What is under way is bounded by the windows of HTTP/2, whatever the broker would like.
    let taken = *servers[0].taken.lock();
    assert!(taken < 100 + 200, "{taken} frames of 64 KiB");
}
