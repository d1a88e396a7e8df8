//! A member of the consumer protocol (KIP-848): it beats, is told what is its, gives back before it
//! takes, and names its epoch with all that it does.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::kafka::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use kq_proto::kafka::messages::{ConsumerGroupHeartbeatRequest, MetadataRequest};
use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use super::commits::{SENDINGS_MAX, commit, fetch};
use super::desk::{Desk, is_elsewhere};
use super::lives::Member;
use super::reading::Share;
use super::{ANSWER_MAX, REBALANCE_MS};
use crate::clients::{Ground, MOVING, SAFE, SLOTS};
use crate::groups::Identity;
use crate::history::Slot;
use crate::wire::Line;

const VERSION: i16 = 1;
/// The epochs of those who join, leave, and leave for a while.
const JOINS: i32 = 0;
const LEAVES: i32 = -1;
const LEAVES_FOR_A_WHILE: i32 = -2;

/// The topics by their ids.
type Names = BTreeMap<Uuid, &'static str>;

/// A process of a member.
struct Process<'a> {
    me: &'a Member<'a>,
    desk: Desk<'a>,
    who: Identity,
    names: Names,
    /// What it is to have, as it was told last.
    told: BTreeSet<Slot>,
    /// What it reads.
    share: Share,
    /// Whether the next beat is to say everything: something changed, or an answer was lost.
    is_full: bool,
}

/// Takes part until another process has taken this one's place.
pub(super) async fn run(me: &Member<'_>, member: String) {
    let member = if member.is_empty() { Uuid::new_v4().to_string() } else { member };
    let mut process = Process {
        me,
        desk: Desk::new(me.ground, me.club),
        who: me.identity(member, JOINS),
        names: names(me.ground).await,
        told: BTreeSet::new(),
        share: Share::default(),
        is_full: true,
    };
    loop {
        match Box::pin(process.take_turn()).await {
            Some(ErrorCode::FencedInstanceId) => return,
            Some(ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch) => process.begin_anew(),
            Some(_) | None => {}
        }
        me.ground.pause(400).await;
    }
}

