//! A group as admin clients see it. It shows what is appended, which a fail-over may take back.

use std::sync::Arc;

use super::{ConsumerGroup, ConsumerState, Current, Epoch, Profile};
use crate::group::MemberId;
use crate::group::assignor::Assignor;
use crate::group::config::ConsumerConfig;
use crate::group::partitions::PartitionSet;

/// A consumer group as `ConsumerGroupDescribe` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerDescription {
    /// Where it stands.
    pub state: ConsumerState,
    /// The group's epoch.
    pub epoch: Epoch,
    /// The epoch of its target assignment.
    pub target_epoch: Epoch,
    /// Which assignor deals.
    pub assignor: Assignor,
    /// Its members.
    pub members: Vec<ConsumerMemberDescription>,
}

/// One member of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerMemberDescription {
    /// Who.
    pub member: MemberId,
    /// What it says of itself.
    pub profile: Arc<Profile>,
    /// Where it stands.
    pub current: Arc<Current>,
    /// What it is to have.
    pub target: Arc<PartitionSet>,
}

impl ConsumerGroup {
    pub(crate) fn describe(&self, config: &ConsumerConfig) -> ConsumerDescription {
        let ledger = &self.ledger;
        let describe = |(id, profile): (&MemberId, &Arc<Profile>)| ConsumerMemberDescription {
            member: id.clone(),
            profile: Arc::clone(profile),
            current: ledger.current(id),
            target: ledger.share(id),
        };
        ConsumerDescription {
            state: self.state(),
            epoch: ledger.epoch(),
            target_epoch: ledger.target_epoch,
            assignor: ledger.assignor(config),
            members: ledger.profiles.iter().map(describe).collect(),
        }
    }
}
