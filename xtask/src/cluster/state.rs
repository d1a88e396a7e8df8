//! What is written down of a cluster: enough to find, stop and start it again.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Plan;
use super::broker::BrokerState;
use crate::programs::Programs;
use crate::run::target;

/// A cluster as `cluster.json` holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClusterState {
    pub(crate) name: String,
    pub(crate) bootstrap: String,
    pub(crate) brokers: Vec<BrokerState>,
}

/// The folder of a cluster.
pub(crate) fn directory(name: &str) -> PathBuf {
    target().join("clusters").join(name)
}

impl ClusterState {
    /// The cluster of that name, running or stopped.
    pub(crate) fn find(name: &str) -> Result<Option<Self>> {
        let file = file_of(name);
        if !file.exists() {
            return Ok(None);
        }
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let state = serde_json::from_str(&text)
            .with_context(|| format!("{} is no description of a cluster", file.display()))?;
        Ok(Some(state))
    }

    /// The names of all clusters, running or stopped.
    pub(crate) fn names() -> Vec<String> {
        let entries = fs::read_dir(target().join("clusters")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| file_of(name).exists())
            .collect();
        names.sort();
        names
    }

    /// What `plan` asks for, with the brokers' configurations written and nothing started.
    pub(super) fn planned(plan: &Plan, programs: &Programs) -> Result<Self> {
        let dir = directory(&plan.name);
        let mut brokers = Vec::new();
        for id in 1..=plan.brokers {
            let above = u16::try_from(id - 1).ok().and_then(|it| plan.base_port.checked_add(it));
            let port = above.context("the base port leaves no room for that many brokers")?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let home = dir.join(format!("broker-{id}"));
            let data_dir = plan.data_dir.clone().unwrap_or_else(|| home.join("data"));
            fs::create_dir_all(&home)
                .with_context(|| format!("cannot create {}", home.display()))?;
            let config = home.join("broker.toml");
            let text = configuration(id, address, &data_dir, &plan.settings);
            fs::write(&config, text)
                .with_context(|| format!("cannot write {}", config.display()))?;
            brokers.push(BrokerState::stopped(id, address, data_dir, config, &programs.broker));
        }
        let bootstrap = brokers.iter().map(|it| it.address.clone()).collect::<Vec<_>>().join(",");
        Ok(Self { name: plan.name.clone(), bootstrap, brokers })
    }

    /// Writes it down, whole or not at all.
    pub(crate) fn save(&self) -> Result<()> {
        let file = file_of(&self.name);
        let fresh = file.with_extension("json.new");
        let text = serde_json::to_string_pretty(self)?;
        fs::write(&fresh, text)
            .and_then(|()| fs::rename(&fresh, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// One broker by its id.
    pub(crate) fn broker(&self, id: u32) -> Result<&BrokerState> {
        let found = self.brokers.iter().find(|it| it.id == id);
        found.with_context(|| self.no_broker(id))
    }

    /// The same, to be changed.
    pub(crate) fn broker_mut(&mut self, id: u32) -> Result<&mut BrokerState> {
        let missing = self.no_broker(id);
        self.brokers.iter_mut().find(|it| it.id == id).context(missing)
    }

    fn no_broker(&self, id: u32) -> String {
        let ids: Vec<String> = self.brokers.iter().map(|it| it.id.to_string()).collect();
        format!("cluster {} has no broker {id}, only {}", self.name, ids.join(", "))
    }

    /// What `cluster status -o json` prints; outside scripts rely on these names.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let brokers: Vec<_> = self.brokers.iter().map(BrokerState::to_json).collect();
        serde_json::json!({ "name": self.name, "bootstrap": self.bootstrap, "brokers": brokers })
    }
}

fn file_of(name: &str) -> PathBuf {
    directory(name).join("cluster.json")
}

/// A broker's TOML: what a local cluster needs, then what the plan adds.
fn configuration(
    id: u32,
    address: SocketAddr,
    data_dir: &Path,
    settings: &[(String, String)],
) -> String {
    let mut lines = vec![
        format!("\"node.id\" = {id}"),
        format!("\"listen\" = \"{address}\""),
        format!("\"data.dir\" = {:?}", data_dir.display().to_string()),
    ];
    lines.extend(settings.iter().map(|(key, value)| format!("\"{key}\" = {value}")));
    lines.push(String::new());
    lines.join("\n")
}
