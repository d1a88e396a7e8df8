//! `DescribeTopicPartitions`: topics in pages (KIP-966), so that no cluster is too large to describe.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::kafka::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::metadata::{ids, is_topic_name, offline};
use super::operations::TOPIC_OPERATIONS;
use crate::ids::{BrokerId, PartitionIndex};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::{MetadataImage, PartitionImage, TopicImage};
use crate::runtime::Node;

/// Most partitions of one page, whatever the client asks for.
const PARTITIONS_MAX: usize = 2000;

impl Handle for DescribeTopicPartitionsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let image = door.image();
        let mut page = Page {
            node: &door.node,
            image: &image,
            left: usize::try_from(self.response_partition_limit)
                .unwrap_or(0)
                .clamp(1, PARTITIONS_MAX),
            response: DescribeTopicPartitionsResponse::default(),
        };
        let (first, first_index) = self
            .cursor
            .map(|it| (it.topic_name.to_string(), PartitionIndex::from_wire(it.partition_index)))
            .unwrap_or_default();
        let first_index = first_index.unwrap_or_default();
        let asked: BTreeSet<String> = self.topics.iter().map(|it| it.name.to_string()).collect();
        let all = asked.is_empty().then(|| image.topics().map(|it| it.name.to_string()));
        let names = all.map_or(asked, Iterator::collect);
        for name in names.into_iter().filter(|it| *it >= first) {
            let from = if name == first { first_index } else { PartitionIndex::default() };
            if !page.add(&name, from) {
                break;
            }
        }
        call.answer::<Self>(&page.response)
    }
}

struct Page<'a> {
    node: &'a Node,
    image: &'a MetadataImage,
    left: usize,
    response: DescribeTopicPartitionsResponse,
}

impl Page<'_> {
    /// Adds one topic from a partition on; false when the page is full.
    fn add(&mut self, name: &str, from: PartitionIndex) -> bool {
        let Some(topic) = self.image.topic_by_name(name) else {
            let known = is_topic_name(name);
            let error_code = if known {
                ErrorCode::UnknownTopicOrPartition
            } else {
                ErrorCode::InvalidTopicException
            };
            let name = Some(name.into());
            let topic =
                DescribeTopicPartitionsResponseTopic { error_code, name, ..Default::default() };
            self.response.topics.push(topic);
            return true;
        };
        if self.left == 0 {
            self.stop_at(topic, from);
            return false;
        }
        let of_topic = topic.partitions().skip(from.position());
        let partitions: Vec<_> = of_topic
            .take(self.left)
            .map(|(index, it)| describe((self.node, self.image), index, it))
            .collect();
        self.left -= partitions.len();
        let reached = from.position() + partitions.len();
        self.response.topics.push(DescribeTopicPartitionsResponseTopic {
            error_code: ErrorCode::None,
            name: Some((&*topic.name).into()),
            topic_id: topic.id.0,
            is_internal: topic.is_internal(),
            partitions,
            topic_authorized_operations: TOPIC_OPERATIONS,
        });
        if reached < topic.partitions.len() {
            let next = PartitionIndex(u32::try_from(reached).unwrap_or(u32::MAX));
            self.stop_at(topic, next);
            return false;
        }
        true
    }

    fn stop_at(&mut self, topic: &TopicImage, index: PartitionIndex) {
        let topic_name = Str::from(&*topic.name);
        self.response.next_cursor = Some(Cursor { topic_name, partition_index: index.to_wire() });
    }
}

fn describe(
    (node, image): (&Node, &MetadataImage),
    index: PartitionIndex,
    partition: &PartitionImage,
) -> DescribeTopicPartitionsResponsePartition {
    let leader = node.leader_of(partition);
    DescribeTopicPartitionsResponsePartition {
        error_code: leader.map_or(ErrorCode::LeaderNotAvailable, |_| ErrorCode::None),
        partition_index: index.to_wire(),
        leader_id: leader.map_or(-1, BrokerId::to_wire),
        leader_epoch: i32::try_from(partition.leader_epoch.0).unwrap_or(i32::MAX),
        replica_nodes: ids(&partition.replicas),
        isr_nodes: ids(&partition.isr),
        eligible_leader_replicas: Some(ids(&partition.elr)),
        last_known_elr: Some(Vec::new()),
        offline_replicas: offline(image, partition),
    }
}
