//! Whether the past is told as it was: each image of a run, made again from the last one.

use std::sync::Arc;

use kq_broker::metadata::{MetadataImage, PartitionImage, Past};

use crate::control::TOPIC;
use crate::world::World;

/// What somebody sees of an image who watches the cluster.
fn seen(image: &MetadataImage) -> (Vec<String>, Vec<PartitionImage>) {
    let broker = |it: &Arc<_>| format!("{it:?}");
    let partition = |it: &Arc<PartitionImage>| PartitionImage {
        replicas: it.replicas.clone(),
        isr: it.isr.clone(),
        adding: it.adding.clone(),
        removing: it.removing.clone(),
        leader: it.leader,
        leader_epoch: it.leader_epoch,
        ..PartitionImage::default()
    };
    let topic = image.topic_by_name(TOPIC);
    let partitions = topic.into_iter().flat_map(|it| it.partitions.iter().map(partition));
    (image.brokers().map(broker).collect(), partitions.collect())
}

impl World {
    /// Tells the whole run backwards, and then on again.
    pub(crate) fn check_past(&mut self) {
        let now = Arc::clone(&self.control.image);
        let images = std::mem::take(&mut self.control.images);
        let mut past = Past::default();
        for was in images.iter().rev().chain(&images) {
            let told = past.at(&now, was.applied());
            let (mut expected, found) = (seen(was), seen(told.image()));
            let topic = was.topic_by_name(TOPIC);
            let is_purged = topic.is_some_and(|it| now.any_topic(it.id).is_none());
            if is_purged {
                // What it was is not kept, and that is said.
                expected.1.clear();
            }
            let is_unknown = told.topics_unknown().any(|name| **name == *TOPIC);
            if found != expected || is_unknown != is_purged {
                let what = format!("told {found:?}, was {expected:?}, unknown {is_unknown}");
                self.fail("PastIsToldAsItWas", what);
                return;
            }
        }
    }
}
