//! Groups, members and lag as rows.

use kq_proto::admin::v1;
use kq_proto::admin::v1::catch_up::When;

use crate::commands::shared::{id_text, time_cell, word};
use crate::output::{Cell, Row, Tone, row};

/// A row of `GroupList`.
pub(crate) fn group_row(it: &v1::GroupSummary) -> Row {
    let lag = it.lag.as_ref();
    row! {
        group: &it.group,
        type: type_word(it.r#type()),
        state: state_cell(it.state()),
        class: lag.map(|it| class_cell(it.class())),
        member_count: it.member_count,
        topic_count: it.topic_count,
        lag: lag.map(sum_cell),
        time_lag_ms: lag.and_then(|it| it.time_lag_ms).map(Cell::Millis),
        coordinator: it.coordinator,
        catch_up_ms: lag.and_then(|it| it.catch_up.as_ref()).map(catch_up_cell),
        last_commit: time_cell(it.last_commit_at_ms),
        protocol: Cell::text_or_null(it.protocol.as_str()),
        protocol_type: Cell::text_or_null(it.protocol_type.as_str()),
        generation: it.generation,
        state_since: time_cell(Some(it.state_since_at_ms).filter(|at| *at > 0)),
        class_since: time_cell(lag.and_then(|it| it.class_since_at_ms)),
        why: lag.map(|it| Cell::text_or_null(it.why.as_str())),
        slowest: lag.and_then(|it| it.slowest.as_ref()).map(place),
        partial_count: lag.map(|it| it.partial_count),
        lag_is_bound: lag.map(|it| it.lag_is_bound),
        expired: lag.map(|it| it.expired),
        produced_per_second: lag.and_then(|it| it.produced_per_second).map(rate_cell),
        consumed_per_second: lag.and_then(|it| it.consumed_per_second).map(rate_cell),
        catch_up_never: lag.is_some_and(|it| is_never(it.catch_up.as_ref())),
        windowless_count: it.windowless_count,
    }
}

/// A row of `Group`.
pub(crate) fn partition_row(it: &v1::PartitionLag) -> Row {
    row! {
        group: &it.group,
        topic: &it.topic,
        partition: it.partition,
        committed: it.committed,
        end: end_cell(it),
        lag: it.lag,
        time_lag_ms: it.time_lag_ms.map(Cell::Millis),
        class: known_class(it.class()),
        consumed_per_second: it.consumed_per_second.map(rate_cell),
        catch_up_ms: it.catch_up.as_ref().map(catch_up_cell),
        member: it.member.clone(),
        start: it.start,
        expired: it.expired,
        unread_from: it.unread_from,
        produced_per_second: it.produced_per_second.map(rate_cell),
        instance: it.instance.clone(),
        host: it.host.as_deref().map(bare_host),
        committed_at: time_cell(it.committed_at_ms),
        why: Cell::text_or_null(it.why.as_str()),
        topic_id: Some(id_text(&it.topic_id)).filter(|id| !id.is_empty()),
        leader_epoch: it.leader_epoch,
        metadata: Cell::text_or_null(it.metadata.as_str()),
        last_stable: it.last_stable,
        lag_is_bound: it.lag_is_bound,
        unread_at: time_cell(it.unread_at_ms),
        trend: Cell::text_or_null(it.trend.as_str()),
        class_since: time_cell(it.class_since_at_ms),
        catch_up_never: is_never(it.catch_up.as_ref()),
        topic_deleted: it.topic_deleted,
        age_ms: it.age_ms.map(Cell::Millis),
    }
}

/// The epoch of a static member that has left and will be back.
const AWAY: i32 = -2;

/// A row of `GroupMembers`.
pub(crate) fn member_row(group: &str, it: &v1::GroupMember, now_ms: i64) -> Row {
    row! {
        group: group,
        member: &it.member,
        instance: it.instance.clone(),
        client_id: &it.client_id,
        host: bare_host(&it.host),
        partition_count: owned_count(it),
        last_heard_ms: heard_cell(it, now_ms),
        epoch: epoch_cell(it.epoch),
        revoking_count: count(&it.revoking),
        session_timeout_ms: Cell::Millis(it.session_timeout_ms),
        leads: it.leads,
        subscribed: Cell::list(it.subscribed.iter()),
        rack: it.rack.clone(),
        assigned: places(&it.assigned),
        revoking: places(&it.revoking),
        regex: it.regex.clone(),
        rebalance_timeout_ms: Cell::Millis(it.rebalance_timeout_ms),
        joining: it.joining,
    }
}

/// A row of `GroupMemberChange`.
pub(crate) fn removed_row(group: &str, it: &v1::GroupMember, status: String, now_ms: i64) -> Row {
    row! {
        group: group,
        member: &it.member,
        instance: it.instance.clone(),
        host: bare_host(&it.host),
        partition_count: owned_count(it),
        status: status,
        last_heard_ms: heard_cell(it, now_ms),
        assigned: places(&it.assigned),
    }
}

pub(crate) fn owned_count(it: &v1::GroupMember) -> usize {
    count(&it.assigned)
}

fn count(of: &[v1::TopicPartitions]) -> usize {
    of.iter().map(|topic| topic.partitions.len()).sum()
}

fn epoch_cell(epoch: Option<i32>) -> Cell {
    if epoch == Some(AWAY) { Cell::worded(AWAY, "away") } else { Cell::from(epoch) }
}

fn heard_cell(it: &v1::GroupMember, now_ms: i64) -> Cell {
    Cell::Millis(u64::try_from(now_ms.saturating_sub(it.last_heard_at_ms)).unwrap_or(0))
}

/// As `orders/0`.
pub(crate) fn place(it: &v1::PartitionRef) -> String {
    format!("{}/{}", it.topic, it.partition)
}

fn places(of: &[v1::TopicPartitions]) -> Cell {
    let all = of.iter().flat_map(|it| it.partitions.iter().map(|p| format!("{}/{p}", it.topic)));
    Cell::list(all)
}

/// Java's brokers write `/10.0.4.5`.
pub(crate) fn bare_host(host: &str) -> &str {
    host.strip_prefix('/').unwrap_or(host)
}

/// Known partitions only; that it lacks some is said.
pub(crate) fn sum_cell(it: &v1::LagSummary) -> Cell {
    if it.partial_count == 0 {
        return Cell::from(it.lag);
    }
    Cell::worded(it.lag, format!("{} + ?", it.lag))
}

fn end_cell(it: &v1::PartitionLag) -> Cell {
    if it.topic_deleted { Cell::worded(it.end, "deleted") } else { Cell::from(it.end) }
}

pub(crate) fn catch_up_cell(it: &v1::CatchUp) -> Cell {
    match it.when {
        Some(When::InMs(ms)) => Cell::Millis(ms),
        Some(When::Never(true)) => Cell::worded(Cell::Null, "never"),
        Some(When::Never(false)) | None => Cell::Null,
    }
}

pub(crate) fn is_never(it: Option<&v1::CatchUp>) -> bool {
    it.is_some_and(|it| it.when == Some(When::Never(true)))
}

/// One decimal; tables show it only where it says something.
pub(crate) fn rate_cell(rate: f64) -> Cell {
    let rounded = (rate * 10.0).round() / 10.0;
    let digits = usize::from(rounded.abs() < 10.0 && rounded != 0.0);
    Cell::worded(rounded, format!("{rounded:.digits$}"))
}

pub(crate) fn type_word(it: v1::GroupType) -> Option<String> {
    (it != v1::GroupType::Unspecified).then(|| word(it.as_str_name(), "GROUP_TYPE_"))
}

pub(crate) fn state_cell(it: v1::GroupState) -> Cell {
    let (word, tone) = match it {
        v1::GroupState::Unspecified => return Cell::Null,
        v1::GroupState::Empty => ("empty", Tone::Plain),
        v1::GroupState::PreparingRebalance => ("preparing_rebalance", Tone::Warn),
        v1::GroupState::CompletingRebalance => ("completing_rebalance", Tone::Warn),
        v1::GroupState::Stable => ("stable", Tone::Good),
        v1::GroupState::Assigning => ("assigning", Tone::Warn),
        v1::GroupState::Reconciling => ("reconciling", Tone::Warn),
        v1::GroupState::Dead => ("dead", Tone::Bad),
    };
    Cell::State(word, tone)
}

fn known_class(it: v1::LagClass) -> Cell {
    if it == v1::LagClass::Unspecified { Cell::Null } else { class_cell(it) }
}

pub(crate) fn class_cell(it: v1::LagClass) -> Cell {
    let tone = match it {
        v1::LagClass::Unspecified => return Cell::Null,
        v1::LagClass::Ok => Tone::Good,
        v1::LagClass::New | v1::LagClass::Draining | v1::LagClass::Unknown => Tone::Plain,
        v1::LagClass::NoCommits
        | v1::LagClass::Rewound
        | v1::LagClass::Lagging
        | v1::LagClass::Leaderless
        | v1::LagClass::Partial => Tone::Warn,
        v1::LagClass::Stalled | v1::LagClass::Stopped => Tone::Bad,
    };
    Cell::State(class_word(it), tone)
}

pub(crate) fn class_word(it: v1::LagClass) -> &'static str {
    match it {
        v1::LagClass::Unspecified | v1::LagClass::Unknown => "unknown",
        v1::LagClass::Ok => "ok",
        v1::LagClass::New => "new",
        v1::LagClass::Draining => "draining",
        v1::LagClass::NoCommits => "no_commits",
        v1::LagClass::Rewound => "rewound",
        v1::LagClass::Lagging => "lagging",
        v1::LagClass::Stalled => "stalled",
        v1::LagClass::Stopped => "stopped",
        v1::LagClass::Leaderless => "leaderless",
        v1::LagClass::Partial => "partial",
    }
}

/// Whether somebody should look. Who drains, is new or has not committed yet heals by himself.
pub(crate) fn is_ill(it: v1::LagClass) -> bool {
    matches!(
        it,
        v1::LagClass::Lagging
            | v1::LagClass::Stalled
            | v1::LagClass::Stopped
            | v1::LagClass::Rewound
            | v1::LagClass::Partial
            | v1::LagClass::Leaderless
    )
}

/// The worse, the later.
pub(crate) fn severity(it: v1::LagClass) -> u8 {
    match it {
        v1::LagClass::Unspecified | v1::LagClass::Unknown => 0,
        v1::LagClass::Ok => 1,
        v1::LagClass::New => 2,
        v1::LagClass::Draining => 3,
        v1::LagClass::Leaderless | v1::LagClass::Partial => 4,
        v1::LagClass::NoCommits => 5,
        v1::LagClass::Rewound => 6,
        v1::LagClass::Lagging => 7,
        v1::LagClass::Stalled => 8,
        v1::LagClass::Stopped => 9,
    }
}
