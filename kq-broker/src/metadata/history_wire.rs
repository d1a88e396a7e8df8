//! The bytes of the history in snapshots. Names and reasons, which most events share, stand in a
//! table; an event then takes some thirty bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::{Message, Oneof};

use super::before_wire::{WireBefore, before_from_wire, before_to_wire};
use super::event::{Detail, Event, EventKind, FewBrokers, Subject};
use super::history::{History, ToldFrom};
use super::record::TimestampMs;
use super::wire::ChangeDecodeError;
use crate::ids::{BrokerId, LeaderEpoch, PartitionIndex, PlanId};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireHistory {
    #[prost(uint64, tag = "1")]
    total: u64,
    #[prost(string, repeated, tag = "2")]
    texts: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    events: Vec<WireEvent>,
    #[prost(message, repeated, tag = "4")]
    befores: Vec<WireBefore>,
    #[prost(message, optional, tag = "5")]
    told_from: Option<WireToldFrom>,
}

/// The oldest image that can be told.
#[derive(Clone, Copy, PartialEq, Message)]
struct WireToldFrom {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(int64, tag = "2")]
    time_ms: i64,
}

/// Numbers of texts are their places in the table.
#[derive(Clone, PartialEq, Message)]
struct WireEvent {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(int64, tag = "2")]
    time_ms: i64,
    #[prost(uint32, tag = "3")]
    kind: u32,
    #[prost(uint32, tag = "4")]
    reason: u32,
    #[prost(oneof = "WireSubject", tags = "5, 6, 7, 8, 9, 10, 15, 16")]
    subject: Option<WireSubject>,
    #[prost(oneof = "WireDetail", tags = "11, 12, 13, 14")]
    detail: Option<WireDetail>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireSubject {
    #[prost(uint32, tag = "5")]
    Cluster(u32),
    #[prost(bool, tag = "6")]
    AllBrokers(bool),
    #[prost(bool, tag = "7")]
    AllTopics(bool),
    #[prost(uint32, tag = "8")]
    Broker(u32),
    #[prost(uint32, tag = "9")]
    Topic(u32),
    #[prost(message, tag = "10")]
    Partition(WirePartitionName),
    #[prost(uint32, tag = "15")]
    Plan(u32),
    #[prost(uint32, tag = "16")]
    Group(u32),
}

