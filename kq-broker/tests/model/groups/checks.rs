//! The promises, each checked where it could be broken.
//!
//! | checker | says |
//! | --- | --- |
//! | `OffsetsNeverRegress` | what a fetch tells was committed, and is not older than what was acknowledged; what lapses is old |
//! | `OneOwner` | a share is told as the log has it, nobody begins to own what another member owns, and commits fit the generation or the epoch before them in the log |
//! | `NothingSkipped` | an owner begins where nothing before is unread |
//! | `LiveEqualsReplay` | with nothing in flight the shard holds what the log says |
//! | `EpochsNeverRegress` | epochs grow in the log, and members never hear of an older one |
//! | `EpochsFence` | a beat is heard at the member's epoch and, if its answer may have been lost, at the one before; at no other |
//! | `TargetCovers` | a stable consumer group has dealt out each partition once, to somebody who asked for it |
//! | `GroupsSettle` | after the storm every group is stable, and all partitions are owned once |

mod consumer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kq_broker::group::record::{ConsumerKey, Key, decode_group, decode_offset};
use kq_broker::group::{
    Caller, CommittedOffset, ConsumerDescription, Epoch, GroupConfig, GroupId, GroupState, Input,
    KindState, MemberDescription, MemberId, Now, Reply, Shard, TopicPartition, WrittenRecord,
};
use kq_broker::ids::TopicId;
use kq_broker::metadata::MetadataImage;

use self::consumer::Epochs;
pub(crate) use self::consumer::verdict;
use super::log::{Batch, Log};
use super::wire::assigned;

/// A promise that was broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) checker: &'static str,
    pub(crate) what: String,
}

/// Why a coordinator writes.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    Commit(Caller),
    Delete,
    Expiry,
    Image,
    Other,
}

impl Cause {
    pub(crate) fn of(input: &Input) -> Self {
        if let Input::Commit(it) = input {
            return Self::Commit(it.caller.clone());
        }
        let is_deletion = matches!(input, Input::DeleteOffsets(_) | Input::DeleteGroup { .. });
        if is_deletion {
            Self::Delete
        } else if matches!(input, Input::ExpireOffsets) {
            Self::Expiry
        } else if matches!(input, Input::Image(_)) {
            Self::Image
        } else {
            Self::Other
        }
    }
}

/// What decides whether a write may be.
#[derive(Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) cause: &'a Cause,
    /// The groups of which the log tells an older state than the coordinator knows.
    pub(crate) refused: &'a BTreeSet<GroupId>,
    pub(crate) now: Now,
    pub(crate) retention: Duration,
    pub(crate) image: &'a MetadataImage,
}

type PartitionOf = (GroupId, TopicPartition);

/// Which groups of a shard are held against the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those of which something was committed since the last time.
    Changed,
    All,
}

/// What was told and written so far.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) failure: Option<Failure>,
    /// The write whose end a coordinator is being told.
    pub(crate) telling: Option<Batch>,
    /// The leader's log to its end, by key.
    head: BTreeMap<Key, WrittenRecord>,
    /// What is committed, as a coordinator that reads it would hold it.
    replay: Shard,
    /// The groups of which something was committed since a shard was last held against the log.
    changed: BTreeSet<GroupId>,
    /// The committed values of each offset, with the numbers of their writes.
    history: BTreeMap<PartitionOf, Vec<(u64, Option<CommittedOffset>)>>,
    /// The newest acknowledged write of each offset.
    floors: BTreeMap<PartitionOf, u64>,
    /// How far each group has read each partition.
    read: BTreeMap<(GroupId, i32), i64>,
    epochs: Epochs,
    /// The topic that members share.
    pub(crate) shared: TopicId,
    pub(crate) commits: u64,
    /// Answers to beats.
    pub(crate) beats: u64,
    /// How often a group came to speak another protocol.
    pub(crate) migrations: u64,
    pub(crate) generations: u64,
    pub(crate) comparisons: u64,
}

impl Checks {
    pub(crate) fn new() -> Self {
        Self {
            failure: None,
            telling: None,
            head: BTreeMap::new(),
            replay: Shard::new(GroupConfig::default()),
            changed: BTreeSet::new(),
            history: BTreeMap::new(),
            floors: BTreeMap::new(),
            read: BTreeMap::new(),
            epochs: Epochs::default(),
            shared: TopicId::default(),
            commits: 0,
            beats: 0,
            migrations: 0,
            generations: 0,
            comparisons: 0,
        }
    }

    pub(crate) fn fail(&mut self, checker: &'static str, what: String) {
        self.failure.get_or_insert(Failure { checker, what });
    }

    /// The leader wrote: its own log decides whether it may.
    pub(crate) fn on_appended(&mut self, batch: &Batch, by: &Circumstances<'_>) {
        if let Cause::Commit(caller) = by.cause {
            self.verify_caller(caller, by.refused);
        }
        for (key, record) in batch.keyed() {
            let is_offset = matches!(key, Key::Offset(..));
            if is_offset && matches!(by.cause, Cause::Expiry) {
                self.verify_lapse(key, by);
            }
            if is_offset && matches!(by.cause, Cause::Other) {
                self.fail("OffsetsNeverRegress", format!("{key:?} is written unasked"));
            }
            self.head.insert(key.clone(), record.clone());
        }
    }

