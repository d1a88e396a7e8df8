//! What a cluster says of itself, through `kq-ctl`.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::{NAME, World};
use crate::chaos::leaders::differ;
use crate::chaos::placement::Placement;
use crate::run::{capture, shown};

/// The exit status of an answer that is a no.
const NO: i32 = 10;

/// A partition as `kq-ctl` tells.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::chaos) struct PartitionView {
    pub(in crate::chaos) partition: i32,
    pub(in crate::chaos) leader: Option<u32>,
    pub(in crate::chaos) leader_epoch: u64,
    pub(in crate::chaos) replicas: Vec<u32>,
    pub(in crate::chaos) isr: Vec<u32>,
}

impl PartitionView {
    pub(super) fn is_whole(&self) -> bool {
        self.leader.is_some() && self.isr.len() == self.replicas.len()
    }
}

impl World {
    fn command(&self, args: &[&str]) -> Command {
        self.command_at(&self.cluster.bootstrap, args)
    }

    fn command_at(&self, brokers: &str, args: &[&str]) -> Command {
        let mut ctl = Command::new(&self.programs.ctl);
        ctl.args(["--brokers", brokers]).args(args).stdin(Stdio::null());
        ctl
    }

    /// Runs kq-ctl on the cluster.
    pub(in crate::chaos) fn ctl(&self, args: &[&str]) -> Result<String> {
        capture(&mut self.command(args))
    }

    /// The document that it prints.
    pub(in crate::chaos) fn document(&self, args: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(&self.ctl(&[args, &["-o", "json"]].concat())?)?)
    }

    /// What it lists.
    pub(in crate::chaos) fn items(&self, args: &[&str]) -> Result<Vec<Value>> {
        items_of(self.document(args)?)
    }

    /// The same of an answer that may be a no.
    pub(in crate::chaos) fn items_or_no(&self, args: &[&str]) -> Result<Vec<Value>> {
        let mut command = self.command(&[args, &["-o", "json"]].concat());
        let ran = command.output().with_context(|| format!("cannot start {}", shown(&command)))?;
        if !ran.status.success() && ran.status.code() != Some(NO) {
            bail!("{} ended with {}", shown(&command), ran.status);
        }
        items_of(serde_json::from_slice(&ran.stdout)?)
    }

    /// The broker whose controller leads.
    pub(in crate::chaos) fn controller(&self) -> Result<u32> {
        self.quorum().map(|(leader, _)| leader)
    }

    /// Whether a broker has a vote in the quorum.
    pub(in crate::chaos) fn votes(&self, id: u32) -> Result<bool> {
        let members = self.items(&["quorum", "status"])?;
        let member = members.iter().find(|it| it.get("broker") == Some(&id.into()));
        let role = member.and_then(|it| it.get("role")?.as_str());
        Ok(matches!(role, Some("leader" | "voter")))
    }

    /// Who leads the quorum, and in which term.
    pub(in crate::chaos) fn quorum(&self) -> Result<(u32, u64)> {
        let told = self.document(&["quorum", "status"])?;
        let number = |name: &str| told.pointer(&format!("/summary/{name}")).and_then(Value::as_u64);
        let leader = number("leader").context("nobody leads the quorum")?;
        Ok((u32::try_from(leader)?, number("term").context("a leader without a term")?))
    }

    /// The committed history, the oldest event first; fails when brokers tell it differently.
    pub(in crate::chaos) fn history(&self) -> Result<Vec<Value>> {
        let mut longest = Vec::new();
        for broker in &self.cluster.brokers {
            let args = ["events", "--all", "-o", "json"];
            let told = capture(&mut self.command_at(&broker.address, &args))?;
            let told = items_of(serde_json::from_str(&told)?)?;
            if let Some(fault) = differ(&longest, &told) {
                bail!("{fault} (broker {})", broker.id);
            }
            if longest.len() < told.len() {
                longest = told;
            }
        }
        Ok(longest)
    }

    /// The partitions of our topic.
    pub(in crate::chaos) fn partitions(&self) -> Result<Vec<PartitionView>> {
        self.partitions_of(NAME)
    }

    /// The partitions of a topic.
    pub(in crate::chaos) fn partitions_of(&self, topic: &str) -> Result<Vec<PartitionView>> {
        let said = self.document(&["--timeout", "5s", "topic", "describe", topic])?;
        let partitions = said.pointer("/items/0/partitions").context("no partitions in it")?;
        let views: Vec<PartitionView> = serde_json::from_value(partitions.clone())?;
        ensure!(!views.is_empty(), "a topic without partitions");
        Ok(views)
    }

    /// Whether every partition of every topic has all its replicas in sync.
    pub(in crate::chaos) fn is_whole(&self) -> Result<bool> {
        let items = self.items(&["--timeout", "5s", "partition", "list", "--internal"])?;
        let count = |it: &Value, name: &str| it.get(name).and_then(Value::as_array).map(Vec::len);
        let is_whole = |it: &Value| {
            it.get("leader").is_some_and(Value::is_u64) && count(it, "isr") == count(it, "replicas")
        };
        Ok(items.iter().all(is_whole))
    }

    /// Where every replica of every topic is.
    pub(in crate::chaos) fn placement(&self) -> Result<Placement> {
        let place = |it: &Value| {
            let topic = it.get("topic")?.as_str()?.to_owned();
            let replicas = it.get("replicas")?.as_array()?;
            let replicas = replicas.iter().filter_map(Value::as_u64).collect();
            Some(((topic, it.get("partition")?.as_u64()?), replicas))
        };
        let items = self.items(&["partition", "list", "--internal"])?;
        items.iter().map(|it| place(it).with_context(|| format!("no replicas in {it}"))).collect()
    }
}

fn items_of(mut document: Value) -> Result<Vec<Value>> {
    let items = document.get_mut("items").and_then(Value::as_array_mut);
    items.map(std::mem::take).context("kq-ctl listed no items")
}
