//! What happened over a span of time, in columns of equal length: how much, to whom and why, and
//! where nothing can be known.

use std::collections::BTreeMap;

use kq_proto::monitor::v1::{Axis, AxisScope, Hole, Share};

use super::timeline::{Names, Timeline};
use super::trouble::span;
use super::wanted::{Wanted, for_each_broker};
use crate::ids::BrokerId;
use crate::metadata::{Event, EventKind, MetadataImage, TimestampMs, Utc};

/// Columns, at most.
pub const COLUMNS_MAX: u32 = 512;
/// How many are named of each sort of share.
const SHARES_MAX: usize = 16;

/// The rows of an axis.
const SHRINKS: usize = 0;
const EXPANDS: usize = 1;
const LEADERS: usize = 2;
const FENCES: usize = 3;

/// Counts in the making.
struct Counts {
    columns: [Vec<u32>; 4],
    brokers: BTreeMap<BrokerId, u32>,
    topics: Vec<u32>,
    reasons: Vec<u32>,
}

/// What happened in a span, from its first moment to before its last.
pub fn axis(timeline: &Timeline, image: &MetadataImage, scope: &AxisScope) -> Axis {
    let columns = scope.columns.clamp(1, COLUMNS_MAX);
    let from = scope.from_at_ms;
    let until = scope.until_at_ms.max(from.saturating_add(1));
    let wanted = Wanted::new(scope.filter.as_ref());
    let width = usize::try_from(columns).unwrap_or(1);
    let mut counts = Counts {
        columns: std::array::from_fn(|_| vec![0; width]),
        brokers: BTreeMap::new(),
        topics: vec![0; timeline.topics.len()],
        reasons: vec![0; timeline.reasons.len()],
    };
    for (row, event) in timeline.from(image, timeline.first_from(from)) {
        if row.at_ms >= until {
            break;
        }
        let Some(kind) = row_of(event).filter(|_| wanted.accepts(event)) else { continue };
        let column = column(row.at_ms, (from, until), columns);
        counts.columns.get_mut(kind).into_iter().for_each(|it| bump(it, column));
        for_each_broker(event, |id| *counts.brokers.entry(id).or_default() += 1);
        if let Some(topic) = row.topic {
            bump(&mut counts.topics, topic as usize);
        }
        bump(&mut counts.reasons, row.reason as usize);
    }
    let worst = worst(&counts.columns);
    let by_broker = counts.brokers.iter().map(|(id, count)| (id.to_string(), *count)).collect();
    let by_topic = named(&counts.topics, &timeline.topics, "");
    let by_reason = named(&counts.reasons, &timeline.reasons, "no reason told");
    let [shrinks, expands, leaders, fences] = counts.columns;
    Axis {
        from_at_ms: from,
        until_at_ms: until,
        columns,
        shrinks,
        expands,
        leaders,
        fences,
        holes: holes(timeline, image, (from, until)),
        by_broker: most(by_broker),
        by_topic: most(by_topic),
        by_reason: most(by_reason),
        worst: worst.map(|(column, _)| column),
        worst_count: worst.map_or(0, |(_, count)| count),
    }
}

/// In which row of an axis an event counts.
fn row_of(event: &Event) -> Option<usize> {
    const ROWS: [(EventKind, usize); 5] = [
        (EventKind::IsrShrunk, SHRINKS),
        (EventKind::IsrExpanded, EXPANDS),
        (EventKind::LeaderChanged, LEADERS),
        (EventKind::LeaderElectedUncleanly, LEADERS),
        (EventKind::BrokerFenced, FENCES),
    ];
    ROWS.iter().find(|(kind, _)| *kind == event.kind).map(|(_, row)| *row)
}

/// The column that a moment of the span lies in.
fn column(at: i64, (from, until): (i64, i64), columns: u32) -> usize {
    let (at, span) = (i128::from(at) - i128::from(from), i128::from(until) - i128::from(from));
    usize::try_from(at * i128::from(columns) / span).unwrap_or(0)
}

fn bump(counts: &mut [u32], at: usize) {
    if let Some(count) = counts.get_mut(at) {
        *count = count.saturating_add(1);
    }
}

/// The column with most in it, the first of several, and how much that is.
fn worst(rows: &[Vec<u32>; 4]) -> Option<(u32, u32)> {
    let width = rows[SHRINKS].len();
    let sum = |at: usize| rows.iter().filter_map(|row| row.get(at)).sum::<u32>();
    let (at, count) = (0..width).map(|at| (at, sum(at))).rev().max_by_key(|(_, count)| *count)?;
    (count > 0).then_some((u32::try_from(at).unwrap_or(0), count))
}

fn named(counts: &[u32], names: &Names, empty: &str) -> Vec<(String, u32)> {
    let counted = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let name = |number: usize| match names.name(number) {
        "" => empty.to_owned(),
        name => name.to_owned(),
    };
    counted.map(|(number, count)| (name(number), *count)).collect()
}

/// Those with most, in the order of their names where they are even.
fn most(mut all: Vec<(String, u32)>) -> Vec<Share> {
    all.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    all.truncate(SHARES_MAX);
    all.into_iter().map(|(of, count)| Share { of, count }).collect()
}

/// Spans of which it is not known what happened in them, so far as they lie in this one.
fn holes(timeline: &Timeline, image: &MetadataImage, (from, until): (i64, i64)) -> Vec<Hole> {
    let mut holes = Vec::new();
    let oldest = image.events().next().map(|it| it.time);
    let forgotten = image.events().next().is_none_or(|it| it.number > 1);
    if let Some(oldest) = oldest.filter(|it| from < it.0) {
        let at = Utc(oldest);
        let why = if forgotten {
            format!("what happened before {at} is no longer kept")
        } else {
            format!("the history begins at {at}")
        };
        holes.push(Hole { from_at_ms: from, until_at_ms: oldest.0.min(until), why });
    }
    for it in timeline.unled() {
        if it.until.0 <= from || until <= it.from.0 {
            continue;
        }
        holes.push(Hole {
            from_at_ms: it.from.0.max(from),
            until_at_ms: it.until.0.min(until),
            why: unled_words(it.from, it.until),
        });
    }
    holes
}

/// `no controller for 2 m 3 s, from .. to ..`.
fn unled_words(from: TimestampMs, until: TimestampMs) -> String {
    format!(
        "no controller was known for {}, until {}: what changed then was noted after it, or not at all",
        span(until.0 - from.0),
        Utc(until)
    )
}
