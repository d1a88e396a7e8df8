//! What lapses when, and what stays.

use std::time::Duration;

use expect_test::expect;

use super::script::{TWO_STABLE, check, check_after, check_two};
use crate::group::{
    Caller, CommitOffsets, EXPIRY_CALLS, GroupConfig, GroupId, Input, MemberId, Now,
    OffsetToCommit, Outcome, ReplyTo, Shard, TopicPartition, WriteId,
};

#[test]
fn offsets_of_a_group_without_members_lapse_a_week_after_their_commit() {
    check(
        "commit r1 - -1 t/0 5
         written w0
         at 604799s
         expire
         at 604800s
         expire
         written w1
         delete r2",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            at 604799s
            expire
            at 604800s
            expire
                write w1: 1 records
            written w1
            delete r2
                r2 deleted there is no such group
        "#]],
    );
}

#[test]
fn a_deserted_group_goes_with_its_last_offset() {
    check_two(
        "commit r5 m1 1 t/0 5
         written w1
         leave r6 m1
         leave r7 m2
         written w2
         at 604805s
         expire
         at 604806s
         expire
         written w3
         held
         load",
        expect![[r#"
            commit r5 m1 1 t/0 5
                write w1: 1 records
            written w1
                r5 offsets ["ok"]
            leave r6 m1
                r6 left ["ok"]
            leave r7 m2
                write w2: 1 records
                r7 left ["ok"]
            written w2
            at 604805s
            expire
            at 604806s
            expire
                write w3: 2 records
            written w3
            held
            load
        "#]],
    );
}

#[test]
fn who_comes_while_a_group_lapses_founds_another() {
    check_two(
        "leave r5 m1
         leave r6 m2
         written w1
         expire
         join r7 new range
         expire
         written w2
         held
         at 9s
         tick",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            written w1
            expire
                write w2: 1 records
            join r7 new range
            expire
            written w2
            held
                g PreparingRebalance ["m7"]
            at 9s
            tick
                r7 joined generation 1 as m7 by range led by m7 ["m7"]
        "#]],
    );
}

#[test]
fn a_group_whose_expiry_is_refused_goes_at_the_next_check() {
    check(
        "commit r1 - -1 t/0 5
         written w0
         at 604800s
         expire
         refused w1
         held
         at 604802s
         tick
         expire
         written w2
         held",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            at 604800s
            expire
                write w1: 1 records
            refused w1
            held
                g Empty [] t/0=5
            at 604802s
            tick
            expire
                write w2: 1 records
            written w2
            held
        "#]],
    );
}

#[test]
fn a_deserted_group_that_committed_nothing_goes_at_the_next_check() {
    check_two(
        "leave r5 m1\n leave r6 m2\n written w1\n expire\n written w2\n held",
        expect![[r#"
        leave r5 m1
            r5 left ["ok"]
        leave r6 m2
            write w1: 1 records
            r6 left ["ok"]
        written w1
        expire
            write w2: 1 records
        written w2
        held
    "#]],
    );
}

#[test]
fn a_group_that_waits_for_an_id_stays_without_offsets() {
    check_after(
        TWO_STABLE,
        "leave r5 m1\n leave r6 m2\n written w1\n join r7 new range needs-id\n expire\n held",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            written w1
            join r7 new range needs-id
                r7 join of m7 refused: join again with the member id that this answer carries
            expire
            held
                g Empty []
        "#]],
    );
}

#[test]
fn a_stable_group_forgets_topics_that_nobody_names() {
    check_two(
        "commit r5 m1 1 t/0 5 u/0 6
         written w1
         at 604806s
         beat r6 m1 1
         beat r7 m2 1
         expire
         written w2
         held",
        expect![[r#"
            commit r5 m1 1 t/0 5 u/0 6
                write w1: 2 records
            written w1
                r5 offsets ["ok", "ok"]
            at 604806s
            beat r6 m1 1
                r6 heartbeat ok
            beat r7 m2 1
                r7 heartbeat ok
            expire
                write w2: 1 records
            written w2
            held
                g Stable ["m1", "m2"] t/0=5
        "#]],
    );
}

#[test]
fn a_rebalancing_group_forgets_nothing() {
    check_two(
        "commit r5 m1 1 u/0 6
         written w1
         at 604806s
         beat r6 m1 1
         beat r7 m2 1
         join r8 new range
         expire",
        expect![[r#"
            commit r5 m1 1 u/0 6
                write w1: 1 records
            written w1
                r5 offsets ["ok"]
            at 604806s
            beat r6 m1 1
                r6 heartbeat ok
            beat r7 m2 1
                r7 heartbeat ok
            join r8 new range
            expire
        "#]],
    );
}

#[test]
fn a_client_that_says_how_long_has_its_way() {
    check(
        "commit r1 - -1 keep=60s t/0 5
         commit r2 - -1 keep=9999999s t/1 6
         written w0
         written w1
         at 60s
         expire
         written w2
         at 1209600s
         expire
         held
         load",
        expect![[r#"
            commit r1 - -1 keep=60s t/0 5
                write w0: 1 records
            commit r2 - -1 keep=9999999s t/1 6
                write w1: 1 records
            written w0
                r1 offsets ["ok"]
            written w1
                r2 offsets ["ok"]
            at 60s
            expire
                write w2: 1 records
            written w2
            at 1209600s
            expire
            held
                g Empty [] t/1=6
            load
                g Empty [] t/1=6
        "#]],
    );
}

#[test]
fn a_wall_clock_that_leaps_ahead_lets_nothing_lapse() {
    check(
        "expire
         commit r1 - -1 t/0 5
         written w0
         at 100s
         wall 604900s
         expire
         held",
        expect![[r#"
            expire
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            at 100s
            wall 604900s
            expire
            held
                g Empty [] t/0=5
        "#]],
    );
}

#[test]
fn eight_calls_look_at_every_group_once() {
    let mut shard = Shard::new(GroupConfig::default());
    let mut out = Vec::new();
    for number in 0..20_u64 {
        let group = GroupId::from(format!("g{number}").as_str());
        let member = MemberId::from("");
        let caller = Caller { group, member, instance: None, generation: -1 };
        let partition = TopicPartition { topic: "t".into(), partition: 0 };
        let offset =
            OffsetToCommit { partition, offset: 1, leader_epoch: None, metadata: "".into() };
        let commit = CommitOffsets {
            caller,
            retention: None,
            offsets: vec![offset],
            reply: ReplyTo(number),
        };
        shard.step(Now::default(), Input::Commit(commit), &mut out);
        let written = Input::Written { write: WriteId(number), outcome: Outcome::Committed };
        shard.step(Now::default(), written, &mut out);
    }
    let later = Now { uptime: Duration::from_hours(200), wall_ms: 200 * 3_600_000 };
    let mut buried = Vec::new();
    for _ in 0..EXPIRY_CALLS {
        out.clear();
        shard.step(later, Input::ExpireOffsets, &mut out);
        buried.push(out.len());
    }
    assert_eq!(buried, [3, 3, 3, 3, 3, 3, 2, 0]);
}
