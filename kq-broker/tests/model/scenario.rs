//! What a run is exposed to: a named scenario sets the bounds, the seed draws within them.

use crate::faults::FaultKind;
use crate::rng::Rng;

/// A kind of weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What may go wrong; empty for everything that fsync durability stands.
    faults: &'static [FaultKind],
    /// In the page cache as in Kafka, which stands kills of processes and no power cuts.
    pub(crate) page_cache: bool,
    /// The network may delay, duplicate, reorder and drop.
    bad_network: bool,
}

/// All of them; `everything` first, since most runs are of it.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "everything", faults: &[], page_cache: false, bad_network: true },
    Scenario {
        name: "power",
        faults: &[
            FaultKind::PowerCut,
            FaultKind::PowerCutAll,
            FaultKind::Wipe,
            FaultKind::SlowDisk,
        ],
        page_cache: false,
        bad_network: false,
    },
    Scenario {
        name: "network",
        faults: &[FaultKind::CutOneWay, FaultKind::Isolate, FaultKind::CutFromController],
        page_cache: false,
        bad_network: true,
    },
    Scenario {
        name: "zombies",
        faults: &[FaultKind::Pause, FaultKind::ExpireSession, FaultKind::ControllerLoss],
        page_cache: false,
        bad_network: true,
    },
    Scenario {
        name: "moves",
        faults: &[FaultKind::MoveLeader, FaultKind::GracefulRestart, FaultKind::SlowDisk],
        page_cache: false,
        bad_network: false,
    },
    Scenario {
        name: "reassign",
        faults: &[
            FaultKind::Reassign,
            FaultKind::ChangePlan,
            FaultKind::MoveLeader,
            FaultKind::Kill,
            FaultKind::PowerCut,
            FaultKind::Wipe,
            FaultKind::Pause,
            FaultKind::Isolate,
            FaultKind::ExpireSession,
            FaultKind::ControllerLoss,
        ],
        page_cache: false,
        bad_network: true,
    },
    Scenario {
        name: "rules",
        faults: &[
            FaultKind::ChangeMinIsr,
            FaultKind::Reassign,
            FaultKind::Kill,
            FaultKind::PowerCut,
            FaultKind::CutOneWay,
            FaultKind::ExpireSession,
        ],
        page_cache: false,
        bad_network: true,
    },
    Scenario {
        name: "topics",
        faults: &[FaultKind::Recreate, FaultKind::DeleteRecords, FaultKind::Kill, FaultKind::Pause],
        page_cache: false,
        bad_network: true,
    },
    Scenario {
        name: "page-cache",
        faults: &[
            FaultKind::Kill,
            FaultKind::Pause,
            FaultKind::CutOneWay,
            FaultKind::MoveLeader,
            FaultKind::Reassign,
            FaultKind::ChangeMinIsr,
            FaultKind::ExpireSession,
        ],
        page_cache: true,
        bad_network: true,
    },
];

impl Scenario {
    pub(crate) fn named(name: &str) -> Option<Self> {
        SCENARIOS.iter().copied().find(|it| it.name == name)
    }
}

/// One run's share of everything, drawn anew for each seed ("swarm"): some runs meet few kinds of
/// faults often, others many of them rarely.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    pub(crate) brokers: u32,
    /// `min.insync.replicas` as topics begin.
    pub(crate) isr_min: u32,
    /// And what it is changed to.
    pub(crate) isr_mins: Vec<u32>,
    pub(crate) page_cache: bool,
    /// The kinds of faults of this run.
    pub(crate) faults: Vec<FaultKind>,
    /// Milliseconds from one fault to the next, on average.
    pub(crate) fault_every: u64,
    pub(crate) delay_max: u64,
    pub(crate) drop_percent: u64,
    pub(crate) duplicate_percent: u64,
    /// Milliseconds that a sync takes, at most.
    pub(crate) sync_max: u64,
    /// Milliseconds from one record of a producer to the next, on average.
    pub(crate) think: u64,
    /// Records of one answer to a follower, at most.
    pub(crate) batch_max: u64,
    /// How many numbered records an idempotent producer has in flight, if there is one. Not where old
    /// records are deleted: who took all of them over later does not know their producers.
    pub(crate) in_flight_max: Option<u32>,
    /// Producers that ask for acks=all, in a hundred.
    pub(crate) acks_all_percent: u64,
}

impl Weather {
    pub(crate) fn draw(scenario: Scenario, rng: &mut Rng) -> Self {
        let possible = if scenario.faults.is_empty() { FaultKind::ALL } else { scenario.faults };
        let share = rng.within(25, 100);
        let mut faults: Vec<FaultKind> =
            possible.iter().copied().filter(|_| rng.percent(share)).collect();
        if faults.is_empty() {
            faults.extend(rng.pick(possible));
        }
        let bad = |rng: &mut Rng, max| if scenario.bad_network { rng.below(max) } else { 0 };
        Self {
            brokers: u32::try_from(rng.within(3, 5)).unwrap_or(3),
            isr_min: if rng.percent(80) { 2 } else { 1 },
            isr_mins: isr_mins(&faults, rng),
            in_flight_max: in_flight_max(&faults, rng),
            page_cache: scenario.page_cache,
            faults,
            fault_every: rng.within(300, 4_000),
            delay_max: if rng.percent(50) { 5 } else { 5 + bad(rng, 200) },
            drop_percent: bad(rng, 8),
            duplicate_percent: bad(rng, 10),
            sync_max: if rng.percent(70) { 5 } else { rng.within(5, 300) },
            think: if rng.percent(85) { rng.within(20, 400) } else { rng.within(400, 4_000) },
            batch_max: rng.within(1, 6),
            acks_all_percent: rng.within(30, 100),
        }
    }

    /// The least that `min.insync.replicas` ever is.
    pub(crate) fn isr_min_least(&self) -> u32 {
        self.isr_mins.iter().copied().fold(self.isr_min, u32::min)
    }

    pub(crate) fn moves_replicas(&self) -> bool {
        self.faults.contains(&FaultKind::Reassign)
    }
}

fn in_flight_max(faults: &[FaultKind], rng: &mut Rng) -> Option<u32> {
    let wanted = rng.percent(60) && !faults.contains(&FaultKind::DeleteRecords);
    wanted.then(|| u32::try_from(rng.within(1, 5)).unwrap_or(1))
}

/// What `min.insync.replicas` is changed to. Where disks are replaced, one copy is not enough.
fn isr_mins(faults: &[FaultKind], rng: &mut Rng) -> Vec<u32> {
    const CHOICES: &[&[u32]] = &[&[2, 3], &[1, 2], &[1, 2, 3]];
    if !faults.contains(&FaultKind::ChangeMinIsr) {
        return Vec::new();
    }
    let choices = if faults.contains(&FaultKind::Wipe) { &CHOICES[..1] } else { CHOICES };
    rng.pick(choices).unwrap_or_default().to_vec()
}
