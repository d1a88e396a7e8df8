//! A consumer of KIP-848: it beats, takes what it is given, and gives back what it is told to before
//! it says so. Its requests keep their order, as those on one connection do: the protocol does not
//! number beats, so one that says what was owned long ago would be believed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kq_broker::group::{
    Assignor, Beat, ConsumerHeartbeat, Epoch, GroupError, Input, MemberId, PartitionSet, Phase,
    Reply,
};
use kq_broker::ids::TopicId;

use super::super::requests::Body;
use super::super::wire::{FLEETING, TOPIC};
use super::super::world::{Time, World};
use super::{Client, NOBODY_YET, Side, classic};

/// What members ask for.
const WISHES: &[&[&str]] = &[&[TOPIC], &[TOPIC], &[TOPIC, FLEETING], &[FLEETING]];
const RACKS: &[&str] = &["r1", "r2", "r3"];

/// Why a process goes on as it is no longer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// Another process has its instance.
    Fenced,
    /// The process before it has not left.
    Unreleased,
    /// The group speaks another protocol.
    Refused,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is something else that it has yet to say")]
pub(super) struct Member {
    id: MemberId,
    epoch: Epoch,
    topics: BTreeSet<Arc<str>>,
    /// What it will ask for as soon as it can.
    wish: Option<BTreeSet<Arc<str>>>,
    rack: Option<Arc<str>>,
    assignor: Option<Assignor>,
    owned: PartitionSet,
    /// What it was told to have, while it owns something else.
    goal: Option<PartitionSet>,
    /// It commits once more before it gives something back.
    commits_first: bool,
    /// Of these it does not know yet where to begin.
    unfetched: BTreeSet<i32>,
    /// What it owns is not what it last told.
    owes_owned: bool,
    owes_topics: bool,
    /// What it told last may not have been heard.
    owes_all: bool,
}

impl Member {
    pub(super) fn id(&self) -> &MemberId {
        &self.id
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn owned(&self) -> &PartitionSet {
        &self.owned
    }

    pub(super) fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(|it| &**it).collect()
    }

    pub(super) fn is_at_rest(&self) -> bool {
        self.epoch != Epoch::JOINING
            && self.goal.is_none()
            && self.wish.is_none()
            && self.unfetched.is_empty()
            && !(self.owes_owned || self.owes_topics || self.owes_all)
    }

    pub(super) fn repeat_all(&mut self) {
        self.owes_all = true;
    }

    /// What it asks before it works.
    pub(super) fn question(&self, of: &Client, name: &str, now: Time) -> Option<Body> {
        if self.goal.is_some() {
            return Some(of.commit(name));
        }
        let has_news = self.owes_owned || self.owes_topics || self.owes_all;
        let has_to_say = has_news || of.beats_at <= now;
        if self.epoch == Epoch::JOINING || has_to_say {
            return Some(self.beat(of, false));
        }
        let fetch = || Body::Fetch {
            group: of.group.clone(),
            member: self.id.clone(),
            epoch: self.epoch.0,
        };
        (!self.unfetched.is_empty()).then(fetch)
    }

    /// A sign of life, with what changed.
    pub(super) fn beat(&self, of: &Client, says_all: bool) -> Body {
        let is_new = self.epoch == Epoch::JOINING;
        let says_all = says_all || is_new || self.owes_all;
        let phase = if is_new { Phase::Join } else { Phase::At(self.epoch) };
        let beat = ConsumerHeartbeat {
            rack: self.rack.clone().filter(|_| says_all),
            rebalance_timeout: says_all.then_some(Duration::from_secs(5)),
            topics: (says_all || self.owes_topics).then(|| self.topics.clone()),
            assignor: self.assignor.filter(|_| says_all),
            owned: (says_all || self.owes_owned).then(|| self.owned.clone()),
            ..self.bare(of, phase)
        };
        Body::Step(Input::ConsumerHeartbeat(beat))
    }

    pub(super) fn farewell(&self, of: &Client, will_be_back: bool) -> Body {
        let for_a_while = will_be_back && of.instance.is_some();
        let phase = if for_a_while { Phase::LeaveForAWhile } else { Phase::Leave };
        Body::Step(Input::ConsumerHeartbeat(self.bare(of, phase)))
    }

    /// A beat that says nothing.
    fn bare(&self, of: &Client, phase: Phase) -> ConsumerHeartbeat {
        ConsumerHeartbeat {
            group: of.group.clone(),
            member: self.id.clone(),
            phase,
            instance: of.instance.clone(),
            rack: None,
            rebalance_timeout: None,
            topics: None,
            pattern: None,
            assignor: None,
            owned: None,
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            reply: NOBODY_YET,
        }
    }

    /// It knows where to begin in these.
    pub(super) fn on_fetched(&mut self) -> BTreeSet<i32> {
        std::mem::take(&mut self.unfetched)
    }

    fn on_beat(&mut self, beat: Beat, shared: TopicId) {
        self.epoch = beat.epoch;
        (self.owes_owned, self.owes_topics, self.owes_all) = (false, false, false);
        let Some(told) = beat.assignment else { return };
        if self.owned.is_subset(&told) {
            self.take(told, shared);
        } else {
            self.goal = Some(told);
        }
    }

