//! Who can reach whom. turmoil keeps what is held or cut for itself; here is what ought to be, and
//! what differs is told to it.

use std::collections::BTreeSet;

use turmoil::Sim;

/// One way from a host to another.
type Way = (usize, usize);

/// The network between hosts, which are known by their place in a list.
#[derive(Debug, Default)]
pub(crate) struct Links {
    hosts: Vec<String>,
    /// What is sent this way is lost.
    cut: BTreeSet<Way>,
    /// Hosts without power: nothing reaches them, nothing leaves them.
    dark: BTreeSet<usize>,
    /// What is sent between these two waits.
    held: BTreeSet<Way>,
    /// Ways that are cut as turmoil knows.
    applied: BTreeSet<Way>,
}

impl Links {
    pub(crate) fn new(hosts: Vec<String>) -> Self {
        Self { hosts, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.hosts.len()
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        if from != to {
            self.cut.insert((from, to));
        }
    }

    /// Takes the power of a host, or gives it back.
    pub(crate) fn set_dark(&mut self, host: usize, is_dark: bool) {
        if is_dark {
            self.dark.insert(host);
        } else {
            self.dark.remove(&host);
        }
    }

    /// Lets everything between two hosts wait until the next heal.
    pub(crate) fn hold(&mut self, sim: &Sim<'_>, a: usize, b: usize) {
        let pair = (a.min(b), a.max(b));
        let is_cut = |way: Way| self.applied.contains(&way);
        if a == b || is_cut((a, b)) || is_cut((b, a)) || !self.held.insert(pair) {
            return;
        }
        sim.hold(self.name(a), self.name(b));
    }

    /// All that is cut or held is whole again; what was held arrives.
    pub(crate) fn heal(&mut self, sim: &Sim<'_>) {
        self.cut.clear();
        for (a, b) in std::mem::take(&mut self.held) {
            sim.release(self.name(a), self.name(b));
        }
        self.apply(sim);
    }

    /// Tells turmoil of what has changed.
    pub(crate) fn apply(&mut self, sim: &Sim<'_>) {
        let hosts = 0..self.hosts.len();
        let ways = hosts.clone().flat_map(|a| hosts.clone().map(move |b| (a, b)));
        for (from, to) in ways.filter(|(from, to)| from != to) {
            let is_dark = self.dark.contains(&from) || self.dark.contains(&to);
            let is_cut = is_dark || self.cut.contains(&(from, to));
            if is_cut == self.applied.contains(&(from, to)) {
                continue;
            }
            if is_cut {
                if self.held.remove(&(from.min(to), from.max(to))) {
                    sim.release(self.name(from), self.name(to));
                }
                sim.partition_oneway(self.name(from), self.name(to));
                self.applied.insert((from, to));
            } else {
                sim.repair_oneway(self.name(from), self.name(to));
                self.applied.remove(&(from, to));
            }
        }
    }

    fn name(&self, host: usize) -> &str {
        self.hosts.get(host).map_or("", String::as_str)
    }
}
