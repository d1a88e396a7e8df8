//! Turning committed metadata into files: partitions opened, deleted, hidden and reconfigured.
//!
//! ```text
//!   created   directory, then inventory, then served          a crash in between: made again
//!   purged    out of service, directory renamed, files removed, inventory
//! ```

use std::path::Path;
use std::sync::Arc;

use kq_storage::{remove_log, vfs};

use super::partitions::{Order, Partitions, Slot};
use super::topic_rules::TopicRules;
use super::{Partition, PartitionError, home};
use crate::catalogue::{ConfigSources, EffectiveTopicConfig};
use crate::ids::{PartitionId, PartitionIndex};
use crate::metadata::{MetadataDelta, MetadataImage, TopicDelta, TopicImage};

impl Partitions {
    /// Brings the files from the image before to this one. Blocks.
    pub fn apply(&self, new: &Arc<MetadataImage>) {
        let mut image = self.image.lock();
        let delta = MetadataDelta::between(&image, new);
        let sources = ConfigSources::of(new, self.broker, &self.fixed);
        let mut orders = Vec::new();
        for topic in &delta.topics {
            match topic {
                TopicDelta::Created(topic) => {
                    let all = topic.partitions().map(|(index, _)| index);
                    self.collect_orders(topic, all, &sources, &mut orders);
                }
                TopicDelta::Purged(topic) => self.purge(topic, new.applied()),
                TopicDelta::Changed {
                    new,
                    partitions,
                    configs_changed,
                    visibility_changed,
                    ..
                } => {
                    if *visibility_changed {
                        self.each_of(new, |it| it.set_hidden(!new.is_visible()));
                    }
                    if *configs_changed {
                        self.reconfigure(new, &sources);
                    }
                    self.collect_orders(new, partitions.iter().copied(), &sources, &mut orders);
                }
            }
        }
        if delta.cluster_config_changed || delta.broker_configs.contains(&self.broker) {
            new.all_topics().for_each(|topic| self.reconfigure(topic, &sources));
        }
        self.open_all(&orders, new.applied());
        *image = Arc::clone(new);
        self.applied.send_replace(new.applied());
    }

    /// After the first image: what no topic claimed is no longer anyone's.
    pub fn set_strays_aside(&self) {
        self.found.lock().set_aside();
    }

    /// Tries again to make partitions that could not be made when they were created.
    pub(super) fn retry_failed(&self) {
        let image = self.image.lock();
        let sources = ConfigSources::of(&image, self.broker, &self.fixed);
        let mut orders = Vec::new();
        for (id, _) in self.failed() {
            let never_served = !self.inventory.lock().contains(id);
            if let Some(topic) = image.any_topic(id.topic).filter(|_| never_served) {
                self.slots.write().remove(&id);
                self.collect_orders(topic, [id.index], &sources, &mut orders);
            }
        }
        self.open_all(&orders, image.applied());
    }

    /// Orders the partitions of these that are ours to lead and not open; tells the others of
    /// their new term.
    fn collect_orders(
        &self,
        topic: &TopicImage,
        indexes: impl IntoIterator<Item = PartitionIndex>,
        sources: &ConfigSources,
        orders: &mut Vec<Order>,
    ) {
        let mut rules = None;
        for index in indexes {
            let Some(image) = topic.partition(index) else { continue };
            if image.leader != Some(self.broker) {
                continue;
            }
            let id = PartitionId { topic: topic.id, index };
            let known = self.slots.read().get(&id).cloned();
            match known {
                Some(Slot::Serving(partition)) => partition.lead(image),
                Some(Slot::Failed(_)) => {}
                None => {
                    let rules = rules.get_or_insert_with(|| self.rules_of(topic, sources)).clone();
                    orders.push(Order {
                        id,
                        topic: Arc::clone(&topic.name),
                        hidden: !topic.is_visible(),
                        epoch: image.leader_epoch,
                        partition_epoch: image.partition_epoch,
                        replicas: image.replicas.clone(),
                        isr: image.isr.clone(),
                        rules,
                    });
                }
            }
        }
    }

    fn open_all(&self, orders: &[Order], seen: u64) {
        if orders.is_empty() {
            return;
        }
        self.put_into_service(self.open_slots(orders), seen);
    }

    /// The inventory knows a partition before its first record can come.
    fn put_into_service(&self, mut opened: Vec<(PartitionId, Slot)>, seen: u64) {
        let served = |(id, slot): &(PartitionId, Slot)| match slot {
            Slot::Serving(_) => Some(*id),
            Slot::Failed(_) => None,
        };
        let come: Vec<_> = opened.iter().filter_map(served).collect();
        let mut inventory = self.inventory.lock();
        if let Err(err) = inventory.change(seen, &come, &[]) {
            tracing::error!(%err, "inventory cannot be written: new partitions are not served");
            let why = PartitionError::Storage(err.to_string().into());
            for (id, slot) in opened.iter_mut().filter(|(id, _)| !inventory.contains(*id)) {
                tracing::error!(%id, "partition cannot be served");
                *slot = Slot::Failed(why.clone());
            }
        }
        drop(inventory);
        self.slots.write().extend(opened);
    }

    fn purge(&self, topic: &TopicImage, seen: u64) {
        let ids = topic.partitions().map(|(index, _)| PartitionId { topic: topic.id, index });
        let ids: Vec<_> = ids.collect();
        self.meters.lock().remove(&topic.id);
        for id in &ids {
            let slot = self.slots.write().remove(id);
            let name = home::dir_name(&topic.name, *id);
            match slot {
                Some(Slot::Serving(partition)) => {
                    drop(partition.stop(PartitionError::Unknown));
                    self.remove_files(&partition.log_dir().path().join(name));
                }
                Some(Slot::Failed(_)) => self.remove_wherever(&name),
                None => {}
            }
        }
        if let Err(err) = self.inventory.lock().change(seen, &[], &ids) {
            tracing::error!(%err, "inventory cannot be written: it still names a deleted topic");
        }
    }

    /// Removes the directory of a partition that was never opened, if there is one.
    fn remove_wherever(&self, name: &str) {
        for path in self.dirs.iter().map(|dir| dir.path().join(name)) {
            if vfs::exists(self.fs.as_ref(), &path).unwrap_or(false) {
                self.remove_files(&path);
            }
        }
    }

    fn remove_files(&self, path: &Path) {
        if let Err(err) = remove_log(self.fs.as_ref(), path) {
            tracing::error!(path = %path.display(), %err, "deleted partition stays on disk");
        }
    }

    fn reconfigure(&self, topic: &TopicImage, sources: &ConfigSources) {
        let rules = self.rules_of(topic, sources);
        self.each_of(topic, |it| it.reconfigure(rules.log.clone(), rules.replica, rules.sync));
    }

    fn rules_of(&self, topic: &TopicImage, sources: &ConfigSources) -> TopicRules {
        TopicRules::of(&EffectiveTopicConfig::resolve(&topic.configs, sources), &self.config)
    }

    fn each_of(&self, topic: &TopicImage, act: impl Fn(&Arc<Partition>)) {
        for (index, _) in topic.partitions() {
            let slot = self.slots.read().get(&PartitionId { topic: topic.id, index }).cloned();
            if let Some(Slot::Serving(partition)) = slot {
                act(&partition);
            }
        }
    }
}
