//! The brokers of an image: what each may do, and how much it carries.

use std::sync::Arc;

use uuid::Uuid;

use super::image::{MetadataImage, PartitionImage};
use super::record::{BrokerRegistration, Endpoint, TimestampMs};
use crate::ids::{BrokerEpoch, BrokerId, Incarnation};

/// One broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerImage {
    /// Its number.
    pub id: BrokerId,
    /// The process life that registered last.
    pub incarnation: Incarnation,
    /// The raft index of that registration.
    pub epoch: BrokerEpoch,
    /// When it registered.
    pub registered_at: TimestampMs,
    /// The id of the directory that holds its logs: another one means another disk (KIP-903).
    pub directory: Uuid,
    /// Where it is reached.
    pub endpoints: Vec<Endpoint>,
    /// Where it stands.
    pub rack: Option<String>,
    /// The build it runs.
    pub version: String,
    /// Whether its logs held all that its life before had written.
    pub resumed_cleanly: bool,
    /// What it may do.
    pub state: BrokerState,
    /// Since when it is in that state.
    pub state_since: TimestampMs,
    /// Why, as committed with it.
    pub state_reason: Arc<str>,
    /// Set while it is given no new replicas.
    pub cordon: Option<Cordon>,
}

/// Why a broker is given no new replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cordon {
    /// Since when.
    pub since: TimestampMs,
    /// In the operator's words.
    pub reason: Arc<str>,
    /// Whether it is to leave the cluster for good.
    pub decommission: bool,
}

/// How much a broker carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerLoad {
    /// Replicas on it.
    pub replicas: u64,
    /// Partitions whose first replica it is.
    pub preferred: u64,
    /// Partitions that it leads.
    pub leads: u64,
    /// Those of them that it is asked to hand over.
    pub handovers: u64,
}

/// What a broker may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerState {
    /// Lead and be counted on.
    Active,
    /// Go on with what it has while its leaders move away: it takes on nothing new.
    Stopping,
    /// Nothing, until it registers again.
    Fenced,
}

impl BrokerState {
    /// The name that scripts see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Stopping => "stopping",
            Self::Fenced => "fenced",
        }
    }
}

impl BrokerImage {
    /// Whether it takes part: everything but fenced.
    pub fn is_live(&self) -> bool {
        self.state != BrokerState::Fenced
    }

    /// Whether it may be made a leader or join an ISR.
    pub fn may_lead(&self) -> bool {
        self.state == BrokerState::Active
    }

    /// Whether new replicas may be put on it.
    pub fn takes_replicas(&self) -> bool {
        self.may_lead() && self.cordon.is_none()
    }

    /// The registration that made it.
    pub fn registration(&self) -> BrokerRegistration {
        BrokerRegistration {
            broker: self.id,
            incarnation: self.incarnation,
            directory: self.directory,
            endpoints: self.endpoints.clone(),
            rack: self.rack.clone(),
            version: self.version.clone(),
            resumed_cleanly: self.resumed_cleanly,
        }
    }
}

impl MetadataImage {
    /// A broker that has ever registered.
    pub fn broker(&self, id: BrokerId) -> Option<&Arc<BrokerImage>> {
        self.brokers.get(&id)
    }

    /// Under which registration each of these brokers is, as far as it has one.
    pub fn registrations(&self, ids: &[BrokerId]) -> Vec<(BrokerId, BrokerEpoch)> {
        ids.iter().filter_map(|id| Some((*id, self.broker(*id)?.epoch))).collect()
    }

    /// All registered brokers, in the order of their ids.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<BrokerImage>> {
        self.brokers.values()
    }

    /// Brokers that take part, in the order of their ids.
    pub fn live_brokers(&self) -> impl Iterator<Item = &Arc<BrokerImage>> {
        self.brokers.values().filter(|it| it.is_live())
    }

    /// Whether a broker takes part.
    pub fn is_live(&self, id: BrokerId) -> bool {
        self.broker(id).is_some_and(|it| it.is_live())
    }

    /// Whether a broker may be made a leader.
    pub fn may_lead(&self, id: BrokerId) -> bool {
        self.broker(id).is_some_and(|it| it.may_lead())
    }

    /// How much a broker carries, hidden topics included.
    pub fn broker_load(&self, id: BrokerId) -> BrokerLoad {
        self.loads.get(&id).copied().unwrap_or_default()
    }

    /// Counts a partition in.
    pub(super) fn add_load(&mut self, partition: &PartitionImage) {
        for (position, id) in partition.replicas.iter().enumerate() {
            let load = self.loads.entry(*id).or_default();
            load.replicas += 1;
            load.preferred += u64::from(position == 0);
            let leads = partition.leader == Some(*id);
            load.leads += u64::from(leads);
            load.handovers += u64::from(leads && partition.handover.is_some());
        }
    }

    /// Counts a partition out.
    pub(super) fn remove_load(&mut self, partition: &PartitionImage) {
        for (position, id) in partition.replicas.iter().enumerate() {
            let load = self.loads.entry(*id).or_default();
            load.replicas -= 1;
            load.preferred -= u64::from(position == 0);
            let leads = partition.leader == Some(*id);
            load.leads -= u64::from(leads);
            load.handovers -= u64::from(leads && partition.handover.is_some());
            if *load == BrokerLoad::default() {
                self.loads.remove(id);
            }
        }
    }
}
