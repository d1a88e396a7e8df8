//! Lag in the words of the control door.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::Code;

use crate::group::lag::{CatchUp, Class, Figures, GroupClass, Standing, Summary, Trend, Why};
use crate::group::{GroupId, MemberSurvey, PartitionLag, TopicPartition};
use crate::grpc::shape::count;
use crate::ids::BrokerId;

/// The lag of a whole group.
pub(super) fn summary(it: &Summary<TopicPartition>) -> v1::LagSummary {
    let slowest = it.slowest.as_ref().and_then(|of| {
        let partition = u32::try_from(of.partition).ok()?;
        Some(v1::PartitionRef { topic: of.topic.to_string(), partition })
    });
    v1::LagSummary {
        lag: it.lag,
        lag_is_bound: it.is_bound,
        partial_count: it.partial_count,
        time_lag_ms: it.time_lag.map(millis),
        expired: it.expired,
        class: group_class(it.class).into(),
        class_since_at_ms: it.class_since_ms,
        consumed_per_second: it.consumed_per_second,
        produced_per_second: it.produced_per_second,
        catch_up: it.catch_up.map(catch_up),
        slowest,
        why: it.why.word().to_owned(),
    }
}

/// The lag of a group in one partition; `uptime` is the moment at which it is told.
pub(super) fn row(group: &GroupId, it: &PartitionLag, uptime: Duration) -> v1::PartitionLag {
    let head = match it.standing {
        Some(Standing::Known(head)) => Some(head),
        Some(Standing::NoLeader(head) | Standing::Silent(head)) => head,
        None => None,
    };
    let is_old = !matches!(it.standing, Some(Standing::Known(_)));
    let committed = it.committed.as_ref();
    let Figures { lag, is_bound, expired, unread_from, unread_at_ms, .. } = it.figures;
    v1::PartitionLag {
        group: group.to_string(),
        topic: it.partition.topic.to_string(),
        partition: u32::try_from(it.partition.partition).unwrap_or(0),
        committed: committed.and_then(|it| u64::try_from(it.offset).ok()),
        committed_at_ms: committed.map(|it| it.committed_at_ms),
        leader_epoch: committed.and_then(|it| it.leader_epoch),
        metadata: committed.map(|it| it.metadata.to_string()).unwrap_or_default(),
        start: head.map(|it| it.start),
        end: head.map(|it| it.end),
        last_stable: head.map(|it| it.last_stable),
        lag,
        lag_is_bound: is_bound,
        expired,
        unread_from,
        unread_at_ms,
        time_lag_ms: it.figures.time_lag.map(millis),
        consumed_per_second: it.figures.consumed_per_second,
        produced_per_second: it.figures.produced_per_second,
        catch_up: it.figures.catch_up.map(catch_up),
        class: class(it.verdict.class).into(),
        class_since_at_ms: Some(it.verdict.since_ms),
        why: it.verdict.why.word().to_owned(),
        trend: it.figures.trend.map(Trend::word).unwrap_or_default().to_owned(),
        age_ms: head.filter(|_| is_old).map(|it| millis(uptime.saturating_sub(it.at))),
        ..v1::PartitionLag::default()
    }
}

/// How many partitions are not watched.
pub(super) fn unwatched(rows: &[PartitionLag]) -> u32 {
    count(rows.iter().filter(|it| it.verdict.class == Class::Unknown).count())
}

/// The topic waits for its purge: nothing of it can be read, and a restore finds the offset again.
pub(super) fn mark_deleted(row: &mut v1::PartitionLag) {
    row.topic_deleted = true;
    row.class = class(Class::Ok).into();
    Why::TopicDeleted.word().clone_into(&mut row.why);
}

/// Who owns the partition.
pub(super) fn add_owner(row: &mut v1::PartitionLag, members: &[MemberSurvey]) {
    let owns = |it: &&MemberSurvey| {
        let share = it.assigned.iter().filter(|(topic, _)| **topic == *row.topic);
        let mut partitions = share.flat_map(|(_, partitions)| partitions);
        partitions.any(|it| u32::try_from(*it) == Ok(row.partition))
    };
    let Some(owner) = members.iter().find(owns) else { return };
    row.member = Some(owner.member.to_string());
    row.instance = owner.instance.as_ref().map(ToString::to_string);
    row.host = Some(owner.client_host.to_string());
}

/// A broker that was asked for heads and told none.
pub(super) fn silent_leader(id: BrokerId) -> v1::ItemError {
    let message = "it did not answer: how far groups are behind in what it leads is not known";
    AdminError::new(Code::Unavailable, "kafka.LEADER_NOT_AVAILABLE", message)
        .hint(format!("kq-ctl broker describe {id}"))
        .retriable()
        .into_item(format!("broker {id}"))
}

fn catch_up(it: CatchUp) -> v1::CatchUp {
    let when = match it {
        CatchUp::In(time) => v1::catch_up::When::InMs(millis(time)),
        CatchUp::Never => v1::catch_up::When::Never(true),
    };
    v1::CatchUp { when: Some(when) }
}

fn class(it: Class) -> v1::LagClass {
    match it {
        Class::Ok => v1::LagClass::Ok,
        Class::New => v1::LagClass::New,
        Class::Draining => v1::LagClass::Draining,
        Class::NoCommits => v1::LagClass::NoCommits,
        Class::Rewound => v1::LagClass::Rewound,
        Class::Lagging => v1::LagClass::Lagging,
        Class::Stalled => v1::LagClass::Stalled,
        Class::Stopped => v1::LagClass::Stopped,
        Class::Leaderless => v1::LagClass::Leaderless,
        Class::Unknown => v1::LagClass::Unknown,
    }
}

fn group_class(it: GroupClass) -> v1::LagClass {
    match it {
        GroupClass::Ok => v1::LagClass::Ok,
        GroupClass::New => v1::LagClass::New,
        GroupClass::Draining => v1::LagClass::Draining,
        GroupClass::Partial => v1::LagClass::Partial,
        GroupClass::NoCommits => v1::LagClass::NoCommits,
        GroupClass::Rewound => v1::LagClass::Rewound,
        GroupClass::Lagging => v1::LagClass::Lagging,
        GroupClass::Stalled => v1::LagClass::Stalled,
        GroupClass::Stopped => v1::LagClass::Stopped,
    }
}

fn millis(it: Duration) -> u64 {
    u64::try_from(it.as_millis()).unwrap_or(u64::MAX)
}