    /// From now on it owns this, and says so.
    fn take(&mut self, told: PartitionSet, shared: TopicId) {
        let number =
            |it: kq_broker::ids::PartitionId| (it.topic == shared).then(|| it.index.to_wire());
        let numbers =
            |set: &PartitionSet| -> BTreeSet<i32> { set.iter().filter_map(number).collect() };
        self.owes_owned |= told != self.owned;
        let (before, now) = (numbers(&self.owned), numbers(&told));
        self.unfetched.retain(|it| now.contains(it));
        self.unfetched.extend(now.difference(&before));
        self.owned = told;
    }

    /// It is out, and owns nothing.
    fn begin_anew(&mut self) {
        self.epoch = Epoch::JOINING;
        self.owned = PartitionSet::default();
        self.goal = None;
        self.commits_first = false;
        self.unfetched.clear();
    }

    fn on_error(&mut self, error: &GroupError) -> Option<Ending> {
        if *error == GroupError::FencedInstance {
            return Some(Ending::Fenced);
        }
        if *error == GroupError::UnreleasedInstance {
            return Some(Ending::Unreleased);
        }
        if *error == GroupError::GroupNotFound {
            return Some(Ending::Refused);
        }
        if matches!(error, GroupError::FencedMemberEpoch { .. } | GroupError::UnknownMember) {
            self.begin_anew();
        } else {
            self.owes_all = true;
        }
        None
    }

    pub(super) fn on_reply(&mut self, reply: Reply, shared: TopicId) -> Option<Ending> {
        match reply {
            Reply::ConsumerBeat(Ok(beat)) => self.on_beat(beat, shared),
            Reply::ConsumerBeat(Err(error)) | Reply::OffsetsRefused(error) => {
                return self.on_error(&error);
            }
            Reply::Offsets(results) => {
                if let Some(error) = results.into_iter().find_map(|(_, it)| it.err()) {
                    return self.on_error(&error);
                }
            }
            Reply::Joined(_)
            | Reply::JoinRefused { .. }
            | Reply::Synced(_)
            | Reply::Heartbeat(_)
            | Reply::Left(_)
            | Reply::GroupDeleted(_)
            | Reply::Reset(_)
            | Reply::Operated(_)
            | Reply::Settled => {}
        }
        None
    }
}

impl World {
    /// A new process has a new id, which it draws itself.
    pub(super) fn new_consumer(&mut self, client: usize) -> Member {
        self.named += 1;
        let rack = self.rng.percent(self.weather.rack_percent);
        let rack = if rack { self.rng.pick(RACKS) } else { None };
        let assignors = [None, None, Some(Assignor::Uniform), Some(Assignor::Range)];
        Member {
            id: MemberId::from(format!("m{client}-{}", self.named).as_str()),
            epoch: Epoch::JOINING,
            topics: self.draw_topics(),
            wish: None,
            rack: rack.map(Arc::from),
            assignor: self.rng.pick(&assignors).flatten(),
            owned: PartitionSet::default(),
            goal: None,
            commits_first: false,
            unfetched: BTreeSet::new(),
            owes_owned: false,
            owes_topics: false,
            owes_all: false,
        }
    }

    fn draw_topics(&mut self) -> BTreeSet<Arc<str>> {
        let wish = self.rng.pick(WISHES).unwrap_or_default();
        wish.iter().map(|it| Arc::from(*it)).collect()
    }

    /// A member will ask for other topics.
    pub(crate) fn subscribe_anew(&mut self, client: usize) {
        let topics = self.draw_topics();
        if let Side::Consumer(it) = &mut self.clients[client].side {
            it.wish = Some(topics);
        }
    }

    /// Before a member asks the next thing it does what it was told: gives back, and takes.
    pub(super) fn give_back(&mut self, client: usize) {
        let (shared, may_commit) = (self.shared, self.rng.percent(50));
        let it = &mut self.clients[client];
        let Side::Consumer(member) = &mut it.side else { return };
        if let Some(topics) = member.wish.take() {
            member.owes_topics |= topics != member.topics;
            member.topics = topics;
        }
        if member.goal.is_none() {
            return;
        }
        if may_commit && !member.commits_first && !it.positions.is_empty() {
            member.commits_first = true;
            return;
        }
        member.commits_first = false;
        if let Some(goal) = member.goal.take() {
            member.take(goal, shared);
        }
        it.forget_positions(shared);
        self.verify_sole_owner(client);
    }

    /// A process cannot go on as it is.
    pub(super) fn end(&mut self, client: usize, ending: Ending) {
        let it = &mut self.clients[client];
        if matches!(ending, Ending::Refused) {
            // Its operator gives it the protocol of the others.
            it.side = Side::Classic(classic::Member::default());
            it.positions.clear();
            return;
        }
        it.alive = false;
        let it = &self.clients[client];
        let is_same = |other: &Client| other.group == it.group && other.instance == it.instance;
        let has_heir = self.clients.iter().any(|other| other.alive && is_same(other));
        if matches!(ending, Ending::Unreleased) && !has_heir {
            self.start_again(client);
        }
    }
}
