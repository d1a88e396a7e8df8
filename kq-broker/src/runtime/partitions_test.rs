//! Partitions over a simulated disk: what is served, what is kept, and what is refused.

use std::time::Duration;

use futures::FutureExt as _;
use kq_storage::sim::AfterFailedSync;
use kq_storage::vfs::Vfs as _;

use super::test_world::{
    World, batch, everything_from, partition_id, readable_bytes, replicated, set, topic_id,
};
use super::{Acks, FetchWaiter, Isolation, Offset, OffsetSpec, PartitionError, Partitions};
use crate::ids::{BrokerId, PartitionEpoch, PartitionIndex};
use crate::metadata::{
    ConfigResource, MetadataRecord, PartitionChange, PartitionImage, TimestampMs,
};

#[tokio::test]
async fn an_acknowledged_record_survives_a_power_cut() {
    let mut world = World::new();
    world.create_topic(1, "orders", 2, &[]);
    let store = world.start();
    let partition = store.get(partition_id(1, 1)).unwrap();
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    partition.committed(appended.end).await.unwrap();
    let bytes = readable_bytes(&partition);
    assert!(bytes > 0);
    world.disk.power_cut(3);
    drop(store);

    let again = world.start().get(partition_id(1, 1)).unwrap();
    assert_eq!(readable_bytes(&again), bytes);
}

