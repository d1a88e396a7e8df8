//! Restarts and crashes of a single voter: what was answered is never lost.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kq_storage::vfs::RealFs;

use super::*;
use crate::controller::{Command, NewTopic, Refused, Reply, Settings, TopicRef};
use crate::ids::{BrokerId, ClusterId};
use crate::metadata::{BrokerRegistration, TimestampMs};
use crate::peers::Peers;

const SOON: Duration = Duration::from_secs(20);

fn options(dir: PathBuf) -> ControllerOptions {
    ControllerOptions {
        fs: Arc::new(RealFs),
        dir,
        broker: BrokerId(1),
        birth: Birth::Cluster,
        address: String::new(),
        peers: Peers::default(),
        cluster_id: None,
        known_end: None,
        settings: Settings::default(),
        trimming: Trimming::default(),
        clock: Arc::new(|| TimestampMs(1_000)),
    }
}

fn register() -> Command {
    Command::RegisterBroker(BrokerRegistration::at(BrokerId(1), "127.0.0.1", 9_092))
}

fn create(name: &str) -> Command {
    let topic = NewTopic { name: name.to_owned(), ..NewTopic::default() };
    Command::CreateTopics { topics: vec![topic], validate_only: false }
}

fn delete(name: &str, keep_for_ms: Option<u64>) -> Command {
    let topics = vec![TopicRef::Name(name.to_owned())];
    Command::DeleteTopics { topics, keep_for_ms, validate_only: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_brings_back_what_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let controller = Controller::start(options(dir.path().to_owned())).await.unwrap();
    let cluster = controller.cluster_id();
    let registered = controller.submit(register(), SOON).await.unwrap();
    for number in 0..20 {
        controller.submit(create(&format!("topic-{number}")), SOON).await.unwrap();
    }
    let Reply::BrokerRegistered { epoch } = registered else { panic!("{registered:?}") };
    let before = controller.image();
    assert_eq!(before.broker(BrokerId(1)).unwrap().epoch, epoch);
    controller.shutdown().await;

    let again = Controller::start(options(dir.path().to_owned())).await.unwrap();
    let after = again.image();
    assert_eq!(again.cluster_id(), cluster);
    assert_eq!(after.topics().count(), 20);
    assert!(before.topics().eq(after.topics()));
    assert!(before.events().eq(after.events()));
    assert_eq!(again.leader(), Some(BrokerId(1)));
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_trims_the_log_and_restarts_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let controller = Controller::start(options(dir.path().to_owned())).await.unwrap();
    controller.submit(register(), SOON).await.unwrap();
    for number in 0..10 {
        controller.submit(create(&format!("before-{number}")), SOON).await.unwrap();
    }
    controller.snapshot().await.unwrap();
    for number in 0..10 {
        controller.submit(create(&format!("after-{number}")), SOON).await.unwrap();
    }
    let before = controller.image();
    controller.shutdown().await;
    let again = Controller::start(options(dir.path().to_owned())).await.unwrap();
    assert!(again.status().snapshot_index.is_some());
    assert_eq!(again.image().topics().count(), 20);
    assert!(before.topics().eq(again.image().topics()));
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_clusters_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut mine = options(dir.path().to_owned());
    mine.cluster_id = Some(ClusterId("mine".to_owned()));
    let controller = Controller::start(mine.clone()).await.unwrap();
    assert_eq!(controller.cluster_id().0, "mine");
    controller.shutdown().await;
    mine.cluster_id = Some(ClusterId("other".to_owned()));
    let err = Controller::start(mine).await.unwrap_err();
    assert_eq!(
        err.to_string(),
        "this directory belongs to cluster mine, but the configuration names other"
    );
    let mut second = options(dir.path().to_owned());
    second.broker = BrokerId(2);
    let err = Controller::start(second).await.unwrap_err();
    assert_eq!(err.to_string(), "this directory belongs to voter [1], but this broker is 2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_topic_is_purged_when_its_time_is_up() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicI64::new(1_000));
    let mut options = options(dir.path().to_owned());
    let clock = now.clone();
    options.clock = Arc::new(move || TimestampMs(clock.load(Ordering::SeqCst)));
    let controller = Controller::start(options).await.unwrap();
    controller.submit(register(), SOON).await.unwrap();
    controller.submit(create("orders"), SOON).await.unwrap();
    controller.submit(delete("orders", Some(30)), SOON).await.unwrap();
    assert_eq!(controller.image().hidden_topics().count(), 1);
    now.store(5_000, Ordering::SeqCst);
    let mut images = controller.subscribe();
    let purged = images.wait_for(|image| image.hidden_topics().next().is_none());
    tokio::time::timeout(SOON, purged).await.unwrap().unwrap();
    controller.shutdown().await;
    let err = controller.submit(register(), SOON).await.unwrap_err();
    assert_eq!(err.refused, Refused::NoController);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_reason_of_many_lines_is_kept_as_one_short_line() {
    let dir = tempfile::tempdir().unwrap();
    let controller = Controller::start(options(dir.path().to_owned())).await.unwrap();
    let reason = format!("first\nsecond \u{1b}[31m{}", "x".repeat(5_000));
    controller.submit_for(reason, register(), SOON).await.unwrap();
    let image = controller.image();
    let kept = image.events().next_back().unwrap().reason.clone();
    assert!(kept.starts_with("first second  [31mxxx") && kept.ends_with('…'), "{kept}");
    assert_eq!(kept.chars().count(), 501);
    controller.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_sent_at_once_are_decided_one_after_another() {
    let dir = tempfile::tempdir().unwrap();
    let controller = Controller::start(options(dir.path().to_owned())).await.unwrap();
    let reply = controller.submit(register(), SOON).await.unwrap();
    let Reply::BrokerRegistered { epoch } = reply else { panic!("{reply:?}") };
    let ids = Command::AllocateProducerIds { broker: BrokerId(1), epoch };
    let submit = |command: Command| {
        let controller = controller.clone();
        async move { controller.submit(command, SOON).await.unwrap() }
    };
    let blocks = futures::future::join_all((0..30).map(|_| submit(ids.clone())));
    let creations = futures::future::join_all((0..10).map(|_| submit(create("same"))));
    let (blocks, creations) = tokio::join!(blocks, creations);
    let mut firsts: Vec<u64> = blocks
        .into_iter()
        .map(|reply| {
            let Reply::ProducerIds(block) = reply else { panic!("{reply:?}") };
            block.first
        })
        .collect();
    firsts.sort_unstable();
    assert_eq!(firsts, (0..30).map(|number| number * 1_000).collect::<Vec<u64>>());
    let created = |reply: &Reply| matches!(reply, Reply::TopicsCreated(it) if it[0].is_ok());
    assert_eq!(creations.iter().filter(|reply| created(reply)).count(), 1);
    assert_eq!(controller.image().topics().count(), 1);
    controller.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_without_its_log_is_no_new_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let controller = Controller::start(options(dir.path().to_owned())).await.unwrap();
    controller.shutdown().await;
    std::fs::remove_dir_all(dir.path().join("log")).unwrap();
    let err = Controller::start(options(dir.path().to_owned())).await.unwrap_err();
    assert!(err.to_string().contains("its log is gone"), "{err}");
}
