//! The storm: what goes wrong, and when, as the seed has it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use kq_storage::sim::Prng;
use turmoil::Sim;

use super::history::History;
use super::links::Links;
use super::seat::Seat;

/// Between two faults, and in every third storm: where all is down all the time, groups do nothing.
const SPACING_MS: (u64, u64) = (100, 1_500);
const CALMER_SPACING_MS: (u64, u64) = (400, 4_000);
/// How long a machine or a broker stays down.
const DOWN_MS: (u64, u64) = (50, 6_000);
/// How long the network stays as bad as it has become.
const BAD_MS: (u64, u64) = (300, 4_000);
/// Steps that a disk takes until the power goes in the middle of something.
const STEPS_MAX: u64 = 60;

/// What brings a machine down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// The process is killed: what it wrote stays in the page cache.
    Kill,
    /// The power goes: what was not synced may be lost, and nobody is told.
    Power,
}

/// What goes wrong from here on.
pub(crate) struct Storm {
    dice: Prng,
    spacing_ms: (u64, u64),
    next_at: Duration,
    /// When the network is made whole again.
    heal_at: Option<Duration>,
    /// When those that are down start again.
    down: BTreeMap<usize, Duration>,
    pub(crate) links: Links,
    seats: Vec<Rc<Seat>>,
}

impl Storm {
    /// Brokers are the first of the hosts.
    pub(crate) fn new(seed: u64, hosts: Vec<String>, seats: Vec<Rc<Seat>>) -> Self {
        Self {
            dice: Prng::new(seed ^ 0x5707),
            spacing_ms: if seed.is_multiple_of(3) { CALMER_SPACING_MS } else { SPACING_MS },
            next_at: Duration::ZERO,
            heal_at: None,
            down: BTreeMap::new(),
            links: Links::new(hosts),
            seats,
        }
    }

    /// Lets go wrong what is due.
    pub(crate) fn blow(&mut self, sim: &mut Sim<'_>, history: &mut History) {
        if self.heal_at.is_some_and(|at| at <= sim.elapsed()) {
            self.heal_network(sim, history);
        }
        if sim.elapsed() < self.next_at {
            return;
        }
        self.next_at = sim.elapsed() + self.draw_ms(self.spacing_ms);
        let at = self.any_seat();
        match self.dice.below(100) {
            0..=15 => self.strike(sim, history, at, Blow::Kill),
            16..=27 => self.strike(sim, history, at, Blow::Power),
            28..=32 => self.strike_all(sim, history),
            33..=42 => self.strike_leader(sim, history),
            43..=52 => self.cut_power_within(history, at),
            53..=62 => self.stop_in_order(history, at),
            63..=80 => self.cut(sim, history, at),
            81..=91 => self.hold(sim, history, at),
            _ => self.cut_clients(sim, history, at),
        }
    }

    /// Whom a disk's power cut has met goes down with it; who is down for long enough comes back.
    pub(crate) fn look(&mut self, sim: &mut Sim<'_>, history: &mut History) {
        for at in 0..self.seats.len() {
            let seat = self.seat(at);
            if seat.disk.is_down() {
                self.strike(sim, history, at, Blow::Power);
            }
            if seat.has_left.get() && !self.down.contains_key(&at) {
                let again = sim.elapsed() + self.draw_ms(DOWN_MS);
                seat.is_on.set(false);
                self.down.insert(at, again);
            }
        }
        let now = sim.elapsed();
        let due = |(at, again): (&usize, &Duration)| (*again <= now).then_some(*at);
        let due: Vec<usize> = self.down.iter().filter_map(due).collect();
        for at in due {
            self.start(sim, history, at);
        }
    }

    /// The storm is over: everybody starts, the network is whole.
    pub(crate) fn end(&mut self, sim: &mut Sim<'_>, history: &mut History) {
        self.heal_network(sim, history);
        for at in self.down.keys().copied().collect::<Vec<_>>() {
            self.start(sim, history, at);
        }
        for seat in &self.seats {
            seat.disk.crash_at(u64::MAX);
        }
    }

    fn start(&mut self, sim: &mut Sim<'_>, history: &mut History, at: usize) {
        self.down.remove(&at);
        let seat = self.seat(at);
        history.note(format_args!("broker {} starts", seat.id));
        seat.is_on.set(true);
        seat.has_left.set(false);
        self.links.set_dark(at, false);
        self.links.apply(sim);
        sim.bounce(seat.name.as_str());
    }

