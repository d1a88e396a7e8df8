//! What a cluster tells of a broker that died, also after every broker was restarted.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::clock::poll_until;
use crate::cluster::{self, ClusterState, Guard, Plan};
use crate::programs::Programs;
use crate::run::capture;
use crate::suites::Kit;
use crate::tally::Verdict;

/// Everything here comes within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

const TOPIC: &str = "orders";

/// What is asked for after it happened, and again after all were restarted.
#[derive(Debug)]
struct Account {
    events: Vec<Value>,
    /// What happened to the partition, the oldest first.
    history: Vec<Value>,
    partition: Value,
}

/// A broker dies and returns; then all are restarted. The story stays as it was, word for word, and
/// goes on with the restart.
pub(super) fn told_after_restarts(kit: &Kit) -> Result<Verdict> {
    let mut cluster = Guard::up(&Plan::of("test-story", 3)?, &kit.programs)?;
    let ctl = Ctl { programs: &kit.programs, bootstrap: cluster.0.bootstrap.clone() };
    let create = ["topic", "create", TOPIC, "-p", "3", "-r", "3", "-c", "min.insync.replicas=2"];
    ctl.items(&create)?;
    ctl.whole()?;
    let dies = ctl.leader()?;
    cluster.0.broker(dies)?.kill()?;
    poll_until(PATIENCE, || ctl.leader().ok().filter(|it| *it != dies))
        .with_context(|| format!("nobody leads {TOPIC}/0 after broker {dies} has died"))?;
    cluster::start(&mut cluster.0, &[dies])?;
    cluster.0.broker(dies)?.wait_ready(PATIENCE)?;
    ctl.whole()?;
    let before = ctl.account()?;
    verify_story(&before, dies)?;
    restart_all(&mut cluster.0)?;
    ctl.whole()?;
    let after = ctl.account()?;
    verify_kept(&before.events, &after.events, "events")?;
    verify_kept(&before.history, &after.history, "the history of the partition")?;
    let goes_on = after.events.get(before.events.len()..).unwrap_or_default();
    verify_restart(goes_on, &cluster.0)?;
    let epoch = |it: &Account| it.partition.get("leader_epoch").and_then(Value::as_u64);
    ensure!(epoch(&before) <= epoch(&after), "the leader epoch went back");
    let (told, more) = (before.events.len(), goes_on.len());
    Ok(Verdict::Passed(format!("{told} events kept word for word, {more} of the restart of all")))
}

fn restart_all(cluster: &mut ClusterState) -> Result<()> {
    let ids: Vec<u32> = cluster.brokers.iter().map(|it| it.id).collect();
    cluster::restart(cluster, &ids)
}

/// That the broker was gone, who led instead and why, and that it came back, in this order.
fn verify_story(told: &Account, dies: u32) -> Result<()> {
    let partition = format!("{TOPIC}/0");
    let leads_no_more = |it: &Value| {
        text(it, "subject") == partition
            && text(it, "event") == "leader_changed"
            && text(it, "message").starts_with(&format!("{dies} to "))
    };
    let gone = told.events.iter().position(leads_no_more);
    let gone = gone.with_context(|| format!("nothing tells that broker {dies} leads no more"))?;
    let after = told.events.get(gone..).unwrap_or_default();
    let is_back = |it: &&Value| {
        text(it, "event") == "broker_registered" && text(it, "subject") == format!("broker {dies}")
    };
    ensure!(after.iter().any(|it| is_back(&it)), "nothing tells that broker {dies} is back");
    let joins =
        |it: &Value| text(it, "event") == "isr_expanded" && text(it, "subject") == partition;
    ensure!(after.iter().any(joins), "nothing tells that its replica is in sync again");
    for it in after {
        ensure!(!text(it, "reason").is_empty(), "no reason is told: {it}");
    }
    let times: Vec<&str> = told.events.iter().map(|it| text(it, "at")).collect();
    ensure!(times.iter().all(|it| it.ends_with('Z')), "times without a zone");
    let told_of_partition = told.history.iter().any(|it| text(it, "event") == "leader_changed");
    ensure!(told_of_partition, "the history of {partition} does not tell of its leaders");
    Ok(())
}

/// What was told before is told again, in the same words and order.
fn verify_kept(before: &[Value], after: &[Value], what: &str) -> Result<()> {
    for (at, was) in before.iter().enumerate() {
        let is = after.get(at);
        ensure!(is == Some(was), "{what} changed: {was} became {is:?}");
    }
    Ok(())
}

/// Each broker of a restart registers again.
fn verify_restart(events: &[Value], cluster: &ClusterState) -> Result<()> {
    for broker in &cluster.brokers {
        let subject = format!("broker {}", broker.id);
        let registered =
            |it: &Value| text(it, "event") == "broker_registered" && text(it, "subject") == subject;
        ensure!(events.iter().any(registered), "nothing tells that {subject} was restarted");
    }
    Ok(())
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// kq-ctl on the cluster.
struct Ctl<'a> {
    programs: &'a Programs,
    bootstrap: String,
}

impl Ctl<'_> {
    fn items(&self, args: &[&str]) -> Result<Vec<Value>> {
        let mut ctl = Command::new(&self.programs.ctl);
        ctl.args(["--brokers", &self.bootstrap, "-o", "json"]).args(args).stdin(Stdio::null());
        let mut document: Value = serde_json::from_str(&capture(&mut ctl)?)?;
        let items = document.get_mut("items").and_then(Value::as_array_mut);
        items.map(std::mem::take).context("kq-ctl listed no items")
    }

    fn described(&self) -> Result<Value> {
        let place = format!("{TOPIC}/0");
        let first = self.items(&["partition", "describe", &place, "--history", "1000"])?;
        first.into_iter().next().context("no partition is described")
    }

    fn leader(&self) -> Result<u32> {
        let leader = self.described()?.get("leader").and_then(Value::as_u64);
        Ok(u32::try_from(leader.context("nobody leads")?)?)
    }

    /// Waits until `cluster status` finds nothing amiss.
    fn whole(&self) -> Result<()> {
        let status = || self.items(&["cluster", "status"]).ok()?.into_iter().next();
        let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_u64);
        let is_whole = |it: &Value| {
            number(it, "broker_running_count") == Some(3)
                && number(it, "offline_count") == Some(0)
                && number(it, "under_replicated_count") == Some(0)
        };
        let whole = poll_until(PATIENCE, || status().filter(is_whole));
        whole.with_context(|| format!("the cluster is not whole: {:?}", status()))?;
        Ok(())
    }

    fn account(&self) -> Result<Account> {
        let partition = self.described()?;
        let mut history = partition.get("history").and_then(Value::as_array).cloned();
        if let Some(history) = &mut history {
            history.reverse();
        }
        let history = history.context("a partition without a history")?;
        Ok(Account { events: self.items(&["events", "--all"])?, history, partition })
    }
}
