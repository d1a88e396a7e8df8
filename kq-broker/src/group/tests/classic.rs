//! Members of the classic protocol: how they come, stay and go.

use expect_test::expect;

use super::script::{Script, TWO_STABLE, check, check_two};
use crate::group::GroupConfig;

#[test]
fn members_gather_then_the_leader_assigns() {
    check(
        TWO_STABLE,
        expect![[r#"
        join r1 new range
        join r2 new range
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
    "#]],
    );
}

#[test]
fn a_dynamic_member_comes_back_with_its_id() {
    check(
        "join r1 new range needs-id\n join r2 m1 range\n at 3s\n tick",
        expect![[r#"
        join r1 new range needs-id
            r1 join of m1 refused: join again with the member id that this answer carries
        join r2 m1 range
        at 3s
        tick
            r2 joined generation 1 as m1 by range led by m1 ["m1"]
    "#]],
    );
}

#[test]
fn an_assignment_that_cannot_be_written_is_not_handed_out() {
    check(
        "join r1 new range\n at 3s\n tick\n sync r2 m1 1 m1=A\n refused w0\n beat r3 m1 1",
        expect![[r#"
            join r1 new range
            at 3s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1"]
            sync r2 m1 1 m1=A
                write w0: 1 records
            refused w0
                r2 sync refused: the group's records cannot be written now; try again
            beat r3 m1 1
                r3 heartbeat the group is rebalancing; join again
        "#]],
    );
}

#[test]
fn a_newcomer_makes_the_others_join_again() {
    check_two(
        "
        at 7s
        join r5 new range
        beat r6 m1 1
        join r7 m1 range
        join r8 m2 range
        sync r9 m2 2
        commit r10 m2 1 t/0 5
        ",
        expect![[r#"
            at 7s
            join r5 new range
            beat r6 m1 1
                r6 heartbeat the group is rebalancing; join again
            join r7 m1 range
            join r8 m2 range
                r7 joined generation 2 as m1 by range led by m1 ["m1", "m2", "m5"]
                r8 joined generation 2 as m2 by range led by m1 []
                r5 joined generation 2 as m5 by range led by m1 []
            sync r9 m2 2
            commit r10 m2 1 t/0 5
                r10 offsets refused: generation 1 is not the current one; join again
        "#]],
    );
}

#[test]
fn a_silent_member_is_put_out_after_its_session() {
    check_two(
        "at 15s\n beat r5 m1 1\n at 16s\n tick\n beat r6 m1 1\n join r7 m1 range",
        expect![[r#"
            at 15s
            beat r5 m1 1
                r5 heartbeat ok
            at 16s
            tick
            beat r6 m1 1
                r6 heartbeat the group is rebalancing; join again
            join r7 m1 range
                r7 joined generation 2 as m1 by range led by m1 ["m1"]
        "#]],
    );
}

#[test]
fn a_leaving_member_is_replaced_by_the_rest() {
    check_two(
        "leave r5 m1\n leave r6 m1\n beat r7 m2 1\n join r8 m2 range",
        expect![[r#"
        leave r5 m1
            r5 left ["ok"]
        leave r6 m1
            r6 left ["not a member of this group; join again without a member id"]
        beat r7 m2 1
            r7 heartbeat the group is rebalancing; join again
        join r8 m2 range
            r8 joined generation 2 as m2 by range led by m2 ["m2"]
    "#]],
    );
}

#[test]
fn the_last_one_to_leave_empties_the_group() {
    check_two(
        "leave r5 m1\n leave r6 m2\n delete r7\n written w1\n written w2\n delete r8",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            delete r7
                write w2: 1 records
            written w1
            written w2
                r7 deleted ok
            delete r8
                r8 deleted there is no such group
        "#]],
    );
}

#[test]
fn a_stranger_to_the_protocol_is_refused() {
    check_two(
        "join r5 new sticky",
        expect![[r#"
        join r5 new sticky
            r5 join of - refused: no protocol in common with the group's members
    "#]],
    );
}

#[test]
fn a_group_larger_than_it_may_be_shrinks_to_those_who_join_first() {
    let mut world = Script::default();
    world.run(TWO_STABLE);
    let mut world = world.taken_over(GroupConfig { members_max: 1, ..GroupConfig::default() });
    expect![[r#"
        beat r5 m1 1
            r5 heartbeat the group is rebalancing; join again
        join r6 m2 range
        join r7 m1 range
            r7 join of m1 refused: the group has 1 members, the most that it may have
        at 66s
        tick
            r6 joined generation 2 as m2 by range led by m2 ["m2"]
        held
            g CompletingRebalance ["m2"]
    "#]]
    .assert_eq(&world.run(
        "beat r5 m1 1
         join r6 m2 range
         join r7 m1 range
         at 66s
         tick
         held",
    ));
}

#[test]
fn a_full_group_takes_its_own_members_back() {
    let mut world = Script::default();
    world.run(TWO_STABLE);
    let mut world = world.taken_over(GroupConfig { members_max: 2, ..GroupConfig::default() });
    expect![[r#"
        join r5 new range
            r5 join of - refused: the group has 2 members, the most that it may have
        join r6 m1 range
        join r7 new range
            r7 join of - refused: the group has 2 members, the most that it may have
        join r8 m2 range
            r6 joined generation 2 as m1 by range led by m1 ["m1", "m2"]
            r8 joined generation 2 as m2 by range led by m1 []
    "#]]
    .assert_eq(&world.run(
        "join r5 new range
         join r6 m1 range
         join r7 new range
         join r8 m2 range",
    ));
}
