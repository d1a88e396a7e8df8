//! The book step by step: what a request names and forgets, and which answers count.

use std::time::Duration;

use kq_storage::{LeaderEpoch, LogEndOffset, LogStartOffset, Offset};
use uuid::Uuid;

use super::book::{Asks, Book};
use crate::ids::{BrokerId, PartitionId, PartitionIndex, TopicId};
use crate::runtime::{FetchFrom, FetchToken, SyncRound};

const NOW: Duration = Duration::from_secs(9);

/// A partition that goes on at an offset; at 99 it has nothing to ask for.
struct At(u64);

impl Asks for At {
    fn next(&self, _: &SyncRound) -> Option<FetchFrom> {
        (self.0 != 99).then(|| from(self.0))
    }

    fn call_off(&self, _: FetchToken) {}

    fn is_to_be_asked(&self) -> bool {
        self.0 == 99
    }
}

struct Rig {
    book: Book<At>,
}

fn id(index: u32) -> PartitionId {
    PartitionId { topic: TopicId(Uuid::from_u128(1)), index: PartitionIndex(index) }
}

fn from(offset: u64) -> FetchFrom {
    FetchFrom {
        token: FetchToken(1),
        leader: BrokerId(1),
        leader_epoch: LeaderEpoch(0),
        offset: Offset(offset),
        last_epoch: None,
        log_start: LogStartOffset::default(),
        synced_end: LogEndOffset::default(),
    }
}

impl Rig {
    fn of(count: u32) -> Self {
        let mut rig = Self { book: Book::default() };
        rig.book.begin_session();
        (0..count).for_each(|index| rig.follow(index, 0));
        rig
    }

    fn follow(&mut self, index: u32, offset: u64) {
        self.book.follow(id(index), At(offset));
    }

    fn request(&mut self) -> (u64, String) {
        let changes = self.book.next_request(&SyncRound::new());
        let named = changes.named.iter().map(|(id, from)| format!("{}@{}", id.index, from.offset));
        let forgotten = changes.forgotten.iter().map(|id| format!("-{}", id.index));
        (changes.request, named.chain(forgotten).collect::<Vec<_>>().join(" "))
    }

    fn counts(&self, request: u64, index: u32) -> bool {
        self.book.answered(request, id(index)).is_some()
    }
}

#[test]
fn only_what_changed_is_named() {
    let mut rig = Rig::of(3);
    assert_eq!(rig.request().1, "0@0 1@0 2@0");
    assert_eq!(rig.request().1, "", "all of it stands");
    assert!(!rig.book.has_changes() && rig.book.stands());
    rig.follow(1, 7);
    rig.book.go_on(id(2));
    assert_eq!(rig.request().1, "1@7", "and 2 asks for what it asked for before");
    rig.book.leave(id(0));
    assert_eq!(rig.request().1, "-0");
}

#[test]
fn an_answer_to_an_earlier_question_does_not_count() {
    let mut rig = Rig::of(2);
    let (first, _) = rig.request();
    assert!(rig.counts(first, 0));
    rig.follow(0, 5);
    let (second, _) = rig.request();
    assert!(!rig.counts(first, 0), "it was named again");
    assert!(rig.counts(first, 1) && rig.counts(second, 1), "what stands is answered by both");
    assert!(rig.counts(second, 0));
    rig.book.leave(id(0));
    assert!(!rig.counts(second, 0));
}

#[test]
fn one_with_nothing_to_say_leaves_the_session() {
    let mut rig = Rig::of(1);
    rig.request();
    rig.follow(0, 99);
    assert_eq!(rig.request().1, "-0");
    assert!(!rig.book.stands());
    rig.follow(0, 3);
    assert_eq!(rig.request().1, "0@3");
}

#[test]
fn a_refused_partition_comes_back_after_a_moment() {
    let mut rig = Rig::of(2);
    rig.request();
    rig.book.pause(id(0), NOW, 1023);
    assert_eq!(rig.request().1, "-0");
    let until = rig.book.next_retry().unwrap();
    assert_eq!(until, NOW + Duration::from_millis(20));
    rig.book.end_pauses(NOW);
    assert!(!rig.book.has_changes());
    rig.book.end_pauses(until);
    assert_eq!(rig.request().1, "0@0");
    rig.book.pause(id(0), NOW, 1023);
    assert_eq!(rig.book.next_retry().unwrap(), NOW + Duration::from_millis(40), "it waits longer");
    rig.follow(0, 4);
    assert_eq!(rig.book.next_retry(), None, "the metadata said something new");
    assert_eq!(rig.request().1, "0@4");
}

#[test]
fn a_new_session_is_told_everything_but_what_is_paused() {
    let mut rig = Rig::of(3);
    let (before, _) = rig.request();
    rig.book.pause(id(1), NOW, 0);
    rig.book.leave(id(2));
    rig.book.begin_session();
    assert!(!rig.counts(before, 0));
    assert_eq!(rig.request().1, "0@0");
}

#[test]
fn one_that_left_and_came_back_is_named_and_not_forgotten() {
    let mut rig = Rig::of(1);
    rig.request();
    rig.book.leave(id(0));
    rig.follow(0, 2);
    assert_eq!(rig.request().1, "0@2");
}

#[test]
fn a_new_rate_frees_who_waited_for_the_old_one() {
    let mut rig = Rig::of(3);
    rig.request();
    rig.book.hold(id(0), NOW + Duration::from_hours(1));
    rig.book.pause(id(1), NOW, 0);
    assert_eq!(rig.request().1, "-0 -1");
    rig.book.end_holds();
    assert_eq!(rig.request().1, "0@0", "the refused one waits on");
    rig.book.end_holds();
    assert_eq!(rig.request().1, "");
}
