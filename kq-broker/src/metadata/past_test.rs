//! Random lives of a cluster, and each of their moments told again from the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::ids::{BrokerId, ClusterId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId};

/// What a monitor shows of an image.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    cluster: Option<ClusterId>,
    controller: Option<(BrokerId, u64)>,
    voters: Vec<BrokerId>,
    brokers: Vec<BrokerImage>,
    topics: BTreeMap<String, ShownTopic>,
    cluster_config: ConfigMap,
}

#[derive(Debug, Clone, PartialEq)]
struct ShownTopic {
    id: TopicId,
    created_at: TimestampMs,
    is_protected: bool,
    configs: ConfigMap,
    partitions: Vec<PartitionImage>,
}

/// Without the topics that are gone for good.
fn shown(image: &MetadataImage, purged: impl Fn(TopicId) -> bool) -> Shown {
    let partition = |it: &Arc<PartitionImage>| PartitionImage {
        replicas: it.replicas.clone(),
        isr: it.isr.clone(),
        adding: it.adding.clone(),
        removing: it.removing.clone(),
        leader: it.leader,
        leader_epoch: it.leader_epoch,
        ..PartitionImage::default()
    };
    let topic = |it: &Arc<TopicImage>| ShownTopic {
        id: it.id,
        created_at: it.created_at,
        is_protected: it.protection.is_some(),
        configs: it.configs.as_ref().clone(),
        partitions: it.partitions.iter().map(partition).collect(),
    };
    let topics = image.topics().filter(|it| !purged(it.id));
    Shown {
        cluster: image.cluster_id().cloned(),
        controller: image.controller(),
        voters: image.voters().to_vec(),
        brokers: image.brokers().map(|it| it.as_ref().clone()).collect(),
        topics: topics.map(|it| (it.name.to_string(), topic(it))).collect(),
        cluster_config: image.configs(&ConfigResource::Cluster).as_ref().clone(),
    }
}

/// Draws what happens next: a record that fits the image.
struct Fate<'a> {
    image: &'a MetadataImage,
    dice: [u8; 6],
    fresh: u128,
}

