//! The lag of the shard's groups: what is to be asked of leaders, and what follows from the answers.
//!
//! ```text
//!   each round:   ask() --> leaders --> observe(), some groups at a time
//!   on demand:    group_lag()
//! ```
//! A pair of a group and a partition is watched once something is committed, or found unread; a pair
//! where all is read and nobody commits costs nothing but its offset.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Shard};
use crate::group::lag::{
    Attendance, Class, Course, Figures, Heads, Origin, Sight, Standing, Summary, Unread, Unreads,
    Verdict, Watch, Why, figures, figures_of_uncommitted,
};
use crate::group::offsets::Kept;
use crate::group::{CommittedOffset, GroupId, Now, TopicPartition};

/// Pairs that a shard may watch before it was told how many.
pub(super) const WATCHES_AT_FIRST: usize = 1_000;

/// What the rounds know of a whole group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EntryLag {
    /// Whether all its offsets were looked at since it was loaded.
    is_known: bool,
    /// Since when it has no members.
    deserted_at: Option<Duration>,
}

impl EntryLag {
    /// How an offset that is not watched came about.
    pub(super) fn origin(&self) -> Origin {
        if self.is_known { Origin::HadReadAll } else { Origin::Loaded }
    }
}

/// Which groups a visit is about. Members' requests come in between two of them.
#[derive(Debug, Clone, Copy)]
pub struct LagVisit {
    /// After so many offsets it ends with the group; one group at least.
    pub offsets_max: usize,
    /// Of the groups where nothing is watched one in so many is looked at.
    pub stride: u64,
    /// Which of them it is this time.
    pub turn: u64,
}

/// What a visit would ask of leaders.
#[derive(Debug, Default)]
pub struct LagQuestions {
    /// The topics of which the heads are wanted.
    pub topics: BTreeSet<Arc<str>>,
    /// Where the first unread record is looked for, and from which offset.
    pub unread: BTreeSet<(TopicPartition, u64)>,
}

/// What leaders told, and when.
#[derive(Debug, Clone, Copy)]
pub struct LagLook<'a> {
    /// The time.
    pub now: Now,
    /// The heads.
    pub heads: &'a Heads,
    /// First unread records.
    pub unread: &'a Unreads,
}

/// A group in sum.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupLag {
    /// The group.
    pub group: GroupId,
    /// How many members it has.
    pub member_count: usize,
    /// Its lag.
    pub summary: Summary<TopicPartition>,
    /// When it is to be looked at again, in time since the broker started, be a round due or not.
    pub due: Option<Duration>,
}

/// The lag of a group in one partition.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionLag {
    /// Which partition.
    pub partition: TopicPartition,
    /// What it has committed there.
    pub committed: Option<CommittedOffset>,
    /// Where the partition stands; none if that was never known.
    pub standing: Option<Standing>,
    /// How far it is behind.
    pub figures: Figures,
    /// What it does.
    pub verdict: Verdict,
}

impl Shard {
    /// Bounds how many more pairs are watched from now on.
    pub fn make_room(&mut self, watches: usize) {
        self.watches_left = watches;
    }

    /// How many offsets there are, over all groups.
    pub fn offset_count(&self) -> usize {
        self.groups.values().map(|it| it.offsets.len()).sum()
    }

    /// How many pairs are watched.
    pub fn watch_count(&self) -> usize {
        self.groups.values().map(|it| it.offsets.watch_count()).sum()
    }

    /// Adds what there is to be asked about the groups after `after`. Returns from which group on to
    /// go on; none when that was all.
    pub fn ask(
        &self,
        after: Option<&GroupId>,
        visit: LagVisit,
        heads: &Heads,
        into: &mut LagQuestions,
    ) -> Option<GroupId> {
        let ids = self.some_after(after, visit);
        for id in &ids {
            if let Some(entry) = self.groups.get(id).filter(|it| it.is_due(id, visit)) {
                entry.ask(heads, into);
                self.ask_of_owned(id, entry, heads, into);
            }
        }
        self.next_after(ids.last())
    }

    /// The groups that one hold of the lock is about.
    fn some_after(&self, after: Option<&GroupId>, visit: LagVisit) -> Vec<GroupId> {
        let mut left = visit.offsets_max;
        let fits = |(_, entry): &(&GroupId, &Entry)| {
            let fits = left > 0;
            left = left.saturating_sub(entry.offsets.len().max(1));
            fits
        };
        let range = (after_of(after), Bound::Unbounded);
        self.groups.range::<GroupId, _>(range).take_while(fits).map(|(id, _)| id.clone()).collect()
    }

