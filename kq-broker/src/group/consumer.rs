//! One group of the consumer protocol (KIP-848): members say what they want, the coordinator deals
//! the partitions out, and each member comes to its share at its own pace.
//!
//! ```text
//!   a beat --> who is it? --> what does it say of itself? --> group epoch --> target --> its next step
//!               (admit)            (profile)                  (subscribed)   (target)    (reconcile)
//! ```
//! The log is the state: a beat is decided on a draft, each [`Change`] of which becomes a record, and the
//! draft takes the group's place when the records are appended. Loading applies the same changes.

mod classic_side;
mod describe;
mod draft;
mod expel;
mod heartbeat;
mod leave;
mod ledger;
mod member;
mod migrate;
mod offsets;
mod operator;
mod pattern;
mod reconcile;
#[cfg(test)]
mod script_test;
mod subscribed;
mod survey;
mod target;

use std::time::Duration;

use imbl::OrdMap;

pub use self::describe::{ConsumerDescription, ConsumerMemberDescription};
pub(crate) use self::draft::{Decided, Env};
use self::ledger::Ledger;
pub(crate) use self::member::{ClassicSide, MemberState};
pub use self::member::{Current, Epoch, Profile};
use super::expiry::Lapse;
use super::record::Change;
use super::subscription::Subscribed;
use super::{ConsumerConfig, MemberId, Now};

/// Where a group stands. The names are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerState {
    /// No members; offsets may be there.
    Empty,
    /// The target assignment is behind the group.
    Assigning,
    /// Members are on their way to the target.
    Reconciling,
    /// Every member has its share.
    Stable,
}

impl ConsumerState {
    /// Kafka's name of the state, as clients print and filter it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// A consumer group. Cheap to clone: a draft shares all that it does not change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConsumerGroup {
    ledger: Ledger,
    soft: Soft,
}

/// What is not in the log: after a fail-over everybody has its whole time again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Soft {
    /// When each member is taken for dead, unless it is heard of before.
    sessions: OrdMap<MemberId, Duration>,
    /// When a member that has to give partitions back is put out; exactly for those.
    revocations: OrdMap<MemberId, Duration>,
    /// When a classic member that was called to join is put out.
    joins: OrdMap<MemberId, Duration>,
    /// When a classic member that has joined and does not ask for its share is put out.
    syncs: OrdMap<MemberId, Duration>,
    /// When the target was last computed.
    targeted_at: Option<Duration>,
    /// The version of the image that the subscription was last looked up in.
    image_version: u64,
    /// No tick before this: records of the last one could not be written.
    put_off_until: Duration,
    /// When the group came to its state, in milliseconds since 1970; after a load, when that was.
    state_since_ms: i64,
}

impl Soft {
    fn deadlines(&self) -> impl Iterator<Item = (&MemberId, &Duration)> {
        let asked = self.joins.iter().chain(self.syncs.iter());
        self.sessions.iter().chain(self.revocations.iter()).chain(asked)
    }

    fn forget(&mut self, id: &MemberId) {
        for deadlines in
            [&mut self.sessions, &mut self.revocations, &mut self.joins, &mut self.syncs]
        {
            deadlines.remove(id);
        }
    }
}

impl ConsumerGroup {
    /// Where the group stands.
    pub(crate) fn state(&self) -> ConsumerState {
        self.ledger.state()
    }

    /// When the group came to its state, in milliseconds since 1970.
    pub(crate) fn state_since_ms(&self) -> i64 {
        self.soft.state_since_ms
    }

    /// Its epoch, which grows with every change.
    pub(crate) fn epoch(&self) -> Epoch {
        self.ledger.epoch()
    }

    /// How many members it has.
    pub(crate) fn member_count(&self) -> usize {
        self.ledger.profiles.len()
    }

    /// Whether nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.ledger.profiles.is_empty()
    }

    /// Whether the log has a group, and not only what is left of one.
    pub(crate) fn is_founded(&self) -> bool {
        self.ledger.founded.is_some()
    }

    /// Whether somebody is in it under this id.
    pub(crate) fn has_member(&self, id: &MemberId) -> bool {
        self.ledger.profiles.contains_key(id)
    }

    /// Whether a member does not speak the classic protocol.
    pub(crate) fn speaks_consumer_protocol(&self, id: &MemberId) -> bool {
        self.ledger.profiles.get(id).is_some_and(|it| it.classic.is_none())
    }

    /// The topics that members name, and those that their patterns match.
    pub(crate) fn subscribed(&self) -> Subscribed<'_> {
        Subscribed::To(self.ledger.subscribed().map(|it| &**it).collect())
    }

    /// Applies one record of the log.
    pub(crate) fn load(&mut self, change: &Change) {
        self.ledger.apply(change);
    }

    /// Ends loading: drops what belongs to nobody, and gives everybody its whole time.
    pub(crate) fn finish_loading(&mut self, now: Now, config: &ConsumerConfig) {
        self.ledger.tidy_up();
        self.soft = Soft { state_since_ms: now.wall_ms, ..Soft::default() };
        for (id, profile) in &self.ledger.profiles {
            let deadline = now.uptime + profile.session_timeout(config);
            self.soft.sessions.insert(id.clone(), deadline);
            let must_revoke = self.ledger.current(id).state == MemberState::UnrevokedPartitions;
            if must_revoke && profile.classic.is_none() {
                let deadline = now.uptime + profile.rebalance_timeout;
                self.soft.revocations.insert(id.clone(), deadline);
            }
        }
        self.assert_invariants();
    }

    /// What is left to bury when the whole group goes: only of a group without members.
    pub(crate) fn tombstones(&self) -> Vec<Change> {
        self.ledger.tombstones()
    }

    /// The next moment at which a tick would change something.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let due = self.soft.deadlines().map(|(_, at)| *at).min();
        due.map(|it| it.max(self.soft.put_off_until))
    }

    /// What a tick asked for could not be written: not again before `until`.
    pub(crate) fn put_off(&mut self, until: Duration) {
        self.soft.put_off_until = until;
    }

    /// From when on the time of its offsets counts: while it has members, of those that nobody names.
    pub(crate) fn lapse(&self) -> Lapse {
        Lapse::Since(self.is_empty().then_some(self.soft.state_since_ms))
    }

    pub(crate) fn assert_invariants(&self) {
        self.ledger.assert_invariants();
        assert_eq!(self.soft.sessions.len(), self.ledger.profiles.len());
        for id in self.soft.sessions.keys() {
            assert!(self.ledger.profiles.contains_key(id), "sessions are of members");
        }
        for id in self.soft.revocations.keys() {
            let state = self.ledger.current(id).state;
            assert_eq!(state, MemberState::UnrevokedPartitions, "only they have to be in time");
        }
        for id in self.soft.joins.keys().chain(self.soft.syncs.keys()) {
            let member = self.ledger.profiles.get(id);
            assert!(member.is_some_and(|it| it.classic.is_some()), "only classic ones are called");
        }
    }
}
