//! An operator's change of the offsets of a group at work whose members have instances, or speak the
//! classic protocol in a group of the consumer protocol.

use expect_test::expect;

use super::script::check_after;

/// Two members with instances at epoch 2, with two of four partitions each.
const STATIC: &str = "
    image t:4
    cbeat r1 m1/a join topics=t
    written w0
    at 1s
    cbeat r2 m2/b join topics=t
    written w1
    cbeat r3 m1/a 1
    written w2
    cbeat r4 m1/a 1 owned=
    written w3
    cbeat r5 m2/b 2
    written w4
";

#[test]
fn static_members_come_back_under_their_names() {
    check_after(
        STATIC,
        "reset r6 p t/0=-:10 live
        written w5
        commit r7 m1/a 2 t/0 95
        cbeat r8 m1/a 2
        cbeat r9 m3/a join topics=t
        cbeat r10 m1/a join topics=t
        written w6
        cbeat r11 m2/b away
        written w7
        cbeat r12 m4/b join topics=t
        written w8
        cbeat r13 m2/b 2
        held
        load",
        expect![[r#"
            reset r6 p t/0=-:10 live
                write w5: 6 records
            written w5
                r6 reset from [None] in generation 2, 2 put out
            commit r7 m1/a 2 t/0 95
                r7 offsets refused: not a member of this group; join again without a member id
            cbeat r8 m1/a 2
                r8 beat refused: member epoch 2 is not the current one; give up all partitions and join again
            cbeat r9 m3/a join topics=t
                r9 beat refused: another member has this group.instance.id and has not left
            cbeat r10 m1/a join topics=t
                write w6: 2 records
            written w6
                r10 m1 at 3: [0, 1]
            cbeat r11 m2/b away
                write w7: 1 records
            written w7
                r11 m2 at -2: as before
            cbeat r12 m4/b join topics=t
                write w8: 7 records
            written w8
                r12 m4 at 3: [2, 3]
            cbeat r13 m2/b 2
                r13 beat refused: another process has joined with the same group.instance.id
            held
                g Stable ["m1", "m4"] t/0=10
            load
                g Stable ["m1", "m4"] t/0=10
        "#]],
    );
}

#[test]
fn who_is_away_stays_so() {
    check_after(
        STATIC,
        "cbeat r6 m2/b away
        written w5
        reset r7 p t/0=-:10 live
        written w6
        cbeat r8 m4/b join topics=t
        written w7
        commit r9 m4/b 2 t/2 95
        cbeat r10 m1/a 2
        cbeat r11 m1/a away
        written w8
        cbeat r12 m4/b away
        written w9
        reset r13 q t/0=10:20 live after:p
        written w10
        held
        load",
        expect![[r#"
            cbeat r6 m2/b away
                write w5: 1 records
            written w5
                r6 m2 at -2: as before
            reset r7 p t/0=-:10 live
                write w6: 5 records
            written w6
                r7 reset from [None] in generation 2, 1 put out
            cbeat r8 m4/b join topics=t
                write w7: 7 records
            written w7
                r8 m4 at 3: [2, 3]
            commit r9 m4/b 2 t/2 95
                r9 offsets refused: member epoch 2 is not the current one; try again with the one of the next heartbeat
            cbeat r10 m1/a 2
                r10 beat refused: member epoch 2 is not the current one; give up all partitions and join again
            cbeat r11 m1/a away
                write w8: 1 records
            written w8
                r11 m1 at -2: as before
            cbeat r12 m4/b away
                write w9: 1 records
            written w9
                r12 m4 at -2: as before
            reset r13 q t/0=10:20 live after:p
                write w10: 2 records
            written w10
                r13 reset from [Some(10)] in generation 3, 0 put out
            held
                g Reconciling ["m1", "m4"] t/0=20
            load
                g Reconciling ["m1", "m4"] t/0=20
        "#]],
    );
}

/// Two members of the classic protocol, and one of the consumer protocol beside them.
const BOTH_PROTOCOLS: &str = "
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
    cbeat r5 m3 join topics=t
    written w1
    join r6 m1 range
    written w2
    sync r7 m1 2
    join r8 m2 range
    written w3
    sync r9 m2 2
    cbeat r10 m3 2
    written w4";

/// All three are put out; the classic ones, whose first words were held, come back under new ids.
const COMING_BACK: &str = "held
    reset r11 p t/0=-:10 live
    join r12 m2 range
    commit r13 m1 2 t/0 95
    written w5
    appended w6
    written w6
    written w7
    beat r14 m1 2
    beat r15 m2 2
    commit r16 m3 2 t/3 95
    cbeat r17 m3 2
    cbeat r18 m3 join topics=t
    written w8
    at 7s
    join r19 new range
    written w9
    sync r20 m19 6
    at 8s
    join r21 new range
    written w10
    sync r22 m21 7";

/// They share the partitions anew.
const SHARING: &str = "cbeat r23 m3 3
    written w11
    beat r24 m19 6
    join r25 m19 range
    written w12
    sync r26 m19 7
    cbeat r27 m3 3 owned=
    written w13
    beat r28 m21 7
    join r29 m21 range
    written w14
    sync r30 m21 7
    held
    load";

#[test]
fn members_of_both_protocols_come_back() {
    check_after(
        BOTH_PROTOCOLS,
        COMING_BACK,
        expect![[r#"
            held
                g Stable ["m1", "m2", "m3"]
            reset r11 p t/0=-:10 live
                write w5: 7 records
            join r12 m2 range
            commit r13 m1 2 t/0 95
            written w5
                r11 reset from [None] in generation 2, 3 put out
                write w6: 4 records
            appended w6
                write w7: 4 records
            written w6
                r12 join of m2 refused: not a member of this group; join again without a member id
            written w7
                r13 offsets refused: not a member of this group; join again without a member id
            beat r14 m1 2
                r14 heartbeat not a member of this group; join again without a member id
            beat r15 m2 2
                r15 heartbeat not a member of this group; join again without a member id
            commit r16 m3 2 t/3 95
                r16 offsets refused: not a member of this group; join again without a member id
            cbeat r17 m3 2
                r17 beat refused: member epoch 2 is not the current one; give up all partitions and join again
            cbeat r18 m3 join topics=t
                write w8: 2 records
            written w8
                r18 m3 at 3: [3]
            at 7s
            join r19 new range
                write w9: 6 records
            written w9
                r19 joined generation 6 as m19 by range led by  []
            sync r20 m19 6
                r20 synced {"t": [0, 2]}
            at 8s
            join r21 new range
                write w10: 6 records
            written w10
                r21 joined generation 7 as m21 by range led by  []
            sync r22 m21 7
                r22 synced {}
        "#]],
    );
}

#[test]
fn members_of_both_protocols_share_anew() {
    check_after(
        &[BOTH_PROTOCOLS, "\n", COMING_BACK].concat(),
        SHARING,
        expect![[r#"
            cbeat r23 m3 3
                write w11: 1 records
            written w11
                r23 m3 at 3: []
            beat r24 m19 6
                r24 heartbeat the group is rebalancing; join again
            join r25 m19 range
                write w12: 1 records
            written w12
                r25 joined generation 7 as m19 by range led by  []
            sync r26 m19 7
                r26 synced {"t": [0, 2]}
            cbeat r27 m3 3 owned=
                write w13: 1 records
            written w13
                r27 m3 at 7: [1]
            beat r28 m21 7
                r28 heartbeat the group is rebalancing; join again
            join r29 m21 range
                write w14: 1 records
            written w14
                r29 joined generation 7 as m21 by range led by  []
            sync r30 m21 7
                r30 synced {"t": [3]}
            held
                g Stable ["m19", "m21", "m3"] t/0=10
            load
                g Stable ["m19", "m21", "m3"] t/0=10
        "#]],
    );
}

#[test]
fn a_classic_member_with_an_instance_takes_its_own_place() {
    check_after(
        "image t:2
        cbeat r1 m1 join topics=t
        written w0
        at 1s
        join r2 new range static=a
        written w1
        cbeat r3 m1 1
        written w2
        cbeat r4 m1 1 owned=
        written w3
        join r5 m2 range static=a
        written w4
        sync r6 m2/a 2
        held",
        "reset r7 p t/0=-:10 live
        written w5
        join r8 new range static=a
        written w6
        sync r9 m8/a 3
        beat r10 m2/a 2
        cbeat r11 m1 join topics=t
        written w7
        held
        load",
        expect![[r#"
            reset r7 p t/0=-:10 live
                write w5: 6 records
            written w5
                r7 reset from [None] in generation 2, 2 put out
            join r8 new range static=a
                write w6: 7 records
            written w6
                r8 joined generation 3 as m8 by range led by  []
            sync r9 m8/a 3
                r9 synced {"t": [1]}
            beat r10 m2/a 2
                r10 heartbeat another process has joined with the same group.instance.id
            cbeat r11 m1 join topics=t
                write w7: 2 records
            written w7
                r11 m1 at 3: [0]
            held
                g Stable ["m1", "m8"] t/0=10
            load
                g Stable ["m1", "m8"] t/0=10
        "#]],
    );
}

#[test]
fn who_was_put_out_is_not_in_the_group_that_is_left() {
    check_after(
        "image t:2
        cbeat r1 m1 join topics=t
        written w0
        at 1s
        join r2 new range
        written w1
        join r3 new range
        written w2",
        "reset r4 p t/0=-:10 live
        written w3
        join r5 m2 range
        written w4
        join r6 new range
        written w5
        cbeat r7 m1 leave
        written w6
        held
        beat r8 m3 1
        load",
        expect![[r#"
            reset r4 p t/0=-:10 live
                write w3: 7 records
            written w3
                r4 reset from [None] in generation 3, 3 put out
            join r5 m2 range
                write w4: 4 records
            written w4
                r5 join of m2 refused: not a member of this group; join again without a member id
            join r6 new range
                write w5: 3 records
            written w5
                r6 joined generation 4 as m6 by range led by  []
            cbeat r7 m1 leave
                write w6: 13 records
            written w6
                r7 m1 at -1: as before
            held
                g PreparingRebalance ["m6"] t/0=10
            beat r8 m3 1
                r8 heartbeat not a member of this group; join again without a member id
            load
                g PreparingRebalance ["m6"] t/0=10
        "#]],
    );
}
