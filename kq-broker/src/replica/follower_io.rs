//! All that can happen to a following replica, and all that it can ask of the world.

use std::fmt;

use kq_storage::{HighWatermark, LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::Durability;
use crate::ids::{BrokerId, PartitionEpoch};

/// What a follower begins with.
#[derive(Debug, Clone, Copy)]
pub struct FollowerStart {
    /// Whom it follows; none while nobody leads.
    pub leader: Option<BrokerId>,
    /// The term of that leader.
    pub leader_epoch: LeaderEpoch,
    /// The committed state that says so.
    pub partition_epoch: PartitionEpoch,
    /// When a record counts as held.
    pub durability: Durability,
    /// Where the local log begins.
    pub log_start: LogStartOffset,
    /// All of the local log below it is on stable storage.
    pub synced_end: LogEndOffset,
    /// Where the local log ends.
    pub log_end: LogEndOffset,
    /// What it knew as a leader; none after a restart.
    pub high_watermark: Option<HighWatermark>,
    /// The epoch of the newest leader that was elected uncleanly.
    pub unclean_epoch: Option<LeaderEpoch>,
}

/// Records that are to be cut off here because of an unclean election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRange {
    /// The first offset.
    pub from: Offset,
    /// The end: one more than the last offset.
    pub until: Offset,
    /// The leader's log begins beyond them by now: some of them it may have had and deleted.
    pub at_most: bool,
}

/// One request of one partition: whatever comes with another token is not its answer. The shell
/// draws a number for each that this process never used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchToken(pub u64);

/// What to ask the leader for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchFrom {
    /// To be given back with the answer.
    pub token: FetchToken,
    /// Whom to ask.
    pub leader: BrokerId,
    /// Its term, as known here.
    pub leader_epoch: LeaderEpoch,
    /// The first offset that is wanted: the log end.
    pub offset: Offset,
    /// The epoch of the last record here; none in an empty log.
    pub last_epoch: Option<LeaderEpoch>,
    /// Where the log begins.
    pub log_start: LogStartOffset,
    /// All of the log below is on stable storage.
    pub synced_end: LogEndOffset,
}

impl FetchFrom {
    /// Whether both ask for the same, so that a fetch session need not be told again.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        Self { token: other.token, ..*self } == *other
    }
}

/// An event, told to the replica by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowerInput {
    /// The leader answered.
    Responded {
        /// Which request.
        token: FetchToken,
        /// Its high watermark.
        high_watermark: HighWatermark,
        /// Where its log begins; told with [`Answer::OutOfRange`] too.
        log_start: LogStartOffset,
        /// What it said.
        answer: Answer,
    },
    /// There is no answer to this request and there will be none.
    FetchFailed {
        /// Which request.
        token: FetchToken,
    },
    /// The records of the answer are in the log.
    Appended {
        /// Where the next record goes.
        log_end: LogEndOffset,
    },
    /// The records were refused, or the disk did not take them; what it did take was told as
    /// `Appended` before. They are asked for again.
    AppendFailed,
    /// All of the local log below `synced_end` is on stable storage.
    Synced {
        /// The first offset that a power cut may take.
        synced_end: LogEndOffset,
    },
    /// The log was cut, and that is stable.
    Truncated {
        /// Where it ends now: at the offset that was asked for or before.
        log_end: LogEndOffset,
    },
    /// The log was emptied, and that is stable.
    StartedOver {
        /// Where it begins and ends.
        at: Offset,
    },
    /// What is about to be cut off is part of the cluster's history.
    LossTold(LostRange),
    /// Old records went.
    LogStartMoved {
        /// The oldest record still kept.
        log_start: LogStartOffset,
    },
    /// The controller committed another state of the partition, in which another replica leads.
    PartitionCommitted {
        /// Who leads, if anyone does.
        leader: Option<BrokerId>,
        /// Its term.
        leader_epoch: LeaderEpoch,
        /// Counts the states; one that is not newer is ignored.
        partition_epoch: PartitionEpoch,
        /// The epoch of the newest leader that was elected uncleanly.
        unclean_epoch: Option<LeaderEpoch>,
    },
    /// The topic's configuration changed.
    Reconfigured {
        /// When a record counts as held.
        durability: Durability,
    },
}

/// A leader's answer, as far as it concerns positions; the bytes stay with the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Records that follow the log's end.
    Records,
    /// No records: the log is up to date.
    Nothing,
    /// The logs parted before the log's end (KIP-320).
    Diverging(Diverged),
    /// The leader has nothing at this offset.
    OutOfRange,
    /// An error that time or another image heals.
    Refused,
}

/// Where two logs parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diverged {
    /// The leader's greatest epoch that is not above the last one here.
    pub epoch: LeaderEpoch,
    /// Where that ends in the leader's log.
    pub end: Offset,
    /// The greatest epoch not above `epoch` in the local log, and where it ends here.
    pub own: Option<(LeaderEpoch, Offset)>,
}

/// A command for the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowerOutput {
    /// Append the records of the answer as they are, then tell `Appended` or `AppendFailed`.
    Append,
    /// Tell the cluster that these are lost, and `LossTold` when that is committed. The leader is
    /// asked again after a moment; only then they are cut off.
    TellLoss(LostRange),
    /// Cut the log so that it ends here, then tell `Truncated`.
    TruncateTo(Offset),
    /// Empty the log and let it begin here: the leader's begins beyond its end. Then tell
    /// `StartedOver`.
    StartOverAt(Offset),
    /// Records below `to` are committed.
    AdvanceHighWatermark {
        /// The new watermark.
        to: HighWatermark,
    },
    /// The leader has dropped the records below: drop them too, then tell `LogStartMoved`.
    RaiseLogStart {
        /// The oldest record to keep.
        to: LogStartOffset,
    },
}

impl fmt::Display for FollowerOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append => f.write_str("append"),
            Self::TellLoss(it) => write!(f, "tell the loss of {it}"),
            Self::TruncateTo(to) => write!(f, "truncate to {to}"),
            Self::StartOverAt(at) => write!(f, "start over at {at}"),
            Self::AdvanceHighWatermark { to } => write!(f, "advance high watermark to {to}"),
            Self::RaiseLogStart { to } => write!(f, "raise log start to {to}"),
        }
    }
}

impl fmt::Display for LostRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.at_most { "at most " } else { "" };
        write!(f, "{bound}{} to {}", self.from, self.until)
    }
}

impl fmt::Display for FetchFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { leader, leader_epoch, offset, last_epoch, synced_end, .. } = self;
        write!(f, "fetch from {leader} in epoch {leader_epoch} at {offset} after epoch ")?;
        match last_epoch {
            Some(epoch) => epoch.fmt(f)?,
            None => f.write_str("none")?,
        }
        write!(f, ", synced to {synced_end}")
    }
}