    /// Another leader's log may end earlier.
    pub(crate) fn on_fail_over(&mut self, log: &Log) {
        self.head.clear();
        for (key, record) in log.committed.iter().chain(&log.tail).flat_map(Batch::keyed) {
            self.head.insert(key.clone(), record.clone());
        }
    }

    fn verify_caller(&mut self, caller: &Caller, refused: &BTreeSet<GroupId>) {
        let record = self.head.get(&Key::Group(caller.group.clone()));
        let record = record.and_then(|it| it.value.as_ref()).map(|it| decode_group(it).unwrap());
        let fits = match (self.may_commit(caller), &record) {
            (Some(may), _) => may,
            _ if refused.contains(&caller.group) => true,
            (None, None) => caller.generation < 0,
            (None, Some(it)) if caller.generation < 0 => it.members.is_empty(),
            (None, Some(it)) => {
                it.generation == caller.generation
                    && it.members.iter().any(|one| one.member == caller.member)
            }
        };
        if !fits {
            let known = record.map(|it| (it.generation, it.members.len()));
            self.fail("OneOwner", format!("{caller:?} commits, where the log says {known:?}"));
        }
    }

    /// What lapses is old, or of a topic that is gone.
    fn verify_lapse(&mut self, key: &Key, by: &Circumstances<'_>) {
        let is_gone = |it: &TopicPartition| by.image.name_holder(&it.topic).is_none();
        if matches!(key, Key::Offset(_, it) if is_gone(it)) {
            return;
        }
        let value = self.head.get(key).and_then(|it| it.value.as_ref());
        let Some(offset) = value.map(|it| decode_offset(it).unwrap()) else { return };
        let retention_ms = i64::try_from(by.retention.as_millis()).unwrap();
        if by.now.wall_ms < offset.committed_at_ms + retention_ms {
            self.fail("OffsetsNeverRegress", format!("{key:?} lapses although it is young"));
        }
    }

    pub(crate) fn on_committed(&mut self, batch: &Batch, now: Now) {
        for (key, record) in batch.keyed() {
            self.replay.load(&record.key, record.value.as_ref(), now).unwrap();
            match key {
                Key::Offset(group, partition) => {
                    self.changed.insert(group.clone());
                    let value = record.value.as_ref().map(|it| decode_offset(it).unwrap());
                    let of = (group.clone(), partition.clone());
                    self.history.entry(of).or_default().push((batch.number, value));
                    self.commits += 1;
                }
                Key::Group(group) => {
                    self.changed.insert(group.clone());
                    self.generations += 1;
                    let of_consumers = |it: &Key| matches!(it, Key::Consumer(id, ConsumerKey::Epoch) if id == group);
                    self.migrations += u64::from(batch.keys.iter().any(of_consumers));
                }
                Key::Consumer(group, key) => {
                    self.changed.insert(group.clone());
                    self.generations += u64::from(*key == ConsumerKey::Epoch);
                    self.on_change(batch.number, (group, key), record.value.as_ref());
                }
                Key::Undo(..) => {}
            }
        }
    }

    pub(crate) fn on_reply(&mut self, reply: &Reply) {
        if let Reply::Offsets(results) = reply
            && results.iter().all(|(_, it)| it.is_ok())
        {
            self.acknowledge();
        }
        if matches!(reply, Reply::GroupDeleted(Ok(()))) {
            self.acknowledge();
            self.verify_deleted();
        }
    }

    /// Nothing that was committed before a group's deletion is there after it.
    fn verify_deleted(&mut self) {
        let Some(batch) = &self.telling else { return };
        let keys = batch.keys.iter();
        let deleted: Vec<&GroupId> = keys
            .filter_map(|it| match it {
                Key::Group(id) | Key::Consumer(id, ConsumerKey::Epoch) => Some(id),
                Key::Offset(..) | Key::Consumer(..) | Key::Undo(..) => None,
            })
            .collect();
        let number = batch.number;
        let left = self.history.iter().find(|((group, _), history)| {
            let before = history.partition_point(|(it, _)| *it <= number);
            let last = before.checked_sub(1).and_then(|at| history[at].1.as_ref());
            deleted.contains(&group) && last.is_some()
        });
        if let Some((key, _)) = left {
            let what = format!("{key:?} is there after the deletion of its group");
            self.fail("OffsetsNeverRegress", what);
        }
    }

    /// A share is told, which has to be the one that a next coordinator would tell: else that one may
    /// give it to somebody else.
    pub(crate) fn on_share(&mut self, group: &GroupId, member: &MemberId, share: &[u8]) {
        let known = self.replay.describe(group).map(|it| it.members).unwrap_or_default();
        let is_its = |it: &MemberDescription| it.member == *member && it.assignment == share;
        if !known.iter().any(is_its) && !self.was_dealt(group, member, &assigned(share)) {
            let known: Vec<_> = known.iter().map(|it| it.member.as_str()).collect();
            let what = format!("{member} of {group} is told a share, where the log has {known:?}");
            self.fail("OneOwner", what);
        }
    }

