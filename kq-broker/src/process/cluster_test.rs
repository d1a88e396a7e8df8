//! Several whole brokers in this process: they find one another, decide together, and leave in order.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use tempfile::TempDir;

use super::Broker;
use crate::config::{self, BrokerConfig};
use crate::controller::{Command, NewTopic, TopicRef};
use crate::group::GroupId;
use crate::ids::BrokerId;
use crate::metadata::{BrokerState, Event, EventKind, MetadataImage};
use crate::runtime::{Groups, OFFSETS_TOPIC};

pub(super) const SOON: Duration = Duration::from_secs(30);

/// Up to three brokers; the first is the one that the others join.
pub(super) struct Cluster {
    pub(super) dir: TempDir,
    brokers: Vec<Option<Broker>>,
    pub(super) addresses: Vec<String>,
}

impl Cluster {
    pub(super) async fn of_three() -> Self {
        let mut cluster = Self {
            dir: tempfile::tempdir().unwrap(),
            brokers: vec![None, None, None],
            addresses: vec!["127.0.0.1:0".to_owned(); 3],
        };
        for nth in 0..3 {
            cluster.start(nth).await;
        }
        cluster.wait_voters(3).await;
        cluster
    }

    pub(super) fn config(&self, nth: usize, flags: &[&str]) -> BrokerConfig {
        let data_dir = self.dir.path().join(nth.to_string());
        let base = [
            "kq-broker",
            "--listen",
            &self.addresses[nth],
            "--data-dir",
            data_dir.to_str().unwrap(),
            "--join",
            if nth == 0 { "" } else { &self.addresses[0] },
        ];
        let args = base.iter().chain(flags).map(|it| (*it).into());
        config::load(args, |_| None).unwrap().config
    }

    pub(super) async fn start(&mut self, nth: usize) {
        let broker = Box::pin(Broker::start(self.config(nth, &[]))).await.unwrap();
        self.set(nth, broker);
    }

    /// A broker that runs has this place now.
    pub(super) fn set(&mut self, nth: usize, broker: Broker) {
        self.addresses[nth] = broker.address().to_string();
        self.brokers[nth] = Some(broker);
    }

    pub(super) async fn stop(&mut self, nth: usize) {
        self.brokers[nth].take().unwrap().stop().await.unwrap();
    }

    pub(super) fn at(&self, nth: usize) -> &Broker {
        self.brokers[nth].as_ref().unwrap()
    }

    /// The brokers that are up.
    pub(super) fn up(&self) -> impl Iterator<Item = &Broker> {
        self.brokers.iter().flatten()
    }

    pub(super) async fn wait_voters(&self, count: usize) {
        let formed = async {
            while self.up().any(|it| it.node().controller.status().voters.len() != count) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, formed).await.expect("the voters are made in time");
    }

    /// Waits until all that are up see this.
    pub(super) async fn wait_all(&self, seen: impl Fn(&MetadataImage) -> bool) {
        for broker in self.up() {
            let mut images = broker.node().controller.subscribe();
            let reached = images.wait_for(|image| seen(image));
            tokio::time::timeout(SOON, reached).await.expect("all see it in time").unwrap();
        }
    }

    async fn create(&self, nth: usize, name: &str) {
        let topic = NewTopic { name: name.to_owned(), ..NewTopic::default() };
        let command = Command::CreateTopics { topics: vec![topic], validate_only: false };
        self.at(nth).node().controller.submit(command, SOON).await.unwrap();
        assert!(self.at(nth).node().image().topic_by_name(name).is_some());
    }

