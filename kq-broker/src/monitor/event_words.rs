//! Events of the history in the words of the wire, and which of them somebody wants to see.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use crate::metadata::{Detail, Event, EventKind, Subject};

/// What a caller wants to see.
#[derive(Debug, Clone, Default)]
pub struct EventFilter(pub v1::EventFilter);

impl EventFilter {
    /// Whether an event is to be shown.
    pub fn accepts(&self, event: &Event) -> bool {
        let Self(it) = self;
        let kind = i32::from(kind_of(event.kind));
        let of_topic = |names: &Vec<String>| {
            event.subject.topic().is_some_and(|topic| names.iter().any(|name| name == topic))
        };
        let of_broker =
            |ids: &Vec<u32>| event.subject.broker().is_some_and(|id| ids.contains(&id.0));
        let subject = (it.topics.is_empty() && it.brokers.is_empty())
            || of_topic(&it.topics)
            || of_broker(&it.brokers);
        subject
            && (it.kinds.is_empty() || it.kinds.contains(&kind))
            && it.since_at_ms.is_none_or(|since| event.time.0 >= since)
            && it.until_at_ms.is_none_or(|until| event.time.0 < until)
    }
}

/// An event as the wire tells it.
pub fn event_of(event: &Event) -> v1::Event {
    let subject = match &event.subject {
        Subject::Topic(name) => name.to_string(),
        Subject::Partition(name, index) => format!("{name}/{index}"),
        other @ (Subject::Cluster(_)
        | Subject::AllBrokers
        | Subject::AllTopics
        | Subject::Broker(_)
        | Subject::Plan(_)
        | Subject::Group(_)) => other.to_string(),
    };
    v1::Event {
        sequence: event.number,
        part: 0,
        at_ms: event.time.0,
        kind: kind_of(event.kind).into(),
        subject,
        message: if event.detail == Detail::None {
            event.kind.as_str().replace('_', " ")
        } else {
            event.detail.to_string()
        },
        reason: event.reason.to_string(),
        principal: None,
        attributes: attributes_of(event),
    }
}

fn attributes_of(event: &Event) -> BTreeMap<String, String> {
    let mut all = vec![("metadata_index", Some(event.index.to_string()))];
    if let Detail::Leader { from, to, epoch } = &event.detail {
        all.push(("old_leader", from.map(|id| id.0.to_string())));
        all.push(("new_leader", to.map(|id| id.0.to_string())));
        all.push(("leader_epoch", Some(epoch.0.to_string())));
    }
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// The kind of an event as the wire names it.
pub fn kind_of(kind: EventKind) -> v1::EventKind {
    match kind {
        EventKind::ClusterCreated => v1::EventKind::ClusterCreated,
        EventKind::ReplicasChanged => v1::EventKind::ReplicasChanged,
        EventKind::HandoverChanged => v1::EventKind::HandoverChanged,
        EventKind::BrokerStopping => v1::EventKind::BrokerStopping,
        EventKind::BrokerCordoned => v1::EventKind::BrokerCordoned,
        EventKind::BrokerUncordoned => v1::EventKind::BrokerUncordoned,
        EventKind::LeaderPolicyChanged => v1::EventKind::LeaderPolicyChanged,
        EventKind::LeadersFrozen => v1::EventKind::LeadersFrozen,
        EventKind::LeadersUnfrozen => v1::EventKind::LeadersUnfrozen,
        EventKind::LeadersBalanced => v1::EventKind::LeadersBalanced,
        EventKind::PlanStarted => v1::EventKind::ReassignmentStarted,
        EventKind::PlanEnded => v1::EventKind::ReassignmentFinished,
        EventKind::PlanChanged => v1::EventKind::PlanChanged,
        EventKind::RecordsLost => v1::EventKind::RecordsLost,
        EventKind::ReplicasMoved => v1::EventKind::ReplicasMoved,
        EventKind::BrokerRegistered => v1::EventKind::BrokerRegistered,
        EventKind::BrokerFenced => v1::EventKind::BrokerFenced,
        EventKind::BrokerUnregistered => v1::EventKind::BrokerUnregistered,
        EventKind::TopicCreated => v1::EventKind::TopicCreated,
        EventKind::TopicDeleted => v1::EventKind::TopicDeleted,
        EventKind::TopicRestored => v1::EventKind::TopicRestored,
        EventKind::TopicPurged => v1::EventKind::TopicPurged,
        EventKind::TopicProtected => v1::EventKind::TopicProtected,
        EventKind::TopicUnprotected => v1::EventKind::TopicUnprotected,
        EventKind::PartitionsAdded => v1::EventKind::PartitionsAdded,
        EventKind::IsrShrunk => v1::EventKind::IsrShrunk,
        EventKind::IsrExpanded => v1::EventKind::IsrExpanded,
        EventKind::LeaderChanged => v1::EventKind::LeaderChanged,
        EventKind::LeaderElectedUncleanly => v1::EventKind::LeaderElectedUncleanly,
        EventKind::ControllerChanged => v1::EventKind::ControllerChanged,
        EventKind::VoterAdded => v1::EventKind::VoterAdded,
        EventKind::VoterRemoved => v1::EventKind::VoterRemoved,
        EventKind::QuorumTransferred => v1::EventKind::QuorumTransferred,
        EventKind::GroupOperated => v1::EventKind::GroupOperated,
        EventKind::ConfigChanged => v1::EventKind::ConfigChanged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BrokerId, LeaderEpoch, PartitionIndex};
    use crate::metadata::TimestampMs;

    #[test]
    fn another_leader_is_told_in_figures_too() {
        let event = |to| Event {
            number: 7,
            index: 40,
            time: TimestampMs(1),
            kind: EventKind::LeaderChanged,
            subject: Subject::Partition("orders".into(), PartitionIndex(3)),
            detail: Detail::Leader { from: Some(BrokerId(1)), to, epoch: LeaderEpoch(5) },
            reason: "test".into(),
        };
        let told = |to| {
            let attributes = event_of(&event(to)).attributes;
            attributes.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
        };
        let common = ["leader_epoch=5", "metadata_index=40"];
        assert_eq!(told(None), [&common[..], &["old_leader=1"]].concat());
        assert_eq!(
            told(Some(BrokerId(2))),
            [&common[..], &["new_leader=2", "old_leader=1"]].concat()
        );
    }
}
