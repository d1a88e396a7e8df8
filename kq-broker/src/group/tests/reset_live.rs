//! An operator's change of the offsets of a group at work: its members are put out, and come back in
//! one rebalance.

use std::fmt::Write as _;

use expect_test::expect;

use super::script::{Script, check_after, check_two};

const BOTH_COMMIT: &str = "
    join r1 new range
    join r2 new range
    at 3s
    tick
    at 6s
    tick
    sync r3 m1 1 m1=A m2=B
    sync r4 m2 1
    written w0
    commit r5 m1 1 t/0 90
    written w1
";

#[test]
fn members_are_put_out_and_come_back_in_one_generation() {
    check_after(
        BOTH_COMMIT,
        "reset r6 p t/0=90:10 live
        commit r7 m1 1 t/0 95
        beat r8 m2 1
        settle r9
        written w2
        held
        load
        join r10 new range
        at 7s
        tick
        join r11 new range
        sync r12 m10 2 m10=A m11=B
        sync r13 m11 2
        written w3
        held
        undos",
        expect![[r#"
            reset r6 p t/0=90:10 live
                write w2: 3 records
            commit r7 m1 1 t/0 95
            beat r8 m2 1
            settle r9
            written w2
                r6 reset from [Some(90)] in generation 1, 2 put out
                r7 offsets refused: not a member of this group; join again without a member id
                r8 heartbeat not a member of this group; join again without a member id
                r9 settled
            held
                g PreparingRebalance [] t/0=10
            load
                g Empty [] t/0=10
            join r10 new range
            at 7s
            tick
            join r11 new range
                r10 joined generation 2 as m10 by range led by m10 ["m10", "m11"]
                r11 joined generation 2 as m11 by range led by m10 []
            sync r12 m10 2 m10=A m11=B
                write w3: 1 records
            sync r13 m11 2
            written w3
                r12 synced A
                r13 synced B
            held
                g Stable ["m10", "m11"] t/0=10
            undos
                g p live=true: t/0 Some(90) -> Some(10)
        "#]],
    );
}

#[test]
fn commits_before_it_are_overwritten_and_can_be_taken_back() {
    check_after(
        BOTH_COMMIT,
        "commit r6 m1 1 t/0 95
        reset r7 p t/0=90:10 live
        written w2
        written w3
        held
        undos",
        expect![[r#"
            commit r6 m1 1 t/0 95
                write w2: 1 records
            reset r7 p t/0=90:10 live
                write w3: 3 records
            written w2
                r6 offsets ["ok"]
            written w3
                r7 reset from [Some(95)] in generation 1, 2 put out
            held
                g PreparingRebalance [] t/0=10
            undos
                g p live=true: t/0 Some(95) -> Some(10)
        "#]],
    );
}

#[test]
fn a_refused_write_puts_nobody_out() {
    check_after(
        BOTH_COMMIT,
        "reset r6 p t/0=90:10 live
        refused w2
        commit r7 m1 1 t/0 95
        written w3
        beat r8 m2 1
        held",
        expect![[r#"
            reset r6 p t/0=90:10 live
                write w2: 3 records
            refused w2
                r6 reset refused: Group(NotAvailable)
            commit r7 m1 1 t/0 95
                write w3: 1 records
            written w3
                r7 offsets ["ok"]
            beat r8 m2 1
                r8 heartbeat ok
            held
                g Stable ["m1", "m2"] t/0=95
        "#]],
    );
}

#[test]
fn what_a_deletion_held_comes_to_a_new_group() {
    check_after(
        "commit r1 - -1 t/0 5
        written w0",
        "delete r2
        join r3 new range
        reset r4 p t/0=-:7 live
        written w1
        written w2
        held
        load",
        expect![[r#"
            delete r2
                write w1: 2 records
            join r3 new range
            reset r4 p t/0=-:7 live
            written w1
                r2 deleted ok
                write w2: 3 records
            written w2
                r3 join of m3 refused: not a member of this group; join again without a member id
                r4 reset from [None] in generation 0, 1 put out
            held
                g PreparingRebalance [] t/0=7
            load
                g Empty [] t/0=7
        "#]],
    );
}

#[test]
fn a_member_that_is_gone_is_waited_for_until_its_session_would_end() {
    check_two(
        "reset r5 p t/0=-:10 live
        written w1
        beat r6 m1 1
        join r7 new range needs-id
        join r8 m7 range
        at 15s
        tick
        at 16s
        tick",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 reset from [None] in generation 1, 2 put out
            beat r6 m1 1
                r6 heartbeat not a member of this group; join again without a member id
            join r7 new range needs-id
                r7 join of m7 refused: join again with the member id that this answer carries
            join r8 m7 range
            at 15s
            tick
            at 16s
            tick
                r8 joined generation 2 as m7 by range led by m7 ["m7"]
        "#]],
    );
}

#[test]
fn who_leaves_meanwhile_is_not_waited_for() {
    check_two(
        "reset r5 p t/0=-:10 live
        written w1
        join r6 new range
        leave r7 m2
        held",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 reset from [None] in generation 1, 2 put out
            join r6 new range
            leave r7 m2
                r6 joined generation 2 as m6 by range led by m6 ["m6"]
                r7 left ["not a member of this group; join again without a member id"]
            held
                g CompletingRebalance ["m6"] t/0=10
        "#]],
    );
}

#[test]
fn nobody_comes_back() {
    check_two(
        "reset r5 p t/0=-:10 live
        written w1
        at 16s
        tick
        written w2
        held
        load",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 reset from [None] in generation 1, 2 put out
            at 16s
            tick
                write w2: 1 records
            written w2
            held
                g Empty [] t/0=10
            load
                g Empty [] t/0=10
        "#]],
    );
}

#[test]
fn static_members_come_back_under_their_names() {
    check_after(
        "join r1 new range static=a
        join r2 new range static=b
        at 3s
        tick
        at 6s
        tick
        sync r3 m1/a 1 m1=A m2=B
        sync r4 m2/b 1
        written w0",
        "reset r5 p t/0=-:10 live
        written w1
        commit r6 m1/a 1 t/0 95
        beat r7 m2/b 1
        join r8 new range static=b
        join r9 m1 range static=a
        join r10 new range static=a",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 reset from [None] in generation 1, 2 put out
            commit r6 m1/a 1 t/0 95
                r6 offsets refused: not a member of this group; join again without a member id
            beat r7 m2/b 1
                r7 heartbeat not a member of this group; join again without a member id
            join r8 new range static=b
            join r9 m1 range static=a
                r9 join of m1 refused: not a member of this group; join again without a member id
            join r10 new range static=a
                r10 joined generation 2 as m10 by range led by m8 []
                r8 joined generation 2 as m8 by range led by m8 ["m10", "m8"]
        "#]],
    );
}

#[test]
fn a_rebalance_under_way_becomes_the_one() {
    check_two(
        "join r5 m1 range topic=u
        reset r6 p t/0=-:10 live
        written w1
        join r7 new range
        beat r8 m2 1
        join r9 new range",
        expect![[r#"
            join r5 m1 range topic=u
            reset r6 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 join of m1 refused: not a member of this group; join again without a member id
                r6 reset from [None] in generation 1, 2 put out
            join r7 new range
            beat r8 m2 1
                r8 heartbeat not a member of this group; join again without a member id
            join r9 new range
                r7 joined generation 2 as m7 by range led by m7 ["m7", "m9"]
                r9 joined generation 2 as m9 by range led by m7 []
        "#]],
    );
}

#[test]
fn syncs_that_wait_are_told_to_come_back() {
    check_two(
        "join r5 m1 range topic=u
        join r6 m2 range
        sync r7 m2 2
        reset r8 p t/0=-:10 live
        written w1
        join r9 new range
        join r10 new range",
        expect![[r#"
            join r5 m1 range topic=u
            join r6 m2 range
                r5 joined generation 2 as m1 by range led by m1 ["m1", "m2"]
                r6 joined generation 2 as m2 by range led by m1 []
            sync r7 m2 2
            reset r8 p t/0=-:10 live
                write w1: 3 records
            written w1
                r7 sync refused: not a member of this group; join again without a member id
                r8 reset from [None] in generation 2, 2 put out
            join r9 new range
            join r10 new range
                r10 joined generation 3 as m10 by range led by m9 []
                r9 joined generation 3 as m9 by range led by m9 ["m10", "m9"]
        "#]],
    );
}

#[test]
fn an_assignment_on_its_way_is_given_up() {
    check_two(
        "join r5 m1 range topic=u
        join r6 m2 range
        sync r7 m2 2
        sync r8 m1 2 m1=A m2=B
        reset r9 p t/0=-:10 live
        written w1
        written w2
        held
        load",
        expect![[r#"
            join r5 m1 range topic=u
            join r6 m2 range
                r5 joined generation 2 as m1 by range led by m1 ["m1", "m2"]
                r6 joined generation 2 as m2 by range led by m1 []
            sync r7 m2 2
            sync r8 m1 2 m1=A m2=B
                write w1: 1 records
            reset r9 p t/0=-:10 live
                write w2: 3 records
            written w1
                r8 synced A
                r7 synced B
            written w2
                r9 reset from [None] in generation 2, 2 put out
            held
                g PreparingRebalance [] t/0=10
            load
                g Empty [] t/0=10
        "#]],
    );
}

#[test]
fn a_second_change_amid_the_first_still_makes_one_generation() {
    check_two(
        "reset r5 p t/0=-:10 live
        written w1
        join r6 new range
        reset r7 q t/0=10:20 live after:p
        written w2
        join r8 new range
        beat r9 m2 1
        join r10 new range
        undos",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 reset from [None] in generation 1, 2 put out
            join r6 new range
            reset r7 q t/0=10:20 live after:p
                write w2: 3 records
            written w2
                r6 join of m6 refused: not a member of this group; join again without a member id
                r7 reset from [Some(10)] in generation 1, 1 put out
            join r8 new range
            beat r9 m2 1
                r9 heartbeat not a member of this group; join again without a member id
            join r10 new range
                r10 joined generation 2 as m10 by range led by m8 []
                r8 joined generation 2 as m8 by range led by m8 ["m10", "m8"]
            undos
                g p live=true: t/0 None -> Some(10)
                g q live=true: t/0 Some(10) -> Some(20)
        "#]],
    );
}

#[test]
fn another_operators_change_is_not_overwritten_unasked() {
    check_two(
        "reset r5 p t/0=-:10 live
        reset r6 q t/0=-:20 live
        written w1
        reset r7 q t/1=-:20 live
        written w2
        reset r8 s t/0=-:30 live after:p
        written w3
        reset r9 u t/0=-:40 live after:p
        undos",
        expect![[r#"
            reset r5 p t/0=-:10 live
                write w1: 3 records
            reset r6 q t/0=-:20 live
            written w1
                r5 reset from [None] in generation 1, 2 put out
                r6 reset refused: Overtaken("p")
            reset r7 q t/1=-:20 live
                write w2: 2 records
            written w2
                r7 reset from [None] in generation 1, 0 put out
            reset r8 s t/0=-:30 live after:p
                write w3: 2 records
            written w3
                r8 reset from [Some(10)] in generation 1, 0 put out
            reset r9 u t/0=-:40 live after:p
                r9 reset refused: Overtaken("s")
            undos
                g p live=true: t/0 None -> Some(10)
                g q live=true: t/1 None -> Some(20)
                g s live=true: t/0 Some(10) -> Some(30)
        "#]],
    );
}

#[test]
fn a_clock_that_goes_back_hides_no_change() {
    check_two(
        "wall 90s
        reset r5 p t/0=-:10 live
        written w1
        wall 9s
        reset r6 q t/0=10:20 live after:p
        written w2
        reset r7 s t/0=20:30 live after:p
        reset r8 u t/1=-:30 live after:x",
        expect![[r#"
            wall 90s
            reset r5 p t/0=-:10 live
                write w1: 3 records
            written w1
                r5 reset from [None] in generation 1, 2 put out
            wall 9s
            reset r6 q t/0=10:20 live after:p
                write w2: 2 records
            written w2
                r6 reset from [Some(10)] in generation 1, 0 put out
            reset r7 s t/0=20:30 live after:p
                r7 reset refused: Overtaken("q")
            reset r8 u t/1=-:30 live after:x
                r8 reset refused: Overtaken("q")
        "#]],
    );
}

#[test]
fn many_members_come_back_in_exactly_one_generation() {
    let mut script = String::new();
    for member in 1..=500 {
        writeln!(script, "join r{member} new range").unwrap();
    }
    script.push_str("at 3s\ntick\nat 6s\ntick\n");
    for member in 2..=500 {
        writeln!(script, "sync r{} m{member} 1", 1_000 + member).unwrap();
    }
    script.push_str("sync r1001 m1 1 m1=A\nwritten w0\n");
    let mut world = Script::default();
    world.run(&script);
    let out = world.run("reset r2000 p t/0=-:10 live\nwritten w1");
    assert!(out.contains("500 put out"), "{out}");
    let mut script = String::new();
    for member in 1..=500 {
        writeln!(script, "beat r{} m{member} 1", 3_000 + member).unwrap();
        writeln!(script, "join r{} new range", 4_000 + member).unwrap();
        script.push_str("tick\n");
    }
    let out = world.run(&script);
    assert_eq!(out.matches("joined generation 2 ").count(), 500);
    assert_eq!(out.matches("not a member").count(), 500);
}
