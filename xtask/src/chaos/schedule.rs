//! What goes wrong and when, drawn from a seed. Pure: the same seed draws the same schedule.

use std::fmt;
use std::time::Duration;

use crate::relay::Span;

/// A thing done to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// SIGKILL.
    Kill(Vec<u32>),
    /// Takes the power of their disks, then SIGKILL.
    Unplug(Vec<u32>),
    Start(Vec<u32>),
    /// SIGTERM, and a start when it has ended.
    Restart(u32),
    Pause(u32),
    Resume(u32),
    Cut(Span),
    Slow {
        id: u32,
        delay_ms: u64,
        bytes_per_second: u64,
    },
    Reset(Span),
    Heal(Span),
}

/// One line of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Since the begin; a step that takes its time delays the next ones.
    pub(super) at: Duration,
    /// What went wrong with it, unless it only mends.
    pub(super) fault: Option<Fault>,
    pub(super) act: Act,
}

/// Kinds of faults, as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Kill,
    KillOfAll,
    PowerCut,
    PowerCutOfAll,
    Pause,
    Restart,
    RollingRestart,
    CutOff,
    OneWayCutOff,
    PairCut,
    SlowLink,
    Reset,
}

impl Fault {
    /// How often it is drawn, compared to the others.
    const WEIGHTS: &[(Self, u64)] = &[
        (Self::Kill, 20),
        (Self::KillOfAll, 3),
        (Self::PowerCut, 12),
        (Self::PowerCutOfAll, 4),
        (Self::Pause, 14),
        (Self::Restart, 8),
        (Self::RollingRestart, 3),
        (Self::CutOff, 12),
        (Self::OneWayCutOff, 14),
        (Self::PairCut, 5),
        (Self::SlowLink, 5),
        (Self::Reset, 5),
    ];

    fn needs_root(self) -> bool {
        matches!(self, Self::PowerCut | Self::PowerCutOfAll)
    }

    fn needs_peers(self) -> bool {
        matches!(
            self,
            Self::CutOff | Self::OneWayCutOff | Self::PairCut | Self::SlowLink | Self::Reset
        )
    }

    /// Whether every broker has a part in it.
    fn takes_all(self) -> bool {
        matches!(self, Self::KillOfAll | Self::PowerCutOfAll | Self::RollingRestart)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill -9",
            Self::KillOfAll => "kill -9 of all",
            Self::PowerCut => "power cut",
            Self::PowerCutOfAll => "power cut of all",
            Self::Pause => "pause",
            Self::Restart => "restart",
            Self::RollingRestart => "rolling restart",
            Self::CutOff => "cut off",
            Self::OneWayCutOff => "one-way cut off",
            Self::PairCut => "cut between two",
            Self::SlowLink => "slow link",
            Self::Reset => "connection reset",
        })
    }
}

/// What may be drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) brokers: u32,
    pub(super) length: Duration,
    pub(super) power: bool,
}