impl Process<'_> {
    /// Gives up all that it has.
    fn begin_anew(&mut self) {
        self.who.generation = JOINS;
        self.told.clear();
        self.share = Share::default();
        self.is_full = true;
        self.me.ground.book.borrow_mut().doubts(self.me.club.name(), self.me.number);
    }

    /// A beat, what it asks for, some reading, and a commit; a code that says no.
    async fn take_turn(&mut self) -> Option<ErrorCode> {
        let (ground, club) = (self.me.ground, self.me.club);
        let beaten = self.beat().await;
        if let Some(code) = beaten.filter(|it| *it != ErrorCode::None && !is_elsewhere(*it)) {
            return Some(code);
        }
        if self.who.generation == JOINS {
            return None;
        }
        self.give_back().await;
        if let Some(code) = self.take_up().await {
            return Some(code);
        }
        self.share.read(ground, club).await;
        let is_working = self.share.slots() == self.told;
        ground.believe(self.me.number, &self.who, &self.share, is_working);
        let positions = self.share.positions();
        if positions.is_empty() || ground.draw(3) == 0 {
            return None;
        }
        let code = commit(&mut self.desk, &self.who, &positions, SENDINGS_MAX).await;
        code.filter(|it| *it != ErrorCode::None)
    }

    /// Shows that it lives, and hears what is its; none if nothing was heard.
    async fn beat(&mut self) -> Option<ErrorCode> {
        let (ground, club) = (self.me.ground, self.me.club);
        if !self.desk.find().await {
            return None;
        }
        let asked = ground.book.borrow_mut().moment();
        let request = self.request();
        // Until there is an answer it is not known whether this one was heard.
        self.is_full = true;
        let answer = self.desk.ask(VERSION, &request, ANSWER_MAX).await?;
        self.desk.heed(answer.error_code);
        if answer.error_code != ErrorCode::None {
            return Some(answer.error_code);
        }
        self.is_full = false;
        let joins = self.who.generation == JOINS;
        self.who.generation = answer.member_epoch;
        let told = match &answer.assignment {
            Some(it) => self.slots(it),
            None => self.told.clone(),
        };
        let mut history = ground.history.borrow_mut();
        history.count("joins", u64::from(joins));
        if joins || told != self.told {
            let (member, epoch) = (&self.who.member, answer.member_epoch);
            history.note(format_args!("{member} is to have {told:?} at epoch {epoch}"));
        }
        let kept = self.told.intersection(&told).copied().collect();
        let granted = told.difference(&self.told).copied().collect();
        ground.book.borrow_mut().beaten(&self.who, (&kept, &granted), asked, &mut history);
        if answer.member_id.as_deref() != Some(self.who.member.as_str()) {
            let what = format_args!("{}: {} is answered", club.name(), self.who.member);
            history.broke("wire", what);
        }
        self.told = told;
        Some(ErrorCode::None)
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let topics = || vec![Str::from_static(SAFE), Str::from_static(MOVING)];
        ConsumerGroupHeartbeatRequest {
            group_id: Str::from_static(self.who.group),
            member_id: Str::from(&self.who.member),
            member_epoch: self.who.generation,
            instance_id: self.who.instance.as_ref().map(Str::from),
            rebalance_timeout_ms: if self.is_full { REBALANCE_MS } else { -1 },
            subscribed_topic_names: self.is_full.then(topics),
            topic_partitions: self.is_full.then(|| self.owned()),
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    /// What it has, as it is said to the coordinator.
    fn owned(&self) -> Vec<TopicPartitions> {
        let slots = self.share.slots();
        let of_topic = |(id, name): (&Uuid, &&'static str)| TopicPartitions {
            topic_id: *id,
            partitions: slots.iter().filter(|it| it.topic == *name).map(|it| it.index).collect(),
        };
        let topics = self.names.iter().map(of_topic);
        topics.filter(|it| !it.partitions.is_empty()).collect()
    }

    fn slots(&self, assignment: &Assignment) -> BTreeSet<Slot> {
        let of_topic = |it: &TopicPartitions| {
            let topic = self.names.get(&it.topic_id).copied();
            let slots = it.partitions.iter().map(move |index| (topic, *index));
            slots.collect::<Vec<_>>()
        };
        let pairs = assignment.topic_partitions.iter().flat_map(of_topic);
        pairs.filter_map(|(topic, index)| Some(Slot { topic: topic?, index })).collect()
    }

    /// Lets go of what is not its any more; what was read of it is committed before.
    async fn give_back(&mut self) {
        let lost: Vec<Slot> = self.share.slots().difference(&self.told).copied().collect();
        if lost.is_empty() {
            return;
        }
        commit(&mut self.desk, &self.who, &self.share.positions(), 1).await;
        self.share.drop_all(&lost);
        self.is_full = true;
    }

    /// Begins with what is its by now, where the group is; a code if that is not to be had.
    async fn take_up(&mut self) -> Option<ErrorCode> {
        let new: Vec<Slot> = self.told.difference(&self.share.slots()).copied().collect();
        if new.is_empty() {
            return None;
        }
        let reader = (self.who.member.as_str(), self.who.generation);
        match fetch(&mut self.desk, &new, Some(reader)).await {
            Ok(offsets) => {
                self.share.begin((self.me.ground, self.me.club), new, &offsets);
                self.is_full = true;
                None
            }
            Err(code) => code.filter(|it| !is_elsewhere(*it)),
        }
    }
}

/// Says good-bye in the name of a process; a static member will be back.
pub(super) async fn leave(desk: &mut Desk<'_>, who: &Identity) {
    let is_static = who.instance.is_some();
    let request = ConsumerGroupHeartbeatRequest {
        group_id: Str::from_static(who.group),
        member_id: Str::from(&who.member),
        member_epoch: if is_static { LEAVES_FOR_A_WHILE } else { LEAVES },
        instance_id: who.instance.as_ref().map(Str::from),
        ..ConsumerGroupHeartbeatRequest::default()
    };
    if desk.find().await
        && let Some(left) = desk.ask(VERSION, &request, ANSWER_MAX).await
    {
        let ConsumerGroupHeartbeatResponse { error_code, .. } = left;
        desk.heed(error_code);
    }
}

/// Asks for the ids of the topics until some broker tells them.
async fn names(ground: &Ground) -> Names {
    loop {
        let found = Box::pin(ask_names(ground)).await.unwrap_or_default();
        if SLOTS.iter().all(|slot| found.values().any(|it| *it == slot.topic)) {
            return found;
        }
        ground.pause(300).await;
    }
}

async fn ask_names(ground: &Ground) -> Option<Names> {
    const VERSION: i16 = 12;
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    let mut line = Line::open(ground.any_broker()).await.ok()?;
    let asked = line.ask(VERSION, &request, ANSWER_MAX).await;
    let answer = asked.inspect_err(|lost| ground.hear(lost)).ok()?;
    let known =
        |name: Option<Str>| [SAFE, MOVING].into_iter().find(|it| name.as_deref() == Some(*it));
    let topics = answer.topics.into_iter();
    Some(topics.filter_map(|it| Some((it.topic_id, known(it.name)?))).collect())
}
