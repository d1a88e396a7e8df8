//! Scripts of events on the left, the leader's commands on the right.

mod isr;
mod registration;
mod terms;

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use kq_storage::{HighWatermark, LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::{Acks, Durability, Input, Leader, LeaderStart, ProposalRefusal, Rules};
use crate::ids::{BrokerEpoch, BrokerId, PartitionEpoch};

/// Runs a script against leader 1 of an empty log, epochs 5/1, with these in-sync followers.
#[track_caller]
fn check(followers: &[u32], script: &str, want: Expect) {
    let replicas = ids(&[&[1], followers].concat());
    run(&mut Leader::new(start(replicas)), script, want);
}

/// Runs it against a leader over a log that ends at 10, synced, with high watermark 4.
#[track_caller]
fn check_elected(followers: &[u32], script: &str, want: Expect) {
    let mut start = start(ids(&[&[1], followers].concat()));
    (start.synced_end, start.log_end) = (end(10), end(10));
    start.high_watermark = Some(HighWatermark(Offset(4)));
    run(&mut Leader::new(start), script, want);
}

fn start(replicas: Vec<BrokerId>) -> LeaderStart {
    LeaderStart {
        me: BrokerId(1),
        epoch: LeaderEpoch(5),
        partition_epoch: PartitionEpoch(1),
        rules: rules(),
        log_start: LogStartOffset::default(),
        synced_end: end(0),
        log_end: end(0),
        high_watermark: None,
        isr: replicas.clone(),
        registered: replicas.iter().map(|id| (*id, BrokerEpoch(9))).collect(),
        replicas,
        handover: None,
        now: Duration::ZERO,
    }
}

fn run(leader: &mut Leader, script: &str, want: Expect) {
    let mut got = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(got, "{line}").unwrap();
        if let Some(answer) = question(line, leader) {
            writeln!(got, "    {answer}").unwrap();
            continue;
        }
        let mut out = Vec::new();
        leader.step(parse(line, leader), &mut out);
        for output in out {
            writeln!(got, "    {output}").unwrap();
        }
    }
    want.assert_eq(&got);
}

fn rules() -> Rules {
    Rules { lag_max: Duration::from_secs(10), ..Rules::default() }
}

fn ids(list: &[u32]) -> Vec<BrokerId> {
    list.iter().copied().map(BrokerId).collect()
}

const fn end(offset: u64) -> LogEndOffset {
    LogEndOffset(Offset(offset))
}

fn number(word: &str) -> u64 {
    word.parse().unwrap()
}

fn small(word: &str) -> u32 {
    word.parse().unwrap()
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
            let epoch = LeaderEpoch(small(epoch));
            Some(told(leader.verify_epoch(Some(epoch)).map_err(|err| err.to_string())))
        }
        ["knows", "latest"] => Some(leader.knows_latest().to_string()),
        ["judge", offset, "after", epoch, "ending", of, at] => {
            let own_end = (LeaderEpoch(small(of)), Offset(number(at)));
            let last_epoch = Some(LeaderEpoch(small(epoch)));
            let verdict = leader.judge_fetch(Offset(number(offset)), last_epoch, Some(own_end));
            Some(format!("{verdict:?}"))
        }
        _ => None,
    }
}

fn parse(line: &str, leader: &Leader) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let seconds = |word: &str| Duration::from_secs_f64(word.trim_end_matches('s').parse().unwrap());
    match words[..] {
        ["append", "to", to] => Input::Appended { log_end: end(number(to)) },
        ["sync", "to", to] => Input::Synced { synced_end: end(number(to)) },
        ["start", "at", at] => {
            Input::LogStartMoved { log_start: LogStartOffset(Offset(number(at))) }
        }
        ["fetch", "by", id, "from", from, "at", now] => {
            fetch(id, "9", (number(from), number(from)), seconds(now))
        }
        ["fetch", "by", id, "from", from, "synced", synced, "at", now] => {
            fetch(id, "9", (number(from), number(synced)), seconds(now))
        }
        ["fetch", "by", id, "as", epoch, "from", from, "at", now] => {
            fetch(id, epoch, (number(from), number(from)), seconds(now))
        }
        ["fetch", "by", id, "over", start, "to", from, "at", now] => {
            over(number(start), fetch(id, "9", (number(from), number(from)), seconds(now)))
        }
        ["tick", now] => Input::Ticked { now: seconds(now) },
        ["commit", epochs, "isr", isr, ref rest @ ..] => commit(leader, epochs, isr, rest),
        [refusal @ ("rejected" | "superseded" | "unanswered"), epoch, "at", now] => {
            let refusal = match refusal {
                "rejected" => ProposalRefusal::Rejected,
                "superseded" => ProposalRefusal::Superseded,
                _ => ProposalRefusal::Unanswered,
            };
            let partition_epoch = PartitionEpoch(small(epoch));
            Input::ProposalRefused { partition_epoch, refusal, now: seconds(now) }
        }
        ["durability", "os"] => {
            Input::Reconfigured { rules: Rules { durability: Durability::Os, ..rules() } }
        }
        ["min", "isr", count] => {
            Input::Reconfigured { rules: Rules { isr_min: count.parse().unwrap(), ..rules() } }
        }
        _ => panic!("unknown line: {line}"),
    }
}

