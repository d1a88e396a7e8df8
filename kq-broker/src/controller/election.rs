//! Who leads a partition and who may: pure choices over data, so that policies are values and not
//! code paths.
//!
//! ```text
//!   ISR          holds everything committed, and the leader waits for it
//!   ELR          left the ISR while it was too small to commit: still holds everything (KIP-966)
//!   last known   left earlier; the first of them lacks least
//! ```

use crate::canary;
use crate::ids::{BrokerId, LeaderEpoch};
use crate::metadata::{BrokerState, PartitionImage, UncleanPolicy};

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

/// What an election goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ballot<'a> {
    /// The replicas, the most wanted leader first.
    pub order: &'a [BrokerId],
    /// What happens when nobody is known to hold everything.
    pub unclean: UncleanPolicy,
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

/// Picks a leader among those that `may_lead`: the most wanted of the ISR, else of the ELR, else
/// as the policy says.
pub fn choose_leader(
    partition: &PartitionImage,
    ballot: &Ballot<'_>,
    may_lead: impl Fn(BrokerId) -> bool,
) -> Choice {
    let first = |among: &[BrokerId]| {
        ballot.order.iter().copied().find(|it| among.contains(it) && may_lead(*it))
    };
    if let Some(id) = first(&partition.isr).or_else(|| first(&partition.elr)) {
        return Choice::Clean(id);
    }
    let nobody_holds_all = partition.isr.is_empty() && partition.elr.is_empty();
    let best = partition.last_known.first().copied().filter(|it| may_lead(*it));
    let least_lacking = || partition.last_known.iter().copied().find(|it| may_lead(*it));
    let unclean = match ballot.unclean {
        UncleanPolicy::Never | UncleanPolicy::Manual if canary::is("unclean_in_silence") => {
            least_lacking().or_else(|| first(ballot.order))
        }
        // Whoever is in ISR or ELR may come back with everything.
        UncleanPolicy::Balanced if nobody_holds_all => best,
        UncleanPolicy::Never | UncleanPolicy::Manual | UncleanPolicy::Balanced => None,
        UncleanPolicy::Auto => least_lacking().or_else(|| first(ballot.order)),
    };
    unclean.map_or(Choice::Nobody, Choice::Unclean)
}

/// A partition after an election, with all that follows from brokers being as they are; none if it
/// stays as it is. A leader that lives stays.
pub(super) fn elect(
    old: &PartitionImage,
    ballot: &Ballot<'_>,
    min_isr: u32,
    state_of: impl Fn(BrokerId) -> Option<BrokerState>,
) -> Option<PartitionImage> {
    let is_live =
        |id: BrokerId| matches!(state_of(id), Some(BrokerState::Active | BrokerState::Stopping));
    let may_lead = |id: BrokerId| state_of(id) == Some(BrokerState::Active);
    let live: Vec<BrokerId> = old.isr.iter().copied().filter(|id| is_live(*id)).collect();
    let choice = match old.leader.filter(|id| live.contains(id)) {
        Some(id) => Choice::Clean(id),
        None => choose_leader(old, ballot, may_lead),
    };
    let mut new = match choice {
        Choice::Clean(id) if live.contains(&id) => with_isr(old, live, min_isr),
        Choice::Clean(id) => with_isr(old, vec![id], min_isr),
        Choice::Unclean(id) => PartitionImage {
            // Nobody else is known to hold what this one lacks, and all will follow it.
            isr: vec![id],
            elr: Vec::new(),
            last_known: Vec::new(),
            unclean_epoch: Some(epoch_after(old)),
            ..old.clone()
        },
        // The last one to be in sync stays in the ISR, so that it alone can lead again.
        Choice::Nobody if live.is_empty() => old.clone(),
        Choice::Nobody => with_isr(old, live, min_isr),
    };
    new.leader = choice.leader();
    let keeps_leader = new.leader == old.leader && new.leader.is_some();
    new.handover = old.handover.filter(|to| keeps_leader && new.isr.contains(to) && may_lead(*to));
    changed(old, new)
}

/// The partition with the epochs that its changes call for; none if nothing changed.
pub(super) fn changed(old: &PartitionImage, mut new: PartitionImage) -> Option<PartitionImage> {
    if *old == new {
        return None;
    }
    if old.leader != new.leader && !canary::is("leader_epoch_not_bumped") {
        new.leader_epoch = epoch_after(old);
    }
    new.partition_epoch = old.partition_epoch.next();
    Some(new)
}

/// The epoch of the leader that comes next.
pub(super) fn epoch_after(old: &PartitionImage) -> LeaderEpoch {
    LeaderEpoch(old.leader_epoch.0.saturating_add(1))
}

