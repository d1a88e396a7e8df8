//! One pass over the partitions that a fetch wants.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use crate::catalogue::topic_value;
use crate::kafka::door::Door;
use crate::kafka::sessions::{Scope, Wanted};
use crate::kafka::topic_key::TopicKey;
use crate::metadata::MetadataImage;
use crate::runtime::{
    FetchWaiter, Isolation, LeaderEpoch, Offset, Partition, ReadFrom, ReadOutcome, Watch,
};

/// What a fetch may take, and what it waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Worth answering before the wait is over.
    pub(super) bytes_min: usize,
    /// Most bytes of all partitions together, the first batch excepted.
    pub(super) bytes_max: usize,
    /// What it may see.
    pub(super) isolation: Isolation,
    /// Whether the client's version reads zstd.
    pub(super) reads_zstd: bool,
}

/// What one partition has.
#[derive(Debug)]
pub(super) struct PartitionRead {
    pub(super) topic: TopicKey,
    pub(super) index: i32,
    pub(super) outcome: Result<Found, ErrorCode>,
}

/// What was found, and where, so that what is sent of it can be counted there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) partition: Arc<Partition>,
    pub(super) read: ReadOutcome,
}

/// What all of them have.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) partitions: Vec<PartitionRead>,
    pub(super) bytes: usize,
    /// Something that the client must hear at once: an error, a diverging log.
    pub(super) is_urgent: bool,
}

/// Reads every partition, in turn, within the limits.
pub(super) fn read(door: &Door, scope: &Scope, limits: Limits) -> Reading {
    let image = door.image();
    let mut reading = Reading { partitions: Vec::new(), bytes: 0, is_urgent: false };
    for_each(scope, |wanted| {
        let bytes_left = limits.bytes_max.saturating_sub(reading.bytes);
        let outcome = find(door, &image, wanted).and_then(|partition| {
            if !limits.reads_zstd && is_zstd(door, &image, partition.topic()) {
                return Err(ErrorCode::UnsupportedCompressionType);
            }
            let from = read_from(wanted, limits, bytes_left, reading.bytes == 0)?;
            let read = partition.read(from).map_err(|error| error.code())?;
            Ok(Found { partition, read })
        });
        match &outcome {
            Ok(found) => {
                reading.bytes += found.read.plan.bytes;
                reading.is_urgent |= found.read.diverging.is_some();
            }
            Err(_) => reading.is_urgent = true,
        }
        let (topic, index) = (wanted.topic.clone(), wanted.index);
        reading.partitions.push(PartitionRead { topic, index, outcome });
    });
    reading
}

/// Registers the fetch with every partition that it wants.
pub(super) fn watch(door: &Door, scope: &Scope, waiter: &Arc<FetchWaiter>) -> Vec<Watch> {
    let image = door.image();
    let mut watches = Vec::new();
    for_each(scope, |wanted| {
        if let Ok(partition) = find(door, &image, wanted) {
            watches.push(partition.watch(waiter));
        }
    });
    watches
}

fn for_each(scope: &Scope, mut each: impl FnMut(&Wanted)) {
    match scope {
        Scope::Sessionless(wanted) | Scope::Opening(wanted) => wanted.iter().for_each(each),
        Scope::Incremental(session) => session.lock().wanted().for_each(&mut each),
    }
}

fn find(door: &Door, image: &MetadataImage, wanted: &Wanted) -> Result<Arc<Partition>, ErrorCode> {
    let id = wanted.topic.partition(image, wanted.index)?;
    door.node.partition(id).map_err(|error| error.code())
}

/// Whether a topic's batches are compressed with zstd whatever its producers send (KIP-110).
fn is_zstd(door: &Door, image: &MetadataImage, topic: &str) -> bool {
    image.topic_by_name(topic).is_some_and(|topic| {
        let codec = topic_value(&topic.configs, &door.config_sources(image), "compression.type");
        codec.as_deref() == Some("zstd")
    })
}

fn read_from(
    wanted: &Wanted,
    limits: Limits,
    bytes_left: usize,
    at_least_one: bool,
) -> Result<ReadFrom, ErrorCode> {
    let offset = u64::try_from(wanted.offset).map_err(|_| ErrorCode::OffsetOutOfRange)?;
    let bytes_max = usize::try_from(wanted.bytes_max).unwrap_or(0).min(bytes_left);
    Ok(ReadFrom {
        offset: Offset(offset),
        leader_epoch: epoch(wanted.leader_epoch),
        last_fetched_epoch: epoch(wanted.last_fetched_epoch),
        isolation: limits.isolation,
        bytes_max,
        at_least_one,
    })
}

fn epoch(wire: i32) -> Option<LeaderEpoch> {
    u32::try_from(wire).ok().map(LeaderEpoch)
}
