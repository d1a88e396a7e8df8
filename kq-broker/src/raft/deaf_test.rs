//! Members that are heard and hear nothing, and leaders without a majority.

use std::sync::Arc;
use std::time::Duration;

use super::Birth;
use super::cluster_test::{Cluster, SOON, create};
use crate::controller::Command;
use crate::ids::BrokerId;
use crate::peers::{Pulse, SessionKeeper};
use crate::runtime::Clock;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_heard_but_hears_nothing_is_replaced() {
    let cluster = Cluster::of_three_by_valves().await;
    let deaf = cluster.leader().await.broker();
    cluster.at(deaf.0).submit(cluster.register(1), SOON).await.unwrap();
    cluster.set_hears(deaf.0, false);
    let others: Vec<u32> = (1..=3).filter(|id| BrokerId(*id) != deaf).collect();
    // They get the first of these, which they answer in vain, so that the second is never sent.
    let ends = || others.iter().map(|id| cluster.at(*id).status().last_log_index).min();
    let before = ends();
    for name in ["first", "second"] {
        let leader = cluster.at(deaf.0).clone();
        tokio::spawn(async move { leader.submit(create(name), SOON).await });
        while ends() <= before {
            tokio::task::yield_now().await;
        }
    }
    let other = others[0];
    let mut leadership = cluster.at(other).leadership();
    let replaced = leadership.wait_for(|it| it.leader.is_some_and(|leader| leader != deaf));
    // Before anybody takes the connection itself for broken.
    tokio::time::timeout(Duration::from_secs(7), replaced).await.unwrap().unwrap();
    cluster.at(other).submit(create("unheard"), SOON).await.unwrap();
    cluster.set_hears(deaf.0, true);
    cluster.at(deaf.0).catch_up(SOON).await.unwrap();
    assert!(cluster.topics_at(deaf.0).contains(&"unheard".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_gave_up_alone_does_not_hold_up_those_that_return() {
    let mut cluster = Cluster::of_three().await;
    let leader = cluster.leader().await.broker().0;
    cluster.at(leader).submit(cluster.register(1), SOON).await.unwrap();
    let others: Vec<u32> = (1..=3).filter(|id| *id != leader).collect();
    for id in &others {
        cluster.stop(*id).await;
    }
    // Its log is longer than theirs.
    let refused = cluster.at(leader).submit(create("alone"), Duration::from_secs(1)).await;
    assert!(refused.is_err());
    let gave_up = async {
        while cluster.at(leader).silence() < Duration::from_secs(4) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, gave_up).await.unwrap();
    cluster.start(others[0], Birth::Again).await;
    cluster.at(others[0]).submit(create("together"), SOON).await.unwrap();
    assert!(cluster.topics_at(others[0]).contains(&"together".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_heard_but_hears_nothing_gives_its_session_up() {
    const SESSION: Duration = Duration::from_millis(500);
    let cluster = Cluster::of_three_by_valves().await;
    let leader = cluster.leader().await.broker().0;
    let deaf = (1..=3).find(|id| *id != leader).unwrap();
    let Command::RegisterBroker(registration) = cluster.register(deaf) else { unreachable!() };
    let registered = Command::RegisterBroker(registration.clone());
    cluster.at(deaf).submit(registered, SOON).await.unwrap();
    let keeper = SessionKeeper::new(cluster.at(leader).clone(), SESSION, Clock::start(), None);
    cluster.early(leader).keep_sessions(Arc::clone(&keeper));
    let beats = (SESSION / 5, SESSION);
    let pulse = Pulse::start(cluster.at(deaf).clone(), registration, beats);
    tokio::spawn(Arc::clone(&keeper).run());
    let heard = async {
        while !keeper.hears(BrokerId(deaf)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, heard).await.unwrap();
    cluster.set_hears(deaf, false);
    let mut images = cluster.at(leader).subscribe();
    let fenced = images.wait_for(|image| !image.is_live(BrokerId(deaf)));
    // Long before anybody takes the connection itself for broken.
    tokio::time::timeout(Duration::from_secs(4), fenced).await.unwrap().unwrap();
    pulse.abandon();
}
