//! The network: who cannot reach whom, and how long the rest takes.

use std::collections::BTreeSet;

use kq_broker::ids::BrokerId;

use crate::event::{Ask, Event, Packet};
use crate::world::World;

/// The links that are cut. Clients reach everyone that runs.
#[derive(Debug, Default)]
pub(crate) struct Net {
    /// From, to.
    pub(crate) cut: BTreeSet<(BrokerId, BrokerId)>,
    pub(crate) isolated: BTreeSet<BrokerId>,
    pub(crate) off_controller: BTreeSet<BrokerId>,
}

impl Net {
    fn passes(&self, from: BrokerId, to: BrokerId) -> bool {
        !self.cut.contains(&(from, to)) && self.reaches(from) && self.reaches(to)
    }

    fn reaches(&self, broker: BrokerId) -> bool {
        !self.isolated.contains(&broker)
    }

    fn reaches_controller(&self, broker: BrokerId) -> bool {
        self.reaches(broker) && !self.off_controller.contains(&broker)
    }
}

impl World {
    /// From broker to broker.
    pub(crate) fn send(
        &mut self,
        from: BrokerId,
        (to, life): (BrokerId, Option<u64>),
        packet: Packet,
    ) {
        if !self.net.passes(from, to) {
            return;
        }
        for delay in self.delays() {
            self.schedule(delay, Event::Deliver { to, life, packet: packet.clone() });
        }
    }

    /// From a client: retries are its own affair, so what it sends arrives.
    pub(crate) fn send_from_client(&mut self, to: BrokerId, packet: Packet) {
        if self.net.reaches(to) {
            let delay = self.delay();
            self.schedule(delay, Event::Deliver { to, life: None, packet });
        }
    }

    /// From the controller to a broker.
    pub(crate) fn tell(&mut self, to: BrokerId, life: Option<u64>, packet: Packet) {
        if !self.net.reaches_controller(to) {
            return;
        }
        for delay in self.delays() {
            self.schedule(delay, Event::Deliver { to, life, packet: packet.clone() });
        }
    }

    /// From a broker to the controller.
    pub(crate) fn ask(&mut self, from: BrokerId, ask: Ask) {
        if !self.net.reaches_controller(from) {
            return;
        }
        for delay in self.delays() {
            self.schedule(delay, Event::Ask { from, ask: ask.clone() });
        }
    }

    fn delay(&mut self) -> u64 {
        let usual = self.rng.within(1, 5);
        if !self.stormy || !self.rng.percent(20) {
            return usual;
        }
        self.rng.within(1, self.weather.delay_max)
    }

    /// When the copies of one packet arrive: none if it is lost.
    fn delays(&mut self) -> Vec<u64> {
        let mut delays = Vec::with_capacity(1);
        if self.stormy && self.rng.percent(self.weather.drop_percent) {
            return delays;
        }
        delays.push(self.delay());
        if self.stormy && self.rng.percent(self.weather.duplicate_percent) {
            // A copy can be late by far: held up on a connection that was given up.
            let late = self.delay() * self.rng.within(1, 20);
            delays.push(late);
        }
        delays
    }
}
