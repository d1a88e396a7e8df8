//! One member of a consumer group, as the log tells it: what it says of itself, and where it stands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::group::assignor::Assignor;
use crate::group::partitions::PartitionSet;
use crate::group::{ConsumerConfig, InstanceId, Protocol};

/// Counts the changes of a group. Its target assignment and each of its members carry the one that
/// they are at (KIP-848).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub i32);

impl Epoch {
    /// Of a member that has been given nothing yet.
    pub const JOINING: Self = Self(0);
    /// Of a static member that left and will be back: what it had is kept for it.
    pub const AWAY: Self = Self(-2);
    /// Of a member that left for good.
    pub const GONE: Self = Self(-1);

    /// The one after it. After 2^31 changes there is none.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// What a member says of itself: the value of a record of key version 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Set for static members (KIP-345).
    pub instance: Option<InstanceId>,
    /// Where it runs, for assignments that spare the network between racks.
    pub rack: Option<Arc<str>>,
    /// For descriptions.
    pub client_id: Arc<str>,
    /// For descriptions.
    pub client_host: Arc<str>,
    /// The topics that it names.
    pub topics: BTreeSet<Arc<str>>,
    /// A pattern whose topics it wants as well.
    pub pattern: Option<Arc<str>>,
    /// How long it may take to give partitions back.
    pub rebalance_timeout: Duration,
    /// The assignor that it votes for.
    pub assignor: Option<Assignor>,
    /// Set while it speaks the classic protocol.
    pub classic: Option<ClassicSide>,
}

/// What a member that speaks the classic protocol brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicSide {
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// Best first.
    pub protocols: Vec<Protocol>,
}

/// Where a member stands: the value of a record of key version 8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    /// The epoch that it must come with.
    pub epoch: Epoch,
    /// The one before: the answer that told it of `epoch` may have been lost.
    pub previous_epoch: Epoch,
    /// What it waits for.
    pub state: MemberState,
    /// What is its own.
    pub assigned: PartitionSet,
    /// What was its own and must be given back before anybody else may have it.
    pub revoking: PartitionSet,
}

/// What a member waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemberState {
    /// Nothing.
    #[default]
    Stable,
    /// It has to give partitions back.
    UnrevokedPartitions,
    /// Others have to give back what it is to get.
    UnreleasedPartitions,
    /// Of a later release, which a broker of that release wrote down.
    Unknown,
}

impl Profile {
    /// How long the member may be silent: a classic one says so itself.
    pub(crate) fn session_timeout(&self, config: &ConsumerConfig) -> Duration {
        self.classic.as_ref().map_or(config.session_timeout, |it| it.session_timeout)
    }
}

impl MemberState {
    /// Kafka's number of the state.
    pub const fn to_wire(self) -> i8 {
        match self {
            Self::Stable => 0,
            Self::UnrevokedPartitions => 1,
            Self::UnreleasedPartitions => 2,
            Self::Unknown => 127,
        }
    }

    /// The state of a number.
    pub const fn from_wire(number: i8) -> Self {
        match number {
            0 => Self::Stable,
            1 => Self::UnrevokedPartitions,
            2 => Self::UnreleasedPartitions,
            _ => Self::Unknown,
        }
    }
}

impl Current {
    /// Everything that nobody else may have.
    pub(crate) fn held(&self) -> impl Iterator<Item = crate::ids::PartitionId> {
        self.assigned.iter().chain(self.revoking.iter())
    }

    /// The same, one epoch further; the same epoch again leaves the one before as it is.
    pub(crate) fn at(&self, epoch: Epoch) -> Self {
        let previous_epoch = if epoch == self.epoch { self.previous_epoch } else { self.epoch };
        Self { epoch, previous_epoch, ..self.clone() }
    }
}
