//! The relay's one loop: ports, connections and orders, each looked at when the kernel or the
//! time says so.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{Connection, Ready};
use super::control::{Answer, Caller, LinkView, Order};
use super::links::{Links, Pace};
use crate::clock;

/// Bytes moved at one time.
const ROOM_BYTES: usize = 64 << 10;

/// After a failed accept, as without descriptors, others are tried this much later.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A port to listen on, for one broker that dials another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Where `to` listens.
    pub(crate) target: SocketAddr,
}

/// A bound port of a route.
#[derive(Debug)]
struct Door {
    route: Route,
    port: u16,
    listener: TcpListener,
}

/// All of the relay.
#[derive(Debug)]
pub(crate) struct Relay {
    doors: Vec<Door>,
    connections: Vec<Connection>,
    orders: UnixListener,
    callers: Vec<Caller>,
    links: Links,
    stopped: bool,
}

impl Relay {
    /// Binds a free port for each route, and the socket that orders come through.
    pub(crate) fn bind(routes: &[Route], socket: &Path) -> Result<Self> {
        let mut doors = Vec::new();
        for route in routes {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            doors.push(Door { route: *route, port, listener });
        }
        let orders = UnixListener::bind(socket)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        orders.set_nonblocking(true)?;
        let (connections, callers) = (Vec::new(), Vec::new());
        Ok(Self { doors, connections, orders, callers, links: Links::default(), stopped: false })
    }

    /// Serves until it is told to stop.
    pub(crate) fn run(mut self) -> Result<()> {
        let mut room = vec![0; ROOM_BYTES];
        while !self.stopped {
            let ready = self.wait()?;
            let now = clock::now();
            for (connection, ready) in self.connections.iter_mut().zip(ready.connections) {
                connection.step(&mut self.links, ready, &mut room, now);
            }
            self.connections.retain(|it| !it.is_over());
            self.accept(&ready.doors);
            self.obey(ready.orders, &ready.callers);
        }
        Ok(())
    }

    /// Waits for the kernel or for what is due; what the kernel says.
    fn wait(&self) -> Result<Told> {
        let now = clock::now();
        let wanted: Vec<Ready> =
            self.connections.iter().map(|it| it.interest(&self.links)).collect();
        let mut fds = vec![PollFd::new(&self.orders, PollFlags::IN)];
        fds.extend(self.doors.iter().map(|it| PollFd::new(&it.listener, PollFlags::IN)));
        fds.extend(self.callers.iter().map(|it| PollFd::new(&it.stream, PollFlags::IN)));
        for (connection, wanted) in self.connections.iter().zip(&wanted) {
            let (near, far) = connection.sides();
            for (side, flags) in [(Some(near), wanted.near), (far, wanted.far)] {
                if let Some(side) = side.filter(|_| !flags.is_empty()) {
                    fds.push(PollFd::from_borrowed_fd(side.as_fd(), flags));
                }
            }
        }
        let due = self.connections.iter().filter_map(|it| it.due(&self.links, now)).min();
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
            doors: self.doors.iter().map(|_| !next(true).is_empty()).collect(),
            callers: self.callers.iter().map(|_| !next(true).is_empty()).collect(),
            connections: wanted
                .iter()
                .map(|it| Ready { near: next(!it.near.is_empty()), far: next(!it.far.is_empty()) })
                .collect(),
        })
    }

    fn accept(&mut self, ready: &[bool]) {
        for (door, _) in self.doors.iter().zip(ready).filter(|(_, ready)| **ready) {
            loop {
                match door.listener.accept() {
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

    fn obey(&mut self, new_callers: bool, ready: &[bool]) {
        let mut callers = std::mem::take(&mut self.callers);
        for (caller, _) in callers.iter_mut().zip(ready).filter(|(_, ready)| **ready) {
            for order in caller.orders() {
                let answer = match order {
                    Ok(order) => {
                        self.apply(order);
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
