//! `kq.admin.v1.Events`.

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
use crate::metadata::{Event, MetadataImage, Subject};
use crate::monitor::{EventFilter, event_of};

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
        let filter = EventFilter(filter.unwrap_or_default());
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
        let filter = EventFilter(filter.unwrap_or_default());
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
        filter: EventFilter,
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
