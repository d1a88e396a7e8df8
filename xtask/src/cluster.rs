//! Local clusters of real broker processes, several of them by name.
//!
//! All that is known of one lies in `target/clusters/NAME/`: what was started, each broker's
//! configuration, data and log. No daemon watches over it; every command reads it anew. Brokers
//! reach one another through a relay, so that the network between them can be lost on purpose.

mod broker;
mod guard;
mod http;
mod plan;
mod ports;
mod process;
mod relay;
mod roles;
mod state;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

pub(crate) use broker::{BrokerState, Standing};
pub(crate) use guard::Guard;
pub(crate) use plan::{Plan, RACKS_DEFAULT};
pub(crate) use ports::{free_base_port, is_free};
pub(crate) use process::Started;
#[cfg(feature = "bench")]
pub(crate) use relay::RelayState;
pub(crate) use relay::serve_relay;
pub(crate) use roles::Roles;
pub(crate) use state::{ClusterState, directory};

use crate::clock::poll_until;
use crate::output;
use crate::programs::Programs;
use crate::relay::{Order, Span};

/// The port of broker 1 unless told; broker N listens N - 1 further up.
pub(crate) const BASE_PORT: u16 = 9092;

/// How long a broker may take to become ready; it needs a tenth of a second when all is well.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How long a broker may take to stop by itself.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// Starts a cluster, or the stopped one of that name again on its data, and waits until every
/// broker is ready; a fresh one has all the voters of its quorum then.
pub(crate) fn up(plan: &Plan, programs: &Programs) -> Result<ClusterState> {
    plan.verify()?;
    if let Some(before) = ClusterState::find(&plan.name)? {
        ensure!(
            before.is_stopped(),
            "cluster {name} is up at {}; `cargo xtask cluster down --name {name}` ends it",
            before.bootstrap,
            name = plan.name
        );
    }
    for id in 1..=plan.brokers {
        ports::verify_free(plan.port(id)?, id)?;
    }
    let mut cluster = ClusterState::planned(plan, programs)?;
    if let Err(fault) = start_all(&mut cluster) {
        down(&cluster, Keep::All)?;
        return Err(fault);
    }
    Ok(cluster)
}

/// Starts the brokers of a fresh cluster: the first one makes it, the others join. Where there
/// is data already all start together, since none is ready before most of them are there.
fn start_all(cluster: &mut ClusterState) -> Result<()> {
    let name = cluster.name.clone();
    let mut begins = true;
    let fresh = cluster.brokers.first().is_some_and(BrokerState::is_fresh);
    for broker in &mut cluster.brokers {
        broker.start(&name)?;
        if begins && fresh {
            broker.wait_ready(READY_WITHIN)?;
        }
        begins = false;
    }
    cluster.save()?;
    cluster.brokers.iter().try_for_each(|broker| broker.wait_ready(READY_WITHIN))?;
    // Later it has those that it had; an operator may have taken some out.
    if fresh { wait_voters(cluster) } else { Ok(()) }
}

/// Waits until the quorum has the voters that it will have: before, the death of the founder alone
/// would end it.
fn wait_voters(cluster: &ClusterState) -> Result<()> {
    let wanted = cluster.voters_wanted();
    let settled = || {
        let mut knows = cluster.brokers.iter().map(BrokerState::voters_known);
        knows.all(|known| known.is_some_and(|known| wanted <= known)).then_some(())
    };
    let seconds = READY_WITHIN.as_secs();
    poll_until(READY_WITHIN, settled)
        .with_context(|| format!("the quorum has not grown to {wanted} voters in {seconds} s"))
}

/// Starts one more broker, which joins; its id.
pub(crate) fn add(cluster: &mut ClusterState, rack: Option<&str>) -> Result<u32> {
    cluster.verify_network()?;
    let id = cluster.plan_one_more(rack)?;
    let name = cluster.name.clone();
    let broker = cluster.broker_mut(id)?;
    ports::verify_free(broker.port(), id)?;
    broker.start(&name)?;
    cluster.save()?;
    cluster.broker(id)?.wait_ready(READY_WITHIN)?;
    Ok(id)
}

/// What `down` leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing.
    Nothing,
    /// Data, logs and the cluster's description, for a later `up`.
    All,
}

/// Stops every broker, politely first, then their network.
pub(crate) fn down(cluster: &ClusterState, keep: Keep) -> Result<()> {
    // Brokers that cannot talk would wait for one another; a relay that is gone is no worse.
    drop(cluster.network(Order::Heal(Span::ALL)));
    let stopped = stop(&cluster.brokers)?;
    if let Some(relay) = &cluster.relay {
        relay.stop()?;
    }
    if keep == Keep::Nothing {
        let dir = directory(&cluster.name);
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let forced = stopped.iter().filter(|(_, end)| *end == Stopped::Killed);
    let forced: Vec<String> = forced.map(|(id, _)| id.to_string()).collect();
    if !forced.is_empty() {
        let seconds = STOP_WITHIN.as_secs();
        output::note(format_args!(
            "broker {} did not stop within {seconds} s and was killed",
            forced.join(", ")
        ));
    }
    Ok(())
}

/// Tells all of them to stop, then waits for each; how each ended.
pub(crate) fn stop<'a>(
    brokers: impl IntoIterator<Item = &'a BrokerState>,
) -> Result<Vec<(u32, Stopped)>> {
    let brokers: Vec<&BrokerState> = brokers.into_iter().collect();
    for broker in &brokers {
        broker.ask_to_stop()?;
    }
    brokers.iter().map(|broker| Ok((broker.id, broker.wait_stopped(STOP_WITHIN)?))).collect()
}

/// How a broker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// By itself, after SIGTERM, or it had ended before.
    Itself,
    /// By SIGKILL.
    Killed,
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

/// Stops these brokers if they run, starts them again and waits until they are ready.
pub(crate) fn restart(cluster: &mut ClusterState, ids: &[u32]) -> Result<()> {
    cluster.verify_network()?;
    let brokers: Result<Vec<&BrokerState>> = ids.iter().map(|id| cluster.broker(*id)).collect();
    stop(brokers?)?;
    start(cluster, ids)?;
    ids.iter().try_for_each(|id| cluster.broker(*id)?.wait_ready(READY_WITHIN))
}

/// Starts these brokers, which are stopped, and waits for none.
pub(crate) fn start(cluster: &mut ClusterState, ids: &[u32]) -> Result<()> {
    let name = cluster.name.clone();
    for id in ids {
        let broker = cluster.broker_mut(*id)?;
        ports::verify_free(broker.port(), *id)?;
        broker.start(&name)?;
    }
    cluster.save()
}
