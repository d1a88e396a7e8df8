//! Partitions counted by how they are: kept up to date with each change, so that no screen counts.

use std::collections::BTreeMap;

use super::bounds::BROKERS_MAX;
use super::{Health, Partition};

/// What one broker has to do with partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerTally {
    /// Partitions that it leads.
    pub leads: u32,
    /// Replicas on it.
    pub replicas: u32,
    /// Partitions whose preferred leader it is.
    pub preferred: u32,
    /// Replicas on it that are out of sync.
    pub out: u32,
    /// Partitions that are led and in sync on it and on just as many brokers as acks=all wants: when it
    /// is lost they refuse, and where one suffices nobody leads them.
    pub holds_at_edge: u32,
}

/// Partitions of a cluster or of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub partitions: u32,
    by_health: [u32; Health::ALL.len()],
    /// Those that another broker leads than the preferred one, whatever else they are.
    pub not_preferred: u32,
    /// Those that are ill and miss a replica on a broker, and the brokers.
    pub brokers: BTreeMap<u32, BrokerTally>,
}

impl Tally {
    /// How many are in this state, and in no worse one.
    pub fn of(&self, health: Health) -> u32 {
        let at = Health::ALL.iter().position(|it| *it == health);
        at.and_then(|at| self.by_health.get(at)).copied().unwrap_or(0)
    }

    /// How many lack a replica in sync, whatever else they are.
    pub fn ill(&self) -> u32 {
        Health::ALL.iter().filter(|it| it.is_ill()).map(|it| self.of(*it)).sum()
    }

    /// What a broker has to do with them.
    pub fn broker(&self, id: u32) -> BrokerTally {
        self.brokers.get(&id).copied().unwrap_or_default()
    }

    /// The broker whose loss stops the most of them, and how many; none if no single loss stops any.
    pub fn worst_loss(&self) -> Option<(u32, u32)> {
        let each = self.brokers.iter().map(|(id, it)| (*id, it.holds_at_edge));
        let worst = each.max_by_key(|(id, count)| (*count, std::cmp::Reverse(*id)));
        worst.filter(|(_, count)| *count > 0)
    }

    pub(super) fn add(&mut self, partition: &Partition, min_insync_replicas: u32) {
        self.change(partition, min_insync_replicas, |count| *count = count.saturating_add(1));
    }

    pub(super) fn remove(&mut self, partition: &Partition, min_insync_replicas: u32) {
        self.change(partition, min_insync_replicas, |count| *count = count.saturating_sub(1));
        self.brokers.retain(|_, it| *it != BrokerTally::default());
    }

    fn change(&mut self, partition: &Partition, min: u32, by_one: impl Fn(&mut u32)) {
        by_one(&mut self.partitions);
        let health = partition.health(min);
        let at = Health::ALL.iter().position(|it| *it == health);
        if let Some(count) = at.and_then(|at| self.by_health.get_mut(at)) {
            by_one(count);
        }
        if partition.leader.is_some() && partition.leader != partition.preferred() {
            by_one(&mut self.not_preferred);
        }
        let mut on = |id: u32, count: fn(&mut BrokerTally) -> &mut u32| {
            // Ids that nobody has can be as many as a frame has room for.
            if self.brokers.len() < BROKERS_MAX || self.brokers.contains_key(&id) {
                by_one(count(self.brokers.entry(id).or_default()));
            }
        };
        partition.replicas.iter().for_each(|id| on(*id, |it| &mut it.replicas));
        partition.out().for_each(|id| on(id, |it| &mut it.out));
        partition.preferred().into_iter().for_each(|id| on(id, |it| &mut it.preferred));
        partition.leader.into_iter().for_each(|id| on(id, |it| &mut it.leads));
        // Where one suffices, its loss stops the partition as well.
        if partition.leader.is_some() && partition.in_sync.count_ones() == min.max(1) {
            partition.isr().for_each(|id| on(id, |it| &mut it.holds_at_edge));
        }
    }
}
