//! A process that is in a group: it asks its coordinator, hears or waits in vain, reads on, and
//! commits what it has read. What it says to get a share is a matter of its protocol: `classic`,
//! `consumer`.

mod classic;
mod consumer;

use std::collections::BTreeMap;

use kq_broker::group::{
    Caller, CommitOffsets, CommittedOffset, GroupError, GroupId, Input, InstanceId, MemberId,
    OffsetToCommit, PartitionSet, Reply, ReplyTo, TopicPartition,
};
use kq_broker::ids::{PartitionId, PartitionIndex, TopicId};

use super::requests::{Answer, Body, Request};
use super::wire::TOPIC;
use super::world::{BROKERS, Event, NOBODY, Time, World, trace};

const ANSWER_WITHIN: Time = 2_000;
const JOIN_WITHIN: Time = 12_000;
/// A third of a session.
const BEAT_EVERY: Time = 2_000;
/// From one sign of life to the next, on average, once a member reads its share in calm weather.
pub(crate) const CALM_THINK: Time = 1_000;
const NOBODY_YET: ReplyTo = ReplyTo(0);

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) group: GroupId,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) alive: bool,
    pub(crate) silent_until: Time,
    /// When the last of its questions arrives, of those that keep their order.
    pub(crate) last_arrival: Time,
    side: Side,
    /// Where it reads, in the partitions of the topic that everybody reads.
    positions: BTreeMap<i32, i64>,
    /// The number of the question that is not answered.
    outstanding: Option<u64>,
    asked: u64,
    /// When it shows a sign of life at the latest.
    beats_at: Time,
    coordinator: usize,
}

/// Which protocol a process speaks, and where it stands in it.
#[derive(Debug)]
enum Side {
    Classic(classic::Member),
    Consumer(Box<consumer::Member>),
}

impl Client {
    pub(crate) fn new(group: GroupId, instance: Option<InstanceId>) -> Self {
        Self {
            group,
            instance,
            alive: false,
            silent_until: 0,
            last_arrival: 0,
            side: Side::Classic(classic::Member::default()),
            positions: BTreeMap::new(),
            outstanding: None,
            asked: 0,
            beats_at: 0,
            coordinator: 0,
        }
    }

    /// Whether it reads its share, and has nothing to say about it.
    fn is_at_rest(&self) -> bool {
        match &self.side {
            Side::Classic(it) => it.is_at_rest(),
            Side::Consumer(it) => it.is_at_rest(),
        }
    }

    /// Whether it reads its share of this generation, or epoch.
    pub(crate) fn is_working(&self, generation: i32) -> bool {
        self.is_at_rest() && self.generation() == generation
    }

    pub(crate) fn speaks_consumer_protocol(&self) -> bool {
        matches!(self.side, Side::Consumer(_))
    }

    /// Under which id it is a member, as far as it knows.
    pub(crate) fn member(&self) -> Option<&MemberId> {
        match &self.side {
            Side::Classic(it) => it.id(),
            Side::Consumer(it) => Some(it.id()),
        }
    }

    /// Its generation, or epoch.
    pub(crate) fn generation(&self) -> i32 {
        match &self.side {
            Side::Classic(it) => it.generation(),
            Side::Consumer(it) => it.epoch().0,
        }
    }

    /// What it believes to own.
    pub(crate) fn owned(&self, shared: TopicId) -> PartitionSet {
        let of_topic = |index: &i32| PartitionId {
            topic: shared,
            index: PartitionIndex::from_wire(*index).unwrap(),
        };
        match &self.side {
            Side::Classic(it) => it.assigned().iter().map(of_topic).collect(),
            Side::Consumer(it) => it.owned().clone(),
        }
    }

    /// The topics that it asks for.
    pub(crate) fn topics(&self) -> Vec<&str> {
        match &self.side {
            Side::Classic(_) => vec![TOPIC],
            Side::Consumer(it) => it.topics(),
        }
    }

    /// What it believes.
    pub(crate) fn shown(&self) -> String {
        let Self { instance, side, outstanding, .. } = self;
        format!("{instance:?} {side:?}, waits {outstanding:?}")
    }

    fn caller(&self) -> Caller {
        Caller {
            group: self.group.clone(),
            member: self.member().cloned().unwrap_or_else(|| "".into()),
            instance: self.instance.clone(),
            generation: self.generation(),
        }
    }

