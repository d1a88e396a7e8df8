//! Goals against topics of which every record is known: each figure is counted from the records.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{Goal, NoCommit, Standing};

/// Offsets and times of what is still there, between `start` and `end`.
struct Topic {
    records: &'static [(i64, i64)],
    start: i64,
    end: i64,
    is_compacted: bool,
}

const HOUR: i64 = 3_600_000;

/// Three records, an hour of nothing, two more; retention took the first two.
const GAPS: Topic = Topic {
    records: &[(2, 2_000), (3, HOUR + 1_000), (4, HOUR + 2_000)],
    start: 2,
    end: 5,
    is_compacted: false,
};

/// Keys a b a c a at 0 to 4: b, c and the last a stay.
const COMPACTED: Topic =
    Topic { records: &[(1, 10), (3, 30), (4, 40)], start: 0, end: 5, is_compacted: true };

/// The last record was compacted away: the gap reaches the end.
const OPEN_GAP: Topic = Topic { records: &[(0, 0), (1, 10)], start: 0, end: 4, is_compacted: true };

/// `yesterday` is no goal; these are, as the operator writes them.
fn goal(spec: &str, topic: &Topic) -> Goal {
    let number = |text: &str| text.parse::<i64>().unwrap();
    match spec {
        "earliest" => Goal::Earliest,
        "latest" => Goal::Latest,
        "current" => Goal::Current,
        _ if spec.starts_with("end-") => Goal::BeforeEnd(number(&spec[4..])),
        _ if spec.starts_with(['+', '-']) => Goal::Shift(number(spec)),
        _ if spec.starts_with('@') => {
            let at = number(&spec[1..]);
            let found = topic.records.iter().find(|(_, time)| at <= *time).map(|(it, _)| *it);
            Goal::Time { found, is_future: 2 * HOUR < at }
        }
        _ => Goal::Offset(number(spec)),
    }
}

/// One line a spec and commit; every figure is compared with a count of the records.
fn table(topic: &Topic, specs: &[&str], commits: &[Option<i64>]) -> String {
    let mut lines = String::new();
    for spec in specs {
        for &committed in commits {
            let Topic { start, end, is_compacted, .. } = *topic;
            let standing = Standing { committed, start, end, is_compacted };
            let from = committed.map_or("-".to_owned(), |it| it.to_string());
            match standing.aim(goal(spec, topic)) {
                Err(NoCommit) => writeln!(lines, "{spec} from {from}: no commit").unwrap(),
                Ok(mut row) => {
                    let to = row.to.unwrap();
                    if let Some((next, _)) = topic.records.iter().find(|(it, _)| to <= *it) {
                        row.next_is(*next);
                    }
                    count_anew(topic, committed, &row);
                    let line = format!(
                        "{spec} from {from}: {to} reread {} skip {} {}",
                        row.reread, row.skip, row.note
                    );
                    writeln!(lines, "{}", line.trim_end()).unwrap();
                }
            }
        }
    }
    lines
}

/// What a consumer would read from one offset on.
fn readable(topic: &Topic, from: i64) -> Vec<i64> {
    topic.records.iter().map(|(it, _)| *it).filter(|it| from <= *it).collect()
}

fn count_anew(topic: &Topic, committed: Option<i64>, row: &super::Row) {
    let to = row.to.unwrap();
    assert!((topic.start..=topic.end).contains(&to), "{row:?}");
    let then = readable(topic, to);
    let otherwise = readable(topic, committed.unwrap_or(topic.start));
    let count = |of: &[i64], but: &[i64]| of.iter().filter(|it| !but.contains(it)).count() as u64;
    let (reread, skip) = (count(&then, &otherwise), count(&otherwise, &then));
    if topic.is_compacted {
        assert!(reread <= row.reread && skip <= row.skip, "{row:?}: {reread} {skip}");
    } else {
        assert_eq!((row.reread, row.skip), (reread, skip), "{row:?}");
    }
}

fn check(topic: &Topic, specs: &[&str], commits: &[Option<i64>], want: &Expect) {
    want.assert_eq(&table(topic, specs, commits));
}

/// None, below the start, in the middle, at the end, beyond it.
const COMMITS: &[Option<i64>] = &[None, Some(0), Some(3), Some(5), Some(9)];

