//! `DescribeLogDirs`: what lies in which directory, and how much room is left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use kq_proto::kafka::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kq_proto::kafka::{ErrorCode, Str};

use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::runtime::{LogDir, LogDirDescription, Partition};

impl Handle for DescribeLogDirsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let wanted = self.topics.as_ref().map(|topics| {
            let each = topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(|index| (topic.topic.to_string(), *index))
            });
            each.collect::<BTreeSet<(String, i32)>>()
        });
        let is_wanted = |partition: &Partition| {
            let key = (partition.topic().to_string(), partition.index().to_wire());
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&key))
        };
        let mut partitions: BTreeMap<&Path, Vec<Arc<Partition>>> = BTreeMap::new();
        let all = door.node.partitions.all();
        for partition in all.iter().filter(|it| is_wanted(it)) {
            partitions.entry(partition.log_dir().path()).or_default().push(Arc::clone(partition));
        }
        let dirs = door.node.partitions.log_dirs().iter();
        let results = dirs.map(|dir| describe(dir, partitions.remove(dir.path())));
        let results = results.collect();
        call.answer::<Self>(&DescribeLogDirsResponse { results, ..Default::default() })
    }
}

fn describe(dir: &LogDir, partitions: Option<Vec<Arc<Partition>>>) -> DescribeLogDirsResult {
    let LogDirDescription { path, offline, space, id: _ } = dir.describe();
    let log_dir: Str = path.to_string_lossy().as_ref().into();
    if offline.is_some() {
        let error_code = ErrorCode::KafkaStorageError;
        return DescribeLogDirsResult { error_code, log_dir, ..Default::default() };
    }
    let mut topics: BTreeMap<Str, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in partitions.into_iter().flatten() {
        // One that ceased to be served in this moment is left out, as it would be a moment later.
        let Ok(described) = partition.describe() else { continue };
        let of_topic = topics.entry(Str::from(&**partition.topic())).or_default();
        of_topic.push(DescribeLogDirsPartition {
            partition_index: partition.index().to_wire(),
            partition_size: wire(described.size_bytes),
            offset_lag: 0,
            is_future_key: false,
        });
    }
    let topics = topics.into_iter();
    DescribeLogDirsResult {
        error_code: ErrorCode::None,
        log_dir,
        topics: topics
            .map(|(name, partitions)| DescribeLogDirsTopic { name, partitions })
            .collect(),
        total_bytes: space.map_or(-1, |it| wire(it.total_bytes)),
        usable_bytes: space.map_or(-1, |it| wire(it.free_bytes)),
    }
}

fn wire(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
