//! One connection through the relay: the dialer's side, the side that it wants, a pipe each way.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::links::{Links, Span};
use super::pipe::{End, Pipe};

/// How far the relay's own dial is.
#[derive(Debug)]
enum Far {
    /// The link is cut: as if the dialer's first packet were lost.
    Waiting,
    Dialing(TcpStream),
    Open(TcpStream),
}

/// A dialer, the broker it wants, and what is on the way between them.
#[derive(Debug)]
pub(super) struct Connection {
    dialer: u32,
    dialed: u32,
    target: SocketAddr,
    near: TcpStream,
    far: Far,
    there: Pipe,
    back: Pipe,
    over: bool,
    refused: bool,
}

/// What the kernel said of both sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    pub(super) near: PollFlags,
    pub(super) far: PollFlags,
}

impl Ready {
    /// Whether the broker that was dialled ended the connection, or will say nothing more on it.
    pub(super) fn far_ended(self) -> bool {
        self.far.intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
    }
}

impl Connection {
    /// A connection that was accepted for the pair, on its way to `target`.
    pub(super) fn accepted(
        pair: (u32, u32),
        near: TcpStream,
        target: SocketAddr,
    ) -> io::Result<Self> {
        near.set_nonblocking(true)?;
        near.set_nodelay(true)?;
        let (there, back) = (Pipe::default(), Pipe::default());
        Ok(Self {
            dialer: pair.0,
            dialed: pair.1,
            target,
            near,
            far: Far::Waiting,
            there,
            back,
            over: false,
            refused: false,
        })
    }

    pub(super) fn pair(&self) -> (u32, u32) {
        (self.dialer, self.dialed)
    }

    /// The broker at the other end, and where it listens.
    pub(super) fn dialed(&self) -> (u32, SocketAddr) {
        (self.dialed, self.target)
    }

    /// Whether the broker did not take it.
    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    /// Whether bytes of the span travel on it, in either direction.
    pub(super) fn is_within(&self, span: Span) -> bool {
        span.holds(self.dialer, self.dialed) || span.holds(self.dialed, self.dialer)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over || (self.there.is_over() && self.back.is_over())
    }

    pub(super) fn sides(&self) -> (&TcpStream, Option<&TcpStream>) {
        match &self.far {
            Far::Waiting => (&self.near, None),
            Far::Dialing(far) | Far::Open(far) => (&self.near, Some(far)),
        }
    }

    /// Ends both sides so that they notice at once.
    pub(super) fn reset(&mut self) {
        self.over = true;
        let (near, far) = self.sides();
        for side in [Some(near), far].into_iter().flatten() {
            // One that is gone already needs no reset.
            let _ = rustix::net::sockopt::set_socket_linger(side, Some(Duration::ZERO));
        }
    }

    /// What to wait for on both sides. A side without any is not to be polled: the kernel would
    /// tell of its end again and again, which must stay unheard while the link is cut.
    pub(super) fn interest(&self, links: &Links) -> Ready {
        let cut_there = links.is_cut(self.dialer, self.dialed);
        let cut_back = links.is_cut(self.dialed, self.dialer);
        let when = |wanted: bool, flag: PollFlags| if wanted { flag } else { PollFlags::empty() };
        match self.far {
            Far::Waiting => Ready { near: PollFlags::RDHUP, far: PollFlags::empty() },
            Far::Dialing(_) => Ready { near: PollFlags::empty(), far: PollFlags::OUT },
            Far::Open(_) => Ready {
                near: when(!cut_there && self.there.wants_bytes(), PollFlags::IN)
                    | when(!cut_back && self.back.waits_for_room(), PollFlags::OUT),
                far: when(!cut_back && self.back.wants_bytes(), PollFlags::IN | PollFlags::RDHUP)
                    | when(!cut_there && self.there.waits_for_room(), PollFlags::OUT),
            },
        }
    }

    /// When to look again, whatever the kernel says.
    pub(super) fn due(&self, links: &Links, now: Instant) -> Option<Instant> {
        if matches!(self.far, Far::Waiting) {
            return self.can_shake_hands(links).then_some(now);
        }
        let of = |pipe: &Pipe, from, to| {
            let due = pipe.due().filter(|_| !links.is_cut(from, to))?;
            Some(links.free_at(from, to).map_or(due, |free| free.max(due)))
        };
        let there = of(&self.there, self.dialer, self.dialed);
        let back = of(&self.back, self.dialed, self.dialer);
        there.into_iter().chain(back).min()
    }

    /// Does what can be done now.
    pub(super) fn step(&mut self, links: &mut Links, ready: Ready, room: &mut [u8], now: Instant) {
        if matches!(self.far, Far::Waiting) {
            self.dial(links, ready);
        }
        if let Far::Dialing(far) = &self.far
            && !ready.far.is_empty()
        {
            match far.take_error() {
                Ok(None) => self.open(),
                Ok(Some(_)) | Err(_) => return self.refuse(),
            }
        }
        let Far::Open(far) = &self.far else { return };
        let told = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let (out, home) = ((self.dialer, self.dialed), (self.dialed, self.dialer));
        let near_told = ready.near.intersects(told);
        let mut ends = [None, None];
        for (end, (pipe, way, told, from, to)) in ends.iter_mut().zip([
            (&mut self.there, out, near_told, &self.near, far),
            (&mut self.back, home, ready.far.intersects(told), far, &self.near),
        ]) {
            if links.is_cut(way.0, way.1) {
                continue;
            }
            if told {
                pipe.read_from(&mut &*from, room, now + links.pace(way.0, way.1).delay);
            }
            let sent = pipe.write_to(&mut &*to, links.allowance(way.0, way.1, now), now);
            links.spend(way.0, way.1, sent, now);
            *end = pipe.take_end(now);
            if *end == Some(End::Closed) {
                // A receiver that is gone already needs no telling.
                drop(to.shutdown(Shutdown::Write));
            }
        }
        if ends.contains(&Some(End::Reset)) {
            self.reset();
        }
    }

    /// Begins the relay's own dial once a handshake could pass.
    fn dial(&mut self, links: &Links, ready: Ready) {
        if !ready.near.is_empty() {
            // The dialer gave up; nobody has to hear of it.
            self.over = true;
            return;
        }
        if !self.can_shake_hands(links) {
            return;
        }
        match begin_dial(self.target) {
            Ok(far) => self.far = Far::Dialing(far),
            Err(_) => self.refuse(),
        }
    }

    fn refuse(&mut self) {
        self.refused = true;
        self.reset();
    }

    fn can_shake_hands(&self, links: &Links) -> bool {
        !links.is_cut(self.dialer, self.dialed) && !links.is_cut(self.dialed, self.dialer)
    }

    fn open(&mut self) {
        if let Far::Dialing(far) = std::mem::replace(&mut self.far, Far::Waiting) {
            // Without it small frames come late and nothing breaks.
            drop(far.set_nodelay(true));
            self.far = Far::Open(far);
        }
    }
}

/// A socket whose handshake goes on while others are served.
fn begin_dial(target: SocketAddr) -> io::Result<TcpStream> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket: OwnedFd = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &target) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(fault) => Err(fault.into()),
    }
}
