//! Scripts of events on the left, the follower's requests and commands on the right.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use kq_storage::{HighWatermark, LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::{
    Answer, Diverged, Durability, FetchToken, Follower, FollowerInput, FollowerStart, LostRange,
};
use crate::ids::{BrokerId, PartitionEpoch};

/// Runs a script against a follower of broker 1 in epochs 5/1 whose log spans 2 to 10, synced, all
/// of epoch 3, with high watermark 4. Its requests are numbered from 1.
#[track_caller]
pub(super) fn check(script: &str, want: Expect) {
    let mut follower = Follower::new(FollowerStart {
        leader: Some(BrokerId(1)),
        leader_epoch: LeaderEpoch(5),
        partition_epoch: PartitionEpoch(1),
        durability: Durability::Fsync,
        log_start: LogStartOffset(Offset(2)),
        synced_end: end(10),
        log_end: end(10),
        high_watermark: Some(HighWatermark(Offset(4))),
        unclean_epoch: None,
    });
    let (mut got, mut token) = (String::new(), 1);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(got, "{line}").unwrap();
        if line == "fetch" {
            match follower.next_fetch(FetchToken(token), Some(LeaderEpoch(3))) {
                Some(fetch) => {
                    writeln!(got, "    {token}: {fetch}").unwrap();
                    token += 1;
                }
                None => writeln!(got, "    not now").unwrap(),
            }
            continue;
        }
        let mut out = Vec::new();
        follower.step(parse(line), &mut out);
        for output in out {
            writeln!(got, "    {output}").unwrap();
        }
    }
    want.assert_eq(&got);
}

const fn end(offset: u64) -> LogEndOffset {
    LogEndOffset(Offset(offset))
}

fn offset(word: &str) -> Offset {
    Offset(word.parse().unwrap())
}

fn epoch(word: &str) -> LeaderEpoch {
    LeaderEpoch(word.parse().unwrap())
}

fn parse(line: &str) -> FollowerInput {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["answer", token, "hw", hw, "start", start, ref rest @ ..] => FollowerInput::Responded {
            token: FetchToken(token.parse().unwrap()),
            high_watermark: HighWatermark(offset(hw)),
            log_start: LogStartOffset(offset(start)),
            answer: answer(rest),
        },
        ["no", "answer", token] => {
            FollowerInput::FetchFailed { token: FetchToken(token.parse().unwrap()) }
        }
        ["appended", "to", to] => FollowerInput::Appended { log_end: LogEndOffset(offset(to)) },
        ["append", "failed"] => FollowerInput::AppendFailed,
        ["synced", "to", to] => FollowerInput::Synced { synced_end: LogEndOffset(offset(to)) },
        ["truncated", "to", to] => FollowerInput::Truncated { log_end: LogEndOffset(offset(to)) },
        ["started", "over", "at", at] => FollowerInput::StartedOver { at: offset(at) },
        ["start", "at", at] => {
            FollowerInput::LogStartMoved { log_start: LogStartOffset(offset(at)) }
        }
        ["told", from, until] => FollowerInput::LossTold(LostRange {
            from: offset(from),
            until: offset(until),
            at_most: from == "2",
        }),
        ["commit", epochs, "leader", leader, ref unclean @ ..] => {
            let (leader_epoch, partition_epoch) = epochs.split_once('/').unwrap();
            FollowerInput::PartitionCommitted {
                leader: leader.parse().ok().map(BrokerId),
                leader_epoch: epoch(leader_epoch),
                partition_epoch: PartitionEpoch(partition_epoch.parse().unwrap()),
                unclean_epoch: unclean.last().map(|word| epoch(word)),
            }
        }
        ["durability", "os"] => FollowerInput::Reconfigured { durability: Durability::Os },
        _ => panic!("unknown line: {line}"),
    }
}

fn answer(words: &[&str]) -> Answer {
    match words {
        ["records"] => Answer::Records,
        ["nothing"] => Answer::Nothing,
        ["out", "of", "range"] => Answer::OutOfRange,
        ["refused"] => Answer::Refused,
        ["diverging", of, at, "own", rest @ ..] => {
            let own = match rest {
                [own_epoch, own_end] => Some((epoch(own_epoch), offset(own_end))),
                _ => None,
            };
            Answer::Diverging(Diverged { epoch: epoch(of), end: offset(at), own })
        }
        _ => panic!("unknown answer: {words:?}"),
    }
}

#[test]
fn asks_again_once_the_records_are_synced() {
    check(
        "
        fetch
        fetch
        answer 1 hw 12 start 2 records
        fetch
        appended to 14
        fetch
        synced to 14
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            fetch
                not now
            answer 1 hw 12 start 2 records
                append
            fetch
                not now
            appended to 14
                advance high watermark to 12
            fetch
                not now
            synced to 14
            fetch
                2: fetch from 1 in epoch 5 at 14 after epoch 3, synced to 14
        "#]],
    );
}

#[test]
fn asks_on_at_once_while_it_lacks_what_is_committed() {
    check(
        "
        fetch
        answer 1 hw 30 start 2 records
        appended to 20
        fetch
        answer 2 hw 30 start 2 records
        appended to 30
        fetch
        synced to 30
        fetch
        commit 6/2 leader 3
        fetch
        answer 4 hw 20 start 2 records
        appended to 40
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 30 start 2 records
                append
            appended to 20
                advance high watermark to 20
            fetch
                2: fetch from 1 in epoch 5 at 20 after epoch 3, synced to 10
            answer 2 hw 30 start 2 records
                append
            appended to 30
                advance high watermark to 30
            fetch
                not now
            synced to 30
            fetch
                3: fetch from 1 in epoch 5 at 30 after epoch 3, synced to 30
            commit 6/2 leader 3
            fetch
                4: fetch from 3 in epoch 6 at 30 after epoch 3, synced to 30
            answer 4 hw 20 start 2 records
                append
            appended to 40
            fetch
                not now
        "#]],
    );
}

