//! One pass over the partitions that a fetch wants.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::Fetch;
use crate::catalogue::topic_value;
use crate::ids::{BrokerEpoch, BrokerId, PartitionId, PartitionIndex, TopicId};
use crate::kafka::door::Door;
use crate::kafka::sessions::{Reader, Session, Told, Wanted};
use crate::kafka::topic_key::TopicKey;
use crate::metadata::MetadataImage;
use crate::runtime::{
    FetchWaiter, Isolation, LeaderEpoch, LogStartOffset, Offset, Partition, PartitionError,
    ReadFrom, ReadOutcome, ReplicaFetch, Watch,
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
    /// The session's number for it.
    pub(super) number: u32,
    pub(super) topic: TopicKey,
    pub(super) index: i32,
    pub(super) outcome: Result<Found, PartitionRefused>,
    pub(super) told: Told,
}

/// What was found, and where, so that what is sent of it can be counted there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) partition: Arc<Partition>,
    pub(super) read: ReadOutcome,
}

/// Why a partition was not read.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartitionRefused {
    pub(super) code: ErrorCode,
    /// Where its log starts, if the reader is outside.
    pub(super) log_start: Option<Offset>,
}

/// What all of them have.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Of a session, only those that the client must hear of.
    pub(super) partitions: Vec<PartitionRead>,
    pub(super) bytes: usize,
    /// Something that the client must hear at once: an error, a diverging log.
    pub(super) is_urgent: bool,
    /// No partition is wanted at all.
    pub(super) wants_nothing: bool,
}

/// What a pass reads from.
pub(super) struct Source<'a> {
    door: &'a Door,
    image: Arc<MetadataImage>,
    limits: Limits,
    reader: Reader,
}

impl<'a> Source<'a> {
    pub(super) fn new(fetch: &'a Fetch) -> Self {
        let Fetch { door, reader, limits, .. } = fetch;
        Self { door, image: door.image(), limits: *limits, reader: *reader }
    }

    /// Reads every partition, in turn, within the limits.
    pub(super) fn read_all(&self, all: &[Wanted]) -> Reading {
        let mut reading = Reading { wants_nothing: all.is_empty(), ..Reading::default() };
        for wanted in all {
            let read = self.read(0, wanted, self.find(wanted), (reading.bytes, false));
            reading.count(&read);
            reading.partitions.push(read);
        }
        reading
    }

    /// Reads the partitions of a session that are ready, in turn; what does not fit any more stays
    /// ready. The first response of a session speaks of `all`. Where a follower is, is noted once a
    /// request, also of partitions that are not read for want of room.
    pub(super) fn read_session(&self, session: &mut Session, all: bool) -> Reading {
        session.waiter().reset();
        session.take_changed();
        let wants_nothing = session.partition_count() == 0;
        let mut reading = Reading { wants_nothing, ..Reading::default() };
        let mut named = session.take_named();
        let mut from = 0;
        while let Some((turn, number)) = session.next_ready(from) {
            from = turn + 1;
            let is_full = reading.bytes > 0 && reading.bytes >= self.limits.bytes_max;
            if is_full && !all {
                break;
            }
            let is_named = named.remove(&number);
            let Some(read) = self.read_of(session, number, reading.bytes, is_named) else {
                continue;
            };
            if session.look(number, read.told) {
                reading.count(&read);
                reading.partitions.push(read);
            }
        }
        for number in named {
            // Not looked at: whatever is to be said of it is said when its turn comes.
            let _ = self.read_of(session, number, usize::MAX, true);
        }
        reading
    }

    /// Reads one partition of a session, having seen to it that the session hears of it from then on.
    fn read_of(
        &self,
        session: &mut Session,
        number: u32,
        bytes_before: usize,
        is_named: bool,
    ) -> Option<PartitionRead> {
        let wanted = session.wanted(number)?.clone();
        let found = self.find(&wanted);
        if let Ok(partition) = &found {
            watch(session, number, partition);
        }
        Some(self.read(number, &wanted, found, (bytes_before, is_named)))
    }

    /// Registers a fetch without session with every partition that it wants.
    pub(super) fn watch_all(&self, all: &[Wanted], waiter: &Arc<FetchWaiter>) -> Vec<Watch> {
        let found = all.iter().filter_map(|wanted| self.find(wanted).ok());
        found.map(|partition| partition.watch(waiter, 0)).collect()
    }

    fn find(&self, wanted: &Wanted) -> Result<Arc<Partition>, ErrorCode> {
        if let Some(broker) = self.reader.broker() {
            return self.find_for(wanted, broker);
        }
        let id = wanted.topic.partition(&self.image, wanted.index)?;
        self.door.node.partition(id).map_err(|error| error.code())
    }

