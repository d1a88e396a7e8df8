//! A coordinator at work: what the broker's shell does around the core, with the log of the model.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kq_broker::group::record::Key;
use kq_broker::group::{
    GroupError, GroupId, Input, MemberId, Outcome, Output, Reply, ReplyTo, Shard, WriteId,
    WrittenRecord,
};

use super::checks::{Cause, Circumstances, Extent, verdict};
use super::held::Held;
use super::log::{Batch, Term};
use super::requests::{Answer, Body, Request, addressed};
use super::world::{Event, World, trace};

/// What a broker does for the groups.
#[derive(Debug)]
pub(crate) enum Seat {
    Idle,
    /// It leads, and waits until everything up to `end` is committed.
    Loading {
        term: Term,
        end: usize,
    },
    At(Box<Coordinator>),
}

/// Whose question waits.
#[derive(Debug)]
struct Asked {
    from: usize,
    number: u64,
    /// Of a sync or a beat: who asks.
    member: Option<(GroupId, MemberId)>,
    /// Of a beat: whether it is to be heard.
    is_to_be_heard: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct Coordinator {
    pub(crate) term: Term,
    pub(crate) shard: Shard,
    pub(crate) in_flight: VecDeque<(WriteId, Batch)>,
    /// Groups of which the newest record was refused, so that the log tells of an older state.
    pub(crate) refused: BTreeSet<GroupId>,
    waiting: BTreeMap<ReplyTo, Asked>,
    reply_next: u64,
    image_version: u64,
    held: Held,
}

impl World {
    /// A leader reads the log before it serves.
    pub(crate) fn begin_loading(&mut self, broker: usize) {
        let (term, end) = (self.log.term, self.log.end());
        self.seats[broker] = Seat::Loading { term, end };
        self.after(5, Event::Load { broker, term });
    }

    pub(crate) fn on_load(&mut self, broker: usize, term: Term) {
        let Seat::Loading { term: since, end } = self.seats[broker] else { return };
        if since != term || self.log.term != term {
            return;
        }
        if self.log.committed.len() < end {
            self.after(20, Event::Load { broker, term });
            return;
        }
        let mut shard = Shard::new(self.group_config.clone());
        for record in self.log.committed.iter().flat_map(|it| &it.records) {
            shard.load(&record.key, record.value.as_ref(), self.clock()).unwrap();
        }
        shard.finish_loading(self.clock());
        trace!(self, "broker {broker} coordinates in term {term}");
        self.seats[broker] = Seat::At(Box::new(Coordinator {
            term,
            shard,
            in_flight: VecDeque::new(),
            refused: BTreeSet::new(),
            waiting: BTreeMap::new(),
            reply_next: 0,
            image_version: 0,
            held: Held::default(),
        }));
        self.compare(broker, Extent::All);
        self.after(50, Event::Tick { broker, term });
    }

    pub(crate) fn on_request(&mut self, broker: usize, request: Request) {
        let Request { from, number, body } = request;
        let Seat::At(it) = &mut self.seats[broker] else {
            self.answer(from, number, Answer::NotCoordinator);
            return;
        };
        match body {
            Body::Step(input) => {
                let reply = ReplyTo(it.reply_next);
                it.reply_next += 1;
                let member = if let Input::Sync(it) = &input {
                    Some((it.caller.group.clone(), it.caller.member.clone()))
                } else if let Input::ConsumerHeartbeat(it) = &input {
                    Some((it.group.clone(), it.member.clone()))
                } else {
                    None
                };
                // Of what is held, nobody can tell before it is heard.
                let is_held = input.group().is_some_and(|id| it.shard.is_fenced(id));
                let is_to_be_heard = verdict(&it.shard, &input).filter(|_| !is_held);
                it.waiting.insert(reply, Asked { from, number, member, is_to_be_heard });
                self.step(broker, addressed(input, reply));
            }
            Body::Fetch { group, member, epoch } => {
                if let Err(error) = it.shard.check_fetch(&group, &member, epoch) {
                    let refused = Reply::OffsetsRefused(error);
                    return self.answer(from, number, Answer::Reply(refused));
                }
                let offsets = it.shard.offsets(&group);
                let offsets: Vec<_> = offsets.map(|(a, b)| (a.clone(), b.clone())).collect();
                if it.term == self.log.term {
                    self.checks.on_fetched(&group, &offsets);
                }
                self.answer(from, number, Answer::Offsets(offsets));
            }
        }
    }

