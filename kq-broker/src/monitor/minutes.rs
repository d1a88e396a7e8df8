//! What a broker counted, minute by minute: its own throughput, and the lag of the groups that it
//! coordinates. A ring bounded in bytes.
//!
//! Where there is no room, the oldest minutes of groups go first; throughput may take a quarter of
//! the room for itself. A minute that was not counted is missing, and nothing stands in its place.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kq_proto::monitor::v1::{Curves, GroupCurve};

/// Bytes that a minute of throughput takes, with its place in the tree.
const MAIN_BYTES: usize = 64;
/// Bytes that a minute of one group takes.
const POINT_BYTES: usize = size_of::<Point>();
/// Bytes that a group takes beside its name and its minutes.
const GROUP_BYTES: usize = 128;
/// So many minutes a clock may be set back and count as late, not as corrected.
const AHEAD_MAX: u32 = 10;
/// What part of the room throughput may take.
const MAIN_PART: usize = 4;

/// One minute of one broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minute {
    /// Minutes since 1970.
    pub minute: u32,
    /// Bytes from producers in it.
    pub bytes_in: u64,
    /// Bytes to readers in it.
    pub bytes_out: u64,
    /// Partitions of the cluster that were under-replicated at its end, so far as the broker knew.
    pub under_replicated: u32,
    /// Whether the broker knew a controller then.
    pub led: bool,
    /// The groups that it coordinated and of which it knew all.
    pub groups: Vec<GroupMinute>,
}

/// One minute of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMinute {
    /// The group.
    pub group: Arc<str>,
    /// Records to read at its end.
    pub lag: u64,
    /// Members at its end.
    pub members: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Main {
    bytes_in: u64,
    bytes_out: u64,
    under_replicated: u32,
    lag: u64,
    led: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    minute: u32,
    members: u32,
    lag: u64,
}

/// The minutes that are kept.
#[derive(Debug, Clone, Default)]
pub struct Minutes {
    main: BTreeMap<u32, Main>,
    groups: BTreeMap<Arc<str>, VecDeque<Point>>,
    groups_bytes: usize,
    bytes_max: usize,
}

/// Which minutes somebody wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MinutesAsked {
    /// From this one on.
    pub from: u32,
    /// Before this one.
    pub until: u32,
    /// Of these groups as well.
    pub groups: Vec<String>,
}

impl Minutes {
    /// None yet, and room for so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    /// Takes a minute in. One that is not newer than the last was counted already: a clock that was
    /// set back does not count twice. If it was set back by more than [`AHEAD_MAX`] it had been wrong,
    /// and the minutes that lie ahead go: they would shut out all that come.
    pub fn push(&mut self, it: &Minute) -> bool {
        if self.newest().is_some_and(|newest| newest.saturating_sub(it.minute) > AHEAD_MAX) {
            self.forget_from(it.minute);
        }
        if self.newest().is_some_and(|newest| it.minute <= newest) {
            return false;
        }
        let lag = it.groups.iter().fold(0_u64, |sum, it| sum.saturating_add(it.lag));
        let Minute { bytes_in, bytes_out, under_replicated, led, .. } = *it;
        self.main.insert(it.minute, Main { bytes_in, bytes_out, under_replicated, lag, led });
        for of in &it.groups {
            let point = Point { minute: it.minute, members: of.members, lag: of.lag };
            let known = self.groups.contains_key(&of.group);
            self.groups.entry(of.group.clone()).or_default().push_back(point);
            self.groups_bytes += POINT_BYTES + if known { 0 } else { head_bytes(&of.group) };
        }
        self.make_room();
        true
    }

    /// Forgets this minute and all after it.
    fn forget_from(&mut self, minute: u32) {
        drop(self.main.split_off(&minute));
        let mut freed = 0;
        self.groups.retain(|group, points| {
            while points.back().is_some_and(|it| it.minute >= minute) {
                points.pop_back();
                freed += POINT_BYTES;
            }
            if points.is_empty() {
                freed += head_bytes(group);
            }
            !points.is_empty()
        });
        self.groups_bytes -= freed;
    }

    fn make_room(&mut self) {
        while self.main.len() * MAIN_BYTES > self.bytes_max / MAIN_PART {
            self.main.pop_first();
        }
        while self.groups_bytes > self.bytes_max.saturating_sub(self.main.len() * MAIN_BYTES) {
            let fronts = self.groups.values().filter_map(|it| it.front());
            let Some(oldest) = fronts.map(|it| it.minute).min() else { break };
            self.forget_groups_until(oldest);
        }
    }

    /// Forgets the minutes of groups up to this one.
    fn forget_groups_until(&mut self, minute: u32) {
        let mut freed = 0;
        self.groups.retain(|group, points| {
            while points.front().is_some_and(|it| it.minute <= minute) {
                points.pop_front();
                freed += POINT_BYTES;
            }
            if points.is_empty() {
                freed += head_bytes(group);
            }
            !points.is_empty()
        });
        self.groups_bytes -= freed;
    }

    /// The newest minute.
    pub fn newest(&self) -> Option<u32> {
        self.main.last_key_value().map(|(minute, _)| *minute)
    }

    /// The newest minute in which the broker knew a controller.
    pub fn newest_led(&self) -> Option<u32> {
        self.main.iter().rev().find(|(_, it)| it.led).map(|(minute, _)| *minute)
    }

