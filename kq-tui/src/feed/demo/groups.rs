//! The groups of the made-up cluster: one of each class, and one that falls behind and catches up.

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::cluster::{Cluster, Topic};
use super::counters::start_before;
use super::story::{BEGIN_MS, Standing};
use admin::LagClass as Class;

/// `billing` is well, falls behind, and works it off, in turns of so long.
const TURN_MS: i64 = 600_000;
const FALLS_FROM_MS: i64 = 60_000;
const DRAINS_FROM_MS: i64 = 300_000;
/// Records a second by which it falls behind.
const FALLS: u64 = 1_200;
const READ_BY: &str = "orders";
const HOSTS: [&str; 3] = ["/10.0.4.5", "/10.0.4.7", "/10.0.4.9"];

/// How a group is.
struct Figures {
    class: Class,
    lag: u64,
    /// Records a second that come in, and that are committed.
    come: f64,
    out: f64,
    members: u32,
    why: &'static str,
    since_ms: i64,
}

/// Records a second that come in for each of them.
const IN: f64 = 9_800.0;

/// Lag of `billing` in records.
fn billing_lag(at_ms: i64) -> u64 {
    let into_ms = (at_ms - BEGIN_MS).rem_euclid(TURN_MS);
    let most = FALLS * seconds(DRAINS_FROM_MS - FALLS_FROM_MS);
    if into_ms < FALLS_FROM_MS {
        return 0;
    }
    if into_ms < DRAINS_FROM_MS {
        return FALLS * seconds(into_ms - FALLS_FROM_MS);
    }
    let drained = most * seconds(into_ms - DRAINS_FROM_MS) / seconds(TURN_MS - DRAINS_FROM_MS);
    most.saturating_sub(drained)
}

fn billing(at_ms: i64) -> Figures {
    let into_ms = (at_ms - BEGIN_MS).rem_euclid(TURN_MS);
    let turn_ms = at_ms - into_ms;
    let (class, out, why, from_ms) = if into_ms < FALLS_FROM_MS {
        (Class::Ok, IN, "keeps_up", 0)
    } else if into_ms < DRAINS_FROM_MS {
        (Class::Lagging, IN - 1_200.0, "rising", FALLS_FROM_MS)
    } else {
        (Class::Draining, IN + 960.0, "falling", DRAINS_FROM_MS)
    };
    let (lag, since_ms) = (billing_lag(at_ms), turn_ms + from_ms);
    Figures { class, lag, come: IN, out, members: 3, why, since_ms }
}

fn figures(name: &str, at_ms: i64, standing: &Standing) -> Option<Figures> {
    let hours = |count: i64| BEGIN_MS - count * 3_600_000;
    let since = |from_ms: i64| seconds(at_ms - from_ms);
    let of = |class, lag, out, members, why, since_ms| {
        let come = if class == Class::Stopped {
            16.0
        } else if class == Class::Stalled {
            24.0
        } else {
            IN
        };
        Some(Figures { class, lag, come, out, members, why, since_ms })
    };
    let is_torn = standing.out().is_some();
    match name {
        "audit-sink" if is_torn => of(Class::Partial, 41, IN, 2, "no_leader", at_ms),
        "billing" => Some(billing(at_ms)),
        "fraud" => of(Class::Rewound, 12_400, IN, 4, "stepped_back", hours(1)),
        "new-team" => of(Class::NoCommits, 0, 0.0, 1, "no_commit", hours(2)),
        "search-index" => {
            of(Class::Stopped, 41_000 + since(hours(1)) * 16, 0.0, 0, "no_member", hours(1))
        }
        "stuck-loader" => {
            of(Class::Stalled, 88_200 + since(hours(3)) * 24, 0.0, 2, "stands_still", hours(3))
        }
        "audit-sink" | "dash-eu" | "dash-us" | "mirror-dr" | "ship-notify" => {
            of(Class::Ok, 0, IN, 6, "keeps_up", hours(30))
        }
        _ => None,
    }
}

pub(super) const NAMES: [&str; 10] = [
    "audit-sink",
    "billing",
    "dash-eu",
    "dash-us",
    "fraud",
    "mirror-dr",
    "new-team",
    "search-index",
    "ship-notify",
    "stuck-loader",
];

/// All groups.
pub(super) fn groups(at_ms: i64, standing: &Standing) -> Vec<admin::GroupSummary> {
    NAMES.iter().filter_map(|name| summary(name, at_ms, standing)).collect()
}

fn summary(name: &str, at_ms: i64, standing: &Standing) -> Option<admin::GroupSummary> {
    let it = figures(name, at_ms, standing)?;
    let state = if it.members == 0 { admin::GroupState::Empty } else { admin::GroupState::Stable };
    let commits = !matches!(it.class, Class::NoCommits);
    let last_commit_ms = if it.class == Class::Stopped { it.since_ms } else { at_ms - 700 };
    Some(admin::GroupSummary {
        group: name.to_owned(),
        r#type: admin::GroupType::Classic.into(),
        state: state.into(),
        protocol_type: "consumer".to_owned(),
        protocol: "cooperative-sticky".to_owned(),
        member_count: it.members,
        topic_count: 1,
        coordinator: if standing.out() == Some(1) { 4 } else { 1 },
        last_commit_at_ms: commits.then_some(last_commit_ms),
        state_since_at_ms: BEGIN_MS - 86_400_000,
        generation: Some(812),
        lag: Some(lag(&it)),
        ..admin::GroupSummary::default()
    })
}