#[test]
fn named_positions_are_start_end_and_where_it_stands() {
    check(
        &GAPS,
        &["earliest", "latest", "current"],
        COMMITS,
        &expect![[r#"
            earliest from -: 2 reread 0 skip 0 no commit
            earliest from 0: 2 reread 0 skip 0
            earliest from 3: 2 reread 1 skip 0
            earliest from 5: 2 reread 3 skip 0
            earliest from 9: 2 reread 3 skip 0
            latest from -: 5 reread 0 skip 3 no commit
            latest from 0: 5 reread 0 skip 3
            latest from 3: 5 reread 0 skip 2
            latest from 5: 5 reread 0 skip 0
            latest from 9: 5 reread 0 skip 0
            current from -: 5 reread 0 skip 3 no commit
            current from 0: 2 reread 0 skip 0 to start 2
            current from 3: 3 reread 0 skip 0
            current from 5: 5 reread 0 skip 0
            current from 9: 5 reread 0 skip 0 to end 5
        "#]],
    );
}

#[test]
fn offsets_and_shifts_stay_within_the_log() {
    check(
        &GAPS,
        &["0", "4", "7", "+1", "-1", "+9223372036854775807", "-9223372036854775808"],
        COMMITS,
        &expect![[r#"
            0 from -: 2 reread 0 skip 0 no commit, to start 2
            0 from 0: 2 reread 0 skip 0 to start 2
            0 from 3: 2 reread 1 skip 0 to start 2
            0 from 5: 2 reread 3 skip 0 to start 2
            0 from 9: 2 reread 3 skip 0 to start 2
            4 from -: 4 reread 0 skip 2 no commit
            4 from 0: 4 reread 0 skip 2
            4 from 3: 4 reread 0 skip 1
            4 from 5: 4 reread 1 skip 0
            4 from 9: 4 reread 1 skip 0
            7 from -: 5 reread 0 skip 3 no commit, to end 5
            7 from 0: 5 reread 0 skip 3 to end 5
            7 from 3: 5 reread 0 skip 2 to end 5
            7 from 5: 5 reread 0 skip 0 to end 5
            7 from 9: 5 reread 0 skip 0 to end 5
            +1 from -: no commit
            +1 from 0: 2 reread 0 skip 0 to start 2
            +1 from 3: 4 reread 0 skip 1
            +1 from 5: 5 reread 0 skip 0 to end 5
            +1 from 9: 5 reread 0 skip 0 to end 5
            -1 from -: no commit
            -1 from 0: 2 reread 0 skip 0 to start 2
            -1 from 3: 2 reread 1 skip 0
            -1 from 5: 4 reread 1 skip 0
            -1 from 9: 5 reread 0 skip 0 to end 5
            +9223372036854775807 from -: no commit
            +9223372036854775807 from 0: 5 reread 0 skip 3 to end 5
            +9223372036854775807 from 3: 5 reread 0 skip 2 to end 5
            +9223372036854775807 from 5: 5 reread 0 skip 0 to end 5
            +9223372036854775807 from 9: 5 reread 0 skip 0 to end 5
            -9223372036854775808 from -: no commit
            -9223372036854775808 from 0: 2 reread 0 skip 0 to start 2
            -9223372036854775808 from 3: 2 reread 1 skip 0 to start 2
            -9223372036854775808 from 5: 2 reread 3 skip 0 to start 2
            -9223372036854775808 from 9: 2 reread 3 skip 0 to start 2
        "#]],
    );
}

#[test]
fn distances_from_the_end_stop_at_the_start() {
    check(
        &GAPS,
        &["end-0", "end-2", "end-9"],
        COMMITS,
        &expect![[r#"
        end-0 from -: 5 reread 0 skip 3 no commit
        end-0 from 0: 5 reread 0 skip 3
        end-0 from 3: 5 reread 0 skip 2
        end-0 from 5: 5 reread 0 skip 0
        end-0 from 9: 5 reread 0 skip 0
        end-2 from -: 3 reread 0 skip 1 no commit
        end-2 from 0: 3 reread 0 skip 1
        end-2 from 3: 3 reread 0 skip 0
        end-2 from 5: 3 reread 2 skip 0
        end-2 from 9: 3 reread 2 skip 0
        end-9 from -: 2 reread 0 skip 0 no commit, to start 2
        end-9 from 0: 2 reread 0 skip 0 to start 2
        end-9 from 3: 2 reread 1 skip 0 to start 2
        end-9 from 5: 2 reread 3 skip 0 to start 2
        end-9 from 9: 2 reread 3 skip 0 to start 2
    "#]],
    );
}

#[test]
fn times_find_the_first_record_that_is_not_older() {
    check(
        &GAPS,
        &["@0", "@2000", "@2001", "@3602000", "@3602001", "@9000000"],
        &[None, Some(0), Some(3), Some(5)],
        &expect![[r#"
            @0 from -: 2 reread 0 skip 0 no commit
            @0 from 0: 2 reread 0 skip 0
            @0 from 3: 2 reread 1 skip 0
            @0 from 5: 2 reread 3 skip 0
            @2000 from -: 2 reread 0 skip 0 no commit
            @2000 from 0: 2 reread 0 skip 0
            @2000 from 3: 2 reread 1 skip 0
            @2000 from 5: 2 reread 3 skip 0
            @2001 from -: 3 reread 0 skip 1 no commit
            @2001 from 0: 3 reread 0 skip 1
            @2001 from 3: 3 reread 0 skip 0
            @2001 from 5: 3 reread 2 skip 0
            @3602000 from -: 4 reread 0 skip 2 no commit
            @3602000 from 0: 4 reread 0 skip 2
            @3602000 from 3: 4 reread 0 skip 1
            @3602000 from 5: 4 reread 1 skip 0
            @3602001 from -: 5 reread 0 skip 3 no commit, none so young: end
            @3602001 from 0: 5 reread 0 skip 3 none so young: end
            @3602001 from 3: 5 reread 0 skip 2 none so young: end
            @3602001 from 5: 5 reread 0 skip 0 none so young: end
            @9000000 from -: 5 reread 0 skip 3 no commit, future: end
            @9000000 from 0: 5 reread 0 skip 3 future: end
            @9000000 from 3: 5 reread 0 skip 2 future: end
            @9000000 from 5: 5 reread 0 skip 0 future: end
        "#]],
    );
}

#[test]
fn figures_of_a_compacted_topic_are_bounds_and_gaps_are_told() {
    check(
        &COMPACTED,
        &["earliest", "latest", "0", "2", "3", "@20", "-2"],
        &[None, Some(0), Some(2), Some(5)],
        &expect![[r#"
            earliest from -: 0 reread 0 skip 0 no commit
            earliest from 0: 0 reread 0 skip 0
            earliest from 2: 0 reread 2 skip 0 at most
            earliest from 5: 0 reread 5 skip 0 at most
            latest from -: 5 reread 0 skip 5 no commit, at most
            latest from 0: 5 reread 0 skip 5 at most
            latest from 2: 5 reread 0 skip 3 at most
            latest from 5: 5 reread 0 skip 0
            0 from -: 0 reread 0 skip 0 no commit, next is 1
            0 from 0: 0 reread 0 skip 0 next is 1
            0 from 2: 0 reread 2 skip 0 at most, next is 1
            0 from 5: 0 reread 5 skip 0 at most, next is 1
            2 from -: 2 reread 0 skip 2 no commit, at most, next is 3
            2 from 0: 2 reread 0 skip 2 at most, next is 3
            2 from 2: 2 reread 0 skip 0 next is 3
            2 from 5: 2 reread 3 skip 0 at most, next is 3
            3 from -: 3 reread 0 skip 3 no commit, at most
            3 from 0: 3 reread 0 skip 3 at most
            3 from 2: 3 reread 0 skip 1 at most
            3 from 5: 3 reread 2 skip 0 at most
            @20 from -: 3 reread 0 skip 3 no commit, at most
            @20 from 0: 3 reread 0 skip 3 at most
            @20 from 2: 3 reread 0 skip 1 at most
            @20 from 5: 3 reread 2 skip 0 at most
            -2 from -: no commit
            -2 from 0: 0 reread 0 skip 0 to start 0, next is 1
            -2 from 2: 0 reread 2 skip 0 at most, next is 1
            -2 from 5: 3 reread 2 skip 0 at most
        "#]],
    );
}

#[test]
fn a_gap_that_reaches_the_end_has_no_next_record() {
    check(
        &OPEN_GAP,
        &["2", "end-1", "current"],
        &[None, Some(1), Some(3)],
        &expect![[r#"
        2 from -: 2 reread 0 skip 2 no commit, at most
        2 from 1: 2 reread 0 skip 1 at most
        2 from 3: 2 reread 1 skip 0 at most
        end-1 from -: 3 reread 0 skip 3 no commit, at most
        end-1 from 1: 3 reread 0 skip 2 at most
        end-1 from 3: 3 reread 0 skip 0
        current from -: 4 reread 0 skip 4 no commit, at most
        current from 1: 1 reread 0 skip 0
        current from 3: 3 reread 0 skip 0
    "#]],
    );
}

#[test]
fn what_is_taken_back_is_restored_to_the_letter() {
    let aim = |committed, before, after| {
        let standing = Standing { committed, start: 10, end: 100, is_compacted: false };
        let row = standing.aim(Goal::Before { before, after }).unwrap();
        (row.to, row.reread, row.skip, row.note)
    };
    let plain = String::new;
    assert_eq!(aim(Some(40), Some(90), Some(40)), (Some(90), 0, 50, plain()));
    assert_eq!(aim(Some(40), Some(3), Some(40)), (Some(3), 30, 0, plain()), "below the start");
    assert_eq!(aim(Some(40), None, Some(40)), (None, 0, 0, plain()), "there was none");
    assert_eq!(aim(Some(60), Some(90), Some(40)), (Some(90), 0, 30, "+20 read since".into()));
    assert_eq!(
        aim(Some(20), Some(90), Some(40)),
        (Some(90), 0, 70, "went back to 20 since".into())
    );
    assert_eq!(aim(None, Some(90), Some(40)), (Some(90), 0, 80, "taken away since".into()));
    assert_eq!(aim(Some(7), Some(90), None), (Some(90), 0, 80, "7 was committed since".into()));
}

#[test]
fn a_commit_that_is_taken_away_costs_no_known_number() {
    let standing = Standing { committed: Some(4), start: 0, end: 9, is_compacted: true };
    let row = standing.aim(Goal::Nowhere).unwrap();
    assert_eq!(
        (row.to, row.reread, row.skip, row.is_bound, row.note),
        (None, 0, 0, false, String::new())
    );
}
