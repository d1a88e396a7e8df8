//! The rounds of a shard: which pairs are watched, how many, and for how long.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::group::lag::{Class, GroupClass, Head, Heads, Told, Unread, Unreads, Why};
use crate::group::record::{self, Key};
use crate::group::{
    Caller, CommitOffsets, CommittedOffset, DeleteOffsets, GroupConfig, GroupId, GroupLag, Input,
    LagLook, LagQuestions, LagVisit, MemberId, Now, OffsetToCommit, Outcome, Output, ReplyTo,
    Shard, TopicPartition,
};
use crate::ids::TopicId;

const ROUND: Duration = Duration::from_secs(5);
const ALL: LagVisit = LagVisit { offsets_max: 64, stride: 1, turn: 0 };

/// A shard, and a topic `t` of three partitions that end at one offset.
struct World {
    shard: Shard,
    now: Now,
    heads: Heads,
    unread: Unreads,
}

impl World {
    fn new() -> Self {
        let shard = Shard::new(GroupConfig::default());
        let now = Now { uptime: ROUND, wall_ms: 1_000_000 };
        Self { shard, now, heads: Heads::default(), unread: Unreads::new() }
    }

    fn pass(&mut self, time: Duration) {
        self.now.uptime += time;
        self.now.wall_ms += i64::try_from(time.as_millis()).unwrap();
    }

    /// Puts an input to the shard; what it writes is committed at once.
    fn step(&mut self, input: Input) {
        let mut out = Vec::new();
        self.shard.step(self.now, input, &mut out);
        for output in out {
            if let Output::Write { write, .. } = output {
                for outcome in [Outcome::Appended, Outcome::Committed] {
                    self.shard.step(self.now, Input::Written { write, outcome }, &mut Vec::new());
                }
            }
        }
    }

    fn commit(&mut self, group: &str, partition: i32, offset: i64) {
        let caller = Caller {
            group: GroupId::from(group),
            member: MemberId::from(""),
            instance: None,
            generation: -1,
        };
        let offsets = vec![OffsetToCommit {
            partition: of(partition),
            offset,
            leader_epoch: None,
            metadata: Arc::from(""),
        }];
        self.step(Input::Commit(CommitOffsets {
            retention: None,
            caller,
            offsets,
            reply: ReplyTo(1),
        }));
    }

    fn ask(&self) -> LagQuestions {
        let mut questions = LagQuestions::default();
        let next = self.shard.ask(None, ALL, &self.heads, &mut questions);
        assert_eq!(next, None);
        questions
    }

    /// A round in which all leaders tell this end.
    fn round(&mut self, end: u64) -> Vec<GroupLag> {
        self.pass(ROUND);
        let mut heads = Heads::default();
        let name: Arc<str> = Arc::from("t");
        heads.add_topic(&name, TopicId(Uuid::from_u128(1)), 3, &self.heads);
        for index in 0..3 {
            let head = Head { at: self.now.uptime, start: 0, last_stable: end, end, epoch: 1 };
            heads.topic_mut("t").unwrap().tell(index, Told::Head(head));
        }
        self.heads = heads;
        self.observe(ALL)
    }

    fn observe(&mut self, visit: LagVisit) -> Vec<GroupLag> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let look = LagLook { now: self.now, heads: &self.heads, unread: &self.unread };
            after = self.shard.observe(after.as_ref(), visit, &look, &mut found);
            if after.is_none() {
                return found;
            }
        }
    }

    fn class(&self, group: &str, partition: i32) -> (Class, Why) {
        let look = LagLook { now: self.now, heads: &self.heads, unread: &self.unread };
        let rows = self.shard.group_lag(&GroupId::from(group), &look).unwrap();
        let row = rows.into_iter().find(|it| it.partition == of(partition)).unwrap();
        (row.verdict.class, row.verdict.why)
    }
}

fn of(partition: i32) -> TopicPartition {
    TopicPartition { topic: Arc::from("t"), partition }
}

#[test]
fn a_commit_is_watched_until_its_offset_goes() {
    let mut world = World::new();
    world.commit("g", 0, 5);
    world.commit("g", 1, 5);
    assert_eq!(world.shard.watch_count(), 2);
    let delete =
        DeleteOffsets { group: GroupId::from("g"), partitions: vec![of(0)], reply: ReplyTo(2) };
    world.step(Input::DeleteOffsets(delete));
    assert_eq!((world.shard.watch_count(), world.shard.offset_count()), (1, 1));
    world.step(Input::DeleteGroup { group: GroupId::from("g"), reply: ReplyTo(3) });
    assert_eq!((world.shard.watch_count(), world.shard.offset_count()), (0, 0));
}

