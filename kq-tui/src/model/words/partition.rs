//! Why a partition is as it is: who left the ISR, when and by what, who leads since, what brings it
//! back.

use kq_proto::admin::v1::{BrokerState, Event, EventKind};
use kq_proto::monitor::v1::Focus;

use super::{broker, brokers};
use crate::facts::{Facts, Health, Partition, PartitionId, Topic};
use crate::model::moment::{self, Zone};
use crate::text::{bytes_text, count_text, safe, since_text, span_text, whole};

/// In sentences, the worst first. Empty if the partition is gone.
pub fn why(facts: &Facts, id: PartitionId, zone: Zone<'_>) -> Vec<String> {
    let Some((topic, partition)) = facts.topics.partition(id) else { return Vec::new() };
    let now_ms = facts.moment_ms().unwrap_or(0);
    let events = events_of(facts, id);
    let mut words = vec![standing(topic, partition, now_ms)];
    for out in partition.out() {
        words.push(departure(facts, events, (partition, out), zone));
        words.push(way_back(facts, partition, out));
    }
    if let Some(change) = leader_change(events, partition, zone) {
        words.push(change);
    }
    if let Some(moving) = &partition.moving {
        let (adding, removing) = (&moving.adding, &moving.removing);
        let adding = brokers(adding.iter().copied());
        let removing = brokers(removing.iter().copied());
        let mut text = "Its replicas are being moved".to_owned();
        for (what, ids) in [("to", adding), ("off", removing)] {
            if !ids.is_empty() {
                text = format!("{text} {what} {ids}");
            }
        }
        words.push(format!("{text}."));
    }
    words
}

/// The same in a few words, without history.
pub fn short(facts: &Facts, id: PartitionId) -> String {
    let Some((topic, partition)) = facts.topics.partition(id) else { return String::new() };
    let health = partition.health(topic.min_insync_replicas);
    match brokers(partition.out()).as_str() {
        "" => health.word().to_owned(),
        out => format!("{}, out: {out}", health.word()),
    }
}

/// What happened to a partition, the newest first, if that was asked for and told.
pub fn events_of(facts: &Facts, id: PartitionId) -> Option<&[Event]> {
    let (topic, _) = facts.topics.partition(id)?;
    let focus: &Focus = facts.focus.as_ref()?;
    let of = focus.partition.as_ref()?;
    (of.topic == *topic.name && of.partition == id.index).then_some(focus.events.as_slice())
}

fn standing(topic: &Topic, partition: &Partition, now_ms: i64) -> String {
    let (isr, all) = (partition.isr().count(), partition.replicas.len());
    let min = topic.min_insync_replicas;
    let since = partition.changed_at_ms.map(|at_ms| format!(" for {}", since_text(at_ms, now_ms)));
    let since = since.unwrap_or_default();
    let leader = partition.leader.map(broker).unwrap_or_default();
    match partition.health(min) {
        Health::Offline => format!(
            "Nobody leads it{since}: it can be neither read nor written. In the ISR: {}.",
            match brokers(partition.isr()).as_str() {
                "" => "nobody",
                ids => ids,
            }
        ),
        Health::UnderMin => format!(
            "Writes with acks=all are refused{since}: {isr} in sync, min.insync.replicas is {min}."
        ),
        Health::AtMin => {
            format!("{isr} of {all} in sync{since}: one less, and acks=all is refused.")
        }
        Health::UnderReplicated => format!("{isr} of {all} in sync{since}."),
        Health::Moving => format!("All that were there are in sync, {leader} leads."),
        Health::NotPreferred => {
            let preferred = partition.preferred().map(broker).unwrap_or_default();
            format!("All {all} in sync; {leader} leads instead of {preferred}, the preferred one.")
        }
        Health::Ok if all == 1 => format!("Its only replica, {leader}, leads."),
        Health::Ok => format!("All {all} in sync, {leader} leads."),
    }
}