impl Fate<'_> {
    fn roll(&self, at: usize, below: usize) -> usize {
        usize::from(self.dice[at]) % below.max(1)
    }

    fn broker(&self, at: usize) -> BrokerId {
        BrokerId(1 + u32::try_from(self.roll(at, 5)).unwrap_or(0))
    }

    /// Some of them, in some order.
    fn some_of(of: &[BrokerId], mask: u8, turn: usize) -> Vec<BrokerId> {
        let chosen = of.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0);
        let mut chosen: Vec<BrokerId> = chosen.map(|(_, id)| *id).collect();
        if !chosen.is_empty() {
            let turn = turn % chosen.len();
            chosen.rotate_left(turn);
        }
        chosen
    }

    fn topic(&self) -> Option<Arc<TopicImage>> {
        let count = self.image.topics_total();
        self.image.all_topics().nth(self.roll(1, count)).cloned()
    }

    fn next(&self) -> Vec<MetadataRecord> {
        use MetadataRecord as Record;
        let broker = self.broker(1);
        let known = self.image.broker(broker).is_some();
        let one = |record| vec![record];
        match self.dice[0] % 22 {
            0 | 1 => self.create(),
            2 => self.topic().map_or(vec![], |it| one(Record::TopicPurged { topic: it.id })),
            3 => {
                let purge_at = TimestampMs(self.dice[2].into());
                let hide =
                    |it: Arc<TopicImage>| Record::TopicSoftDeleted { topic: it.id, purge_at };
                self.topic().map(hide).into_iter().collect()
            }
            4 => {
                let hidden = self.topic().filter(|it| !it.is_visible());
                hidden.map(|it| Record::TopicRestored { topic: it.id }).into_iter().collect()
            }
            5 => {
                let protected = self.dice[2].is_multiple_of(2);
                let protect =
                    |it: Arc<TopicImage>| Record::TopicProtected { topic: it.id, protected };
                self.topic().map(protect).into_iter().collect()
            }
            6 => self.configure(),
            7 => self.add_partition(),
            8 if known => one(Record::BrokerFenced { broker }),
            9 if known => one(Record::BrokerStopping { broker }),
            10 if known => one(match self.dice[2] % 3 {
                0 => Record::BrokerUncordoned { broker },
                more => Record::BrokerCordoned { broker, decommission: more == 1 },
            }),
            11 if known && self.image.broker_load(broker) == BrokerLoad::default() => {
                one(Record::BrokerUnregistered { broker })
            }
            8..=13 => {
                let mut it =
                    BrokerRegistration::at(broker, format!("h{}", self.dice[2] % 4), 9_092);
                it.resumed_cleanly = self.dice[3].is_multiple_of(2);
                it.directory = Uuid::from_u128((self.dice[4] % 2).into());
                it.rack = (self.dice[5].is_multiple_of(2)).then(|| "r".to_owned());
                one(Record::BrokerRegistered(it))
            }
            14 => {
                let term = self.image.controller().map_or(1, |(_, term)| term + 1);
                let unled_since =
                    (self.dice[2].is_multiple_of(3)).then_some(self.image.changed_at());
                one(Record::ControllerChanged { broker, term, unled_since })
            }
            15 => {
                let voters = Self::some_of(&[1, 2, 3, 4, 5].map(BrokerId), self.dice[2] | 1, 0);
                one(Record::VotersChanged { voters })
            }
            _ => self.change_partition(),
        }
    }

    fn create(&self) -> Vec<MetadataRecord> {
        let name = ["a", "b.c", "d", "e"][self.roll(1, 4)];
        if self.image.name_holder(name).is_some() {
            return vec![];
        }
        let topic = TopicId(Uuid::from_u128(self.fresh));
        let mut records = vec![MetadataRecord::TopicCreated { topic, name: name.to_owned() }];
        for index in 0..=u32::from(self.dice[2] % 3) {
            let index = PartitionIndex(index);
            let now = self.some_partition(&PartitionImage::default());
            records.push(MetadataRecord::PartitionChanged(PartitionChange { topic, index, now }));
        }
        records
    }

    fn configure(&self) -> Vec<MetadataRecord> {
        let topic = self.topic().map(|it| ConfigResource::Topic(it.id));
        let resource = match self.dice[2] % 4 {
            0 => ConfigResource::Cluster,
            1 => ConfigResource::Broker(self.broker(3)),
            _ => topic.unwrap_or(ConfigResource::Cluster),
        };
        let key = "min.insync.replicas".to_owned();
        let value = (!self.dice[4].is_multiple_of(3)).then(|| (self.dice[4] % 5).to_string());
        vec![MetadataRecord::ConfigChanged { resource, key, value }]
    }

    fn add_partition(&self) -> Vec<MetadataRecord> {
        let Some(topic) = self.topic() else { return vec![] };
        let index = PartitionIndex(topic.partition_count());
        let now = self.some_partition(&PartitionImage::default());
        vec![MetadataRecord::PartitionChanged(PartitionChange { topic: topic.id, index, now })]
    }

    fn change_partition(&self) -> Vec<MetadataRecord> {
        let Some(topic) = self.topic() else { return vec![] };
        let count = topic.partitions.len();
        let at = self.roll(2, count);
        let Some(old) = topic.partitions.get(at) else { return vec![] };
        let index = PartitionIndex(u32::try_from(at).unwrap_or(0));
        let now = self.some_partition(old);
        vec![MetadataRecord::PartitionChanged(PartitionChange { topic: topic.id, index, now })]
    }

    /// Another state of a partition: a new leader raises its epoch, and sometimes an old one does.
    fn some_partition(&self, old: &PartitionImage) -> PartitionImage {
        let all = [1, 2, 3, 4, 5, 70_000].map(BrokerId);
        let keeps = !old.replicas.is_empty() && !self.dice[3].is_multiple_of(3);
        let replicas = if keeps {
            old.replicas.clone()
        } else {
            Self::some_of(&all, self.dice[3] | 1, self.dice[4].into())
        };
        let isr = Self::some_of(&replicas, self.dice[4] | 1, self.dice[5].into());
        let isr = if self.dice[4].is_multiple_of(5) && keeps { old.isr.clone() } else { isr };
        let leader = isr.get(self.roll(5, isr.len() + 1)).copied();
        let out: Vec<BrokerId> = replicas.iter().copied().filter(|id| !isr.contains(id)).collect();
        let (elr, last_known) =
            if self.dice[5].is_multiple_of(2) { (out, vec![]) } else { (vec![], out) };
        let raised = u32::from(leader != old.leader || self.dice[5].is_multiple_of(7));
        PartitionImage {
            adding: Self::some_of(&replicas, self.dice[5] >> 5, 0),
            removing: Self::some_of(&replicas, self.dice[4] >> 6, 0),
            leader_epoch: LeaderEpoch(old.leader_epoch.0 + raised),
            partition_epoch: PartitionEpoch(old.partition_epoch.0 + 1),
            replicas,
            isr,
            elr,
            last_known,
            leader,
            ..PartitionImage::default()
        }
    }
}