#[derive(Clone, PartialEq, Message)]
struct WirePartitionName {
    #[prost(uint32, tag = "1")]
    topic: u32,
    #[prost(uint32, tag = "2")]
    index: u32,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireDetail {
    #[prost(uint32, tag = "11")]
    Text(u32),
    #[prost(message, tag = "12")]
    Brokers(WireBrokers),
    #[prost(message, tag = "13")]
    Leader(WireLeader),
    #[prost(message, tag = "14")]
    Handover(WireHandover),
}

#[derive(Clone, PartialEq, Message)]
struct WireBrokers {
    #[prost(uint32, repeated, tag = "1")]
    from: Vec<u32>,
    #[prost(uint32, repeated, tag = "2")]
    to: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct WireLeader {
    #[prost(uint32, optional, tag = "1")]
    from: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    to: Option<u32>,
    #[prost(uint32, tag = "3")]
    epoch: u32,
}

#[derive(Clone, PartialEq, Message)]
struct WireHandover {
    #[prost(uint32, optional, tag = "1")]
    leader: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    to: Option<u32>,
}

/// Texts by the number that each got when it was first met.
#[derive(Default)]
struct Texts {
    numbers: BTreeMap<Arc<str>, u32>,
    in_order: Vec<String>,
    last: Option<(Arc<str>, u32)>,
}

impl Texts {
    fn number(&mut self, text: &Arc<str>) -> u32 {
        // Events of one change share one reason: no look-up for those.
        if let Some((last, number)) = &self.last
            && Arc::ptr_eq(last, text)
        {
            return *number;
        }
        let next = u32::try_from(self.in_order.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.in_order.push(text.to_string());
        }
        self.last = Some((text.clone(), number));
        number
    }
}

pub(super) fn history_to_wire(history: &History) -> WireHistory {
    let (mut names, mut reasons) = (Texts::default(), Texts::default());
    // One table: the reasons stand behind the names, which are not all known before the end.
    let mut events: Vec<WireEvent> = history
        .iter()
        .map(|it| WireEvent {
            index: it.index,
            time_ms: it.time.0,
            kind: it.kind.number(),
            reason: reasons.number(&it.reason),
            subject: Some(subject_to_wire(&it.subject, &mut names)),
            detail: detail_to_wire(&it.detail, &mut names),
        })
        .collect();
    let behind = u32::try_from(names.in_order.len()).unwrap_or(u32::MAX);
    for event in &mut events {
        event.reason = event.reason.saturating_add(behind);
    }
    names.in_order.append(&mut reasons.in_order);
    let ToldFrom { index, time } = history.told_from();
    WireHistory {
        total: history.total(),
        texts: names.in_order,
        events,
        befores: history.befores().map(before_to_wire).collect(),
        told_from: Some(WireToldFrom { index, time_ms: time.0 }),
    }
}

/// The history; where it does not say itself from where on the past can be told, it is from there.
pub(super) fn history_from_wire(
    wire: WireHistory,
    unknown_before: ToldFrom,
) -> Result<History, ChangeDecodeError> {
    let texts: Vec<Arc<str>> = wire.texts.into_iter().map(Arc::from).collect();
    let text = |number: u32| {
        let found = texts.get(usize::try_from(number).unwrap_or(usize::MAX));
        found.cloned().ok_or(ChangeDecodeError::BadField("text of an event"))
    };
    let kept = wire.events.len() as u64;
    let before =
        wire.total.checked_sub(kept).ok_or(ChangeDecodeError::BadField("number of events"))?;
    let told_from = wire
        .told_from
        .map_or(unknown_before, |it| ToldFrom { index: it.index, time: TimestampMs(it.time_ms) });
    let mut history = History::after(before, told_from);
    for it in wire.events {
        let kind =
            EventKind::from_number(it.kind).ok_or(ChangeDecodeError::BadField("kind of event"))?;
        let subject = it.subject.ok_or(ChangeDecodeError::BadField("subject of an event"))?;
        history.push(Event {
            number: 0,
            index: it.index,
            time: TimestampMs(it.time_ms),
            kind,
            subject: subject_from_wire(subject, text)?,
            detail: detail_from_wire(it.detail, text)?,
            reason: text(it.reason)?,
        });
    }
    for it in wire.befores {
        history.keep_before(before_from_wire(it)?);
    }
    Ok(history)
}

fn subject_to_wire(it: &Subject, names: &mut Texts) -> WireSubject {
    match it {
        Subject::Cluster(id) => WireSubject::Cluster(names.number(id)),
        Subject::AllBrokers => WireSubject::AllBrokers(true),
        Subject::AllTopics => WireSubject::AllTopics(true),
        Subject::Broker(id) => WireSubject::Broker(id.0),
        Subject::Topic(name) => WireSubject::Topic(names.number(name)),
        Subject::Partition(name, index) => {
            WireSubject::Partition(WirePartitionName { topic: names.number(name), index: index.0 })
        }
        Subject::Plan(id) => WireSubject::Plan(id.0),
        Subject::Group(name) => WireSubject::Group(names.number(name)),
    }
}

fn subject_from_wire(
    wire: WireSubject,
    text: impl Fn(u32) -> Result<Arc<str>, ChangeDecodeError>,
) -> Result<Subject, ChangeDecodeError> {
    Ok(match wire {
        WireSubject::Cluster(id) => Subject::Cluster(text(id)?),
        WireSubject::AllBrokers(_) => Subject::AllBrokers,
        WireSubject::AllTopics(_) => Subject::AllTopics,
        WireSubject::Broker(id) => Subject::Broker(BrokerId(id)),
        WireSubject::Topic(name) => Subject::Topic(text(name)?),
        WireSubject::Partition(it) => Subject::Partition(text(it.topic)?, PartitionIndex(it.index)),
        WireSubject::Plan(id) => Subject::Plan(PlanId(id)),
        WireSubject::Group(name) => Subject::Group(text(name)?),
    })
}

fn detail_to_wire(it: &Detail, names: &mut Texts) -> Option<WireDetail> {
    let number = |id: &Option<BrokerId>| id.map(|id| id.0);
    Some(match it {
        Detail::None => return None,
        Detail::Text(words) => WireDetail::Text(names.number(words)),
        Detail::Brokers { from, to } => {
            let list = |few: &FewBrokers| few.iter().map(|id| id.0).collect();
            WireDetail::Brokers(WireBrokers { from: list(from), to: list(to) })
        }
        Detail::Leader { from, to, epoch } => {
            let (from, to) = (number(from), number(to));
            WireDetail::Leader(WireLeader { from, to, epoch: epoch.0 })
        }
        Detail::Handover { leader, to } => {
            WireDetail::Handover(WireHandover { leader: number(leader), to: number(to) })
        }
    })
}

fn detail_from_wire(
    wire: Option<WireDetail>,
    text: impl Fn(u32) -> Result<Arc<str>, ChangeDecodeError>,
) -> Result<Detail, ChangeDecodeError> {
    let few = |ids: Vec<u32>| {
        let ids: Vec<BrokerId> = ids.into_iter().map(BrokerId).collect();
        FewBrokers::of(&ids).ok_or(ChangeDecodeError::BadField("set of brokers"))
    };
    Ok(match wire {
        None => Detail::None,
        Some(WireDetail::Text(words)) => Detail::Text(text(words)?),
        Some(WireDetail::Brokers(it)) => Detail::Brokers { from: few(it.from)?, to: few(it.to)? },
        Some(WireDetail::Leader(it)) => Detail::Leader {
            from: it.from.map(BrokerId),
            to: it.to.map(BrokerId),
            epoch: LeaderEpoch(it.epoch),
        },
        Some(WireDetail::Handover(it)) => {
            Detail::Handover { leader: it.leader.map(BrokerId), to: it.to.map(BrokerId) }
        }
    })
}
