//! How much of what strangers tell is kept. A frame is bounded in bytes alone, and a few bytes of it
//! can stand for a hundred times as many in memory.

use kq_proto::monitor::v1;

/// Partitions of all topics together: ten times what a cluster is built for.
pub(super) const PARTITIONS_MAX: u32 = 1_000_000;
/// Topics: each has a partition at least.
pub(super) const TOPICS_MAX: usize = 1_000_000;
/// Replicas of a partition: a bit in the ISR each.
pub(super) const REPLICAS_MAX: usize = 64;
/// Brokers, those that partitions name and nobody knows among them.
pub(super) const BROKERS_MAX: usize = 10_000;
/// Groups.
pub(super) const GROUPS_MAX: usize = 100_000;
/// Members of one group, and partitions that it reads.
const GROUP_ROWS_MAX: usize = 100_000;
/// Rows of a page of history, and events of one partition.
const EVENTS_MAX: usize = 10_000;
/// Columns of the time axis: more are never asked for.
const COLUMNS_MAX: usize = 512;
/// Holes of the time axis, and shares of each kind.
const HOLES_MAX: usize = 256;
/// Minutes of a curve: a week.
const MINUTES_MAX: usize = 7 * 24 * 60;
/// Groups that have curves.
const CURVES_MAX: usize = 256;
/// Plans, members of the quorum, reasons why something is missing.
const FEW_MAX: usize = 10_000;
/// The last millisecond of the year 9999.
const LAST_MS: i64 = 253_402_300_799_999;

/// Leaves out of a frame what is too much to be kept. Whether there was something.
pub(super) fn bound(frame: &mut v1::WatchResponse) -> bool {
    let mut cuts = Cuts(false);
    cuts.cut(&mut frame.brokers, BROKERS_MAX);
    cuts.cut(&mut frame.groups, GROUPS_MAX);
    if let Some(it) = &mut frame.silent {
        cuts.cut(&mut it.why, BROKERS_MAX);
    }
    if let Some(it) = &mut frame.groups_missing {
        cuts.cut(&mut it.why, FEW_MAX);
    }
    if let Some(it) = &mut frame.group {
        cuts.cut(&mut it.members, GROUP_ROWS_MAX);
        cuts.cut(&mut it.partitions, GROUP_ROWS_MAX);
    }
    if let Some(it) = &mut frame.events {
        cuts.cut(&mut it.rows, EVENTS_MAX);
    }
    if let Some(it) = &mut frame.focus {
        cuts.cut(&mut it.events, EVENTS_MAX);
    }
    if let Some(it) = &mut frame.plans {
        cuts.cut(&mut it.plans, FEW_MAX);
    }
    if let Some(it) = &mut frame.quorum {
        cuts.cut(&mut it.members, FEW_MAX);
    }
    if let Some(mut it) = frame.axis.take() {
        cuts.axis(&mut it);
        cuts.0 |= !is_sound(&it);
        frame.axis = Some(it).filter(is_sound);
    }
    if let Some(it) = &mut frame.curves {
        cuts.curves(it);
    }
    cuts.0
}

/// Whether something was left out.
struct Cuts(bool);

impl Cuts {
    fn cut<T>(&mut self, list: &mut Vec<T>, max: usize) {
        self.0 |= list.len() > max;
        list.truncate(max);
    }

    fn axis(&mut self, it: &mut v1::Axis) {
        for lane in [&mut it.shrinks, &mut it.expands, &mut it.leaders, &mut it.fences] {
            self.cut(lane, COLUMNS_MAX);
        }
        self.cut(&mut it.holes, HOLES_MAX);
        for shares in [&mut it.by_broker, &mut it.by_topic, &mut it.by_reason] {
            self.cut(shares, HOLES_MAX);
        }
        it.worst = it.worst.filter(|column| *column < it.columns);
    }

    fn curves(&mut self, it: &mut v1::Curves) {
        self.cut(&mut it.minutes, MINUTES_MAX);
        self.cut(&mut it.under_replicated, MINUTES_MAX);
        for curve in [&mut it.bytes_in, &mut it.bytes_out, &mut it.lag] {
            self.cut(curve, MINUTES_MAX);
        }
        self.cut(&mut it.without_brokers, BROKERS_MAX);
        self.cut(&mut it.groups, CURVES_MAX);
        for group in &mut it.groups {
            self.cut(&mut group.minutes, MINUTES_MAX);
            self.cut(&mut group.lag, MINUTES_MAX);
            self.cut(&mut group.members, MINUTES_MAX);
        }
    }
}

/// Whether it spans a time that calendars have, in columns of some length.
fn is_sound(it: &v1::Axis) -> bool {
    let columns = usize::try_from(it.columns).unwrap_or(usize::MAX);
    (1..=COLUMNS_MAX).contains(&columns)
        && it.from_at_ms >= 0
        && it.from_at_ms < it.until_at_ms
        && it.until_at_ms <= LAST_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_that_no_calendar_has_is_none() {
        let axis = |from_at_ms, until_at_ms, columns| v1::WatchResponse {
            axis: Some(v1::Axis {
                from_at_ms,
                until_at_ms,
                columns,
                shrinks: vec![1; 600],
                worst: Some(u32::MAX),
                ..v1::Axis::default()
            }),
            ..v1::WatchResponse::default()
        };
        let kept = |mut frame: v1::WatchResponse| {
            assert!(bound(&mut frame), "the lanes are too long");
            frame.axis
        };
        for (from, until, columns) in [
            (i64::MIN, i64::MAX, 10),
            (0, i64::MAX, 10),
            (-1, 1_000, 10),
            (1_000, 1_000, 10),
            (0, 1_000, 0),
            (0, 1_000, u32::MAX),
        ] {
            assert_eq!(kept(axis(from, until, columns)), None, "{from} {until} {columns}");
        }
        let sound = kept(axis(0, 1_000, 512)).unwrap();
        assert_eq!((sound.shrinks.len(), sound.worst), (COLUMNS_MAX, None));
    }
}
