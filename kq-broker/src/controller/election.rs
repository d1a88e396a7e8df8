//! Who leads a partition: a pure choice over data, so that policies are values and not code paths.

use crate::ids::BrokerId;

/// What an operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElectionPolicy {
    /// Whether a replica out of sync may lead when no other can.
    pub unclean: bool,
    /// Brokers that lead before the order of the replicas counts.
    pub prefer: Vec<BrokerId>,
    /// Brokers that lead only when no other can.
    pub avoid: Vec<BrokerId>,
}

/// The outcome of an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This replica holds everything committed.
    Clean(BrokerId),
    /// This replica may lack committed records.
    Unclean(BrokerId),
    /// Nobody may lead.
    Nobody,
}

impl Choice {
    /// Who leads.
    pub const fn leader(self) -> Option<BrokerId> {
        match self {
            Self::Clean(id) | Self::Unclean(id) => Some(id),
            Self::Nobody => None,
        }
    }
}

/// Picks the leader: the first live replica of the ISR, then of the ELR, then, if allowed, any.
pub fn choose_leader(
    replicas: &[BrokerId],
    (isr, elr): (&[BrokerId], &[BrokerId]),
    live: impl Fn(BrokerId) -> bool,
    policy: &ElectionPolicy,
) -> Choice {
    let mut order = replicas.to_vec();
    // Stable: within a class the order of the replicas stays.
    order.sort_by_key(|id| (policy.avoid.contains(id), !policy.prefer.contains(id)));
    let first =
        |among: &[BrokerId]| order.iter().copied().find(|id| among.contains(id) && live(*id));
    if let Some(id) = first(isr).or_else(|| first(elr)) {
        return Choice::Clean(id);
    }
    match first(replicas) {
        Some(id) if policy.unclean => Choice::Unclean(id),
        _ => Choice::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[u32]) -> Vec<BrokerId> {
        list.iter().map(|id| BrokerId(*id)).collect()
    }

    fn elect(isr: &[u32], elr: &[u32], live: &[u32], policy: &ElectionPolicy) -> Choice {
        let (isr, elr, live) = (ids(isr), ids(elr), ids(live));
        choose_leader(&ids(&[1, 2, 3]), (&isr, &elr), |id| live.contains(&id), policy)
    }

    #[test]
    fn the_first_live_replica_in_sync_leads() {
        let policy = ElectionPolicy::default();
        assert_eq!(elect(&[3, 2, 1], &[], &[1, 2, 3], &policy), Choice::Clean(BrokerId(1)));
        assert_eq!(elect(&[3, 2, 1], &[], &[2, 3], &policy), Choice::Clean(BrokerId(2)));
        assert_eq!(elect(&[1], &[3], &[2, 3], &policy), Choice::Clean(BrokerId(3)));
    }

    #[test]
    fn a_replica_out_of_sync_leads_only_if_allowed() {
        let mut policy = ElectionPolicy::default();
        assert_eq!(elect(&[1], &[], &[2, 3], &policy), Choice::Nobody);
        policy.unclean = true;
        assert_eq!(elect(&[1], &[], &[2, 3], &policy), Choice::Unclean(BrokerId(2)));
        assert_eq!(elect(&[1], &[], &[], &policy), Choice::Nobody);
    }

    #[test]
    fn preferences_reorder_but_never_override_safety() {
        let policy = ElectionPolicy { prefer: ids(&[3]), avoid: ids(&[1]), unclean: false };
        assert_eq!(elect(&[1, 2, 3], &[], &[1, 2, 3], &policy), Choice::Clean(BrokerId(3)));
        assert_eq!(elect(&[1, 2], &[], &[1, 2, 3], &policy), Choice::Clean(BrokerId(2)));
        assert_eq!(elect(&[1], &[], &[1, 2, 3], &policy), Choice::Clean(BrokerId(1)));
    }
}
