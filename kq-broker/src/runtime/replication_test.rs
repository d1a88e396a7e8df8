//! Two stores, one that leads and one that follows, without a socket in between.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kq_proto::kafka::ErrorCode;
use kq_storage::LeaderEpoch;
use kq_storage::sim::AfterFailedSync;
use kq_storage::vfs::Vfs as _;

use super::test_world::{World, batch, everything_from, partition_id, readable_bytes, replicated};
use super::wishes::Batch;
use super::{
    Acks, Applied, FetchFrom, Fetched, FetchedOutcome, FollowChange, Isolation, LogStartOffset,
    Offset, OffsetSpec, Partition, PartitionError, Partitions, ReadFrom, ReplicaFetch, SyncRound,
};
use crate::config::BrokerConfig;
use crate::controller::{AlterPartition, LedPartition};
use crate::ids::{BrokerEpoch, BrokerId};
use crate::metadata::{Loss, PartitionImage};

/// Two brokers that hold one partition.
struct Pair {
    worlds: [World; 2],
    stores: [Arc<Partitions>; 2],
}

impl Pair {
    /// Broker 1 leads, broker 2 follows.
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(configure: impl Fn(&mut BrokerConfig)) -> Self {
        let mut worlds = [1, 2].map(World::of_broker);
        for world in &mut worlds {
            configure(&mut world.config);
            world.create_topic(1, "orders", 1, &[]);
            world.change_partition(partition_id(1, 0), replicated(&[1, 2], 1, 0));
        }
        let stores = [worlds[0].start(), worlds[1].start()];
        Self { worlds, stores }
    }

    fn commit(&mut self, now: &PartitionImage) {
        for (world, store) in self.worlds.iter_mut().zip(&self.stores) {
            let image = world.change_partition(partition_id(1, 0), now.clone());
            store.apply(&image);
        }
    }

    fn replica(&self, broker: usize) -> Arc<Partition> {
        self.stores[broker - 1].replica(partition_id(1, 0)).unwrap()
    }

    /// Fetches until there is nothing more to fetch; the follower is `to`.
    async fn replicate(&self, from: usize, to: usize) {
        let (leader, follower) = (self.replica(from), self.replica(to));
        let mut before = None;
        loop {
            let fetch = next_fetch(&follower).await;
            let answer = answer(&leader, to, fetch);
            if before.is_some_and(|it: FetchFrom| it.asks_the_same(&fetch)) {
                follower.apply_fetched(answer, &SyncRound::new()).unwrap();
                return;
            }
            before = Some(fetch);
            let round = SyncRound::new();
            follower.apply_fetched(answer, &round).unwrap();
            round.done().await;
        }
    }
}

async fn next_fetch(follower: &Arc<Partition>) -> FetchFrom {
    loop {
        let round = SyncRound::new();
        if let Some(fetch) = follower.next_fetch(&round).unwrap() {
            return fetch;
        }
        assert!(!round.is_done(), "there is nothing to fetch and nothing to wait for");
        round.done().await;
    }
}

fn fetch_of(replica: usize, fetch: FetchFrom) -> ReplicaFetch {
    ReplicaFetch {
        replica: BrokerId(u32::try_from(replica).unwrap()),
        broker_epoch: BrokerEpoch(1),
        log_start: Some(fetch.log_start),
        synced_end: Some(fetch.synced_end.offset()),
        read: ReadFrom {
            leader_epoch: Some(fetch.leader_epoch),
            last_fetched_epoch: fetch.last_epoch,
            isolation: Isolation::LogEnd,
            ..everything_from(fetch.offset.0)
        },
    }
}

fn start_of(err: &PartitionError) -> Option<LogStartOffset> {
    let PartitionError::OffsetOutOfRange { start, .. } = err else { return None };
    Some(*start)
}

/// What the leader says to a fetch, as the doors would carry it.
fn answer(leader: &Arc<Partition>, replica: usize, fetch: FetchFrom) -> Fetched {
    let refused = |err: &PartitionError| Fetched {
        token: fetch.token,
        high_watermark: None,
        log_start: start_of(err),
        outcome: FetchedOutcome::Refused(err.code()),
    };
    let read = match leader.replica_fetch(&fetch_of(replica, fetch)) {
        Ok(read) => read,
        Err(err) => return refused(&err),
    };
    Fetched {
        token: fetch.token,
        high_watermark: Some(read.offsets.high_watermark().offset()),
        log_start: Some(read.offsets.log_start()),
        outcome: match read.diverging {
            Some((epoch, end)) => FetchedOutcome::Diverging { epoch, end: end.offset() },
            None => FetchedOutcome::Records(Bytes::from(read.plan.copy_out().unwrap())),
        },
    }
}

