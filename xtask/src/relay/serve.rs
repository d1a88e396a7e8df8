//! The relay's one loop: ports, connections and orders, each looked at when the kernel or the
//! time says so.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{Connection, Ready};
use super::control::{Answer, Caller, LinkView, Order};
use super::door::{Absent, Door, Route};
use super::links::{Links, Pace};
use crate::clock;

/// Bytes moved at one time.
const ROOM_BYTES: usize = 64 << 10;

/// After a failed accept, as without descriptors, others are tried this much later.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// All of the relay.
#[derive(Debug)]
pub(crate) struct Relay {
    doors: Vec<Door>,
    connections: Vec<Connection>,
    orders: UnixListener,
    callers: Vec<Caller>,
    links: Links,
    absent: Absent,
    stopped: bool,
}

impl Relay {
    /// Binds a free port for each route, and the socket that orders come through.
    pub(crate) fn bind(routes: &[Route], socket: &Path) -> Result<Self> {
        let reserved: Vec<_> = routes.iter().map(|it| it.target.port()).collect();
        let doors: io::Result<_> =
            routes.iter().map(|route| Door::open(*route, &reserved)).collect();
        let doors = doors.context("cannot listen")?;
        let orders = UnixListener::bind(socket)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        orders.set_nonblocking(true)?;
        let (connections, callers) = (Vec::new(), Vec::new());
        let (links, absent) = (Links::default(), Absent::default());
        Ok(Self { doors, connections, orders, callers, links, absent, stopped: false })
    }

    /// Serves until it is told to stop.
    pub(crate) fn run(mut self) -> Result<()> {
        let mut room = vec![0; ROOM_BYTES];
        while !self.stopped {
            let told = self.wait()?;
            self.serve(told, &mut room)?;
        }
        Ok(())
    }

    /// Does what can be done now.
    fn serve(&mut self, told: Told, room: &mut [u8]) -> Result<()> {
        let now = clock::now();
        self.absent.try_again(&self.doors, now);
        // Whoever hears of an end may dial again at once: the doors have to know before.
        let both = self.connections.iter().zip(&told.connections);
        let ended = both.filter(|(_, ready)| ready.far_ended()).map(|(it, _)| it.dialed());
        self.absent.suspect(ended.collect(), now);
        self.rule_doors()?;
        for (connection, ready) in self.connections.iter_mut().zip(told.connections) {
            connection.step(&mut self.links, ready, room, now);
        }
        let refused = self.connections.iter().filter(|it| it.was_refused());
        self.absent.suspect(refused.map(Connection::dialed).collect(), now);
        self.rule_doors()?;
        self.connections.retain(|it| !it.is_over());
        self.accept(&told.doors);
        self.obey(told.orders, &told.callers)
    }

    fn rule_doors(&mut self) -> Result<()> {
        self.absent.rule(&mut self.doors, &self.links).context("cannot listen again")
    }

