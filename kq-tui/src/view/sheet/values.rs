//! What the texts of a row are made of: figures in units that their names tell, and null for what is not
//! known or not kept.

use kq_proto::admin::v1::catch_up::When;
use kq_proto::admin::v1::{
    CatchUp, GroupMember, GroupSummary, LagClass, PartitionLag, PlanStatus, QuorumMember,
};
use kq_proto::monitor::v1::EventRow;
use serde_json::{Value, json};

use crate::facts::{
    Broker, BrokerCounters, Counters, Partition, PartitionId, Rate, Topic, TopicCounters,
};
use crate::model::moment::rfc3339;
use crate::model::{Row, State};

/// The values of a row, by names; null for rows that are texts from the first.
pub(super) fn values(state: &State, row: &Row) -> Value {
    let facts = &state.facts;
    let group = || state.open_group();
    let known = match row {
        Row::Broker(id) => facts.brokers.get(id).map(|it| broker(state, *id, it)),
        Row::Topic(number) => facts.topics.get(*number).map(|it| topic(state, it)),
        Row::Partition(id) => facts.topics.partition(*id).map(|it| partition(state, *id, it)),
        Row::Event(at) => facts.events.as_ref().and_then(|it| it.rows.get(*at)).map(event),
        Row::Group(name) => facts.groups.get(&**name).map(summary),
        Row::Member(at) => group().and_then(|it| it.members.get(*at)).map(member),
        Row::Owned(at) => group().and_then(|it| it.partitions.get(*at)).map(owned),
        Row::Plan(at) => facts.plans.get(*at).map(plan),
        Row::Voter(id) => {
            let quorum = facts.quorum.as_ref();
            quorum.and_then(|it| it.members.iter().find(|it| it.broker == *id)).map(voter)
        }
        Row::Alarm(_) | Row::Nobody | Row::Config(_) | Row::Record(_) | Row::Line(_) => None,
    };
    known.unwrap_or(Value::Null)
}

fn time(at_ms: Option<i64>) -> Option<String> {
    at_ms.map(rfc3339)
}

/// The name of an enum's value, as the protocol has it without its prefix: `running`.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

fn broker(state: &State, id: u32, it: &Broker) -> Value {
    let tally = state.facts.topics.tally.broker(id);
    let counters = it.counters.as_ref().filter(|_| it.is_live());
    let rate = |pick: fn(&BrokerCounters) -> Rate| {
        counters.and_then(|it| pick(it).at(state.facts.counted_at_ms?))
    };
    json!({
        "broker": id,
        "host": it.told.host,
        "port": it.told.port,
        "rack": it.told.rack,
        "state": word(it.state().as_str_name(), "BROKER_STATE_"),
        "is_controller": state.facts.cluster.controller == Some(id),
        "silent_since": time(it.silent_since_ms),
        "since": time(it.told.since_at_ms),
        "leaders": tally.leads,
        "replicas": tally.replicas,
        "replicas_out_of_sync": tally.out,
        "bytes_in_per_second": rate(|it| it.bytes_in),
        "bytes_out_per_second": rate(|it| it.bytes_out),
        "replicated_bytes_in_per_second": rate(|it| it.replicated_bytes_in),
        "disk_total_bytes": counters.and_then(|it| it.disk_total_bytes),
        "disk_free_bytes": counters.and_then(|it| it.disk_free_bytes),
        "dirs_offline": counters.map(|it| it.dirs_offline),
        "connections": counters.map(|it| it.connections),
        "produce_p99_us": counters.and_then(|it| it.produce_p99_us),
        "fetch_p99_us": counters.and_then(|it| it.fetch_p99_us),
    })
}

fn topic(state: &State, it: &Topic) -> Value {
    let rate = |pick: fn(&TopicCounters) -> Rate| {
        it.counters.as_ref().and_then(|it| state.facts.seldom_told(&pick(it)))
    };
    json!({
        "topic": &*it.name,
        "partitions": it.tally.partitions,
        "partitions_ill": it.tally.ill(),
        "partitions_not_preferred": it.tally.not_preferred,
        "min_insync_replicas": it.min_insync_replicas,
        "internal": it.is_internal,
        "protected": it.is_protected,
        "created_at": rfc3339(it.created_at_ms),
        "bytes_in_per_second": rate(|it| it.bytes_in),
        "bytes_out_per_second": rate(|it| it.bytes_out),
        "records_in_per_second": rate(|it| it.records_in),
        "size_bytes": it.counters.as_ref().map(|it| it.size_bytes),
        "partitions_not_counted": it.counters.as_ref().map(|it| it.unknown_count),
    })
}

fn partition(state: &State, id: PartitionId, (topic, it): (&Topic, &Partition)) -> Value {
    let counted = |pick: fn(&Counters) -> Option<u64>| it.counters.as_ref().and_then(pick);
    let behind = it.behind.iter().map(|it| {
        json!({
            "broker": it.broker,
            "records": it.records,
            "caught_up_at": time(it.caught_up_at_ms),
        })
    });
    json!({
        "topic": &*topic.name,
        "partition": id.index,
        "leader": it.leader,
        "preferred": it.preferred(),
        "leader_epoch": it.leader_epoch,
        "replicas": &*it.replicas,
        "isr": it.isr().collect::<Vec<_>>(),
        "out": it.out().collect::<Vec<_>>(),
        "behind": behind.collect::<Vec<_>>(),
        "adding": it.moving.as_ref().map(|it| it.adding.clone()).unwrap_or_default(),
        "removing": it.moving.as_ref().map(|it| it.removing.clone()).unwrap_or_default(),
        "state": it.health(topic.min_insync_replicas).word().to_ascii_lowercase(),
        "ill_since": time(it.ill_since_ms(topic.min_insync_replicas)),
        "start_offset": counted(|it| Some(it.start_offset)),
        "high_watermark": counted(|it| Some(it.high_watermark)),
        "end_offset": counted(|it| it.end_offset.value()),
        "size_bytes": counted(|it| Some(it.size_bytes)),
        "records_in_per_second": state.facts.records_in(it),
    })
}