    /// Only a replica of a partition follows it; also while its topic waits for its purge, from which
    /// it may come back.
    fn find_for(&self, wanted: &Wanted, broker: BrokerId) -> Result<Arc<Partition>, ErrorCode> {
        let topic = self.image.any_topic(TopicId(wanted.topic.id()));
        let topic = topic.ok_or(ErrorCode::UnknownTopicId)?;
        let index = PartitionIndex::from_wire(wanted.index);
        let found = index.and_then(|index| Some((index, topic.partition(index)?)));
        let (index, partition) = found.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if !partition.replicas.contains(&broker) || broker == self.door.node.broker_id {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let replica = self.door.node.partitions.replica(PartitionId { topic: topic.id, index });
        // The metadata may be ahead of the files.
        replica.map_err(|error| {
            let is_to_come = matches!(error, PartitionError::Unknown);
            if is_to_come { ErrorCode::NotLeaderOrFollower } else { error.code() }
        })
    }

    fn read(
        &self,
        number: u32,
        wanted: &Wanted,
        found: Result<Arc<Partition>, ErrorCode>,
        (bytes_before, is_named): (usize, bool),
    ) -> PartitionRead {
        let outcome = match found {
            Ok(partition) => self.read_found(wanted, partition, bytes_before, is_named),
            Err(code) => Err(PartitionRefused { code, log_start: None }),
        };
        let told = told(&outcome, wanted, self.limits.isolation);
        PartitionRead { number, topic: wanted.topic.clone(), index: wanted.index, outcome, told }
    }

    fn read_found(
        &self,
        wanted: &Wanted,
        partition: Arc<Partition>,
        bytes_before: usize,
        is_named: bool,
    ) -> Result<Found, PartitionRefused> {
        if !self.limits.reads_zstd && self.is_zstd(partition.topic()) {
            return Err(ErrorCode::UnsupportedCompressionType.into());
        }
        let bytes_left = self.limits.bytes_max.saturating_sub(bytes_before);
        let from = read_from(wanted, self.limits.isolation, bytes_left, bytes_before == 0)?;
        let read = match self.reader {
            Reader::Replica { broker, epoch } if is_named => {
                partition.replica_fetch(&follower_at(wanted, (broker, epoch), from))?
            }
            Reader::Replica { .. } | Reader::Consumer => partition.read(from)?,
        };
        Ok(Found { partition, read })
    }

    /// Whether a topic's batches are compressed with zstd whatever its producers send (KIP-110).
    fn is_zstd(&self, topic: &str) -> bool {
        self.image.topic_by_name(topic).is_some_and(|topic| {
            let sources = self.door.config_sources(&self.image);
            topic_value(&topic.configs, &sources, "compression.type").as_deref() == Some("zstd")
        })
    }
}

/// Where a follower is, as it says.
fn follower_at(
    wanted: &Wanted,
    (replica, broker_epoch): (BrokerId, BrokerEpoch),
    read: ReadFrom,
) -> ReplicaFetch {
    let offset = |wire: i64| u64::try_from(wire).ok().map(Offset);
    ReplicaFetch {
        replica,
        broker_epoch,
        log_start: offset(wanted.log_start).map(LogStartOffset),
        synced_end: offset(wanted.synced_end),
        read,
    }
}

/// Takes the session's place at a partition, unless it has it.
fn watch(session: &mut Session, number: u32, partition: &Arc<Partition>) {
    let waiter = Arc::clone(session.waiter());
    if let Some(place) = session.watch(number)
        && !place.as_ref().is_some_and(|it| it.is_at(partition))
    {
        *place = Some(partition.watch(&waiter, number));
    }
}

impl Reading {
    fn count(&mut self, read: &PartitionRead) {
        match &read.outcome {
            Ok(found) => {
                self.bytes += found.read.plan.bytes;
                self.is_urgent |= found.read.diverging.is_some();
            }
            Err(_) => self.is_urgent = true,
        }
    }

    /// Before a consumer waits for more: what it does not see only for want of a sync is synced.
    pub(super) fn sync_for_readers(&self, limits: Limits) {
        if limits.isolation == Isolation::LogEnd {
            return;
        }
        let found = self.partitions.iter().filter_map(|read| read.outcome.as_ref().ok());
        found.for_each(|found| found.partition.sync_for_readers());
    }
}

impl From<ErrorCode> for PartitionRefused {
    fn from(code: ErrorCode) -> Self {
        Self { code, log_start: None }
    }
}

impl From<PartitionError> for PartitionRefused {
    fn from(error: PartitionError) -> Self {
        let mut refused = Self::from(error.code());
        if let PartitionError::OffsetOutOfRange { start, .. } = error {
            refused.log_start = Some(start.offset());
        }
        refused
    }
}

fn told(outcome: &Result<Found, PartitionRefused>, wanted: &Wanted, isolation: Isolation) -> Told {
    let Ok(Found { read, .. }) = outcome else {
        return Told {
            high_watermark: -1,
            log_start: -1,
            must_tell: true,
            failed: true,
            has_more: false,
        };
    };
    let offsets = &read.offsets;
    let until = match isolation {
        Isolation::ReadUncommitted => offsets.high_watermark().offset(),
        Isolation::ReadCommitted => offsets.last_stable().offset(),
        Isolation::LogEnd => offsets.log_end().offset(),
    };
    Told {
        high_watermark: wire(offsets.high_watermark().offset()),
        log_start: wire(offsets.log_start().offset()),
        must_tell: read.plan.bytes > 0 || read.diverging.is_some(),
        failed: false,
        has_more: read.plan.bytes == 0 && wanted.offset < wire(until),
    }
}

/// An offset as the protocol carries it.
pub(super) fn wire(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}

fn read_from(
    wanted: &Wanted,
    isolation: Isolation,
    bytes_left: usize,
    at_least_one: bool,
) -> Result<ReadFrom, ErrorCode> {
    let offset = u64::try_from(wanted.offset).map_err(|_| ErrorCode::OffsetOutOfRange)?;
    let bytes_max = usize::try_from(wanted.bytes_max).unwrap_or(0).min(bytes_left);
    Ok(ReadFrom {
        offset: Offset(offset),
        leader_epoch: epoch(wanted.leader_epoch),
        last_fetched_epoch: epoch(wanted.last_fetched_epoch),
        isolation,
        bytes_max,
        at_least_one,
    })
}

fn epoch(wire: i32) -> Option<LeaderEpoch> {
    u32::try_from(wire).ok().map(LeaderEpoch)
}