    /// Waits for the kernel or for what is due; what the kernel says.
    fn wait(&self) -> Result<Told> {
        let now = clock::now();
        let wanted: Vec<Ready> =
            self.connections.iter().map(|it| it.interest(&self.links)).collect();
        let mut fds = vec![PollFd::new(&self.orders, PollFlags::IN)];
        let listeners = self.doors.iter().filter_map(|it| it.listener.as_ref());
        fds.extend(listeners.map(|it| PollFd::new(it, PollFlags::IN)));
        fds.extend(self.callers.iter().map(|it| PollFd::new(&it.stream, PollFlags::IN)));
        for (connection, wanted) in self.connections.iter().zip(&wanted) {
            let (near, far) = connection.sides();
            for (side, flags) in [(Some(near), wanted.near), (far, wanted.far)] {
                if let Some(side) = side.filter(|_| !flags.is_empty()) {
                    fds.push(PollFd::from_borrowed_fd(side.as_fd(), flags));
                }
            }
        }
        let due = self.connections.iter().filter_map(|it| it.due(&self.links, now));
        let due = due.chain(self.absent.due()).min();
        let timeout = due.map(|due| timespec(due, now)).transpose()?;
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(fault) => return Err(fault).context("cannot poll"),
        }
        let mut told = fds.iter().map(PollFd::revents);
        let mut next = |wanted: bool| {
            if wanted { told.next().unwrap_or(PollFlags::empty()) } else { PollFlags::empty() }
        };
        Ok(Told {
            orders: !next(true).is_empty(),
            doors: self.doors.iter().map(|it| !next(it.listener.is_some()).is_empty()).collect(),
            callers: self.callers.iter().map(|_| !next(true).is_empty()).collect(),
            connections: wanted
                .iter()
                .map(|it| Ready { near: next(!it.near.is_empty()), far: next(!it.far.is_empty()) })
                .collect(),
        })
    }

    fn accept(&mut self, ready: &[bool]) {
        for (door, _) in self.doors.iter().zip(ready).filter(|(_, ready)| **ready) {
            let Some(listener) = &door.listener else { continue };
            loop {
                match listener.accept() {
                    Ok((near, _)) => {
                        let pair = (door.route.from, door.route.to);
                        let accepted = Connection::accepted(pair, near, door.route.target);
                        self.connections.extend(accepted);
                    }
                    Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        clock::pause(ACCEPT_AGAIN);
                        break;
                    }
                }
            }
        }
    }

    fn obey(&mut self, new_callers: bool, ready: &[bool]) -> Result<()> {
        let mut callers = std::mem::take(&mut self.callers);
        for (caller, _) in callers.iter_mut().zip(ready).filter(|(_, ready)| **ready) {
            for order in caller.orders() {
                let answer = match order {
                    Ok(order) => {
                        self.apply(order);
                        // Who hears the answer finds it done.
                        self.rule_doors()?;
                        Answer { error: None, links: self.views() }
                    }
                    Err(error) => Answer { error: Some(error), links: Vec::new() },
                };
                caller.answer(&answer);
            }
        }
        callers.retain(|it| !it.gone);
        if new_callers && let Ok((stream, _)) = self.orders.accept() {
            callers.extend(Caller::new(stream));
        }
        self.callers = callers;
        Ok(())
    }

    fn apply(&mut self, order: Order) {
        match order {
            Order::Cut(span) => self.links.cut(span),
            Order::Heal(span) => self.links.heal(span),
            Order::Slow { span, delay_ms, bytes_per_second } => {
                let delay = Duration::from_millis(delay_ms);
                self.links.slow(span, Pace { delay, bytes_per_second });
            }
            Order::Reset(span) => {
                for connection in self.connections.iter_mut().filter(|it| it.is_within(span)) {
                    connection.reset();
                }
                self.connections.retain(|it| !it.is_over());
            }
            Order::Show => {}
            Order::Stop => self.stopped = true,
        }
    }

    fn views(&self) -> Vec<LinkView> {
        let view = |door: &Door| {
            let (from, to) = (door.route.from, door.route.to);
            let pace = self.links.pace(from, to);
            LinkView {
                from,
                to,
                port: door.port,
                cut: self.links.is_cut(from, to),
                delay_ms: u64::try_from(pace.delay.as_millis()).unwrap_or(u64::MAX),
                bytes_per_second: pace.bytes_per_second,
                connections: self.connections.iter().filter(|it| it.pair() == (from, to)).count(),
            }
        };
        self.doors.iter().map(view).collect()
    }
}

/// What the kernel said, in the order of what it was asked.
#[derive(Debug)]
struct Told {
    orders: bool,
    doors: Vec<bool>,
    callers: Vec<bool>,
    connections: Vec<Ready>,
}

fn timespec(due: Instant, now: Instant) -> Result<Timespec> {
    Timespec::try_from(due.saturating_duration_since(now)).context("a time too far ahead")
}

#[cfg(test)]
mod tests;
