//! Every edge of one member's way.

use expect_test::{Expect, expect};
use uuid::Uuid;

use super::*;
use crate::ids::{PartitionIndex, TopicId};

/// Partitions of one topic.
fn set(words: &str) -> PartitionSet {
    let partition = |it: &str| PartitionId {
        topic: TopicId(Uuid::from_u128(1)),
        index: PartitionIndex(it.parse().unwrap()),
    };
    words.split(',').filter(|it| !it.is_empty()).map(partition).collect()
}

fn show(set: &PartitionSet) -> String {
    let words: Vec<String> = set.iter().map(|it| it.index.to_string()).collect();
    words.join(",")
}

struct Case<'a> {
    state: MemberState,
    /// Epoch, and the one before.
    at: (i32, i32),
    assigned: &'a str,
    revoking: &'a str,
    /// Of the target, and the share.
    goal: (i32, &'a str),
    owned: Option<&'a str>,
    taken: &'a str,
}

const STABLE: Case<'_> = Case {
    state: MemberState::Stable,
    at: (3, 2),
    assigned: "",
    revoking: "",
    goal: (4, ""),
    owned: None,
    taken: "",
};

#[track_caller]
fn check(case: Case<'_>, want: Expect) {
    let member = Current {
        epoch: Epoch(case.at.0),
        previous_epoch: Epoch(case.at.1),
        state: case.state,
        assigned: set(case.assigned),
        revoking: set(case.revoking),
    };
    let (share, taken) = (set(case.goal.1), set(case.taken));
    let goal = Goal { epoch: Epoch(case.goal.0), share: &share };
    let next = reconcile(&member, goal, case.owned.map(set).as_ref(), |it| !taken.contains(it));
    let got = next.map_or("stays".to_owned(), |it| {
        let (assigned, revoking) = (show(&it.assigned), show(&it.revoking));
        let (epoch, before) = (it.epoch.0, it.previous_epoch.0);
        format!("{:?} at {epoch} after {before}: has {assigned} revokes {revoking}", it.state)
    });
    want.assert_eq(&got);
}

#[test]
fn a_stable_member_moves_with_the_target_only() {
    let at_target = Case { goal: (3, "1"), ..STABLE };
    check(at_target, expect!["stays"]);
    check(Case { goal: (4, "1,2"), ..STABLE }, expect!["Stable at 4 after 3: has 1,2 revokes "]);
    let same = Case { assigned: "1", goal: (4, "1"), ..STABLE };
    check(same, expect!["Stable at 4 after 3: has 1 revokes "]);
}

#[test]
fn what_others_hold_is_waited_for() {
    let case = Case { goal: (4, "1,2"), taken: "2", ..STABLE };
    check(case, expect!["UnreleasedPartitions at 4 after 3: has 1 revokes "]);
    let waiting = Case {
        state: MemberState::UnreleasedPartitions,
        at: (4, 3),
        assigned: "1",
        goal: (4, "1,2"),
        ..STABLE
    };
    check(Case { taken: "2", ..waiting }, expect!["stays"]);
    check(waiting, expect!["Stable at 4 after 3: has 1,2 revokes "]);
}

#[test]
fn what_is_owned_or_not_told_must_be_given_back() {
    let case = Case { assigned: "1,2", goal: (4, "2,3"), ..STABLE };
    let must = "UnrevokedPartitions at 3 after 2: has 2 revokes 1";
    assert!(must.contains("at 3"), "it stays at its epoch");
    check(case, expect!["UnrevokedPartitions at 3 after 2: has 2 revokes 1"]);
    let told = Case { assigned: "1,2", goal: (4, "2,3"), owned: Some("1,2"), ..STABLE };
    check(told, expect!["UnrevokedPartitions at 3 after 2: has 2 revokes 1"]);
    let not_owned = Case { assigned: "1,2", goal: (4, "2,3"), owned: Some("2"), ..STABLE };
    check(not_owned, expect!["Stable at 4 after 3: has 2,3 revokes "]);
}

const REVOKING: Case<'_> = Case {
    state: MemberState::UnrevokedPartitions,
    at: (3, 2),
    assigned: "2",
    revoking: "1",
    goal: (5, "2,3"),
    owned: None,
    taken: "",
};

#[test]
fn only_a_told_release_counts() {
    check(REVOKING, expect!["stays"]);
    check(Case { owned: Some("1,2"), ..REVOKING }, expect!["stays"]);
    let released = Case { owned: Some("2"), ..REVOKING };
    check(released, expect!["Stable at 5 after 3: has 2,3 revokes "]);
}

#[test]
fn a_newer_target_asks_for_more_after_a_release() {
    let more = Case { owned: Some("2"), goal: (5, "3"), ..REVOKING };
    check(more, expect!["UnrevokedPartitions at 4 after 3: has  revokes 2"]);
    let back = Case { owned: Some("2"), goal: (5, "1,2"), ..REVOKING };
    check(back, expect!["Stable at 5 after 3: has 1,2 revokes "]);
}
