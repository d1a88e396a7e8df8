//! Brokers die one at a time, again and again, for as long as something else runs.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::clock;
use crate::cluster::{self, ClusterState};
use crate::programs::Programs;
use crate::run::capture;

/// How long all brokers stay after the last one is in sync again.
const UP: Duration = Duration::from_secs(4);

/// How long one stays dead: long enough to be fenced, and for its clients to notice.
const DOWN: Duration = Duration::from_secs(4);

/// How long one that was started may take until every replica of it is in sync.
const BACK_WITHIN: Duration = Duration::from_mins(1);

/// Kills each broker of the cluster in turn with SIGKILL while `work` runs, and starts it again;
/// the next dies only when the last one is in sync. What `work` gave, and how many kills it saw.
pub(super) fn while_brokers_die<T>(
    cluster: &mut ClusterState,
    programs: &Programs,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, u32)> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let killer = scope.spawn(|| kill_in_turn(cluster, programs, &done));
        let gave = work();
        done.store(true, Ordering::Relaxed);
        let kills = killer.join().ok().context("the thread that kills brokers ended badly")?;
        Ok((gave?, kills?))
    })
}

fn kill_in_turn(cluster: &mut ClusterState, programs: &Programs, done: &AtomicBool) -> Result<u32> {
    let ids: Vec<u32> = cluster.brokers.iter().map(|broker| broker.id).collect();
    let mut kills = 0;
    for id in ids.into_iter().cycle() {
        if rests(UP, done) {
            break;
        }
        cluster.broker(id)?.kill()?;
        kills += 1;
        rests(DOWN, done);
        cluster::restart(cluster, &[id])?;
        wait_in_sync(cluster, programs, id)?;
    }
    Ok(kills)
}

/// Lets the time pass, or less when all is done; whether it is.
fn rests(time: Duration, done: &AtomicBool) -> bool {
    let is_done = || done.load(Ordering::Relaxed).then_some(());
    clock::poll_until(time, is_done).is_some()
}

fn wait_in_sync(cluster: &ClusterState, programs: &Programs, id: u32) -> Result<()> {
    let mut wait = Command::new(&programs.ctl);
    wait.args(["--brokers", &cluster.bootstrap, "broker", "wait", &id.to_string()])
        .args(["--for", "caught-up", &format!("--wait={}s", BACK_WITHIN.as_secs())])
        .stdin(Stdio::null());
    capture(&mut wait).with_context(|| format!("broker {id} is not in sync after a kill -9"))?;
    Ok(())
}
