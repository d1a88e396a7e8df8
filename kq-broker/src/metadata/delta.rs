//! What differs between two images: downstream reacts to this, never to single records.
//!
//! Costs what changed, not what exists: images share their unchanged parts.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::image::{MetadataImage, TopicImage};
use crate::ids::{BrokerId, PartitionIndex, TopicId};

/// The difference between an older and a newer image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataDelta {
    /// Topics that are new, back from being hidden, hidden, purged or changed, by id.
    pub topics: Vec<TopicDelta>,
    /// Brokers that registered or changed state.
    pub brokers: BTreeSet<BrokerId>,
    /// Brokers whose own configuration values changed.
    pub broker_configs: BTreeSet<BrokerId>,
    /// Whether the defaults for all brokers changed, and with them perhaps every topic's values.
    pub cluster_config_changed: bool,
}

/// What happened to one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicDelta {
    /// It is there now and was not before.
    Created(Arc<TopicImage>),
    /// It was there and is gone for good: its files can go too.
    Purged(Arc<TopicImage>),
    /// It is there in both images.
    Changed {
        /// As it was.
        old: Arc<TopicImage>,
        /// As it is.
        new: Arc<TopicImage>,
        /// The partitions that are new or differ.
        partitions: Vec<PartitionIndex>,
        /// Whether its own configuration values differ.
        configs_changed: bool,
        /// Whether it was hidden or came back.
        visibility_changed: bool,
    },
}

impl MetadataDelta {
    /// What leads from one image to another.
    pub fn between(old: &MetadataImage, new: &MetadataImage) -> Self {
        let mut delta = Self {
            cluster_config_changed: old.cluster_config != new.cluster_config,
            ..Self::default()
        };
        for item in old.topics.diff(&new.topics) {
            delta.topics.push(match item {
                DiffItem::Add(_, topic) => TopicDelta::Created(topic.clone()),
                DiffItem::Remove(_, topic) => TopicDelta::Purged(topic.clone()),
                DiffItem::Update { old: (_, old), new: (_, new) } => changed(old, new),
            });
        }
        delta.brokers = changed_keys(old.brokers.diff(&new.brokers));
        delta.broker_configs = changed_keys(old.broker_configs.diff(&new.broker_configs));
        delta
    }

    /// Whether nothing differs that anyone acts on.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl TopicDelta {
    /// Which topic.
    pub fn id(&self) -> TopicId {
        match self {
            Self::Created(topic) | Self::Purged(topic) | Self::Changed { new: topic, .. } => {
                topic.id
            }
        }
    }
}

fn changed(old: &Arc<TopicImage>, new: &Arc<TopicImage>) -> TopicDelta {
    let mut before = old.partitions.iter();
    let differs = |(index, now): (PartitionIndex, &Arc<_>)| {
        let same = before.next().is_some_and(|was| Arc::ptr_eq(was, now) || was == now);
        (!same).then_some(index)
    };
    TopicDelta::Changed {
        old: old.clone(),
        new: new.clone(),
        partitions: new.partitions().filter_map(differs).collect(),
        configs_changed: old.configs != new.configs,
        visibility_changed: old.is_visible() != new.is_visible(),
    }
}

fn changed_keys<'a, V: 'a>(
    diff: impl Iterator<Item = DiffItem<'a, 'a, BrokerId, V>>,
) -> BTreeSet<BrokerId> {
    diff.map(|item| match item {
        DiffItem::Add(id, _) | DiffItem::Remove(id, _) | DiffItem::Update { new: (id, _), .. } => {
            *id
        }
    })
    .collect()
}