    /// How many minutes there are.
    pub fn len(&self) -> usize {
        self.main.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.main.is_empty()
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        self.main.len() * MAIN_BYTES + self.groups_bytes
    }

    /// All minutes as they were counted, the oldest first.
    pub fn all(&self) -> Vec<Minute> {
        let mut all: BTreeMap<u32, Minute> = BTreeMap::new();
        for (minute, it) in &self.main {
            let Main { bytes_in, bytes_out, under_replicated, led, .. } = *it;
            let groups = Vec::new();
            let it = Minute { minute: *minute, bytes_in, bytes_out, under_replicated, led, groups };
            all.insert(*minute, it);
        }
        for (group, points) in &self.groups {
            for point in points {
                if let Some(it) = all.get_mut(&point.minute) {
                    let Point { members, lag, .. } = *point;
                    it.groups.push(GroupMinute { group: group.clone(), lag, members });
                }
            }
        }
        all.into_values().collect()
    }

    /// This broker's share of the curves.
    pub fn curves(&self, asked: &MinutesAsked) -> Curves {
        let mut curves = Curves::default();
        let until = asked.until.max(asked.from);
        for (minute, it) in self.main.range(asked.from..until) {
            curves.minutes.push(*minute);
            curves.bytes_in.push(it.bytes_in);
            curves.bytes_out.push(it.bytes_out);
            curves.under_replicated.push(it.under_replicated);
            curves.lag.push(it.lag);
        }
        for group in &asked.groups {
            let Some(points) = self.groups.get(group.as_str()) else { continue };
            let mut curve = GroupCurve { group: group.clone(), ..GroupCurve::default() };
            let from = points.partition_point(|it| it.minute < asked.from);
            for point in points.range(from..).take_while(|it| it.minute < until) {
                curve.minutes.push(point.minute);
                curve.lag.push(point.lag);
                curve.members.push(point.members);
            }
            if !curve.minutes.is_empty() {
                curves.groups.push(curve);
            }
        }
        curves
    }
}

fn head_bytes(group: &Arc<str>) -> usize {
    GROUP_BYTES + group.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: u32, groups: &[(&str, u64)]) -> Minute {
        let of = |(group, lag): &(&str, u64)| GroupMinute {
            group: (*group).into(),
            lag: *lag,
            members: 2,
        };
        Minute {
            minute,
            bytes_in: 10,
            bytes_out: 20,
            under_replicated: 1,
            led: minute.is_multiple_of(2),
            groups: groups.iter().map(of).collect(),
        }
    }

    #[test]
    fn minutes_are_told_as_they_were_counted() {
        let mut minutes = Minutes::new(1 << 20);
        let fed =
            [minute(10, &[("a", 5), ("b", 7)]), minute(11, &[("a", 6)]), minute(13, &[("b", 8)])];
        for it in &fed {
            assert!(minutes.push(it));
        }
        assert!(!minutes.push(&minute(12, &[])));
        assert_eq!(minutes.all(), fed);
        assert_eq!((minutes.newest(), minutes.newest_led()), (Some(13), Some(10)));
        let asked = MinutesAsked { from: 11, until: 14, groups: vec!["a".into(), "c".into()] };
        let curves = minutes.curves(&asked);
        assert_eq!((curves.minutes, curves.lag), (vec![11, 13], vec![6, 8]));
        let [a] = &curves.groups[..] else { panic!("{:?}", curves.groups) };
        assert_eq!((&a.minutes[..], &a.lag[..], &a.members[..]), (&[11][..], &[6][..], &[2][..]));
    }

    #[test]
    fn minutes_of_a_clock_that_was_ahead_shut_nothing_out() {
        let mut minutes = Minutes::new(1 << 20);
        for at in [10, 11, 5_000, 5_001] {
            assert!(minutes.push(&minute(at, &[("a", 1), ("late", 2)])));
        }
        assert!(!minutes.push(&minute(4_995, &[])), "that is late, not corrected");
        assert!(minutes.push(&minute(12, &[("a", 3)])));
        assert_eq!(minutes.all().iter().map(|it| it.minute).collect::<Vec<_>>(), [10, 11, 12]);
        let mut same = Minutes::new(1 << 20);
        minutes.all().iter().for_each(|it| assert!(same.push(it)));
        assert_eq!(minutes.bytes(), same.bytes());
    }

    #[test]
    fn old_minutes_of_groups_make_room_first() {
        let mut minutes = Minutes::new(4_096);
        for at in 0..200 {
            minutes.push(&minute(at, &[("a", 1), ("b", 2)]));
            assert!(minutes.bytes() <= 4_096, "{} bytes", minutes.bytes());
        }
        let everything = MinutesAsked { from: 0, until: 200, groups: vec!["a".into()] };
        let curves = minutes.curves(&everything);
        assert_eq!(curves.minutes.len(), 4_096 / MAIN_PART / MAIN_BYTES);
        assert_eq!(curves.minutes.last(), Some(&199));
        assert_eq!(curves.groups[0].minutes.last(), Some(&199));
        assert!(curves.groups[0].minutes.len() > 20);
        let mut crowded = Minutes::new(4_096);
        let many: Vec<String> = (0..100).map(|at| format!("group-{at}")).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|it| (it.as_str(), 1)).collect();
        assert!(crowded.push(&minute(1, &many)));
        assert!(crowded.bytes() <= 4_096);
        assert_eq!(crowded.newest(), Some(1));
    }
}
