//! Offsets of topics that are gone: a topic that is made again under the same name is another one,
//! and must not be read from where its namesake was left.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Shard;
use crate::group::{GroupId, Output, TopicPartition};
use crate::metadata::{MetadataDelta, MetadataImage, TopicDelta, TopicImage};

/// Tombstones in one batch at most.
const TOMBSTONES_MAX: usize = 1_000;

impl Shard {
    /// The cluster's topics as they are now.
    ///
    /// A topic that waits for its purge keeps its offsets, for it may come back.
    pub(super) fn on_image(&mut self, image: Arc<MetadataImage>, out: &mut Vec<Output>) {
        self.image_version +=
            u64::from(self.image.as_ref().is_none_or(|before| shapes_differ(before, &image)));
        let gone = match self.image.replace(Arc::clone(&image)) {
            Some(before) => purged_between(&before, &image),
            None => self.topics_missing_in(&image),
        };
        if gone.is_empty() {
            return;
        }
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in ids {
            let Some(entry) = self.groups.get(&id) else { continue };
            let written = gone.iter().flat_map(|it| entry.offsets.written_of(it));
            let written: Vec<TopicPartition> = written.collect();
            for some in written.chunks(TOMBSTONES_MAX) {
                self.bury(&id, some.iter().cloned().collect(), out);
            }
        }
    }

    /// What went while nobody looked: before this shard was loaded.
    fn topics_missing_in(&self, image: &MetadataImage) -> BTreeSet<Arc<str>> {
        let topics = self.groups.values().flat_map(|it| it.offsets.topics());
        topics.filter(|it| image.name_holder(it).is_none()).collect()
    }
}

/// Whether a consumer group could be dealt to otherwise: topics came or went, have other partitions, or
/// other racks.
fn shapes_differ(before: &MetadataImage, now: &MetadataImage) -> bool {
    let racks = |image: &MetadataImage| -> Vec<_> {
        image.brokers().map(|it| (it.id, it.rack.clone())).collect()
    };
    let replicas = |topic: &TopicImage| -> Vec<_> {
        topic.partitions.iter().map(|it| it.replicas.clone()).collect()
    };
    let mut topics = MetadataDelta::between(before, now).topics.into_iter();
    let differs = |it| match it {
        TopicDelta::Created(_) | TopicDelta::Purged(_) => true,
        TopicDelta::Changed { old, new, visibility_changed, .. } => {
            visibility_changed || replicas(&old) != replicas(&new)
        }
    };
    topics.any(differs) || racks(before) != racks(now)
}

fn purged_between(before: &MetadataImage, now: &MetadataImage) -> BTreeSet<Arc<str>> {
    let topics = MetadataDelta::between(before, now).topics.into_iter();
    let purged = topics.filter_map(|it| match it {
        TopicDelta::Purged(topic) => Some(Arc::clone(&topic.name)),
        TopicDelta::Created(_) | TopicDelta::Changed { .. } => None,
    });
    purged.collect()
}
