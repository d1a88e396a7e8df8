//! Ports on loopback: is one free, and which are.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// How many starting points are tried before giving up.
const TRIES: u32 = 50;

/// The lowest port that is chosen; services that have their own lie below.
const LOWEST: u16 = 12_000;

/// How many are chosen from; Linux gives out 32,768 and above by itself.
const SPAN: u16 = 20_000;

/// Says which broker cannot have its port, and what to do.
pub(super) fn verify_free(port: u16, broker: u32) -> Result<()> {
    if let Err(fault) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        bail!("broker {broker} cannot have port {port}: {fault}; choose another with --base-port");
    }
    Ok(())
}

/// Whether a broker could listen there at this moment.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port such that it and the ones after it are free at this moment. It is none that the system
/// gives out by itself: one that a stopped broker left could become the near end of some connection.
pub(crate) fn free_base_port(brokers: u16) -> Result<u16> {
    for try_number in 0..TRIES {
        // Differs from call to call and between processes.
        let chance = RandomState::new().hash_one(try_number) % u64::from(SPAN);
        let base = LOWEST + u16::try_from(chance)?;
        let held: io::Result<Vec<_>> = (base..base + brokers)
            .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)))
            .collect();
        if held.is_ok() {
            return Ok(base);
        }
    }
    bail!("found no {brokers} free ports in a row on loopback")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        let fault = verify_free(port, 1).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("broker 1 cannot have port {port}: ")), "{fault}");
        assert!(fault.ends_with("choose another with --base-port"), "{fault}");
    }
}
