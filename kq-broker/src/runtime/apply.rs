//! Turning committed metadata into roles and files: partitions opened, led, followed, deleted, hidden
//! and reconfigured.
//!
//! ```text
//!   created   directory, then inventory, then served          a crash in between: made again
//!   gone      out of service, directory renamed, files removed, inventory
//! ```
//! A partition is gone when its topic is purged, or when this broker is none of its replicas any more.
//! Roles change first, files after: no leader waits for another partition's files.

use std::path::Path;
use std::sync::Arc;

use kq_storage::{remove_log, vfs};

use super::partition::{Assigned, Registered};
use super::partitions::{Order, Partitions, Slot};
use super::topic_rules::TopicRules;
use super::{Partition, PartitionError, home};
use crate::catalogue::{ConfigSources, EffectiveTopicConfig};
use crate::ids::{PartitionId, PartitionIndex};
use crate::metadata::{MetadataDelta, MetadataImage, PartitionImage, TopicDelta, TopicImage};

/// What an image leaves to be done with files.
#[derive(Debug, Default)]
struct FileWork {
    orders: Vec<Order>,
    /// Partitions to be removed, with the names of their directories.
    gone: Vec<(PartitionId, String)>,
}

impl Partitions {
    /// Brings the files from the image before to this one. Blocks.
    pub fn apply(&self, new: &Arc<MetadataImage>) {
        let mut image = self.image.lock();
        // Before any replica is followed that a plan brings here.
        self.follows.quota().set(new.moves_bytes_per_second(), self.clock.elapsed());
        let delta = MetadataDelta::between(&image, new);
        let sources = ConfigSources::of(new, self.broker, &self.fixed);
        let mut work = FileWork::default();
        // Rules before roles: a leader whose ISR shrinks goes by what is demanded now.
        if delta.cluster_config_changed || delta.broker_configs.contains(&self.broker) {
            new.all_topics().for_each(|topic| self.reconfigure(topic, &sources));
        }
        for topic in &delta.topics {
            match topic {
                TopicDelta::Created(topic) => {
                    let all = topic.partitions().map(|(index, _)| index);
                    self.place(topic, all, (new, &sources), &mut work);
                }
                TopicDelta::Purged(topic) => self.purge(topic, &mut work),
                TopicDelta::Changed {
                    new: new_topic,
                    partitions,
                    configs_changed,
                    visibility_changed,
                    ..
                } => {
                    if *visibility_changed {
                        self.each_of(new_topic, |it| it.set_hidden(!new_topic.is_visible()));
                    }
                    if *configs_changed {
                        self.reconfigure(new_topic, &sources);
                    }
                    self.place(new_topic, partitions.iter().copied(), (new, &sources), &mut work);
                }
            }
        }
        self.remove_all(&work.gone, new.applied());
        self.open_all(&work.orders, new.applied());
        *image = Arc::clone(new);
        self.applied.send_replace(new.applied());
    }

    /// After the first image: what no topic claimed is no longer anyone's. Nor is it in service: a
    /// replica that moved away while this broker was down comes back empty, and nothing is lost.
    pub fn set_strays_aside(&self) {
        self.found.lock().set_aside();
        let seen = self.image.lock().applied();
        let mut inventory = self.inventory.lock();
        let slots = self.slots.read();
        let gone: Vec<PartitionId> =
            inventory.known().filter(|id| !slots.contains_key(id)).collect();
        drop(slots);
        if let Err(err) = inventory.change(seen, &[], &gone) {
            tracing::error!(%err, "inventory cannot be written: it still names what is gone");
        }
    }

    /// Tries again to make partitions that could not be made when they were created, and reports again
    /// those that cannot be served: somebody else may be able to lead by now.
    pub(super) fn retry_failed(&self) {
        let image = self.image.lock();
        let sources = ConfigSources::of(&image, self.broker, &self.fixed);
        let mut work = FileWork::default();
        for (id, _) in self.failed() {
            let never_served = !self.inventory.lock().contains(id);
            if let Some(topic) = image.any_topic(id.topic).filter(|_| never_served) {
                self.slots.write().remove(&id);
                self.place(topic, [id.index], (&image, &sources), &mut work);
            }
        }
        self.open_all(&work.orders, image.applied());
        let offline = |it: &Arc<Partition>| {
            let why = it.log_dir().offline()?;
            Some((it.id(), PartitionError::Offline(Arc::clone(why))))
        };
        for (id, why) in self.failed().into_iter().chain(self.all().iter().filter_map(offline)) {
            let topic = image.any_topic(id.topic);
            if let Some(now) = topic.and_then(|topic| topic.partition(id.index)) {
                self.report_failed(id, &why, now);
            }
        }
    }

