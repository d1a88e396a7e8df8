//! A group that an operator deletes, with a way back to its offsets.

use expect_test::expect;

use super::script::{TWO_STABLE, check, check_after, check_two};

/// Offsets of a group that never had members.
const COMMITTED: &str = "
    commit r1 - -1 t/0 5 t/1 7
    written w0
";

#[test]
fn a_deleted_group_leaves_what_brings_its_offsets_back() {
    check_after(
        COMMITTED,
        "drop r2 p dry
        drop r3 p
        settle r4
        written w1
        held
        load
        undos
        drop r5 q
        reset r6 back t/0=-:5 t/1=-:7
        written w2
        held",
        expect![[r#"
            drop r2 p dry
                r2 dropped with 2 offsets, undo -
            drop r3 p
                write w1: 4 records
            settle r4
            written w1
                r3 dropped with 2 offsets, undo p
                r4 settled
            held
            load
            undos
                g p live=false: t/0 Some(5) -> None, t/1 Some(7) -> None
            drop r5 q
                r5 refused: there is no such group
            reset r6 back t/0=-:5 t/1=-:7
                write w2: 3 records
            written w2
                r6 reset from [None, None] in generation 0, 0 put out
            held
                g Empty [] t/0=5 t/1=7
        "#]],
    );
}

#[test]
fn a_group_with_members_is_not_deleted() {
    check_two(
        "drop r5 p
         drop r6 p dry",
        expect![[r#"
            drop r5 p
                r5 refused: ["m1", "m2"] are in
            drop r6 p dry
                r6 refused: ["m1", "m2"] are in
        "#]],
    );
}

#[test]
fn commits_in_flight_go_with_their_group_and_come_back() {
    check(
        "commit r1 - -1 t/0 5
        drop r2 p
        delete r3
        commit r4 - -1 t/0 9
        written w0
        written w1
        written w2
        held
        undos
        load",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            drop r2 p
                write w1: 3 records
            delete r3
            commit r4 - -1 t/0 9
            written w0
                r1 offsets ["ok"]
            written w1
                r2 dropped with 1 offsets, undo p
                r3 deleted there is no such group
                write w2: 1 records
            written w2
                r4 offsets ["ok"]
            held
                g Empty [] t/0=9
            undos
                g p live=false: t/0 Some(5) -> None
            load
                g Empty [] t/0=9
        "#]],
    );
}

#[test]
fn a_refused_deletion_changes_nothing() {
    check_after(
        COMMITTED,
        "drop r2 p
        rebalance r3
        refused w1
        held
        undos
        load",
        expect![[r#"
            drop r2 p
                write w1: 4 records
            rebalance r3
            refused w1
                r2 refused: the group's records cannot be written now; try again
                r3 has nobody: was Empty in 0 with 0
            held
                g Empty [] t/0=5 t/1=7
            undos
            load
                g Empty [] t/0=5 t/1=7
        "#]],
    );
}

#[test]
fn a_thin_deletion_counts_and_says_so() {
    check_after(
        COMMITTED,
        "drop r2 p
        thin w1
        held
        undos",
        expect![[r#"
            drop r2 p
                write w1: 4 records
            thin w1
                r2 dropped with 2 offsets, undo p, thin
            held
            undos
                g p live=false: t/0 Some(5) -> None, t/1 Some(7) -> None
        "#]],
    );
}

#[test]
fn a_refused_deletion_still_owes_the_record_without_members() {
    check_after(
        TWO_STABLE,
        "remove r5 m1 m2
        refused w1
        drop r6 p
        refused w2
        at 7s
        tick
        drop r7 p
        written w3
        written w4
        load",
        expect![[r#"
            remove r5 m1 m2
                write w1: 1 records
                r5 put out ["m1", "m2"], unknown [], 0 left
            refused w1
            drop r6 p
                write w2: 1 records
            refused w2
                r6 refused: the group's records cannot be written now; try again
            at 7s
            tick
                write w3: 1 records
            drop r7 p
                write w4: 1 records
            written w3
            written w4
                r7 dropped with 0 offsets, undo -
            load
        "#]],
    );
}

#[test]
fn a_consumer_group_without_members_is_deleted_whole() {
    check_after(
        "image t:3
         cbeat r1 m1 join topics=t
         written w0
         commit r2 m1 1 t/0 5
         written w1
         cbeat r3 m1 leave
         written w2",
        "drop r4 p
        cbeat r5 m2 join topics=t
        load
        written w3
        written w4
        held
        undos
        load",
        expect![[r#"
            drop r4 p
                write w3: 4 records
            cbeat r5 m2 join topics=t
            load
            written w3
                r4 dropped with 1 offsets, undo p
                write w4: 5 records
            written w4
                r5 m2 at 1: [0, 1, 2]
            held
                g Stable ["m2"]
            undos
                g p live=false: t/0 Some(5) -> None
            load
                g Stable ["m2"]
        "#]],
    );
}
