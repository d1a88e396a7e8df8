//! Terms of office: begun, drained, and told apart.

use expect_test::expect;

use super::{check, check_elected};

#[test]
fn a_commit_that_is_not_newer_is_ignored() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        commit 5/1 isr 1 at 1s
        commit 5/2 isr 1 at 1s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/1 isr 1 at 1s
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
        "#]],
    );
}

#[test]
fn clients_with_another_leader_epoch_are_refused() {
    check(
        &[],
        "
        knows epoch 4
        knows epoch 5
        knows epoch 6
        ",
        expect![[r#"
            knows epoch 4
                leader epoch 4 is over, 5 is current
            knows epoch 5
                yes
            knows epoch 6
                leader epoch 6 is not known here yet, 5 is current
        "#]],
    );
}

#[test]
fn a_fetch_of_an_earlier_life_changes_nothing() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        fetch by 2 as 9 from 3 at 1s
        fetch by 2 as 12 from 4 at 2s
        fetch by 2 as 9 from 5 at 3s
        fetch by 2 as 12 from 5 at 3s
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 2 as 9 from 3 at 1s
                advance high watermark to 3
            fetch by 2 as 12 from 4 at 2s
                advance high watermark to 4
            fetch by 2 as 9 from 5 at 3s
            fetch by 2 as 12 from 5 at 3s
                advance high watermark to 5
        "#]],
    );
}

#[test]
fn a_new_leader_commits_nothing_before_it_is_fetched_from() {
    check_elected(
        &[2],
        "
        knows latest
        append to 12
        sync to 12
        fetch by 2 from 7 at 1s
        knows latest
        fetch by 2 from 10 at 1s
        knows latest
        ",
        expect![[r#"
            knows latest
                false
            append to 12
            sync to 12
            fetch by 2 from 7 at 1s
                advance high watermark to 7
            knows latest
                false
            fetch by 2 from 10 at 1s
                advance high watermark to 10
            knows latest
                true
        "#]],
    );
}

#[test]
fn a_follower_below_the_epochs_start_does_not_join() {
    check_elected(
        &[2],
        "
        commit 5/2 isr 1 at 1s
        commit 6/3 isr 1 at 1s
        fetch by 2 from 8 at 2s
        fetch by 2 from 10 at 2s
        ",
        expect![[r#"
            commit 5/2 isr 1 at 1s
                advance high watermark to 10
            commit 6/3 isr 1 at 1s
            fetch by 2 from 8 at 2s
            fetch by 2 from 10 at 2s
                propose isr 1 2@9 from epochs 6/3: 2 caught up
        "#]],
    );
}

#[test]
fn a_new_term_of_the_same_leader_compares_anew() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        fetch by 2 from 5 at 1s
        append to 8
        sync to 8
        commit 6/2 isr 1,2 at 1s
        append to 9
        sync to 9
        fetch by 2 from 8 at 2s
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 2 from 5 at 1s
                advance high watermark to 5
            append to 8
            sync to 8
            commit 6/2 isr 1,2 at 1s
            append to 9
            sync to 9
            fetch by 2 from 8 at 2s
                advance high watermark to 8
        "#]],
    );
}

#[test]
fn a_handover_drains_before_it_is_told() {
    check(
        &[2, 3],
        "
        append to 5
        sync to 5
        fetch by 2 from 3 at 1s
        commit 5/2 isr 1,2,3 to 2 at 1s
        may append with acks 1
        fetch by 2 from 5 synced 3 at 2s
        fetch by 2 from 5 at 2s
        tick 3s
        commit 5/3 isr 1,2 to 2 at 3s
        commit 5/4 isr 1,2 at 3s
        may append with acks 1
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 2 from 3 at 1s
            commit 5/2 isr 1,2,3 to 2 at 1s
            may append with acks 1
                the partition is being handed over to broker 2
            fetch by 2 from 5 synced 3 at 2s
            fetch by 2 from 5 at 2s
                hand over to 2 at partition epoch 2
            tick 3s
                hand over to 2 at partition epoch 2
            commit 5/3 isr 1,2 to 2 at 3s
                advance high watermark to 5
                hand over to 2 at partition epoch 3
            commit 5/4 isr 1,2 at 3s
            may append with acks 1
                yes
        "#]],
    );
}

#[test]
fn a_handover_that_takes_too_long_is_given_up() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1,2 to 2 at 1s
        tick 5s
        tick 6s
        fetch by 2 from 5 at 7s
        tick 7s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1,2 to 2 at 1s
            tick 5s
            tick 6s
                give up the handover to 2 at partition epoch 2
            fetch by 2 from 5 at 7s
                advance high watermark to 5
            tick 7s
                give up the handover to 2 at partition epoch 2
        "#]],
    );
}

#[test]
fn logs_that_parted_are_told_where() {
    check_elected(
        &[2],
        "
        judge 8 after 3 ending 3 8
        judge 8 after 3 ending 3 6
        judge 8 after 4 ending 2 3
        judge 11 after 5 ending 5 11
        ",
        expect![[r#"
            judge 8 after 3 ending 3 8
                Serve
            judge 8 after 3 ending 3 6
                Diverging { epoch: LeaderEpoch(3), end: Offset(6) }
            judge 8 after 4 ending 2 3
                Diverging { epoch: LeaderEpoch(2), end: Offset(3) }
            judge 11 after 5 ending 5 11
                OutOfRange
        "#]],
    );
}
