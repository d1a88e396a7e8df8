//! Power cuts and failing disks at every step: what was answered is never lost, and what was not
//! is there whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kq_storage::sim::{AfterFailedSync, SimDisk};
use kq_storage::vfs::{OpenMode, Vfs as _, read_all};

use super::{Birth, Controller, ControllerOptions, KnownEnd, StartError, Trimming};
use crate::controller::{Command, NewTopic, Refused, Reply, Settings, TopicRef};
use crate::ids::BrokerId;
use crate::metadata::{BrokerRegistration, MetadataImage, TimestampMs};
use crate::peers::Peers;

const SOON: Duration = Duration::from_secs(20);
const TOPICS: usize = 8;

async fn start(disk: &SimDisk) -> Result<Controller, StartError> {
    start_knowing(disk, 0).await
}

/// Starts where a file beside the log says that it once held this entry; 0 for no such file.
async fn start_knowing(disk: &SimDisk, index: u64) -> Result<Controller, StartError> {
    Controller::start(ControllerOptions {
        fs: Arc::new(disk.clone()),
        dir: PathBuf::from("/metadata"),
        broker: BrokerId(1),
        birth: Birth::Cluster,
        address: String::new(),
        peers: Peers::default(),
        cluster_id: None,
        known_end: (index > 0).then(|| KnownEnd { index, witness: "/inventory".into() }),
        settings: Settings::default(),
        // So that cuts fall into snapshots and into trimming as well.
        trimming: Trimming { snapshot_entries: 3, kept_entries: 1 },
        clock: Arc::new(|| TimestampMs(1_000)),
    })
    .await
}

fn register() -> Command {
    Command::RegisterBroker(BrokerRegistration::at(BrokerId(1), "127.0.0.1", 9_092))
}

fn create(number: usize) -> Command {
    let name = format!("topic-{number}");
    let topic = NewTopic { name, partitions: Some(2), ..NewTopic::default() };
    Command::CreateTopics { topics: vec![topic], validate_only: false }
}

/// What a run was told before its disk failed.
#[derive(Debug, Default)]
struct Told {
    cluster: Option<String>,
    topics: usize,
    sent: usize,
    /// The last entry that was answered for.
    index: u64,
    refused: Option<Refused>,
}

/// Registers, creates topics, and stops at the first refusal.
async fn work(disk: &SimDisk) -> Told {
    let mut told = Told::default();
    let Ok(controller) = start(disk).await else { return told };
    told.cluster = Some(controller.cluster_id().0);
    let mut outcome = controller.submit(register(), SOON).await;
    for number in 0..TOPICS {
        if outcome.is_err() {
            break;
        }
        told.index = controller.image().applied();
        told.sent += 1;
        outcome = controller.submit(create(number), SOON).await;
        told.topics += usize::from(outcome.is_ok());
    }
    told.refused = outcome.err().map(|err| err.refused);
    controller.shutdown().await;
    told
}

