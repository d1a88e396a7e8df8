//! Scripts of what a producer, a consumer and a cluster do, and which classes are shown when.
//!
//! A line is an action, or `run TIME`, which lets the time pass. Whenever the shown class changes it
//! is written down with its time; what is not there did not flap.

mod world;

use expect_test::{Expect, expect};

use self::world::World;

#[track_caller]
fn check(script: &str, want: Expect) {
    let mut world = World::new();
    script.lines().map(str::trim).filter(|it| !it.is_empty()).for_each(|line| world.act(line));
    want.assert_eq(&world.log);
}

#[test]
fn a_busy_group_that_keeps_up_is_ok_at_any_rhythm() {
    for (every, behind) in [("1s", 0), ("5s", 0), ("5s", 90), ("7s", 0), ("60s", 90), ("5m", 0)] {
        let script =
            format!("produce 100/s\nbehind {behind}\nconsume 1000/s commit {every}\nrun 2h");
        let mut world = World::new();
        script.lines().for_each(|line| world.act(line));
        let classes: Vec<&str> =
            world.log.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert!(matches!(classes[..], ["new", "ok"] | ["ok"]), "{every}: {}", world.log);
    }
}

#[test]
fn an_idle_topic_that_gets_one_record_raises_no_alarm() {
    check(
        "produce 10/s
         consume 1000/s commit 5s
         run 1m
         produce 0/s
         run 20s
         silence
         run 8h
         backlog 1
         run 6s
         consume 1000/s commit 5s
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            682s let go
        "#]],
    );
}

#[test]
fn a_group_that_falls_behind_is_lagging() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 10m
         consume 90/s commit 5s
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            702s lagging (rising)
        "#]],
    );
}