fn event(row: &EventRow) -> Value {
    let Some(it) = &row.event else { return Value::Null };
    json!({
        "sequence": it.sequence,
        "last_sequence": row.last,
        "count": row.count,
        "at": rfc3339(it.at_ms),
        "event": word(it.kind().as_str_name(), "EVENT_KIND_"),
        "subject": it.subject,
        "message": it.message,
        "reason": Some(&it.reason).filter(|it| !it.is_empty()),
        "principal": it.principal,
    })
}

fn class(it: LagClass) -> String {
    word(it.as_str_name(), "LAG_CLASS_")
}

/// In how many milliseconds it is through, and that it never is.
fn catch_up(it: Option<&CatchUp>) -> (Option<u64>, bool) {
    match it.and_then(|it| it.when.as_ref()) {
        Some(When::InMs(ms)) => (Some(*ms), false),
        Some(When::Never(never)) => (None, *never),
        None => (None, false),
    }
}

fn summary(it: &GroupSummary) -> Value {
    let lag = it.lag.as_ref();
    let (in_ms, never) = catch_up(lag.and_then(|it| it.catch_up.as_ref()));
    let slowest = lag.and_then(|it| it.slowest.as_ref());
    json!({
        "group": it.group,
        "state": word(it.state().as_str_name(), "GROUP_STATE_"),
        "members": it.member_count,
        "topics": it.topic_count,
        "coordinator": it.coordinator,
        "protocol": it.protocol,
        "generation": it.generation,
        "last_commit_at": time(it.last_commit_at_ms),
        "class": lag.map(|it| class(it.class())),
        "class_since": time(lag.and_then(|it| it.class_since_at_ms)),
        "lag": lag.map(|it| it.lag),
        "lag_is_bound": lag.map(|it| it.lag_is_bound),
        "partitions_not_known": lag.map(|it| it.partial_count),
        "time_lag_ms": lag.and_then(|it| it.time_lag_ms),
        "produced_per_second": lag.and_then(|it| it.produced_per_second),
        "consumed_per_second": lag.and_then(|it| it.consumed_per_second),
        "catch_up_ms": in_ms,
        "catch_up_never": never,
        "slowest_topic": slowest.map(|it| it.topic.as_str()),
        "slowest_partition": slowest.map(|it| it.partition),
    })
}

fn member(it: &GroupMember) -> Value {
    json!({ "member": it.member, "client_id": it.client_id, "host": it.host })
}

fn owned(it: &PartitionLag) -> Value {
    let (in_ms, never) = catch_up(it.catch_up.as_ref());
    json!({
        "topic": it.topic,
        "partition": it.partition,
        "member": it.member,
        "committed": it.committed,
        "start_offset": it.start,
        "end_offset": it.end,
        "lag": it.lag,
        "lag_is_bound": it.lag_is_bound,
        "class": class(it.class()),
        "time_lag_ms": it.time_lag_ms,
        "produced_per_second": it.produced_per_second,
        "consumed_per_second": it.consumed_per_second,
        "catch_up_ms": in_ms,
        "catch_up_never": never,
    })
}

fn plan(it: &PlanStatus) -> Value {
    json!({
        "plan": it.id,
        "verb": it.verb,
        "state": it.state,
        "reason": it.reason,
        "started_at": rfc3339(it.started_at_ms),
        "ended_at": time(it.ended_at_ms),
        "moves": it.move_count,
        "moves_by_state": it.moves_by_state,
        "bytes": it.bytes,
        "bytes_left": it.bytes_left,
        "bytes_per_second": it.rate,
        "throttle_bytes_per_second": it.bytes_per_second,
        "eta_ms": it.eta_ms,
    })
}

fn voter(it: &QuorumMember) -> Value {
    json!({
        "broker": it.broker,
        "role": word(it.role().as_str_name(), "QUORUM_ROLE_"),
        "live": it.live,
        "end_index": it.end_index,
        "lag": it.lag,
        "last_contact_at": time(it.last_contact_at_ms),
    })
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1::LagSummary;

    use super::*;

    #[test]
    fn words_are_those_of_the_protocol() {
        assert_eq!(class(LagClass::NoCommits), "no_commits");
        let summary = summary(&GroupSummary { lag: None, ..GroupSummary::default() });
        assert_eq!((&summary["lag"], &summary["catch_up_never"]), (&Value::Null, &json!(false)));
        let lag = LagSummary { lag: 1_234, time_lag_ms: Some(12_000), ..LagSummary::default() };
        let told = GroupSummary { lag: Some(lag), ..GroupSummary::default() };
        let told = super::summary(&told);
        assert_eq!((&told["lag"], &told["time_lag_ms"]), (&json!(1_234), &json!(12_000)));
    }
}
