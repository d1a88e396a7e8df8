//! Three brokers in this process, watched through one of them.

use std::collections::BTreeSet;
use std::time::Duration;

use kq_proto::admin::v1::BrokerState;
use kq_proto::client::{Options, connect};
use kq_proto::monitor::v1::{self, watch_request::Ask};
use tokio_stream::StreamExt as _;
use tonic::Streaming;

use super::cluster_test::{Cluster, SOON};

async fn watch(cluster: &Cluster, nth: usize) -> Streaming<v1::WatchResponse> {
    let address = cluster.at(nth).address().to_string().parse().unwrap();
    let door = connect(&Options::new(vec![address])).await.unwrap();
    let window = v1::Window { brokers: true, ..v1::Window::default() };
    let first = v1::WatchRequest { ask: Some(Ask::Window(window)) };
    // It asks nothing more, and listens on.
    let asks = tokio_stream::iter([first]);
    door.monitor_stream().watch(asks).await.unwrap().into_inner()
}

/// Reads until this is so.
async fn until(
    frames: &mut Streaming<v1::WatchResponse>,
    mut is_so: impl FnMut(&v1::WatchResponse) -> bool,
) {
    let reached = async {
        loop {
            let frame = frames.next().await.expect("the stream goes on").unwrap();
            if is_so(&frame) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, reached).await.expect("it comes to that in time");
}

/// Reads until each of these brokers has told its counters.
async fn until_counted(frames: &mut Streaming<v1::WatchResponse>, brokers: &[u32]) {
    let mut left: BTreeSet<u32> = brokers.iter().copied().collect();
    until(frames, |frame| {
        for it in &frame.broker_counters {
            left.remove(&it.broker);
        }
        left.is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_broker_tells_the_counters_of_all_and_who_is_silent() {
    let mut cluster = Cluster::of_three().await;
    let mut first = watch(&cluster, 0).await;
    until_counted(&mut first, &[1, 2, 3]).await;
    let mut second = watch(&cluster, 0).await;
    until_counted(&mut second, &[1, 2, 3]).await;

    cluster.stop(2).await;
    let (mut is_fenced, mut is_silent) = (false, false);
    until(&mut first, |frame| {
        is_fenced |= frame.brokers.iter().any(|it| it.id == 3 && it.state() == BrokerState::Fenced);
        is_silent |= frame.silent.as_ref().is_some_and(|it| it.brokers == [3]);
        is_fenced && is_silent
    })
    .await;

    cluster.start(2).await;
    let mut is_heard = false;
    until(&mut first, |frame| {
        is_heard |= frame.silent.as_ref().is_some_and(|it| it.brokers.is_empty());
        is_heard && frame.broker_counters.iter().any(|it| it.broker == 3)
    })
    .await;
    drop((first, second));
    let stopped = async {
        for nth in 0..3 {
            cluster.stop(nth).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), stopped).await.expect("they stop in time");
}
