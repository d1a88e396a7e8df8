//! Offsets: who may commit and delete them, and how long they stay.

use expect_test::expect;

use super::script::{check, check_two};

#[test]
fn offsets_are_acknowledged_when_written() {
    check_two(
        "commit r5 m1 1 t/0 5\n commit r6 - -1 t/0 9\n commit r7 m1 7 t/0 9\n written w1\n commit r8 m1 1 t/1 6\n refused w2",
        expect![[r#"
            commit r5 m1 1 t/0 5
                write w1: 1 records
            commit r6 - -1 t/0 9
                r6 offsets refused: not a member of this group; join again without a member id
            commit r7 m1 7 t/0 9
                r7 offsets refused: generation 7 is not the current one; join again
            written w1
                r5 offsets ["ok"]
            commit r8 m1 1 t/1 6
                write w2: 1 records
            refused w2
                r8 offsets ["the group's records cannot be written now; try again"]
        "#]],
    );
}

#[test]
fn an_outsider_commits_while_nobody_is_in() {
    check(
        "commit r1 - -1 t/0 5\n written w0\n forget r2 t/0\n written w1\n tick\n delete r3",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            forget r2 t/0
                write w1: 1 records
            written w1
                r2 offsets ["ok"]
            tick
            delete r3
                r3 deleted there is no such group
        "#]],
    );
}

#[test]
fn offsets_of_a_subscribed_topic_stay() {
    check_two(
        "forget r5 t/0\n forget r6 other/0",
        expect![[r#"
        forget r5 t/0
            r5 offsets ["the group is subscribed to the topic; its offsets cannot be deleted"]
        forget r6 other/0
            write w1: 1 records
    "#]],
    );
}

#[test]
fn a_loaded_shard_equals_the_one_that_wrote() {
    check_two(
        "commit r5 m1 1 t/0 5\n written w1\n held\n load",
        expect![[r#"
        commit r5 m1 1 t/0 5
            write w1: 1 records
        written w1
            r5 offsets ["ok"]
        held
            g Stable ["m1", "m2"] t/0=5
        load
            g Stable ["m1", "m2"] t/0=5
    "#]],
    );
}

#[test]
fn a_member_of_no_generation_commits_while_nobody_is_in() {
    check(
        "commit r1 m9 -1 t/0 5\n written w0\n held",
        expect![[r#"
        commit r1 m9 -1 t/0 5
            write w0: 1 records
        written w0
            r1 offsets ["ok"]
        held
            g Empty [] t/0=5
    "#]],
    );
}

#[test]
fn offsets_of_a_group_that_is_no_consumers_stay_while_it_lives() {
    check(
        "join r1 new range type=connect
         at 3s
         tick
         sync r2 m1 1 m1=A
         written w0
         forget r3 t/0
         leave r4 m1
         written w1
         forget r5 t/0",
        expect![[r#"
            join r1 new range type=connect
            at 3s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1"]
            sync r2 m1 1 m1=A
                write w0: 1 records
            written w0
                r2 synced A
            forget r3 t/0
                r3 offsets refused: the group still has members
            leave r4 m1
                write w1: 1 records
                r4 left ["ok"]
            written w1
            forget r5 t/0
                write w2: 1 records
        "#]],
    );
}
