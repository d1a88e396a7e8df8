//! Who leaves the in-sync set, who comes back, and what waits for them.

use expect_test::expect;

use super::check;

#[test]
fn a_silent_follower_leaves_the_isr_and_unblocks_commits() {
    check(
        &[2, 3],
        "
        append to 5
        sync to 5
        fetch by 2 from 5 at 1s
        tick 10s
        tick 11s
        tick 12s
        commit 5/2 isr 1,2 at 12s
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 2 from 5 at 1s
            tick 10s
            tick 11s
                propose isr 1 2@9 from epochs 5/1: 3 fell behind
            tick 12s
            commit 5/2 isr 1,2 at 12s
                advance high watermark to 5
        "#]],
    );
}

#[test]
fn a_follower_one_round_behind_under_load_stays_in_sync() {
    check(
        &[2],
        "
        append to 5
        fetch by 2 from 0 at 1s
        append to 9
        fetch by 2 from 5 at 8s
        append to 12
        fetch by 2 from 9 at 16s
        tick 17s
        tick 19s
        ",
        expect![[r#"
            append to 5
            fetch by 2 from 0 at 1s
            append to 9
            fetch by 2 from 5 at 8s
            append to 12
            fetch by 2 from 9 at 16s
            tick 17s
            tick 19s
                propose isr 1 from epochs 5/1: 2 fell behind
        "#]],
    );
}

#[test]
fn a_follower_that_caught_up_asks_to_come_back() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 3 at 1s
        fetch by 2 from 5 at 2s
        fetch by 2 from 5 at 3s
        commit 5/3 isr 1,2 at 3s
        fetch by 2 from 2 at 4s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
            fetch by 2 from 3 at 1s
            fetch by 2 from 5 at 2s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            fetch by 2 from 5 at 3s
            commit 5/3 isr 1,2 at 3s
            fetch by 2 from 2 at 4s
                propose isr 1 from epochs 5/3: 2 lost records
        "#]],
    );
}

#[test]
fn the_watermark_waits_for_whom_a_proposal_would_add() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 5 at 1s
        append to 9
        sync to 9
        superseded 2 at 2s
        unanswered 2 at 2s
        tick 3s
        rejected 2 at 3s
        fetch by 2 from 9 at 3.5s
        fetch by 2 from 9 at 4s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
            fetch by 2 from 5 at 1s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            append to 9
            sync to 9
            superseded 2 at 2s
            unanswered 2 at 2s
            tick 3s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            rejected 2 at 3s
                advance high watermark to 9
            fetch by 2 from 9 at 3.5s
            fetch by 2 from 9 at 4s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
        "#]],
    );
}

#[test]
fn the_watermark_waits_a_moment_for_a_follower_one_step_away() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 0 at 1s
        append to 9
        sync to 9
        fetch by 2 from 5 at 2s
        append to 12
        sync to 12
        fetch by 2 from 9 at 3s
        commit 5/3 isr 1,2 at 3s
        fetch by 2 from 12 at 3s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
            fetch by 2 from 0 at 1s
            append to 9
            sync to 9
                advance high watermark to 9
            fetch by 2 from 5 at 2s
            append to 12
            sync to 12
            fetch by 2 from 9 at 3s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            commit 5/3 isr 1,2 at 3s
            fetch by 2 from 12 at 3s
                advance high watermark to 12
        "#]],
    );
}

#[test]
fn a_follower_that_stops_one_step_away_is_not_waited_for() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 0 at 1s
        append to 9
        sync to 9
        fetch by 2 from 5 at 2s
        append to 12
        sync to 12
        tick 3s
        tick 4s
        fetch by 2 from 9 at 5s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
            fetch by 2 from 0 at 1s
            append to 9
            sync to 9
                advance high watermark to 9
            fetch by 2 from 5 at 2s
            append to 12
            sync to 12
            tick 3s
            tick 4s
                advance high watermark to 12
            fetch by 2 from 9 at 5s
        "#]],
    );
}

#[test]
fn one_proposal_is_in_flight_at_a_time() {
    check(
        &[2, 3],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 5 at 1s
        fetch by 3 from 5 at 1s
        tick 60s
        commit 5/3 isr 1,2 at 60s
        fetch by 3 from 5 at 61s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
            fetch by 2 from 5 at 1s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            fetch by 3 from 5 at 1s
            tick 60s
            commit 5/3 isr 1,2 at 60s
                propose isr 1 2@9 3@9 from epochs 5/3: 3 caught up
            fetch by 3 from 5 at 61s
        "#]],
    );
}