fn ends(partition: &Partition) -> (u64, u64) {
    let offsets = partition.describe().unwrap().offsets;
    (offsets.high_watermark().offset().0, offsets.log_end().offset().0)
}

#[tokio::test]
async fn a_follower_takes_over_records_and_watermark() {
    let pair = Pair::new();
    let (leader, follower) = (pair.replica(1), pair.replica(2));
    let appended = leader.append(batch("a"), Acks::All).unwrap();
    pair.replicate(1, 2).await;
    leader.acknowledged(&appended).await.unwrap();
    pair.replicate(1, 2).await;
    assert_eq!((ends(&leader), ends(&follower)), ((1, 1), (1, 1)));
}

/// Broker 1 holds two records more than broker 2, which is elected in its place.
async fn replaced(by: &PartitionImage) -> Pair {
    let mut pair = Pair::new();
    pair.replica(1).append(batch("a"), Acks::Leader).unwrap();
    pair.replicate(1, 2).await;
    pair.replica(1).append(batch("b"), Acks::Leader).unwrap();
    pair.replica(1).append(batch("c"), Acks::Leader).unwrap();
    pair.commit(by);
    pair.replica(2).append(batch("d"), Acks::Leader).unwrap();
    pair.replicate(2, 1).await;
    pair
}

/// What a broker wants the cluster to know.
fn losses(store: &Partitions) -> Vec<Loss> {
    let wishes = std::iter::from_fn(|| store.wishes().take(9));
    let losses = wishes.filter_map(|it| if let Batch::Lost(told) = it { Some(told) } else { None });
    losses.flatten().collect()
}

fn after(unclean_epoch: Option<LeaderEpoch>) -> PartitionImage {
    let image = replicated(&[1, 2], 2, 1);
    PartitionImage { isr: vec![BrokerId(2)], unclean_epoch, ..image }
}

#[tokio::test]
async fn after_a_clean_election_nothing_is_lost() {
    let pair = replaced(&after(None)).await;
    assert_eq!((ends(&pair.replica(1)).1, losses(&pair.stores[0])), (2, vec![]));
}

#[tokio::test]
async fn what_an_unclean_leader_lacks_is_cut_once_the_cluster_knows() {
    let unclean = after(Some(after(None).leader_epoch));
    let pair = replaced(&unclean).await;
    let (partition, broker) = (partition_id(1, 0), BrokerId(1));
    let (from, until) = (Offset(1), Offset(3));
    let lost = Loss { partition, broker, from, until, at_most: false };
    assert_eq!(losses(&pair.stores[0]), [lost]);
    assert_eq!(ends(&pair.replica(1)).1, 3, "a crash now would find it again");
    pair.replicate(2, 1).await;
    assert_eq!(losses(&pair.stores[0]), [lost], "nobody has confirmed it");
    pair.replica(1).loss_told(&lost);
    pair.replicate(2, 1).await;
    assert_eq!((ends(&pair.replica(1)).1, losses(&pair.stores[0])), (2, vec![]));
}

#[tokio::test]
async fn a_follower_serves_no_client() {
    let pair = Pair::new();
    let follower = pair.replica(2);
    assert!(matches!(pair.stores[1].get(follower.id()), Err(PartitionError::NotLeader)));
    let refused = follower.append(batch("a"), Acks::Leader).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotLeaderOrFollower);
    assert_eq!(
        follower.read(everything_from(0)).unwrap_err().code().name(),
        "NOT_LEADER_OR_FOLLOWER"
    );
}

#[tokio::test]
async fn a_new_leader_goes_on_where_the_old_one_ended() {
    let mut pair = Pair::new();
    pair.replica(1).append(batch("a"), Acks::Leader).unwrap();
    pair.replicate(1, 2).await;
    pair.commit(&replicated(&[1, 2], 2, 1));
    let appended = pair.replica(2).append(batch("b"), Acks::All).unwrap();
    assert_eq!(appended.base_offset, Offset(1));
    pair.replicate(2, 1).await;
    pair.replica(2).acknowledged(&appended).await.unwrap();
    pair.replicate(2, 1).await;
    assert_eq!(ends(&pair.replica(1)), (2, 2));
    assert!(readable_bytes(&pair.replica(2)) > 0);
}

