//! The image as it was: what happened since is taken back, the newest first.
//!
//! ```text
//!   image at 900 --undo--> at 870 --undo--> at 850      a clone costs nothing: images share what is
//!                            ^                          the same in them
//!                            kept: who looks at 860 next begins here
//! ```
//!
//! Exact is what people look at: of partitions leader, leader epoch, ISR, replicas and what a
//! reassignment adds and removes; all of brokers; of topics that they were there, hidden, protected,
//! and their settings; who led the quorum and who voted. What nobody keeps is left empty where it has
//! changed since (who was eligible to lead, handovers), or is as it is now (policies, plans, broker
//! settings, producer ids). A topic that was purged is known by its name alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;

use super::apply::epoch_before;
use super::before::{Before, Was};
use super::event::{Detail, Event, EventKind, FewBrokers, Subject};
use super::history::Newest;
use super::image::{MetadataImage, PartitionImage, TopicImage, unify};
use super::record::{ConfigResource, TimestampMs};
use crate::ids::{BrokerId, LeaderEpoch, PartitionId, PartitionIndex, TopicId};

/// How many things are taken back between two images that are kept on the way.
const APART: u32 = 1_024;
/// How many images are kept at most; then every other one goes.
const KEPT_MAX: usize = 64;

/// The image as it was at one raft index.
#[derive(Debug, Clone, Default)]
pub struct PastImage {
    image: Arc<MetadataImage>,
    /// Topics that have been purged since, and whether they could be seen then.
    purged: OrdMap<Arc<str>, bool>,
}

/// The past of a cluster, told from its newest image.
///
/// Keeps images on the way, so that going on from where one has been costs what lies between, in
/// either direction.
#[derive(Debug, Default)]
pub struct Past {
    kept: BTreeMap<u64, PastImage>,
}

impl MetadataImage {
    /// The oldest raft index whose image can be told, and when that was applied.
    pub fn told_from(&self) -> (u64, TimestampMs) {
        let it = self.history.told_from();
        (it.index, it.time)
    }

    /// The raft index of the newest change that had been made at a moment; none before the first
    /// that can be told.
    pub fn index_at(&self, at: TimestampMs) -> Option<u64> {
        let (oldest, since) = self.told_from();
        if at < since {
            return None;
        }
        self.history.index_at(at).map(|it| it.max(oldest)).or((oldest > 0).then_some(oldest))
    }

    /// When the newest change was made that had been made by a moment, so far as the history tells.
    pub fn last_change_by(&self, at: TimestampMs) -> Option<TimestampMs> {
        self.history.last_by(at)
    }

    /// An event that is kept, by its number.
    pub fn event(&self, number: u64) -> Option<&Event> {
        self.history.get(number)
    }

    /// The kept events whose number is below `number`, the newest first.
    pub fn events_before(&self, number: u64) -> impl Iterator<Item = &Event> {
        self.history.iter_before(number)
    }

    /// Spans in which nobody was known to lead the quorum, each with the number that the next event
    /// was to have: those behind an event, the oldest first.
    pub fn unled_after(&self, events: u64) -> impl Iterator<Item = Unled> {
        self.history.befores_after(events).filter_map(|it| {
            let Was::NoController(from) = it.was else { return None };
            Some(Unled { from, until: it.time, event: it.events + 1 })
        })
    }
}

/// A span in which nobody was known to lead the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unled {
    /// When a leader was last known.
    pub from: TimestampMs,
    /// When there was one again.
    pub until: TimestampMs,
    /// The number of the event that tells who.
    pub event: u64,
}

impl Past {
    /// The image at a raft index, which must be one that can be told.
    pub fn at(&mut self, now: &Arc<MetadataImage>, index: u64) -> PastImage {
        let oldest = now.told_from().0;
        let index = index.max(oldest);
        self.kept = self.kept.split_off(&oldest);
        let now = PastImage { image: now.clone(), purged: OrdMap::new() };
        let nearest = self.kept.range(index..).next().map(|(_, it)| it.clone());
        let mut at = nearest.filter(|it| it.image.applied <= now.image.applied).unwrap_or(now);
        while at.image.applied > index {
            let mut image = Arc::unwrap_or_clone(at.image);
            let done = undo_some(&mut image, &mut at.purged, index);
            at.image = Arc::new(image);
            self.keep(at.clone());
            if done {
                break;
            }
        }
        at
    }

    fn keep(&mut self, it: PastImage) {
        self.kept.insert(it.image.applied, it);
        if self.kept.len() > KEPT_MAX {
            let mut odd = false;
            self.kept.retain(|_, _| {
                odd = !odd;
                odd
            });
        }
    }
}