#[test]
fn a_follower_that_was_ready_joins_without_another_fetch() {
    check(
        &[2, 3],
        "
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 5 at 1s
        fetch by 3 from 5 at 1s
        rejected 2 at 2s
        tick 2s
        commit 5/3 isr 1,3 at 3s
        append to 6
        fetch by 2 from 5 at 3s
        tick 4s
        ",
        expect![[r#"
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
                advance high watermark to 5
            fetch by 2 from 5 at 1s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            fetch by 3 from 5 at 1s
            rejected 2 at 2s
            tick 2s
                propose isr 1 3@9 from epochs 5/2: 3 caught up
            commit 5/3 isr 1,3 at 3s
                propose isr 1 3@9 2@9 from epochs 5/3: 2 caught up
            append to 6
            fetch by 2 from 5 at 3s
            tick 4s
        "#]],
    );
}

#[test]
fn nothing_is_committed_below_the_minimum_isr() {
    check(
        &[2, 3],
        "
        min isr 2
        append to 5
        sync to 5
        commit 5/2 isr 1 at 1s
        fetch by 2 from 5 at 1s
        commit 5/3 isr 1,2 at 2s
        ",
        expect![[r#"
            min isr 2
            append to 5
            sync to 5
            commit 5/2 isr 1 at 1s
            fetch by 2 from 5 at 1s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            commit 5/3 isr 1,2 at 2s
                advance high watermark to 5
        "#]],
    );
}

#[test]
fn acks_all_is_refused_while_too_few_are_in_sync() {
    check(
        &[2],
        "
        may append with acks all
        commit 5/2 isr 1 at 1s
        min isr 2
        may append with acks all
        may append with acks 1
        commit 5/3 isr 1,2 at 2s
        may append with acks all
        min isr 3
        may append with acks all
        ",
        expect![[r#"
            may append with acks all
                yes
            commit 5/2 isr 1 at 1s
            min isr 2
            may append with acks all
                1 replicas are in sync and min.insync.replicas is 2
            may append with acks 1
                yes
            commit 5/3 isr 1,2 at 2s
            may append with acks all
                yes
            min isr 3
            may append with acks all
                yes
        "#]],
    );
}

#[test]
fn the_first_record_after_a_rest_finds_followers_in_sync() {
    check(
        &[2],
        "
        append to 5
        fetch by 2 from 5 at 1s
        append to 6
        fetch by 2 from 5 at 60s
        tick 61s
        append to 7
        tick 70s
        tick 71s
        ",
        expect![[r#"
            append to 5
            fetch by 2 from 5 at 1s
            append to 6
            fetch by 2 from 5 at 60s
            tick 61s
            append to 7
            tick 70s
            tick 71s
                propose isr 1 from epochs 5/1: 2 fell behind
        "#]],
    );
}

#[test]
fn a_follower_that_begins_before_the_leader_joins_once_it_has_dropped_that() {
    check(
        &[2],
        "
        commit 5/2 isr 1 at 0s
        append to 8
        sync to 8
        start at 7
        fetch by 2 over 0 to 8 at 1s
        fetch by 2 over 7 to 8 at 2s
        ",
        expect![[r#"
            commit 5/2 isr 1 at 0s
            append to 8
            sync to 8
                advance high watermark to 8
            start at 7
            fetch by 2 over 0 to 8 at 1s
            fetch by 2 over 7 to 8 at 2s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
        "#]],
    );
}

#[test]
fn a_follower_that_caught_up_while_it_was_dropped_comes_back() {
    check(
        &[2],
        "
        append to 5
        sync to 5
        fetch by 2 from 3 at 1s
        tick 12s
        fetch by 2 from 5 at 13s
        commit 5/2 isr 1 at 14s
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 2 from 3 at 1s
                advance high watermark to 3
            tick 12s
                propose isr 1 from epochs 5/1: 2 fell behind
            fetch by 2 from 5 at 13s
                advance high watermark to 5
            commit 5/2 isr 1 at 14s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
        "#]],
    );
}

#[test]
fn a_rejected_follower_is_proposed_again_and_ever_later() {
    check(
        &[2],
        "
        commit 5/2 isr 1 at 0s
        fetch by 2 from 0 at 1s
        rejected 2 at 2s
        tick 3s
        rejected 2 at 4s
        tick 5s
        tick 6s
        rejected 2 at 7s
        fetch by 2 as 12 from 0 at 8s
        ",
        expect![[r#"
            commit 5/2 isr 1 at 0s
            fetch by 2 from 0 at 1s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            rejected 2 at 2s
            tick 3s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            rejected 2 at 4s
            tick 5s
            tick 6s
                propose isr 1 2@9 from epochs 5/2: 2 caught up
            rejected 2 at 7s
            fetch by 2 as 12 from 0 at 8s
                propose isr 1 2@12 from epochs 5/2: 2 caught up
        "#]],
    );
}

#[test]
fn a_follower_whose_proposal_was_overtaken_is_proposed_again() {
    check(
        &[2, 3],
        "
        append to 5
        sync to 5
        fetch by 3 from 5 at 1s
        commit 5/2 isr 1,3 at 1s
        fetch by 2 from 5 at 1s
        commit 5/3 isr 1 at 2s
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 3 from 5 at 1s
            commit 5/2 isr 1,3 at 1s
                advance high watermark to 5
            fetch by 2 from 5 at 1s
                propose isr 1 3@9 2@9 from epochs 5/2: 2 caught up
            commit 5/3 isr 1 at 2s
                propose isr 1 2@9 from epochs 5/3: 2 caught up
        "#]],
    );
}
