//! What happens to the cluster: faults, topics that come and go, operators, and a client that commits
//! without being a member.

use std::sync::Arc;

use kq_broker::group::{
    Caller, CommitOffsets, DeleteOffsets, GroupId, Input, OffsetToCommit, ReplyTo, TopicPartition,
};
use kq_broker::ids::{BrokerId, PartitionIndex, TopicId};
use kq_broker::metadata::{
    BrokerRegistration, Change, MetadataImage, MetadataRecord, PartitionChange, PartitionImage,
    TimestampMs,
};
use uuid::Uuid;

use super::checks::Extent;
use super::client::{CALM_THINK, Client};
use super::coordinator::Seat;
use super::requests::{Body, Request};
use super::scenario::Fault;
use super::wire::{FLEETING, PARTITIONS, TOPIC};
use super::world::{BROKERS, Event, NOBODY, World, trace};
use kq_broker::group::WrittenRecord;
use kq_broker::group::record::{Key, encode_key};

/// The group of the client that is no member.
const OUTSIDERS: &str = "g3";

impl World {
    pub(crate) fn on_fault(&mut self) {
        if !self.stormy {
            return;
        }
        if let Some(fault) = self.rng.pick(&self.weather.faults.clone()) {
            trace!(self, "{fault:?}");
            self.befall(fault);
        }
        let pause = self.rng.within(1, 2 * self.weather.fault_every);
        self.after(pause, Event::Fault);
    }

    fn befall(&mut self, fault: Fault) {
        match fault {
            Fault::FailOver => self.fail_over(),
            Fault::Unknown => self.on_unknown(self.log.leader),
            Fault::Thin => {
                self.is_thin = true;
                let pause = self.rng.within(10, 3_000);
                self.after(pause, Event::Plenty);
            }
            Fault::Topic => self.change_topics(),
            Fault::Delete => self.delete(),
            Fault::Crash | Fault::Leave | Fault::Pause | Fault::Twin | Fault::Subscribe => {
                self.strike_client(fault);
            }
        }
    }

    fn strike_client(&mut self, fault: Fault) {
        let count = self.clients.len() as u64;
        let client = usize::try_from(self.rng.below(count)).unwrap();
        let it = &mut self.clients[client];
        if !it.alive {
            return;
        }
        match fault {
            Fault::Leave => self.leave(client),
            Fault::Subscribe => self.subscribe_anew(client),
            Fault::Pause => {
                let silence = self.rng.within(100, 9_000);
                self.clients[client].silent_until = self.now + silence;
            }
            Fault::Twin if it.instance.is_some() => {
                let twin = Client::new(it.group.clone(), it.instance.clone());
                self.clients.push(twin);
                self.after(1, Event::Start { client: self.clients.len() - 1 });
            }
            Fault::Crash | Fault::Twin => {
                it.alive = false;
                self.start_again(client);
            }
            Fault::FailOver | Fault::Unknown | Fault::Thin | Fault::Topic | Fault::Delete => {}
        }
    }

    /// The old leader goes on for a while, and cannot commit.
    fn fail_over(&mut self) {
        let (old, term) = (self.log.leader, self.log.term);
        self.compare(old, Extent::All);
        let tail = self.log.tail.len() as u64;
        let kept = usize::try_from(self.rng.below(tail + 1)).unwrap();
        let step = usize::try_from(self.rng.within(1, 2)).unwrap();
        let leader = (old + step) % BROKERS;
        self.log.fail_over(leader, kept);
        if self.weather.foreign && self.rng.percent(30) {
            self.write_as_another_version();
        }
        self.checks.on_fail_over(&self.log);
        trace!(self, "broker {leader} leads in term {}, {kept} of {tail} kept", self.log.term);
        let zombie = self.rng.within(1, self.weather.zombie_max);
        self.after(zombie, Event::Notice { broker: old, term });
        // What it was at in an older term ends now.
        self.on_notice(leader, self.term_of(leader));
        self.begin_loading(leader);
        if !self.log.tail.is_empty() {
            self.commit_later();
        }
    }

    /// Another version of the broker led for a moment, and turned a group without members into one of a
    /// kind that this one does not know: that takes the group's record, and leaves its offsets.
    fn write_as_another_version(&mut self) {
        let key = encode_key(&Key::Group(OUTSIDERS.into()));
        let batch = self.log.number(vec![WrittenRecord { key, value: None }]);
        self.log.append(self.log.term, &batch);
    }

