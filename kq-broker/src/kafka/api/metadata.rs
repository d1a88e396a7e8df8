//! `Metadata`: brokers, topics and who leads which partition.

use std::future::ready;
use std::sync::Arc;

use kq_proto::kafka::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use super::operations::{CLUSTER_OPERATIONS, TOPIC_OPERATIONS};
use crate::ids::{BrokerId, PartitionIndex, TopicId};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::leaders::nodes;
use crate::metadata::{MetadataImage, PartitionImage, TopicImage};
use crate::runtime::Node;

/// Longest topic name.
const NAME_BYTES_MAX: usize = 249;
/// Before this version an empty list means all topics, and null is not known.
const NULL_MEANS_ALL_FROM: i16 = 1;
/// From this version on a topic that is named by an unknown id has no name.
const NULL_NAME_FROM: i16 = 12;

impl Handle for MetadataRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let image = door.image();
        let missing = self.missing(&image);
        if missing.is_empty() || !self.allow_auto_topic_creation || !door.limits.auto_create_topics
        {
            let response = self.respond(door, &image, call.version);
            let outcome = call.reply::<Self>(&response);
            if is_to_ask_elsewhere(door, &response) {
                return Answer::Alone(Box::pin(ready(outcome.and_end())));
            }
            return Answer::Now(outcome);
        }
        let door = Arc::clone(door);
        Answer::Alone(Box::pin(async move {
            door.create_missing(missing).await;
            call.reply::<Self>(&self.respond(&door, &door.image(), call.version))
        }))
    }
}

/// Whether a leader is missing that others may know.
fn is_to_ask_elsewhere(door: &Door, response: &MetadataResponse) -> bool {
    let mut partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    door.node.partitions.hearing().is_cut_off()
        && partitions.any(|it| it.error_code == ErrorCode::LeaderNotAvailable)
}

/// One requested topic: who was asked for, and what there is.
enum Found<'a> {
    Topic(&'a TopicImage),
    NoName(Str),
    NoId(Uuid),
}

trait Respond {
    fn missing(&self, image: &MetadataImage) -> Vec<String>;
    fn respond(&self, door: &Door, image: &MetadataImage, version: i16) -> MetadataResponse;
}

impl Respond for MetadataRequest {
    /// Names that auto-creation could make topics of.
    fn missing(&self, image: &MetadataImage) -> Vec<String> {
        let without_id = self.topics.iter().flatten().filter(|it| it.topic_id.is_nil());
        let names = without_id.filter_map(|it| it.name.as_deref());
        let creatable = |name: &&str| is_topic_name(name) && image.topic_by_name(name).is_none();
        names.filter(creatable).map(str::to_owned).collect()
    }

    fn respond(&self, door: &Door, image: &MetadataImage, version: i16) -> MetadataResponse {
        let operations = self.include_topic_authorized_operations;
        let describe = |found| describe_topic((&door.node, image), found, version, operations);
        let topics = match &self.topics {
            Some(topics) if version >= NULL_MEANS_ALL_FROM || !topics.is_empty() => {
                topics.iter().map(|it| describe(find(image, it))).collect()
            }
            Some(_) | None => image.topics().map(|it| describe(Found::Topic(it))).collect(),
        };
        let cluster = self.include_cluster_authorized_operations;
        MetadataResponse {
            brokers: nodes(image)
                .map(|it| MetadataResponseBroker {
                    node_id: it.id,
                    host: it.host,
                    port: it.port,
                    rack: it.rack,
                })
                .collect(),
            cluster_id: door.cluster_id(),
            controller_id: door.controller_id(),
            topics,
            cluster_authorized_operations: if cluster { CLUSTER_OPERATIONS } else { i32::MIN },
            ..Default::default()
        }
    }
}

fn find<'a>(image: &'a MetadataImage, asked: &MetadataRequestTopic) -> Found<'a> {
    if !asked.topic_id.is_nil() {
        let topic = image.topic_by_id(TopicId(asked.topic_id));
        return topic.map_or(Found::NoId(asked.topic_id), |it| Found::Topic(it));
    }
    let name = asked.name.clone().unwrap_or_default();
    image.topic_by_name(&name).map_or(Found::NoName(name), |it| Found::Topic(it))
}

fn describe_topic(
    (node, image): (&Node, &MetadataImage),
    found: Found<'_>,
    version: i16,
    operations: bool,
) -> MetadataResponseTopic {
    match found {
        Found::Topic(topic) => MetadataResponseTopic {
            error_code: ErrorCode::None,
            name: Some((&*topic.name).into()),
            topic_id: topic.id.0,
            is_internal: topic.is_internal(),
            partitions: topic
                .partitions()
                .map(|(index, it)| describe_partition((node, image), index, it))
                .collect(),
            topic_authorized_operations: if operations { TOPIC_OPERATIONS } else { i32::MIN },
        },
        Found::NoName(name) => {
            let error_code = if is_topic_name(&name) {
                ErrorCode::UnknownTopicOrPartition
            } else {
                ErrorCode::InvalidTopicException
            };
            MetadataResponseTopic { error_code, name: Some(name), ..Default::default() }
        }
        Found::NoId(topic_id) => MetadataResponseTopic {
            error_code: ErrorCode::UnknownTopicId,
            name: (version < NULL_NAME_FROM).then_some(Str::EMPTY),
            topic_id,
            ..Default::default()
        },
    }
}

fn describe_partition(
    (node, image): (&Node, &MetadataImage),
    index: PartitionIndex,
    partition: &PartitionImage,
) -> MetadataResponsePartition {
    let leader = node.leader_of(partition);
    MetadataResponsePartition {
        error_code: leader.map_or(ErrorCode::LeaderNotAvailable, |_| ErrorCode::None),
        partition_index: index.to_wire(),
        leader_id: leader.map_or(-1, BrokerId::to_wire),
        leader_epoch: i32::try_from(partition.leader_epoch.0).unwrap_or(i32::MAX),
        replica_nodes: ids(&partition.replicas),
        isr_nodes: ids(&partition.isr),
        offline_replicas: offline(image, partition),
    }
}

/// Broker ids as the protocol carries them.
pub(super) fn ids(brokers: &[BrokerId]) -> Vec<i32> {
    brokers.iter().map(|id| id.to_wire()).collect()
}

/// Replicas on brokers that cannot serve now.
pub(super) fn offline(image: &MetadataImage, partition: &PartitionImage) -> Vec<i32> {
    partition.replicas.iter().filter(|id| !image.is_live(**id)).map(|id| id.to_wire()).collect()
}

/// Whether a topic could have this name.
pub(super) fn is_topic_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !matches!(name, "" | "." | "..") && name.len() <= NAME_BYTES_MAX && name.bytes().all(allowed)
}
