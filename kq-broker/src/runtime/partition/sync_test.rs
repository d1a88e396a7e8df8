//! Who syncs what a producer waits for: its own thread, or a sync thread.

use std::sync::Arc;

use futures::FutureExt as _;
use kq_storage::sim::AfterFailedSync;

use super::Partition;
use super::sync::begin;
use crate::runtime::sync_queue::Urgency;
use crate::runtime::test_world::{World, batch, partition_id, readable_bytes, replicated};
use crate::runtime::{Acks, Committed, Offset, Partitions};

/// A partition that no sync thread touches unless it is asked to.
fn quiet(world: &mut World) -> (Arc<Partitions>, Arc<Partition>) {
    world.config.sync_delay_ms_max = 3_600_000;
    world.create_topic(1, "orders", 1, &[]);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    (store, partition)
}

fn queued(partition: &Partition) -> Option<Urgency> {
    partition.state.lock().sync.queued
}

/// What a producer waits for that waits for nothing else.
fn alone(partition: &Arc<Partition>, until: Offset) -> Committed {
    let mut committed = partition.committed(until);
    committed.stands_alone();
    committed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lone_producer_syncs_on_its_own_thread() {
    let mut world = World::new();
    let (_store, partition) = quiet(&mut world);
    let syncs = world.disk.syncs();
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    assert_eq!(world.disk.syncs(), syncs);
    alone(&partition, appended.end).await.unwrap();
    assert!(world.disk.syncs() > syncs);
    assert!(matches!(queued(&partition), Some(Urgency::Later(_))), "a thread was asked");
    assert!(readable_bytes(&partition) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn waits_beside_others_are_left_to_the_sync_threads() {
    let mut world = World::new();
    let (_store, partition) = quiet(&mut world);
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    partition.committed(appended.end).await.unwrap();
    assert_eq!(queued(&partition), None);
}

#[tokio::test]
async fn a_runtime_that_must_not_block_leaves_it_to_the_sync_threads() {
    let mut world = World::new();
    let (_store, partition) = quiet(&mut world);
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    alone(&partition, appended.end).await.unwrap();
    assert_eq!(queued(&partition), None);
}

#[tokio::test]
async fn where_the_page_cache_is_safe_nobody_waits_for_a_sync() {
    let mut world = World::new();
    world.create_topic(1, "orders", 1, &[("log.durability", "os")]);
    world.change_partition(partition_id(1, 0), replicated(&[1, 2], 1, 0));
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    // The follower is waited for, and not the disk.
    assert!(partition.acknowledged(&appended).now_or_never().is_none());
    assert!(matches!(queued(&partition), Some(Urgency::Later(_))), "a sync is asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_sync_that_fails_there_takes_the_directory_offline() {
    let mut world = World::new();
    let (store, partition) = quiet(&mut world);
    world.disk.fail_sync(world.disk.syncs() + 1, AfterFailedSync::KeptClean);
    let appended = partition.append(batch("a"), Acks::All).unwrap();
    let err = alone(&partition, appended.end).await.unwrap_err();
    assert_eq!(err.code().name(), "KAFKA_STORAGE_ERROR");
    assert!(store.log_dirs()[0].offline().is_some());
}

#[tokio::test]
async fn a_sync_that_ends_after_its_directory_failed_acknowledges_nothing() {
    let mut world = World::new();
    world.config.sync_delay_ms_max = 3_600_000;
    world.create_topic(1, "orders", 2, &[]);
    let store = world.start();
    let (one, other) =
        (store.get(partition_id(1, 0)).unwrap(), store.get(partition_id(1, 1)).unwrap());
    one.append(batch("a"), Acks::Leader).unwrap();
    other.append(batch("b"), Acks::Leader).unwrap();
    let begun = begin(&mut one.state.lock()).unwrap();
    // As between the moment a directory fails and the moment that a partition learns it.
    store.slots.write().remove(&partition_id(1, 0));
    world.disk.fail_sync(world.disk.syncs() + 1, AfterFailedSync::KeptClean);
    let failing = begin(&mut other.state.lock()).unwrap();
    other.finish_sync(failing);
    assert!(store.log_dirs()[0].offline().is_some());
    one.finish_sync(begun);
    let offsets = one.state.lock().offsets();
    assert_eq!(offsets.high_watermark().offset().0, 0, "a directory that failed is believed");
    assert_eq!(
        other.committed(offsets.log_end().offset()).await.unwrap_err().code().name(),
        "KAFKA_STORAGE_ERROR"
    );
    assert!(one.append(batch("c"), Acks::All).is_err());
}
