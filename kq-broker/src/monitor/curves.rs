//! The curves of a whole cluster, put together from what each broker kept of its own.

use std::collections::BTreeMap;

use kq_proto::monitor::v1::{Curves, GroupCurve};

#[derive(Default)]
struct Main {
    bytes_in: u64,
    bytes_out: u64,
    under_replicated: u32,
    lag: u64,
}

/// All shares as one: throughput and lag add up, and of the under-replicated the broker that knew of
/// most is believed, for one that hears less knows less. A minute that nobody counted is missing.
pub fn join(shares: &[Curves]) -> Curves {
    let mut minutes: BTreeMap<u32, Main> = BTreeMap::new();
    let mut groups: BTreeMap<&str, BTreeMap<u32, (u64, u32)>> = BTreeMap::new();
    for share in shares {
        let figures = share.bytes_in.iter().zip(&share.bytes_out);
        let figures = figures.zip(share.under_replicated.iter().zip(&share.lag));
        for (minute, ((bytes_in, bytes_out), (under_replicated, lag))) in
            share.minutes.iter().zip(figures)
        {
            let sum = minutes.entry(*minute).or_default();
            sum.bytes_in = sum.bytes_in.saturating_add(*bytes_in);
            sum.bytes_out = sum.bytes_out.saturating_add(*bytes_out);
            sum.under_replicated = sum.under_replicated.max(*under_replicated);
            sum.lag = sum.lag.saturating_add(*lag);
        }
        for curve in &share.groups {
            let points = groups.entry(&curve.group).or_default();
            let figures = curve.lag.iter().zip(&curve.members);
            for (minute, (lag, members)) in curve.minutes.iter().zip(figures) {
                // A group whose coordinator moved within the minute was looked at by both.
                let point = points.entry(*minute).or_default();
                *point = (*point).max((*lag, *members));
            }
        }
    }
    let group = |(group, points): (&str, BTreeMap<u32, (u64, u32)>)| GroupCurve {
        group: group.to_owned(),
        minutes: points.keys().copied().collect(),
        lag: points.values().map(|(lag, _)| *lag).collect(),
        members: points.values().map(|(_, members)| *members).collect(),
    };
    Curves {
        minutes: minutes.keys().copied().collect(),
        bytes_in: minutes.values().map(|it| it.bytes_in).collect(),
        bytes_out: minutes.values().map(|it| it.bytes_out).collect(),
        under_replicated: minutes.values().map(|it| it.under_replicated).collect(),
        lag: minutes.values().map(|it| it.lag).collect(),
        groups: groups.into_iter().map(group).collect(),
        ..Curves::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(minutes: &[u32], bytes: u64, under_replicated: u32, group: &[u32]) -> Curves {
        let all = |value: u64| vec![value; minutes.len()];
        Curves {
            minutes: minutes.to_vec(),
            bytes_in: all(bytes),
            bytes_out: all(2 * bytes),
            under_replicated: vec![under_replicated; minutes.len()],
            lag: all(5),
            groups: vec![GroupCurve {
                group: "g".to_owned(),
                minutes: group.to_vec(),
                lag: group.iter().map(|it| u64::from(*it) + bytes).collect(),
                members: vec![1; group.len()],
            }],
            ..Curves::default()
        }
    }

    #[test]
    fn shares_add_up_and_gaps_stay_gaps() {
        let joined = join(&[share(&[1, 2, 5], 10, 3, &[1, 2]), share(&[2, 4], 100, 1, &[2, 4])]);
        assert_eq!(joined.minutes, [1, 2, 4, 5]);
        assert_eq!(joined.bytes_in, [10, 110, 100, 10]);
        assert_eq!(joined.under_replicated, [3, 3, 1, 3]);
        assert_eq!(joined.lag, [5, 10, 5, 5]);
        let [group] = &joined.groups[..] else { panic!("{:?}", joined.groups) };
        assert_eq!((&group.minutes[..], &group.lag[..]), (&[1, 2, 4][..], &[11, 102, 104][..]));
        assert_eq!(join(&[]), Curves::default());
    }
}
