//! Static members (KIP-345): a new process takes the place of its former self.

use expect_test::expect;

use super::script::{check, check_after};

/// Two static members in generation 1, stable; m1 leads.
const STATICS: &str = "
    join r1 new range static=a
    join r2 new range static=b
    at 3s
    tick
    at 6s
    tick
    sync r3 m1 1 m1=A m2=B
    sync r4 m2 1
    written w0
";

#[test]
fn a_static_member_returns_without_a_rebalance() {
    check(
        "
        join r1 new range static=a
        join r2 new range static=b
        at 3s
        tick
        at 6s
        tick
        sync r3 m1 1 m1=A m2=B
        sync r4 m2 1
        written w0
        join r5 new range static=a
        sync r6 m5 1
        beat r7 m2 1
        beat r8 m1 1
        ",
        expect![[r#"
            join r1 new range static=a
            join r2 new range static=b
            at 3s
            tick
            at 6s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1", "m2"]
                r2 joined generation 1 as m2 by range led by m1 []
            sync r3 m1 1 m1=A m2=B
                write w0: 1 records
            sync r4 m2 1
            written w0
                r3 synced A
                r4 synced B
            join r5 new range static=a
                write w1: 1 records
            sync r6 m5 1
                r6 synced A
            beat r7 m2 1
                r7 heartbeat ok
            beat r8 m1 1
                r8 heartbeat not a member of this group; join again without a member id
        "#]],
    );
}

#[test]
fn a_replaced_static_member_is_answered_when_its_place_is_committed() {
    check_after(
        STATICS,
        "join r5 new range static=a\n appended w1\n written w1",
        expect![[r#"
        join r5 new range static=a
            write w1: 1 records
        appended w1
        written w1
            r5 joined generation 1 as m5 by range led by m5 ["m2", "m5"] skip
    "#]],
    );
}

#[test]
fn the_former_self_stands_again_when_its_replacement_is_refused() {
    check_after(
        STATICS,
        "join r5 new range static=a
         refused w1
         beat r6 m1/a 1
         sync r7 m1/a 1
         beat r8 m5/a 1
         join r9 new range static=a
         written w2
         load",
        expect![[r#"
            join r5 new range static=a
                write w1: 1 records
            refused w1
                r5 join of - refused: the group's records cannot be written now; try again
            beat r6 m1/a 1
                r6 heartbeat ok
            sync r7 m1/a 1
                r7 synced A
            beat r8 m5/a 1
                r8 heartbeat another process has joined with the same group.instance.id
            join r9 new range static=a
                write w2: 1 records
            written w2
                r9 joined generation 1 as m9 by range led by m9 ["m2", "m9"] skip
            load
                g Stable ["m2", "m9"]
        "#]],
    );
}

#[test]
fn a_thin_replacement_stands_and_joins_again() {
    check_after(
        STATICS,
        "join r5 new range static=a
         thin w1
         beat r6 m1/a 1
         join r7 new range static=a
         written w2
         load",
        expect![[r#"
            join r5 new range static=a
                write w1: 1 records
            thin w1
                r5 join of - refused: the group's records cannot be written now; try again
            beat r6 m1/a 1
                r6 heartbeat another process has joined with the same group.instance.id
            join r7 new range static=a
                write w2: 1 records
            written w2
                r7 joined generation 1 as m7 by range led by m7 ["m2", "m7"] skip
            load
                g Stable ["m2", "m7"]
        "#]],
    );
}

#[test]
fn a_rebalance_behind_a_replacement_calls_the_newcomer_too() {
    check_after(
        STATICS,
        "join r5 new range static=a
         join r6 new range
         written w1
         sync r7 m5/a 1
         join r8 m5 range static=a
         join r9 m2 range static=b",
        expect![[r#"
            join r5 new range static=a
                write w1: 1 records
            join r6 new range
            written w1
                r5 joined generation 1 as m5 by range led by m5 ["m2", "m5"] skip
            sync r7 m5/a 1
                r7 sync refused: the group is rebalancing; join again
            join r8 m5 range static=a
            join r9 m2 range static=b
                r9 joined generation 2 as m2 by range led by m5 []
                r8 joined generation 2 as m5 by range led by m5 ["m2", "m5", "m6"]
                r6 joined generation 2 as m6 by range led by m5 []
        "#]],
    );
}

#[test]
fn a_former_self_is_fenced_in_every_request() {
    check_after(
        STATICS,
        "join r5 new range static=a
         written w1
         join r6 m1 range static=a
         sync r7 m1/a 1
         beat r8 m1/a 1
         commit r9 m1/a 1 t/0 5
         leave r10 m1/a",
        expect![[r#"
            join r5 new range static=a
                write w1: 1 records
            written w1
                r5 joined generation 1 as m5 by range led by m5 ["m2", "m5"] skip
            join r6 m1 range static=a
                r6 join of m1 refused: another process has joined with the same group.instance.id
            sync r7 m1/a 1
                r7 sync refused: another process has joined with the same group.instance.id
            beat r8 m1/a 1
                r8 heartbeat another process has joined with the same group.instance.id
            commit r9 m1/a 1 t/0 5
                r9 offsets refused: another process has joined with the same group.instance.id
            leave r10 m1/a
                r10 left ["another process has joined with the same group.instance.id"]
        "#]],
    );
}

#[test]
fn a_static_leader_that_cannot_skip_is_told_that_its_former_self_leads() {
    check_after(
        STATICS,
        "join r5 new range static=a v8\n written w1\n sync r6 m5/a 1",
        expect![[r#"
        join r5 new range static=a v8
            write w1: 1 records
        written w1
            r5 joined generation 1 as m5 by range led by m1 []
        sync r6 m5/a 1
            r6 synced A
    "#]],
    );
}

#[test]
fn a_static_follower_returns_as_a_follower() {
    check_after(
        STATICS,
        "join r5 new range static=b\n written w1\n sync r6 m5/b 1",
        expect![[r#"
        join r5 new range static=b
            write w1: 1 records
        written w1
            r5 joined generation 1 as m5 by range led by m1 []
        sync r6 m5/b 1
            r6 synced B
    "#]],
    );
}

#[test]
fn a_static_member_that_returns_changed_calls_a_rebalance() {
    check_after(
        STATICS,
        "join r5 new range static=b topic=u
         beat r6 m1/a 1
         beat r7 m2/b 1
         join r8 m1 range static=a",
        expect![[r#"
            join r5 new range static=b topic=u
            beat r6 m1/a 1
                r6 heartbeat the group is rebalancing; join again
            beat r7 m2/b 1
                r7 heartbeat another process has joined with the same group.instance.id
            join r8 m1 range static=a
                r8 joined generation 2 as m1 by range led by m1 ["m1", "m5"]
                r5 joined generation 2 as m5 by range led by m1 []
        "#]],
    );
}

#[test]
fn a_static_member_replaced_while_members_join_takes_the_place_over() {
    check_after(
        STATICS,
        "join r5 new range
         join r6 m1 range static=a
         join r7 new range static=a
         join r8 m2 range static=b",
        expect![[r#"
            join r5 new range
            join r6 m1 range static=a
            join r7 new range static=a
                r6 join of m1 refused: another process has joined with the same group.instance.id
            join r8 m2 range static=b
                r8 joined generation 2 as m2 by range led by m7 []
                r5 joined generation 2 as m5 by range led by m7 []
                r7 joined generation 2 as m7 by range led by m7 ["m2", "m5", "m7"]
        "#]],
    );
}

#[test]
fn a_static_member_replaced_before_its_share_is_known_rebalances() {
    check(
        "
        join r1 new range static=a
        join r2 new range static=b
        at 3s
        tick
        at 6s
        tick
        sync r3 m2/b 1
        join r4 new range static=b
        beat r5 m1/a 1
        join r6 m1 range static=a
        sync r7 m1/a 2 m1=A m4=B
        sync r8 m4/b 2
        written w0
        ",
        expect![[r#"
            join r1 new range static=a
            join r2 new range static=b
            at 3s
            tick
            at 6s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1", "m2"]
                r2 joined generation 1 as m2 by range led by m1 []
            sync r3 m2/b 1
            join r4 new range static=b
                r3 sync refused: another process has joined with the same group.instance.id
            beat r5 m1/a 1
                r5 heartbeat the group is rebalancing; join again
            join r6 m1 range static=a
                r6 joined generation 2 as m1 by range led by m1 ["m1", "m4"]
                r4 joined generation 2 as m4 by range led by m1 []
            sync r7 m1/a 2 m1=A m4=B
                write w0: 1 records
            sync r8 m4/b 2
            written w0
                r7 synced A
                r8 synced B
        "#]],
    );
}

#[test]
fn a_static_member_replaced_while_shares_are_written_rebalances() {
    check(
        "
        join r1 new range static=a
        at 3s
        tick
        sync r2 m1/a 1 m1=A
        join r3 new range static=a
        written w0
        sync r4 m3/a 2 m3=A
        written w1
        load
        ",
        expect![[r#"
            join r1 new range static=a
            at 3s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1"]
            sync r2 m1/a 1 m1=A
                write w0: 1 records
            join r3 new range static=a
                r2 sync refused: another process has joined with the same group.instance.id
                r3 joined generation 2 as m3 by range led by m3 ["m3"]
            written w0
            sync r4 m3/a 2 m3=A
                write w1: 1 records
            written w1
                r4 synced A
            load
                g Stable ["m3"]
        "#]],
    );
}

#[test]
fn static_members_leave_by_their_instance() {
    check_after(
        STATICS,
        "leave r5 -/a\n leave r6 m1/b\n leave r7 m2/b\n leave r8 -/c\n leave r9 m2/b",
        expect![[r#"
            leave r5 -/a
                r5 left ["ok"]
            leave r6 m1/b
                r6 left ["another process has joined with the same group.instance.id"]
            leave r7 m2/b
                write w1: 1 records
                r7 left ["ok"]
            leave r8 -/c
                r8 left ["not a member of this group; join again without a member id"]
            leave r9 m2/b
                r9 left ["not a member of this group; join again without a member id"]
        "#]],
    );
}

#[test]
fn absent_static_members_keep_their_places_until_their_sessions_end() {
    check_after(
        STATICS,
        "at 7s
         join r5 new range
         leave r6 m5
         at 16s
         tick
         held",
        expect![[r#"
            at 7s
            join r5 new range
            leave r6 m5
                r5 join of m5 refused: not a member of this group; join again without a member id
                r6 left ["ok"]
            at 16s
            tick
                write w1: 1 records
            held
                g Empty []
        "#]],
    );
}
