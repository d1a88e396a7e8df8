//! How far plans are that were applied.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use super::super::gather::Figures;
use super::super::shape::count;
use super::tell::{ids, throttle};
use crate::metadata::{MetadataImage, MoveImage, MoveState, PlanImage};

/// Where the bytes of one move are.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Bytes that have arrived.
    moved: Option<u64>,
    /// Bytes that its leader has and the new replicas have not.
    left: Option<u64>,
    /// Bytes a second of the last seconds.
    rate: Option<u64>,
}

/// What all moves come to.
#[derive(Debug, Default)]
struct Sums {
    by_state: BTreeMap<String, u32>,
    bytes: u64,
    moved: u64,
    left: Option<u64>,
    rate: u64,
}

impl Sums {
    fn of(image: &MetadataImage, it: &PlanImage, figures: &Figures) -> Self {
        let mut sums = Self { left: Some(0), ..Self::default() };
        for one in it.moves() {
            *sums.by_state.entry(one.state.as_str().to_owned()).or_default() += 1;
            sums.bytes = sums.bytes.saturating_add(one.planned.bytes.unwrap_or(0));
            let progress = progress(image, one, figures);
            sums.moved = sums.moved.saturating_add(progress.moved.unwrap_or(0));
            sums.rate = sums.rate.saturating_add(progress.rate.unwrap_or(0));
            if one.state.is_under_way() || one.state == MoveState::Waiting {
                sums.left = sums.left.zip(progress.left).map(|(sum, left)| sum + left);
            }
        }
        sums
    }
}

pub(super) fn plan(
    image: &MetadataImage,
    it: &PlanImage,
    figures: &Figures,
    now_ms: i64,
) -> v1::PlanStatus {
    let Sums { by_state, bytes, moved, left, rate } = Sums::of(image, it, figures);
    let until = it.ended_at.map_or(now_ms, |at| at.0);
    let ran_ms = u64::try_from(until - it.started_at.0).unwrap_or(0);
    let average = (moved > 0 && ran_ms > 0).then(|| per_second(moved, ran_ms));
    let goes_on = it.state.is_active();
    let rate = Some(rate).filter(|rate| *rate > 0 && goes_on).or(average);
    // What waits though nothing is left to copy waits for something else than bytes.
    let eta = rate.zip(left).filter(|(_, left)| goes_on && *left > 0);
    v1::PlanStatus {
        id: it.id.to_string(),
        verb: it.verb.to_string(),
        state: it.state.to_string(),
        reason: it.reason.to_string(),
        started_at_ms: it.started_at.0,
        ended_at_ms: it.ended_at.map(|at| at.0),
        throttle: Some(throttle(it.lease.throttle)),
        bytes_per_second: it.lease.bytes_per_second,
        batch: it.batch,
        concurrency: it.concurrency,
        move_count: count(it.moves_total()),
        moves_by_state: by_state,
        bytes,
        bytes_left: left,
        rate,
        eta_ms: eta.map(|(rate, left)| left.saturating_mul(1_000) / rate.max(1)),
    }
}

pub(super) fn one_move(image: &MetadataImage, it: &MoveImage, figures: &Figures) -> v1::MoveStatus {
    let planned = &it.planned;
    let topic = image.any_topic(planned.partition.topic);
    let progress = progress(image, it, figures);
    v1::MoveStatus {
        topic: topic.map_or_else(|| planned.partition.topic.to_string(), |it| it.name.to_string()),
        partition: planned.partition.index.0,
        from: ids(&planned.from),
        to: ids(&planned.to),
        state: it.state.to_string(),
        why: why(image, it),
        bytes: planned.bytes,
        bytes_moved: progress.moved,
        began_at_ms: it.began_at.map(|at| at.0),
        ended_at_ms: it.ended_at.map(|at| at.0),
        bytes_left: progress.left,
        bytes_per_second: progress.rate,
    }
}

fn progress(image: &MetadataImage, it: &MoveImage, figures: &Figures) -> Progress {
    let planned = it.planned.bytes;
    match it.state {
        MoveState::Waiting => Progress { moved: Some(0), left: planned, rate: None },
        MoveState::Skipped | MoveState::Returned | MoveState::Failed => {
            Progress { moved: Some(0), left: Some(0), rate: None }
        }
        MoveState::Done => Progress { moved: planned, left: Some(0), rate: None },
        MoveState::Returning => Progress { left: Some(0), ..under_way(image, it, figures) },
        MoveState::Moving => under_way(image, it, figures),
    }
}