    /// Stops to read what it does not own any more.
    fn forget_positions(&mut self, shared: TopicId) {
        let owned = self.owned(shared);
        self.positions.retain(|index, _| {
            let index = PartitionIndex::from_wire(*index).unwrap();
            owned.contains(PartitionId { topic: shared, index })
        });
    }

    /// Commits all that it has read.
    fn commit(&self, note: &str) -> Body {
        let offset = |(partition, offset): (&i32, &i64)| OffsetToCommit {
            partition: TopicPartition { topic: TOPIC.into(), partition: *partition },
            offset: *offset,
            leader_epoch: None,
            metadata: note.into(),
        };
        Body::Step(Input::Commit(CommitOffsets {
            caller: self.caller(),
            retention: None,
            offsets: self.positions.iter().map(offset).collect(),
            reply: NOBODY_YET,
        }))
    }
}

impl World {
    pub(crate) fn start_clients(&mut self) {
        for group in ["g1", "g2"] {
            for member in 0..self.rng.within(1, 4) {
                let is_static = self.rng.percent(self.weather.static_percent);
                let instance =
                    is_static.then(|| InstanceId::from(format!("{group}-{member}").as_str()));
                self.clients.push(Client::new(group.into(), instance));
                let delay = self.rng.below(2_000);
                self.after(delay, Event::Start { client: self.clients.len() - 1 });
            }
        }
    }

    pub(crate) fn on_start(&mut self, client: usize) {
        let old = &self.clients[client];
        if old.alive {
            return;
        }
        let (asked, coordinator) = (old.asked, old.coordinator);
        let fresh = Client::new(old.group.clone(), old.instance.clone());
        let consumers = self.weather.consumer_percent(&old.group);
        let side = if self.rng.percent(consumers) {
            Side::Consumer(Box::new(self.new_consumer(client)))
        } else {
            Side::Classic(classic::Member::default())
        };
        trace!(self, "client {client} starts");
        self.clients[client] = Client { alive: true, side, asked, coordinator, ..fresh };
        self.after(1, Event::Wake { client });
    }

    pub(crate) fn on_wake(&mut self, client: usize) {
        let it = &self.clients[client];
        if !it.alive {
            return;
        }
        if it.silent_until <= self.now && it.outstanding.is_none() {
            self.act(client);
        }
        // In calm weather members that have what they want are slow: what they do tells little more.
        let is_slow = !self.stormy && self.clients[client].is_at_rest();
        let think = if is_slow { CALM_THINK } else { self.weather.think };
        let pause = self.rng.within(20, 2 * think);
        self.after(pause, Event::Wake { client });
    }

    fn act(&mut self, client: usize) {
        self.named += 1;
        let name = format!("c{client}-{}", self.named);
        self.give_back(client);
        let it = &self.clients[client];
        let asked = match &it.side {
            Side::Classic(member) => member.question(it, &name),
            Side::Consumer(member) => member.question(it, &name, self.now),
        };
        let body = asked.unwrap_or_else(|| self.work(client, &name));
        let within =
            if matches!(body, Body::Step(Input::Join(_))) { JOIN_WITHIN } else { ANSWER_WITHIN };
        let it = &mut self.clients[client];
        it.asked += 1;
        let number = it.asked;
        it.outstanding = Some(number);
        if matches!(body, Body::Step(Input::ConsumerHeartbeat(_) | Input::Heartbeat(_))) {
            it.beats_at = self.now + BEAT_EVERY;
        }
        let (coordinator, keeps_order) = (it.coordinator, it.speaks_consumer_protocol());
        let request = Request { from: client, number, body };
        if keeps_order {
            self.ask_in_order(client, coordinator, &request);
        } else {
            self.ask(coordinator, request);
        }
        self.after(within, Event::TimedOut { client, number });
    }

    /// Reads on, and commits or shows a sign of life.
    fn work(&mut self, client: usize, note: &str) -> Body {
        let it = &mut self.clients[client];
        for (partition, position) in &mut it.positions {
            *position += i64::try_from(self.rng.below(5)).unwrap();
            self.checks.on_read(&it.group, *partition, *position);
        }
        let is_due = it.beats_at <= self.now;
        let is_sign = is_due || it.positions.is_empty() || self.rng.percent(40);
        let says_all = self.rng.percent(10);
        let it = &self.clients[client];
        match &it.side {
            _ if !is_sign => it.commit(note),
            Side::Classic(_) => classic::Member::heartbeat(it),
            Side::Consumer(member) => member.beat(it, says_all),
        }
    }

