//! The relay on real sockets. That something does not come is seen by what comes instead.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::JoinHandle;

use super::*;
use crate::relay::{Span, ask};

/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A relay between two brokers that are only listeners.
struct World {
    _dir: tempfile::TempDir,
    socket: PathBuf,
    brokers: Vec<TcpListener>,
    ports: Vec<LinkView>,
    relay: Option<JoinHandle<Result<()>>>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("relay.sock");
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let brokers = vec![listen(), listen()];
        let at = |id: usize| brokers[id - 1].local_addr().unwrap();
        let routes =
            [Route { from: 1, to: 2, target: at(2) }, Route { from: 2, to: 1, target: at(1) }];
        let relay = Relay::bind(&routes, &socket).unwrap();
        let relay = Some(std::thread::spawn(|| relay.run()));
        let ports = ask(&socket, Order::Show).unwrap();
        Self { _dir: dir, socket, brokers, ports, relay }
    }

    fn order(&self, order: Order) -> Vec<LinkView> {
        ask(&self.socket, order).unwrap()
    }

    fn try_dial(&self, from: u32, to: u32) -> io::Result<TcpStream> {
        let port = self.ports.iter().find(|it| (it.from, it.to) == (from, to)).unwrap().port;
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
    }

    fn dial(&self, from: u32, to: u32) -> TcpStream {
        patient(self.try_dial(from, to).unwrap())
    }

    fn is_refused(&self, from: u32, to: u32) -> bool {
        self.try_dial(from, to).is_err_and(|it| it.kind() == ErrorKind::ConnectionRefused)
    }

    fn accept(&self, id: usize) -> TcpStream {
        patient(self.brokers[id - 1].accept().unwrap().0)
    }

    /// A connection that 1 dialled to 2, seen from both.
    fn connected(&self) -> (TcpStream, TcpStream) {
        let near = self.dial(1, 2);
        let far = self.accept(2);
        (near, far)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(ask(&self.socket, Order::Stop));
        let ended = self.relay.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(Ok(())))), "{ended:?}");
    }
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn exchange(from: &mut TcpStream, to: &mut TcpStream, words: &[u8]) {
    from.write_all(words).unwrap();
    expect(to, words);
}

fn expect(stream: &mut TcpStream, words: &[u8]) {
    let mut came = vec![0; words.len()];
    stream.read_exact(&mut came).unwrap();
    assert_eq!(came, words);
}

fn is_silent(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    matches!(peeked, Err(fault) if fault.kind() == ErrorKind::WouldBlock)
}

