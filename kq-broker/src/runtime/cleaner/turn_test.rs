//! Turns of the cleaner over a simulated disk: what is compacted, and what is left alone.

use std::sync::Arc;

use bytes::BytesMut;
use kq_storage::batch::{BatchBuilder, Compression};
use tokio_util::sync::CancellationToken;

use super::{Cleaner, step};
use crate::ids::BrokerId;
use crate::metadata::PartitionImage;
use crate::runtime::partition::PassFailed;
use crate::runtime::test_world::{World, batch, everything_from, partition_id, replicated};
use crate::runtime::{Acks, Clock, Offset, Partition, Partitions, read_records};

const COMPACTED: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "1048576"),
    ("delete.retention.ms", "0"),
    ("min.cleanable.dirty.ratio", "0"),
];
/// So that a segment holds about ten records.
const VALUE_BYTES: usize = 100_000;

fn keyed(key: u64, value: Option<&[u8]>) -> BytesMut {
    let now = Clock::start().now();
    let builder = BatchBuilder::new(Compression::None);
    builder.record(now, Some(&key.to_be_bytes()), value).build().unwrap()
}

/// Forty values of four keys, committed.
async fn fill(partition: &Arc<Partition>) {
    let value = vec![7; VALUE_BYTES];
    put(partition, (0..40).map(|nth| keyed(nth % 4, Some(&value)))).await;
}

/// Key 9 is written and deleted.
async fn delete_one(partition: &Arc<Partition>) {
    put(partition, [keyed(9, Some(b"old")), keyed(9, None)].into_iter()).await;
}

async fn put(partition: &Arc<Partition>, batches: impl Iterator<Item = BytesMut>) {
    for batch in batches {
        let appended = partition.append(batch, Acks::All).unwrap();
        partition.committed(appended.end).await.unwrap();
    }
    partition.note_synced();
}

fn started(world: &mut World, configs: &[(&str, &str)]) -> (Arc<Partitions>, Arc<Partition>) {
    world.create_topic(1, "prices", 1, configs);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    (store, partition)
}

async fn turn(cleaner: &mut Cleaner) -> bool {
    cleaner.turn(&CancellationToken::new()).await.unwrap()
}

/// Offsets of all records that a consumer is given.
async fn offsets(partition: &Arc<Partition>) -> Vec<u64> {
    let (mut next, mut found) = (0, Vec::new());
    let end = partition.describe().unwrap().offsets.log_end().offset().0;
    while next < end {
        let plan = partition.read(everything_from(next)).unwrap().plan;
        let after = plan.next_offset;
        let records = read_records(plan, Offset(next)).await.unwrap();
        found.extend(records.iter().map(|record| record.offset.0));
        assert!(after.0 > next, "a read makes no progress");
        next = after.0;
    }
    found
}

#[tokio::test]
async fn a_compacted_topic_shrinks_to_its_latest_values() {
    let mut world = World::new();
    let (store, partition) = started(&mut world, &COMPACTED);
    fill(&partition).await;
    let mut cleaner = Cleaner::of(store);
    assert!(turn(&mut cleaner).await);
    let left = offsets(&partition).await;
    assert!(left.len() < 20 && left.ends_with(&[36, 37, 38, 39]), "{left:?}");
    assert!(!turn(&mut cleaner).await, "nothing is dirty any more");
    let appended = partition.append(keyed(1, Some(b"new")), Acks::All).unwrap();
    partition.committed(appended.end).await.unwrap();
    drop((cleaner, partition));
    world.disk.power_cut(5);
    let again = world.start().get(partition_id(1, 0)).unwrap();
    assert_eq!(offsets(&again).await, [left, vec![40]].concat());
}