    /// Judges the groups after `after`. Returns from which group on to go on.
    pub fn observe(
        &mut self,
        after: Option<&GroupId>,
        visit: LagVisit,
        look: &LagLook<'_>,
        into: &mut Vec<GroupLag>,
    ) -> Option<GroupId> {
        let ids = self.some_after(after, visit);
        let mut room = self.watches_left;
        for id in &ids {
            if !self.groups.get(id).is_some_and(|it| it.is_due(id, visit)) {
                continue;
            }
            let owned = self.owned(id);
            let Some(entry) = self.groups.get_mut(id) else { continue };
            let (mut summary, due) = entry.observe(look, self.config.lag_round, &mut room);
            for partition in owned.into_iter().filter(|it| entry.offsets.get(it).is_none()) {
                let row = entry.row_of_owned(partition, look);
                summary.add(|| row.partition.clone(), &row.figures, &row.verdict);
            }
            let summary = summary.concluded();
            let member_count = entry.kind.member_count();
            into.push(GroupLag { group: id.clone(), member_count, summary, due });
        }
        self.watches_left = room;
        self.next_after(ids.last())
    }

    /// The lag of one group, partition by partition; none if it is not known.
    pub fn group_lag(&self, group: &GroupId, look: &LagLook<'_>) -> Option<Vec<PartitionLag>> {
        let entry = self.groups.get(group)?;
        let mut rows: Vec<PartitionLag> = entry
            .offsets
            .kept()
            .map(|(partition, kept)| entry.row(partition, kept, look, self.config.lag_round))
            .collect();
        let owned = self.owned(group).into_iter();
        let uncommitted = owned.filter(|it| entry.offsets.get(it).is_none());
        rows.extend(uncommitted.map(|it| entry.row_of_owned(it, look)));
        rows.sort_by(|a, b| a.partition.cmp(&b.partition));
        Some(rows)
    }

    /// What an answer about one group has to ask of leaders: the heads of all its topics, and the
    /// first unread records of the partitions that are `wanted`.
    pub fn ask_all(
        &self,
        group: &GroupId,
        heads: &Heads,
        wanted: impl Fn(&TopicPartition) -> bool,
        into: &mut LagQuestions,
    ) {
        let Some(entry) = self.groups.get(group) else { return };
        for partition in entry.offsets.kept().map(|it| it.0.clone()).chain(self.owned(group)) {
            let committed = entry.offsets.get(&partition).map_or(0, |it| at_least_zero(it.offset));
            let start = heads.course(&partition).and_then(Course::last).map_or(0, |it| it.start);
            into.topics.insert(Arc::clone(&partition.topic));
            if wanted(&partition) {
                into.unread.insert((partition, committed.max(start)));
            }
        }
    }

    /// What members are to read and have never committed counts from the log's start.
    fn ask_of_owned(&self, id: &GroupId, entry: &Entry, heads: &Heads, into: &mut LagQuestions) {
        for partition in self.owned(id) {
            if entry.offsets.get(&partition).is_some() {
                continue;
            }
            into.topics.insert(Arc::clone(&partition.topic));
            let Some(Standing::Known(head)) = heads.course(&partition).map(Course::standing) else {
                continue;
            };
            if head.start < head.end {
                into.unread.insert((partition, head.start));
            }
        }
    }

    /// What the group's members are assigned.
    fn owned(&self, group: &GroupId) -> BTreeSet<TopicPartition> {
        let members = self.survey_members(group, Now::default());
        let assigned = members.into_iter().flat_map(|it| it.assigned);
        let each = assigned.flat_map(|(topic, partitions)| {
            let of = move |partition| TopicPartition { topic: Arc::clone(&topic), partition };
            partitions.into_iter().map(of)
        });
        each.collect()
    }

    fn next_after(&self, last: Option<&GroupId>) -> Option<GroupId> {
        let last = last?;
        let range = (Bound::Excluded(last), Bound::Unbounded);
        self.groups.range::<GroupId, _>(range).next().map(|_| last.clone())
    }
}

fn after_of(after: Option<&GroupId>) -> Bound<&GroupId> {
    after.map_or(Bound::Unbounded, Bound::Excluded)
}

