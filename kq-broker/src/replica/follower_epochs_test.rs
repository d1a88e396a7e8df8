//! A follower and the epochs of its leaders: those that are not there, the old ones, the unclean ones.

use expect_test::expect;

use super::follower_test::check;

#[test]
fn asks_nobody_while_there_is_no_leader() {
    check(
        "
        commit 6/2 leader none
        fetch
        commit 7/3 leader 2
        fetch
        ",
        expect![[r#"
            commit 6/2 leader none
            fetch
                not now
            commit 7/3 leader 2
            fetch
                1: fetch from 2 in epoch 7 at 10 after epoch 3, synced to 10
        "#]],
    );
}

#[test]
fn an_older_image_changes_nothing() {
    check(
        "
        commit 6/3 leader 2
        commit 5/2 leader 1
        fetch
        ",
        expect![[r#"
            commit 6/3 leader 2
            commit 5/2 leader 1
            fetch
                1: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
        "#]],
    );
}

#[test]
fn what_an_unclean_leader_lacks_is_told_before_it_is_cut() {
    check(
        "
        commit 6/2 leader 2 unclean 6
        fetch
        answer 1 hw 5 start 2 diverging 2 6 own 2 6
        fetch
        answer 2 hw 5 start 2 diverging 2 6 own 2 6
        told 6 10
        fetch
        answer 3 hw 5 start 2 diverging 2 6 own 2 6
        truncated to 6
        fetch
        ",
        expect![[r#"
            commit 6/2 leader 2 unclean 6
            fetch
                1: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 1 hw 5 start 2 diverging 2 6 own 2 6
                tell the loss of 6 to 10
            fetch
                2: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 2 hw 5 start 2 diverging 2 6 own 2 6
                tell the loss of 6 to 10
            told 6 10
            fetch
                3: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 3 hw 5 start 2 diverging 2 6 own 2 6
                truncate to 6
            truncated to 6
            fetch
                4: fetch from 2 in epoch 6 at 6 after epoch 3, synced to 6
        "#]],
    );
}

#[test]
fn what_was_told_of_another_cut_does_not_count() {
    check(
        "
        commit 6/2 leader 2 unclean 6
        told 6 10
        fetch
        answer 1 hw 5 start 2 diverging 2 4 own 2 4
        told 4 10
        commit 7/3 leader 1 unclean 6
        fetch
        answer 2 hw 5 start 2 diverging 2 4 own 2 4
        ",
        expect![[r#"
            commit 6/2 leader 2 unclean 6
            told 6 10
            fetch
                1: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 1 hw 5 start 2 diverging 2 4 own 2 4
                tell the loss of 4 to 10
            told 4 10
            commit 7/3 leader 1 unclean 6
            fetch
                2: fetch from 1 in epoch 7 at 10 after epoch 3, synced to 10
            answer 2 hw 5 start 2 diverging 2 4 own 2 4
                truncate to 4
        "#]],
    );
}

#[test]
fn records_of_an_epoch_that_was_not_overruled_are_cut_at_once() {
    check(
        "
        commit 6/2 leader 2 unclean 3
        fetch
        answer 1 hw 5 start 2 diverging 2 6 own 2 6
        ",
        expect![[r#"
            commit 6/2 leader 2 unclean 3
            fetch
                1: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 1 hw 5 start 2 diverging 2 6 own 2 6
                truncate to 6
        "#]],
    );
}

#[test]
fn a_log_below_an_unclean_leaders_is_told_before_it_starts_over() {
    check(
        "
        commit 6/2 leader 2 unclean 6
        fetch
        answer 1 hw 0 start 30 out of range
        told 2 10
        fetch
        answer 2 hw 0 start 30 out of range
        started over at 30
        fetch
        ",
        expect![[r#"
            commit 6/2 leader 2 unclean 6
            fetch
                1: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 1 hw 0 start 30 out of range
                tell the loss of at most 2 to 10
            told 2 10
            fetch
                2: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 2 hw 0 start 30 out of range
                start over at 30
            started over at 30
            fetch
                3: fetch from 2 in epoch 6 at 30 after epoch 3, synced to 30
        "#]],
    );
    check(
        "
        commit 6/2 leader 2
        fetch
        answer 1 hw 0 start 30 out of range
        ",
        expect![[r#"
            commit 6/2 leader 2
            fetch
                1: fetch from 2 in epoch 6 at 10 after epoch 3, synced to 10
            answer 1 hw 0 start 30 out of range
                start over at 30
        "#]],
    );
}

#[test]
fn a_response_of_an_earlier_leader_is_ignored() {
    check(
        "
        fetch
        commit 6/2 leader 3
        answer 1 hw 9 start 2 diverging 2 3 own 2 3
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            commit 6/2 leader 3
            answer 1 hw 9 start 2 diverging 2 3 own 2 3
            fetch
                2: fetch from 3 in epoch 6 at 10 after epoch 3, synced to 10
        "#]],
    );
}

#[test]
fn a_watermark_of_an_earlier_leader_is_not_taken_over() {
    check(
        "
        fetch
        answer 1 hw 12 start 2 records
        commit 6/2 leader 3
        appended to 14
        synced to 14
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 12 start 2 records
                append
            commit 6/2 leader 3
            appended to 14
            synced to 14
            fetch
                2: fetch from 3 in epoch 6 at 14 after epoch 3, synced to 14
        "#]],
    );
}
