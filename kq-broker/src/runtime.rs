//! What runs where: the shell that carries out what the pure cores decide.
//!
//! There is no task, timer or buffer per partition. A [`Partition`] is a lock over its log, its
//! replica core and those who wait for it; whoever holds the lock steps the core and carries its
//! outputs out:
//!
//! ```text
//!   a connection's task   append, read, watch           never blocks but on short writes
//!   a sync thread         begin sync | fdatasync | finish sync -> high watermark -> wake
//!   the image task        roles given, topics created, changed and deleted
//!   a fetcher             one for each broker that leads something which this one follows
//!   the isr sender        what all leaders want of the controller, one command at a time
//!   the cleaner           compaction, one partition after the other, in steps
//!   four timers           retention, the ticks of leaders to which time matters, whether the cluster
//!                         is heard, and the rounds of looking at lag
//! ```
//!
//! The doors speak to this module and never to `kq_storage`.

mod apply;
mod bucket;
mod cleaner;
mod clock;
mod committed;
mod error;
mod fetch_waiter;
mod fetcher;
mod follows;
mod groups;
mod hearing;
#[cfg(test)]
mod hearing_test;
mod home;
mod inventory;
mod isr_sender;
mod log_dir;
pub(crate) mod minutes;
mod node;
mod parallel;
mod partition;
mod partitions;
#[cfg(test)]
mod partitions_test;
mod probe;
mod rates;
mod records;
mod replication;
#[cfg(test)]
mod replication_test;
mod request;
mod retention;
mod standstill;
mod storage_failure;
mod stray;
mod sync_queue;
mod sync_round;
mod syncer;
#[cfg(test)]
mod test_world;
mod ticker;
mod topic_meter;
mod topic_rules;
mod wishes;

pub use cleaner::{CleanerBoard, CleanerCounts, CleanerLook, Demand, Stall, Stalled};
pub use clock::Clock;
pub use committed::Committed;
pub use error::PartitionError;
pub use fetch_waiter::{FetchWaiter, Parked, Sees, Watch};
pub use fetcher::Quota;
pub use follows::{FollowChange, Follows};
pub use groups::{Groups, LeadersTold, OFFSETS_TOPIC, PendingReply, ShardHost};
pub use hearing::Hearing;
pub use log_dir::{LogDir, LogDirDescription};
pub use minutes::MinuteBook;
pub use node::Node;
pub use partition::{CompactionStanding, Partition, producer_of};
pub use partitions::{Partitions, StoreParts};
pub use rates::{Rate, RateOf, Rates};
pub use records::{BatchFacts, Compression, NewRecord, ReadRecord, read_records};
pub use replication::{Applied, FetchFrom, FetchToken, Fetched, FetchedOutcome, ReplicaFetch};
pub use request::{
    Appended, Description, FollowerDescription, Isolation, ListedOffset, OffsetSpec, ReadFrom,
    ReadOutcome,
};
pub use standstill::Standstill;
pub use sync_round::SyncRound;

pub use crate::replica::Acks;
pub use kq_storage::batch::ProducerMark;
pub use kq_storage::{
    FileRegion, LeaderEpoch, LogEndOffset, LogOffsets, LogStartOffset, Offset, ProducerEpoch,
    ProducerId, ReadPlan, TimestampMs,
};
pub use topic_meter::{TopicCounts, TopicMeter};
