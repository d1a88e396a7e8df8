//! Whole brokers in this process: what they start on, what they refuse, what they leave behind.

use std::path::Path;
use std::time::Duration;

use super::{Broker, ProcessError};
use crate::config::{BrokerConfig, Given, Source};
use crate::controller::{Command, NewTopic};

fn config(dir: &Path) -> BrokerConfig {
    let mut config = BrokerConfig::defaults();
    config.data_dir = dir.join("data");
    config.listen = "127.0.0.1:0".to_owned();
    config
}

async fn start(config: BrokerConfig) -> Result<Broker, String> {
    Box::pin(Broker::start(config)).await.map_err(|err: ProcessError| err.to_string())
}

async fn get(broker: &Broker, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(broker.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: kq\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_broker_starts_again_as_the_same_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.ready_file = Some(dir.path().join("ready"));
    let first = start(config.clone()).await.unwrap();
    let cluster = first.node().controller.cluster_id();
    let ready = std::fs::read_to_string(dir.path().join("ready")).unwrap();
    assert_eq!(ready.trim(), first.address().to_string());
    first.stop().await.unwrap();
    assert!(!dir.path().join("ready").exists());
    assert!(dir.path().join("data/clean-stop").exists());
    let again = start(config).await.unwrap();
    assert_eq!(again.node().controller.cluster_id(), cluster);
    assert!(!dir.path().join("data/clean-stop").exists());
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_metrics_are_served_on_the_one_port() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(config(dir.path())).await.unwrap();
    assert!(get(&broker, "/healthz").await.contains("200 OK"));
    assert!(get(&broker, "/readyz").await.ends_with("ready\n"));
    let metrics = get(&broker, "/metrics").await;
    assert!(metrics.contains("kq_process_resident_memory_bytes"), "{metrics}");
    assert!(metrics.contains("kq_log_dir_offline"), "{metrics}");
    broker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directories_of_another_owner_are_refused_with_both_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.cluster_id = Some("first-cluster".to_owned());
    start(config.clone()).await.unwrap().stop().await.unwrap();
    config.cluster_id = Some("second-cluster".to_owned());
    let err = start(config.clone()).await.unwrap_err();
    assert!(err.contains("first-cluster") && err.contains("second-cluster"), "{err}");
    config.cluster_id = None;
    config.node_id = 2;
    let given = Given { text: "2".to_owned(), source: Source::Flag };
    config.statics.insert("node.id", given);
    let err = start(config).await.unwrap_err();
    assert!(err.contains("belongs to broker 1, but node.id is 2"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_brokers_cannot_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(config(dir.path())).await.unwrap();
    let err = start(config(dir.path())).await.unwrap_err();
    assert!(err.contains("in use by another process"), "{err}");
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_directory_from_elsewhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    start(config(&dir.path().join("a"))).await.unwrap().stop().await.unwrap();
    let mut other = config(&dir.path().join("b"));
    other.log_dirs = vec![dir.path().join("a/data/logs").display().to_string()];
    let err = start(other).await.unwrap_err();
    assert!(err.contains("belongs to cluster"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_metadata_is_an_error_and_no_new_cluster() {
    let dir = tempfile::tempdir().unwrap();
    start(config(dir.path())).await.unwrap().stop().await.unwrap();
    std::fs::remove_dir_all(dir.path().join("data/metadata")).unwrap();
    let err = start(config(dir.path())).await.unwrap_err();
    assert!(err.contains("is gone"), "{err}");
}

/// The journal of the metadata log, and its bytes up to the last that is not zero.
fn journal(dir: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let path = dir.join("data/metadata/log/00000000000000000001.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1));
    (path, bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metadata_log_that_was_cut_short_is_refused_and_nothing_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(config(dir.path())).await.unwrap();
    for name in ["first", "last"] {
        let topic = NewTopic { name: name.to_owned(), ..NewTopic::default() };
        let command = Command::CreateTopics { topics: vec![topic], validate_only: false };
        let controller = &broker.node().controller;
        controller.submit(command, Duration::from_secs(20)).await.unwrap();
        broker.node().partitions.wait_applied(controller.image().applied()).await;
    }
    broker.stop().await.unwrap();
    let (path, whole) = journal(dir.path());
    // After a clean stop the mark of it knows the end, after a kill the inventory does.
    for witness in ["clean-stop", "inventory"] {
        for lost in [30, 60, whole.len() / 2] {
            std::fs::write(&path, &whole[..whole.len() - lost]).unwrap();
            let err = start(config(dir.path())).await.unwrap_err();
            assert!(err.contains(witness) && err.contains("is lost"), "{lost} lost: {err}");
        }
        std::fs::remove_file(dir.path().join("data").join(witness)).unwrap_or(());
    }
    let logs = std::fs::read_dir(dir.path().join("data/logs")).unwrap();
    let names = logs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.ends_with("-stray")));
    // Brought back whole it starts, with both topics.
    std::fs::write(&path, &whole).unwrap();
    let again = start(config(dir.path())).await.unwrap();
    assert_eq!(again.node().image().topics().count(), 2);
    again.stop().await.unwrap();
}

#[test]
fn every_metric_is_documented() {
    let documented = include_str!("../../../docs/metrics.md");
    let text = crate::observe::Metrics::new().encode();
    let named = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in named.filter_map(|line| line.split_whitespace().next()) {
        assert!(documented.contains(&format!("`{name}")), "{name} is not in docs/metrics.md");
    }
}
