//! Which brokers there are to watch, and which of them to try next.

use std::collections::BTreeMap;

use kq_proto::client::Address;
use kq_proto::monitor::v1;

/// Brokers that frames have named and that are kept; no cluster has more.
const LEARNT_MAX: usize = 256;
/// A longer name is no host's.
const HOST_BYTES_MAX: usize = 255;
/// Named in words.
const NAMED_MAX: usize = 4;

/// The brokers of a cluster, as far as they are known.
#[derive(Debug, Clone)]
pub(super) struct Known {
    given: Vec<Address>,
    learnt: BTreeMap<u32, Address>,
    /// Asked since one answered last, in that order.
    tried: Vec<Address>,
    /// The broker that tells.
    teller: Option<u32>,
}

impl Known {
    pub(super) fn new(given: &[Address]) -> Self {
        Self { given: given.to_vec(), learnt: BTreeMap::new(), tried: Vec::new(), teller: None }
    }

    /// All of them, each once: those that were not tried first, as they were typed; then those that
    /// were, the one that was tried last at the end.
    pub(super) fn in_order(&mut self) -> Vec<Address> {
        if !self.is_any_untried() {
            // The next round; who was tried last comes last in it too.
            let last = self.tried.pop();
            self.tried.clear();
            self.tried.extend(last.filter(|_| self.all().len() > 1));
        }
        let (mut tried, mut order): (Vec<_>, Vec<_>) =
            self.all().into_iter().partition(|it| self.tried.contains(it));
        tried.sort_by_key(|it| self.tried.iter().position(|that| that == it));
        order.append(&mut tried);
        order
    }

    /// This one is asked. If it was asked before in this round, the others are not there.
    pub(super) fn asks(&mut self, address: &Address) {
        if self.tried.contains(address) {
            let others = self.all();
            self.tried = others.into_iter().filter(|it| it != address).collect();
        }
        self.tried.push(address.clone());
    }

    /// The one that was asked last has answered: of the others nothing is known any more.
    pub(super) fn answered(&mut self) {
        let last = self.tried.pop();
        self.tried.clear();
        self.tried.extend(last);
    }

    /// Whether there is one that has not been asked in this round.
    pub(super) fn is_any_untried(&self) -> bool {
        self.all().iter().any(|it| !self.tried.contains(it))
    }

    /// Takes in where brokers are, and which are gone. Tells whether a frame says anything of that.
    pub(super) fn learn(&mut self, frame: &v1::WatchResponse) -> bool {
        if frame.whole {
            self.learnt.clear();
        }
        for id in &frame.brokers_gone {
            self.learnt.remove(id);
        }
        for broker in &frame.brokers {
            let Some(address) = address(broker) else { continue };
            if self.learnt.len() < LEARNT_MAX || self.learnt.contains_key(&broker.id) {
                self.learnt.insert(broker.id, address);
            }
        }
        if let Some(cluster) = &frame.cluster {
            self.teller = Some(cluster.answered_by);
        }
        frame.whole || !frame.brokers_gone.is_empty() || !frame.brokers.is_empty()
    }

    /// Where each of them is; the one that is watched is where it was reached, whatever it is called.
    pub(super) fn by_id(&self, watched: &Address) -> BTreeMap<u32, Address> {
        let mut by_id = self.learnt.clone();
        by_id.extend(self.teller.map(|id| (id, watched.clone())));
        by_id
    }

    /// For the eyes: the first of them, and how many more.
    pub(super) fn words(&self) -> String {
        let all = self.all();
        let named: Vec<String> = all.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        match all.len().saturating_sub(NAMED_MAX) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }

    /// All of them, as they were typed and told.
    pub(super) fn all(&self) -> Vec<Address> {
        let mut all = self.given.clone();
        for address in self.learnt.values() {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all
    }
}

fn address(broker: &v1::BrokerState) -> Option<Address> {
    if broker.host.is_empty() || broker.host.len() > HOST_BYTES_MAX {
        return None;
    }
    let host = &broker.host;
    let is_v6 = host.contains(':');
    let host = if is_v6 { format!("[{host}]") } else { host.clone() };
    format!("{host}:{}", broker.port).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(brokers: &[(u32, &str)]) -> v1::WatchResponse {
        let brokers = brokers.iter().map(|(id, host)| v1::BrokerState {
            id: *id,
            host: (*host).to_owned(),
            port: 9092,
            ..v1::BrokerState::default()
        });
        v1::WatchResponse { whole: true, brokers: brokers.collect(), ..Default::default() }
    }

    fn order(known: &mut Known) -> String {
        known.in_order().iter().map(|it| it.host().to_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn brokers_that_were_told_are_tried_too() {
        let mut known = Known::new(&["a".parse().unwrap()]);
        assert_eq!(order(&mut known), "a");
        known.asks(&"a".parse().unwrap());
        known.learn(&frame(&[(1, "a"), (2, "b"), (3, "c"), (4, ""), (5, "no host")]));
        known.answered();
        assert_eq!(order(&mut known), "b c a");
        known.asks(&"b".parse().unwrap());
        assert!(known.is_any_untried());
        assert_eq!(order(&mut known), "c a b");
        known.asks(&"c".parse().unwrap());
        assert!(!known.is_any_untried());
        assert_eq!(order(&mut known), "a b c");
        assert!(known.is_any_untried());
        known.asks(&"a".parse().unwrap());
        known.asks(&"a".parse().unwrap());
        assert!(!known.is_any_untried(), "the others cannot be reached");
    }

    #[test]
    fn who_is_watched_is_where_it_was_reached() {
        let tunnel: Address = "localhost:1".parse().unwrap();
        let mut known = Known::new(std::slice::from_ref(&tunnel));
        let cluster = v1::ClusterState { answered_by: 2, ..Default::default() };
        known.learn(&v1::WatchResponse { cluster: Some(cluster), ..frame(&[(1, "a"), (2, "b")]) });
        let at: Vec<String> = known.by_id(&tunnel).values().map(ToString::to_string).collect();
        assert_eq!(at, ["a:9092", "localhost:1"]);
    }

    #[test]
    fn a_broker_that_names_thousands_is_not_believed() {
        let mut known = Known::new(&["a".parse().unwrap()]);
        let hosts: Vec<String> = (0..5_000).map(|id| format!("h{id}")).collect();
        let named: Vec<(u32, &str)> = (0..).zip(hosts.iter().map(String::as_str)).collect();
        known.learn(&frame(&named));
        assert_eq!(known.in_order().len(), LEARNT_MAX + 1);
        assert_eq!(known.words(), "a:9092, h0:9092, h1:9092, h2:9092 and 253 more");
    }
}