/// Small numbers from a seed, the same on every machine (splitmix64).
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` up to and without `high`.
    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low).max(1)
    }

    fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    fn fault(&mut self, bounds: Bounds) -> Fault {
        let fits = |fault: Fault| {
            (bounds.power || !fault.needs_root()) && (1 < bounds.brokers || !fault.needs_peers())
        };
        let choices = Fault::WEIGHTS.iter().filter(|(fault, _)| fits(*fault));
        let total: u64 = choices.clone().map(|(_, weight)| weight).sum();
        let mut drawn = self.between(0, total);
        for (fault, weight) in choices {
            if drawn < *weight {
                return *fault;
            }
            drawn -= weight;
        }
        Fault::Kill
    }
}

/// Faults one after another, some of them while another one lasts, each with what mends it.
pub(super) fn draw(seed: u64, bounds: Bounds) -> Vec<Step> {
    let mut dice = Dice(seed);
    let mut steps = Vec::new();
    let mut busy: Vec<(u32, Duration)> = Vec::new();
    let mut at = dice.millis(2_000, 4_000);
    while at < bounds.length {
        busy.retain(|(_, until)| at < *until);
        let free: Vec<u32> =
            (1..=bounds.brokers).filter(|id| busy.iter().all(|(of, _)| of != id)).collect();
        let fault = dice.fault(bounds);
        let pick = dice.next();
        let chosen = usize::try_from(pick % (free.len() as u64).max(1)).unwrap_or_default();
        let id = free.get(chosen).copied().filter(|_| !fault.takes_all() || busy.is_empty());
        let Some(id) = id else {
            at += Duration::from_millis(500);
            continue;
        };
        let end = strike(&mut dice, &mut steps, bounds, (at, fault, id));
        let ids = if fault.takes_all() { 1..=bounds.brokers } else { id..=id };
        busy.extend(ids.map(|id| (id, end)));
        // One time in four the next one does not wait for the end of this one.
        at = if dice.between(0, 4) == 0 && !fault.takes_all() {
            at + dice.millis(300, 1_500)
        } else {
            end.max(at) + dice.millis(500, 6_000)
        };
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// All brokers at once, again and again: every batch that is in flight then is sent once more, to a
/// leader that is still short of followers.
pub(super) fn power_cuts(seed: u64, bounds: Bounds) -> Vec<Step> {
    let fault = if bounds.power { Fault::PowerCutOfAll } else { Fault::KillOfAll };
    let mut dice = Dice(seed);
    let mut steps = Vec::new();
    let mut at = dice.millis(3_000, 5_000);
    while at < bounds.length {
        at = strike(&mut dice, &mut steps, bounds, (at, fault, 1)) + dice.millis(5_000, 10_000);
    }
    steps
}

/// The steps of one fault; when it is mended.
fn strike(
    dice: &mut Dice,
    steps: &mut Vec<Step>,
    bounds: Bounds,
    (at, fault, id): (Duration, Fault, u32),
) -> Duration {
    let all: Vec<u32> = (1..=bounds.brokers).collect();
    let other = id % bounds.brokers + 1;
    let between = |from, to| Span { from: Some(from), to: Some(to) };
    let (acts, mends, lasts): (Vec<Act>, Vec<Act>, Duration) = match fault {
        Fault::Kill => {
            (vec![Act::Kill(vec![id])], vec![Act::Start(vec![id])], dice.millis(100, 6_000))
        }
        Fault::KillOfAll => {
            (vec![Act::Kill(all.clone())], vec![Act::Start(all)], dice.millis(100, 1_500))
        }
        Fault::PowerCut => {
            (vec![Act::Unplug(vec![id])], vec![Act::Start(vec![id])], dice.millis(100, 6_000))
        }
        Fault::PowerCutOfAll => {
            (vec![Act::Unplug(all.clone())], vec![Act::Start(all)], dice.millis(100, 1_500))
        }
        Fault::Pause => (vec![Act::Pause(id)], vec![Act::Resume(id)], dice.millis(1_000, 10_000)),
        Fault::Restart => (vec![Act::Restart(id)], vec![], Duration::from_secs(1)),
        Fault::RollingRestart => {
            let lasts = Duration::from_secs(u64::from(bounds.brokers));
            (all.into_iter().map(Act::Restart).collect(), vec![], lasts)
        }
        Fault::CutOff => (
            vec![Act::Cut(Span::out_of(id)), Act::Cut(Span::into(id))],
            vec![Act::Heal(Span::out_of(id)), Act::Heal(Span::into(id))],
            dice.millis(1_000, 12_000),
        ),
        Fault::OneWayCutOff => {
            let way = if dice.between(0, 2) == 0 { Span::out_of(id) } else { Span::into(id) };
            (vec![Act::Cut(way)], vec![Act::Heal(way)], dice.millis(1_000, 12_000))
        }
        Fault::PairCut => (
            vec![Act::Cut(between(id, other)), Act::Cut(between(other, id))],
            vec![Act::Heal(between(id, other)), Act::Heal(between(other, id))],
            dice.millis(1_000, 12_000),
        ),
        Fault::SlowLink => {
            let delay_ms = dice.between(5, 200);
            let bytes_per_second = dice.between(50_000, 1_000_000);
            let slow = Act::Slow { id, delay_ms, bytes_per_second };
            let heal = vec![Act::Heal(Span::out_of(id)), Act::Heal(Span::into(id))];
            (vec![slow], heal, dice.millis(2_000, 8_000))
        }
        Fault::Reset => {
            let span = if dice.between(0, 2) == 0 { Span::ALL } else { Span::out_of(id) };
            (vec![Act::Reset(span)], vec![], Duration::ZERO)
        }
    };
    let mut named = Some(fault);
    steps.extend(acts.into_iter().map(|act| Step { at, fault: named.take(), act }));
    let end = at + lasts;
    steps.extend(mends.into_iter().map(|act| Step { at: end, fault: None, act }));
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(brokers: u32, power: bool) -> Bounds {
        Bounds { brokers, length: Duration::from_mins(30), power }
    }

    #[test]
    fn a_seed_always_draws_the_same_schedule() {
        assert_eq!(draw(7, bounds(3, true)), draw(7, bounds(3, true)));
        assert_ne!(draw(7, bounds(3, true)), draw(8, bounds(3, true)));
    }

    #[test]
    fn every_kind_of_fault_is_drawn_where_it_can_be() {
        let drawn = |bounds| {
            let mut kinds: Vec<Fault> = draw(1, bounds).iter().filter_map(|it| it.fault).collect();
            kinds.sort();
            kinds.dedup();
            kinds
        };
        assert_eq!(drawn(bounds(3, true)).len(), Fault::WEIGHTS.len());
        assert!(drawn(bounds(5, false)).iter().all(|it| !it.needs_root()));
        assert!(drawn(bounds(1, true)).iter().all(|it| !it.needs_peers()));
    }

    #[test]
    fn power_is_cut_where_that_can_be() {
        let faults = |power| power_cuts(1, bounds(3, power)).into_iter().find_map(|it| it.fault);
        assert_eq!(faults(true), Some(Fault::PowerCutOfAll));
        assert_eq!(faults(false), Some(Fault::KillOfAll));
    }

    #[test]
    fn what_goes_down_comes_back() {
        let mut down = std::collections::BTreeSet::new();
        let drawn = draw(3, bounds(5, true));
        for step in drawn.into_iter().chain(power_cuts(3, bounds(5, true))) {
            if let Act::Kill(ids) | Act::Unplug(ids) = &step.act {
                down.extend(ids.clone());
            } else if let Act::Start(ids) = &step.act {
                down.retain(|id| !ids.contains(id));
            } else if let Act::Restart(id) = step.act {
                assert!(!down.contains(&id), "{id} is down at {:?}", step.at);
            }
        }
        assert!(down.is_empty());
    }
}