    pub(crate) fn on_tick(&mut self, broker: usize, term: Term) {
        let Seat::At(it) = &self.seats[broker] else { return };
        if it.term != term {
            return;
        }
        let is_due = it.shard.deadline().is_some_and(|at| at <= self.clock().uptime);
        if is_due {
            self.step(broker, Input::Tick);
        }
        if self.rng.percent(20) {
            self.step(broker, Input::ExpireOffsets);
        }
        let pause = self.rng.within(20, 200);
        self.after(pause, Event::Tick { broker, term });
    }

    /// Some of what was appended is on enough replicas.
    pub(crate) fn on_commit_due(&mut self, term: Term) {
        if self.log.term != term || self.log.tail.is_empty() {
            return;
        }
        let count = self.rng.within(1, self.log.tail.len() as u64);
        for batch in self.log.commit(usize::try_from(count).unwrap()) {
            let clock = self.clock();
            self.checks.on_committed(&batch, clock);
        }
        let delay = self.rng.below(5);
        self.after(delay, Event::Tell { broker: self.log.leader, term });
        if !self.log.tail.is_empty() {
            self.commit_later();
        }
    }

    pub(crate) fn commit_later(&mut self) {
        let delay = self.rng.within(1, self.weather.commit_max);
        self.after(delay, Event::Commit { term: self.log.term });
    }

    /// The coordinator hears how far its writes are committed.
    pub(crate) fn on_tell(&mut self, broker: usize, term: Term) {
        while let Seat::At(it) = &mut self.seats[broker] {
            let is_next = |(_, batch): &(_, Batch)| self.log.has_committed(batch.number);
            if it.term != term || !it.in_flight.front().is_some_and(is_next) {
                break;
            }
            let Some((write, batch)) = it.in_flight.pop_front() else { break };
            let outcome = if self.is_thin { Outcome::Thin } else { Outcome::Committed };
            trace!(self, "broker {broker}: batch {} is {outcome:?}", batch.number);
            self.checks.telling = Some(batch);
            self.step(broker, Input::Written { write, outcome });
            self.checks.telling = None;
        }
        let is_thorough = self.rng.percent(self.weather.thorough_percent);
        self.compare(broker, if is_thorough { Extent::All } else { Extent::Changed });
    }

    /// Holds a coordinator against the log, if nothing is on its way from one to the other.
    pub(crate) fn compare(&mut self, broker: usize, extent: Extent) {
        if let Seat::At(it) = &self.seats[broker]
            && it.term == self.log.term
            && it.in_flight.is_empty()
            && self.log.tail.is_empty()
        {
            self.checks.compare(&it.shard, &it.refused, extent);
        }
    }

    /// The end of its oldest write cannot be known.
    pub(crate) fn on_unknown(&mut self, broker: usize) {
        let Seat::At(it) = &mut self.seats[broker] else { return };
        if let Some((write, batch)) = it.in_flight.pop_front() {
            trace!(self, "broker {broker}: what becomes of batch {} is unknown", batch.number);
            self.step(broker, Input::Written { write, outcome: Outcome::Unknown });
        }
    }

    /// It hears that another one leads.
    pub(crate) fn on_notice(&mut self, broker: usize, term: Term) {
        if matches!(&self.seats[broker], Seat::At(it) if it.term == term) {
            trace!(self, "broker {broker} coordinates no more");
            self.retire(broker);
        }
    }

    fn retire(&mut self, broker: usize) {
        let seat = std::mem::replace(&mut self.seats[broker], Seat::Idle);
        let Seat::At(it) = seat else { return };
        for Asked { from, number, .. } in it.waiting.into_values() {
            self.answer(from, number, Answer::NotCoordinator);
        }
    }