impl Entry {
    /// Whether a visit looks at it.
    fn is_due(&self, id: &GroupId, visit: LagVisit) -> bool {
        if self.offsets.is_empty() && self.kind.member_count() == 0 {
            return false;
        }
        let number = id
            .as_str()
            .bytes()
            .fold(0_u64, |sum, it| sum.wrapping_mul(31).wrapping_add(u64::from(it)));
        self.offsets.watch_count() > 0
            || number.wrapping_add(visit.turn).checked_rem(visit.stride).is_none_or(|it| it == 0)
    }

    fn ask(&self, heads: &Heads, into: &mut LagQuestions) {
        let mut topic: Option<&Arc<str>> = None;
        for (partition, kept) in self.offsets.kept() {
            if topic != Some(&partition.topic) {
                into.topics.insert(Arc::clone(&partition.topic));
                topic = Some(&partition.topic);
            }
            let Some(watch) = kept.watch.as_deref() else { continue };
            let Some(course) = heads.course(partition) else { continue };
            if let Some(from) = watch.unread_wanted(at_least_zero(kept.offset.offset), course) {
                into.unread.insert((partition.clone(), from));
            }
        }
    }

    fn observe(
        &mut self,
        look: &LagLook<'_>,
        round: Duration,
        room: &mut usize,
    ) -> (Summary<TopicPartition>, Option<Duration>) {
        let attendance = self.attend(look.now, round);
        let origin = self.lag.origin();
        let (mut summary, mut due) = (Summary::default(), None::<Duration>);
        let mut all_known = true;
        let watches = &mut 0;
        let known = self.offsets.kept().filter_map(|(_, kept)| kept.watch.as_deref());
        let group_commit_at = known.map(Watch::last_commit_at).max().unwrap_or_default();
        for (partition, kept) in self.offsets.kept_mut() {
            let Some(course) = look.heads.course(partition) else {
                // A topic that waits for its purge, or one that was made just now.
                all_known = false;
                continue;
            };
            let committed = at_least_zero(kept.offset.offset);
            let sight =
                Sight { now: look.now, round, committed, course, attendance, group_commit_at };
            let unread = unread_at(look, partition, &sight);
            all_known &= matches!(course.standing(), Standing::Known(_));
            if kept.watch.is_none() && *room > 0 && has_unread(&sight) {
                *room -= 1;
                kept.watch = Some(Box::new(begin(origin, &kept.offset, look.now, round)));
            }
            if let Some(watch) = kept.watch.as_deref_mut() {
                if let Some(unread) = unread {
                    watch.on_unread(unread);
                }
                watch.observe(&sight);
                due = due.into_iter().chain(watch.due(&sight)).min();
            }
            let (figures, verdict) = told(kept, &sight, unread);
            summary.add(|| partition.clone(), &figures, &verdict);
            if kept.watch.as_deref().is_some_and(|it| it.is_idle(look.now.uptime)) {
                kept.watch = None;
            }
            *watches += usize::from(kept.watch.is_some());
        }
        let watches = *watches;
        self.offsets.count_watches(watches);
        self.lag.is_known |= all_known;
        (summary, due)
    }

    /// Who is there, and since when nobody is.
    fn attend(&mut self, now: Now, round: Duration) -> Attendance {
        let is_empty = self.kind.state().is_empty();
        if !is_empty || self.kind.protocol_type().is_none() {
            self.lag.deserted_at = None;
            return if is_empty { Attendance::Simple } else { Attendance::Attended };
        }
        let known = self.lag.is_known;
        let at = *self.lag.deserted_at.get_or_insert_with(|| {
            // Before this broker coordinated it, the clock on the wall is all there is. Afterwards it
            // was since the last round.
            let ago = now.wall_ms.saturating_sub(self.kind.state_since_ms());
            let ago = Duration::from_millis(u64::try_from(ago).unwrap_or(0));
            now.uptime.saturating_sub(if known { ago.min(round) } else { ago })
        });
        Attendance::DesertedSince(at)
    }

    fn attendance(&self) -> Attendance {
        match (self.kind.state().is_empty(), self.lag.deserted_at) {
            (true, Some(at)) => Attendance::DesertedSince(at),
            (true, None) => Attendance::Simple,
            (false, _) => Attendance::Attended,
        }
    }

