//! A relay between the brokers of a local cluster, so that the network between them can be lost
//! without privileges.
//!
//! It listens on one port for each ordered pair: broker 1 reaches broker 2 through the port of
//! (1, 2). One thread polls all of it; nothing is shared. What it can do to the bytes from one
//! broker to another, on whichever side's connection:
//!
//! - **cut**: they stall, and so does the end of a connection. Neither side hears that the other
//!   one died. What was sent before the cut and has not arrived stalls too. Healing lets all of
//!   it flow on, as retransmission would.
//! - **slow**: they arrive later, and at a rate that all connections of the pair share.
//! - **reset**: connections are torn down, as by a firewall that forgot them.
//!
//! What differs from a real network: a dial over a cut link seems to succeed, since this machine
//! completes the handshake, and then nothing comes; one that is given up meanwhile never reaches
//! the other side. A dial to a broker that is down is refused, as it would be: the port stops to
//! listen when a connection ends and the broker refuses the relay. Only the first dial to one that
//! was never up is reset instead.
//! A cut in one direction stalls dials of both, since a handshake needs both, but bytes of the
//! other direction flow for ever, where missing acknowledgements would stop them in time.

mod connection;
mod control;
mod door;
mod links;
mod pipe;
mod serve;

pub(crate) use control::{LinkView, Order, ask};
pub(crate) use door::Route;
pub(crate) use links::Span;
pub(crate) use serve::Relay;
