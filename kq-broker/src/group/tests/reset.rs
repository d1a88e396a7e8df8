//! An operator's change of the offsets of a group without members.

use expect_test::expect;

use super::script::{check, check_after};

const COMMITTED: &str = "
    commit r1 - -1 t/0 5 t/1 7
    written w0
";

#[test]
fn offsets_and_what_takes_them_back_are_one_batch() {
    check_after(
        COMMITTED,
        "reset r2 p t/0=5:2 t/1=7:- t/2=-:4
        held
        written w1
        held
        load
        undos",
        expect![[r#"
            reset r2 p t/0=5:2 t/1=7:- t/2=-:4
                write w1: 4 records
            held
                g Empty [] t/0=5 t/1=7
            written w1
                r2 reset from [Some(5), Some(7), None] in generation 0, 0 put out
            held
                g Empty [] t/0=2 t/2=4
            load
                g Empty [] t/0=2 t/2=4
            undos
                g p live=false: t/0 Some(5) -> Some(2), t/1 Some(7) -> None, t/2 None -> Some(4)
        "#]],
    );
}

#[test]
fn who_speaks_meanwhile_is_heard_afterwards() {
    check_after(
        COMMITTED,
        "reset r2 p t/0=5:2
        settle r3
        join r4 new range
        commit r5 - -1 t/0 6
        forget r6 t/1
        delete r7
        reset r8 q t/0=5:9
        tick
        written w1
        held",
        expect![[r#"
            reset r2 p t/0=5:2
                write w1: 2 records
            settle r3
            join r4 new range
            commit r5 - -1 t/0 6
            forget r6 t/1
            delete r7
            reset r8 q t/0=5:9
            tick
            written w1
                r2 reset from [Some(5)] in generation 0, 0 put out
                r3 settled
                r5 offsets refused: not a member of this group; join again without a member id
                r6 offsets ["the group is subscribed to the topic; its offsets cannot be deleted"]
                r7 deleted the group still has members
                r8 reset refused: NonEmpty { members: 1 }
            held
                g PreparingRebalance ["m4"] t/0=2 t/1=7
        "#]],
    );
}

#[test]
fn a_refused_write_changes_nothing() {
    check_after(
        COMMITTED,
        "reset r2 p t/0=5:2
        refused w1
        settle r3
        held
        undos
        load
        commit r4 - -1 t/0 6
        written w2",
        expect![[r#"
            reset r2 p t/0=5:2
                write w1: 2 records
            refused w1
                r2 reset refused: Group(NotAvailable)
            settle r3
                r3 settled
            held
                g Empty [] t/0=5 t/1=7
            undos
            load
                g Empty [] t/0=5 t/1=7
            commit r4 - -1 t/0 6
                write w2: 1 records
            written w2
                r4 offsets ["ok"]
        "#]],
    );
}

#[test]
fn too_few_replicas_are_told_and_it_counts() {
    check_after(
        COMMITTED,
        "reset r2 p t/0=5:2
        thin w1
        held
        undos",
        expect![[r#"
            reset r2 p t/0=5:2
                write w1: 2 records
            thin w1
                r2 reset from [Some(5)] in generation 0, 0 put out, thin
            held
                g Empty [] t/0=2 t/1=7
            undos
                g p live=false: t/0 Some(5) -> Some(2)
        "#]],
    );
}

#[test]
fn what_cannot_be_buried_is_tried_again_and_owes_nothing() {
    check_after(
        COMMITTED,
        "reset r2 p t/0=5:2
        written w1
        at 604800s
        expire
        refused w2
        at 604802s
        tick
        undos
        expire
        appended w3
        expire
        written w3
        undos
        load",
        expect![[r#"
            reset r2 p t/0=5:2
                write w1: 2 records
            written w1
                r2 reset from [Some(5)] in generation 0, 0 put out
            at 604800s
            expire
                write w2: 1 records
            refused w2
            at 604802s
            tick
            undos
                g p live=false: t/0 Some(5) -> Some(2)
            expire
                write w3: 1 records
            appended w3
            expire
            written w3
            undos
            load
                g Empty [] t/0=2 t/1=7
        "#]],
    );
}

#[test]
fn what_was_shown_must_still_be_so() {
    check_after(
        COMMITTED,
        "reset r2 p t/0=4:2 t/1=7:1 t/2=3:1
        commit r3 - -1 t/0 6
        reset r4 p t/0=5:2
        reset r5 p t/0=6:2 dry
        reset r6 p t/0=6:2
        written w1
        written w2
        undos
        reset r7 p t/0=2:2",
        expect![[r#"
            reset r2 p t/0=4:2 t/1=7:1 t/2=3:1
                r2 reset refused: Stale([(TopicPartition { topic: "t", partition: 0 }, Some(5)), (TopicPartition { topic: "t", partition: 2 }, None)])
            commit r3 - -1 t/0 6
                write w1: 1 records
            reset r4 p t/0=5:2
                r4 reset refused: Stale([(TopicPartition { topic: "t", partition: 0 }, Some(6))])
            reset r5 p t/0=6:2 dry
                r5 reset from [Some(6)] in generation 0, 0 put out
            reset r6 p t/0=6:2
                write w2: 2 records
            written w1
                r3 offsets ["ok"]
            written w2
                r6 reset from [Some(6)] in generation 0, 0 put out
            undos
                g p live=false: t/0 Some(6) -> Some(2)
            reset r7 p t/0=2:2
                r7 reset refused: Done
        "#]],
    );
}

#[test]
fn a_group_that_was_never_there_is_made() {
    check(
        "reset r1 p t/0=-:4
        written w0
        held
        load
        delete r2
        written w1
        held
        undos",
        expect![[r#"
            reset r1 p t/0=-:4
                write w0: 2 records
            written w0
                r1 reset from [None] in generation 0, 0 put out
            held
                g Empty [] t/0=4
            load
                g Empty [] t/0=4
            delete r2
                write w1: 2 records
            written w1
                r2 deleted ok
            held
            undos
                g p live=false: t/0 None -> Some(4)
        "#]],
    );
}

#[test]
fn members_at_work_are_not_passed_over() {
    super::script::check_two(
        "reset r9 p t/0=-:4",
        expect![[r#"
        reset r9 p t/0=-:4
            r9 reset refused: NonEmpty { members: 2 }
    "#]],
    );
}