    fn acknowledge(&mut self) {
        let Some(batch) = &self.telling else { return };
        for key in &batch.keys {
            if let Key::Offset(group, partition) = key {
                let floor = self.floors.entry((group.clone(), partition.clone())).or_default();
                *floor = batch.number.max(*floor);
            }
        }
    }

    pub(crate) fn on_fetched(
        &mut self,
        group: &GroupId,
        told: &[(TopicPartition, CommittedOffset)],
    ) {
        let told: BTreeMap<_, _> = told.iter().map(|(a, b)| (a, b)).collect();
        let of_group = self.history.iter().filter(|((it, _), _)| it == group);
        let wrong = of_group.map(|((_, partition), history)| {
            let floor = self.floors.get(&(group.clone(), partition.clone())).copied();
            let floor = floor.unwrap_or_default();
            let behind = history.partition_point(|(number, _)| *number <= floor);
            let from = behind.saturating_sub(1);
            let told = told.get(partition).copied();
            let may = history[from..].iter().any(|(_, it)| it.as_ref() == told);
            (may || (behind == 0 && told.is_none()), partition, told.cloned())
        });
        let wrong = wrong.filter(|(may, ..)| !may).map(|(_, a, b)| (a.clone(), b)).next();
        let stranger = told
            .keys()
            .find(|it| !self.history.contains_key(&(group.clone(), TopicPartition::clone(it))));
        let stranger = stranger.map(|it| TopicPartition::clone(it));
        if let Some((partition, told)) = wrong {
            let what = format!("{group} {partition:?} is told as {told:?}");
            self.fail("OffsetsNeverRegress", what);
        }
        if let Some(partition) = stranger {
            self.fail("OffsetsNeverRegress", format!("{group} never committed {partition:?}"));
        }
    }

    /// An owner begins to read.
    pub(crate) fn on_begin(&mut self, group: &GroupId, partition: i32, at: i64) {
        let read = self.read.get(&(group.clone(), partition)).copied().unwrap_or_default();
        if read < at {
            let what = format!("{group} begins at {at} of {partition}, read up to {read}");
            self.fail("NothingSkipped", what);
        }
    }

    pub(crate) fn on_read(&mut self, group: &GroupId, partition: i32, up_to: i64) {
        let read = self.read.entry((group.clone(), partition)).or_default();
        *read = up_to.max(*read);
    }

    /// With nothing in flight, the shard is what the log says.
    pub(crate) fn compare(&mut self, live: &Shard, refused: &BTreeSet<GroupId>, extent: Extent) {
        self.comparisons += 1;
        let mut ids = std::mem::take(&mut self.changed);
        if extent == Extent::All {
            ids.extend(live.ids_after("").chain(self.replay.ids_after("")).cloned());
        }
        for id in ids {
            if !live.offsets(&id).eq(self.replay.offsets(&id)) {
                let here: Vec<_> = live.offsets(&id).collect();
                let there: Vec<_> = self.replay.offsets(&id).collect();
                let what = format!("{id}: offsets {here:?}, in the log {there:?}");
                self.fail("LiveEqualsReplay", what);
                return;
            }
            let (here, there) = (written(live, &id), written(&self.replay, &id));
            let is_consumers = matches!(here, Written::Consumers(_));
            let is_known = here != Written::Unsettled && !refused.contains(&id);
            if (is_known || is_consumers) && here != there {
                let what = format!("{id}: {here:?}, in the log {there:?}");
                self.fail("LiveEqualsReplay", what);
                return;
            }
            if let Written::Consumers(it) = &here {
                self.verify_target(&id, it);
            }
        }
    }
}

/// What of a group is written down.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    Nothing,
    Empty {
        generation: i32,
    },
    Stable {
        generation: i32,
        protocol: String,
        members: Vec<MemberDescription>,
    },
    /// A generation is forming: it will be written.
    Unsettled,
    /// A consumer group, of which everything is written.
    Consumers(Box<ConsumerDescription>),
}

fn written(shard: &Shard, id: &GroupId) -> Written {
    if let Some(it) = shard.describe_consumer(id) {
        // Tombstones leave one that never was.
        let is_there = Epoch::default() < it.epoch;
        return if is_there { Written::Consumers(Box::new(it)) } else { Written::Nothing };
    }
    let (Some(survey), Some(it)) = (shard.survey(id), shard.describe(id)) else {
        return Written::Nothing;
    };
    let generation = survey.generation;
    match it.listing.state {
        KindState::Classic(GroupState::Empty) if generation == 0 => Written::Nothing,
        KindState::Classic(GroupState::Empty) => Written::Empty { generation },
        KindState::Classic(GroupState::Stable) => {
            Written::Stable { generation, protocol: it.protocol, members: it.members }
        }
        KindState::Classic(GroupState::PreparingRebalance | GroupState::CompletingRebalance)
        | KindState::Consumer(_) => Written::Unsettled,
    }
}
