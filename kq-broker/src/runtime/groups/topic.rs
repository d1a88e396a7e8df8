//! `__consumer_offsets`: where each group's records are.

use std::time::Duration;

use kq_proto::kafka::ErrorCode;

use crate::controller::{Command, NewTopic, Reply};
use crate::group::GroupId;
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::MetadataImage;
use crate::runtime::Node;

/// The topic of committed offsets and group memberships.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// What one step of a group changes is one batch: the target assignment of a group of 10,000 members
/// takes about 1 MB.
const BATCH_BYTES_MAX: u32 = 16 << 20;

const CREATE_DEADLINE: Duration = Duration::from_secs(10);

/// The partition whose leader coordinates a group; none while the topic does not exist.
pub(super) fn partition_of(image: &MetadataImage, group: &GroupId) -> Option<PartitionId> {
    let topic = image.topic_by_name(OFFSETS_TOPIC)?;
    let index = PartitionIndex(hash(group.as_str()).checked_rem(topic.partition_count())?);
    Some(PartitionId { topic: topic.id, index })
}

/// The partitions of the topic that a broker leads.
pub(super) fn led_by(image: &MetadataImage, broker: BrokerId) -> Vec<PartitionId> {
    let Some(topic) = image.topic_by_name(OFFSETS_TOPIC) else { return Vec::new() };
    let led = topic.partitions().filter(|(_, it)| it.leader == Some(broker));
    led.map(|(index, _)| PartitionId { topic: topic.id, index }).collect()
}

/// Makes the topic, and returns once its partitions are served.
pub(super) async fn create(node: &Node) -> Result<(), ErrorCode> {
    let replicas = replicas_for(&node.image(), node.config.offsets_replication_factor);
    let topic = NewTopic {
        name: OFFSETS_TOPIC.to_owned(),
        partitions: Some(i32::try_from(node.config.offsets_partitions).unwrap_or(i32::MAX)),
        replication_factor: Some(i16::try_from(replicas).unwrap_or(i16::MAX)),
        assignments: Vec::new(),
        configs: vec![
            ("cleanup.policy".to_owned(), Some("compact".to_owned())),
            ("compression.type".to_owned(), Some("producer".to_owned())),
            ("max.message.bytes".to_owned(), Some(BATCH_BYTES_MAX.to_string())),
            ("segment.bytes".to_owned(), Some(node.config.offsets_segment_bytes.to_string())),
        ],
    };
    let command = Command::CreateTopics { topics: vec![topic], validate_only: false };
    let reply = node.controller.submit(command, CREATE_DEADLINE).await;
    let refused = match reply {
        Ok(Reply::TopicsCreated(created)) => created.into_iter().find_map(Result::err),
        Ok(_) => None,
        Err(err) => Some(err),
    };
    // Another request may have been first.
    if let Some(err) = refused.filter(|err| err.code != ErrorCode::TopicAlreadyExists) {
        tracing::error!(%err, "{OFFSETS_TOPIC} cannot be made");
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    let wait = node.partitions.wait_applied(node.image().applied());
    let served = tokio::time::timeout(CREATE_DEADLINE, wait).await;
    served.map_err(|_| ErrorCode::CoordinatorNotAvailable)
}

/// As many as are wanted, if there are so many brokers that take any. A broker that is down counts:
/// it will be back, and this topic stays as it is made.
fn replicas_for(image: &MetadataImage, wanted: u16) -> u16 {
    let takers = image.brokers().filter(|it| it.cordon.is_none()).count();
    u16::try_from(takers).unwrap_or(u16::MAX).max(1).min(wanted)
}

/// Java's hash of a string, without its sign: clients never compute it, but outside tools that
/// read the topic do.
fn hash(text: &str) -> u32 {
    let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = text.encode_utf16().fold(0, step);
    // Kafka takes the one number without a positive counterpart for zero.
    hash.checked_abs().map_or(0, i32::unsigned_abs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hash_as_in_java() {
        // Computed with java.lang.String.hashCode.
        for (text, want) in [
            ("", 0),
            ("a", 97),
            ("group", 98_629_247),
            ("console-consumer-12345", 158_455_506),
            ("gr\u{fc}n-\u{1f980}", 425_142_194),
            ("polygenelubricants", 0),
        ] {
            assert_eq!(hash(text), want, "{text}");
        }
    }
}
