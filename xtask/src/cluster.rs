//! Local clusters of real broker processes, several of them by name.
//!
//! All that is known of one lies in `target/clusters/NAME/`: what was started, each broker's
//! configuration, data and log. No daemon watches over it; every command reads it anew.

mod broker;
mod http;
mod ports;
mod process;
mod state;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

pub(crate) use broker::{BrokerState, Standing};
pub(crate) use ports::{free_base_port, is_free};
pub(crate) use state::{ClusterState, directory};

use crate::output;
use crate::programs::Programs;

/// The port of broker 1 unless told; broker N listens N - 1 further up.
pub(crate) const BASE_PORT: u16 = 9092;

/// How long a broker may take to become ready; it needs a tenth of a second when all is well.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How long a broker may take to stop by itself.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What a cluster is started with.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) brokers: u32,
    pub(crate) base_port: u16,
    /// Further keys of the broker's configuration, over what a local cluster sets.
    pub(crate) settings: Vec<(String, String)>,
    /// Where the data lies, unless under the cluster's own folder.
    pub(crate) data_dir: Option<PathBuf>,
}

impl Plan {
    /// One broker on free ports, as the tests want it.
    pub(crate) fn test(name: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            brokers: 1,
            base_port: free_base_port(1)?,
            settings: Vec::new(),
            data_dir: None,
        })
    }

    /// Refuses what cannot be started, before anything is built for it.
    pub(crate) fn verify(&self) -> Result<()> {
        ensure!(
            self.brokers == 1,
            "a cluster of {} brokers needs replication, which does not stand yet: --brokers 1",
            self.brokers
        );
        Ok(())
    }

    /// The same with one more configuration key.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// Starts a cluster, or the stopped one of that name again on its data, and waits until every
/// broker is ready.
pub(crate) fn up(plan: &Plan, programs: &Programs) -> Result<ClusterState> {
    plan.verify()?;
    if let Some(before) = ClusterState::find(&plan.name)? {
        ensure!(
            before.brokers.iter().all(|broker| broker.standing() == Standing::Stopped),
            "cluster {name} is up at {}; `cargo xtask cluster down --name {name}` ends it",
            before.bootstrap,
            name = plan.name
        );
    }
    let mut cluster = ClusterState::planned(plan, programs)?;
    for broker in &cluster.brokers {
        ports::verify_free(broker.port(), broker.id)?;
    }
    for broker in &mut cluster.brokers {
        broker.start(&cluster.name)?;
    }
    cluster.save()?;
    for broker in &cluster.brokers {
        if let Err(fault) = broker.wait_ready(READY_WITHIN) {
            down(&cluster, Keep::All)?;
            return Err(fault);
        }
    }
    Ok(cluster)
}

/// What `down` leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing.
    Nothing,
    /// Data, logs and the cluster's description, for a later `up`.
    All,
}

/// Stops every broker, politely first.
pub(crate) fn down(cluster: &ClusterState, keep: Keep) -> Result<()> {
    let mut forced = Vec::new();
    for broker in &cluster.brokers {
        if broker.stop(STOP_WITHIN)? == Stopped::Killed {
            forced.push(broker.id.to_string());
        }
    }
    if keep == Keep::Nothing {
        let dir = directory(&cluster.name);
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    if !forced.is_empty() {
        let seconds = STOP_WITHIN.as_secs();
        output::note(format_args!(
            "broker {} did not stop within {seconds} s and was killed",
            forced.join(", ")
        ));
    }
    Ok(())
}

/// How a broker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// By itself, after SIGTERM, or it had ended before.
    Itself,
    /// By SIGKILL.
    Killed,
}

/// A cluster for the length of a test; taken down when dropped, data and all.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) ClusterState);

impl Guard {
    /// Starts one on the remains of nothing.
    pub(crate) fn up(plan: &Plan, programs: &Programs) -> Result<Self> {
        if let Some(before) = ClusterState::find(&plan.name)? {
            down(&before, Keep::Nothing)?;
        }
        up(plan, programs).map(Self)
    }

    /// The only broker of a cluster of one.
    pub(crate) fn broker(&mut self) -> Result<&mut BrokerState> {
        self.0.brokers.first_mut().context("a cluster without brokers")
    }

    /// Starts the only broker again after it ended, and remembers its new process.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let name = self.0.name.clone();
        let broker = self.broker()?;
        broker.start(&name)?;
        let ready = broker.wait_ready(READY_WITHIN);
        self.0.save()?;
        ready
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Err(fault) = down(&self.0, Keep::Nothing) {
            output::note(format_args!("cluster {} is not gone: {fault:#}", self.0.name));
        }
    }
}

/// The cluster of that name, or an error that says which ones there are.
pub(crate) fn existing(name: &str) -> Result<ClusterState> {
    if let Some(cluster) = ClusterState::find(name)? {
        return Ok(cluster);
    }
    let others = ClusterState::names();
    if others.is_empty() {
        bail!("no cluster is up; `cargo xtask cluster up` starts one");
    }
    bail!("no cluster named {name}; there is {}", others.join(", "))
}

/// Stops one broker if it runs, starts it again and waits until it is ready.
pub(crate) fn restart(cluster: &mut ClusterState, id: u32) -> Result<()> {
    let name = cluster.name.clone();
    let broker = cluster.broker_mut(id)?;
    broker.stop(STOP_WITHIN)?;
    ports::verify_free(broker.port(), id)?;
    broker.start(&name)?;
    cluster.save()?;
    cluster.broker_mut(id)?.wait_ready(READY_WITHIN)
}
