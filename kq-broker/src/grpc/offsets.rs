//! Positions by name, time or number, resolved to offsets.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::{self, offset_spec::Named, offset_spec::Spec};
use tonic::Code;

use super::Admin;
use super::answer::find_topic;
use super::error::{bad_argument, of_partition, unknown_topic};
use super::passing::{Asker, Elsewhere};
use crate::controller::TopicRef;
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::TimestampMs;
use crate::runtime::{Isolation, ListedOffset, Offset, OffsetSpec, Partition};

impl Admin {
    pub(super) async fn find_offsets(
        &self,
        request: v1::ListOffsetsRequest,
        asker: Asker,
    ) -> v1::ListOffsetsResponse {
        let image = self.node.image();
        let mut answer = v1::ListOffsetsResponse::default();
        for query in request.queries {
            let spec = query.at.unwrap_or_default();
            let topic = match find_topic(&image, &TopicRef::Name(query.topic.clone())) {
                Ok(topic) => topic,
                Err(err) => {
                    answer.errors.push(err.into_item(query.topic));
                    continue;
                }
            };
            let all = || (0..topic.partition_count()).collect();
            let indexes: Vec<u32> =
                if query.partitions.is_empty() { all() } else { query.partitions };
            let mut found = self.find_in(&query.topic, indexes, &spec, asker).await;
            found.offsets.sort_by_key(|it| it.partition);
            answer.offsets.append(&mut found.offsets);
            answer.errors.append(&mut found.errors);
        }
        answer
    }

    /// One position in partitions of a topic, each as its leader has it.
    async fn find_in(
        &self,
        topic: &str,
        indexes: Vec<u32>,
        spec: &v1::OffsetSpec,
        asker: Asker,
    ) -> v1::ListOffsetsResponse {
        let mut answer = v1::ListOffsetsResponse::default();
        let mut there: BTreeMap<BrokerId, (Elsewhere, Vec<u32>)> = BTreeMap::new();
        let item = |index: u32| format!("{topic}/{index}");
        for index in indexes {
            if let Some(leader) = self.elsewhere(topic, index, asker) {
                let entry = there.entry(leader.broker);
                entry.or_insert_with(|| (leader, Vec::new())).1.push(index);
                continue;
            }
            match self.find_one(topic, index, spec).await {
                Ok(found) => answer.offsets.push(offset_row(topic, index, found)),
                Err(err) => answer.errors.push(err.into_item(item(index))),
            }
        }
        for (leader, partitions) in there.into_values() {
            let query = v1::OffsetQuery {
                topic: topic.to_owned(),
                partitions: partitions.clone(),
                at: Some(*spec),
            };
            match leader.list_offsets(query).await {
                Ok(mut found) => {
                    answer.offsets.append(&mut found.offsets);
                    answer.errors.append(&mut found.errors);
                }
                Err(err) => {
                    let failed = |index| err.clone().into_item(item(index));
                    answer.errors.extend(partitions.into_iter().map(failed));
                }
            }
        }
        answer
    }

    async fn find_one(
        &self,
        topic: &str,
        index: u32,
        spec: &v1::OffsetSpec,
    ) -> Result<ListedOffset, AdminError> {
        let partition = self.partition_of(topic, index)?;
        resolve(&partition, spec).await
    }

    /// A partition that this broker serves, by name.
    pub(super) fn partition_of(
        &self,
        topic: &str,
        index: u32,
    ) -> Result<Arc<Partition>, AdminError> {
        let image = self.node.image();
        let found = find_topic(&image, &TopicRef::Name(topic.to_owned()))?;
        let index = PartitionIndex(index);
        let Some(partition) = found.partition(index) else {
            let last = found.partition_count().saturating_sub(1);
            let message = format!("topic {topic} has no partition {index}: it has 0 to {last}");
            return Err(unknown_topic(message));
        };
        if partition.leader.is_none() {
            let message = format!("nobody leads {topic}/{index}");
            let error = AdminError::new(Code::Unavailable, "kafka.LEADER_NOT_AVAILABLE", message);
            let hint = format!("kq-ctl partition describe {topic}/{index} tells why");
            return Err(error.hint(hint).retriable());
        }
        let id = PartitionId { topic: found.id, index };
        self.node.partition(id).map_err(|err| of_partition(&err))
    }
}

/// The offset at a position.
pub(super) async fn resolve(
    partition: &Arc<Partition>,
    spec: &v1::OffsetSpec,
) -> Result<ListedOffset, AdminError> {
    let failed = |err| of_partition(&err);
    let plain = |offset: Offset| ListedOffset { offset: Some(offset), ..ListedOffset::default() };
    let named = match spec.spec {
        Some(Spec::Offset(offset)) => return Ok(plain(Offset(offset))),
        Some(Spec::AtTimestampMs(at)) => OffsetSpec::AtOrAfter(TimestampMs(at)),
        Some(Spec::Named(name)) => match Named::try_from(name) {
            Ok(Named::Earliest) => OffsetSpec::Earliest,
            Ok(Named::Latest) => OffsetSpec::Latest,
            Ok(Named::MaxTimestamp) => OffsetSpec::MaxTimestamp,
            Ok(Named::LastStable) => {
                let described = partition.describe().map_err(failed)?;
                return Ok(plain(described.offsets.last_stable().offset()));
            }
            Ok(Named::LogEnd) => {
                let described = partition.describe().map_err(failed)?;
                return Ok(plain(described.offsets.log_end().offset()));
            }
            Ok(Named::Unspecified) | Err(_) => return Err(no_position()),
        },
        None => return Err(no_position()),
    };
    partition.list_offset(named, Isolation::ReadUncommitted, None).await.map_err(failed)
}

fn no_position() -> AdminError {
    bad_argument("a position is missing: earliest, latest, an offset or a time")
}

fn offset_row(topic: &str, partition: u32, found: ListedOffset) -> v1::PartitionOffset {
    v1::PartitionOffset {
        topic: topic.to_owned(),
        partition,
        offset: found.offset.map(|it| it.0),
        timestamp_ms: found.timestamp.map(|it| it.0),
        leader_epoch: found.leader_epoch.map(|it| it.0),
    }
}