#[tokio::test]
async fn what_the_new_leader_lacks_is_cut_off() {
    let mut pair = Pair::new();
    pair.replica(1).append(batch("a"), Acks::Leader).unwrap();
    pair.replicate(1, 2).await;
    pair.replica(1).append(batch("lost"), Acks::Leader).unwrap();
    pair.replica(1).append(batch("lost too"), Acks::Leader).unwrap();
    pair.commit(&replicated(&[1, 2], 2, 1));
    let kept = pair.replica(2).append(batch("kept"), Acks::All).unwrap();
    pair.replicate(2, 1).await;
    pair.replica(2).acknowledged(&kept).await.unwrap();
    pair.replicate(2, 1).await;
    assert_eq!(ends(&pair.replica(1)), (2, 2));
}

#[tokio::test]
async fn a_producer_hears_at_once_that_its_leader_is_gone() {
    let mut pair = Pair::new();
    let old = pair.replica(1);
    let appended = old.append(batch("a"), Acks::All).unwrap();
    let waiting = tokio::spawn(old.acknowledged(&appended));
    tokio::task::yield_now().await;
    pair.commit(&replicated(&[1, 2], 2, 1));
    let err = waiting.await.unwrap().unwrap_err();
    assert_eq!(err.code(), ErrorCode::NotLeaderOrFollower);
    // Nor is it told otherwise when this broker leads again.
    pair.commit(&replicated(&[1, 2], 1, 2));
    pair.replicate(1, 2).await;
    let err = old.acknowledged(&appended).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::NotLeaderOrFollower);
}

#[tokio::test]
async fn an_answer_to_an_older_request_is_dropped() {
    let mut pair = Pair::new();
    pair.replica(1).append(batch("a"), Acks::Leader).unwrap();
    let follower = pair.replica(2);
    let fetch = next_fetch(&follower).await;
    let late = answer(&pair.replica(1), 2, fetch);
    pair.commit(&replicated(&[1, 2], 1, 1));
    let applied = follower.apply_fetched(late, &SyncRound::new()).unwrap();
    assert_eq!((applied, ends(&follower)), (Applied::Stale, (0, 0)));
}

#[tokio::test]
async fn what_is_followed_is_told_by_source() {
    let mut pair = Pair::new();
    let follows = pair.stores[1].follows();
    assert!(follows.sources().borrow().contains(&BrokerId(1)));
    follows.changed(BrokerId(1)).await;
    assert!(matches!(follows.take_changes(BrokerId(1))[..], [FollowChange::Follow(_)]));
    assert!(follows.take_changes(BrokerId(1)).is_empty());
    pair.commit(&replicated(&[1, 2], 2, 1));
    let follows = pair.stores[1].follows();
    assert!(matches!(follows.take_changes(BrokerId(1))[..], [FollowChange::Leave(_)]));
    assert!(follows.sources().borrow().is_empty());
    assert!(pair.stores[0].follows().sources().borrow().contains(&BrokerId(2)));
}

#[tokio::test]
async fn a_follower_that_lags_is_to_leave_and_one_that_is_back_to_join() {
    let mut pair = Pair::with(|config| config.replica_lag_ms_max = 10);
    let leader = pair.replica(1);
    leader.append(batch("a"), Acks::Leader).unwrap();
    let wishes = pair.stores[0].wishes();
    let shrunk = loop {
        assert!(wishes.take_watching().contains(&leader.id()), "nobody watches the time");
        leader.tick();
        if let Some(Batch::Isr(proposals)) = wishes.take(9) {
            break proposals;
        }
        tokio::task::yield_now().await;
    };
    let isr_of = |it: &AlterPartition| it.isr.iter().map(|(id, _)| id.0).collect::<Vec<_>>();
    assert_eq!(shrunk.iter().map(isr_of).collect::<Vec<_>>(), [[1]]);
    pair.commit(&PartitionImage { isr: vec![BrokerId(1)], ..replicated(&[1, 2], 1, 0) });
    pair.replica(1).committed(Offset(1)).await.unwrap();
    pair.replicate(1, 2).await;
    let Some(Batch::Isr(grown)) = pair.stores[0].wishes().take(9) else { panic!("no proposal") };
    assert_eq!(grown[0].isr, [(BrokerId(1), None), (BrokerId(2), Some(BrokerEpoch(1)))]);
}

#[tokio::test]
async fn a_move_waits_until_the_next_leader_has_everything() {
    let mut pair = Pair::new();
    let leader = pair.replica(1);
    leader.append(batch("a"), Acks::Leader).unwrap();
    pair.commit(&PartitionImage { handover: Some(BrokerId(2)), ..replicated(&[1, 2], 1, 0) });
    let refused = leader.append(batch("late"), Acks::Leader).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotLeaderOrFollower);
    assert_eq!(pair.stores[0].wishes().take(9), None);
    pair.replicate(1, 2).await;
    let Some(Batch::Complete(ready)) = pair.stores[0].wishes().take(9) else { panic!("no word") };
    assert_eq!((ready[0].partition, ready[0].to), (leader.id(), BrokerId(2)));
}

