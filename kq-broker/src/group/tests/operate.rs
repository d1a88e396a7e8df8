//! An operator's hand on a group: it rebalances, or loses members.

use expect_test::expect;

use super::script::{TWO_STABLE, check, check_after, check_two};

const COMMITTED: &str = "
    commit r1 - -1 t/0 5 t/1 7
    written w0
";

/// Two members of a consumer group, each with its share; the second one is static.
const TWO_CONSUMERS: &str = "
    image t:4
    cbeat r1 m1 join topics=t
    written w0
    at 1s
    cbeat r2 m2/a join topics=t
    written w1
    cbeat r3 m1 1
    written w2
    cbeat r4 m1 1 owned=
    written w3
    cbeat r5 m2/a 2
    written w4
";

#[test]
fn members_of_a_classic_group_are_called_to_join_again() {
    check_two(
        "rebalance r5 dry
        beat r6 m1 1
        rebalance r7
        beat r8 m1 1
        join r9 m1 range
        join r10 m2 range
        sync r11 m2 2
        rebalance r12
        rebalance r13
        join r14 m1 range
        join r15 m2 range",
        expect![[r#"
            rebalance r5 dry
                r5 rebalances: was Stable in 1 with 2
            beat r6 m1 1
                r6 heartbeat ok
            rebalance r7
                r7 rebalances: was Stable in 1 with 2
            beat r8 m1 1
                r8 heartbeat the group is rebalancing; join again
            join r9 m1 range
            join r10 m2 range
                r9 joined generation 2 as m1 by range led by m1 ["m1", "m2"]
                r10 joined generation 2 as m2 by range led by m1 []
            sync r11 m2 2
            rebalance r12
                r11 sync refused: the group is rebalancing; join again
                r12 rebalances: was CompletingRebalance in 2 with 2
            rebalance r13
                r13 rebalances: was PreparingRebalance in 2 with 2
            join r14 m1 range
            join r15 m2 range
                r14 joined generation 3 as m1 by range led by m1 ["m1", "m2"]
                r15 joined generation 3 as m2 by range led by m1 []
        "#]],
    );
}

#[test]
fn a_group_without_members_has_nobody_to_rebalance() {
    check_after(
        COMMITTED,
        "rebalance r2
        rebalance r3 dry",
        expect![[r#"
            rebalance r2
                r2 has nobody: was Empty in 0 with 0
            rebalance r3 dry
                r3 has nobody: was Empty in 0 with 0
        "#]],
    );
    check(
        "rebalance r1",
        expect![[r#"
        rebalance r1
            r1 refused: there is no such group
    "#]],
    );
}

#[test]
fn a_consumer_group_is_dealt_anew_in_another_epoch() {
    check_after(
        TWO_CONSUMERS,
        "rebalance r6 dry
        at 9s
        rebalance r7
        appended w5
        held
        written w5
        cbeat r8 m1 2
        written w6
        cbeat r9 m2/a 2
        written w7
        held
        rebalance r10
        refused w8
        held
        load",
        expect![[r#"
            rebalance r6 dry
                r6 rebalances: was Stable in 2 with 2
            at 9s
            rebalance r7
                write w5: 2 records
            appended w5
            held
                g Reconciling ["m1", "m2"]
            written w5
                r7 rebalances: was Stable in 2 with 2
            cbeat r8 m1 2
                write w6: 1 records
            written w6
                r8 m1 at 3: as before
            cbeat r9 m2/a 2
                write w7: 1 records
            written w7
                r9 m2 at 3: as before
            held
                g Stable ["m1", "m2"]
            rebalance r10
                write w8: 1 records
            refused w8
                r10 refused: the group's records cannot be written now; try again
            held
                g Stable ["m1", "m2"]
            load
                g Stable ["m1", "m2"]
        "#]],
    );
}

#[test]
fn who_is_put_out_of_a_classic_group_is_unknown_and_the_rest_share_anew() {
    check_two(
        "remove r5 m1 m9 dry
        held
        remove r6 m1 m9
        beat r7 m1 1
        beat r8 m2 1
        join r9 m2 range",
        expect![[r#"
            remove r5 m1 m9 dry
                r5 put out ["m1"], unknown ["m9"], 0 left
            held
                g Stable ["m1", "m2"]
            remove r6 m1 m9
                r6 put out ["m1"], unknown ["m9"], 0 left
            beat r7 m1 1
                r7 heartbeat not a member of this group; join again without a member id
            beat r8 m2 1
                r8 heartbeat the group is rebalancing; join again
            join r9 m2 range
                r9 joined generation 2 as m2 by range led by m2 ["m2"]
        "#]],
    );
}

#[test]
fn who_waits_for_an_answer_hears_that_it_was_put_out() {
    check_two(
        "rebalance r5
        join r6 m1 range
        remove r7 m1
        join r8 m2 range",
        expect![[r#"
            rebalance r5
                r5 rebalances: was Stable in 1 with 2
            join r6 m1 range
            remove r7 m1
                r6 join of m1 refused: not a member of this group; join again without a member id
                r7 put out ["m1"], unknown [], 0 left
            join r8 m2 range
                r8 joined generation 2 as m2 by range led by m2 ["m2"]
        "#]],
    );
}

#[test]
fn static_members_are_put_out_by_their_instances() {
    check_after(
        "join r1 new range static=a
        join r2 new range static=b
        at 3s
        tick
        at 6s
        tick
        sync r3 m1 1 m1=A m2=B
        sync r4 m2 1
        written w0",
        "remove r5 m2 /b /c
        beat r6 m2/b 1
        join r7 new range static=b
        join r8 m1 range static=a",
        expect![[r#"
            remove r5 m2 /b /c
                r5 put out ["m2/b"], unknown ["/c"], 0 left
            beat r6 m2/b 1
                r6 heartbeat not a member of this group; join again without a member id
            join r7 new range static=b
            join r8 m1 range static=a
                r8 joined generation 2 as m1 by range led by m1 ["m1", "m7"]
                r7 joined generation 2 as m7 by range led by m1 []
        "#]],
    );
}

#[test]
fn silent_members_are_put_out_by_half_their_session_or_a_bound() {
    check_two(
        "at 10s
        beat r5 m1 1
        at 11s
        remove r6 silent=6s dry
        remove r7 silent dry
        remove r8 silent=1s dry
        remove r9 silent=5s
        held",
        expect![[r#"
            at 10s
            beat r5 m1 1
                r5 heartbeat ok
            at 11s
            remove r6 silent=6s dry
                r6 put out [], unknown [], 0 left
            remove r7 silent dry
                r7 put out ["m2"], unknown [], 0 left
            remove r8 silent=1s dry
                r8 put out ["m1", "m2"], unknown [], 0 left
            remove r9 silent=5s
                r9 put out ["m2"], unknown [], 0 left
            held
                g PreparingRebalance ["m1"]
        "#]],
    );
}

#[test]
fn a_classic_group_may_lose_all_members_at_once() {
    check_two(
        "remove r5 m1 m2
        written w1
        held
        load",
        expect![[r#"
            remove r5 m1 m2
                write w1: 1 records
                r5 put out ["m1", "m2"], unknown [], 0 left
            written w1
            held
                g Empty []
            load
                g Empty []
        "#]],
    );
}

#[test]
fn members_of_a_consumer_group_go_in_one_batch() {
    check_after(
        TWO_CONSUMERS,
        "remove r6 m1 m9 /a dry
        remove r7 m1 m9
        appended w5
        cbeat r8 m1 2
        written w5
        held
        load
        at 9s
        cbeat r9 m2/a 2
        written w6
        remove r10 /a
        written w7
        held
        load",
        expect![[r#"
            remove r6 m1 m9 /a dry
                r6 put out ["m1", "m2/a"], unknown ["m9"], 0 left
            remove r7 m1 m9
                write w5: 4 records
            appended w5
            cbeat r8 m1 2
            written w5
                r7 put out ["m1"], unknown ["m9"], 0 left
                r8 beat refused: not a member of this group; join again without a member id
            held
                g Assigning ["m2"]
            load
                g Assigning ["m2"]
            at 9s
            cbeat r9 m2/a 2
                write w6: 3 records
            written w6
                r9 m2 at 3: [0, 1, 2, 3]
            remove r10 /a
                write w7: 4 records
            written w7
                r10 put out ["m2/a"], unknown [], 0 left
            held
                g Empty []
            load
                g Empty []
        "#]],
    );
}

#[test]
fn what_too_few_replicas_hold_is_done_with_a_warning() {
    check_after(
        TWO_CONSUMERS,
        "at 9s
        rebalance r6
        appended w5
        rebalance r7 dry
        thin w5
        remove r8 m1
        thin w6
        held
        load",
        expect![[r#"
            at 9s
            rebalance r6
                write w5: 2 records
            appended w5
            rebalance r7 dry
                r7 rebalances: was Reconciling in 3 with 2
            thin w5
                r6 rebalances: was Stable in 2 with 2, thin
            remove r8 m1
                write w6: 4 records
            thin w6
                r8 put out ["m1"], unknown [], 0 left, thin
            held
                g Assigning ["m2"]
            load
                g Assigning ["m2"]
        "#]],
    );
}

#[test]
fn operators_see_where_members_stand() {
    check(
        "image t:4 u:1
        cbeat r1 m1 join pattern=t.* rack=a
        written w0
        at 1s
        cbeat r2 m2/a join topics=t,u
        written w1
        cbeat r3 m1 1
        members
        written w2
        members
        cbeat r4 m1 1 owned=
        written w3
        cbeat r5 m2/a 2
        written w4
        cbeat r6 m2/a away
        written w5
        members",
        expect![[r#"
            image t:4 u:1
            cbeat r1 m1 join pattern=t.* rack=a
                write w0: 6 records
            written w0
                r1 m1 at 1: [0, 1, 2, 3]
            at 1s
            cbeat r2 m2/a join topics=t,u
                write w1: 6 records
            written w1
                r2 m2 at 2: [0]
            cbeat r3 m1 1
                write w2: 1 records
            members
                m1 at 1: has t[0, 1, 2, 3], gives up -; pattern t.*, rack a
                m2 at 2: has u[0], gives up -; pattern -, rack -
            written w2
                r3 m1 at 1: [0, 1, 2]
            members
                m1 at 1: has t[0, 1, 2], gives up t[3]; pattern t.*, rack a
                m2 at 2: has u[0], gives up -; pattern -, rack -
            cbeat r4 m1 1 owned=
                write w3: 1 records
            written w3
                r4 m1 at 2: as before
            cbeat r5 m2/a 2
                write w4: 1 records
            written w4
                r5 m2 at 2: [3, 0]
            cbeat r6 m2/a away
                write w5: 1 records
            written w5
                r6 m2 at -2: as before
            members
                m1 at 2: has t[0, 1, 2], gives up -; pattern t.*, rack a
                m2 at -2: has t[3] u[0], gives up -; pattern -, rack -
        "#]],
    );
    check_two(
        "members",
        expect![[r#"
        members
            m1 at -: has -, gives up -; pattern -, rack -
            m2 at -: has -, gives up -; pattern -, rack -
    "#]],
    );
}

#[test]
fn silence_of_a_consumer_group_counts_by_its_session() {
    check_after(
        TWO_CONSUMERS,
        "at 20s
        cbeat r6 m1 2
        at 25s
        remove r7 silent dry
        remove r8 silent=4s dry
        remove r9 silent
        refused w5
        held",
        expect![[r#"
            at 20s
            cbeat r6 m1 2
                r6 m1 at 2: as before
            at 25s
            remove r7 silent dry
                r7 put out ["m2/a"], unknown [], 0 left
            remove r8 silent=4s dry
                r8 put out ["m1", "m2/a"], unknown [], 0 left
            remove r9 silent
                write w5: 4 records
            refused w5
                r9 refused: the group's records cannot be written now; try again
            held
                g Stable ["m1", "m2"]
        "#]],
    );
}

#[test]
fn an_operator_is_heard_when_the_fence_is_lifted() {
    check_after(
        TWO_STABLE,
        "reset r5 p t/0=-:10 live
        remove r6 m1
        rebalance r7
        drop r8 q
        written w1",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            remove r6 m1
            rebalance r7
            drop r8 q
            written w1
                r5 reset from [None] in generation 1, 2 put out
                r6 put out [], unknown ["m1"], 0 left
                r7 rebalances: was PreparingRebalance in 1 with 0
                r8 refused: [] are in
        "#]],
    );
}