impl PastImage {
    /// The image.
    pub fn image(&self) -> &Arc<MetadataImage> {
        &self.image
    }

    /// Topics of that time that have been purged since, by name: what they were is not kept.
    pub fn topics_unknown(&self) -> impl Iterator<Item = &Arc<str>> {
        self.purged.iter().filter(|(_, was_seen)| **was_seen).map(|(name, _)| name)
    }
}

/// Takes back some of what came after a raft index, whole changes at a time. Tells whether it was all.
fn undo_some(image: &mut MetadataImage, purged: &mut OrdMap<Arc<str>, bool>, index: u64) -> bool {
    let mut left = APART;
    let done = loop {
        let newest = image.history.newest_change().0;
        if newest <= index {
            break true;
        }
        if left == 0 {
            break false;
        }
        // All of one change: an image in the middle of it has never been.
        while let Some(it) = image.history.pop_after(newest - 1) {
            left = left.saturating_sub(1);
            match it {
                Newest::Event(event) => undo_event(image, purged, &event),
                Newest::Before(before) => undo_before(image, purged, before),
            }
        }
    };
    let (newest, time) = image.history.newest_change();
    image.applied = if done { index } else { newest };
    image.changed_at = time;
    done
}

fn undo_event(image: &mut MetadataImage, purged: &mut OrdMap<Arc<str>, bool>, event: &Event) {
    match (&event.subject, event.kind) {
        (Subject::Cluster(_), EventKind::ClusterCreated) => image.cluster_id = None,
        (Subject::Topic(name), kind) => undo_of_topic(image, purged, name, kind),
        (Subject::Partition(name, index), kind) => {
            let Some(topic) = image.names.get(name).copied() else { return };
            let id = PartitionId { topic, index: *index };
            undo_of_partition(image, id, kind, &event.detail);
        }
        (Subject::Broker(_), EventKind::VoterAdded | EventKind::VoterRemoved) => {
            if let Some(from) = from_of(&event.detail) {
                image.voters = from.into();
            }
        }
        // What a broker was stands beside its events; the rest changed nothing that is told.
        _ => {}
    }
}

fn undo_of_topic(
    image: &mut MetadataImage,
    purged: &mut OrdMap<Arc<str>, bool>,
    name: &Arc<str>,
    kind: EventKind,
) {
    let is_gone = purged.contains_key(name);
    if kind == EventKind::TopicPurged || (is_gone && kind == EventKind::TopicDeleted) {
        purged.insert(name.clone(), true);
    } else if is_gone && kind == EventKind::TopicRestored {
        purged.insert(name.clone(), false);
    } else if is_gone && kind == EventKind::TopicCreated {
        purged.remove(name);
    } else if kind == EventKind::TopicCreated {
        forget_topic(image, name);
    }
}

/// As if it had never been.
fn forget_topic(image: &mut MetadataImage, name: &Arc<str>) {
    let Some(id) = image.names.remove(name) else { return };
    image.unified_names.remove(unify(name).as_str());
    image.hidden.remove(&id);
    image.attended.remove(&id);
    let Some(topic) = image.topics.remove(&id) else { return };
    for partition in &topic.partitions {
        image.remove_load(partition);
    }
    image.partitions_total -= u64::from(topic.partition_count());
}

fn undo_of_partition(image: &mut MetadataImage, id: PartitionId, kind: EventKind, detail: &Detail) {
    match (kind, detail) {
        (EventKind::IsrShrunk | EventKind::IsrExpanded, detail) => {
            let Some(isr) = from_of(detail) else { return };
            change_partition(image, id, |it| it.isr = isr);
        }
        (EventKind::ReplicasChanged, detail) => {
            let Some(replicas) = from_of(detail) else { return };
            change_partition(image, id, |it| it.replicas = replicas);
        }
        (_, Detail::Leader { from, epoch, .. }) => change_partition(image, id, |it| {
            it.leader = *from;
            it.leader_epoch = epoch_before(true, *epoch);
        }),
        _ => {}
    }
}