    /// Gives each of these partitions its role, and notes which must be opened or removed for it.
    fn place(
        &self,
        topic: &TopicImage,
        indexes: impl IntoIterator<Item = PartitionIndex>,
        (brokers, sources): (&MetadataImage, &ConfigSources),
        work: &mut FileWork,
    ) {
        let mut rules = None;
        for index in indexes {
            let Some(image) = topic.partition(index) else { continue };
            let id = PartitionId { topic: topic.id, index };
            let is_ours = image.replicas.contains(&self.broker);
            let registered = || brokers.registrations(&image.replicas);
            let known = self.slots.read().get(&id).cloned();
            match known {
                Some(Slot::Serving(partition)) if is_ours => {
                    self.assign(&partition, image, registered());
                }
                Some(Slot::Failed(why)) if is_ours => self.report_failed(id, &why, image),
                Some(_) if !is_ours => work.gone.push((id, home::dir_name(&topic.name, id))),
                None if is_ours => {
                    let rules = rules.get_or_insert_with(|| self.rules_of(topic, sources)).clone();
                    work.orders.push(Order {
                        id,
                        topic: Arc::clone(&topic.name),
                        hidden: !topic.is_visible(),
                        image: Arc::clone(image),
                        registered: registered(),
                        rules,
                    });
                }
                Some(_) | None => {}
            }
        }
    }

    /// A replica that cannot be served must not count as one that holds what is committed; and what
    /// is lost can be fetched anew when it does not.
    fn report_failed(&self, id: PartitionId, why: &PartitionError, image: &PartitionImage) {
        let me = &self.broker;
        let is_lost = matches!(why, PartitionError::Lost(_));
        let counts = image.leader.as_ref() == Some(me) || image.elr.contains(me);
        let leaves = image.isr.contains(me) && image.isr.len() > 1;
        if counts || leaves || (is_lost && !image.isr.contains(me)) {
            self.wishes.fail([id]);
        }
    }

    /// Makes replicas anew whose records are lost, where the metadata says that they do not count as
    /// holding any: their leader has the records. Called once the controller has noted, in this life
    /// of the broker, that they have failed; an older image could be wrong about who is in sync.
    pub(super) fn renew_lost(&self, failed: &[PartitionId]) {
        let image = self.image.lock();
        let sources = ConfigSources::of(&image, self.broker, &self.fixed);
        let mut work = FileWork::default();
        for id in failed {
            let is_lost = matches!(self.replica(*id), Err(PartitionError::Lost(_)));
            let Some(topic) = image.any_topic(id.topic).filter(|_| is_lost) else { continue };
            let Some(now) = topic.partition(id.index) else { continue };
            let counts = now.leader == Some(self.broker)
                || [&now.isr, &now.elr].iter().any(|it| it.contains(&self.broker));
            if counts || !now.replicas.contains(&self.broker) {
                continue;
            }
            let name = home::dir_name(&topic.name, *id);
            match self.set_lost_aside(*id, &name, image.applied()) {
                Ok(()) => {
                    self.slots.write().remove(id);
                    self.place(topic, [id.index], (&image, &sources), &mut work);
                }
                Err(why) => tracing::error!(%id, %why, "a lost replica cannot be made anew"),
            }
        }
        self.open_all(&work.orders, image.applied());
    }

    /// Keeps what is left of a replica under another name, and forgets that it was ever served.
    fn set_lost_aside(&self, id: PartitionId, name: &str, seen: u64) -> Result<(), String> {
        for path in self.dirs.iter().map(|dir| dir.path().join(name)) {
            if vfs::exists(self.fs.as_ref(), &path).unwrap_or(false) {
                let failed = |err| format!("renaming {}: {err}", path.display());
                let aside = home::set_aside(self.fs.as_ref(), &path).map_err(failed)?;
                let aside = aside.display();
                tracing::warn!(%id, %aside, "damaged replica set aside: it is fetched anew");
            }
        }
        self.inventory.lock().change(seen, &[], &[id]).map_err(|err| err.to_string())
    }

    fn assign(&self, partition: &Arc<Partition>, image: &PartitionImage, registered: Registered) {
        match partition.assign(image, registered) {
            Assigned::Leads => self.follows.leave(partition.id()),
            // A log that is closed for good fetches no more.
            Assigned::Follows(_) if partition.log_dir().offline().is_some() => {
                self.follows.leave(partition.id());
            }
            Assigned::Follows(source) => self.follows.set(partition, source),
            Assigned::FollowsAsBefore => {}
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
        for (id, slot) in &opened {
            match slot {
                Slot::Serving(partition) => self.follows.set(partition, partition.source()),
                Slot::Failed(_) => self.wishes.fail([*id]),
            }
        }
        self.slots.write().extend(opened);
    }

    fn purge(&self, topic: &TopicImage, work: &mut FileWork) {
        self.meters.lock().remove(&topic.id);
        let ids = topic.partitions().map(|(index, _)| PartitionId { topic: topic.id, index });
        work.gone.extend(ids.map(|id| (id, home::dir_name(&topic.name, id))));
    }

    /// Takes partitions out of service and removes their files.
    fn remove_all(&self, gone: &[(PartitionId, String)], seen: u64) {
        if gone.is_empty() {
            return;
        }
        for (id, name) in gone {
            let slot = self.slots.write().remove(id);
            self.follows.leave(*id);
            match slot {
                Some(Slot::Serving(partition)) => {
                    drop(partition.stop(PartitionError::Unknown));
                    self.remove_files(&partition.log_dir().path().join(name));
                }
                Some(Slot::Failed(_)) => self.remove_wherever(name),
                None => {}
            }
        }
        let ids: Vec<_> = gone.iter().map(|(id, _)| *id).collect();
        if let Err(err) = self.inventory.lock().change(seen, &[], &ids) {
            tracing::error!(%err, "inventory cannot be written: it still names what is deleted");
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
