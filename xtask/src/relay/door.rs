//! A port of the relay, which refuses dials while the broker behind it does, and the reckoning of
//! which brokers those are.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::links::Links;

/// How often a broker that refused is tried again.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// A broker on this machine that neither accepts nor refuses for so long is stopped, not gone.
const TRY_TIMEOUT: Duration = Duration::from_millis(20);

/// The system's own limit is lower or the same.
const BACKLOG: i32 = 4096;

/// A port to listen on, for one broker that dials another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Where `to` listens.
    pub(crate) target: SocketAddr,
}

/// The port of a route. It stays ours while nothing listens on it.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) route: Route,
    pub(super) port: u16,
    /// Bound and never listening: a port held by this alone refuses dials.
    _holder: OwnedFd,
    /// Where dials are taken, unless they are refused.
    pub(super) listener: Option<TcpListener>,
}

impl Door {
    /// Takes a free port and listens on it; none of `reserved`, which are for the brokers themselves:
    /// one that starts while this refuses could take the port away.
    pub(super) fn open(route: Route, reserved: &[u16]) -> io::Result<Self> {
        let mut passed_over = Vec::new();
        let (holder, port) = loop {
            let holder = bound(0)?;
            let port = rustix::net::getsockname(&holder)?;
            let port = SocketAddr::try_from(port).map_err(io::Error::from)?.port();
            if !reserved.contains(&port) {
                break (holder, port);
            }
            // Held until another one is found, so that it is not offered again.
            passed_over.push(holder);
        };
        Ok(Self { route, port, _holder: holder, listener: Some(listening(port)?) })
    }

    /// Takes dials from now on, or refuses them. Those that nobody took yet are reset.
    fn set_open(&mut self, open: bool) -> io::Result<()> {
        match (&self.listener, open) {
            (None, true) => self.listener = Some(listening(self.port)?),
            (Some(_), false) => self.listener = None,
            _ => {}
        }
        Ok(())
    }
}

fn bound(port: u16) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    // Connections that were taken through the port before may linger on it.
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

fn listening(port: u16) -> io::Result<TcpListener> {
    let socket = bound(port)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// The brokers that refuse, each with when it is tried again.
#[derive(Debug, Default)]
pub(super) struct Absent(BTreeMap<u32, Instant>);

impl Absent {
    /// Tries brokers that may have ended.
    pub(super) fn suspect(&mut self, brokers: BTreeMap<u32, SocketAddr>, now: Instant) {
        for (id, target) in brokers {
            if !self.0.contains_key(&id) && refuses(target) {
                self.0.insert(id, now + TRY_EVERY);
            }
        }
    }

    /// Tries those again whose time has come.
    pub(super) fn try_again(&mut self, doors: &[Door], now: Instant) {
        for (id, due) in self.0.iter_mut().filter(|(_, due)| **due <= now) {
            let target = doors.iter().find(|it| it.route.to == *id).map(|it| it.route.target);
            if target.is_some_and(refuses) {
                *due = now + TRY_EVERY;
            }
        }
        // One that still refuses has got a later time.
        self.0.retain(|_, due| now < *due);
    }

    /// When to try next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }

    /// Has each door do as the broker behind it does. Over a cut link nobody hears a refusal.
    pub(super) fn rule(&self, doors: &mut [Door], links: &Links) -> io::Result<()> {
        doors.iter_mut().try_for_each(|door| {
            let Route { from, to, .. } = door.route;
            let is_cut = links.is_cut(from, to) || links.is_cut(to, from);
            door.set_open(is_cut || !self.0.contains_key(&to))
        })
    }
}

fn refuses(target: SocketAddr) -> bool {
    TcpStream::connect_timeout(&target, TRY_TIMEOUT)
        .is_err_and(|fault| fault.kind() == ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_door_has_a_port_that_is_reserved() {
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        // So few are left that a door that looked at none of this would have a wrong one.
        let reserved: Vec<_> = (1..=u16::MAX).filter(|port| port % 10 != 9).collect();
        for from in 1..=20 {
            let door = Door::open(Route { from, to: 0, target }, &reserved).unwrap();
            assert_eq!(door.port % 10, 9);
        }
    }
}