/// When a broker left the ISR, and by what.
fn departure(
    facts: &Facts,
    events: Option<&[Event]>,
    (partition, out): (&Partition, u32),
    zone: Zone<'_>,
) -> String {
    let name = broker(out);
    let Some(events) = events else {
        return match partition.changed_at_ms {
            Some(at_ms) => {
                format!("{name} is out of the ISR, since {} or before.", moment::clock(at_ms, zone))
            }
            None => format!("{name} is out of the ISR."),
        };
    };
    let left = events.iter().find(|it| leaves(it, out));
    let Some(left) = left else {
        return format!("{name} is out since before anything that is kept.");
    };
    let reason = match left.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({})", safe(reason)),
    };
    let at = moment::clock(left.at_ms, zone);
    // The fencing that took it out of all its ISRs is told beside it.
    let fenced = events.iter().find(|it| {
        it.kind() == EventKind::BrokerFenced
            && it.subject == format!("broker {out}")
            && it.at_ms.abs_diff(left.at_ms) <= 1_000
    });
    let live = facts.brokers.get(&out).is_some_and(crate::facts::Broker::is_live);
    match fenced {
        Some(fencing) if fencing.reason != left.reason && !fencing.reason.is_empty() => {
            format!("{name} left the ISR at {at} by fencing ({}).", safe(&fencing.reason))
        }
        Some(_) => format!("{name} left the ISR at {at} by fencing{reason}."),
        None if live => format!("{name} left the ISR at {at}{reason}, and is alive."),
        None => format!("{name} left the ISR at {at}{reason}."),
    }
}

/// Whether the event took a broker out of the ISR: it stands before `to` and not after.
fn leaves(event: &Event, out: u32) -> bool {
    if event.kind() != EventKind::IsrShrunk {
        return false;
    }
    let parts = event.message.split_once(" to ").or_else(|| event.message.split_once(" -> "));
    let Some((from, to)) = parts else { return false };
    let has =
        |list: &str| list.split(|it: char| !it.is_ascii_digit()).any(|id| id.parse() == Ok(out));
    has(from) && !has(to)
}

/// What has to happen for it to be in sync again.
fn way_back(facts: &Facts, partition: &Partition, out: u32) -> String {
    let name = broker(out);
    let behind = partition.behind_of(out);
    let bytes = behind.and_then(|it| it.records.checked_mul(partition.bytes_per_record()?));
    let much = match (behind, bytes) {
        (Some(_), Some(bytes)) => Some(format!("about {}", bytes_text(bytes))),
        (Some(it), None) => Some(format!("{} records", count_text(it.records))),
        (None, _) => None,
    };
    let Some(it) = facts.brokers.get(&out) else {
        return format!("{name} is not registered: only another replica helps.");
    };
    if partition.leader.is_none() {
        return format!(
            "It is led again when a replica that holds all is back; {name} may be one."
        );
    }
    if !it.is_live() {
        let fetch = much.map(|it| format!(": {it} to fetch so far")).unwrap_or_default();
        return format!("Back when {name} returns{fetch}.");
    }
    if it.state() == BrokerState::Starting {
        return format!("{name} is starting.");
    }
    let Some(much) = much else {
        return format!("{name} is alive; its leader has not told how far it is.");
    };
    // What it takes in as a follower, of all its partitions together.
    let rate = it.counters.as_ref().zip(facts.counted_at_ms);
    let rate = rate.and_then(|(it, at_ms)| it.replicated_bytes_in.at(at_ms)).map(whole);
    let eta =
        bytes.zip(rate).and_then(|(bytes, rate)| bytes.saturating_mul(1_000).checked_div(rate));
    match eta {
        Some(eta_ms) => {
            format!("{name} lacks {much}, {} at the rate it fetches at.", span_text(eta_ms))
        }
        None => format!("{name} lacks {much} and is not seen to fetch."),
    }
}

/// How the leader came to be.
fn leader_change(
    events: Option<&[Event]>,
    partition: &Partition,
    zone: Zone<'_>,
) -> Option<String> {
    let is_change = |it: &&Event| {
        matches!(it.kind(), EventKind::LeaderChanged | EventKind::LeaderElectedUncleanly)
    };
    let it = events?.iter().find(is_change)?;
    let attribute = |key: &str| it.attributes.get(key).and_then(|it| it.parse::<u32>().ok());
    let epoch = attribute("leader_epoch")?;
    if epoch != partition.leader_epoch {
        return None;
    }
    let name = |id: Option<u32>| id.map_or_else(|| "nobody".to_owned(), broker);
    let (old, new) = (name(attribute("old_leader")), name(attribute("new_leader")));
    let unclean = if it.kind() == EventKind::LeaderElectedUncleanly {
        ", uncleanly: records may be lost"
    } else {
        ""
    };
    let at = moment::clock(it.at_ms, zone);
    Some(format!("Leader {old} -> {new} at {at}, epoch {epoch}{unclean}."))
}