/// All images of a life; each change is made of one or several things that happen together.
fn live(dice: &[Vec<[u8; 6]>]) -> Vec<Arc<MetadataImage>> {
    let cluster = MetadataRecord::ClusterCreated { cluster_id: ClusterId("kq".into()) };
    let mut image = MetadataImage::default();
    let mut images = vec![Arc::new(image.clone())];
    let (mut fresh, mut index) = (100, 0);
    for dice in dice {
        let mut records = if index == 0 { vec![cluster.clone()] } else { vec![] };
        let mut draft = image.clone();
        for dice in dice {
            fresh += 1;
            let more = Fate { image: &draft, dice: *dice, fresh }.next();
            let time = image.changed_at();
            let change = Change { time, reason: String::new(), records: more.clone() };
            // Not everything that is drawn can be.
            if let Ok(next) = draft.apply(draft.applied() + 1, &change) {
                draft = next;
                records.extend(more);
            }
        }
        index += 1 + u64::from(dice.len() == 3);
        let time = TimestampMs(image.changed_at().0 + i64::from(dice.len() == 2) * 10);
        let change = Change { time, reason: format!("r{index}"), records };
        if let Ok(next) = image.apply(index, &change) {
            image = next;
            images.push(Arc::new(image.clone()));
        }
    }
    images
}

/// Whether a moment told from the end is what it was.
fn verify_moment(past: &mut Past, now: &Arc<MetadataImage>, was: &MetadataImage) {
    let purged = |id: TopicId| now.any_topic(id).is_none();
    let told = past.at(now, was.applied());
    assert_eq!(shown(told.image(), purged), shown(was, purged), "at {}", was.applied());
    let unknown: Vec<String> = told.topics_unknown().map(ToString::to_string).collect();
    let gone: Vec<String> =
        was.topics().filter(|it| purged(it.id)).map(|it| it.name.to_string()).collect();
    assert_eq!(unknown, gone, "unknown at {}", was.applied());
    assert_eq!(told.image().events_total(), was.events_total());
    let partitions = |image: &MetadataImage| {
        image.all_topics().map(|it| u64::from(it.partition_count())).sum::<u64>()
    };
    assert_eq!(told.image().partitions_total(), partitions(told.image()));
    for id in 1..=5 {
        let leads = |image: &MetadataImage| image.broker_load(BrokerId(id)).leads;
        if !was.all_topics().any(|it| purged(it.id)) {
            assert_eq!(leads(told.image()), leads(was), "led by {id} at {}", was.applied());
        }
    }
}

fn lives() -> impl Strategy<Value = Vec<Vec<[u8; 6]>>> {
    let together = prop::collection::vec(prop::array::uniform6(prop::num::u8::ANY), 1..4);
    prop::collection::vec(together, 1..120)
}

proptest! {
    #[test]
    fn each_moment_told_from_the_end_is_what_it_was(dice in lives(), jumps in prop::collection::vec(0..200_usize, 20)) {
        let images = live(&dice);
        let last = images.last().unwrap();
        let mut past = Past::default();
        for was in images.iter().rev().chain(&images) {
            verify_moment(&mut past, last, was);
        }
        for jump in jumps {
            verify_moment(&mut past, last, &images[jump % images.len()]);
        }
        // A snapshot tells the same past, and so does what it grows into.
        let restored = Arc::new(MetadataImage::from_snapshot(&last.to_snapshot()).unwrap());
        assert_eq!(&restored, last);
        let middle = &images[images.len() / 2];
        let restored = MetadataImage::from_snapshot(&middle.to_snapshot()).unwrap();
        assert_eq!(&restored, middle.as_ref());
        verify_moment(&mut Past::default(), &Arc::new(restored), &images[images.len() / 4]);
    }
}

