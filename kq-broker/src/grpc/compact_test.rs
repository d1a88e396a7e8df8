//! Compaction on demand through the control door, on a broker in this process.

use std::fmt::Write as _;

use kq_proto::admin::v1::{self, CompactionState};

use super::grpc_test::{Rig, because, start};

/// Text of so many bytes that hardly compresses.
fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        write!(text, "{state:016x}").unwrap();
    }
    text
}

async fn create_compacted(rig: &Rig, name: &str) {
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "1048576"),
        // Never due by itself.
        ("min.cleanable.dirty.ratio", "1"),
    ];
    let topic = v1::NewTopic {
        name: name.to_owned(),
        partition_count: Some(2),
        configs: configs.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..v1::NewTopic::default()
    };
    let request = v1::CreateTopicsRequest { topics: vec![topic], intent: Some(because("test")) };
    let created = rig.door.topics().create(request).await.unwrap().into_inner();
    assert!(created.errors.is_empty(), "{:?}", created.errors);
}

async fn compact(
    rig: &Rig,
    topic: &str,
    partitions: &[u32],
    dry_run: bool,
) -> v1::CompactTopicsResponse {
    let topic = v1::CompactTopic { topic: topic.to_owned(), partitions: partitions.to_vec() };
    let intent = Some(v1::Intent { dry_run, ..because("test") });
    let request = v1::CompactTopicsRequest { topics: vec![topic], intent };
    rig.door.topics().compact(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_compacted_when_it_is_asked_for() {
    let rig = start().await;
    create_compacted(&rig, "prices").await;
    for nth in 0..8 {
        let value = noise(400_000, nth);
        assert!(rig.produce("prices", &[&value]).await.errors.is_empty());
    }
    let dirty = loop {
        // What is synced becomes stable a moment later.
        let mut seen = compact(&rig, "prices", &[0], true).await.replicas;
        let row = seen.pop().unwrap();
        if row.state() == CompactionState::Dirty && row.cleanable_offset >= 2 {
            break row;
        }
    };
    assert!(dirty.dirty_bytes > 0 && dirty.leads && dirty.last_compacted_at_ms.is_none());
    assert_eq!((dirty.cleaned_offset, dirty.clean_bytes), (0, 0));

    let asked = compact(&rig, "prices", &[], false).await;
    let states: Vec<_> = asked.replicas.iter().map(|it| (it.partition, it.state())).collect();
    assert_ne!(states[0].1, CompactionState::Dirty, "it was asked for");
    assert_eq!(states[1], (1, CompactionState::Clean), "nothing is in it");
    let done = loop {
        let row = compact(&rig, "prices", &[0], true).await.replicas.remove(0);
        if !matches!(row.state(), CompactionState::Queued | CompactionState::Running) {
            break row;
        }
    };
    assert_ne!(done.state(), CompactionState::Failed, "{}", done.why);
    assert!(done.last_compacted_at_ms.is_some() && done.cleaned_offset >= dirty.cleanable_offset);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_compacted_is_refused_with_a_way_out() {
    let rig = start().await;
    rig.create("orders", 1).await;
    create_compacted(&rig, "prices").await;
    let refused = compact(&rig, "orders", &[], false).await;
    assert!(refused.replicas.is_empty());
    let error = &refused.errors[0];
    assert_eq!((error.item.as_str(), error.code.as_str()), ("orders", "kq.NOT_COMPACTED"));
    assert!(error.hint.contains("--append cleanup.policy=compact"), "{}", error.hint);
    let unknown = compact(&rig, "prices", &[7], false).await;
    assert_eq!(unknown.errors[0].item, "prices/7");
    let missing = compact(&rig, "nowhere", &[], false).await;
    assert_eq!(missing.errors[0].code, "kafka.UNKNOWN_TOPIC_OR_PARTITION");
    rig.stop().await;
}
