//! `CreateTopics`: by count or by explicit assignment, or only to see whether it would do.

use std::sync::Arc;

use kq_proto::kafka::Str;
use kq_proto::kafka::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest,
    CreateTopicsResponse,
};

use super::control::{deadline, each_of, message, once};
use crate::catalogue::{ConfigEntry, describe_topic};
use crate::controller::{Command, ControlError, CreatedTopic, ManualAssignment, NewTopic, Reply};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for CreateTopicsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { create(&door, self).await })
    }
}

async fn create(door: &Door, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let names: Vec<Str> = request.topics.iter().map(|it| it.name.clone()).collect();
    let topics = request.topics.iter().map(new_topic).collect();
    let command = Command::CreateTopics { topics, validate_only: request.validate_only };
    let reply = door.submit(command, deadline(request.timeout_ms)).await;
    let created = each_of(reply, names.len(), |reply| {
        if let Reply::TopicsCreated(each) = reply { Some(each) } else { None }
    });
    let results = names.into_iter().zip(created).map(|(name, created)| match created {
        Ok(created) => accepted(door, name, &created),
        Err(error) => refused(name, &error),
    });
    CreateTopicsResponse { topics: once(results, |it| it.name.clone()), ..Default::default() }
}

fn new_topic(topic: &CreatableTopic) -> NewTopic {
    NewTopic {
        name: topic.name.to_string(),
        // -1 asks for the broker's default; with an assignment it is the only number allowed.
        partitions: (topic.num_partitions != -1).then_some(topic.num_partitions),
        replication_factor: (topic.replication_factor != -1).then_some(topic.replication_factor),
        assignments: topic
            .assignments
            .iter()
            .map(|it| ManualAssignment {
                partition: it.partition_index,
                brokers: it.broker_ids.clone(),
            })
            .collect(),
        configs: topic
            .configs
            .iter()
            .map(|it| (it.name.to_string(), it.value.as_deref().map(str::to_owned)))
            .collect(),
    }
}

fn accepted(door: &Door, name: Str, created: &CreatedTopic) -> CreatableTopicResult {
    let values = created.configs.iter().cloned().collect();
    let entries = describe_topic(&values, &door.config_sources(&door.image()));
    CreatableTopicResult {
        name,
        topic_id: created.id.0,
        error_message: None,
        num_partitions: i32::try_from(created.assignments.len()).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(created.replication_factor()).unwrap_or(i16::MAX),
        configs: Some(entries.into_iter().map(config).collect()),
        ..Default::default()
    }
}

fn config(entry: ConfigEntry) -> CreatableTopicConfigs {
    CreatableTopicConfigs {
        name: Str::from_static(entry.key.name),
        value: entry.value.map(Str::from),
        read_only: false,
        config_source: entry.source.to_wire(),
        is_sensitive: entry.key.sensitive,
    }
}

fn refused(name: Str, error: &ControlError) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: error.code,
        error_message: message(error),
        ..Default::default()
    }
}
