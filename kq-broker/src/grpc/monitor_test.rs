//! Watching a broker in this process, through the client that kq-tui uses.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1::monitor_client::MonitorClient;
use kq_proto::monitor::v1::{self, watch_request::Ask};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};

use super::groups_test;
use super::grpc_test::{Rig, start, start_with};
use crate::monitor::{GroupMinute, Minute};

/// Everything comes far sooner.
const SOON: Duration = Duration::from_secs(30);

/// A watcher, and what it heard.
struct Watcher {
    asks: mpsc::Sender<v1::WatchRequest>,
    frames: Streaming<v1::WatchResponse>,
}

fn request(ask: Ask) -> v1::WatchRequest {
    v1::WatchRequest { ask: Some(ask) }
}

impl Watcher {
    async fn open(rig: &Rig, first: Ask) -> Result<Self, Status> {
        let (asks, asked) = mpsc::channel(4);
        asks.send(request(first)).await.unwrap();
        let frames = rig.door.monitor_stream().watch(ReceiverStream::new(asked)).await?;
        Ok(Self { asks, frames: frames.into_inner() })
    }

    async fn next(&mut self) -> Result<Option<v1::WatchResponse>, Status> {
        tokio::time::timeout(SOON, self.frames.message()).await.expect("a frame comes in time")
    }

    /// The first frame of which this is true.
    async fn until(&mut self, is_it: impl Fn(&v1::WatchResponse) -> bool) -> v1::WatchResponse {
        loop {
            let frame = self.next().await.unwrap().expect("the stream goes on");
            if is_it(&frame) {
                return frame;
            }
        }
    }

    async fn ask(&self, window: v1::Window) {
        self.asks.send(request(Ask::Window(window))).await.unwrap();
    }
}

fn window() -> v1::Window {
    v1::Window::default()
}

