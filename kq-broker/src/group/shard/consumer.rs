//! Groups of the consumer protocol in their shard: a request is decided on a draft, and the draft takes
//! the group's place when its records are appended. Every answer waits until all that was written of
//! its group is committed: nobody learns what a fail-over could take back.

use super::written::Continuation;
use super::{Shard, tombstone};
use crate::canary;
use crate::group::classic::GroupState;
use crate::group::consumer::{ConsumerGroup, Decided, Env};
use crate::group::kind::Kind;
use crate::group::record::{self, Change, Key};
use crate::group::{
    Beat, ConsumerDescription, ConsumerHeartbeat, GroupError, GroupId, MemberId, Now,
    OperateRefused, Operated, Output, Phase, Reply, ReplyTo, WrittenRecord,
};
use crate::metadata::MetadataImage;

impl Shard {
    pub(super) fn on_consumer_beat(
        &mut self,
        beat: &ConsumerHeartbeat,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let (id, reply) = (&beat.group, beat.reply);
        let result = self.decide_beat(beat, now).map(|(decided, answer, replaced)| {
            self.carry_out(id, decided, replaced, (now, &mut *out));
            answer
        });
        self.answer_behind(id, reply, Reply::ConsumerBeat(result), out);
    }

    /// What comes of a beat, and the tombstones of a classic group whose place it takes.
    fn decide_beat(
        &self,
        beat: &ConsumerHeartbeat,
        now: Now,
    ) -> Result<(Decided, Beat, Vec<WrittenRecord>), GroupError> {
        if beat.group.as_str().is_empty() {
            return Err(GroupError::InvalidGroupId);
        }
        let image = self.image.clone().unwrap_or_default();
        let env = self.env(now, &image);
        let found = self.groups.get(&beat.group).map(|it| &it.kind);
        let is_written = found.is_some_and(|it| !it.is_fresh());
        let decided = match found {
            Some(Kind::Consumer(group)) => {
                return group.on_beat(beat, env).map(|(decided, it)| (decided, it, Vec::new()));
            }
            Some(Kind::Classic(_)) | None if beat.phase != Phase::Join => {
                return Err(GroupError::UnknownMember);
            }
            Some(Kind::Classic(group)) if !group.is_deserted() => {
                let is_consumers = group.protocol_type().is_some_and(|it| &**it == "consumer");
                if !is_consumers || !self.config.consumer.migration.allows_upgrade() {
                    return Err(GroupError::GroupNotFound);
                }
                // Who owns what is known between rebalances only. The client tries again.
                if group.state() != GroupState::Stable {
                    return Err(GroupError::NotAvailable);
                }
                ConsumerGroup::upgrade(&group.to_record(), beat, env)
            }
            Some(Kind::Classic(_)) | None => ConsumerGroup::default().on_beat(beat, env),
        };
        let replaced = is_written.then(|| tombstone(&Key::Group(beat.group.clone())));
        decided.map(|(decided, it)| (decided, it, replaced.into_iter().collect()))
    }

    pub(super) fn env<'a>(&'a self, now: Now, image: &'a MetadataImage) -> Env<'a> {
        let config = &self.config.consumer;
        Env { now, config, image, image_version: self.image_version }
    }

