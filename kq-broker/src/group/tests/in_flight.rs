//! Writes that are in the log and may yet be committed: what else happens meanwhile, and how they
//! end.

use expect_test::expect;

use super::script::{check, check_after, check_two};

#[test]
fn a_commit_in_flight_keeps_its_partition_from_expiring() {
    check(
        "commit r1 - -1 t/0 5 t/1 6
         written w0
         at 604800s
         commit r2 - -1 t/0 9
         appended w1
         expire
         written w1
         expire
         held",
        expect![[r#"
            commit r1 - -1 t/0 5 t/1 6
                write w0: 2 records
            written w0
                r1 offsets ["ok", "ok"]
            at 604800s
            commit r2 - -1 t/0 9
                write w1: 1 records
            appended w1
            expire
            written w1
                r2 offsets ["ok"]
            expire
                write w2: 1 records
            held
                g Empty [] t/0=9 t/1=6
        "#]],
    );
}

#[test]
fn a_deleted_group_takes_its_commits_in_flight_along() {
    check(
        "commit r1 - -1 t/0 5
         delete r2
         written w0
         written w1
         held
         load",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            delete r2
                write w1: 2 records
            written w0
                r1 offsets ["ok"]
            written w1
                r2 deleted ok
            held
            load
        "#]],
    );
}

#[test]
fn a_commit_waits_for_the_deletion_of_its_group_and_stands() {
    check(
        "commit r1 - -1 t/0 5
         written w0
         delete r2
         commit r3 - -1 t/1 7
         written w1
         held
         written w2
         held
         load",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            delete r2
                write w1: 2 records
            commit r3 - -1 t/1 7
            written w1
                r2 deleted ok
                write w2: 1 records
            held
                g Empty []
            written w2
                r3 offsets ["ok"]
            held
                g Empty [] t/1=7
            load
                g Empty [] t/1=7
        "#]],
    );
}

#[test]
fn a_member_waits_for_the_deletion_of_its_group_and_founds_another() {
    check(
        "commit r1 - -1 t/0 5
         written w0
         delete r2
         delete r3
         join r4 new range
         at 3s
         tick
         held
         written w1
         held
         at 6s
         tick
         sync r5 m4 1 m4=A
         written w2
         held
         load",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            delete r2
                write w1: 2 records
            delete r3
            join r4 new range
            at 3s
            tick
            held
                g Empty [] t/0=5
            written w1
                r2 deleted ok
                r3 deleted there is no such group
            held
                g PreparingRebalance ["m4"]
            at 6s
            tick
                r4 joined generation 1 as m4 by range led by m4 ["m4"]
            sync r5 m4 1 m4=A
                write w2: 1 records
            written w2
                r5 synced A
            held
                g Stable ["m4"]
            load
                g Stable ["m4"]
        "#]],
    );
}

#[test]
fn a_thin_deletion_of_a_group_counts_and_is_not_acknowledged() {
    check(
        "commit r1 - -1 t/0 5\n written w0\n delete r2\n thin w1\n held\n load",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            delete r2
                write w1: 2 records
            thin w1
                r2 deleted the group's records cannot be written now; try again
            held
            load
        "#]],
    );
}

#[test]
fn a_thin_commit_counts_and_is_not_acknowledged() {
    check_two(
        "commit r5 m1 1 t/0 5\n appended w1\n thin w1\n held\n load",
        expect![[r#"
        commit r5 m1 1 t/0 5
            write w1: 1 records
        appended w1
        thin w1
            r5 offsets ["the group's records cannot be written now; try again"]
        held
            g Stable ["m1", "m2"] t/0=5
        load
            g Stable ["m1", "m2"] t/0=5
    "#]],
    );
}

#[test]
fn a_thin_assignment_stands_and_members_ask_again() {
    check(
        "join r1 new range
         at 3s
         tick
         sync r2 m1 1 m1=A
         thin w0
         sync r3 m1 1
         held
         load",
        expect![[r#"
            join r1 new range
            at 3s
            tick
                r1 joined generation 1 as m1 by range led by m1 ["m1"]
            sync r2 m1 1 m1=A
                write w0: 1 records
            thin w0
                r2 sync refused: the group's records cannot be written now; try again
            sync r3 m1 1
                r3 synced A
            held
                g Stable ["m1"]
            load
                g Stable ["m1"]
        "#]],
    );
}

#[test]
fn a_refused_commit_leaves_no_trace() {
    check(
        "commit r1 - -1 t/0 5\n refused w0\n held",
        expect![[r#"
        commit r1 - -1 t/0 5
            write w0: 1 records
        refused w0
            r1 offsets ["the group's records cannot be written now; try again"]
        held
    "#]],
    );
}

#[test]
fn an_unknown_end_of_a_write_loads_the_shard_anew() {
    check_two(
        "commit r5 m1 1 t/0 5\n appended w1\n unknown w1\n load",
        expect![[r#"
        commit r5 m1 1 t/0 5
            write w1: 1 records
        appended w1
        unknown w1
            reload
        load
            g Stable ["m1", "m2"] t/0=5
    "#]],
    );
}

#[test]
fn a_refused_farewell_is_written_again() {
    check_two(
        "leave r5 m1
         leave r6 m2
         refused w1
         load
         at 7s
         tick
         written w2
         load",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            refused w1
            load
                g Stable ["m1", "m2"]
            at 7s
            tick
                write w2: 1 records
            written w2
            load
                g Empty []
        "#]],
    );
}

#[test]
fn a_deleted_group_owes_no_farewell() {
    check_after(
        super::script::TWO_STABLE,
        "leave r5 m1
         leave r6 m2
         refused w1
         delete r7
         at 7s
         tick
         written w2
         held
         load",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            refused w1
            delete r7
                write w2: 1 records
            at 7s
            tick
            written w2
                r7 deleted ok
            held
            load
        "#]],
    );
}

#[test]
fn a_refused_deletion_still_owes_the_farewell() {
    check_after(
        super::script::TWO_STABLE,
        "leave r5 m1
         leave r6 m2
         refused w1
         delete r7
         refused w2
         held
         at 7s
         tick
         written w3
         load",
        expect![[r#"
            leave r5 m1
                r5 left ["ok"]
            leave r6 m2
                write w1: 1 records
                r6 left ["ok"]
            refused w1
            delete r7
                write w2: 1 records
            refused w2
                r7 deleted the group's records cannot be written now; try again
            held
                g Empty []
            at 7s
            tick
                write w3: 1 records
            written w3
            load
                g Empty []
        "#]],
    );
}

#[test]
fn tombstones_of_an_expired_offset_are_written_once() {
    check(
        "commit r1 - -1 t/0 5\n written w0\n at 604800s\n expire\n expire\n written w1\n expire\n load",
        expect![[r#"
            commit r1 - -1 t/0 5
                write w0: 1 records
            written w0
                r1 offsets ["ok"]
            at 604800s
            expire
                write w1: 1 records
            expire
            written w1
            expire
            load
        "#]],
    );
}

#[test]
fn a_group_tombstone_alone_leaves_the_offsets() {
    use super::script::Script;
    use crate::group::record::{Key, encode_key};
    use crate::group::{GroupConfig, Now, Shard};

    let mut world = Script::default();
    world.run("commit r1 - -1 t/0 5\n written w0");
    let mut shard = Shard::new(GroupConfig::default());
    for record in world.records() {
        shard.load(&record.key, record.value.as_ref(), Now::default()).unwrap();
    }
    let tombstone = encode_key(&Key::Group("g".into()));
    shard.load(&tombstone, None, Now::default()).unwrap();
    shard.finish_loading(Now::default());
    assert_eq!(shard.offsets(&"g".into()).count(), 1);
}
