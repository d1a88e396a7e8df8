//! Consumer groups in their shard: writes on their way, other kinds under the same id, loads.

use expect_test::expect;

use super::script::{TWO_STABLE, check, check_after};

/// One member at epoch 1 with all of three partitions, committed.
const ONE: &str = "
    image t:3
    cbeat r1 m1 join topics=t
    appended w0
    written w0
";

#[test]
fn nobody_is_answered_before_the_write_is_committed() {
    check(
        "image t:3
         cbeat r1 m1 join topics=t
         appended w0
         cbeat r2 m1 1
         cbeat r3 m2 5
         written w0
         cbeat r4 m1 1
         held
         load",
        expect![[r#"
            image t:3
            cbeat r1 m1 join topics=t
                write w0: 5 records
            appended w0
            cbeat r2 m1 1
            cbeat r3 m2 5
            written w0
                r1 m1 at 1: [0, 1, 2]
                r2 m1 at 1: as before
                r3 beat refused: not a member of this group; join again without a member id
            cbeat r4 m1 1
                r4 m1 at 1: as before
            held
                g Stable ["m1"]
            load
                g Stable ["m1"]
        "#]],
    );
}

#[test]
fn what_was_refused_never_was() {
    check(
        "image t:3
         cbeat r1 m1 join topics=t
         refused w0
         held
         cbeat r2 m1 join topics=t
         appended w1
         thin w1
         cbeat r3 m1 1
         load",
        expect![[r#"
            image t:3
            cbeat r1 m1 join topics=t
                write w0: 5 records
            refused w0
                r1 beat refused: the group's records cannot be written now; try again
            held
            cbeat r2 m1 join topics=t
                write w1: 5 records
            appended w1
            thin w1
                r2 beat refused: the group's records cannot be written now; try again
            cbeat r3 m1 1
                r3 m1 at 1: as before
            load
                g Stable ["m1"]
        "#]],
    );
}

#[test]
fn a_time_out_that_cannot_be_written_is_tried_again() {
    check_after(
        ONE,
        "at 45s
         tick
         refused w1
         tick
         at 46s
         tick
         appended w2
         tick
         unknown w2",
        expect![[r#"
            at 45s
            tick
                write w1: 4 records
            refused w1
            tick
            at 46s
            tick
                write w2: 4 records
            appended w2
            tick
            unknown w2
                reload
        "#]],
    );
}

#[test]
fn commits_are_fenced_by_the_epoch() {
    check_after(
        ONE,
        "commit r2 m1 0 t/0 5
         commit r3 - -1 t/0 5
         commit r4 m2 1 t/0 5
         commit r5 m1 1 t/0 5
         written w1
         load",
        expect![[r#"
            commit r2 m1 0 t/0 5
                r2 offsets refused: member epoch 0 is not the current one; try again with the one of the next heartbeat
            commit r3 - -1 t/0 5
                r3 offsets refused: not a member of this group; join again without a member id
            commit r4 m2 1 t/0 5
                r4 offsets refused: not a member of this group; join again without a member id
            commit r5 m1 1 t/0 5
                write w1: 1 records
            written w1
                r5 offsets ["ok"]
            load
                g Stable ["m1"] t/0=5
        "#]],
    );
}

#[test]
fn a_consumer_group_takes_an_empty_classic_groups_place() {
    check_after(
        TWO_STABLE,
        "image t:3
         commit r5 m1 1 t/0 5
         written w1
         cbeat r6 m3 join topics=t
         leave r7 m1
         leave r8 m2
         at 70s
         tick
         written w2
         held
         cbeat r9 m3 join topics=t
         appended w3
         written w3
         beat r10 m1 1
         sync r11 m1 1
         join r12 new range
         held
         load",
        expect![[r#"
            image t:3
            commit r5 m1 1 t/0 5
                write w1: 1 records
            written w1
                r5 offsets ["ok"]
            cbeat r6 m3 join topics=t
                r6 beat refused: there is no such group
            leave r7 m1
                r7 left ["ok"]
            leave r8 m2
                write w2: 1 records
                r8 left ["ok"]
            at 70s
            tick
            written w2
            held
                g Empty [] t/0=5
            cbeat r9 m3 join topics=t
                write w3: 6 records
            appended w3
            written w3
                r9 m3 at 1: [0, 1, 2]
            beat r10 m1 1
                r10 heartbeat not a member of this group; join again without a member id
            sync r11 m1 1
                r11 sync refused: not a member of this group; join again without a member id
            join r12 new range
                write w4: 3 records
            held
                g Stable ["m3"] t/0=5
            load
                g Assigning ["m12", "m3"] t/0=5
        "#]],
    );
}

#[test]
fn a_classic_group_takes_an_empty_consumer_groups_place() {
    check_after(
        ONE,
        "commit r2 m1 1 t/0 5
         written w1
         join r3 new range
         cbeat r4 m1 leave
         appended w2
         written w2
         held
         join r5 new range
         refused w3
         join r6 new range
         appended w4
         at 10s
         tick
         at 20s
         tick
         held
         load",
        expect![[r#"
            commit r2 m1 1 t/0 5
                write w1: 1 records
            written w1
                r2 offsets ["ok"]
            join r3 new range
                write w2: 3 records
            cbeat r4 m1 leave
                write w3: 4 records
            appended w2
            written w2
                r3 joined generation 1 as m3 by range led by  []
            held
                g Assigning ["m1", "m3"] t/0=5
            join r5 new range
                write w4: 3 records
            refused w3
                r4 beat refused: the group's records cannot be written now; try again
            join r6 new range
                write w5: 3 records
            appended w4
            at 10s
            tick
                write w6: 7 records
            at 20s
            tick
                write w7: 7 records
            held
                g Assigning ["m1", "m3", "m5"] t/0=5
            load
                g Assigning ["m1", "m6"] t/0=5
        "#]],
    );
}

#[test]
fn a_deleted_consumer_group_leaves_nothing() {
    check_after(
        ONE,
        "commit r2 m1 1 t/0 5
         written w1
         delete r3
         forget r4 t/0
         cbeat r5 m1 leave
         appended w2
         written w2
         delete r6
         appended w3
         cbeat r7 m2 join topics=t
         written w3
         appended w4
         written w4
         held
         load",
        expect![[r#"
            commit r2 m1 1 t/0 5
                write w1: 1 records
            written w1
                r2 offsets ["ok"]
            delete r3
                r3 deleted the group still has members
            forget r4 t/0
                r4 offsets ["the group is subscribed to the topic; its offsets cannot be deleted"]
            cbeat r5 m1 leave
                write w2: 4 records
            appended w2
            written w2
                r5 m1 at -1: as before
            delete r6
                write w3: 3 records
            appended w3
            cbeat r7 m2 join topics=t
            written w3
                r6 deleted ok
                write w4: 5 records
            appended w4
            written w4
                r7 m2 at 1: [0, 1, 2]
            held
                g Stable ["m2"]
            load
                g Stable ["m2"]
        "#]],
    );
}

#[test]
fn offsets_of_an_empty_consumer_group_expire() {
    check_after(
        ONE,
        "commit r2 m1 1 t/0 5
         written w1
         at 40s
         cbeat r3 m1 leave
         appended w2
         written w2
         at 604839s
         tick
         at 604840s
         tick
         held",
        expect![[r#"
            commit r2 m1 1 t/0 5
                write w1: 1 records
            written w1
                r2 offsets ["ok"]
            at 40s
            cbeat r3 m1 leave
                write w2: 4 records
            appended w2
            written w2
                r3 m1 at -1: as before
            at 604839s
            tick
            at 604840s
            tick
            held
                g Empty [] t/0=5
        "#]],
    );
}
