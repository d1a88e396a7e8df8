//! One group of the classic protocol: members join, a leader assigns, members sync, hearts beat.
//!
//! ```text
//!            first join                  all joined, or time is up
//!   Empty ---------------> Preparing --------------------------> Completing
//!     ^                     ^  ^                                  |      |
//!     |  nobody joined      |  '---- a member comes or goes ------'      | leader's assignment
//!     '---------------------'                                            | is committed
//!                           |                                            v
//!                           '------ a member comes, goes or changes --- Stable
//! ```

mod expel;
mod join;
mod leave;
mod operator;
mod rebalance;
mod survey;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::expel::Absent;
use super::expiry::Lapse;
use super::member::Member;
use super::record::{GroupRecord, MemberRecord};
use super::subscription::Subscribed;
use super::{
    GroupConfig, GroupError, GroupId, InstanceId, Joined, MemberDescription, MemberId, Now, Output,
    Reply, ReplyTo, subscription,
};

/// Where a group stands. The names are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// No members; offsets may be there.
    Empty,
    /// Members are joining the next generation.
    PreparingRebalance,
    /// All have joined; the leader's assignment is awaited.
    CompletingRebalance,
    /// Every member has its share.
    Stable,
}

impl GroupState {
    /// Kafka's name of the state, as clients print and filter it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// What one step of a group may use and what it leaves behind.
pub(crate) struct Step<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a GroupConfig,
    pub(crate) out: &'a mut Vec<Output>,
    /// Set when the group's record must be written.
    pub(crate) store: Option<Store>,
}

impl Step<'_> {
    fn reply(&mut self, to: ReplyTo, reply: Reply) {
        self.out.push(Output::Reply(to, reply));
    }
}

/// Which record of the group is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Store {
    /// The generation with its assignment; members wait for it.
    Assignment,
    /// The same generation, in which one static member has another id (KIP-345).
    Replaced(Box<Replaced>),
    /// The group has lost its last member.
    Emptied,
}

/// A static member whose place a new process took; that one is answered once it is written down.
/// Answered before, it could be at work beside its former self, which a next coordinator would
/// take for the member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaced {
    /// The former self, to stand again if the record is refused.
    former: Member,
    led: bool,
    /// The answer to the new process.
    pub(crate) joined: Joined,
    pub(crate) reply: ReplyTo,
}

/// The joining phase of a coming generation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Joining {
    /// When it ends with those who are there.
    deadline: Duration,
    /// Set while the first members of an empty group gather: how much longer it may be put off.
    initial: Option<Duration>,
    /// Whether someone came since the deadline was set.
    has_newcomer: bool,
    /// Members that an operator's change has put out, and that are expected back.
    absent: Vec<Absent>,
}

/// A classic group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    id: GroupId,
    state: GroupState,
    generation: i32,
    protocol_type: Option<Arc<str>>,
    protocol: Option<Arc<str>>,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    /// Invariant: exactly the members with an instance.
    statics: BTreeMap<InstanceId, MemberId>,
    /// Ids that were handed out and not yet used (KIP-394), with the end of their time.
    pending: BTreeMap<MemberId, Duration>,
    /// Invariant: set exactly while preparing.
    joining: Option<Joining>,
    /// When members that have joined but not synced are put out; set only while completing.
    sync_deadline: Option<Duration>,
    /// The leader's assignment while its record is being written.
    proposed: Option<BTreeMap<MemberId, Bytes>>,
    state_since_ms: i64,
}

impl Group {
    /// A group without members.
    pub(crate) fn new(id: GroupId, now: Now) -> Self {
        Self {
            id,
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            statics: BTreeMap::new(),
            pending: BTreeMap::new(),
            joining: None,
            sync_deadline: None,
            proposed: None,
            state_since_ms: now.wall_ms,
        }
    }

    /// The group as its record tells it; members get a whole session from now.
    pub(crate) fn restore(id: GroupId, record: GroupRecord, now: Now) -> Self {
        let mut group = Self::new(id, now);
        group.generation = record.generation;
        group.protocol_type = (!record.protocol_type.is_empty()).then_some(record.protocol_type);
        group.protocol = record.protocol;
        group.leader = record.leader;
        group.state_since_ms = record.state_since_ms.unwrap_or(now.wall_ms);
        for stored in record.members {
            let member = stored.into_member(group.protocol.as_ref(), now.uptime);
            if let Some(instance) = &member.instance {
                group.statics.insert(instance.clone(), member.id.clone());
            }
            group.members.insert(member.id.clone(), member);
        }
        if !group.members.is_empty() {
            group.state = GroupState::Stable;
        }
        group.assert_invariants();
        group
    }

