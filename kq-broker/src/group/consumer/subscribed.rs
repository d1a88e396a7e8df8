//! Which topics a group subscribes to, and what they look like in the metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::draft::Draft;
use super::member::Epoch;
use crate::group::GroupError;
use crate::group::assignor::Shape;
use crate::ids::TopicId;
use crate::metadata::{MetadataImage, PartitionImage, TopicImage};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

impl Draft<'_> {
    /// The group's epoch grows where its members' wishes changed, or the topics that they name.
    pub(super) fn look_up_topics(&mut self, wishes_changed: bool) -> Result<Epoch, GroupError> {
        let image_is_new = self.soft.image_version != self.env.image_version;
        if !wishes_changed && !image_is_new {
            return Ok(self.ledger.epoch());
        }
        if image_is_new {
            self.match_patterns_anew();
            self.soft.image_version = self.env.image_version;
        }
        let hash = self.hash();
        if wishes_changed || hash != self.ledger.metadata_hash() {
            return self.bump(hash);
        }
        Ok(self.ledger.epoch())
    }

    /// The topics that are subscribed to and there.
    pub(super) fn topics(&self) -> BTreeMap<&Arc<str>, &Arc<TopicImage>> {
        let find = |name: &Arc<str>| self.env.image.topic_by_name(name);
        let found = self.ledger.subscribed().map(|name| (name, find(name)));
        found.filter_map(|(name, topic)| Some((name, topic?))).collect()
    }

    /// What assignors need to know of them.
    pub(super) fn shapes(&self) -> BTreeMap<TopicId, Shape> {
        let shape = |topic: &TopicImage| Shape {
            partitions: topic.partition_count(),
            racks: if self.ledger.has_racks() { racks(self.env.image, topic) } else { Vec::new() },
        };
        self.topics().values().map(|topic| (topic.id, shape(topic))).collect()
    }

    /// Of all that a target depends on besides the members. Nobody but who wrote it compares it: a
    /// broker that counts otherwise costs a rebalance that moves nothing.
    pub(super) fn hash(&self) -> u64 {
        let mut hash = Fnv(FNV_OFFSET);
        for (name, topic) in self.topics() {
            hash.add(name.as_bytes());
            hash.add(topic.id.0.as_bytes());
            hash.add(&topic.partition_count().to_be_bytes());
            if self.ledger.has_racks() {
                for of_partition in racks(self.env.image, topic) {
                    for rack in of_partition {
                        hash.add(rack.as_bytes());
                    }
                    hash.add(b";");
                }
            }
        }
        // Zero stands for a record without a hash.
        hash.0.max(1)
    }
}

struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }
}

/// The racks of each partition's replicas.
fn racks(image: &MetadataImage, topic: &TopicImage) -> Vec<BTreeSet<Arc<str>>> {
    let of = |partition: &Arc<PartitionImage>| {
        let brokers = partition.replicas.iter().filter_map(|id| image.broker(*id));
        brokers.filter_map(|it| it.rack.as_deref().map(Arc::from)).collect()
    };
    topic.partitions.iter().map(of).collect()
}
