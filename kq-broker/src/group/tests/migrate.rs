//! Groups that change their protocol while they live, and members of both protocols in one group.

use expect_test::expect;

use super::script::{TWO_STABLE, check, check_after};

/// Two classic members of a group of four partitions, which own two each.
const CLASSIC: &str = "
    image t:4
    join r1 new range
    join r2 new range
    at 3s
    tick
    at 6s
    tick
    sync r3 m1 1 m1=t:0,1 m2=t:2,3
    sync r4 m2 1
    written w0
";

/// A member of the consumer protocol joins them.
const UP: &str = "commit r5 m1 1 t/0 5
    written w1
    cbeat r6 m3 join topics=t
    appended w2
    written w2
";

#[test]
fn a_stable_group_goes_up_with_its_shares_and_offsets() {
    check_after(
        CLASSIC,
        &[UP, "held\n load"].concat(),
        expect![[r#"
            commit r5 m1 1 t/0 5
                write w1: 1 records
            written w1
                r5 offsets ["ok"]
            cbeat r6 m3 join topics=t
                write w2: 15 records
            appended w2
            written w2
                r6 m3 at 2: []
            held
                g Reconciling ["m1", "m2", "m3"] t/0=5
            load
                g Reconciling ["m1", "m2", "m3"] t/0=5
        "#]],
    );
}

#[test]
fn classic_members_follow_their_group_up() {
    check_after(
        &[CLASSIC, UP].concat(),
        "beat r7 m1 1
         join r8 m1 range
         appended w3
         written w3
         sync r9 m1 2
         beat r10 m1 2
         commit r11 m1 1 t/0 6
         commit r12 m1 2 t/0 6
         cbeat r13 m3 2
         join r14 m2 range
         appended w5
         written w5
         sync r15 m2 2
         cbeat r16 m3 2
         held
         load",
        expect![[r#"
            beat r7 m1 1
                r7 heartbeat the group is rebalancing; join again
            join r8 m1 range
                write w3: 1 records
            appended w3
            written w3
                r8 joined generation 2 as m1 by range led by  []
            sync r9 m1 2
                r9 synced {"t": [0, 1]}
            beat r10 m1 2
                r10 heartbeat ok
            commit r11 m1 1 t/0 6
                r11 offsets refused: generation 1 is not the current one; join again
            commit r12 m1 2 t/0 6
                write w4: 1 records
            cbeat r13 m3 2
            join r14 m2 range
                write w5: 1 records
            appended w5
            written w5
                r14 joined generation 2 as m2 by range led by  []
            sync r15 m2 2
                r15 synced {"t": [2]}
            cbeat r16 m3 2
                write w6: 1 records
            held
                g Reconciling ["m1", "m2", "m3"] t/0=5
            load
                g Stable ["m1", "m2", "m3"] t/0=6
        "#]],
    );
}

#[test]
fn a_group_goes_up_between_rebalances_only() {
    check_after(
        CLASSIC,
        "join r5 m1 range topic=u
         cbeat r6 m3 join topics=t
         join r7 m2 range
         cbeat r8 m3 join topics=t
         sync r9 m1 2 m1=t:0,1 m2=t:2,3
         cbeat r10 m3 join topics=t
         written w1
         cbeat r11 m3 join topics=t",
        expect![[r#"
            join r5 m1 range topic=u
            cbeat r6 m3 join topics=t
                r6 beat refused: the group's records cannot be written now; try again
            join r7 m2 range
                r5 joined generation 2 as m1 by range led by m1 ["m1", "m2"]
                r7 joined generation 2 as m2 by range led by m1 []
            cbeat r8 m3 join topics=t
                r8 beat refused: the group's records cannot be written now; try again
            sync r9 m1 2 m1=t:0,1 m2=t:2,3
                write w1: 1 records
            cbeat r10 m3 join topics=t
            written w1
                r9 synced {"t": [0, 1]}
                r10 beat refused: the group's records cannot be written now; try again
            cbeat r11 m3 join topics=t
                write w2: 15 records
        "#]],
    );
}

#[test]
fn what_is_no_share_of_topics_does_not_go_up() {
    check_after(
        TWO_STABLE,
        "cbeat r5 m3 join topics=t
         held",
        expect![[r#"
            cbeat r5 m3 join topics=t
                r5 beat refused: there is no such group
            held
                g Stable ["m1", "m2"]
        "#]],
    );
}

#[test]
fn a_group_goes_down_when_the_last_newer_member_leaves() {
    check_after(
        CLASSIC,
        "commit r5 m1 1 t/0 5
         written w1
         cbeat r6 m3 join topics=t
         appended w2
         written w2
         cbeat r7 m3 leave
         appended w3
         written w3
         held
         load
         beat r8 m1 1
         join r9 m1 range
         join r10 m2 range
         sync r11 m1 4 m1=t:0,1 m2=t:2,3
         written w4
         held
         load",
        expect![[r#"
            commit r5 m1 1 t/0 5
                write w1: 1 records
            written w1
                r5 offsets ["ok"]
            cbeat r6 m3 join topics=t
                write w2: 15 records
            appended w2
            written w2
                r6 m3 at 2: []
            cbeat r7 m3 leave
                write w3: 13 records
            appended w3
            written w3
                r7 m3 at -1: as before
            held
                g PreparingRebalance ["m1", "m2"] t/0=5
            load
                g PreparingRebalance ["m1", "m2"] t/0=5
            beat r8 m1 1
                r8 heartbeat generation 1 is not the current one; join again
            join r9 m1 range
            join r10 m2 range
                r9 joined generation 4 as m1 by range led by m1 ["m1", "m2"]
                r10 joined generation 4 as m2 by range led by m1 []
            sync r11 m1 4 m1=t:0,1 m2=t:2,3
                write w4: 1 records
            written w4
                r11 synced {"t": [0, 1]}
            held
                g Stable ["m1", "m2"] t/0=5
            load
                g Stable ["m1", "m2"] t/0=5
        "#]],
    );
}

/// A member of the consumer protocol has come, a classic one has left, and the other one is called.
const CALLED: &str = "
    cbeat r5 m3 join topics=t
    appended w1
    written w1
    leave r6 m2
    appended w2
    written w2
    beat r7 m1 1
    at 15s
    beat r8 m1 1
    at 24s
    beat r9 m1 1
    at 33s
    beat r10 m1 1
    cbeat r11 m3 2
    appended w3
    written w3
    at 42s
    beat r12 m1 1
    at 51s
    beat r13 m1 1
";

#[test]
fn a_classic_member_that_does_not_join_is_put_out() {
    check_after(
        &[CLASSIC, CALLED].concat(),
        "at 60s
         beat r14 m1 1
         tick
         at 66s
         tick
         appended w4
         held",
        expect![[r#"
            at 60s
            beat r14 m1 1
                r14 heartbeat the group is rebalancing; join again
            tick
            at 66s
            tick
                write w4: 4 records
            appended w4
            held
                g Assigning ["m3"]
        "#]],
    );
}

#[test]
fn a_classic_member_that_does_not_sync_is_put_out() {
    check_after(
        &[CLASSIC, CALLED].concat(),
        "join r15 m1 range
         appended w4
         written w4
         at 60s
         beat r16 m1 3
         cbeat r17 m3 2
         at 69s
         beat r18 m1 3
         at 78s
         beat r19 m1 3
         at 87s
         beat r20 m1 3
         at 96s
         beat r21 m1 3
         cbeat r22 m3 3
         at 105s
         beat r23 m1 3
         at 110s
         tick
         at 111s
         tick
         appended w5
         held",
        expect![[r#"
            join r15 m1 range
                write w4: 1 records
            appended w4
            written w4
                r15 joined generation 3 as m1 by range led by  []
            at 60s
            beat r16 m1 3
                r16 heartbeat ok
            cbeat r17 m3 2
                r17 beat refused: member epoch 2 is not the current one; give up all partitions and join again
            at 69s
            beat r18 m1 3
                r18 heartbeat ok
            at 78s
            beat r19 m1 3
                r19 heartbeat ok
            at 87s
            beat r20 m1 3
                r20 heartbeat ok
            at 96s
            beat r21 m1 3
                r21 heartbeat ok
            cbeat r22 m3 3
                r22 m3 at 3: as before
            at 105s
            beat r23 m1 3
                r23 heartbeat ok
            at 110s
            tick
            at 111s
            tick
                write w5: 4 records
            appended w5
            held
                g Assigning ["m3"]
        "#]],
    );
}

/// A member of the consumer protocol owns all, and a classic one joins.
const JOINED: &str = "
    image t:4
    cbeat r1 m1 join topics=t
    appended w0
    written w0
    join r3 m2 range
    appended w1
    written w1
    sync r4 m2 1
    at 1s
    join r5 m2 range
    appended w2
    written w2
    sync r6 m2 2
";

#[test]
fn classic_members_join_a_consumer_group() {
    check_after(
        JOINED,
        "beat r8 m2 2
         cbeat r9 m1 1
         appended w3
         written w3
         cbeat r10 m1 1 owned=
         appended w4
         written w4
         beat r11 m2 2
         join r12 m2 range
         appended w5
         written w5
         sync r13 m2 2
         held
         load",
        expect![[r#"
            beat r8 m2 2
                r8 heartbeat ok
            cbeat r9 m1 1
                write w3: 1 records
            appended w3
            written w3
                r9 m1 at 1: [0, 1]
            cbeat r10 m1 1 owned=
                write w4: 1 records
            appended w4
            written w4
                r10 m1 at 2: as before
            beat r11 m2 2
                r11 heartbeat the group is rebalancing; join again
            join r12 m2 range
                write w5: 1 records
            appended w5
            written w5
                r12 joined generation 2 as m2 by range led by  []
            sync r13 m2 2
                r13 synced {"t": [2, 3]}
            held
                g Stable ["m1", "m2"]
            load
                g Stable ["m1", "m2"]
        "#]],
    );
}

#[test]
fn classic_members_need_what_the_others_speak() {
    check_after(
        JOINED,
        "join r7 new sticky
         join r8 new range needs-id
         sync r9 m2 1
         leave r14 m2
         leave r15 m1
         appended w3
         written w3
         held
         load",
        expect![[r#"
            join r7 new sticky
                r7 join of - refused: no protocol in common with the group's members
            join r8 new range needs-id
                r8 join of m8 refused: join again with the member id that this answer carries
            sync r9 m2 1
                r9 sync refused: generation 1 is not the current one; join again
            leave r14 m2
                write w3: 4 records
            leave r15 m1
            appended w3
            written w3
                r14 left ["ok"]
                r15 left ["not a member of this group; join again without a member id"]
            held
                g Assigning ["m1"]
            load
                g Assigning ["m1"]
        "#]],
    );
}

#[test]
fn a_classic_process_takes_its_instance_over() {
    check(
        "image t:4
         cbeat r1 m1/i join topics=t
         appended w0
         written w0
         at 1s
         cbeat r2 m9 join topics=t
         appended w1
         written w1
         join r3 new range static=i
         appended w2
         written w2
         cbeat r4 m1/i 1
         sync r5 m3/i 2
         beat r6 m3/i 2
         cbeat r7 m9 2
         appended w3
         written w3
         join r8 new range static=i
         appended w4
         written w4
         beat r9 m3/i 2
         held
         load",
        expect![[r#"
            image t:4
            cbeat r1 m1/i join topics=t
                write w0: 5 records
            appended w0
            written w0
                r1 m1 at 1: [0, 1, 2, 3]
            at 1s
            cbeat r2 m9 join topics=t
                write w1: 6 records
            appended w1
            written w1
                r2 m9 at 2: []
            join r3 new range static=i
                write w2: 8 records
            appended w2
            written w2
                r3 joined generation 2 as m3 by range led by  []
            cbeat r4 m1/i 1
                r4 beat refused: another process has joined with the same group.instance.id
            sync r5 m3/i 2
                r5 synced {"t": [0, 1]}
            beat r6 m3/i 2
                r6 heartbeat ok
            cbeat r7 m9 2
                write w3: 1 records
            appended w3
            written w3
                r7 m9 at 2: [2, 3]
            join r8 new range static=i
                write w4: 7 records
            appended w4
            written w4
                r8 joined generation 2 as m8 by range led by  []
            beat r9 m3/i 2
                r9 heartbeat another process has joined with the same group.instance.id
            held
                g Stable ["m8", "m9"]
            load
                g Stable ["m8", "m9"]
        "#]],
    );
}