    fn step(&mut self, broker: usize, input: Input) {
        let seat = std::mem::replace(&mut self.seats[broker], Seat::Idle);
        let Seat::At(mut it) = seat else { return };
        if it.image_version != self.image_version {
            it.image_version = self.image_version;
            let image = Input::Image(Arc::clone(&self.image));
            self.take(broker, &mut it, image);
        }
        let goes_on = self.take(broker, &mut it, input);
        let term = it.term;
        self.seats[broker] = Seat::At(it);
        if !goes_on {
            self.retire(broker);
            if self.log.term == term {
                self.begin_loading(broker);
            }
        }
    }

    /// Puts one event to the core and does what it asks for; false when it asks to be loaded anew.
    fn take(&mut self, broker: usize, it: &mut Coordinator, input: Input) -> bool {
        let cause = Cause::of(&input);
        trace!(self, "broker {broker}: {}", shown(&input));
        it.held.note(&it.shard, &input);
        let mut out = Vec::new();
        it.shard.step(self.clock(), input, &mut out);
        let mut outputs = VecDeque::from(out);
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Reply(to, reply) => self.reply(it, to, reply),
                Output::Write { write, records } => {
                    let outcome = self.append(it, write, records, &cause);
                    let mut more = Vec::new();
                    it.shard.step(self.clock(), Input::Written { write, outcome }, &mut more);
                    outputs.extend(more);
                }
                Output::Reload => return false,
            }
        }
        it.held.forget_heard(&it.shard);
        true
    }

    fn reply(&mut self, it: &mut Coordinator, to: ReplyTo, reply: Reply) {
        trace!(self, "    {reply:?}");
        let is_leader = it.term == self.log.term;
        if is_leader {
            self.checks.on_reply(&reply);
        }
        let Some(asked) = it.waiting.remove(&to) else { return };
        let Asked { from, number, member, is_to_be_heard } = asked;
        if let (true, Some((group, member))) = (is_leader, member) {
            if let Reply::Synced(Ok(it)) = &reply {
                self.checks.on_share(&group, &member, &it.assignment);
            }
            self.checks.on_beat_answered((&group, &member), is_to_be_heard, &reply);
        }
        self.answer(from, number, Answer::Reply(reply));
    }

    fn append(
        &mut self,
        it: &mut Coordinator,
        write: WriteId,
        records: Vec<WrittenRecord>,
        cause: &Cause,
    ) -> Outcome {
        let batch = self.log.number(records);
        let heard = matches!(cause, Cause::Other).then(|| it.held.cause_of(&batch)).flatten();
        let cause = heard.as_ref().unwrap_or(cause);
        let of_groups = batch.keyed().filter_map(|(key, record)| match key {
            Key::Group(id) => Some((id, record)),
            Key::Offset(..) | Key::Consumer(..) | Key::Undo(..) => None,
        });
        if self.is_thin {
            // A group whose deletion is refused stays what the log tells.
            let changed = of_groups.filter(|(_, record)| record.value.is_some());
            it.refused.extend(changed.map(|(id, _)| id.clone()));
            trace!(self, "    refused");
            return Outcome::Refused(GroupError::NotAvailable);
        }
        for (id, _) in of_groups {
            it.refused.remove(id);
        }
        self.log.append(it.term, &batch);
        trace!(self, "    appended batch {}", batch.number);
        if it.term == self.log.term {
            let (now, retention) = (self.clock(), self.weather.retention);
            let image = Arc::clone(&self.image);
            let by = Circumstances { cause, refused: &it.refused, now, retention, image: &image };
            self.checks.on_appended(&batch, &by);
            self.commit_later();
        }
        it.in_flight.push_back((write, batch));
        Outcome::Appended
    }
}

/// The event in few words.
fn shown(input: &Input) -> String {
    if matches!(input, Input::Image(_)) {
        return "the topics change".to_owned();
    }
    if let Input::Join(it) = input {
        return format!(
            "join of {:?} {:?} in {} to {:?}",
            it.member, it.instance, it.group, it.reply
        );
    }
    format!("{input:?}")
}
