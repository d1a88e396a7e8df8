//! A member is looked for elsewhere only when it is found there, and not where it was.

use tokio::net::TcpListener;
use uuid::Uuid;

use super::Birth;
use super::cluster_test::{Cluster, SOON};
use super::whereabouts::Found;
use crate::ids::{BrokerId, Incarnation};

async fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

fn doubt(found: Found) -> String {
    let Found::Doubtful(why) = found else { panic!("{found:?}") };
    why
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_met_elsewhere_once_it_answers_only_there() {
    let mut cluster = Cluster::of_three().await;
    let (old, second) = (cluster.address(3), cluster.address(2));
    let [life, another] = [7, 8].map(|it| Some(Incarnation(Uuid::from_u128(it))));
    let three = BrokerId(3);
    cluster.at(3).live_as(life.unwrap());
    let one = cluster.at(1).clone();
    for copy in [None, another] {
        assert_eq!(one.find((three, copy), &second).await, Found::Lives(old.clone()));
    }
    assert_eq!(one.find((three, life), &second).await, Found::There, "it is reached where it was");
    cluster.stop(3).await;
    let why = doubt(one.find((three, another), &second).await);
    assert!(why.contains("broker 2 answers at"), "{why}");
    let new = free_address().await;
    let why = doubt(one.find((three, another), &new).await);
    assert!(why.contains("nobody takes connections at"), "{why}");
    assert_eq!(one.peers().address(three), Some(old));
    cluster.set_address(3, new.clone());
    cluster.start(3, Birth::Again).await;
    for other in [1, 2] {
        assert_eq!(cluster.at(other).find((three, another), &new).await, Found::There);
    }
    assert_eq!(one.peers().address(three), Some(new));
    cluster.at(3).catch_up(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_have_changed_places_find_one_another() {
    let mut cluster = Cluster::of_three().await;
    for id in [2, 3] {
        cluster.stop(id).await;
    }
    let second = cluster.address(2);
    let third = cluster.set_address(3, second.clone());
    cluster.set_address(2, third.clone());
    for id in [2, 3] {
        cluster.start(id, Birth::Again).await;
    }
    let places = [(2, third), (3, second)];
    for (id, place) in &places {
        for other in (1..=3).filter(|it| it != id) {
            let found = cluster.at(other).find((BrokerId(*id), None), place).await;
            assert_eq!(found, Found::There, "{id} by {other}");
        }
    }
    for id in 1..=3 {
        cluster.at(id).catch_up(SOON).await.unwrap();
    }
}
