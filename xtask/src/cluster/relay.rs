//! The relay of a cluster: a process of our own beside the brokers, found again by what
//! `cluster.json` says of it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::process::Started;
use crate::cli::RelayArgs;
use crate::clock::poll_until;
use crate::relay::{LinkView, Order, Relay, Route, ask};

/// How many brokers a local cluster has at most; so many ports are bound pair by pair.
pub(crate) const BROKERS_MAX: u32 = 7;

/// How long the relay may take to answer after its start, or to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running relay.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RelayState {
    process: Started,
    socket: PathBuf,
    ways: Vec<Way>,
}

/// Where one broker dials another.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Way {
    from: u32,
    to: u32,
    port: u16,
}

impl RelayState {
    /// Starts one in the cluster's folder, in a process group of its own.
    pub(super) fn start(dir: &Path, base_port: u16) -> Result<Self> {
        let socket = dir.join("relay.sock");
        if socket.exists() {
            fs::remove_file(&socket)
                .with_context(|| format!("cannot remove {}", socket.display()))?;
        }
        let log = dir.join("relay.log");
        let out =
            fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        // This very program, even if a build has replaced its file meanwhile.
        let child = Command::new("/proc/self/exe")
            .arg("relay")
            .arg(&socket)
            .args([base_port.to_string(), BROKERS_MAX.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out)
            .process_group(0)
            .spawn()
            .context("cannot start the relay")?;
        let process = Started::of(child.id())
            .with_context(|| format!("the relay is gone already; see {}", log.display()))?;
        let answered = poll_until(PATIENCE, || ask(&socket, Order::Show).ok());
        let Some(links) = answered else {
            process.signal(Signal::KILL)?;
            anyhow::bail!("the relay does not answer; see {}", log.display());
        };
        let ways = links.iter().map(|it| Way { from: it.from, to: it.to, port: it.port });
        Ok(Self { process, socket, ways: ways.collect() })
    }

    /// Where `from` must dial `to`.
    pub(super) fn address(&self, from: u32, to: u32) -> Option<SocketAddr> {
        let way = self.ways.iter().find(|it| (it.from, it.to) == (from, to))?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, way.port)))
    }

    /// Where `from` must dial each other broker that there may ever be.
    pub(super) fn addresses(&self, from: u32) -> Vec<(u32, SocketAddr)> {
        let others = (1..=BROKERS_MAX).filter(|to| *to != from);
        others.filter_map(|to| Some((to, self.address(from, to)?))).collect()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Gives it an order; the links as they are then.
    pub(crate) fn order(&self, order: Order) -> Result<Vec<LinkView>> {
        ask(&self.socket, order)
    }

    /// Ends it, and every connection between the brokers with it.
    pub(super) fn stop(&self) -> Result<()> {
        if self.process.is_alive() {
            self.process.signal(Signal::KILL)?;
            let gone = poll_until(PATIENCE, || (!self.process.is_alive()).then_some(()));
            gone.context("the relay outlives SIGKILL")?;
        }
        Ok(())
    }
}

/// `cargo xtask relay`: serves until it is killed or told to stop.
pub(crate) fn serve_relay(args: &RelayArgs) -> Result<bool> {
    let at = |id: u32| {
        let above = u16::try_from(id - 1).ok()?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, args.base_port.checked_add(above)?)))
    };
    let mut routes = Vec::new();
    for from in 1..=args.brokers {
        for to in (1..=args.brokers).filter(|to| *to != from) {
            routes.extend(at(to).map(|target| Route { from, to, target }));
        }
    }
    Relay::bind(&routes, &args.socket)?.run()?;
    Ok(true)
}
