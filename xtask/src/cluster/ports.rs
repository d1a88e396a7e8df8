//! Ports on loopback: is one free, and which are.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// How many starting points are tried before giving up.
const TRIES: u32 = 50;

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

/// A port such that it and the ones after it are free at this moment.
pub(crate) fn free_base_port(brokers: u16) -> Result<u16> {
    for _ in 0..TRIES {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let base = first.local_addr()?.port();
        let rest: Option<Vec<_>> = (1..brokers)
            .map(|above| {
                let port = base.checked_add(above)?;
                TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
            })
            .collect();
        if rest.is_some() {
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