fn names(frame: &v1::WatchResponse) -> Vec<&str> {
    frame.topics.iter().map(|it| it.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_all_that_there_is_and_what_becomes_of_it() {
    let rig = start().await;
    rig.create("orders", 3).await;
    let mut watcher = Watcher::open(&rig, Ask::Window(window())).await.unwrap();
    let whole = watcher.next().await.unwrap().unwrap();
    assert!(whole.whole);
    assert_eq!((names(&whole), whole.topics[0].leaders.len()), (vec!["orders"], 3));
    assert_eq!((whole.brokers.len(), whole.brokers[0].id), (1, rig.broker_id().await));
    let cluster = whole.cluster.unwrap();
    assert_eq!(cluster.cluster_id, rig.node().controller.cluster_id().0);
    assert_eq!((cluster.controller, cluster.stale_ms), (Some(1), None));

    rig.create("audit", 1).await;
    let created = watcher.until(|it| !it.topics.is_empty()).await;
    assert_eq!((names(&created), created.whole), (vec!["audit"], false));

    watcher.ask(v1::Window { number: 4, brokers: true, ..window() }).await;
    let answer = watcher.until(|it| it.window == 4).await;
    assert!(answer.topics.is_empty());
    let counted = watcher.until(|it| !it.broker_counters.is_empty()).await;
    assert_eq!(counted.broker_counters[0].broker, 1);
    assert!(counted.broker_counters[0].disk_total_bytes.is_some());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calm_is_told_as_well() {
    let rig = start().await;
    let first = v1::Window { number: 7, ..window() };
    let mut watcher = Watcher::open(&rig, Ask::Window(first)).await.unwrap();
    let whole = watcher.until(|it| it.whole).await;
    for _ in 0..2 {
        let beat = watcher.next().await.unwrap().unwrap();
        let empty = v1::WatchResponse { now_ms: beat.now_ms, window: 7, ..Default::default() };
        assert_eq!(beat, empty, "nothing happens");
        assert!(beat.now_ms > whole.now_ms);
    }
    rig.stop().await;
}

#[test]
fn a_seek_that_takes_long_is_no_silence() {
    // One thread for work that blocks, which somebody else has until the gate opens.
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(2).max_blocking_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let rig = start().await;
        rig.create("orders", 1).await;
        let mut watcher = Watcher::open(&rig, Ask::Window(window())).await.unwrap();
        watcher.until(|it| it.whole).await;
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || gate.recv());
        let seek = v1::Seek { number: 1, at_ms: 0, step: 0 };
        watcher.asks.send(request(Ask::Seek(seek))).await.unwrap();
        for _ in 0..2 {
            let beat = watcher.next().await.unwrap().unwrap();
            assert!(beat.landing.is_none(), "nobody has gone anywhere");
        }
        drop(open);
        assert!(busy.await.unwrap().is_err());
        watcher.until(|it| it.landing.is_some()).await;
        rig.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_produced_is_counted() {
    let rig = start().await;
    rig.create("orders", 2).await;
    let all = Some(v1::PartitionScope { all: true, keys: Vec::new() });
    let first = v1::Window { brokers: true, topics: true, partitions: all, ..window() };
    let mut watcher = Watcher::open(&rig, Ask::Window(first)).await.unwrap();
    let known = watcher.until(|it| !it.partition_counters.is_empty()).await;
    assert_eq!(known.partition_counters[0].end_offsets, [0, 0]);
    rig.produce("orders", &["a", "b", "c"]).await;
    let more = watcher.until(|it| !it.partition_counters.is_empty()).await;
    let told = &more.partition_counters[0];
    assert_eq!((&told.partitions[..], &told.end_offsets[..]), (&[0][..], &[3][..]));
    assert_eq!((&told.high_watermarks[..], told.behind.len()), (&[3][..], 0));
    let topic = &more.topic_counters[0];
    assert!(topic.bytes_in > 0 && topic.records_in == 3 && topic.unknown_count == 0);
    assert_eq!(topic.size_bytes, told.size_bytes[0]);
    assert_eq!(more.broker_counters[0].bytes_in, topic.bytes_in);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_and_the_one_that_is_open_are_told() {
    let rig = groups_test::rig().await;
    rig.produce("orders", &["a", "b", "c"]).await;
    groups_test::commit(&rig, "work", 0, 1).await;
    let first = v1::Window { groups: true, group: "work".to_owned(), ..window() };
    let mut watcher = Watcher::open(&rig, Ask::Window(first)).await.unwrap();
    let (mut rows, mut open) = (Vec::new(), None);
    while rows.is_empty() || open.is_none() {
        let frame = watcher.next().await.unwrap().unwrap();
        rows.extend(frame.groups);
        open = open.or(frame.group);
        assert_eq!(frame.groups_missing.unwrap_or_default(), v1::GroupsMissing::default());
    }
    assert_eq!(rows[0].group, "work");
    let open = open.unwrap();
    assert_eq!((open.group.as_str(), open.error.as_str()), ("work", ""));
    assert_eq!((open.partitions[0].lag, open.omitted_count), (Some(2), 0));
    watcher.ask(v1::Window { number: 1, group: "nobody".to_owned(), ..window() }).await;
    let nobody = watcher.until(|it| it.group.is_some()).await.group.unwrap();
    assert_eq!(nobody.error, "group 'nobody' does not exist");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_the_quorum_and_a_partitions_past_are_told() {
    let rig = start().await;
    rig.create("orders", 1).await;
    let focus = Some(v1::PartitionKey { topic: "orders".to_owned(), partition: 0 });
    let first = v1::Window { plans: true, quorum: true, focus, ..window() };
    let mut watcher = Watcher::open(&rig, Ask::Window(first)).await.unwrap();
    let (mut plans, mut quorum, mut focus) = (None, None, None);
    while plans.is_none() || quorum.is_none() || focus.is_none() {
        let frame = watcher.next().await.unwrap().unwrap();
        plans = plans.or(frame.plans);
        quorum = quorum.or(frame.quorum);
        focus = focus.or(frame.focus);
    }
    assert_eq!(plans, Some(v1::Plans::default()));
    assert_eq!(quorum.unwrap().members.len(), 1);
    let kinds: Vec<_> = focus.unwrap().events.iter().map(admin::Event::kind).collect();
    assert_eq!(kinds, [admin::EventKind::TopicCreated, admin::EventKind::BrokerRegistered]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_told_as_it_was_and_the_present_again() {
    let rig = start().await;
    rig.create("orders", 3).await;
    let early = rig.node().image();
    rig.create("audit", 1).await;
    let events = v1::EventScope { before: 50, ..v1::EventScope::default() };
    let first = v1::Window { events: Some(events), ..window() };
    let mut watcher = Watcher::open(&rig, Ask::Window(first)).await.unwrap();
    let whole = watcher.next().await.unwrap().unwrap();
    assert_eq!(names(&whole), ["audit", "orders"]);
    assert!(!whole.events.unwrap().rows.is_empty());

    let seek =
        |number, at_ms, step: v1::Step| Ask::Seek(v1::Seek { number, at_ms, step: step.into() });
    let back = seek(1, rig.node().image().changed_at().0 + 1, v1::Step::EventBack);
    watcher.asks.send(request(back)).await.unwrap();
    let frame = watcher.until(|it| it.landing.is_some()).await;
    let landing = frame.landing.unwrap();
    assert_eq!((landing.number, landing.found), (1, true));
    assert_eq!(landing.words, "topic audit: topic created (test)");
    let back = seek(2, landing.at_ms, v1::Step::EventBack);
    watcher.asks.send(request(back)).await.unwrap();
    let frame = watcher.until(|it| it.landing.is_some()).await;
    let landing = frame.landing.unwrap();
    assert_eq!((landing.number, landing.found), (2, true), "{}", landing.words);
    assert_eq!(frame.as_of_ms, Some(landing.at_ms));
    assert_eq!(frame.topics_gone.len(), 1);
    assert_eq!(frame.cluster.unwrap().event, early.events_total());

    let never = seek(3, 0, v1::Step::TroubleBack);
    watcher.asks.send(request(never)).await.unwrap();
    let landing = watcher.until(|it| it.landing.is_some()).await.landing.unwrap();
    assert!(!landing.found && landing.words.starts_with("there was no trouble"));

    watcher.asks.send(request(Ask::Resume(v1::Resume {}))).await.unwrap();
    let now = watcher.until(|it| it.as_of_ms.is_none()).await;
    assert_eq!(names(&now), ["audit"]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_minutes_that_are_kept_are_told_as_curves() {
    let rig = start().await;
    let now = u32::try_from(rig.node().clock.now().0 / 60_000).unwrap();
    for (minute, lag) in [(now - 9, 70), (now - 2, 40)] {
        let groups = vec![GroupMinute { group: "work".into(), lag, members: 2 }];
        rig.node().minutes.add(&Minute { minute, bytes_in: 5, groups, ..Minute::default() });
    }
    let curve_groups = vec!["work".to_owned(), "nobody".to_owned()];
    let first = v1::Window { curve_minutes: 5, curve_groups, ..window() };
    let mut watcher = Watcher::open(&rig, Ask::Window(first)).await.unwrap();
    let curves = watcher.until(|it| it.curves.is_some()).await.curves.unwrap();
    assert_eq!((&curves.minutes[..], &curves.bytes_in[..]), (&[now - 2][..], &[5][..]));
    assert_eq!((&curves.lag[..], curves.groups.len()), (&[40][..], 1));
    assert!(curves.without_brokers.is_empty());
    rig.stop().await;
}

async fn refusal(rig: &Rig, first: Ask) -> AdminError {
    let refused = Watcher::open(rig, first).await.err();
    AdminError::from_status(&refused.expect("it is refused"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_watched_is_refused_with_the_reason() {
    let rig = start_with(|config| config.watchers_max = 1).await;
    let seek = refusal(&rig, Ask::Seek(v1::Seek::default())).await;
    assert_eq!(seek.class, Code::InvalidArgument);
    assert_eq!(seek.message, "there is no window yet: the first ask of a watcher is a window");
    let wide = v1::AxisScope { until_at_ms: 1, columns: 1_000, ..v1::AxisScope::default() };
    let wide = refusal(&rig, Ask::Window(v1::Window { axis: Some(wide), ..window() })).await;
    assert_eq!(wide.message, "axis.columns is 1000; 1 to 512 are accepted");

    let mut watcher = Watcher::open(&rig, Ask::Window(window())).await.unwrap();
    watcher.next().await.unwrap();
    let full = refusal(&rig, Ask::Window(window())).await;
    assert_eq!((full.class, full.code.as_str()), (Code::ResourceExhausted, "kq.TOO_MANY_WATCHERS"));
    watcher.ask(window()).await;
    let ended = loop {
        if let Err(status) = watcher.next().await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::InvalidArgument, "its number did not ascend");
    drop(watcher);
    let again = async {
        while let Err(status) = Watcher::open(&rig, Ask::Window(window())).await {
            assert_eq!(status.code(), Code::ResourceExhausted);
        }
    };
    tokio::time::timeout(SOON, again).await.expect("its place is free again");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_gets_all_that_came_meanwhile_in_one_frame() {
    let rig = start().await;
    for nth in 0..20 {
        rig.create(&format!("a-topic-with-quite-a-long-name-number-{nth}"), 8).await;
    }
    // The first frame alone does not fit into what may be under way.
    let endpoint = Endpoint::from_shared(format!("http://{}", rig.door.address())).unwrap();
    let channel = endpoint.initial_stream_window_size(256).connect().await.unwrap();
    let (asks, asked) = mpsc::channel(1);
    asks.send(request(Ask::Window(window()))).await.unwrap();
    let mut client = MonitorClient::new(channel);
    let frames = client.watch(ReceiverStream::new(asked)).await.unwrap().into_inner();
    let mut watcher = Watcher { asks, frames };
    for nth in 0..3 {
        rig.create(&format!("later-{nth}"), 1).await;
    }
    let mut told: Vec<usize> = Vec::new();
    while told.iter().sum::<usize>() < 23 {
        told.push(watcher.next().await.unwrap().unwrap().topics.len());
    }
    assert!(told.len() <= 2, "{told:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_ends_with_the_broker() {
    let rig = start().await;
    let mut watcher = Watcher::open(&rig, Ask::Window(window())).await.unwrap();
    watcher.next().await.unwrap();
    let stopped = rig.stop();
    let ended = async { while let Ok(Some(_)) = watcher.next().await {} };
    tokio::join!(stopped, ended);
}