#[test]
fn what_was_read_is_watched_no_more_after_ten_minutes() {
    let mut world = World::new();
    world.commit("g", 0, 5);
    world.round(5);
    assert_eq!(world.class("g", 0), (Class::Ok, Why::ReadAll));
    world.pass(Duration::from_mins(10));
    world.round(5);
    assert_eq!(world.shard.watch_count(), 0);
    assert_eq!(world.class("g", 0), (Class::Ok, Why::ReadAll), "and costs nothing");
    // There is something again: nobody calls that new.
    world.round(6);
    assert_eq!(world.shard.watch_count(), 1);
    assert_eq!(world.class("g", 0), (Class::Ok, Why::KeepsUp));
}

#[test]
fn pairs_beyond_the_room_are_told_as_unwatched() {
    let mut world = World::new();
    world.shard.make_room(1);
    world.commit("g", 0, 5);
    world.commit("g", 1, 5);
    world.commit("g", 2, 9);
    let found = world.round(9);
    assert_eq!(world.shard.watch_count(), 1);
    assert_eq!(world.class("g", 1), (Class::Unknown, Why::Unwatched));
    assert_eq!(world.class("g", 2), (Class::Ok, Why::ReadAll), "no window is needed for that");
    assert_eq!((found[0].summary.unwatched_count, found[0].summary.lag), (1, 8));
    assert_eq!(found[0].summary.class, GroupClass::New);
    world.shard.make_room(10);
    world.round(9);
    assert_eq!(world.shard.watch_count(), 2);
}

#[test]
fn a_visit_takes_some_groups_at_a_time_and_misses_none() {
    let mut world = World::new();
    world.shard.make_room(0);
    for group in ["a", "b", "c", "d", "e"] {
        world.commit(group, 0, 5);
    }
    let names = |found: Vec<GroupLag>| -> Vec<String> {
        found.into_iter().map(|it| it.group.to_string()).collect()
    };
    assert_eq!(names(world.round(5)).len(), 5);
    let two = LagVisit { offsets_max: 2, ..ALL };
    assert_eq!(names(world.observe(two)), ["a", "b", "c", "d", "e"]);
    // Too many to look at all: each has its turn.
    let mut seen: Vec<String> = Vec::new();
    for turn in 0..3 {
        let found = names(world.observe(LagVisit { offsets_max: 2, stride: 3, turn }));
        assert!(found.len() < 5);
        seen.extend(found);
    }
    seen.sort();
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
}

#[test]
fn leaders_are_asked_once_for_an_offset_that_stays() {
    let mut world = World::new();
    world.commit("g", 0, 5);
    assert!(world.ask().unread.is_empty(), "no head is known");
    world.round(9);
    let questions = world.ask();
    assert_eq!(questions.unread.iter().collect::<Vec<_>>(), [&(of(0), 5)]);
    let (found, at_ms) = (Some((7, Some(999_000))), world.now.wall_ms);
    world.unread.insert((of(0), 5), Unread { from: 5, found, until: 9, at_ms });
    world.round(9);
    world.unread.clear();
    assert!(world.ask().unread.is_empty(), "it is known");
    let found = world.round(12);
    assert!(found[0].summary.time_lag.is_some());
    assert!(found[0].summary.is_bound, "5 and 6 are a gap");
    world.commit("g", 0, 8);
    assert_eq!(world.ask().unread.iter().collect::<Vec<_>>(), [&(of(0), 8)]);
}

#[test]
fn an_offset_that_was_set_is_judged_anew() {
    let mut world = World::new();
    world.commit("g", 0, 9);
    world.round(9);
    world.pass(Duration::from_mins(10));
    world.round(9);
    assert_eq!(world.class("g", 0), (Class::Ok, Why::ReadAll));
    let key = record::encode_key(&Key::Offset(GroupId::from("g"), of(0)));
    let offset = CommittedOffset {
        offset: 2,
        leader_epoch: None,
        metadata: Arc::from(""),
        committed_at_ms: world.now.wall_ms,
        expires_at_ms: None,
    };
    world.shard.load(&key, Some(&record::encode_offset(&offset)), world.now).unwrap();
    world.round(9);
    assert_eq!(world.class("g", 0), (Class::New, Why::Reset));
}