    fn row(
        &self,
        partition: &TopicPartition,
        kept: &Kept,
        look: &LagLook<'_>,
        round: Duration,
    ) -> PartitionLag {
        let committed = Some(kept.offset.clone());
        let partition = partition.clone();
        let Some(course) = look.heads.course(&partition) else {
            // Nobody has asked yet, or the topic waits for its purge.
            let watched = kept.watch.as_deref().map(Watch::verdict);
            let since_ms = kept.offset.committed_at_ms;
            let verdict = watched.unwrap_or(Verdict { since_ms, ..Verdict::default() });
            let (standing, figures) = (None, Figures::default());
            return PartitionLag { partition, committed, standing, figures, verdict };
        };
        let sight = Sight {
            now: look.now,
            round,
            committed: at_least_zero(kept.offset.offset),
            course,
            attendance: self.attendance(),
            group_commit_at: Duration::ZERO,
        };
        let (figures, verdict) = told(kept, &sight, unread_at(look, &partition, &sight));
        let standing = Some(course.standing());
        PartitionLag { partition, committed, standing, figures, verdict }
    }

    /// A partition that a member owns, and of which nothing was committed.
    fn row_of_owned(&self, partition: TopicPartition, look: &LagLook<'_>) -> PartitionLag {
        let course = look.heads.course(&partition).copied();
        let standing = course.map(|it| it.standing());
        let since_ms = self.kind.state_since_ms();
        let mut verdict = Verdict { class: Class::NoCommits, why: Why::NoCommit, since_ms };
        let mut figures = Figures::default();
        match standing {
            Some(Standing::Known(head)) => {
                let unread = look.unread.get(&(partition.clone(), head.start)).copied();
                figures = figures_of_uncommitted(&head, unread, look.now.wall_ms);
                if figures.left() == Some(0) {
                    (verdict.class, verdict.why) = (Class::Ok, Why::ReadAll);
                } else if look.now.wall_ms.saturating_sub(since_ms) < NEW_MS {
                    (verdict.class, verdict.why) = (Class::New, Why::New);
                }
            }
            Some(Standing::NoLeader(_)) => {
                (verdict.class, verdict.why) = (Class::Leaderless, Why::NoLeader);
            }
            Some(Standing::Silent(_)) | None => {
                (verdict.class, verdict.why) = (Class::Leaderless, Why::SilentLeader);
            }
        }
        PartitionLag { partition, committed: None, standing, figures, verdict }
    }
}

/// An assignment is new for so long, as a commit is.
const NEW_MS: i64 = 10_000;

/// Offsets are what clients say; below zero there is nothing.
fn at_least_zero(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

fn has_unread(sight: &Sight<'_>) -> bool {
    match sight.course.standing() {
        Standing::Known(head) => sight.committed.max(head.start) < head.end,
        Standing::NoLeader(_) | Standing::Silent(_) => false,
    }
}

/// Begins to watch an offset that nobody has committed since the last round.
fn begin(origin: Origin, committed: &CommittedOffset, now: Now, round: Duration) -> Watch {
    let ago = now.wall_ms.saturating_sub(committed.committed_at_ms);
    let ago = Duration::from_millis(u64::try_from(ago).unwrap_or(0));
    if origin == Origin::Loaded {
        return Watch::begin(origin, now).committed_ago(ago);
    }
    // A commit would have begun it: this offset was set.
    let is_set = ago < round * 2;
    Watch::begin(if is_set { Origin::Reset } else { origin }, now)
}

/// The answer about this offset, or about the log start where that has overtaken it.
fn unread_at(look: &LagLook<'_>, partition: &TopicPartition, sight: &Sight<'_>) -> Option<Unread> {
    let start = sight.course.last().map_or(0, |it| it.start);
    look.unread.get(&(partition.clone(), sight.committed.max(start))).copied()
}

fn told(kept: &Kept, sight: &Sight<'_>, unread: Option<Unread>) -> (Figures, Verdict) {
    let figures = figures(kept.watch.as_deref(), sight, unread);
    let since_ms = kept.offset.committed_at_ms;
    let verdict = match (kept.watch.as_deref(), sight.course.standing()) {
        (_, Standing::NoLeader(_)) => (Class::Leaderless, Why::NoLeader),
        (_, Standing::Silent(_)) => (Class::Leaderless, Why::SilentLeader),
        (Some(watch), Standing::Known(_)) => return (figures, watch.verdict()),
        (None, Standing::Known(_)) if figures.left() == Some(0) => (Class::Ok, Why::ReadAll),
        (None, Standing::Known(_)) => (Class::Unknown, Why::Unwatched),
    };
    (figures, Verdict { class: verdict.0, why: verdict.1, since_ms })
}