    fn term_of(&self, broker: usize) -> u32 {
        match &self.seats[broker] {
            Seat::At(it) => it.term,
            Seat::Idle | Seat::Loading { .. } => 0,
        }
    }

    pub(crate) fn make_topics(&mut self) {
        let mut records: Vec<_> = (0..3)
            .map(|id| {
                let mut broker = BrokerRegistration::at(BrokerId(id), "127.0.0.1", 9_092);
                broker.rack = Some(format!("r{}", id + 1));
                MetadataRecord::BrokerRegistered(broker)
            })
            .collect();
        records.extend(self.new_topic(TOPIC, PARTITIONS));
        self.apply(records);
        self.shared = self.image.topic_by_name(TOPIC).unwrap().id;
        self.checks.shared = self.shared;
    }

    /// The fleeting topic comes, goes, or is made anew.
    fn change_topics(&mut self) {
        let known = self.image.name_holder(FLEETING).map(|it| it.id);
        let purged = known.map(|topic| MetadataRecord::TopicPurged { topic });
        let is_made = known.is_none() || self.rng.percent(50);
        let mut records: Vec<_> = purged.into_iter().collect();
        if is_made {
            records.extend(self.new_topic(FLEETING, 1));
        }
        self.apply(records);
    }

    fn new_topic(&mut self, name: &str, partitions: i32) -> Vec<MetadataRecord> {
        let topic = TopicId(Uuid::from_u128(u128::from(self.rng.next()) + 1));
        let mut records = vec![MetadataRecord::TopicCreated { topic, name: name.to_owned() }];
        records.extend((0..partitions.unsigned_abs()).map(|index| {
            let only = vec![BrokerId(index % 3)];
            let now =
                PartitionImage { replicas: only.clone(), isr: only, ..PartitionImage::default() };
            let index = PartitionIndex(index);
            MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
        }));
        records
    }

    fn apply(&mut self, records: Vec<MetadataRecord>) {
        let image: &MetadataImage = &self.image;
        let change = Change { time: TimestampMs::default(), reason: "a fault".into(), records };
        self.image = Arc::new(image.apply(image.applied() + 1, &change).unwrap());
        self.image_version += 1;
    }

    /// An operator deletes a group, which is refused while it has members, or offsets.
    fn delete(&mut self) {
        let group = GroupId::from(self.rng.pick(&[OUTSIDERS, OUTSIDERS, "g1"]).unwrap());
        let reply = ReplyTo(0);
        let input = if self.rng.percent(50) {
            Input::DeleteGroup { group, reply }
        } else {
            let partition = i32::try_from(self.rng.below(2)).unwrap();
            let partitions = vec![TopicPartition { topic: TOPIC.into(), partition }];
            Input::DeleteOffsets(DeleteOffsets { group, partitions, reply })
        };
        self.ask(self.log.leader, Request { from: NOBODY, number: 0, body: Body::Step(input) });
    }

    /// Commits for a group that has no members, and looks at it.
    pub(crate) fn on_outsider(&mut self) {
        let group = GroupId::from(OUTSIDERS);
        let body = if self.rng.percent(30) {
            Body::Fetch { group, member: "".into(), epoch: -1 }
        } else {
            self.outside_commit(group)
        };
        // The door knows the topics as the shard does.
        self.on_request(self.log.leader, Request { from: NOBODY, number: 0, body });
        let think = if self.stormy { self.weather.think } else { CALM_THINK };
        let pause = self.rng.within(10, 2 * think);
        self.after(pause, Event::Outsider);
    }

    fn outside_commit(&mut self, group: GroupId) -> Body {
        self.named += 1;
        let is_fleeting = self.image.name_holder(FLEETING).is_some() && self.rng.percent(50);
        let topic = if is_fleeting { FLEETING } else { TOPIC };
        let partition = if is_fleeting { 0 } else { self.rng.below(2) };
        let partition = i32::try_from(partition).unwrap();
        let offset = OffsetToCommit {
            partition: TopicPartition { topic: topic.into(), partition },
            offset: i64::try_from(self.named).unwrap(),
            leader_epoch: None,
            metadata: format!("n{}", self.named).as_str().into(),
        };
        let caller = Caller { group, member: "".into(), instance: None, generation: -1 };
        Body::Step(Input::Commit(CommitOffsets {
            caller,
            retention: None,
            offsets: vec![offset],
            reply: ReplyTo(0),
        }))
    }
}