#[tokio::test]
async fn a_new_leader_tells_the_end_once_it_knows_what_is_committed() {
    let mut pair = Pair::new();
    let appended = pair.replica(1).append(batch("a"), Acks::All).unwrap();
    pair.replicate(1, 2).await;
    pair.replica(1).acknowledged(&appended).await.unwrap();
    // The next leader has the record, and does not know yet that it is committed.
    let last_told = pair.worlds[1].start();
    pair.stores[1] = last_told;
    pair.commit(&replicated(&[1, 2], 2, 1));
    let leader = pair.replica(2);
    let latest = || leader.list_offset(OffsetSpec::Latest, Isolation::ReadUncommitted, None);
    let err = latest().await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::OffsetNotAvailable);
    let earliest = leader.list_offset(OffsetSpec::Earliest, Isolation::ReadUncommitted, None);
    assert_eq!(earliest.await.unwrap().offset, Some(Offset(0)));
    pair.replicate(2, 1).await;
    assert_eq!(latest().await.unwrap().offset, Some(Offset(1)));
}

#[tokio::test]
async fn records_are_deleted_once_every_in_sync_replica_has_dropped_them() {
    let pair = Pair::new();
    let (leader, follower) = (pair.replica(1), pair.replica(2));
    for value in ["a", "b"] {
        leader.append(batch(value), Acks::All).unwrap();
    }
    pair.replicate(1, 2).await;
    leader.committed(Offset(2)).await.unwrap();
    pair.replicate(1, 2).await;
    let deleted = leader.delete_records(Some(Offset(1)), Duration::ZERO).await;
    assert_eq!(deleted.unwrap_err().code(), ErrorCode::RequestTimedOut);
    let deleted = tokio::spawn({
        let leader = Arc::clone(&leader);
        async move { leader.delete_records(Some(Offset(1)), Duration::from_mins(1)).await }
    });
    tokio::task::yield_now().await;
    pair.replicate(1, 2).await;
    assert_eq!(deleted.await.unwrap().unwrap().offset(), Offset(1));
    assert_eq!(follower.describe().unwrap().offsets.log_start().offset(), Offset(1));
}

#[tokio::test]
async fn a_follower_below_its_leaders_log_starts_over() {
    let mut pair = Pair::new();
    pair.replica(1).append(batch("a"), Acks::Leader).unwrap();
    pair.replicate(1, 2).await;
    pair.commit(&PartitionImage { isr: vec![BrokerId(1)], ..replicated(&[1, 2], 1, 0) });
    let leader = pair.replica(1);
    for value in ["b", "c", "d"] {
        let appended = leader.append(batch(value), Acks::All).unwrap();
        leader.acknowledged(&appended).await.unwrap();
    }
    leader.delete_records(Some(Offset(3)), Duration::ZERO).await.unwrap();
    pair.replicate(1, 2).await;
    let offsets = pair.replica(2).describe().unwrap().offsets;
    assert_eq!((offsets.log_start().offset(), offsets.log_end().offset()), (Offset(3), Offset(4)));
    // What it has is whole, also for the next start.
    assert!(pair.stores[1].shutdown().await);
    pair.stores[1] = pair.worlds[1].start();
    assert_eq!(pair.replica(2).describe().unwrap().offsets.log_end().offset(), Offset(4));
}

#[tokio::test]
async fn a_lost_replica_is_fetched_anew_once_it_does_not_count() {
    let mut pair = Pair::new();
    let id = partition_id(1, 0);
    let appended = pair.replica(1).append(batch("a"), Acks::All).unwrap();
    pair.replicate(1, 2).await;
    pair.replica(1).acknowledged(&appended).await.unwrap();
    assert!(pair.stores[1].shutdown().await);
    pair.worlds[1].disk.remove_dir_all(&World::dir_of("orders", id)).unwrap();
    pair.stores[1] = pair.worlds[1].start();
    assert!(matches!(pair.stores[1].replica(id), Err(PartitionError::Lost(_))));
    assert_eq!(pair.stores[1].wishes().take(9), Some(Batch::Failed(vec![id])));
    pair.stores[1].renew_lost(&[id]);
    assert!(pair.stores[1].replica(id).is_err(), "it counts as one that holds the record");
    pair.commit(&PartitionImage { isr: vec![BrokerId(1)], ..replicated(&[1, 2], 1, 0) });
    assert!(pair.stores[1].replica(id).is_err(), "an image alone may be an old one");
    assert_eq!(pair.stores[1].wishes().take(9), Some(Batch::Failed(vec![id])));
    pair.stores[1].renew_lost(&[id]);
    pair.replicate(1, 2).await;
    assert_eq!(ends(&pair.replica(2)), (1, 1));
}