    /// The place of the broker that leads the quorum.
    pub(super) async fn leader(&self) -> usize {
        let found = async {
            loop {
                let leads = |it: &Option<Broker>| {
                    it.as_ref().is_some_and(|it| it.node().controller.is_leader())
                };
                if let Some(nth) = self.brokers.iter().position(leads) {
                    return nth;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, found).await.expect("somebody leads in time")
    }

    pub(super) fn id(nth: usize) -> BrokerId {
        BrokerId(u32::try_from(nth).unwrap() + 1)
    }
}

pub(super) fn state(image: &MetadataImage, nth: usize) -> Option<BrokerState> {
    image.broker(Cluster::id(nth)).map(|it| it.state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_brokers_share_one_image_and_take_commands_anywhere() {
    let mut cluster = Cluster::of_three().await;
    let ids: Vec<BrokerId> = cluster.up().map(|it| it.node().broker_id).collect();
    assert_eq!(ids, [1, 2, 3].map(BrokerId), "numbers are given out in the order of joining");
    for nth in 0..3 {
        cluster.create(nth, &format!("by-{nth}")).await;
    }
    cluster.wait_all(|image| image.topics().count() == 3).await;
    cluster.wait_all(|image| image.live_brokers().count() == 3).await;
    let delete = Command::DeleteTopics {
        topics: vec![TopicRef::Name("by-0".to_owned())],
        keep_for_ms: None,
        validate_only: false,
    };
    cluster.at(2).node().controller.submit(delete, SOON).await.unwrap();
    cluster.wait_all(|image| image.topic_by_name("by-0").is_none()).await;
    for nth in [2, 1, 0] {
        cluster.stop(nth).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_hands_over_and_is_fenced_in_order() {
    let mut cluster = Cluster::of_three().await;
    let stopped = cluster.leader().await;
    cluster.stop(stopped).await;
    cluster.wait_all(|image| state(image, stopped) == Some(BrokerState::Fenced)).await;
    let next = cluster.leader().await;
    assert_ne!(next, stopped);
    let leads = |image: &MetadataImage| image.controller().map(|(id, _)| id);
    cluster.wait_all(|image| leads(image) == Some(Cluster::id(next))).await;
    let image = cluster.at(next).node().image();
    let fenced = |it: &&Event| it.kind == EventKind::BrokerFenced;
    let why = image.events().rev().find(fenced).unwrap().reason.clone();
    assert!(why.contains("controlled shutdown"), "{why}");
    cluster.create(next, "meanwhile").await;
    cluster.start(stopped).await;
    assert!(cluster.at(stopped).node().image().topic_by_name("meanwhile").is_some());
    cluster.wait_all(|image| state(image, stopped) == Some(BrokerState::Active)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_taken_and_another_cluster_are_refused() {
    let mut cluster = Cluster::of_three().await;
    let other = cluster.config(1, &["--cluster-id", "another"]);
    cluster.stop(1).await;
    let err = Box::pin(Broker::start(other)).await.unwrap_err();
    assert!(err.to_string().contains("belongs to cluster"), "{err}");
    cluster.start(1).await;
    let leader = cluster.leader().await;
    let controller = &cluster.at(leader).node().controller;
    let taken = Cluster::id((leader + 1) % 3);
    let err = controller.admit(Some(taken), "127.0.0.1:1").await.unwrap_err();
    assert_eq!(err.code, ErrorCode::DuplicateBrokerRegistration);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_whose_disk_is_new_takes_its_number_again() {
    let mut cluster = Cluster::of_three().await;
    cluster.create(0, "kept").await;
    cluster.stop(2).await;
    std::fs::remove_dir_all(cluster.dir.path().join("2")).unwrap();
    cluster.start(2).await;
    assert_eq!(cluster.at(2).node().broker_id, Cluster::id(2));
    assert!(cluster.at(2).node().image().topic_by_name("kept").is_some());
    cluster.wait_voters(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_offsets_topic_made_while_a_broker_is_down_counts_on_it() {
    let mut cluster = Cluster::of_three().await;
    cluster.stop(2).await;
    cluster.wait_all(|image| state(image, 2) == Some(BrokerState::Fenced)).await;
    let node = cluster.at(0).node();
    let group = GroupId::from("readers");
    Groups::new(Arc::clone(node)).find(&group).await.unwrap();
    let image = node.image();
    assert_eq!(image.topic_by_name(OFFSETS_TOPIC).unwrap().replication_factor(), 3);
}
