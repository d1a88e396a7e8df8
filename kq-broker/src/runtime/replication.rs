//! What leader and follower of a partition say to each other, as the doors carry it.

use bytes::Bytes;
use kq_proto::kafka::ErrorCode;
use kq_storage::{LeaderEpoch, LogStartOffset, Offset};

use super::ReadFrom;
use crate::ids::{BrokerEpoch, BrokerId};

pub use crate::replica::{FetchFrom, FetchToken};

/// What a leader answered a follower, of one partition.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// From the request that this answers.
    pub token: FetchToken,
    /// The leader's high watermark, where it told one.
    pub high_watermark: Option<Offset>,
    /// The leader's log start, where it told one.
    pub log_start: Option<LogStartOffset>,
    /// The rest.
    pub outcome: FetchedOutcome,
}

/// The part of an answer that differs.
#[derive(Debug, Clone)]
pub enum FetchedOutcome {
    /// Whole batches from the offset asked for on; empty when there are no more.
    Records(Bytes),
    /// The logs parted: what the leader has of the follower's last epoch, or of the greatest one
    /// below it, ends here (KIP-595).
    Diverging {
        /// That epoch.
        epoch: LeaderEpoch,
        /// Where it ends on the leader.
        end: Offset,
    },
    /// A refusal.
    Refused(ErrorCode),
}

/// What became of a leader's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The follower is on its way: ask it for its next fetch.
    GoOn,
    /// The answer came too late for the request it answers, and was dropped: ask for the next fetch.
    Stale,
    /// The leader cannot serve it now, or the cluster is to hear first what is lost: ask for the next
    /// fetch after a moment.
    BackOff,
}

/// What a follower asks of this broker, as its leader.
#[derive(Debug, Clone, Copy)]
pub struct ReplicaFetch {
    /// Who asks.
    pub replica: BrokerId,
    /// The registration of the process that asks.
    pub broker_epoch: BrokerEpoch,
    /// Where its log starts; none where it does not tell.
    pub log_start: Option<LogStartOffset>,
    /// Below it its records are on stable storage; none where it does not tell.
    pub synced_end: Option<Offset>,
    /// What it wants to read: it has everything before that.
    pub read: ReadFrom,
}