    /// The group as it is to be written: with the proposed assignment, where there is one.
    pub(crate) fn to_record(&self) -> GroupRecord {
        let assignment = |member: &Member| match &self.proposed {
            Some(proposed) => proposed.get(&member.id).cloned().unwrap_or_default(),
            None => member.assignment.clone(),
        };
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.values();
        GroupRecord {
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| Arc::from("")),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_since_ms: Some(self.state_since_ms),
            members: members
                .map(|it| MemberRecord::new(it, it.metadata(protocol), assignment(it)))
                .collect(),
        }
    }

    /// The group's name.
    pub fn id(&self) -> &GroupId {
        &self.id
    }

    /// Where the group stands.
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// The current generation; it grows with each rebalance.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// `consumer`, `connect`, ... or nothing before the first member.
    pub fn protocol_type(&self) -> Option<&Arc<str>> {
        self.protocol_type.as_ref()
    }

    /// The chosen assignment strategy.
    pub fn protocol(&self) -> Option<&Arc<str>> {
        self.protocol.as_ref()
    }

    /// Whether it has neither members nor ids handed out.
    pub(crate) fn is_deserted(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// The members as admin clients see them.
    pub fn describe_members(&self) -> Vec<MemberDescription> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let stable = self.state == GroupState::Stable;
        let describe = |member: &Member| MemberDescription {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(protocol),
            assignment: if stable { member.assignment.clone() } else { Bytes::new() },
        };
        self.members.values().map(describe).collect()
    }

    /// The topics that members' subscriptions name. Members of other protocols than `consumer`,
    /// and subscriptions that cannot be read, count as naming every topic.
    pub(crate) fn subscribed(&self) -> Subscribed<'_> {
        if self.members.is_empty() {
            return Subscribed::To(BTreeSet::new());
        }
        if self.protocol_type.as_deref() != Some("consumer") {
            return Subscribed::ToAll;
        }
        let protocols = self.members.values().flat_map(|it| &it.protocols);
        let topics: Option<Vec<_>> =
            protocols.map(|it| subscription::topics(&it.metadata)).collect();
        topics.map_or(Subscribed::ToAll, |it| Subscribed::To(it.into_iter().flatten().collect()))
    }

    /// From when on the time of its offsets counts.
    pub(crate) fn lapse(&self) -> Lapse {
        let had_members = self.protocol_type.is_some();
        let of_consumers = self.protocol_type.as_deref() == Some("consumer");
        match self.state {
            GroupState::Empty => Lapse::Since(had_members.then_some(self.state_since_ms)),
            GroupState::Stable if of_consumers => Lapse::Since(None),
            GroupState::Stable
            | GroupState::PreparingRebalance
            | GroupState::CompletingRebalance => Lapse::Never,
        }
    }

    /// The next moment at which a tick would change something.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let sessions = self.members.values().filter(|it| !it.is_waiting());
        let sessions = sessions.map(|it| it.session_deadline);
        let joining = self.joining.as_ref().map(|it| it.deadline);
        let pending = self.pending.values().copied();
        sessions.chain(joining).chain(self.sync_deadline).chain(pending).min()
    }

    /// Carries out what is due: sessions, ids that were never used, the ends of both phases.
    pub(crate) fn on_tick(&mut self, step: &mut Step<'_>) {
        self.expire_pending(step);
        self.expire_sessions(step);
        self.expire_syncs(step);
        self.expire_joining(step);
        self.assert_invariants();
    }

    /// Who is known under this pair of names, or why nobody.
    fn resolve(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<MemberId, GroupError> {
        if let Some(instance) = instance {
            let holder = self.statics.get(instance).ok_or(GroupError::UnknownMember)?;
            if holder != member {
                return Err(GroupError::FencedInstance);
            }
        }
        self.members
            .get_key_value(member)
            .map(|(id, _)| id.clone())
            .ok_or(GroupError::UnknownMember)
    }

    /// Its tombstone is committed. Who joined since is not disturbed.
    pub(crate) fn forget_history(&mut self, now: Now) {
        if self.state == GroupState::Empty {
            let pending = std::mem::take(&mut self.pending);
            *self = Self { pending, ..Self::new(self.id.clone(), now) };
        }
    }

    fn set_state(&mut self, state: GroupState, now: Now) {
        self.state = state;
        self.state_since_ms = now.wall_ms;
    }

    /// The protocols that every member supports.
    fn common_protocols(&self) -> BTreeSet<&str> {
        let mut all = self.members.values().map(Member::protocol_names);
        let first = all.next().unwrap_or_default();
        all.fold(first, |common, names| common.intersection(&names).copied().collect())
    }

    pub(crate) fn assert_invariants(&self) {
        assert_eq!(self.joining.is_some(), self.state == GroupState::PreparingRebalance);
        assert!(self.sync_deadline.is_none() || self.state == GroupState::CompletingRebalance);
        assert!(self.proposed.is_none() || self.state == GroupState::CompletingRebalance);
        assert!(self.state != GroupState::Empty || self.members.is_empty());
        assert!(self.state != GroupState::Stable || !self.members.is_empty());
        let with_instance = self.members.values().filter(|it| it.instance.is_some()).count();
        assert_eq!(with_instance, self.statics.len());
        for (instance, id) in &self.statics {
            let member = self.members.get(id);
            assert!(member.is_some_and(|it| it.instance.as_ref() == Some(instance)));
        }
        for member in self.members.values() {
            assert!(
                member.waiting_join.is_none() || self.state == GroupState::PreparingRebalance,
                "joins wait only while the generation forms"
            );
            assert!(
                member.waiting_sync.is_none() || self.state == GroupState::CompletingRebalance,
                "syncs wait only for the leader's assignment"
            );
        }
    }
}