fn assert_kept(told: &Told, image: &MetadataImage, when: &str) {
    let cluster = image.cluster_id().map(|id| id.0.clone());
    assert!(told.cluster.is_none() || told.cluster == cluster, "{when}: another cluster");
    let kept = image.topics().count();
    assert!(told.topics <= kept && kept <= told.sent, "{when}: {told:?}, kept {kept}");
    for topic in image.topics() {
        assert_eq!(topic.partition_count(), 2, "{when}: {} is not whole", topic.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_step_loses_nothing_answered() {
    let whole = SimDisk::new(0);
    assert_eq!(work(&whole).await.topics, TOPICS);
    let steps = whole.step();
    assert!(steps > 40, "{steps} steps are too few to show anything");
    for step in 0..=steps {
        let disk = SimDisk::new(step);
        disk.crash_at(step);
        let told = work(&disk).await;
        disk.power_cut(step);
        let when = format!("cut at step {step}");
        let again = start_knowing(&disk, told.index).await;
        let again = again.unwrap_or_else(|err| panic!("{when}: {err}"));
        assert_kept(&told, &again.image(), &when);
        // And it goes on as if nothing had been.
        again.submit(register(), SOON).await.unwrap();
        let reply = again.submit(create(99), SOON).await.unwrap();
        let Reply::TopicsCreated(results) = reply else { panic!("{reply:?}") };
        assert!(results[0].is_ok(), "{when}: {results:?}");
        again.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_ends_the_controller_and_is_not_retried() {
    let whole = SimDisk::new(0);
    work(&whole).await;
    for after in [AfterFailedSync::Reverted, AfterFailedSync::KeptClean] {
        for nth in 1..=whole.syncs() {
            let disk = SimDisk::new(nth);
            disk.fail_sync(nth, after);
            let told = work(&disk).await;
            disk.power_cut(nth);
            let again = start_knowing(&disk, told.index).await.unwrap();
            assert_kept(&told, &again.image(), &format!("sync {nth} failed, {after:?}"));
            again.shutdown().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_commands_and_keeps_serving_the_image() {
    let disk = SimDisk::new(7);
    let controller = start(&disk).await.unwrap();
    controller.submit(register(), SOON).await.unwrap();
    controller.submit(create(0), SOON).await.unwrap();
    disk.set_capacity(Some(0));
    let big = NewTopic { name: "big".into(), partitions: Some(9_000), ..NewTopic::default() };
    let command = Command::CreateTopics { topics: vec![big], validate_only: false };
    let err = controller.submit(command, SOON).await.unwrap_err();
    assert_eq!(err.refused, Refused::Storage);
    assert_eq!(controller.image().topics().count(), 1);
    // It goes on without a restart once there is room.
    disk.set_capacity(None);
    for number in 1..TOPICS {
        controller.submit(create(number), SOON).await.unwrap();
    }
    assert_eq!(controller.image().topics().count(), TOPICS);
    controller.shutdown().await;
    let again = start(&disk).await.unwrap();
    assert_eq!(again.image().topics().count(), TOPICS);
    again.shutdown().await;
}

/// Somebody else takes what is free.
fn fill(disk: &SimDisk) {
    disk.set_capacity(None);
    let used = u64::MAX - disk.free_bytes(Path::new("/")).unwrap();
    disk.set_capacity(Some(used));
}

fn purge(number: usize) -> Command {
    let name = TopicRef::Name(format!("topic-{number}"));
    Command::DeleteTopics { topics: vec![name], keep_for_ms: None, validate_only: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_what_makes_room_and_a_start() {
    for seed in 0..2 {
        let disk = SimDisk::new(seed);
        assert_eq!(work(&disk).await.topics, TOPICS);
        fill(&disk);
        for number in 0..TOPICS {
            let controller = start(&disk).await.unwrap();
            controller.submit(register(), SOON).await.unwrap();
            let refused = controller.submit(create(50), SOON).await.unwrap_err().refused;
            assert_eq!(refused, Refused::Storage);
            let reply = controller.submit(purge(number), SOON).await.unwrap();
            let Reply::TopicsDeleted(results) = reply else { panic!("{reply:?}") };
            assert!(results.iter().all(Result::is_ok), "{results:?}");
            controller.shutdown().await;
            if seed % 2 == 0 {
                disk.power_cut(seed);
            }
            // What a snapshot may have freed is taken as well.
            fill(&disk);
        }
        disk.set_capacity(None);
        let again = start(&disk).await.unwrap();
        assert_eq!(again.image().topics().count(), 0);
        again.submit(create(51), SOON).await.unwrap();
        again.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_room_leaves_the_start_its_part_of_the_reserve() {
    let disk = SimDisk::new(9);
    let controller = start(&disk).await.unwrap();
    controller.submit(register(), SOON).await.unwrap();
    controller.submit(create(0), SOON).await.unwrap();
    fill(&disk);
    let mut count = 0;
    let refused = loop {
        let topics = vec![TopicRef::Name("topic-0".into())];
        let protected = count % 2 == 0;
        let command = Command::ProtectTopics { topics, protected, validate_only: false };
        let reason = "x".repeat(400);
        match controller.submit_for(reason, command, SOON).await {
            Ok(_) => count += 1,
            Err(err) => break err,
        }
    };
    assert!(count > 1_000, "only {count}");
    assert_eq!(refused.refused, Refused::Storage);
    controller.submit(register(), SOON).await.unwrap();
    controller.shutdown().await;
    let again = start(&disk).await.unwrap();
    again.submit(register(), SOON).await.unwrap();
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_during_a_snapshot_ends_nothing() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        let controller = start(&disk).await.unwrap();
        controller.submit(register(), SOON).await.unwrap();
        // A snapshot and the trimming behind it are under way from here on.
        for number in 0..=usize::try_from(seed % 4).unwrap() {
            controller.submit(create(number), SOON).await.unwrap();
        }
        disk.set_capacity(Some(0));
        let err = controller.submit(create(90), SOON).await.unwrap_err();
        assert_eq!(err.refused, Refused::Storage);
        disk.set_capacity(None);
        for number in 10..20 {
            controller.submit(create(number), SOON).await.unwrap();
        }
        controller.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_damaged_byte_is_found_or_does_not_matter() {
    let whole = SimDisk::new(3);
    assert_eq!(work(&whole).await.topics, TOPICS);
    let want = image_of(&whole).await.expect("the whole disk starts");
    for path in files(&whole, Path::new("/metadata")) {
        let bytes = used_bytes(&whole, &path);
        assert!(bytes > 0, "{} is empty", path.display());
        for at in 0..bytes {
            let disk = whole.fork();
            disk.flip_bit(&path, at, u32::try_from(at % 8).unwrap()).unwrap();
            if let Ok(image) = image_of(&disk).await {
                let same = image.topics().eq(want.topics()) && image.events().eq(want.events());
                assert!(same, "byte {at} of {} changes what is served", path.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_cut_short_is_refused_by_who_saw_its_end() {
    let whole = SimDisk::new(5);
    let controller = start(&whole).await.unwrap();
    controller.submit(register(), SOON).await.unwrap();
    controller.submit(create(0), SOON).await.unwrap();
    let index = controller.image().applied();
    assert_eq!(controller.shutdown().await, Some(index));
    let path = Path::new("/metadata/log/00000000000000000001.journal");
    let bytes = read_all(whole.open(path, OpenMode::Read).unwrap().as_ref()).unwrap();
    // Behind the last entry is only the mark of the stop.
    let end = used_bytes(&whole, path) - 24;
    for len in 0..=end {
        let disk = whole.fork();
        disk.plant(path, &bytes[..len]).unwrap();
        match start_knowing(&disk, index).await {
            Ok(controller) => {
                assert_eq!(len, end, "starts with {len} of {end} bytes");
                controller.shutdown().await;
            }
            // A log without any entry is refused whoever saw it.
            Err(err) => assert!(err.to_string().contains("bring"), "{len} of {end}: {err}"),
        }
    }
}

/// What a controller on this disk serves; the error when it refuses to start.
async fn image_of(disk: &SimDisk) -> Result<Arc<MetadataImage>, StartError> {
    let controller = start(disk).await?;
    let image = controller.image();
    controller.shutdown().await;
    Ok(image)
}

fn files(disk: &SimDisk, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in disk.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            found.extend(files(disk, &path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Bytes of a file up to its last one that is not zero: behind that room is only set aside.
fn used_bytes(disk: &SimDisk, path: &Path) -> usize {
    let file = disk.open(path, OpenMode::Read).unwrap();
    let bytes = read_all(file.as_ref()).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
}
