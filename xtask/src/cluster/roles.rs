//! Who does what in a cluster, as its brokers and its relay tell.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{ClusterState, Standing};
use crate::relay::{LinkView, Order};
use crate::run::capture;

/// What is known at one time; a cluster that does not answer leaves it empty.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    controller: Option<u64>,
    voters: Vec<u64>,
    leaders: BTreeMap<u64, u64>,
    links: Vec<LinkView>,
}

impl Roles {
    /// Asks a broker that is ready, through `kq-ctl`, and the relay.
    pub(crate) fn of(cluster: &ClusterState) -> Self {
        let links = cluster.network(Order::Show).unwrap_or_default();
        let ready = cluster.brokers.iter().filter(|it| it.standing() == Standing::Ready);
        for broker in ready {
            let ask = |noun: &[&str]| {
                let mut ctl = Command::new(broker.program().with_file_name("kq-ctl"));
                ctl.args(["--brokers", &broker.address, "--timeout", "3s", "-o", "json"]);
                let said = capture(ctl.args(noun).stdin(Stdio::null())).ok()?;
                let document: Value = serde_json::from_str(&said).ok()?;
                document.get("items")?.as_array().cloned()
            };
            let Some(described) = ask(&["cluster", "describe"]) else { continue };
            let described = described.first();
            let controller = described.and_then(|it| it.get("controller")?.as_u64());
            let voters = described.and_then(|it| it.get("voters")?.as_array());
            let voters = voters.into_iter().flatten().filter_map(Value::as_u64).collect();
            let listed = ask(&["broker", "list"]).unwrap_or_default();
            let leaders = listed
                .iter()
                .filter_map(|it| Some((it.get("id")?.as_u64()?, it.get("leader_count")?.as_u64()?)))
                .collect();
            return Self { controller, voters, leaders, links };
        }
        Self { links, ..Self::default() }
    }

    /// The broker's part in the quorum, if the cluster told.
    pub(crate) fn in_quorum(&self, id: u32) -> Option<&'static str> {
        let id = u64::from(id);
        match self.controller {
            Some(controller) if controller == id => Some("leader"),
            _ if self.voters.contains(&id) => Some("voter"),
            _ if self.voters.is_empty() => None,
            _ => Some("learner"),
        }
    }

    /// How many partitions it leads, if the cluster told.
    pub(crate) fn leads(&self, id: u32) -> Option<u64> {
        self.leaders.get(&u64::from(id)).copied()
    }

    /// What the relay does to its traffic.
    pub(crate) fn network(&self, id: u32) -> &'static str {
        let all_cut = |ours: &dyn Fn(&LinkView) -> bool| {
            let mut links = self.links.iter().filter(|it| ours(it)).peekable();
            links.peek().is_some() && links.all(|it| it.cut)
        };
        let ours = |it: &&LinkView| it.from == id || it.to == id;
        let slow = |it: &LinkView| 0 < it.delay_ms || it.bytes_per_second.is_some();
        match (all_cut(&|it| it.from == id), all_cut(&|it| it.to == id)) {
            (true, true) => "cut off",
            (true, false) => "cut off outwards",
            (false, true) => "cut off inwards",
            (false, false) if self.links.iter().filter(ours).any(|it| it.cut) => "partly cut off",
            (false, false) if self.links.iter().filter(ours).any(slow) => "slow",
            (false, false) => "whole",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_cut_off_one_way_is_told_from_its_peers() {
        let link = |from, to| LinkView {
            from,
            to,
            port: 0,
            cut: from == 1,
            delay_ms: u64::from(from == 2 && to == 3),
            bytes_per_second: None,
            connections: 0,
        };
        let pairs = [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)];
        let links = pairs.iter().map(|(from, to)| link(*from, *to)).collect();
        let roles = Roles { links, ..Roles::default() };
        assert_eq!(roles.network(1), "cut off outwards");
        assert_eq!(roles.network(2), "partly cut off");
        assert_eq!(roles.in_quorum(1), None);
    }

    #[test]
    fn a_broker_beyond_the_voters_is_a_learner() {
        let roles = Roles { controller: Some(2), voters: vec![1, 2, 3], ..Roles::default() };
        let parts = [1, 2, 4].map(|id| roles.in_quorum(id));
        assert_eq!(parts, [Some("voter"), Some("leader"), Some("learner")]);
    }
}