#[test]
fn bytes_and_ends_travel_both_ways() {
    let world = World::new();
    let (mut near, mut far) = world.connected();
    exchange(&mut near, &mut far, b"there");
    exchange(&mut far, &mut near, b"and back");
    near.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
    exchange(&mut far, &mut near, b"half closed");
    drop(far);
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_large_load_arrives_whole() {
    let world = World::new();
    let (mut near, mut far) = world.connected();
    let load: Vec<u8> = (0..40_000_000_u32).map(|it| it.to_le_bytes()[1]).collect();
    let sent = load.clone();
    let writer = std::thread::spawn(move || near.write_all(&sent).map(|()| near));
    let mut came = Vec::new();
    patient(far.try_clone().unwrap()).take(load.len() as u64).read_to_end(&mut came).unwrap();
    assert!(came == load, "{} bytes came", came.len());
    let mut near = writer.join().unwrap().unwrap();
    exchange(&mut far, &mut near, b"done");
}

#[test]
fn a_cut_stalls_one_direction_until_healed() {
    let world = World::new();
    let (mut near, mut far) = world.connected();
    exchange(&mut near, &mut far, b"before");
    let links = world.order(Order::Cut(Span::out_of(1)));
    assert!(links.iter().all(|it| it.cut == (it.from == 1)), "{links:?}");
    near.write_all(b"late").unwrap();
    exchange(&mut far, &mut near, b"the other way");
    assert!(is_silent(&far));
    world.order(Order::Heal(Span::out_of(1)));
    expect(&mut far, b"late");
}

#[test]
fn a_death_behind_a_cut_stays_unheard() {
    let world = World::new();
    let (near, mut far) = world.connected();
    world.order(Order::Cut(Span::out_of(1)));
    drop(near);
    // The way back is open and leads nowhere: this must not tell of the death either.
    far.write_all(b"are you there").unwrap();
    world.order(Order::Show);
    far.write_all(b"still there").unwrap();
    world.order(Order::Show);
    assert!(is_silent(&far));
    world.order(Order::Heal(Span::ALL));
    let ended = far.read(&mut [0]);
    assert!(
        matches!(ended, Ok(0)) || ended.is_err_and(|it| it.kind() == ErrorKind::ConnectionReset)
    );
}

#[test]
fn a_dial_over_a_cut_waits_and_may_be_given_up() {
    let world = World::new();
    world.order(Order::Cut(Span::into(1)));
    let given_up = world.dial(1, 2);
    let mut near = world.dial(1, 2);
    near.write_all(b"first words").unwrap();
    drop(given_up);
    let waits = |links: Vec<LinkView>| links.iter().map(|it| it.connections).sum::<usize>();
    crate::clock::poll_until(PATIENCE, || (waits(world.order(Order::Show)) == 1).then_some(()))
        .expect("one dial is left");
    world.order(Order::Heal(Span::ALL));
    expect(&mut world.accept(2), b"first words");
}

#[test]
fn a_dial_to_a_broker_never_up_is_reset_then_refused() {
    let mut world = World::new();
    world.brokers.truncate(1);
    let ended = world.dial(1, 2).read(&mut [0]);
    assert!(ended.is_err_and(|it| it.kind() == ErrorKind::ConnectionReset));
    assert!(world.is_refused(1, 2));
}

#[test]
fn whoever_hears_of_a_death_is_refused_at_once() {
    let mut world = World::new();
    let (mut near, far) = world.connected();
    let dead = world.brokers.remove(1);
    let at = dead.local_addr().unwrap();
    drop((dead, far));
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    assert!(world.is_refused(1, 2));
    world.brokers.push(TcpListener::bind(at).unwrap());
    let back = crate::clock::poll_until(PATIENCE, || world.try_dial(1, 2).ok());
    // What tried whether the broker is back may come before the dial.
    let mut near = patient(back.expect("the port listens again"));
    near.write_all(b"welcome").unwrap();
    let heard = (0..100).find_map(|_| {
        let mut came = Vec::new();
        world.accept(2).take(7).read_to_end(&mut came).unwrap();
        (!came.is_empty()).then_some(came)
    });
    assert_eq!(heard.as_deref(), Some(b"welcome".as_slice()));
}

#[test]
fn a_connection_that_a_broker_ends_closes_no_port() {
    let world = World::new();
    let (mut near, far) = world.connected();
    drop(far);
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    assert!(!world.is_refused(1, 2));
}

#[test]
fn a_dial_over_a_cut_to_a_dead_broker_waits() {
    let mut world = World::new();
    let (mut near, far) = world.connected();
    drop((world.brokers.remove(1), far));
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    world.order(Order::Cut(Span::into(2)));
    let waits = world.dial(1, 2);
    world.order(Order::Show);
    assert!(is_silent(&waits));
}

#[test]
fn delay_and_rate_hold_bytes_back() {
    let world = World::new();
    let (mut near, mut far) = world.connected();
    let slow = |delay_ms, bytes_per_second| Order::Slow {
        span: Span { from: Some(1), to: Some(2) },
        delay_ms,
        bytes_per_second,
    };
    world.order(slow(60, None));
    let start = clock::now();
    exchange(&mut near, &mut far, b"late");
    assert!(Duration::from_millis(60) <= start.elapsed());
    world.order(slow(0, Some(1_000_000)));
    let start = clock::now();
    exchange(&mut near, &mut far, &vec![7; 200_000]);
    assert!(Duration::from_millis(150) <= start.elapsed(), "{:?}", start.elapsed());
    world.order(Order::Heal(Span::ALL));
    let start = clock::now();
    exchange(&mut near, &mut far, &vec![7; 200_000]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_reset_tears_connections_down() {
    let world = World::new();
    let (mut near, mut far) = world.connected();
    exchange(&mut near, &mut far, b"well");
    world.order(Order::Reset(Span::into(1)));
    for side in [&mut near, &mut far] {
        let ended = side.read(&mut [0]);
        assert!(ended.is_err_and(|it| it.kind() == ErrorKind::ConnectionReset));
    }
    let (mut near, mut far) = world.connected();
    exchange(&mut near, &mut far, b"and again");
}