fn undo_before(image: &mut MetadataImage, purged: &mut OrdMap<Arc<str>, bool>, before: Before) {
    match before.was {
        Was::Epoch(id, epoch) => change_partition(image, id, |it| it.leader_epoch = epoch),
        Was::Isr(id, isr) => change_partition(image, id, |it| it.isr = isr.to_vec()),
        Was::Moves(id, adding, removing) => change_partition(image, id, |it| {
            it.adding = adding.to_vec();
            it.removing = removing.to_vec();
        }),
        Was::EpochsRaised(broker) => lower_leader_epochs(image, broker),
        Was::Broker(id, Some(was)) => {
            image.brokers.insert(id, was);
        }
        Was::Broker(id, None) => {
            image.brokers.remove(&id);
        }
        Was::Controller(was) => image.controller = was,
        Was::NoController(_) => {}
        Was::NoVoters => image.voters = Arc::default(),
        Was::Partitions(topic, count) => cut_partitions(image, topic, count),
        Was::Deletion(topic, was) => {
            match &was {
                Some(was) => image.hidden.insert(topic, was.purge_at),
                None => image.hidden.remove(&topic),
            };
            change_topic(image, topic, |it| it.soft_deletion = was);
        }
        Was::Protection(topic, was) => change_topic(image, topic, |it| it.protection = was),
        Was::Hidden(name) => {
            if let Some(was_seen) = purged.get_mut(&name) {
                *was_seen = false;
            }
        }
        Was::Config(resource, key, value) => set_config(image, &resource, &key, value),
    }
}

fn change_topic(image: &mut MetadataImage, id: TopicId, change: impl FnOnce(&mut TopicImage)) {
    if let Some(topic) = image.topics.get_mut(&id) {
        change(Arc::make_mut(topic));
    } else {
        image.hidden.remove(&id);
    }
}

fn change_partition(
    image: &mut MetadataImage,
    id: PartitionId,
    change: impl FnOnce(&mut PartitionImage),
) {
    let Some(topic) = image.topics.get_mut(&id.topic) else { return };
    let Some(slot) = Arc::make_mut(topic).partitions.get_mut(id.index.position()) else { return };
    let now = slot.clone();
    let was = Arc::make_mut(slot);
    change(was);
    was.elr = Vec::new();
    was.last_known = Vec::new();
    was.handover = None;
    let was = slot.clone();
    image.remove_load(&now);
    image.add_load(&was);
}

fn lower_leader_epochs(image: &mut MetadataImage, broker: BrokerId) {
    let led = |topic: &TopicImage| {
        let led = topic.partitions().filter(|(_, it)| it.leader == Some(broker));
        led.map(|(index, _)| index).collect::<Vec<PartitionIndex>>()
    };
    let all: Vec<(TopicId, Vec<PartitionIndex>)> = image
        .topics
        .values()
        .map(|it| (it.id, led(it)))
        .filter(|(_, led)| !led.is_empty())
        .collect();
    for (id, led) in all {
        change_topic(image, id, |topic| {
            for index in led {
                if let Some(slot) = topic.partitions.get_mut(index.position()) {
                    let it = Arc::make_mut(slot);
                    it.leader_epoch = LeaderEpoch(it.leader_epoch.0.saturating_sub(1));
                }
            }
        });
    }
}

fn cut_partitions(image: &mut MetadataImage, id: TopicId, count: u32) {
    let Some(topic) = image.topics.get_mut(&id) else { return };
    let topic = Arc::make_mut(topic);
    let mut cut = Vec::new();
    while topic.partition_count() > count {
        cut.extend(topic.partitions.pop_back());
    }
    for partition in cut {
        image.remove_load(&partition);
        image.partitions_total -= 1;
    }
}

fn set_config(
    image: &mut MetadataImage,
    resource: &ConfigResource,
    key: &str,
    value: Option<Arc<str>>,
) {
    let set = |configs: &mut Arc<super::image::ConfigMap>| {
        let map = Arc::make_mut(configs);
        match value {
            Some(value) => map.insert(key.to_owned(), value.to_string()),
            None => map.remove(key),
        };
    };
    match resource {
        ConfigResource::Topic(id) => change_topic(image, *id, |it| set(&mut it.configs)),
        ConfigResource::Cluster => set(&mut image.cluster_config),
        ConfigResource::Broker(_) => {}
    }
}

/// The brokers that a set of them was before. Sets that do not fit in place are told in words.
fn from_of(detail: &Detail) -> Option<Vec<BrokerId>> {
    match detail {
        Detail::Brokers { from, .. } => Some(FewBrokers::iter(from).collect()),
        Detail::Text(words) => {
            let (from, _) = words.strip_prefix('[')?.split_once(']')?;
            let id = |it: &str| it.parse().ok().map(BrokerId);
            from.split(',').filter(|it| !it.is_empty()).map(id).collect()
        }
        Detail::None | Detail::Leader { .. } | Detail::Handover { .. } => None,
    }
}
