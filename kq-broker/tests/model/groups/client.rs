//! A member of a group, as a consumer of the classic protocol behaves: it joins, assigns if it leads,
//! reads from where the group was, commits, and gives everything back before it joins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kq_broker::group::{
    Caller, CommitOffsets, GroupError, GroupId, Heartbeat, Input, InstanceId, JoinGroup, Joined,
    LeaveGroup, LeavingMember, MemberId, OffsetToCommit, Protocol, Reply, ReplyTo, SyncGroup,
    Synced, TopicPartition,
};

use super::requests::{Answer, Body, Request};
use super::wire::{TOPIC, assign, assigned, subscription};
use super::world::{BROKERS, Event, Time, World, trace};

const ANSWER_WITHIN: Time = 2_000;
const JOIN_WITHIN: Time = 12_000;
/// From one sign of life to the next, on average, once a member reads its share in calm weather.
const CALM_THINK: Time = 1_000;
const NOBODY_YET: ReplyTo = ReplyTo(0);

/// What a member is about to ask.
#[derive(Debug, Clone)]
enum Phase {
    Join,
    Sync(Vec<(MemberId, Bytes)>),
    Fetch,
    Work,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) group: GroupId,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) alive: bool,
    pub(crate) member: Option<MemberId>,
    pub(crate) assigned: BTreeSet<i32>,
    pub(crate) silent_until: Time,
    generation: i32,
    positions: BTreeMap<i32, i64>,
    phase: Phase,
    /// The number of the question that is not answered.
    outstanding: Option<u64>,
    asked: u64,
    coordinator: usize,
}

impl Client {
    pub(crate) fn new(group: GroupId, instance: Option<InstanceId>) -> Self {
        Self {
            group,
            instance,
            alive: false,
            member: None,
            assigned: BTreeSet::new(),
            silent_until: 0,
            generation: -1,
            positions: BTreeMap::new(),
            phase: Phase::Join,
            outstanding: None,
            asked: 0,
            coordinator: 0,
        }
    }

    /// Whether it reads its share of this generation.
    pub(crate) fn is_working(&self, generation: i32) -> bool {
        matches!(self.phase, Phase::Work) && self.generation == generation
    }

    /// What it believes.
    pub(crate) fn shown(&self) -> String {
        let Self { member, generation, phase, assigned, outstanding, .. } = self;
        format!("{member:?} in {generation}, {phase:?} of {assigned:?}, waits {outstanding:?}")
    }

    fn caller(&self) -> Caller {
        Caller {
            group: self.group.clone(),
            member: self.member.clone().unwrap_or_else(|| "".into()),
            instance: self.instance.clone(),
            generation: self.generation,
        }
    }

    fn revoke(&mut self) {
        self.assigned.clear();
        self.positions.clear();
        self.phase = Phase::Join;
    }

    fn on_error(&mut self, error: &GroupError) {
        // Of what cannot be written now nothing is known: it asks again.
        if *error == GroupError::NotAvailable {
            return;
        }
        self.revoke();
        if *error == GroupError::UnknownMember {
            self.member = None;
        }
        self.alive = *error != GroupError::FencedInstance;
    }

    fn on_joined(&mut self, joined: Joined) {
        let shares = if joined.skip_assignment { Vec::new() } else { assign(&joined.members) };
        self.member = Some(joined.member);
        self.generation = joined.generation;
        self.phase = Phase::Sync(shares);
    }

    fn on_synced(&mut self, synced: &Synced) {
        self.assigned = assigned(&synced.assignment);
        self.phase = Phase::Fetch;
    }

    fn on_reply(&mut self, reply: Reply) {
        match reply {
            Reply::Joined(joined) => self.on_joined(joined),
            Reply::JoinRefused { error: GroupError::MemberIdRequired, member } => {
                self.member = member;
            }
            Reply::Synced(Ok(synced)) => self.on_synced(&synced),
            Reply::JoinRefused { error, .. }
            | Reply::Synced(Err(error))
            | Reply::Heartbeat(Err(error))
            | Reply::OffsetsRefused(error) => self.on_error(&error),
            Reply::Offsets(results) => {
                if let Some(error) = results.into_iter().find_map(|(_, it)| it.err()) {
                    self.on_error(&error);
                }
            }
            Reply::Heartbeat(Ok(()))
            | Reply::Left(_)
            | Reply::GroupDeleted(_)
            | Reply::ConsumerBeat(_)
            | Reply::Reset(_)
            | Reply::Operated(_)
            | Reply::Settled => {}
        }
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
        let asked = old.asked;
        let fresh = Client::new(old.group.clone(), old.instance.clone());
        self.clients[client] = Client { alive: true, asked, ..fresh };
        trace!(self, "client {client} starts");
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
        let it = &self.clients[client];
        let is_at_rest = !self.stormy && matches!(it.phase, Phase::Work);
        let think = if is_at_rest { CALM_THINK } else { self.weather.think };
        let pause = self.rng.within(20, 2 * think);
        self.after(pause, Event::Wake { client });
    }