fn lag(it: &Figures) -> admin::LagSummary {
    let slowest = admin::PartitionRef { topic: READ_BY.to_owned(), partition: 1 };
    admin::LagSummary {
        lag: it.lag,
        partial_count: u32::from(it.class == Class::Partial),
        time_lag_ms: time_lag_ms(it, it.lag),
        class: it.class.into(),
        class_since_at_ms: Some(it.since_ms),
        consumed_per_second: Some(it.out),
        produced_per_second: Some(it.come),
        catch_up: catch_up(it),
        slowest: Some(slowest).filter(|_| it.lag > 0),
        why: it.why.to_owned(),
        ..admin::LagSummary::default()
    }
}

/// How old the first of so many unread records is, by the rate at which they came in.
fn time_lag_ms(it: &Figures, records: u64) -> Option<u64> {
    let per_second = if it.class == Class::Stopped {
        16
    } else if it.class == Class::Stalled {
        24
    } else {
        9_800
    };
    (it.class != Class::NoCommits).then_some(records * 1_000 / per_second)
}

fn catch_up(it: &Figures) -> Option<admin::CatchUp> {
    use admin::catch_up::When;
    let when = match it.class {
        Class::Ok | Class::NoCommits | Class::Partial => return None,
        Class::Draining => When::InMs(it.lag * 1_000 / 960),
        Class::Rewound => When::InMs(1_260_000),
        Class::Unspecified
        | Class::New
        | Class::Lagging
        | Class::Stalled
        | Class::Stopped
        | Class::Leaderless
        | Class::Unknown => When::Never(true),
    };
    Some(admin::CatchUp { when: Some(when) })
}

/// All of one group.
pub(super) fn open(
    cluster: &Cluster,
    name: &str,
    (at_ms, standing): (i64, &Standing),
) -> v1::GroupState {
    let group = name.to_owned();
    let Some(it) = figures(name, at_ms, standing) else {
        let error = format!("there is no group '{name}'");
        return v1::GroupState { group, error, ..v1::GroupState::default() };
    };
    let Some(topic) = cluster.named(READ_BY) else { return v1::GroupState::default() };
    let member = |nth: u32| admin::GroupMember {
        member: format!("c-{nth}-{:08x}", 0x51a7_c0de_u32 ^ nth),
        client_id: format!("c-{nth}"),
        host: HOSTS.get(usize::try_from(nth).unwrap_or(0) % 3).copied().unwrap_or("").to_owned(),
        session_timeout_ms: 45_000,
        last_heard_at_ms: at_ms - 900,
        leads: nth == 0,
        ..admin::GroupMember::default()
    };
    let members: Vec<_> = (0..it.members).map(member).collect();
    let partitions =
        (0..topic.partitions).map(|at| partition((cluster, topic, at), &it, &members, at_ms));
    v1::GroupState {
        partitions: partitions
            .map(|it| admin::PartitionLag { group: group.clone(), ..it })
            .collect(),
        summary: summary(name, at_ms, standing),
        group,
        members,
        ..v1::GroupState::default()
    }
}

fn partition(
    (cluster, topic, at): (&Cluster, &Topic, u32),
    it: &Figures,
    members: &[admin::GroupMember],
    at_ms: i64,
) -> admin::PartitionLag {
    let count = u64::from(topic.partitions.max(1));
    // The second partition has half of the lag; the others share the rest.
    let left = if at == 1 { it.lag / 2 } else { it.lag / 2 / count.saturating_sub(1).max(1) };
    let end = cluster.end(topic, at, at_ms);
    let owner = usize::try_from(at).ok().and_then(|at| members.get(at.checked_rem(members.len())?));
    let share = f64::from(topic.partitions.max(1));
    admin::PartitionLag {
        topic: topic.name.clone(),
        partition: at,
        committed: Some(end.saturating_sub(left)).filter(|_| it.class != Class::NoCommits),
        committed_at_ms: Some(at_ms - 700),
        start: Some(start_before(end)),
        end: Some(end),
        lag: Some(left),
        time_lag_ms: time_lag_ms(it, it.lag),
        consumed_per_second: Some(it.out / share),
        produced_per_second: Some(it.come / share),
        catch_up: catch_up(it),
        class: it.class.into(),
        class_since_at_ms: Some(it.since_ms),
        why: it.why.to_owned(),
        member: owner.map(|it| it.member.clone()),
        host: owner.map(|it| it.host.clone()),
        ..admin::PartitionLag::default()
    }
}

/// Lag of a group, and its members, at the end of a minute since 1970; none of a group that is not
/// there.
pub(super) fn minute(name: &str, minute: u32, standing: &Standing) -> Option<(u64, u32)> {
    let at_ms = (i64::from(minute) + 1) * 60_000;
    figures(name, at_ms, standing).map(|it| (it.lag, it.members))
}

fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1_000).unwrap_or(0)
}
