//! What a leader does that may have been replaced, on one store and without a network.

use std::sync::Arc;

use futures::FutureExt as _;
use kq_proto::kafka::ErrorCode;

use super::test_world::{World, batch, everything_from, partition_id, replicated};
use super::{Acks, Partition, PartitionError, Partitions};
use crate::replica::CutOff;

/// Broker 1 leads a partition that broker 2 follows, and one of its own.
fn store() -> (World, Arc<Partitions>) {
    let mut world = World::new();
    world.create_topic(1, "orders", 2, &[]);
    world.change_partition(partition_id(1, 0), replicated(&[1, 2], 1, 0));
    let store = world.start();
    (world, store)
}

fn followed(store: &Partitions) -> Arc<Partition> {
    store.get(partition_id(1, 0)).unwrap()
}

#[tokio::test]
async fn producers_of_a_cut_off_leader_are_sent_elsewhere_at_once() {
    let (_world, store) = store();
    let partition = followed(&store);
    let appended = partition.append(batch("before"), Acks::All).unwrap();
    let mut waiting = partition.acknowledged(&appended);
    assert!((&mut waiting).now_or_never().is_none(), "the follower does not have it");
    let waiting = tokio::spawn(waiting);
    tokio::task::yield_now().await;
    assert!(store.conclude(Some(CutOff::default())));
    let refused = waiting.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotLeaderOrFollower);
    for acks in [Acks::All, Acks::Leader, Acks::None] {
        let refused = partition.append(batch("after"), acks).unwrap_err();
        assert!(matches!(refused, PartitionError::CutOff), "{refused}");
    }
    let late = partition.acknowledged(&appended).await.unwrap_err();
    assert!(matches!(late, PartitionError::CutOff), "{late}");
    let end = partition.describe().unwrap().offsets.log_end();
    assert_eq!(end.offset(), appended.end, "nothing that was refused is in the log");
}

#[tokio::test]
async fn a_partition_in_sync_on_this_broker_alone_is_served_on() {
    let (_world, store) = store();
    store.conclude(Some(CutOff::default()));
    let alone = store.get(partition_id(1, 1)).unwrap();
    let appended = alone.append(batch("kept"), Acks::All).unwrap();
    alone.acknowledged(&appended).await.unwrap();
    assert!(alone.read(everything_from(0)).unwrap().plan.bytes > 0);
}

#[tokio::test]
async fn a_leader_that_is_heard_again_takes_writes_again() {
    let (_world, store) = store();
    let partition = followed(&store);
    store.conclude(Some(CutOff::default()));
    let at_end = partition.read(everything_from(0)).unwrap_err();
    assert!(matches!(at_end, PartitionError::CutOff), "what comes next is elsewhere: {at_end}");
    assert!(store.conclude(None));
    assert!(!store.conclude(None), "no news");
    partition.append(batch("again"), Acks::All).unwrap();
    assert_eq!(partition.read(everything_from(0)).unwrap().plan.bytes, 0);
}
