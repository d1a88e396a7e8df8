//! Scripts of events on the left, the leader's commands on the right.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use kq_storage::{LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::{Acks, Durability, Input, Leader, Rules};
use crate::ids::BrokerId;

/// Runs a script against leader 1 of an empty log, epoch 5, with these in-sync followers.
#[track_caller]
fn check(followers: &[u32], script: &str, want: Expect) {
    let rules = Rules { lag_max: Duration::from_secs(10), ..Rules::default() };
    let followers = followers.iter().map(|id| (BrokerId(*id), true));
    let span = (LogStartOffset::default(), LogEndOffset::default(), LogEndOffset::default());
    let mut leader = Leader::new(LeaderEpoch(5), rules, span, followers);
    let mut got = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(got, "{line}").unwrap();
        if let Some(answer) = question(line, &leader) {
            writeln!(got, "    {answer}").unwrap();
            continue;
        }
        let mut out = Vec::new();
        leader.step(parse(line), &mut out);
        for output in out {
            writeln!(got, "    {output}").unwrap();
        }
    }
    want.assert_eq(&got);
}

fn question(line: &str, leader: &Leader) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let told = |result: Result<(), String>| result.map_or_else(|err| err, |()| "yes".to_owned());
    match words[..] {
        ["may", "append", "with", "acks", acks] => {
            let acks = if acks == "all" { Acks::All } else { Acks::Leader };
            Some(told(leader.verify_append(acks).map_err(|err| err.to_string())))
        }
        ["knows", "epoch", epoch] => {
            let epoch = LeaderEpoch(epoch.parse().unwrap());
            Some(told(leader.verify_epoch(Some(epoch)).map_err(|err| err.to_string())))
        }
        _ => None,
    }
}

fn parse(line: &str) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |word: &str| word.parse::<u64>().unwrap();
    let seconds = |word: &str| Duration::from_secs(number(word.trim_end_matches('s')));
    let broker = |word: &str| BrokerId(word.parse().unwrap());
    let end = |word: &str| LogEndOffset(Offset(number(word)));
    let rules = Rules { lag_max: Duration::from_secs(10), ..Rules::default() };
    match words[..] {
        ["append", "to", to] => Input::Appended { log_end: end(to) },
        ["sync", "to", to] => Input::Synced { synced_end: end(to) },
        ["start", "at", at] => {
            Input::LogStartMoved { log_start: LogStartOffset(Offset(number(at))) }
        }
        ["fetch", "by", id, "from", from, "at", now] => Input::FollowerFetched {
            follower: broker(id),
            has_below: Offset(number(from)),
            now: seconds(now),
        },
        ["tick", now] => Input::Ticked { now: seconds(now) },
        ["isr", ref ids @ ..] => {
            Input::IsrCommitted { isr: ids.iter().map(|it| broker(it)).collect() }
        }
        ["durability", "os"] => {
            Input::Reconfigured { rules: Rules { durability: Durability::Os, ..rules } }
        }
        ["min", "isr", count] => {
            Input::Reconfigured { rules: Rules { isr_min: count.parse().unwrap(), ..rules } }
        }
        _ => panic!("unknown line: {line}"),
    }
}

#[test]
fn nothing_is_committed_before_it_is_synced() {
    check(
        &[],
        "
        append to 10
        sync to 4
        append to 12
        sync to 12
        sync to 10
        ",
        expect![[r"
            append to 10
            sync to 4
                advance high watermark to 4
            append to 12
            sync to 12
                advance high watermark to 12
            sync to 10
        "]],
    );
}

#[test]
fn page_cache_durability_commits_what_is_appended() {
    check(
        &[],
        "
        append to 3
        durability os
        append to 10
        sync to 10
        ",
        expect![[r"
            append to 3
            durability os
                advance high watermark to 3
            append to 10
                advance high watermark to 10
            sync to 10
        "]],
    );
}

#[test]
fn commits_when_the_slowest_in_sync_follower_has_it() {
    check(
        &[2, 3],
        "
        append to 10
        sync to 10
        fetch by 2 from 10 at 1s
        fetch by 3 from 4 at 1s
        fetch by 3 from 10 at 2s
        ",
        expect![[r"
            append to 10
            sync to 10
            fetch by 2 from 10 at 1s
            fetch by 3 from 4 at 1s
                advance high watermark to 4
            fetch by 3 from 10 at 2s
                advance high watermark to 10
        "]],
    );
}

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
        isr 1 2
        ",
        expect![[r#"
            append to 5
            sync to 5
            fetch by 2 from 5 at 1s
            tick 10s
            tick 11s
                propose isr without 3
            tick 12s
            isr 1 2
                advance high watermark to 5
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
        isr 1
        fetch by 2 from 3 at 1s
        fetch by 2 from 5 at 2s
        fetch by 2 from 5 at 3s
        isr 1 2
        fetch by 2 from 2 at 4s
        ",
        expect![[r#"
            append to 5
            sync to 5
            isr 1
                advance high watermark to 5
            fetch by 2 from 3 at 1s
            fetch by 2 from 5 at 2s
                propose isr with 2
            fetch by 2 from 5 at 3s
            isr 1 2
            fetch by 2 from 2 at 4s
                propose isr without 2
        "#]],
    );
}

#[test]
fn acks_all_is_refused_while_too_few_are_in_sync() {
    check(
        &[2],
        "
        may append with acks all
        isr 1
        min isr 2
        may append with acks all
        may append with acks 1
        isr 1 2
        may append with acks all
        ",
        expect![[r#"
            may append with acks all
                yes
            isr 1
            min isr 2
            may append with acks all
                1 replicas are in sync and min.insync.replicas is 2
            may append with acks 1
                yes
            isr 1 2
            may append with acks all
                yes
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
#[should_panic(expected = "only committed records are deleted")]
fn uncommitted_records_are_never_deleted() {
    check(&[], "append to 9\nstart at 3", expect![""]);
}
