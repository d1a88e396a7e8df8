//! What a plan costs: bytes, peak disk, time with the broker that bounds it, and what it gains.

use std::collections::BTreeMap;

use super::flows::{Direction, Flows, Rates};
use super::goal::Options;
use super::moves::Move;
use super::view::View;
use crate::ids::{BrokerId, PartitionId};

/// What a plan costs and gains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes that are copied, of the partitions whose size is known.
    pub bytes: u64,
    /// Moves whose bytes are unknown.
    pub unknown_sizes: usize,
    /// Partitions that somebody else leads in the end.
    pub leader_moves: usize,
    /// For each broker that receives replicas, how full its disks get.
    pub peaks: Vec<PeakDisk>,
    /// How long it takes; none when a size or the rate of a broker in it is unknown.
    pub eta_ms: Option<u64>,
    /// Who bounds that.
    pub bottleneck: Option<Bottleneck>,
    /// Evenness now.
    pub before: Spread,
    /// Evenness in the end.
    pub after: Spread,
    pub(super) rates: Rates,
    pub(super) flows: Flows,
}

/// How full a broker's disks get: what is added lands before anything is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeakDisk {
    /// Which broker.
    pub broker: BrokerId,
    /// Bytes that land on it.
    pub lands: u64,
    /// Bytes taken at the peak; none when its disk is unknown.
    pub peak: Option<u64>,
    /// Bytes of its disks.
    pub total: Option<u64>,
}

impl PeakDisk {
    /// The peak in percent, rounded up.
    pub fn percent(&self) -> Option<u64> {
        let (peak, total) = (u128::from(self.peak?), u128::from(self.total?));
        u64::try_from((peak * 100).div_ceil(total.max(1))).ok()
    }
}

/// The broker that takes longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bottleneck {
    /// Which broker.
    pub broker: BrokerId,
    /// What it does.
    pub direction: Direction,
    /// At how many bytes a second.
    pub rate: u64,
    /// What it was measured to spare; none when only the throttle is known.
    pub measured: Option<u64>,
}

/// How uneven brokers are: most minus least, in percent of the mean. None where a figure is unknown
/// or there is nothing to spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// Of bytes.
    pub bytes_percent: Option<u64>,
    /// Of replicas.
    pub replicas_percent: Option<u64>,
    /// Of preferred leaders.
    pub leaders_percent: Option<u64>,
    /// Partitions with two replicas in one rack while another rack has none.
    pub rack_breaches: u64,
}

pub(super) fn summarize(view: &View<'_>, moves: &[Move], options: &Options) -> Summary {
    let flows = Flows::of(view, moves, options);
    let rates = Rates::of(view, &flows, options.throttle);
    let slowest = flows.slowest(&rates);
    let bottleneck = slowest.and_then(|(_, at)| at).and_then(|at| {
        let measured = rates.spare(at);
        let (broker, direction) = at;
        Some(Bottleneck { broker, direction, rate: rates.get(at)?, measured })
    });
    Summary {
        bytes: moves.iter().filter_map(|it| it.bytes).fold(0, u64::saturating_add),
        unknown_sizes: moves.iter().filter(|it| it.bytes.is_none()).count(),
        leader_moves: moves.iter().filter(|it| it.moves_leader()).count(),
        peaks: peaks(view, moves, &flows),
        eta_ms: slowest.map(|(ms, _)| ms),
        bottleneck,
        before: spread(view, &[]),
        after: spread(view, moves),
        rates,
        flows,
    }
}

fn peaks(view: &View<'_>, moves: &[Move], flows: &Flows) -> Vec<PeakDisk> {
    let receivers: std::collections::BTreeSet<_> = moves.iter().flat_map(Move::adding).collect();
    let peak = |broker| {
        let lands = flows.get((broker, Direction::Receive)).bytes;
        let facts = view.measured.broker(broker);
        let peak = facts.disk_used().map(|used| used.saturating_add(lands));
        PeakDisk { broker, lands, peak, total: facts.disk_total }
    };
    receivers.into_iter().map(peak).collect()
}

#[derive(Default)]
struct Carried {
    bytes: u64,
    replicas: u64,
    leaders: u64,
}

/// How even the cluster is once the moves are done, over brokers that take replicas.
fn spread(view: &View<'_>, moves: &[Move]) -> Spread {
    let by_id: BTreeMap<PartitionId, &Move> = moves.iter().map(|it| (it.partition, it)).collect();
    let live = view.image.live_brokers().map(|it| (it.id, Carried::default()));
    let mut carried: BTreeMap<BrokerId, Carried> = live.collect();
    let (mut bytes_known, mut rack_breaches) = (true, 0);
    let racks_total = view.racks_total();
    for topic in view.image.topics() {
        for (index, partition) in topic.partitions() {
            let id = PartitionId { topic: topic.id, index };
            let replicas = by_id.get(&id).map_or(&partition.replicas, |it| &it.to);
            let bytes = view.measured.bytes(id);
            bytes_known &= bytes.is_some();
            for (at, broker) in replicas.iter().enumerate() {
                let Some(sum) = carried.get_mut(broker) else { continue };
                sum.bytes = sum.bytes.saturating_add(bytes.unwrap_or(0));
                sum.replicas += 1;
                sum.leaders += u64::from(at == 0);
            }
            rack_breaches += u64::from(is_rack_breach(view, replicas, racks_total));
        }
    }
    let uneven = |of: fn(&Carried) -> u64| unevenness(carried.values().map(of));
    Spread {
        bytes_percent: uneven(|it| it.bytes).filter(|_| bytes_known),
        replicas_percent: uneven(|it| it.replicas),
        leaders_percent: uneven(|it| it.leaders),
        rack_breaches,
    }
}

/// Whether replicas share a rack though another rack has none of them.
pub(super) fn is_rack_breach(view: &View<'_>, replicas: &[BrokerId], racks_total: usize) -> bool {
    let racks: Vec<&str> = replicas.iter().filter_map(|id| view.rack(*id)).collect();
    let distinct: std::collections::BTreeSet<&str> = racks.iter().copied().collect();
    racks.len() == replicas.len() && distinct.len() < racks.len().min(racks_total)
}

fn unevenness(values: impl Iterator<Item = u64>) -> Option<u64> {
    let values: Vec<u128> = values.map(u128::from).collect();
    let (most, least) = (values.iter().max()?, values.iter().min()?);
    let sum: u128 = values.iter().sum();
    if sum == 0 {
        return None;
    }
    u64::try_from((most - least) * 100 * values.len() as u128 / sum).ok()
}
