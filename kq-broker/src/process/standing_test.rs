//! Brokers that are let in no more, or not here: what they are told when they start.

use std::path::Path;
use std::time::Duration;

use super::cluster_test::{Cluster, SOON, state};
use super::standing::verify_cluster;
use super::{Broker, ProcessError};
use crate::config::{self, BrokerConfig};
use crate::controller::Command;
use crate::ids::ClusterId;
use crate::metadata::BrokerState;
use crate::raft::QuorumChange;

/// Long enough for any start to be refused.
const REFUSED_WITHIN: Duration = Duration::from_mins(1);

async fn refusal(config: BrokerConfig) -> ProcessError {
    let started = tokio::time::timeout(REFUSED_WITHIN, Box::pin(Broker::start(config)));
    started.await.expect("it is refused in time").expect_err("it is not let in")
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn alone(dir: &Path, join: &str) -> BrokerConfig {
    let dir = dir.to_str().unwrap();
    let args = ["kq-broker", "--listen", "127.0.0.1:0", "--data-dir", dir, "--join", join];
    config::load(args.map(Into::into), |_| None).unwrap().config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unregistered_broker_is_told_so_when_it_starts_again() {
    let mut cluster = Cluster::of_three().await;
    cluster.stop(2).await;
    cluster.wait_all(|image| state(image, 2) == Some(BrokerState::Fenced)).await;
    let asked = &cluster.at(0).node().controller;
    let command = Command::UnregisterBroker { broker: Cluster::id(2), validate_only: false };
    asked.submit_for("sold", command, SOON).await.unwrap();
    asked.change_quorum(QuorumChange::Forget(Cluster::id(2)), "", SOON).await.unwrap();
    let refused = refusal(cluster.config(2, &[])).await;
    let ProcessError::Refused(why) = refused else { panic!("{refused}") };
    let cluster_id = asked.cluster_id().0;
    assert!(why.contains(&format!("broker 3 was unregistered from cluster {cluster_id} at ")));
    assert!(why.contains("(sold)") && why.contains("empty data directory"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_directory_is_refused_while_its_original_lives() {
    let mut cluster = Cluster::of_three().await;
    cluster.stop(2).await;
    let copy = cluster.dir.path().join("copy");
    copy_dir(&cluster.dir.path().join("2"), &copy);
    cluster.start(2).await;
    let mut config = alone(&copy, &cluster.addresses[0]);
    // It waits a few of these for the other one to be fenced.
    config.session_ms = 500;
    let refused = refusal(config).await;
    let ProcessError::Refused(why) = refused else { panic!("{refused}") };
    let lives = format!("another process is this broker, at {}", cluster.addresses[2]);
    assert!(why.contains("broker 3 is registered already") && why.contains(&lives), "{why}");
    cluster.wait_all(|image| state(image, 2) == Some(BrokerState::Active)).await;
    for nth in 0..2 {
        let peers = cluster.at(nth).node().controller.peers().clone();
        assert_eq!(peers.address(Cluster::id(2)).as_deref(), Some(&*cluster.addresses[2]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_of_one_cluster_joins_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("here"), dir.path().join("there"));
    let other = Box::pin(Broker::start(alone(&there, ""))).await.unwrap();
    let own = Box::pin(Broker::start(alone(&here, ""))).await.unwrap();
    let ids = [&own, &other].map(|it| it.node().controller.cluster_id());
    own.stop().await.unwrap();
    let address = other.address().to_string();
    let why = refusal(alone(&here, &address)).await.to_string();
    assert!(ids.iter().all(|id| why.contains(&id.0)) && why.contains(&address), "{why}");
    // Its own cluster, and one that does not answer, are no reason to stay away.
    let named = [address];
    verify_cluster(&named, (&ids[1], 1)).await.unwrap();
    other.stop().await.unwrap();
    verify_cluster(&named, (&ClusterId("third".to_owned()), 1)).await.unwrap();
    let again = Box::pin(Broker::start(alone(&here, &named[0]))).await.unwrap();
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_without_a_port_cannot_be_joined() {
    let dir = tempfile::tempdir().unwrap();
    let why = refusal(alone(dir.path(), "foo")).await.to_string();
    assert!(why.contains("'foo' is not of the form host:port"), "{why}");
}