    /// Decides something of a consumer group; none where there is no such group.
    pub(super) fn decide<T>(
        &self,
        id: &GroupId,
        now: Now,
        act: impl FnOnce(&ConsumerGroup, Env<'_>) -> T,
    ) -> Option<T> {
        let Kind::Consumer(group) = &self.groups.get(id)?.kind else { return None };
        let image = self.image.clone().unwrap_or_default();
        Some(act(group, self.env(now, &image)))
    }

    /// Writes what a step changed. A step that changed nothing counts at once.
    pub(super) fn carry_out(
        &mut self,
        id: &GroupId,
        decided: Decided,
        mut records: Vec<WrittenRecord>,
        (now, out): (Now, &mut Vec<Output>),
    ) {
        let Decided { group, changes } = decided;
        if changes.is_empty() {
            self.entry(id, now).kind = Kind::Consumer(Box::new(group));
            return;
        }
        let written = changes.iter().filter(|it| !is_left_out(it));
        records.extend(written.map(|it| it.to_record(id)));
        let downgraded = self.downgraded(id, &group, now);
        let then = match downgraded {
            None => Continuation::Consumer { next: Some(Box::new(group)) },
            Some(classic) => {
                records.extend(group.tombstones().iter().map(|it| it.to_record(id)));
                let key = record::encode_key(&Key::Group(id.clone()));
                let value = Some(record::encode_group(&classic));
                records.push(WrittenRecord { key, value });
                Continuation::Downgraded { next: Some(Box::new(classic)) }
            }
        };
        self.entry(id, now);
        self.write(id, records, then, out);
    }

    /// The classic group that a group becomes when its last member of the consumer protocol goes.
    fn downgraded(
        &self,
        id: &GroupId,
        next: &ConsumerGroup,
        now: Now,
    ) -> Option<record::GroupRecord> {
        if !self.config.consumer.migration.allows_downgrade() {
            return None;
        }
        let had_one = self.decide(id, now, |before, _| before.has_consumer_members())?;
        let image = self.image.clone().unwrap_or_default();
        let classic = had_one.then(|| next.downgraded(self.env(now, &image))).flatten()?;
        (classic.members.len() <= self.config.members_max).then_some(classic)
    }

    /// Answers when all that was written of the group is committed.
    pub(super) fn answer_behind(
        &mut self,
        id: &GroupId,
        to: ReplyTo,
        reply: Reply,
        out: &mut Vec<Output>,
    ) {
        let last = self.groups.get(id).and_then(|it| it.last_write);
        match last.and_then(|it| self.pending.get_mut(&it)) {
            Some(flight) if !canary::is("beat_answer_early") => flight.behind.push((to, reply)),
            _ => out.push(Output::Reply(to, reply)),
        }
    }

    /// Members whose time is up.
    pub(super) fn tick_consumer(&mut self, id: &GroupId, now: Now, out: &mut Vec<Output>) {
        if let Some(Some(decided)) = self.decide(id, now, ConsumerGroup::on_tick) {
            self.carry_out(id, decided, Vec::new(), (now, out));
        }
    }

    /// The members of a consumer group and their way to the target.
    pub fn describe_consumer(&self, id: &GroupId) -> Option<ConsumerDescription> {
        match &self.groups.get(id)?.kind {
            Kind::Consumer(group) => Some(group.describe(&self.config.consumer)),
            Kind::Classic(_) => None,
        }
    }

    /// Whether somebody is a member of a consumer group that speaks its protocol, and so knows epochs.
    pub fn is_consumer_member(&self, id: &GroupId, member: &MemberId) -> bool {
        match self.groups.get(id).map(|it| &it.kind) {
            Some(Kind::Consumer(group)) => group.speaks_consumer_protocol(member),
            Some(Kind::Classic(_)) | None => false,
        }
    }

    /// Whether somebody may read the offsets of a group; `epoch` is negative for who is no member.
    /// Classic groups let everybody.
    pub fn check_fetch(
        &self,
        id: &GroupId,
        member: &MemberId,
        epoch: i32,
    ) -> Result<(), GroupError> {
        match self.groups.get(id).map(|it| &it.kind) {
            Some(Kind::Consumer(group)) => group.check_fetch(member, epoch),
            Some(Kind::Classic(_)) | None => Ok(()),
        }
    }

    /// Applies a record of a consumer group. A tombstone where there is none says nothing.
    pub(super) fn load_consumer(&mut self, id: &GroupId, change: &Change, buries: bool, now: Now) {
        if buries && !self.groups.contains_key(id) {
            return;
        }
        let entry = self.entry(id, now);
        if let Kind::Consumer(group) = &mut entry.kind {
            group.load(change);
        } else if !buries {
            let mut group = Box::<ConsumerGroup>::default();
            group.load(change);
            entry.kind = Kind::Consumer(group);
        }
    }

    /// Ends loading of the consumer groups: what is only a rest of one is none.
    pub(super) fn finish_loading_consumers(&mut self, now: Now) {
        for (id, entry) in &mut self.groups {
            let Kind::Consumer(group) = &mut entry.kind else { continue };
            if group.is_founded() {
                group.finish_loading(now, &self.config.consumer);
            } else {
                entry.kind = Kind::fresh(id.clone(), now);
            }
        }
    }
}

/// What a planted bug does not write down.
fn is_left_out(change: &Change) -> bool {
    (matches!(change, Change::Member(_, None)) && canary::is("member_not_buried"))
        || (matches!(change, Change::Epoch(Some(_))) && canary::is("epoch_not_logged"))
}

/// An answer whose records are committed; an error in `answer` says that too few hold them to tell a
/// client so. An operator hears that it is done, and that.
pub(super) fn committed(reply: Reply, answer: &Result<(), GroupError>) -> Reply {
    match (reply, answer) {
        (reply, Ok(())) => reply,
        (Reply::Operated(done), Err(_)) => Reply::Operated(done.map(Operated::held_by_few)),
        (reply, Err(error)) => taken_back(reply, error),
    }
}

/// An answer whose records were not written, or are held by too few.
pub(super) fn taken_back(reply: Reply, error: &GroupError) -> Reply {
    let error = error.clone();
    match reply {
        Reply::ConsumerBeat(Ok(_)) => Reply::ConsumerBeat(Err(error)),
        Reply::Joined(joined) => Reply::JoinRefused { error, member: Some(joined.member) },
        Reply::Synced(Ok(_)) => Reply::Synced(Err(error)),
        Reply::Heartbeat(Ok(())) => Reply::Heartbeat(Err(error)),
        Reply::Left(members) => {
            let members = members.into_iter();
            Reply::Left(members.map(|(it, own)| (it, own.and(Err(error.clone())))).collect())
        }
        Reply::Operated(done) => Reply::Operated(done.and(Err(OperateRefused::Group(error)))),
        Reply::JoinRefused { .. }
        | Reply::Synced(Err(_))
        | Reply::Heartbeat(Err(_))
        | Reply::ConsumerBeat(Err(_))
        | Reply::Offsets(_)
        | Reply::OffsetsRefused(_)
        | Reply::GroupDeleted(_)
        | Reply::Reset(_)
        | Reply::Settled => reply,
    }
}
