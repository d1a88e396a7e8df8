//! All that a leading replica can ask of the world.

use std::fmt;

use kq_storage::{HighWatermark, LeaderEpoch};

use crate::ids::{BrokerEpoch, BrokerId, PartitionEpoch};

/// A command for the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Records below `to` are committed: answer producers and wake readers.
    AdvanceHighWatermark {
        /// The new watermark.
        to: HighWatermark,
    },
    /// Ask the controller for another in-sync set.
    ProposeIsr(IsrProposal),
    /// `to` holds the whole log and nothing more is appended: let the controller elect it
    /// (`CompleteHandover`). Told again at each tick until the election is committed.
    HandoverReady {
        /// Who shall lead.
        to: BrokerId,
        /// The state in which that is so.
        partition_epoch: PartitionEpoch,
    },
    /// `to` did not catch up in time: let the controller call the move off (`CancelHandover`).
    HandoverFailed {
        /// Who should have led.
        to: BrokerId,
        /// The state in which that is so.
        partition_epoch: PartitionEpoch,
    },
}

/// An in-sync set that a leader asks for, with all that the controller compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsrProposal {
    /// The whole set, the leader included, each with the registration under which the leader knows
    /// it. None for the leader itself, and for members that it has not heard of yet: those are in
    /// the committed set already.
    pub isr: Vec<(BrokerId, Option<BrokerEpoch>)>,
    /// The proposer's term.
    pub leader_epoch: LeaderEpoch,
    /// The state that it was made from.
    pub partition_epoch: PartitionEpoch,
    /// Why.
    pub why: ProposalReason,
}

/// Why another in-sync set is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalReason {
    /// These hold all that is committed.
    CaughtUp(Vec<BrokerId>),
    /// These have lagged for too long.
    Lagging(Vec<BrokerId>),
    /// This one no longer holds what it has confirmed.
    LostRecords(BrokerId),
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdvanceHighWatermark { to } => write!(f, "advance high watermark to {to}"),
            Self::ProposeIsr(it) => it.fmt(f),
            Self::HandoverReady { to, partition_epoch } => {
                write!(f, "hand over to {to} at partition epoch {partition_epoch}")
            }
            Self::HandoverFailed { to, partition_epoch } => {
                write!(f, "give up the handover to {to} at partition epoch {partition_epoch}")
            }
        }
    }
}

impl fmt::Display for IsrProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("propose isr")?;
        for (id, epoch) in &self.isr {
            match epoch {
                Some(epoch) => write!(f, " {id}@{epoch}")?,
                None => write!(f, " {id}")?,
            }
        }
        write!(f, " from epochs {}/{}: {}", self.leader_epoch, self.partition_epoch, self.why)
    }
}

impl fmt::Display for ProposalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ids, what) = match self {
            Self::CaughtUp(ids) => (ids.as_slice(), "caught up"),
            Self::Lagging(ids) => (ids.as_slice(), "fell behind"),
            Self::LostRecords(id) => (std::slice::from_ref(id), "lost records"),
        };
        for (position, id) in ids.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{id}")?;
        }
        write!(f, " {what}")
    }
}