#[test]
fn a_moment_finds_the_change_that_made_it() {
    let set = |value: &str| MetadataRecord::ConfigChanged {
        resource: ConfigResource::Cluster,
        key: "k".to_owned(),
        value: Some(value.to_owned()),
    };
    let mut image = MetadataImage::default();
    assert_eq!(image.index_at(TimestampMs(5)), None);
    for (index, time) in [(3, 10), (4, 10), (7, 30)] {
        let change =
            Change { time: TimestampMs(time), reason: String::new(), records: vec![set("v")] };
        image = image.apply(index, &change).unwrap();
    }
    let at = |time| image.index_at(TimestampMs(time));
    assert_eq!([9, 10, 29, 30, 99].map(at), [None, Some(4), Some(4), Some(7), Some(7)]);
    assert_eq!(image.told_from(), (0, TimestampMs(0)));
}

/// A cluster of many partitions that fails over again and again, until the history is full.
fn worn() -> Arc<MetadataImage> {
    let ids = |list: [u32; 3]| list.map(BrokerId).to_vec();
    let topic = |number: u32| TopicId(Uuid::from_u128(number.into()));
    let mut image = MetadataImage::default();
    let mut index = 0;
    let mut commit = |image: &mut MetadataImage, records| {
        index += 1;
        let change = Change {
            time: TimestampMs(i64::try_from(index).unwrap_or(0) * 1_000),
            reason: "r".into(),
            records,
        };
        *image = image.apply(index, &change).unwrap();
    };
    for number in 0..200 {
        let mut records =
            vec![MetadataRecord::TopicCreated { topic: topic(number), name: format!("t{number}") }];
        records.extend((0..500).map(|at| {
            let now = PartitionImage {
                replicas: ids([1, 2, 3]),
                isr: ids([1, 2, 3]),
                leader: Some(BrokerId(1)),
                ..PartitionImage::default()
            };
            let index = PartitionIndex(at);
            MetadataRecord::PartitionChanged(PartitionChange { topic: topic(number), index, now })
        }));
        commit(&mut image, records);
    }
    for round in 1..=11_u32 {
        for number in (0..200).filter(|it| it % 10 != round % 10) {
            let records = (0..60).map(|at| {
                let index = PartitionIndex(at);
                let old = image.topic_by_id(topic(number)).unwrap().partition(index).unwrap();
                let mut now = old.as_ref().clone();
                let turn = round as usize % 3;
                now.isr = ids([1, 2, 3]);
                now.isr.remove(turn);
                now.leader = now.isr.first().copied();
                now.leader_epoch.0 += u32::from(now.leader != old.leader);
                now.partition_epoch = now.partition_epoch.next();
                MetadataRecord::PartitionChanged(PartitionChange {
                    topic: topic(number),
                    index,
                    now,
                })
            });
            let records = records.collect();
            commit(&mut image, records);
        }
    }
    Arc::new(image)
}

#[test]
fn a_full_history_of_many_partitions_is_walked() {
    let now = worn();
    assert_eq!(now.events().count(), EVENTS_MAX);
    let oldest = now.told_from().0;
    let mut past = Past::default();
    let mut spans = Vec::new();
    for index in [now.applied() - 1, now.applied() - 40, oldest, oldest + 30, oldest + 900, oldest]
    {
        let began = crate::env::instant();
        let told = past.at(&now, index);
        spans.push((index, began.elapsed()));
        assert_eq!(told.image().applied(), index);
    }
    assert_eq!(past.at(&now, 0).image().applied(), oldest);
    assert_eq!(past.at(&now, oldest).image().partitions_total(), 100_000);
    // For who wants to know; a test does not judge it.
    assert!(std::env::var_os("KQ_SPANS").is_none(), "{spans:?}");
}