#[test]
fn page_cache_durability_does_not_wait_for_the_sync() {
    check(
        "
        durability os
        fetch
        answer 1 hw 12 start 2 records
        appended to 14
        fetch
        ",
        expect![[r#"
            durability os
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 12 start 2 records
                append
            appended to 14
                advance high watermark to 12
            fetch
                2: fetch from 1 in epoch 5 at 14 after epoch 3, synced to 10
        "#]],
    );
}

#[test]
fn the_watermark_stays_within_the_log() {
    check(
        "
        fetch
        answer 1 hw 30 start 2 nothing
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 30 start 2 nothing
                advance high watermark to 10
        "#]],
    );
}

#[test]
fn a_response_to_an_earlier_request_is_ignored() {
    check(
        "
        fetch
        no answer 1
        fetch
        answer 1 hw 9 start 2 records
        no answer 1
        fetch
        answer 2 hw 9 start 2 nothing
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            no answer 1
            fetch
                2: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 9 start 2 records
            no answer 1
            fetch
                not now
            answer 2 hw 9 start 2 nothing
                advance high watermark to 9
        "#]],
    );
}

#[test]
fn a_change_of_the_isr_keeps_the_request() {
    check(
        "
        fetch
        commit 5/2 leader 1
        answer 1 hw 9 start 2 nothing
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            commit 5/2 leader 1
            answer 1 hw 9 start 2 nothing
                advance high watermark to 9
        "#]],
    );
}

#[test]
fn cuts_where_the_common_epoch_ends_first() {
    check(
        "
        fetch
        answer 1 hw 9 start 2 diverging 3 7 own 3 10
        truncated to 7
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 9 start 2 diverging 3 7 own 3 10
                truncate to 7
            truncated to 7
            fetch
                2: fetch from 1 in epoch 5 at 7 after epoch 3, synced to 7
        "#]],
    );
}

#[test]
fn cuts_at_the_own_end_of_an_epoch_that_ends_sooner_here() {
    check(
        "
        fetch
        answer 1 hw 9 start 2 diverging 2 8 own 2 5
        truncated to 5
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 9 start 2 diverging 2 8 own 2 5
                truncate to 5
            truncated to 5
            fetch
                2: fetch from 1 in epoch 5 at 5 after epoch 3, synced to 5
        "#]],
    );
}

#[test]
fn cuts_to_an_older_epoch_when_the_leaders_is_unknown_here() {
    check(
        "
        fetch
        answer 1 hw 9 start 2 diverging 2 8 own 1 6
        truncated to 6
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 9 start 2 diverging 2 8 own 1 6
                truncate to 6
            truncated to 6
            fetch
                2: fetch from 1 in epoch 5 at 6 after epoch 3, synced to 6
        "#]],
    );
}

#[test]
fn a_cut_below_the_watermark_takes_it_along() {
    check(
        "
        fetch
        answer 1 hw 9 start 2 diverging 2 3 own 2 9
        truncated to 3
        fetch
        answer 2 hw 3 start 2 nothing
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 9 start 2 diverging 2 3 own 2 9
                truncate to 3
            truncated to 3
            fetch
                2: fetch from 1 in epoch 5 at 3 after epoch 3, synced to 3
            answer 2 hw 3 start 2 nothing
        "#]],
    );
}

#[test]
fn a_cut_goes_no_lower_than_the_logs_start() {
    check(
        "
        fetch
        answer 1 hw 9 start 0 diverging 1 1 own none
        truncated to 2
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 9 start 0 diverging 1 1 own none
                truncate to 2
            truncated to 2
        "#]],
    );
}

#[test]
fn starts_over_when_the_leader_begins_beyond_its_end() {
    check(
        "
        fetch
        answer 1 hw 40 start 30 out of range
        started over at 30
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 40 start 30 out of range
                start over at 30
            started over at 30
            fetch
                2: fetch from 1 in epoch 5 at 30 after epoch 3, synced to 30
        "#]],
    );
}

#[test]
fn keeps_its_records_when_the_leader_has_nothing_to_say() {
    check(
        "
        fetch
        answer 1 hw 6 start 2 out of range
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 6 start 2 out of range
            fetch
                2: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
        "#]],
    );
}

#[test]
fn follows_the_leaders_log_start_up_to_the_watermark() {
    check(
        "
        fetch
        answer 1 hw 8 start 6 nothing
        start at 6
        fetch
        answer 2 hw 8 start 9 nothing
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 8 start 6 nothing
                advance high watermark to 8
                raise log start to 6
            start at 6
            fetch
                2: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 2 hw 8 start 9 nothing
                raise log start to 8
        "#]],
    );
}

#[test]
fn records_that_were_not_taken_are_asked_for_again() {
    check(
        "
        fetch
        answer 1 hw 12 start 2 records
        append failed
        fetch
        ",
        expect![[r#"
            fetch
                1: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
            answer 1 hw 12 start 2 records
                append
            append failed
            fetch
                2: fetch from 1 in epoch 5 at 10 after epoch 3, synced to 10
        "#]],
    );
}