#[tokio::test]
async fn what_is_asked_for_is_compacted_though_it_is_not_due() {
    let mut world = World::new();
    let mut configs = COMPACTED;
    configs[3].1 = "1";
    let (store, partition) = started(&mut world, &configs);
    fill(&partition).await;
    let mut cleaner = Cleaner::of(Arc::clone(&store));
    assert!(!turn(&mut cleaner).await, "no part is more than the whole");
    store.cleaner().demand(&[partition.id()]);
    assert!(turn(&mut cleaner).await);
    assert!(offsets(&partition).await.len() < 20);
    assert_eq!(store.cleaner().demand_of(partition.id()), None);
    let counts = store.cleaner().counts();
    assert!(counts.passes == 1 && counts.removed_records >= 20, "{counts:?}");
    assert!(counts.read_bytes > counts.written_bytes && counts.written_bytes > 0, "{counts:?}");
    store.cleaner().demand(&[partition.id()]);
    assert!(turn(&mut cleaner).await, "there is nothing to do, and somebody else may wait");
    assert_eq!(
        (store.cleaner().demand_of(partition.id()), store.cleaner().counts().passes),
        (None, 1)
    );
}

#[tokio::test]
async fn a_topic_that_is_not_compacted_is_left_alone() {
    let mut world = World::new();
    let (store, partition) = started(&mut world, &COMPACTED[1..]);
    fill(&partition).await;
    assert!(!turn(&mut Cleaner::of(store)).await);
    assert_eq!(offsets(&partition).await.len(), 40);
}

#[tokio::test]
async fn what_is_not_committed_drops_nothing() {
    let mut world = World::new();
    world.create_topic(1, "prices", 1, &COMPACTED);
    world.change_partition(partition_id(1, 0), replicated(&[1, 2], 1, 0));
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let value = vec![7; VALUE_BYTES];
    for nth in 0..40 {
        partition.append(keyed(nth % 4, Some(&value)), Acks::Leader).unwrap();
    }
    partition.note_synced();
    assert!(!turn(&mut Cleaner::of(store)).await, "the other replica has none of it");
    assert_eq!(partition.describe().unwrap().offsets.log_end().offset(), Offset(40));
}

#[tokio::test]
async fn tombstones_wait_for_a_replica_out_of_sync() {
    let mut world = World::new();
    world.create_topic(1, "prices", 1, &COMPACTED);
    let alone = PartitionImage { isr: vec![BrokerId(1)], ..replicated(&[1, 2], 1, 0) };
    world.change_partition(partition_id(1, 0), alone);
    let store = world.start();
    let partition = store.get(partition_id(1, 0)).unwrap();
    let mut cleaner = Cleaner::of(Arc::clone(&store));
    delete_one(&partition).await;
    for _ in 0..2 {
        fill(&partition).await;
        assert!(turn(&mut cleaner).await);
    }
    let kept = offsets(&partition).await;
    assert!(kept.starts_with(&[1]), "{kept:?}");
    store.apply(&world.change_partition(partition_id(1, 0), replicated(&[1], 1, 0)));
    fill(&partition).await;
    assert!(turn(&mut cleaner).await);
    let kept = offsets(&partition).await;
    assert!(kept[0] > 1, "{kept:?}");
}

#[tokio::test]
async fn a_pass_over_a_log_that_is_trimmed_meanwhile_is_called_off() {
    let mut world = World::new();
    let (_store, partition) = started(&mut world, &COMPACTED);
    fill(&partition).await;
    let pass = partition.begin_compaction(1 << 20, [1, 2], false).unwrap().unwrap();
    let end = partition.describe().unwrap().offsets.log_end().offset();
    partition.delete_records(Some(end), std::time::Duration::from_secs(1)).await.unwrap();
    let mut pass = Box::new(pass);
    let failed = loop {
        match step(&partition, pass) {
            Ok(super::Turn::Going(going)) => pass = going,
            Ok(super::Turn::Finished(_)) => panic!("it went through"),
            Err(failed) => break failed,
        }
    };
    assert!(matches!(failed, PassFailed::CalledOff), "{failed:?}");
    let appended = partition.append(batch("x"), Acks::All);
    assert!(appended.is_err(), "a compacted topic takes no record without a key");
    assert!(partition.append(keyed(1, None), Acks::All).is_ok());
}
