//! `kq.admin.v1.Events`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use kq_proto::admin::v1;
use kq_proto::admin::v1::events_server::Events;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Admin;
use super::answer::Answer;
use super::error::bad_argument;
use crate::ids::PartitionIndex;
use crate::metadata::{Detail, Event, EventKind, MetadataImage, Subject};

/// Events of one message.
const EVENTS_PER_MESSAGE: usize = 500;

type Following = Pin<Box<dyn Stream<Item = Result<v1::FollowEventsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Events for Admin {
    type FollowStream = Following;

    async fn list(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Answer<v1::ListEventsResponse> {
        let v1::ListEventsRequest { filter, newest_first, page } = request.into_inner();
        let image = self.node.image();
        let filter = Filter(filter.unwrap_or_default());
        let page = page.unwrap_or_default();
        let after: Option<u64> = match page.after.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Status::from(bad_argument(format!("'{text}' is no page of events")))
            })?),
        };
        let size = match page.size as usize {
            0 => EVENTS_PER_MESSAGE,
            size => size.min(EVENTS_PER_MESSAGE),
        };
        let wanted = |it: &&Event| {
            let later = match after {
                Some(after) if newest_first => it.number < after,
                Some(after) => it.number > after,
                None => true,
            };
            later && filter.accepts(it)
        };
        let mut events: Vec<v1::Event> = if newest_first {
            image.events().rev().filter(wanted).take(size + 1).map(event_of).collect()
        } else {
            image.events().filter(wanted).take(size + 1).map(event_of).collect()
        };
        let more = events.len() > size;
        events.truncate(size);
        let next = events.last().filter(|_| more).map(|it| it.sequence.to_string());
        Ok(Response::new(v1::ListEventsResponse {
            events,
            next: next.unwrap_or_default(),
            oldest_sequence: image.events().next().map(|it| it.number),
        }))
    }

    async fn follow(
        &self,
        request: Request<v1::FollowEventsRequest>,
    ) -> Result<Response<Following>, Status> {
        let v1::FollowEventsRequest { filter, after_sequence } = request.into_inner();
        let filter = Filter(filter.unwrap_or_default());
        let last = after_sequence.unwrap_or_else(|| self.node.image().events_total());
        let (answers, stream) = mpsc::channel(16);
        let admin = self.clone();
        tokio::spawn(async move { admin.follow_events(filter, last, answers).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

impl Admin {
    async fn follow_events(
        &self,
        filter: Filter,
        mut last: u64,
        answers: mpsc::Sender<Result<v1::FollowEventsResponse, Status>>,
    ) {
        let mut images = self.node.controller.subscribe();
        loop {
            let image: Arc<MetadataImage> = images.borrow_and_update().clone();
            let news: Vec<v1::Event> =
                image.events_after(last).filter(|it| filter.accepts(it)).map(event_of).collect();
            last = last.max(image.events_total());
            for events in news.chunks(EVENTS_PER_MESSAGE) {
                let answer = v1::FollowEventsResponse { events: events.to_vec() };
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                changed = images.changed() => if changed.is_err() { return },
                () = answers.closed() => return,
                () = self.node.stopping.cancelled() => return,
            }
        }
    }
}

/// What has happened to one partition, the newest first.
pub(super) fn history_of(
    image: &MetadataImage,
    topic: &str,
    index: PartitionIndex,
    max: usize,
) -> Vec<v1::Event> {
    let of_it = |it: &&Event| match &it.subject {
        Subject::Partition(name, at) => *at == index && **name == *topic,
        Subject::Cluster(_)
        | Subject::AllBrokers
        | Subject::AllTopics
        | Subject::Broker(_)
        | Subject::Topic(_)
        | Subject::Plan(_)
        | Subject::Group(_) => false,
    };
    image.events().rev().filter(of_it).take(max).map(event_of).collect()
}

/// What a caller wants to see.
struct Filter(v1::EventFilter);

impl Filter {
    fn accepts(&self, event: &Event) -> bool {
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

fn event_of(event: &Event) -> v1::Event {
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

fn kind_of(kind: EventKind) -> v1::EventKind {
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
    use crate::ids::{BrokerId, LeaderEpoch};
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