/// A partition with another ISR, and with those who left it where they belong (KIP-966): in the
/// ELR while the ISR is too small to commit anything that they would lack, else with the last
/// known, before those that left earlier.
pub(super) fn with_isr(old: &PartitionImage, isr: Vec<BrokerId>, min_isr: u32) -> PartitionImage {
    let mut out: Vec<BrokerId> = old.isr.iter().chain(&old.elr).copied().collect();
    out.sort_by_key(|id| old.leader != Some(*id));
    out.retain(|id| !isr.contains(id));
    let (elr, mut last_known) = if isr.len() < min_isr as usize && !canary::is("no_elr") {
        (out, Vec::new())
    } else {
        (Vec::new(), out)
    };
    last_known.extend(old.last_known.iter().filter(|id| !isr.contains(id)));
    PartitionImage { isr, elr, last_known, ..old.clone() }
}

/// A partition that a broker has nothing of any more, though it is one of its replicas.
pub(super) fn without(old: &PartitionImage, broker: BrokerId) -> PartitionImage {
    let mut new = old.clone();
    for list in [&mut new.isr, &mut new.elr, &mut new.last_known] {
        list.retain(|id| *id != broker);
    }
    new.leader = old.leader.filter(|id| *id != broker);
    new.handover = old.handover.filter(|id| *id != broker && new.leader.is_some());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[u32]) -> Vec<BrokerId> {
        list.iter().map(|id| BrokerId(*id)).collect()
    }

    fn partition(isr: &[u32], elr: &[u32], last_known: &[u32]) -> PartitionImage {
        PartitionImage {
            replicas: ids(&[1, 2, 3]),
            isr: ids(isr),
            elr: ids(elr),
            last_known: ids(last_known),
            ..PartitionImage::default()
        }
    }

    fn choose(it: &PartitionImage, live: &[u32], order: &[u32], unclean: UncleanPolicy) -> Choice {
        let (live, order) = (ids(live), ids(order));
        choose_leader(it, &Ballot { order: &order, unclean }, |id| live.contains(&id))
    }

    #[test]
    fn the_most_wanted_live_replica_in_sync_leads() {
        let all = partition(&[3, 2, 1], &[], &[]);
        let never = UncleanPolicy::Never;
        assert_eq!(choose(&all, &[1, 2, 3], &[1, 2, 3], never), Choice::Clean(BrokerId(1)));
        assert_eq!(choose(&all, &[2, 3], &[1, 2, 3], never), Choice::Clean(BrokerId(2)));
        assert_eq!(choose(&all, &[1, 2, 3], &[3, 1, 2], never), Choice::Clean(BrokerId(3)));
        let small = partition(&[1], &[3], &[2]);
        assert_eq!(choose(&small, &[2, 3], &[2, 1, 3], never), Choice::Clean(BrokerId(3)));
    }

    #[test]
    fn a_replica_out_of_sync_leads_only_as_the_policy_says() {
        use UncleanPolicy::{Auto, Balanced, Manual, Never};
        let it = partition(&[1], &[], &[3]);
        for unclean in [Never, Manual] {
            assert_eq!(choose(&it, &[2, 3], &[1, 2, 3], unclean), Choice::Nobody);
        }
        assert_eq!(choose(&it, &[2, 3], &[1, 2, 3], Balanced), Choice::Nobody);
        assert_eq!(choose(&it, &[2, 3], &[1, 2, 3], Auto), Choice::Unclean(BrokerId(3)));
        assert_eq!(choose(&it, &[2], &[1, 2, 3], Auto), Choice::Unclean(BrokerId(2)));
        assert_eq!(choose(&it, &[], &[1, 2, 3], Auto), Choice::Nobody);
        let lost = partition(&[], &[], &[3, 2]);
        assert_eq!(choose(&lost, &[1, 2], &[1, 2, 3], Balanced), Choice::Nobody);
        assert_eq!(choose(&lost, &[2, 3], &[1, 2, 3], Balanced), Choice::Unclean(BrokerId(3)));
    }

    #[test]
    fn who_leaves_is_remembered_by_what_it_holds() {
        let mut it = partition(&[1, 2, 3], &[], &[]);
        it.leader = Some(BrokerId(1));
        let two = with_isr(&it, ids(&[1, 2]), 2);
        assert_eq!((&two.elr, &two.last_known), (&ids(&[]), &ids(&[3])));
        let one = with_isr(&two, ids(&[2]), 2);
        assert_eq!((&one.elr, &one.last_known), (&ids(&[1]), &ids(&[3])));
        let grown = with_isr(&one, ids(&[2, 3]), 2);
        assert_eq!((&grown.elr, &grown.last_known), (&ids(&[]), &ids(&[1])));
    }
}
