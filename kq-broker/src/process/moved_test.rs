//! Brokers that come back on their directories at other addresses, which nobody told the others.

use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use super::Broker;
use super::cluster_test::{Cluster, SOON, state};
use super::standing_test::alone;
use crate::config::BrokerConfig;
use crate::metadata::BrokerState;
use crate::peers::address_of;
use crate::raft::QuorumChange;

/// Long enough for any start that needs no more than to be found.
const FOUND_WITHIN: Duration = Duration::from_mins(1);

async fn started(config: BrokerConfig) -> Broker {
    let start = Box::pin(Broker::start(config));
    tokio::time::timeout(FOUND_WITHIN, start).await.expect("it is found in time").unwrap()
}

/// Stops a broker and starts it again on another port, without a word of where the others are. The
/// old port stays closed.
async fn move_elsewhere(cluster: &mut Cluster, nth: usize) {
    let old = cluster.addresses[nth].clone();
    cluster.stop(nth).await;
    let held = TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind(old.parse().unwrap()).unwrap();
    let dir = cluster.dir.path().join(nth.to_string());
    let broker = started(alone(&dir, "")).await;
    cluster.set(nth, broker);
    assert_ne!(cluster.addresses[nth], old);
}

/// Waits until everybody has all brokers where they are: by registration, and by the membership,
/// which a start goes by.
async fn wait_all_known(cluster: &Cluster) {
    let is_registered = |nth: usize, image: &crate::metadata::MetadataImage| {
        let broker = image.broker(Cluster::id(nth));
        let at = broker.and_then(|it| address_of(it.endpoints.first()?));
        state(image, nth) == Some(BrokerState::Active) && at == Some(cluster.addresses[nth].clone())
    };
    cluster.wait_all(|image| (0..3).all(|nth| is_registered(nth, image))).await;
    let named = async {
        for broker in cluster.up() {
            loop {
                let mut members = broker.node().controller.quorum();
                members.sort_by_key(|it| it.broker);
                if members.iter().map(|it| &it.address).eq(&cluster.addresses) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(SOON, named).await.expect("the membership follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_that_returns_on_another_port_is_found() {
    let mut cluster = Cluster::of_three().await;
    for nth in [2, cluster.leader().await] {
        move_elsewhere(&mut cluster, nth).await;
        wait_all_known(&cluster).await;
    }
    cluster.wait_voters(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_learner_that_returns_on_another_port_is_found() {
    let mut cluster = Cluster::of_three().await;
    let learner = (cluster.leader().await + 1) % 3;
    let change = QuorumChange::RemoveVoter(Cluster::id(learner));
    cluster.at(learner).node().controller.change_quorum(change, "", SOON).await.unwrap();
    move_elsewhere(&mut cluster, learner).await;
    wait_all_known(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_all_moved_find_together_by_one_name() {
    let mut cluster = Cluster::of_three().await;
    for nth in [2, 1, 0] {
        cluster.stop(nth).await;
    }
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = free.local_addr().unwrap().to_string();
    drop(free);
    cluster.addresses = vec![first.clone(), "127.0.0.1:0".to_owned(), "127.0.0.1:0".to_owned()];
    start_together(&mut cluster, &first).await;
    assert_eq!(cluster.addresses[0], first);
    wait_all_known(&cluster).await;
    // From now on they know.
    for nth in [2, 1, 0] {
        cluster.stop(nth).await;
    }
    start_together(&mut cluster, "").await;
    wait_all_known(&cluster).await;
}

/// Starts all three where they are to be; the first one is told of nobody.
async fn start_together(cluster: &mut Cluster, named: &str) {
    let config = |nth: usize| BrokerConfig {
        join: [named]
            .iter()
            .filter(|it| nth > 0 && !it.is_empty())
            .map(ToString::to_string)
            .collect(),
        ..cluster.config(nth, &[])
    };
    let starts = [0, 1, 2].map(|nth| started(config(nth)));
    let brokers = futures::future::join_all(starts).await;
    for (nth, broker) in brokers.into_iter().enumerate() {
        cluster.set(nth, broker);
    }
}