#[tokio::test]
async fn a_directory_that_fails_reports_its_replicas() {
    let pair = Pair::new();
    let leader = pair.replica(1);
    let disk = &pair.worlds[0].disk;
    disk.fail_sync(disk.syncs() + 1, AfterFailedSync::KeptClean);
    let appended = leader.append(batch("a"), Acks::All).unwrap();
    let err = leader.acknowledged(&appended).await.unwrap_err();
    assert_eq!(err.code(), ErrorCode::KafkaStorageError);
    assert_eq!(pair.stores[0].wishes().take(9), Some(Batch::Failed(vec![leader.id()])));
}

#[tokio::test]
async fn a_leader_without_room_gives_the_lead_up_and_follows_once_there_is_some() {
    let mut pair = Pair::new();
    let replica = pair.replica(1);
    pair.worlds[0].disk.set_capacity(Some(1));
    let refuse = || replica.append(batch("a"), Acks::All).unwrap_err().code();
    assert_eq!(refuse(), ErrorCode::KafkaStorageError);
    let led = LedPartition { partition: replica.id(), leader_epoch: LeaderEpoch(0) };
    assert_eq!(pair.stores[0].wishes().take(9), Some(Batch::Full(vec![led])));
    assert_eq!(refuse(), ErrorCode::KafkaStorageError);
    assert_eq!(pair.stores[0].wishes().take(9), None, "it was told a moment ago");
    pair.commit(&PartitionImage { isr: vec![BrokerId(2)], ..replicated(&[1, 2], 2, 1) });
    pair.replica(2).append(batch("b"), Acks::All).unwrap();
    assert_eq!(replica.next_fetch(&SyncRound::new()).unwrap(), None);
    assert!(replica.waits_for_room());
    pair.worlds[0].disk.set_capacity(None);
    pair.replicate(2, 1).await;
    assert!(!replica.waits_for_room());
    assert_eq!(ends(&replica).1, 1);
}

#[tokio::test]
async fn a_leader_without_room_that_is_in_sync_alone_keeps_the_lead() {
    let mut pair = Pair::new();
    pair.commit(&PartitionImage { isr: vec![BrokerId(1)], ..replicated(&[1, 2], 1, 0) });
    pair.worlds[0].disk.set_capacity(Some(1));
    let err = pair.replica(1).append(batch("a"), Acks::All).unwrap_err();
    assert!(matches!(err, PartitionError::NoSpace(_)), "{err}");
    assert_eq!(pair.stores[0].wishes().take(9), None);
}

#[tokio::test]
async fn a_broker_that_is_no_replica_any_more_deletes_its_files() {
    let mut pair = Pair::new();
    pair.replica(1).append(batch("a"), Acks::Leader).unwrap();
    pair.replicate(1, 2).await;
    pair.commit(&PartitionImage {
        replicas: vec![BrokerId(1)],
        isr: vec![BrokerId(1)],
        ..replicated(&[1], 1, 1)
    });
    assert_eq!(pair.worlds[1].names(), Vec::<String>::new());
    assert!(matches!(pair.stores[1].replica(partition_id(1, 0)), Err(PartitionError::Unknown)));
    // It may come back, with nothing, while it is out of the ISR.
    let back = PartitionImage { isr: vec![BrokerId(1)], ..replicated(&[1, 2], 1, 2) };
    pair.commit(&back);
    pair.replicate(1, 2).await;
    assert_eq!(ends(&pair.replica(2)).1, 1);
}

#[test]
fn a_replica_that_is_only_being_added_makes_no_partition_under_replicated() {
    let mut pair = Pair::new();
    let lacks = |pair: &Pair| pair.replica(1).describe().unwrap().is_under_replicated;
    let growing = PartitionImage {
        isr: vec![BrokerId(1), BrokerId(2)],
        adding: vec![BrokerId(3)],
        ..replicated(&[1, 2, 3], 1, 0)
    };
    pair.commit(&growing);
    assert!(!lacks(&pair));
    pair.commit(&PartitionImage { adding: Vec::new(), ..growing.clone() });
    assert!(lacks(&pair));
    pair.commit(&PartitionImage { isr: vec![BrokerId(1)], ..growing });
    assert!(lacks(&pair));
}