    pub(crate) fn on_answer(&mut self, client: usize, number: u64, answer: Answer) {
        let it = &mut self.clients[client];
        if !it.alive || it.outstanding != Some(number) {
            return;
        }
        it.outstanding = None;
        match answer {
            Answer::Reply(reply) => self.on_reply(client, reply),
            Answer::Offsets(offsets) => self.begin_to_read(client, offsets),
            Answer::NotCoordinator => self.hear_nothing(client),
        }
    }

    fn on_reply(&mut self, client: usize, reply: Reply) {
        let shared = self.shared;
        let is_lost = matches!(
            &reply,
            Reply::Synced(Err(GroupError::NotAvailable))
                | Reply::JoinRefused { error: GroupError::NotAvailable, .. }
                | Reply::ConsumerBeat(Err(GroupError::NotAvailable))
        );
        let it = &mut self.clients[client];
        let owned = it.owned(shared);
        match &mut it.side {
            Side::Classic(member) => it.alive = member.on_reply(reply),
            Side::Consumer(member) => {
                if let Some(ending) = member.on_reply(reply, shared) {
                    return self.end(client, ending);
                }
            }
        }
        it.forget_positions(shared);
        if !it.owned(shared).is_subset(&owned) {
            self.verify_sole_owner(client);
        }
        if is_lost {
            self.find_coordinator(client);
        }
    }

    /// Goes on where the group was.
    fn begin_to_read(&mut self, client: usize, offsets: Vec<(TopicPartition, CommittedOffset)>) {
        let it = &mut self.clients[client];
        let offsets: BTreeMap<_, _> = offsets.into_iter().map(|(it, to)| (it, to.offset)).collect();
        let begun = match &mut it.side {
            Side::Classic(member) => member.on_fetched(),
            Side::Consumer(member) => member.on_fetched(),
        };
        for partition in begun {
            let of = TopicPartition { topic: TOPIC.into(), partition };
            let at = offsets.get(&of).copied().unwrap_or_default();
            it.positions.insert(partition, at);
            self.checks.on_begin(&it.group, partition, at);
        }
    }

    pub(crate) fn on_timed_out(&mut self, client: usize, number: u64) {
        let it = &mut self.clients[client];
        if it.outstanding == Some(number) {
            it.outstanding = None;
            self.hear_nothing(client);
        }
    }

    /// Nobody knows what became of its question.
    fn hear_nothing(&mut self, client: usize) {
        if let Side::Consumer(it) = &mut self.clients[client].side {
            it.repeat_all();
        }
        self.find_coordinator(client);
    }

    /// Metadata may be old.
    fn find_coordinator(&mut self, client: usize) {
        let is_old = self.stormy && self.rng.percent(10);
        let any = usize::try_from(self.rng.below(BROKERS as u64)).unwrap();
        self.clients[client].coordinator = if is_old { any } else { self.log.leader };
    }

    /// A member says good-bye, and comes back later.
    pub(crate) fn leave(&mut self, client: usize) {
        let will_be_back = self.rng.percent(75);
        let it = &mut self.clients[client];
        it.alive = false;
        let coordinator = it.coordinator;
        let body = match &it.side {
            Side::Classic(member) => member.farewell(it),
            Side::Consumer(member) => member.farewell(it, will_be_back),
        };
        let request = Request { from: NOBODY, number: 0, body };
        if it.speaks_consumer_protocol() {
            self.ask_in_order(client, coordinator, &request);
        } else {
            self.ask(coordinator, request);
        }
        self.start_again(client);
    }

    pub(crate) fn start_again(&mut self, client: usize) {
        let pause = self.rng.within(10, 8_000);
        self.after(pause, Event::Start { client });
    }

    /// Who begins to own something is its only owner, as far as owners are what they take themselves
    /// for: one whose epoch is over reads on until it hears of it, and commits in vain.
    fn verify_sole_owner(&mut self, client: usize) {
        let it = &self.clients[client];
        let is_member = |it: &Client| {
            let member = it.member();
            member.is_some_and(|id| self.checks.is_member(&it.group, id, it.generation()))
        };
        if !is_member(it) {
            return;
        }
        let owned = it.owned(self.shared);
        let others = self.clients.iter().enumerate().filter(|(at, other)| {
            *at != client && other.alive && other.group == it.group && is_member(other)
        });
        let other = others.map(|(_, it)| it).find(|it| it.owned(self.shared).overlaps(&owned));
        if let Some(other) = other {
            let what = format!("both {} and {} own the same", it.shown(), other.shown());
            self.checks.fail("OneOwner", what);
        }
    }
}
