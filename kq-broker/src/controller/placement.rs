//! Where the replicas of new partitions go: spread over racks, evenly loaded, always the same for
//! the same cluster.
//!
//! Greedy over the partitions in order: the leader goes to the broker with the fewest leaders, each
//! follower to a rack that the partition does not use yet, and there to the broker with the fewest
//! replicas. Ties go to the broker whose turn it is, so that an empty cluster is striped.

use std::collections::BTreeMap;

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
    /// Replicas it holds already.
    pub replicas: u64,
    /// Partitions it leads by preference already.
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

/// A broker while partitions are being placed.
struct Load<'a> {
    site: &'a Site,
    replicas: u64,
    leaders: u64,
}

/// The brokers of `count` new partitions with `factor` replicas each, the preferred leader first.
/// `first` is the index of the first of them: it sets whose turn it is.
pub fn place(
    sites: &[Site],
    first: u32,
    count: u32,
    factor: usize,
) -> Result<Vec<Vec<BrokerId>>, PlacementError> {
    if factor > sites.len() {
        return Err(PlacementError::TooFewBrokers { wanted: factor, registered: sites.len() });
    }
    if !sites.iter().any(|site| site.live) {
        return Err(PlacementError::NoneLive);
    }
    let mut loads: Vec<Load<'_>> = sites
        .iter()
        .map(|site| Load { site, replicas: site.replicas, leaders: site.leaders })
        .collect();
    loads.sort_by_key(|load| load.site.broker);
    Ok((0..count).map(|number| place_one(&mut loads, first.wrapping_add(number), factor)).collect())
}

fn place_one(loads: &mut [Load<'_>], turn: u32, factor: usize) -> Vec<BrokerId> {
    let brokers = loads.len();
    let turn = turn as usize % brokers.max(1);
    let mut racks: BTreeMap<Option<&str>, u32> = BTreeMap::new();
    let mut chosen: Vec<BrokerId> = Vec::with_capacity(factor);
    while chosen.len() < factor {
        let first = chosen.is_empty();
        let best = loads
            .iter_mut()
            .enumerate()
            .filter(|(_, load)| !chosen.contains(&load.site.broker))
            .min_by_key(|(at, load)| {
                let distance = (at + brokers - turn) % brokers;
                let rack_use = racks.get(&load.site.rack.as_deref()).copied().unwrap_or_default();
                let carried = if first { load.leaders } else { load.replicas };
                (!load.site.live, rack_use, carried, distance)
            });
        let Some((_, load)) = best else { break };
        load.replicas += 1;
        load.leaders += u64::from(first);
        *racks.entry(load.site.rack.as_deref()).or_default() += 1;
        chosen.push(load.site.broker);
    }
    chosen
}