fn fetch(id: &str, epoch: &str, (from, synced): (u64, u64), now: Duration) -> Input {
    Input::FollowerFetched {
        follower: BrokerId(small(id)),
        broker_epoch: BrokerEpoch(number(epoch)),
        fetch_offset: Offset(from),
        synced_end: Offset(synced),
        log_start: LogStartOffset::default(),
        now,
    }
}

/// The same fetch by a follower whose log begins later.
fn over(start: u64, mut fetch: Input) -> Input {
    if let Input::FollowerFetched { log_start, .. } = &mut fetch {
        *log_start = LogStartOffset(Offset(start));
    }
    fetch
}

/// `5/2 isr 1,2 [to 2] [after 3 as 12] at 3s`: to whom it drains, and who has registered anew. The
/// replicas stay as they are.
fn commit(leader: &Leader, epochs: &str, isr: &str, rest: &[&str]) -> Input {
    let (epoch, partition_epoch) = epochs.split_once('/').unwrap();
    let (handover, reborn, now) = match rest {
        ["to", to, "at", now] => (Some(BrokerId(small(to))), None, now),
        ["after", id, "as", epoch, "at", now] => {
            (None, Some((BrokerId(small(id)), BrokerEpoch(number(epoch)))), now)
        }
        ["at", now] => (None, None, now),
        _ => panic!("unknown words: {rest:?}"),
    };
    let replicas: Vec<_> = (1..=4).map(BrokerId).filter(|id| leader.is_replica(*id)).collect();
    let as_before = |id: &BrokerId| (*id, BrokerEpoch(9));
    let reborn_is = |id: &BrokerId| reborn.filter(|(it, _)| it == id);
    let registered = replicas.iter().map(|id| reborn_is(id).unwrap_or_else(|| as_before(id)));
    Input::PartitionCommitted {
        epoch: LeaderEpoch(small(epoch)),
        partition_epoch: PartitionEpoch(small(partition_epoch)),
        registered: registered.collect(),
        replicas,
        isr: isr.split(',').map(|id| BrokerId(small(id))).collect(),
        handover,
        now: Duration::from_secs(number(now.trim_end_matches('s'))),
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
        expect![[r#"
            append to 10
            sync to 4
                advance high watermark to 4
            append to 12
            sync to 12
                advance high watermark to 12
            sync to 10
        "#]],
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
        expect![[r#"
            append to 3
            durability os
                advance high watermark to 3
            append to 10
                advance high watermark to 10
            sync to 10
        "#]],
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
        expect![[r#"
            append to 10
            sync to 10
            fetch by 2 from 10 at 1s
            fetch by 3 from 4 at 1s
                advance high watermark to 4
            fetch by 3 from 10 at 2s
                advance high watermark to 10
        "#]],
    );
}

#[test]
fn a_follower_counts_by_what_it_has_synced() {
    check(
        &[2],
        "
        append to 10
        sync to 10
        fetch by 2 from 10 synced 3 at 1s
        durability os
        ",
        expect![[r#"
            append to 10
            sync to 10
            fetch by 2 from 10 synced 3 at 1s
                advance high watermark to 3
            durability os
                advance high watermark to 10
        "#]],
    );
}

#[test]
#[should_panic(expected = "only committed records are deleted")]
fn uncommitted_records_are_never_deleted() {
    check(&[], "append to 9\nstart at 3", expect![""]);
}
