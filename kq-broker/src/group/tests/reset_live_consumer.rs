//! An operator's change of the offsets of a group of the consumer protocol at work: its members are put
//! out, and come back to their shares.

use expect_test::expect;

use super::script::{Script, check_after};
use crate::group::GroupConfig;

/// Two members at epoch 2 with two of four partitions each, and a commit of the first.
const TWO: &str = "
    image t:4
    cbeat r1 m1 join topics=t
    written w0
    at 1s
    cbeat r2 m2 join topics=t
    written w1
    cbeat r3 m1 1
    written w2
    cbeat r4 m1 1 owned=
    written w3
    cbeat r5 m2 2
    written w4
    commit r6 m1 2 t/0 90
    written w5
";

/// Two members are put out, speak as if they were not, and come back.
const COMING_BACK: &str = "held
    reset r7 p t/0=90:10 live
    commit r8 m1 2 t/0 95
    cbeat r9 m2 2
    settle r10
    held
    written w6
    held
    load
    cbeat r11 m1 2
    cbeat r12 m1 join topics=t
    written w7
    commit r13 m1 2 t/0 95
    commit r14 m1 3 t/0 11
    written w8
    cbeat r15 m2 join topics=t
    written w9
    cbeat r16 m1 3
    held
    load
    undos";