#[tokio::test]
async fn nobody_reads_what_a_power_cut_could_take() {
    let mut world = World::new();
    world.config.sync_delay_ms_max = 60_000;
    world.create_topic(1, "orders", 1, &[]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let syncs = world.disk.syncs();
    partition.append(batch("a"), Acks::Leader).unwrap();
    let offsets = partition.describe().unwrap().offsets;
    assert_eq!(offsets.log_end().offset(), Offset(1));
    if world.disk.syncs() == syncs {
        assert_eq!(offsets.high_watermark().offset(), Offset(0));
    }
    // Asking for the end waits for the sync, so that writers find what they wrote.
    let latest = partition.list_offset(OffsetSpec::Latest, Isolation::ReadUncommitted, None).await;
    assert_eq!(latest.unwrap().offset, Some(Offset(1)));
    assert!(readable_bytes(&partition) > 0);
}

#[tokio::test]
async fn a_page_cache_topic_shows_records_at_once() {
    let mut world = World::new();
    world.create_topic(1, "logs", 1, &[("log.durability", "os")]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let syncs = world.disk.syncs();
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    assert!(partition.committed(appended.end).now_or_never().is_some());
    assert!(readable_bytes(&partition) > 0);
    assert_eq!(world.disk.syncs(), syncs);
}

#[tokio::test]
async fn a_parked_fetch_wakes_when_its_bytes_are_readable() {
    let mut world = World::new();
    world.create_topic(1, "orders", 2, &[]);
    let store = world.start();
    let partitions = [0, 1].map(|index| store.get(partition_id(1, index)).unwrap());
    let waiter = FetchWaiter::new();
    let watches = partitions.clone().map(|it| it.watch(&waiter, 0));
    waiter.reset();
    assert_eq!(readable_bytes(&partitions[1]), 0);
    waiter.arm(1);
    assert!(waiter.ready().now_or_never().is_none());
    partitions[1].append(batch("a"), Acks::Leader).unwrap();
    waiter.ready().await;
    assert!(readable_bytes(&partitions[1]) > 0);
    drop(watches);
}

#[tokio::test]
async fn too_few_in_sync_replicas_refuse_only_acks_all() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[("min.insync.replicas", "2")]);
    // A single replica would be all there are, and so enough.
    world.commit(vec![MetadataRecord::PartitionChanged(PartitionChange {
        topic: topic_id(1),
        index: PartitionIndex(0),
        now: PartitionImage {
            replicas: vec![BrokerId(1), BrokerId(2)],
            isr: vec![BrokerId(1)],
            leader: Some(BrokerId(1)),
            partition_epoch: PartitionEpoch(1),
            ..PartitionImage::default()
        },
    })]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let refused = partition.append(batch("a"), Acks::All).unwrap_err();
    assert!(matches!(refused, PartitionError::NotEnoughReplicas(_)), "{refused}");
    partition.append(batch("a"), Acks::Leader).unwrap();
    let image = world.commit(vec![set(1, "min.insync.replicas", "1")]);
    store.apply(&image);
    let appended = partition.append(batch("b"), Acks::All).unwrap();
    partition.committed(appended.end).await.unwrap();
}

#[tokio::test]
async fn a_rule_of_the_cluster_holds_before_the_isr_shrinks() {
    let mut world = World::new();
    let min_isr = |value: &str| MetadataRecord::ConfigChanged {
        resource: ConfigResource::Cluster,
        key: "min.insync.replicas".to_owned(),
        value: Some(value.to_owned()),
    };
    world.create_topic(1, "orders", 1, &[("log.durability", "os")]);
    world.change_partition(partition_id(1, 0), replicated(&[1, 2], 1, 0));
    world.commit(vec![min_isr("1")]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    partition.append(batch("a"), Acks::Leader).unwrap();
    // A broker may hear of both at once. The ELR then holds all that is committed.
    world.commit(vec![min_isr("2")]);
    let alone = PartitionImage {
        isr: vec![BrokerId(1)],
        elr: vec![BrokerId(2)],
        ..replicated(&[1, 2], 1, 0)
    };
    let image = world.change_partition(partition_id(1, 0), alone);
    store.apply(&image);
    let offsets = partition.describe().unwrap().offsets;
    assert_eq!(offsets.high_watermark().offset(), Offset(0));
}

#[tokio::test]
async fn a_failed_sync_takes_the_directory_offline_for_good() {
    let mut world = World::new();
    world.create_topic(1, "orders", 2, &[]);
    let store = world.start();
    let partitions = [0, 1].map(|index| store.get(partition_id(1, index)).unwrap());
    world.disk.fail_sync(world.disk.syncs() + 1, AfterFailedSync::KeptClean);
    let appended = partitions[0].append(batch("a"), Acks::All).unwrap();
    let err = partitions[0].committed(appended.end).await.unwrap_err();
    assert_eq!(err.code().name(), "KAFKA_STORAGE_ERROR");
    assert!(store.log_dirs()[0].offline().is_some());
    for partition in &partitions {
        let err = partition.append(batch("b"), Acks::Leader).unwrap_err();
        assert!(matches!(err, PartitionError::Offline(_)), "{err}");
        assert!(partition.read(everything_from(0)).is_err());
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let first = partition.append(batch("a"), Acks::All).unwrap();
    partition.committed(first.end).await.unwrap();
    world.disk.set_capacity(Some(1));
    let err = partition.append(batch("b"), Acks::All).unwrap_err();
    assert!(matches!(err, PartitionError::NoSpace(_)), "{err}");
    assert!(readable_bytes(&partition) > 0);
    world.disk.set_capacity(None);
    let second = partition.append(batch("b"), Acks::All).unwrap();
    assert_eq!(second.base_offset, Offset(1));
    partition.committed(second.end).await.unwrap();
}

#[tokio::test]
async fn a_topic_made_again_never_shows_old_records() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let store = world.start();
    let old = store.get(partition_id(1, 0)).unwrap();
    old.append(batch("old"), Acks::Leader).unwrap();
    let image = world.commit(vec![MetadataRecord::TopicPurged { topic: topic_id(1) }]);
    store.apply(&image);
    assert!(matches!(store.get(partition_id(1, 0)), Err(PartitionError::Unknown)));
    assert!(old.append(batch("late"), Acks::Leader).is_err());
    assert_eq!(world.names(), Vec::<String>::new());
    let image = world.create_topic(2, "orders", 1, &[]);
    store.apply(&image);
    let new = store.get(partition_id(2, 0)).unwrap();
    assert_eq!(new.describe().unwrap().offsets.log_end().offset(), Offset(0));
}

#[tokio::test]
async fn a_soft_deleted_topic_is_hidden_and_comes_back() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let store = world.start();
    let appended = store.get(partition_id(1, 0)).unwrap().append(batch("a"), Acks::All).unwrap();
    store.get(partition_id(1, 0)).unwrap().committed(appended.end).await.unwrap();
    let (topic, purge_at) = (topic_id(1), TimestampMs(9));
    let image = world.commit(vec![MetadataRecord::TopicSoftDeleted { topic, purge_at }]);
    store.apply(&image);
    assert!(matches!(store.get(partition_id(1, 0)), Err(PartitionError::Unknown)));
    let image = world.commit(vec![MetadataRecord::TopicRestored { topic }]);
    store.apply(&image);
    assert!(readable_bytes(&store.get(partition_id(1, 0)).unwrap()) > 0);
}

#[tokio::test]
async fn a_partition_whose_directory_is_gone_is_not_served_empty() {
    let mut world = World::new();
    world.create_topic(1, "orders", 2, &[]);
    assert!(world.start().shutdown().await);
    world.disk.remove_dir_all(&World::dir_of("orders", partition_id(1, 0))).unwrap();
    let store = world.start();
    let err = store.get(partition_id(1, 0)).unwrap_err();
    assert!(err.to_string().contains("its records are lost"), "{err}");
    assert_eq!(err.code().name(), "KAFKA_STORAGE_ERROR");
    store.get(partition_id(1, 1)).unwrap();
}

#[tokio::test]
async fn an_emptied_directory_is_not_served_either() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    assert!(world.start().shutdown().await);
    let dir = World::dir_of("orders", partition_id(1, 0));
    world.disk.remove_dir_all(&dir).unwrap();
    world.disk.create_dir_all(&dir).unwrap();
    let err = world.start().get(partition_id(1, 0)).unwrap_err();
    assert!(err.to_string().contains("its records are lost"), "{err}");
}

