//! `CreatePartitions`: more partitions for topics that exist.

use std::sync::Arc;

use kq_proto::kafka::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
    CreatePartitionsTopicResult,
};

use super::control::{deadline, each_of, message, once};
use crate::controller::{Command, NewPartitions, Reply};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for CreatePartitionsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { create(&door, self).await })
    }
}

async fn create(door: &Door, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let topics = request.topics.iter().map(new_partitions).collect();
    let command = Command::CreatePartitions { topics, validate_only: request.validate_only };
    let reply = door.submit(command, deadline(request.timeout_ms)).await;
    let created = each_of(reply, request.topics.len(), |reply| {
        if let Reply::PartitionsCreated(each) = reply { Some(each) } else { None }
    });
    let names = request.topics.into_iter().map(|it| it.name);
    let results = names.zip(created).map(|(name, created)| match created {
        Ok(_) => CreatePartitionsTopicResult { name, ..Default::default() },
        Err(error) => CreatePartitionsTopicResult {
            name,
            error_code: error.code,
            error_message: message(&error),
        },
    });
    CreatePartitionsResponse { results: once(results, |it| it.name.clone()), ..Default::default() }
}

fn new_partitions(topic: &CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.as_ref();
    let brokers = |all: &Vec<_>| {
        let each =
            |it: &kq_proto::kafka::messages::create_partitions::CreatePartitionsAssignment| {
                it.broker_ids.clone()
            };
        all.iter().map(each).collect()
    };
    NewPartitions {
        topic: topic.name.to_string(),
        total: topic.count,
        assignments: assignments.map(brokers),
    }
}
