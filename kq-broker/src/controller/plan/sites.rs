//! Brokers while a plan is being made: what each would carry, and who takes the next replica.

use std::collections::BTreeMap;

use super::goal::Options;
use super::view::View;
use crate::ids::{BrokerId, PartitionId};

/// What a replica weighs beside its bytes, so that empty ones are spread as well.
const REPLICA_BYTES: u64 = 1 << 20;

/// One broker.
#[derive(Debug, Clone)]
pub(super) struct Site<'a> {
    pub(super) rack: Option<&'a str>,
    /// Whether it may be given replicas by this plan.
    pub(super) open: bool,
    /// Whether this plan is to keep off it.
    pub(super) excluded: bool,
    /// The weight of its replicas.
    pub(super) weight: u64,
    /// Their bytes, without what replicas weigh beside these.
    pub(super) bytes: u64,
    pub(super) replicas: u64,
    /// Partitions whose preferred leader it is.
    pub(super) leaders: u64,
}

/// All brokers that ever registered.
#[derive(Debug)]
pub(super) struct Sites<'a> {
    pub(super) by_id: BTreeMap<BrokerId, Site<'a>>,
    measured: &'a super::facts::Measured,
    /// The bytes of a partition whose size is unknown: what the others have on average, and never
    /// none.
    usual_bytes: u64,
}

impl<'a> Sites<'a> {
    pub(super) fn new(view: &View<'a>, options: &Options) -> Self {
        let open = |id: BrokerId| {
            view.unfit(id).is_none()
                && !options.exclude.contains(&id)
                && (options.brokers.is_empty() || options.brokers.contains(&id))
        };
        let site = |id: BrokerId| Site {
            rack: view.rack(id),
            open: open(id),
            excluded: options.exclude.contains(&id),
            weight: 0,
            bytes: 0,
            replicas: 0,
            leaders: 0,
        };
        let known: Vec<u64> = view.measured.partitions.values().filter_map(|it| it.bytes).collect();
        let total: u128 = known.iter().copied().map(u128::from).sum();
        let usual = (total / known.len().max(1) as u128).max(1);
        let mut sites = Self {
            by_id: view.image.brokers().map(|it| (it.id, site(it.id))).collect(),
            measured: view.measured,
            usual_bytes: u64::try_from(usual).unwrap_or(u64::MAX),
        };
        for topic in view.image.topics() {
            for (index, partition) in topic.partitions() {
                let id = PartitionId { topic: topic.id, index };
                sites.shift(id, &[], &partition.replicas);
            }
        }
        sites
    }

    /// The bytes of a replica of a partition.
    pub(super) fn bytes(&self, partition: PartitionId) -> u64 {
        self.measured.bytes(partition).unwrap_or(self.usual_bytes)
    }

    /// A partition goes from one list of brokers to another.
    pub(super) fn shift(&mut self, partition: PartitionId, from: &[BrokerId], to: &[BrokerId]) {
        let bytes = self.bytes(partition);
        let weight = bytes.saturating_add(REPLICA_BYTES);
        for (at, id) in from.iter().enumerate() {
            let Some(site) = self.by_id.get_mut(id) else { continue };
            site.weight = site.weight.saturating_sub(weight);
            site.bytes = site.bytes.saturating_sub(bytes);
            site.replicas = site.replicas.saturating_sub(1);
            site.leaders = site.leaders.saturating_sub(u64::from(at == 0));
        }
        for (at, id) in to.iter().enumerate() {
            let Some(site) = self.by_id.get_mut(id) else { continue };
            site.weight = site.weight.saturating_add(weight);
            site.bytes = site.bytes.saturating_add(bytes);
            site.replicas += 1;
            site.leaders += u64::from(at == 0);
        }
    }

    pub(super) fn rack(&self, id: BrokerId) -> Option<&'a str> {
        self.by_id.get(&id)?.rack
    }

    /// How many of `replicas` stand in the rack of a broker, itself not counted.
    pub(super) fn rack_mates(&self, id: BrokerId, replicas: &[BrokerId]) -> usize {
        let rack = self.rack(id);
        replicas.iter().filter(|it| **it != id && self.rack(**it) == rack).count()
    }

    /// Who takes one more replica beside `keep`: out of the least used rack the lightest broker.
    pub(super) fn pick(&self, keep: &[BrokerId], barred: &[BrokerId]) -> Option<BrokerId> {
        self.by_id
            .iter()
            .filter(|(id, site)| site.open && !keep.contains(id) && !barred.contains(id))
            .min_by_key(|(id, site)| (self.rack_mates(**id, keep), site.weight, **id))
            .map(|(id, _)| *id)
    }

    /// Brokers that take replicas.
    pub(super) fn open(&self) -> impl Iterator<Item = (BrokerId, &Site<'a>)> {
        self.by_id.iter().filter(|(_, site)| site.open).map(|(id, site)| (*id, site))
    }
}