    fn act(&mut self, client: usize) {
        let body = match self.clients[client].phase.clone() {
            Phase::Join => self.join(client),
            Phase::Sync(shares) => Body::Step(Input::Sync(SyncGroup {
                caller: self.clients[client].caller(),
                protocol_type: None,
                protocol: None,
                assignments: shares,
                reply: NOBODY_YET,
            })),
            Phase::Fetch => Body::Fetch(self.clients[client].group.clone()),
            Phase::Work => self.work(client),
        };
        let within =
            if matches!(body, Body::Step(Input::Join(_))) { JOIN_WITHIN } else { ANSWER_WITHIN };
        let it = &mut self.clients[client];
        it.asked += 1;
        let number = it.asked;
        it.outstanding = Some(number);
        let coordinator = it.coordinator;
        self.ask(coordinator, Request { from: client, number, body });
        self.after(within, Event::TimedOut { client, number });
    }

    fn join(&mut self, client: usize) -> Body {
        self.named += 1;
        let it = &self.clients[client];
        let protocol = Protocol { name: "range".into(), metadata: subscription() };
        Body::Step(Input::Join(JoinGroup {
            group: it.group.clone(),
            member: it.member.clone(),
            instance: it.instance.clone(),
            fresh_member: MemberId::from(format!("c{client}-{}", self.named).as_str()),
            needs_known_member: it.instance.is_none(),
            can_skip_assignment: true,
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout: Duration::from_secs(6),
            rebalance_timeout: Duration::from_secs(5),
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            reply: NOBODY_YET,
        }))
    }

    /// Reads on, and commits or shows a sign of life.
    fn work(&mut self, client: usize) -> Body {
        let it = &mut self.clients[client];
        for (partition, position) in &mut it.positions {
            *position += i64::try_from(self.rng.below(5)).unwrap();
            self.checks.on_read(&it.group, *partition, *position);
        }
        let it = &self.clients[client];
        if it.positions.is_empty() || self.rng.percent(40) {
            return Body::Step(Input::Heartbeat(Heartbeat {
                caller: it.caller(),
                reply: NOBODY_YET,
            }));
        }
        self.named += 1;
        let note = format!("n{}", self.named);
        let offset = |(partition, offset): (&i32, &i64)| OffsetToCommit {
            partition: TopicPartition { topic: TOPIC.into(), partition: *partition },
            offset: *offset,
            leader_epoch: None,
            metadata: note.as_str().into(),
        };
        let offsets = it.positions.iter().map(offset).collect();
        let caller = it.caller();
        Body::Step(Input::Commit(CommitOffsets {
            caller,
            retention: None,
            offsets,
            reply: NOBODY_YET,
        }))
    }

    pub(crate) fn on_answer(&mut self, client: usize, number: u64, answer: Answer) {
        let it = &mut self.clients[client];
        if !it.alive || it.outstanding != Some(number) {
            return;
        }
        it.outstanding = None;
        match answer {
            Answer::Reply(reply) => {
                let is_lost = matches!(
                    &reply,
                    Reply::Synced(Err(GroupError::NotAvailable))
                        | Reply::JoinRefused { error: GroupError::NotAvailable, .. }
                );
                it.on_reply(reply);
                if is_lost {
                    self.find_coordinator(client);
                }
            }
            Answer::Offsets(offsets) => {
                let offsets: BTreeMap<_, _> =
                    offsets.into_iter().map(|(it, to)| (it.partition, to.offset)).collect();
                for partition in it.assigned.clone() {
                    let at = offsets.get(&partition).copied().unwrap_or_default();
                    it.positions.insert(partition, at);
                    self.checks.on_begin(&it.group, partition, at);
                }
                it.phase = Phase::Work;
            }
            Answer::NotCoordinator => self.find_coordinator(client),
        }
    }

    pub(crate) fn on_timed_out(&mut self, client: usize, number: u64) {
        let it = &mut self.clients[client];
        if it.outstanding == Some(number) {
            it.outstanding = None;
            self.find_coordinator(client);
        }
    }

    /// Metadata may be old.
    fn find_coordinator(&mut self, client: usize) {
        let is_old = self.stormy && self.rng.percent(10);
        let any = usize::try_from(self.rng.below(BROKERS as u64)).unwrap();
        self.clients[client].coordinator = if is_old { any } else { self.log.leader };
    }

    /// A member says good-bye, and comes back later.
    pub(crate) fn leave(&mut self, client: usize) {
        let it = &mut self.clients[client];
        it.alive = false;
        let (group, coordinator) = (it.group.clone(), it.coordinator);
        let member = it.member.clone().unwrap_or_else(|| "".into());
        let members = vec![LeavingMember { member, instance: it.instance.clone() }];
        let leave = Input::Leave(LeaveGroup { group, members, reply: NOBODY_YET });
        let from = super::world::NOBODY;
        self.ask(coordinator, Request { from, number: 0, body: Body::Step(leave) });
        self.start_again(client);
    }

    pub(crate) fn start_again(&mut self, client: usize) {
        let pause = self.rng.within(10, 8_000);
        self.after(pause, Event::Start { client });
    }
}
