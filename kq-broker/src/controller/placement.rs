//! Where the replicas of new partitions go: each topic is striped over the brokers, always the
//! same for the same cluster.
//!
//! Within a topic the leaders are as even as can be, and so are the replicas as far as racks allow:
//! a partition uses as many racks as it can, and each of them as much as the others. Only among
//! equals does it matter what brokers carry beside that: who carries less gets the odd ones. After
//! that it goes round, and brokers that share few partitions are put together first, so that the
//! load of one that fails falls on many.

mod leaders;
mod replicas;

use crate::ids::BrokerId;

/// A broker as placement sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Which broker.
    pub broker: BrokerId,
    /// Where it stands.
    pub rack: Option<String>,
    /// Whether it may lead now.
    pub live: bool,
    /// What it has of the topic already.
    pub of_topic: Share,
    /// What it has of all topics already, this one included.
    pub of_all: Share,
}

/// How much a broker has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Replicas it holds.
    pub replicas: u64,
    /// Partitions it leads by preference.
    pub leaders: u64,
}

/// Why partitions cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// More replicas than brokers.
    #[error(
        "The target replication factor of {wanted} cannot be reached because only {registered} \
         broker(s) are registered."
    )]
    TooFewBrokers {
        /// Replicas asked for.
        wanted: usize,
        /// Brokers there are.
        registered: usize,
    },
    /// Nobody to lead.
    #[error("No broker takes new replicas: all are fenced, about to stop or cordoned.")]
    NoneLive,
}

/// The brokers of `count` new partitions with `factor` replicas each, the preferred leader first.
/// `first` is the index of the first of them: it sets whose turn it is. Who may not lead now is
/// taken only where no other is left.
pub fn place(
    sites: &[Site],
    first: u32,
    count: u32,
    factor: usize,
) -> Result<Vec<Vec<BrokerId>>, PlacementError> {
    if factor > sites.len() {
        return Err(PlacementError::TooFewBrokers { wanted: factor, registered: sites.len() });
    }
    let mut sites: Vec<&Site> = sites.iter().collect();
    sites.sort_by_key(|site| site.broker);
    let (live, others): (Vec<usize>, Vec<usize>) =
        (0..sites.len()).partition(|at| sites.get(*at).is_some_and(|site| site.live));
    if live.is_empty() {
        return Err(PlacementError::NoneLive);
    }
    let round = Round { brokers: sites.len(), first: first as usize };
    let mut lists = vec![Vec::with_capacity(factor); count as usize];
    let alive = factor.min(live.len());
    replicas::add(&mut lists, &sites, (&live, alive), round);
    replicas::add(&mut lists, &sites, (&others, factor - alive), round);
    leaders::put_first(&mut lists, &sites, round);
    let ids =
        |list: Vec<usize>| list.iter().filter_map(|at| Some(sites.get(*at)?.broker)).collect();
    Ok(lists.into_iter().map(ids).collect())
}

/// Whose turn it is when all else is equal.
#[derive(Debug, Clone, Copy)]
struct Round {
    brokers: usize,
    first: usize,
}

impl Round {
    /// How long it takes until it is the turn of the broker at a position, from a partition on.
    fn wait(self, at: usize, number: usize) -> usize {
        let turn = self.first.wrapping_add(number) % self.brokers;
        (at + self.brokers - turn) % self.brokers
    }
}
