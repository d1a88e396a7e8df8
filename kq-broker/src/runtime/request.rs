//! What the doors ask of a partition, and what it answers.

use std::path::PathBuf;

use kq_storage::{
    LeaderEpoch, LogEndOffset, LogOffsets, LogStartOffset, Offset, ReadPlan, TimestampMs,
};

use crate::ids::BrokerId;

/// An accepted batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of its first record.
    pub base_offset: Offset,
    /// One past its last record: `committed(end)` waits for it.
    pub end: Offset,
    /// The log's own time, where the topic stamps it.
    pub log_append_time: Option<TimestampMs>,
    /// The oldest record still kept.
    pub log_start: LogStartOffset,
    /// Whether the batch was there already and nothing was written.
    pub duplicate: bool,
    /// The term in which it was taken in.
    pub leader_epoch: LeaderEpoch,
}

/// How far a reader may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// Everything below the last stable offset.
    ReadCommitted,
    /// Everything that the log holds: a follower.
    LogEnd,
}

/// A wish to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadFrom {
    /// The first offset wanted.
    pub offset: Offset,
    /// The leader epoch that the reader knows, if it tells.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The epoch of the last record that the reader has, if it tells.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// What it may see.
    pub isolation: Isolation,
    /// Bytes it can take.
    pub bytes_max: usize,
    /// Whether the first batch comes even if it is larger than that.
    pub at_least_one: bool,
}

/// What there is to read.
#[derive(Debug)]
pub struct ReadOutcome {
    /// Where the batches are; empty at the end of what may be seen.
    pub plan: ReadPlan,
    /// The partition's positions at this moment.
    pub offsets: LogOffsets,
    /// Set when the reader's log has gone another way: the epoch and the offset where it parted.
    pub diverging: Option<(LeaderEpoch, LogEndOffset)>,
}

/// Which offset is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start offset.
    Earliest,
    /// Where a reader that wants only new records begins.
    Latest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The first record with this timestamp or a later one.
    AtOrAfter(TimestampMs),
}

/// The answer to an [`OffsetSpec`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset; none when no record fits.
    pub offset: Option<Offset>,
    /// The timestamp of the record that was found, where one was looked for.
    pub timestamp: Option<TimestampMs>,
    /// The leader epoch of that record.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// A partition at one moment, for those who describe it.
#[derive(Debug, Clone)]
pub struct Description {
    /// Its positions.
    pub offsets: LogOffsets,
    /// Below it all is on stable storage.
    pub synced_end: LogEndOffset,
    /// Bytes of its segments.
    pub size_bytes: u64,
    /// What it takes in, from producers or from its leader.
    pub intake_bytes_per_second: u64,
    /// Segments.
    pub segment_count: usize,
    /// The term of its leader.
    pub leader_epoch: LeaderEpoch,
    /// Whether this broker leads.
    pub leads: bool,
    /// In-sync replicas, the leader included; none on a follower, which does not know them.
    pub in_sync_count: usize,
    /// Whether this broker leads and some replica is not in sync; one that is only being added does
    /// not count.
    pub is_under_replicated: bool,
    /// The log directory it lives in.
    pub log_dir: PathBuf,
}

/// How far a follower is, as its leader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowerDescription {
    /// Which broker.
    pub broker: BrokerId,
    /// The first offset that it does not have.
    pub log_end: Offset,
    /// The first offset that it has not synced.
    pub synced_end: Offset,
    /// When it last held all that the leader had.
    pub caught_up_at: TimestampMs,
}
