//! What is written down of a cluster: enough to find, stop and start it again, and to add to it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::broker::{BrokerState, Seat};
use super::plan::verify_count;
use super::relay::RelayState;
use super::{Plan, Roles, Standing};
use crate::programs::Programs;
use crate::relay::{LinkView, Order};
use crate::run::target;

/// The broker's default of `controller.voters`.
const VOTERS_DEFAULT: usize = 3;

/// A cluster as `cluster.json` holds it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClusterState {
    pub(crate) name: String,
    pub(crate) bootstrap: String,
    pub(crate) brokers: Vec<BrokerState>,
    #[serde(default)]
    pub(crate) relay: Option<RelayState>,
    /// Racks that brokers take in turn.
    #[serde(default)]
    pub(crate) racks: Vec<String>,
    /// Keys of the brokers' configuration over what a local cluster sets.
    #[serde(default)]
    settings: Vec<(String, String)>,
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

    /// What `plan` asks for, with the brokers' configurations written; only the relay runs.
    pub(super) fn planned(plan: &Plan, programs: &Programs) -> Result<Self> {
        let dir = directory(&plan.name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let relay = plan.relayed.then(|| RelayState::start(&dir, plan.base_port)).transpose()?;
        let mut cluster = Self {
            name: plan.name.clone(),
            bootstrap: String::new(),
            brokers: Vec::new(),
            relay,
            racks: plan.racks.clone(),
            settings: plan.settings.clone(),
        };
        for id in 1..=plan.brokers {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plan.port(id)?));
            let mut seat = cluster.seat(id, address, &programs.broker);
            if let Some(data_dir) = plan.data_dirs.get(&id) {
                seat.data_dir.clone_from(data_dir);
            }
            cluster.take_seat(seat)?;
        }
        cluster.save()?;
        Ok(cluster)
    }

    /// Writes the configuration of the broker after the last one; its id.
    pub(super) fn plan_one_more(&mut self, rack: Option<&str>) -> Result<u32> {
        let last = self.brokers.last().context("a cluster without brokers")?;
        let id = last.id + 1;
        verify_count(id)?;
        let port = last.port().checked_add(1).context("no port is left above the last broker")?;
        let program = last.program().to_path_buf();
        let mut seat = self.seat(id, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), &program);
        if let Some(rack) = rack {
            seat.rack = Some(rack.to_owned());
        }
        self.take_seat(seat)?;
        Ok(id)
    }

    fn seat(&self, id: u32, address: SocketAddr, program: &std::path::Path) -> Seat {
        let home = directory(&self.name).join(format!("broker-{id}"));
        let turn = usize::try_from(id - 1).unwrap_or_default();
        let join = self.brokers.iter().map(|it| match &self.relay {
            Some(relay) => relay.address(id, it.id).map(|it| it.to_string()),
            None => Some(it.address.clone()),
        });
        let peers = self.relay.as_ref().map(|relay| relay.addresses(id)).unwrap_or_default();
        Seat {
            id,
            address,
            rack: self.racks.get(turn % self.racks.len().max(1)).cloned(),
            data_dir: home.join("data"),
            config: home.join("broker.toml"),
            program: program.to_path_buf(),
            join: join.flatten().collect(),
            peers,
        }
    }

    fn take_seat(&mut self, seat: Seat) -> Result<()> {
        let config = seat.config.clone();
        if let Some(home) = config.parent() {
            fs::create_dir_all(home)
                .with_context(|| format!("cannot create {}", home.display()))?;
        }
        fs::write(&config, seat.configuration(&self.settings))
            .with_context(|| format!("cannot write {}", config.display()))?;
        self.brokers.push(BrokerState::stopped(seat));
        let addresses = self.brokers.iter().map(|it| it.address.as_str());
        self.bootstrap = addresses.collect::<Vec<_>>().join(",");
        Ok(())
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

    /// The rack of each broker, so that it keeps it in a cluster that is started again.
    pub(crate) fn racks_taken(&self) -> Vec<String> {
        self.brokers.iter().filter_map(|it| it.rack.clone()).collect()
    }

    /// Whether no broker runs.
    pub(crate) fn is_stopped(&self) -> bool {
        self.brokers.iter().all(|broker| broker.standing() == Standing::Stopped)
    }

    /// Gives the relay an order; the links as they are then.
    pub(crate) fn network(&self, order: Order) -> Result<Vec<LinkView>> {
        let relay = self.relay.as_ref().context("the brokers of this cluster have no relay")?;
        relay.order(order)
    }

    /// How many voters its quorum grows to: an odd number, for an even one outlives no more.
    pub(super) fn voters_wanted(&self) -> usize {
        let set = self.settings.iter().rev().find(|(key, _)| key == "controller.voters");
        let most = set.and_then(|(_, value)| value.parse().ok()).unwrap_or(VOTERS_DEFAULT);
        let brokers = self.brokers.len();
        most.min(brokers - usize::from(brokers.is_multiple_of(2)))
    }

    /// Refuses to start brokers that could not reach the others.
    pub(super) fn verify_network(&self) -> Result<()> {
        if self.relay.as_ref().is_some_and(|relay| !relay.is_alive()) {
            bail!(
                "the relay of cluster {name} is gone; `cargo xtask cluster down --keep-data \
                 --name {name}`, then `up`",
                name = self.name
            );
        }
        Ok(())
    }

    /// What `cluster status -o json` prints; outside scripts rely on these names.
    pub(crate) fn to_json(&self, roles: &Roles) -> serde_json::Value {
        let brokers: Vec<_> = self.brokers.iter().map(|it| it.to_json(roles)).collect();
        serde_json::json!({ "name": self.name, "bootstrap": self.bootstrap, "brokers": brokers })
    }
}

fn file_of(name: &str) -> PathBuf {
    directory(name).join("cluster.json")
}