#[tokio::test]
async fn directories_that_no_metadata_knows_are_set_aside() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let stray = World::dir_of("gone", partition_id(9, 0));
    world.disk.create_dir_all(&stray).unwrap();
    world.disk.create_dir_all("/data/logs/lost+found".as_ref()).unwrap();
    let store = world.start();
    assert!(matches!(store.get(partition_id(9, 0)), Err(PartitionError::Unknown)));
    let names = world.names();
    assert!(names.iter().any(|name| name.starts_with("gone-0.") && name.ends_with("-stray")));
    assert!(names.contains(&"lost+found".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_replica_that_moved_away_during_a_restart_may_come_back() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let id = partition_id(1, 0);
    assert!(world.start().shutdown().await);
    world.change_partition(id, replicated(&[2], 2, 1));
    let store = world.start();
    assert!(matches!(store.get(id), Err(PartitionError::Unknown)));
    let back = world.change_partition(id, replicated(&[2, 1], 2, 1));
    store.apply(&back);
    assert!(!store.replica(id).unwrap().leads());
}

#[tokio::test]
async fn a_replica_that_moves_away_twice_leaves_two_strays() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let id = partition_id(1, 0);
    for _ in 0..2 {
        assert!(world.start().shutdown().await);
        world.change_partition(id, replicated(&[2], 2, 1));
        assert!(world.start().shutdown().await);
        world.change_partition(id, replicated(&[2, 1], 2, 1));
        assert!(!world.start().replica(id).unwrap().leads());
    }
    let strays = world.names().into_iter().filter(|name| name.ends_with("-stray")).count();
    assert_eq!(strays, 2, "{:?}", world.names());
}

#[tokio::test]
async fn a_start_that_a_crash_cut_short_makes_the_partition_again() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    world.disk.create_dir_all(&World::dir_of("orders", partition_id(1, 0))).unwrap();
    let partition = world.start().get(partition_id(1, 0)).unwrap();
    partition.append(batch("a"), Acks::Leader).unwrap();
}

#[tokio::test]
async fn deleted_records_stay_deleted_after_a_clean_stop() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    for value in ["a", "b", "c"] {
        let appended = partition.append(batch(value), Acks::All).unwrap();
        partition.committed(appended.end).await.unwrap();
    }
    let start = partition.delete_records(Some(Offset(2)), Duration::ZERO).await.unwrap();
    assert_eq!(start.offset(), Offset(2));
    let err = partition.delete_records(Some(Offset(4)), Duration::ZERO).await.unwrap_err();
    assert_eq!(err.code().name(), "OFFSET_OUT_OF_RANGE");
    assert!(store.shutdown().await);
    let offsets = described(&world.start(), 0);
    assert_eq!(offsets, (Offset(2), Offset(3), Offset(3)));
}

fn described(store: &Partitions, index: u32) -> (Offset, Offset, Offset) {
    let offsets = store.get(partition_id(1, index)).unwrap().describe().unwrap().offsets;
    (offsets.log_start().offset(), offsets.high_watermark().offset(), offsets.log_end().offset())
}