#[test]
fn a_group_that_reads_as_fast_as_is_written_stays_lagging() {
    check(
        "backlog 100000
         produce 100/s
         consume 100/s commit 5s
         run 10m",
        expect![[r#"
            7s new (new)
            16s lagging (level)
        "#]],
    );
}

#[test]
fn a_group_that_commits_the_same_offset_is_stalled() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         freeze
         run 10m
         consume 1000/s commit 5s
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            357s stalled (stands_still)
            917s draining (falling)
            977s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_group_whose_members_left_is_stopped() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         leave
         run 10m
         consume 1000/s commit 5s
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            314s stopped (no_member)
            907s new (new)
            913s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_member_that_commits_no_more_stops_by_its_rhythm() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         silence
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            349s stopped (member_silent)
        "#]],
    );
    check(
        "produce 100/s
         consume 1000/s commit 60s
         run 30m
         silence
         run 20m",
        expect![[r#"
            62s new (new)
            123s ok (keeps_up)
            2344s stopped (member_silent)
        "#]],
    );
}

#[test]
fn one_that_commits_often_is_told_to_have_stopped_within_a_quarter_of_a_minute() {
    // After a few commits as after many.
    for (worked, fell_silent) in [("4s", 4), ("10m", 600)] {
        let mut world = World::new();
        for line in ["produce 100/s", "behind 90", "consume 1000/s commit 0.4s"] {
            world.act(line);
        }
        world.act(&format!("run {worked}"));
        world.act("silence");
        world.act("run 5m");
        let stopped = world.log.lines().last().unwrap();
        let (at, said) = stopped.split_once("s ").unwrap();
        assert_eq!(said, "stopped (member_silent)", "after {worked}: {}", world.log);
        let took = at.parse::<u64>().unwrap() - fell_silent;
        assert!((10..=13).contains(&took), "after {worked}: {}", world.log);
    }
}

#[test]
fn a_partition_whose_turn_does_not_come_is_not_stopped_at_once() {
    check(
        "produce 100/s
         behind 90
         consume 1000/s commit 1s
         run 5m
         elsewhere
         silence
         run 4m
         consume 1000/s commit 1s
         run 5m
         silence
         run 10m",
        expect![[r#"
            2s new (new)
            12s ok (keeps_up)
            1142s stopped (member_silent)
        "#]],
    );
}

#[test]
fn a_new_coordinator_tells_at_once_what_has_stopped_long_ago() {
    check(
        "produce 100/s
         behind 90
         consume 1000/s commit 5s
         run 5m
         silence
         run 30m
         coordinator moves
         run 10m",
        expect![[r#"
            7s new (new)
            16s ok (keeps_up)
            347s stopped (member_silent)
            2102s new (coordinator_moved)
            2113s stopped (member_silent)
        "#]],
    );
}

#[test]
fn bursts_with_pauses_between_are_a_rhythm() {
    let mut world = World::new();
    for line in ["produce 100/s", "behind 90"] {
        world.act(line);
    }
    for _ in 0..30 {
        for line in ["consume 1000/s commit 1s", "run 20s", "silence", "run 40s"] {
            world.act(line);
        }
    }
    // The first pause is longer than anything it has done before; then it is known.
    let stops = world.log.lines().filter(|it| it.contains("stopped")).count();
    assert!(stops <= 1, "{}", world.log);
}

#[test]
fn a_short_restart_of_a_consumer_raises_no_alarm() {
    check(
        "produce 100/s
         consume 1000/s commit 60s
         run 20m
         leave
         run 10s
         consume 1000/s commit 60s
         run 20m",
        expect![[r#"
            62s new (new)
            123s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_group_without_members_commits_at_its_own_rhythm() {
    check(
        "produce 100/s
         simple consume 1000/s commit 10m
         run 6h",
        expect![[r#"
            602s new (new)
            1203s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_group_that_works_a_backlog_off_is_draining() {
    check(
        "backlog 100000
         produce 100/s
         consume 300/s commit 5s
         run 15m",
        expect![[r#"
            7s new (new)
            16s draining (falling)
            507s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_step_back_is_rewound_until_it_is_regained() {
    check(
        "produce 100/s
         consume 300/s commit 5s
         run 5m
         seek back 20000
         run 20m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            322s rewound (stepped_back)
            357s draining (falling)
            407s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_reset_by_an_operator_is_no_step_back() {
    check(
        "produce 100/s
         consume 300/s commit 5s
         run 5m
         reset to 0
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            302s new (reset)
            318s draining (falling)
            457s ok (keeps_up)
        "#]],
    );
}

#[test]
fn a_gap_up_to_the_end_is_nothing_to_read() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 1m
         produce 0/s
         run 20s
         silence
         gap
         backlog 7
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
        "#]],
    );
}

#[test]
fn an_open_transaction_is_nothing_to_read() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 1m
         transaction opens
         freeze
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
        "#]],
    );
}

#[test]
fn a_partition_without_a_leader_is_no_judgement() {
    check(
        "produce 100/s
         consume 90/s commit 5s
         run 5m
         leader lost
         run 1m
         leader back
         run 5m
         leader silent
         run 12s
         leader back
         run 5m
         leader silent
         run 1m",
        expect![[r#"
            7s new (new)
            16s ok (keeps_up)
            102s lagging (rising)
            302s leaderless (no_leader)
            362s lagging (rising)
            672s leaderless (silent_leader)
            677s lagging (rising)
            987s leaderless (silent_leader)
        "#]],
    );
}

#[test]
fn retention_over_the_commit_takes_the_work_away() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         leave
         run 5m
         produce 0/s
         expire all
         run 5m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            314s stopped (no_member)
            602s ok (read_all)
        "#]],
    );
}

#[test]
fn a_clock_that_jumps_moves_no_class() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         clock back 1h
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
        "#]],
    );
}

#[test]
fn a_new_coordinator_judges_anew() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         coordinator moves
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            302s new (coordinator_moved)
            313s ok (keeps_up)
        "#]],
    );
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         leave
         run 5m
         coordinator moves
         run 10m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            314s stopped (no_member)
            602s new (coordinator_moved)
            613s stopped (no_member)
        "#]],
    );
}

#[test]
fn a_topic_made_anew_begins_anew() {
    check(
        "produce 100/s
         consume 1000/s commit 5s
         run 5m
         topic made anew
         run 5m",
        expect![[r#"
            7s new (new)
            15s ok (read_all)
            307s new (new)
            315s ok (read_all)
        "#]],
    );
}
