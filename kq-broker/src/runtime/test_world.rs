//! A simulated disk, an image and a store over both: what the tests of the runtime stand on.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::BytesMut;
use kq_storage::batch::{BatchBuilder, Compression};
use kq_storage::sim::SimDisk;
use kq_storage::vfs::{Vfs, create_dir_durable};
use uuid::Uuid;

use super::{Clock, Isolation, Offset, Partition, Partitions, ReadFrom, StoreParts};
use crate::catalogue::StaticConfig;
use crate::config::BrokerConfig;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex, TopicId};
use crate::metadata::{
    Change, ConfigResource, MetadataImage, MetadataRecord, PartitionChange, PartitionImage,
};
use crate::observe::Metrics;

pub(super) const LOGS: &str = "/data/logs";

/// The world of one broker, number 1 unless said otherwise.
pub(super) struct World {
    pub(super) disk: SimDisk,
    pub(super) config: BrokerConfig,
    pub(super) image: Arc<MetadataImage>,
}

pub(super) fn topic_id(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(number << 32))
}

pub(super) fn partition_id(topic: u128, index: u32) -> PartitionId {
    PartitionId { topic: topic_id(topic), index: PartitionIndex(index) }
}

/// One record, as a client sends it.
pub(super) fn batch(value: &str) -> BytesMut {
    let now = Clock::start().now();
    BatchBuilder::new(Compression::None).record(now, None, Some(value.as_bytes())).build().unwrap()
}

pub(super) fn everything_from(offset: u64) -> ReadFrom {
    ReadFrom {
        offset: Offset(offset),
        leader_epoch: None,
        last_fetched_epoch: None,
        isolation: Isolation::ReadUncommitted,
        bytes_max: 1 << 20,
        at_least_one: true,
    }
}

/// How many bytes can be read from the start.
pub(super) fn readable_bytes(partition: &Arc<Partition>) -> usize {
    partition.read(everything_from(0)).unwrap().plan.bytes
}

impl World {
    pub(super) fn new() -> Self {
        Self::of_broker(1)
    }

    pub(super) fn of_broker(id: u32) -> Self {
        let disk = SimDisk::new(7);
        create_dir_durable(&disk, LOGS.as_ref()).unwrap();
        let mut config = BrokerConfig::defaults();
        config.data_dir = "/data".into();
        config.sync_threads = 4;
        config.node_id = id;
        Self { disk, config, image: Arc::default() }
    }

    /// Starts a store, as a broker process does.
    pub(super) fn start(&self) -> Arc<Partitions> {
        self.start_at(&self.image)
    }

    /// The same with an image that was committed elsewhere.
    pub(super) fn start_at(&self, image: &Arc<MetadataImage>) -> Arc<Partitions> {
        let disk: Arc<dyn Vfs> = Arc::new(self.disk.clone());
        let store = Partitions::start(StoreParts {
            fs: disk,
            config: Arc::new(self.config.clone()),
            fixed: StaticConfig::default(),
            dirs: vec![(LOGS.into(), Uuid::nil())],
            open_files_max: 100,
            clock: Clock::start(),
            metrics: Arc::new(Metrics::new()),
        });
        let store = store.unwrap();
        store.apply(image);
        store.set_strays_aside();
        store
    }

    /// Commits records; running stores see them when `image` is applied.
    pub(super) fn commit(&mut self, records: Vec<MetadataRecord>) -> Arc<MetadataImage> {
        let change =
            Change { time: crate::metadata::TimestampMs(1), reason: "test".to_owned(), records };
        let next = self.image.apply(self.image.applied() + 1, &change).unwrap();
        self.image = Arc::new(next);
        Arc::clone(&self.image)
    }

    /// Commits what the controller says of a partition, under the next partition epoch.
    pub(super) fn change_partition(
        &mut self,
        id: PartitionId,
        mut now: PartitionImage,
    ) -> Arc<MetadataImage> {
        let old = self.image.partition(id).map(|it| it.partition_epoch);
        now.partition_epoch = old.unwrap_or_default().next();
        let change = PartitionChange { topic: id.topic, index: id.index, now };
        self.commit(vec![MetadataRecord::PartitionChanged(change)])
    }

    /// Commits a topic that broker 1 leads, with values of its own.
    pub(super) fn create_topic(
        &mut self,
        number: u128,
        name: &str,
        partitions: u32,
        configs: &[(&str, &str)],
    ) -> Arc<MetadataImage> {
        let topic = topic_id(number);
        let mut records = vec![MetadataRecord::TopicCreated { topic, name: name.to_owned() }];
        for index in (0..partitions).map(PartitionIndex) {
            records.push(MetadataRecord::PartitionChanged(PartitionChange {
                topic,
                index,
                now: replicated(&[1], 1, 0),
            }));
        }
        records.extend(configs.iter().map(|(key, value)| set(number, key, value)));
        self.commit(records)
    }

    /// The names in the log directory.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = self.disk.list(LOGS.as_ref()).unwrap();
        entries.into_iter().map(|entry| entry.name).collect()
    }

    /// The directory of a partition.
    pub(super) fn dir_of(topic: &str, id: PartitionId) -> PathBuf {
        PathBuf::from(LOGS).join(super::home::dir_name(topic, id))
    }
}

/// A partition with all of `replicas` in sync.
pub(super) fn replicated(replicas: &[u32], leader: u32, epoch: u32) -> PartitionImage {
    let replicas: Vec<_> = replicas.iter().copied().map(BrokerId).collect();
    PartitionImage {
        isr: replicas.clone(),
        replicas,
        leader: Some(BrokerId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(epoch),
        ..PartitionImage::default()
    }
}

/// The record that sets one key of a topic.
pub(super) fn set(topic: u128, key: &str, value: &str) -> MetadataRecord {
    MetadataRecord::ConfigChanged {
        resource: ConfigResource::Topic(topic_id(topic)),
        key: key.to_owned(),
        value: Some(value.to_owned()),
    }
}