    fn strike(&mut self, sim: &mut Sim<'_>, history: &mut History, at: usize, blow: Blow) {
        if self.down.contains_key(&at) {
            return;
        }
        let seat = self.seat(at);
        let again = sim.elapsed() + self.draw_ms(DOWN_MS);
        self.down.insert(at, again);
        seat.forget();
        seat.is_on.set(false);
        match blow {
            Blow::Kill => {
                history.note(format_args!("broker {} is killed", seat.id));
                history.count("kills", 1);
                seat.disk.kill_process();
                // The machine goes on, and says that nobody listens.
                sim.bounce(seat.name.as_str());
            }
            Blow::Power => {
                history.note(format_args!("broker {} loses its power", seat.id));
                history.count("power cuts", 1);
                self.links.set_dark(at, true);
                self.links.apply(sim);
                seat.disk.power_cut(self.dice.next_u64());
                sim.crash(seat.name.as_str());
            }
        }
    }

    fn strike_all(&mut self, sim: &mut Sim<'_>, history: &mut History) {
        history.count("whole cluster", 1);
        let blow = if self.dice.chance(6) { Blow::Power } else { Blow::Kill };
        for at in 0..self.seats.len() {
            self.strike(sim, history, at, blow);
        }
    }

    /// Whoever leads the quorum.
    fn strike_leader(&mut self, sim: &mut Sim<'_>, history: &mut History) {
        let leads = |it: &Rc<Seat>| it.node().is_some_and(|it| it.controller.is_leader());
        if let Some(at) = self.seats.iter().position(leads) {
            history.count("controllers", 1);
            let blow = if self.dice.chance(4) { Blow::Kill } else { Blow::Power };
            self.strike(sim, history, at, blow);
        }
    }

    /// The power goes in the middle of what the disk does next.
    fn cut_power_within(&mut self, history: &mut History, at: usize) {
        let steps = self.dice.below(STEPS_MAX) + 1;
        let seat = self.seat(at);
        history.note(format_args!("broker {} will lose its power in {steps} steps", seat.id));
        seat.disk.crash_at(seat.disk.step() + steps);
    }

    fn stop_in_order(&mut self, history: &mut History, at: usize) {
        let seat = self.seat(at);
        if seat.node().is_none() {
            return;
        }
        history.note(format_args!("broker {} is told to stop", seat.id));
        history.count("stops", 1);
        seat.stop();
    }

    /// Cuts a broker off from one other or from all others, one way or both.
    fn cut(&mut self, sim: &Sim<'_>, history: &mut History, at: usize) {
        let other = self.any_seat();
        let others =
            if self.dice.chance(4) { vec![other] } else { (0..self.seats.len()).collect() };
        let (out, back) = match self.dice.below(4) {
            0 => (true, false),
            1 => (false, true),
            _ => (true, true),
        };
        history.note(format_args!("seat {at} is cut off from {others:?}: {out} {back}"));
        history.count("cuts", 1);
        for other in others {
            if out {
                self.links.cut(at, other);
            }
            if back {
                self.links.cut(other, at);
            }
        }
        self.links.apply(sim);
        self.heal_later(sim);
    }

    fn hold(&mut self, sim: &Sim<'_>, history: &mut History, at: usize) {
        let other = self.any_seat();
        history.note(format_args!("all between seats {at} and {other} is held"));
        history.count("holds", 1);
        self.links.hold(sim, at, other);
        self.heal_later(sim);
    }

    fn cut_clients(&mut self, sim: &Sim<'_>, history: &mut History, at: usize) {
        history.note(format_args!("seat {at} is cut off from the clients"));
        history.count("cuts", 1);
        for client in self.seats.len()..self.links.len() {
            self.links.cut(at, client);
            self.links.cut(client, at);
        }
        self.links.apply(sim);
        self.heal_later(sim);
    }

    /// Faults that come on top of one another end together.
    fn heal_later(&mut self, sim: &Sim<'_>) {
        let at = sim.elapsed() + self.draw_ms(BAD_MS);
        self.heal_at.get_or_insert(at);
    }

    fn heal_network(&mut self, sim: &Sim<'_>, history: &mut History) {
        history.note(format_args!("the network is whole again"));
        self.heal_at = None;
        self.links.heal(sim);
    }

    fn seat(&self, at: usize) -> Rc<Seat> {
        Rc::clone(self.seats.get(at).expect("a seat of this place"))
    }

    fn any_seat(&mut self) -> usize {
        usize::try_from(self.dice.below(self.seats.len() as u64)).unwrap_or(0)
    }

    fn draw_ms(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(least + self.dice.below(most - least))
    }
}
