//! `DeleteTopics`: by name, or by id in newer versions.

use std::sync::Arc;

use kq_proto::kafka::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use super::control::{deadline, each_of, message, once};
use crate::controller::{Command, ControlError, DeletedTopic, Reply, TopicRef};
use crate::ids::TopicId;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for DeleteTopicsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { delete(&door, self).await })
    }
}

/// A topic as the request names it, and what there is to say of it already.
struct Asked {
    name: Option<Str>,
    id: Uuid,
    refused: Option<ControlError>,
}

async fn delete(door: &Door, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let by_name = request.topic_names.into_iter().map(|name| Asked {
        name: Some(name),
        id: Uuid::nil(),
        refused: None,
    });
    let asked = by_name.chain(request.topics.into_iter().map(asked));
    let asked = once(asked, |it| (it.name.clone(), it.id));
    let good: Vec<&Asked> = asked.iter().filter(|it| it.refused.is_none()).collect();
    let topics: Vec<TopicRef> = good.iter().map(|it| topic_ref(it)).collect();
    let count = topics.len();
    let command = Command::DeleteTopics { topics, keep_for_ms: None, validate_only: false };
    let reply = door.submit(command, deadline(request.timeout_ms)).await;
    let deleted = each_of(reply, count, |reply| {
        if let Reply::TopicsDeleted(each) = reply { Some(each) } else { None }
    });
    let mut deleted = deleted.into_iter();
    let responses = asked.into_iter().map(|mut it| match it.refused.take() {
        Some(error) => answer(it, Err(error)),
        None => match deleted.next() {
            Some(outcome) => answer(it, outcome),
            None => answer(it, Err(ControlError::new(ErrorCode::UnknownServerError, "no answer"))),
        },
    });
    DeleteTopicsResponse { responses: responses.collect(), ..Default::default() }
}

fn asked(topic: DeleteTopicState) -> Asked {
    let both = topic.name.is_some() && !topic.topic_id.is_nil();
    let none = topic.name.is_none() && topic.topic_id.is_nil();
    let refused = (both || none).then(|| {
        ControlError::new(ErrorCode::InvalidRequest, "a topic is named by its name or by its id")
    });
    Asked { name: topic.name, id: topic.topic_id, refused }
}

fn topic_ref(asked: &Asked) -> TopicRef {
    match &asked.name {
        Some(name) => TopicRef::Name(name.to_string()),
        None => TopicRef::Id(TopicId(asked.id)),
    }
}

fn answer(asked: Asked, outcome: Result<DeletedTopic, ControlError>) -> DeletableTopicResult {
    match outcome {
        Ok(deleted) => DeletableTopicResult {
            name: Some(deleted.name.into()),
            topic_id: deleted.id.0,
            ..Default::default()
        },
        Err(error) => DeletableTopicResult {
            error_code: error.code,
            error_message: message(&error),
            name: asked.name,
            topic_id: asked.id,
        },
    }
}
