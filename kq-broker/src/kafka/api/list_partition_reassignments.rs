//! `ListPartitionReassignments` (KIP-455): which partitions are on their way to other brokers, also
//! those that a plan is about to move.

use std::sync::Arc;

use kq_proto::kafka::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment, OngoingTopicReassignment,
};

use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::{MetadataImage, PartitionImage, TopicImage};

impl Handle for ListPartitionReassignmentsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let image = door.node.image();
        let topics = match &self.topics {
            None => image.topics().filter_map(|it| ongoing(&image, it, None)).collect(),
            Some(asked) => asked
                .iter()
                .filter_map(|it| {
                    let topic = image.topic_by_name(&it.name)?;
                    ongoing(&image, topic, Some(&it.partition_indexes))
                })
                .collect(),
        };
        call.answer::<Self>(&ListPartitionReassignmentsResponse {
            error_message: None,
            topics,
            ..Default::default()
        })
    }
}

/// A topic's partitions that move, if any do.
fn ongoing(
    image: &MetadataImage,
    topic: &TopicImage,
    asked: Option<&[i32]>,
) -> Option<OngoingTopicReassignment> {
    let wanted = |index: PartitionIndex| asked.is_none_or(|it| it.contains(&index.to_wire()));
    let partitions: Vec<_> = topic
        .partitions()
        .filter(|(index, _)| wanted(*index))
        .filter_map(|(index, now)| moving(image, PartitionId { topic: topic.id, index }, now))
        .collect();
    (!partitions.is_empty())
        .then(|| OngoingTopicReassignment { name: (*topic.name).into(), partitions })
}

fn moving(
    image: &MetadataImage,
    id: PartitionId,
    now: &PartitionImage,
) -> Option<OngoingPartitionReassignment> {
    let (mut adding, mut removing) = (now.adding.clone(), now.removing.clone());
    let mut replicas = now.replicas.clone();
    if adding.is_empty() && removing.is_empty() {
        let (_, it) = image.plan_of(id)?;
        adding = it.planned.adding().collect();
        removing = it.planned.removing().collect();
        replicas.extend(&adding);
    }
    let wire = |ids: Vec<BrokerId>| ids.into_iter().map(BrokerId::to_wire).collect();
    Some(OngoingPartitionReassignment {
        partition_index: id.index.to_wire(),
        replicas: wire(replicas),
        adding_replicas: wire(adding),
        removing_replicas: wire(removing),
    })
}