#[test]
fn members_are_put_out_and_come_back_to_their_shares() {
    check_after(
        TWO,
        COMING_BACK,
        expect![[r#"
            held
                g Stable ["m1", "m2"] t/0=90
            reset r7 p t/0=90:10 live
                write w6: 6 records
            commit r8 m1 2 t/0 95
            cbeat r9 m2 2
            settle r10
            held
                g Stable ["m1", "m2"] t/0=90
            written w6
                r7 reset from [Some(90)] in generation 2, 2 put out
                r8 offsets refused: not a member of this group; join again without a member id
                r9 beat refused: member epoch 2 is not the current one; give up all partitions and join again
                r10 settled
            held
                g Reconciling ["m1", "m2"] t/0=10
            load
                g Reconciling ["m1", "m2"] t/0=10
            cbeat r11 m1 2
                r11 beat refused: member epoch 2 is not the current one; give up all partitions and join again
            cbeat r12 m1 join topics=t
                write w7: 2 records
            written w7
                r12 m1 at 3: [0, 1]
            commit r13 m1 2 t/0 95
                r13 offsets refused: member epoch 2 is not the current one; try again with the one of the next heartbeat
            commit r14 m1 3 t/0 11
                write w8: 1 records
            written w8
                r14 offsets ["ok"]
            cbeat r15 m2 join topics=t
                write w9: 2 records
            written w9
                r15 m2 at 3: [2, 3]
            cbeat r16 m1 3
                r16 m1 at 3: as before
            held
                g Stable ["m1", "m2"] t/0=11
            load
                g Stable ["m1", "m2"] t/0=11
            undos
                g p live=true: t/0 Some(90) -> Some(10)
        "#]],
    );
}

#[test]
fn commits_before_it_are_overwritten() {
    check_after(
        TWO,
        "commit r7 m1 2 t/0 95
        reset r8 p t/0=90:10 live
        written w6
        written w7
        held
        undos",
        expect![[r#"
            commit r7 m1 2 t/0 95
                write w6: 1 records
            reset r8 p t/0=90:10 live
                write w7: 6 records
            written w6
                r7 offsets ["ok"]
            written w7
                r8 reset from [Some(95)] in generation 2, 2 put out
            held
                g Reconciling ["m1", "m2"] t/0=10
            undos
                g p live=true: t/0 Some(95) -> Some(10)
        "#]],
    );
}

#[test]
fn a_refused_write_puts_nobody_out() {
    check_after(
        TWO,
        "reset r7 p t/0=90:10 live
        refused w6
        commit r8 m1 2 t/0 95
        written w7
        cbeat r9 m2 2
        held",
        expect![[r#"
            reset r7 p t/0=90:10 live
                write w6: 6 records
            refused w6
                r7 reset refused: Group(NotAvailable)
            commit r8 m1 2 t/0 95
                write w7: 1 records
            written w7
                r8 offsets ["ok"]
            cbeat r9 m2 2
                r9 m2 at 2: as before
            held
                g Stable ["m1", "m2"] t/0=95
        "#]],
    );
}

#[test]
fn what_is_shown_beforehand_puts_nobody_out() {
    check_after(
        TWO,
        "reset r7 p t/0=90:10
        reset r8 p t/0=90:10 live dry
        cbeat r9 m2 2",
        expect![[r#"
            reset r7 p t/0=90:10
                r7 reset refused: NonEmpty { members: 2 }
            reset r8 p t/0=90:10 live dry
                r8 reset from [Some(90)] in generation 2, 2 put out
            cbeat r9 m2 2
                r9 m2 at 2: as before
        "#]],
    );
}

#[test]
fn what_a_silent_member_had_is_free_when_its_session_ends() {
    check_after(
        TWO,
        "reset r7 p t/0=90:10 live
        written w6
        cbeat r8 m1 join topics=t
        written w7
        at 2s
        cbeat r9 m3 join topics=t
        written w8
        cbeat r10 m1 3
        written w9
        at 40s
        cbeat r11 m3 4
        cbeat r12 m1 4
        at 46s
        tick
        written w10
        cbeat r13 m3 4
        written w11
        cbeat r14 m1 4
        written w12
        held
        load",
        expect![[r#"
            reset r7 p t/0=90:10 live
                write w6: 6 records
            written w6
                r7 reset from [Some(90)] in generation 2, 2 put out
            cbeat r8 m1 join topics=t
                write w7: 2 records
            written w7
                r8 m1 at 3: [0, 1]
            at 2s
            cbeat r9 m3 join topics=t
                write w8: 6 records
            written w8
                r9 m3 at 4: []
            cbeat r10 m1 3
                write w9: 1 records
            written w9
                r10 m1 at 4: as before
            at 40s
            cbeat r11 m3 4
                r11 m3 at 4: as before
            cbeat r12 m1 4
                r12 m1 at 4: as before
            at 46s
            tick
                write w10: 4 records
            written w10
            cbeat r13 m3 4
                write w11: 3 records
            written w11
                r13 m3 at 5: [2, 3]
            cbeat r14 m1 4
                write w12: 1 records
            written w12
                r14 m1 at 5: as before
            held
                g Stable ["m1", "m3"] t/0=10
            load
                g Stable ["m1", "m3"] t/0=10
        "#]],
    );
}

#[test]
fn who_has_not_given_back_yet_is_waited_for() {
    check_after(
        "image t:4
        cbeat r1 m1 join topics=t
        written w0
        at 1s
        cbeat r2 m2 join topics=t
        written w1
        cbeat r3 m1 1
        written w2",
        "reset r4 p t/0=-:10 live
        written w3
        cbeat r5 m2 join topics=t
        written w4
        cbeat r6 m1 join topics=t
        written w5
        cbeat r7 m2 3
        written w6
        held",
        expect![[r#"
            reset r4 p t/0=-:10 live
                write w3: 6 records
            written w3
                r4 reset from [None] in generation 2, 2 put out
            cbeat r5 m2 join topics=t
                write w4: 1 records
            written w4
                r5 m2 at 3: []
            cbeat r6 m1 join topics=t
                write w5: 2 records
            written w5
                r6 m1 at 3: [0, 1]
            cbeat r7 m2 3
                write w6: 1 records
            written w6
                r7 m2 at 3: [2, 3]
            held
                g Stable ["m1", "m2"] t/0=10
        "#]],
    );
}

#[test]
fn what_was_still_to_be_dealt_is_dealt() {
    check_after(
        "image t:4
        cbeat r1 m1 join topics=t
        written w0
        cbeat r2 m2 join topics=t
        written w1
        held",
        "reset r3 p t/0=-:10 live
        written w2
        cbeat r4 m1 join topics=t
        written w3
        at 1s
        cbeat r5 m2 join topics=t
        written w4
        cbeat r6 m1 3
        written w5
        cbeat r7 m1 3 owned=
        written w6
        cbeat r8 m2 4
        written w7
        held
        load",
        expect![[r#"
            reset r3 p t/0=-:10 live
                write w2: 6 records
            written w2
                r3 reset from [None] in generation 2, 2 put out
            cbeat r4 m1 join topics=t
                write w3: 2 records
            written w3
                r4 m1 at 3: [0, 1, 2, 3]
            at 1s
            cbeat r5 m2 join topics=t
                write w4: 4 records
            written w4
                r5 m2 at 4: []
            cbeat r6 m1 3
                write w5: 1 records
            written w5
                r6 m1 at 3: [0, 1]
            cbeat r7 m1 3 owned=
                write w6: 1 records
            written w6
                r7 m1 at 4: as before
            cbeat r8 m2 4
                write w7: 1 records
            written w7
                r8 m2 at 4: [2, 3]
            held
                g Stable ["m1", "m2"] t/0=10
            load
                g Stable ["m1", "m2"] t/0=10
        "#]],
    );
}

#[test]
fn new_partitions_are_not_forgotten_over_it() {
    check_after(
        TWO,
        "image t:5
        reset r7 p t/0=90:10 live
        written w6
        cbeat r8 m1 join topics=t
        written w7
        cbeat r9 m2 join topics=t
        written w8
        at 2s
        cbeat r10 m1 3
        written w9
        cbeat r11 m2 3
        written w10
        held
        load",
        expect![[r#"
            image t:5
            reset r7 p t/0=90:10 live
                write w6: 6 records
            written w6
                r7 reset from [Some(90)] in generation 2, 2 put out
            cbeat r8 m1 join topics=t
                write w7: 3 records
            written w7
                r8 m1 at 3: [0, 1]
            cbeat r9 m2 join topics=t
                write w8: 2 records
            written w8
                r9 m2 at 3: [2, 3]
            at 2s
            cbeat r10 m1 3
                write w9: 3 records
            written w9
                r10 m1 at 4: [0, 1, 4]
            cbeat r11 m2 3
                write w10: 1 records
            written w10
                r11 m2 at 4: as before
            held
                g Stable ["m1", "m2"] t/0=10
            load
                g Stable ["m1", "m2"] t/0=10
        "#]],
    );
}

#[test]
fn a_fail_over_amid_the_change_keeps_all_of_it() {
    let mut world = Script::default();
    world.run(TWO);
    world.run("reset r7 p t/0=90:10 live\nappended w6");
    let mut next = world.taken_over(GroupConfig::default());
    let got = next.run(
        "held
        undos
        image t:4
        commit r8 m1 2 t/0 95
        cbeat r9 m1 2
        cbeat r10 m1 join topics=t
        written w0
        at 47s
        tick
        written w1
        cbeat r11 m1 3
        held",
    );
    expect![[r#"
        held
            g Reconciling ["m1", "m2"] t/0=10
        undos
            g p live=true: t/0 Some(90) -> Some(10)
        image t:4
        commit r8 m1 2 t/0 95
            r8 offsets refused: not a member of this group; join again without a member id
        cbeat r9 m1 2
            r9 beat refused: member epoch 2 is not the current one; give up all partitions and join again
        cbeat r10 m1 join topics=t
            write w0: 2 records
        written w0
            r10 m1 at 3: [0, 1]
        at 47s
        tick
            write w1: 7 records
        written w1
        cbeat r11 m1 3
            r11 beat refused: not a member of this group; join again without a member id
        held
            g Empty [] t/0=10
    "#]].assert_eq(&got);
}

/// Runs a line, and commits what it writes.
fn settle(world: &mut Script, line: &str) -> String {
    let out = world.run(line);
    let write = out.split_once("write ").and_then(|(_, it)| it.split_once(':'));
    let end = write.map(|(id, _)| world.run(&format!("written {id}")));
    out + &end.unwrap_or_default()
}

#[test]
fn many_members_come_back_at_exactly_one_epoch() {
    let mut world = Script::default();
    world.run("image t:500");
    for member in 1..=500 {
        settle(&mut world, &format!("cbeat r1 m{member} join topics=t"));
    }
    world.run("at 1s");
    settle(&mut world, "cbeat r1 m1 1");
    for member in 1..=500 {
        settle(&mut world, &format!("cbeat r1 m{member} 1 owned="));
    }
    assert!(world.run("held").contains("g Stable"));
    let out = settle(&mut world, "reset r1 p t/0=-:10 live");
    assert!(out.contains("500 put out"), "{out}");
    let mut out = String::new();
    for member in 1..=500 {
        out += &settle(&mut world, &format!("cbeat r1 m{member} 500"));
        out += &settle(&mut world, &format!("cbeat r1 m{member} join topics=t"));
    }
    assert_eq!(out.matches("give up all partitions").count(), 500);
    assert_eq!(out.matches(" at 501: [").count(), 500);
    assert!(world.run("held").contains("g Stable"));
}