/// What the new replicas have, beside what their leader has by now.
fn under_way(image: &MetadataImage, it: &MoveImage, figures: &Figures) -> Progress {
    let Some(topic) = image.any_topic(it.planned.partition.topic) else {
        return Progress::default();
    };
    let index = it.planned.partition.index.0;
    let leader = image.any_partition(it.planned.partition).and_then(|it| it.leader);
    let whole = figures.leader(leader, &topic.name, index).map(|it| it.size_bytes);
    let mut sums = Progress { moved: Some(0), left: Some(0), rate: Some(0) };
    for id in it.planned.adding() {
        let Some(replica) = figures.replica(id, &topic.name, index) else {
            return Progress::default();
        };
        let missing = whole.map(|whole| whole.saturating_sub(replica.size_bytes));
        sums.moved = sums.moved.map(|sum| sum.saturating_add(replica.size_bytes));
        sums.left = sums.left.zip(missing).map(|(sum, missing)| sum.saturating_add(missing));
        let rate = replica.intake_bytes_per_second;
        sums.rate = sums.rate.map(|sum| sum.saturating_add(rate));
    }
    sums
}

/// Why a move is where it is: what was committed with it, or whom it waits for.
fn why(image: &MetadataImage, it: &MoveImage) -> String {
    let open = it.state.is_under_way() || it.state == MoveState::Waiting;
    if !open || !it.why.is_empty() {
        return it.why.to_string();
    }
    let down = it.planned.to.iter().find(|id| !image.is_live(**id));
    if let Some(id) = down {
        return format!("waits for broker {id}, which is down");
    }
    let cordoned =
        it.planned.adding().find(|id| image.broker(*id).is_some_and(|it| !it.takes_replicas()));
    match cordoned.filter(|_| it.state == MoveState::Waiting) {
        Some(id) => format!("waits for broker {id}, which takes no new replicas"),
        None => waits_for_unfreeze(image, it).unwrap_or_default(),
    }
}

/// That all is copied, and the leader that is to go may not hand over.
fn waits_for_unfreeze(image: &MetadataImage, it: &MoveImage) -> Option<String> {
    let topic = image.any_topic(it.planned.partition.topic)?;
    let now = topic.partition(it.planned.partition.index)?;
    let leader = now.leader.filter(|id| !it.planned.to.contains(id))?;
    let copied = it.planned.adding().all(|id| now.isr.contains(&id));
    if it.state != MoveState::Moving || !copied {
        return None;
    }
    let (words, lift) = image.frozen_words(topic)?;
    Some(format!("broker {leader} leads and is to go, and {words}: {lift}"))
}

fn per_second(bytes: u64, ms: u64) -> u64 {
    u64::try_from(u128::from(bytes) * 1_000 / u128::from(ms.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{BrokerId, PartitionId, PartitionIndex, TopicId};
    use crate::metadata::{
        BrokerRegistration, Change, MetadataRecord, PartitionChange, PartitionImage, PlannedMove,
        PolicyScope,
    };

    fn ids(list: &[u32]) -> Vec<BrokerId> {
        list.iter().map(|id| BrokerId(*id)).collect()
    }

    #[test]
    fn a_move_that_waits_for_a_freeze_names_it_and_its_end() {
        let (topic, index) = (TopicId(Uuid::from_u128(7)), PartitionIndex(0));
        let mut now = PartitionImage {
            replicas: ids(&[1, 2, 3]),
            isr: ids(&[1, 2]),
            adding: ids(&[3]),
            removing: ids(&[1]),
            leader: Some(BrokerId(1)),
            ..PartitionImage::default()
        };
        let register = |id: &u32| {
            let it = BrokerRegistration::at(BrokerId(*id), "127.0.0.1", 9_092);
            MetadataRecord::BrokerRegistered(it)
        };
        let mut change = Change { reason: "busy".to_owned(), ..Change::default() };
        change.records.extend([1, 2, 3].iter().map(register));
        change.records.push(MetadataRecord::TopicCreated { topic, name: "m1".to_owned() });
        let changed = |now| MetadataRecord::PartitionChanged(PartitionChange { topic, index, now });
        change.records.push(changed(now.clone()));
        let scope = PolicyScope::Topic(topic);
        change.records.push(MetadataRecord::LeadersFrozen { scope, until: None });
        let image = MetadataImage::default().apply(1, &change).unwrap();
        let partition = PartitionId { topic, index };
        let it = MoveImage {
            planned: PlannedMove { partition, from: ids(&[1, 2]), to: ids(&[2, 3]), bytes: None },
            state: MoveState::Moving,
            why: "".into(),
            began_at: None,
            ended_at: None,
            asked_at: None,
        };
        assert_eq!(why(&image, &it), "", "it is being copied");

        now.isr = ids(&[1, 2, 3]);
        now.partition_epoch = now.partition_epoch.next();
        let change = Change { records: vec![changed(now)], ..Change::default() };
        let image = image.apply(2, &change).unwrap();
        assert_eq!(
            why(&image, &it),
            "broker 1 leads and is to go, and the leaders of m1 are frozen (busy): \
             kq-ctl leader policy unfreeze m1"
        );
    }
}
