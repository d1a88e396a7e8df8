//! What a group has committed, and what there is to read.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;

use super::resolve::{Partitions, Span, Spans, by_topic, each};
use super::view::View;
use crate::catalogue::EffectiveTopicConfig;
use crate::group::{CommittedOffset, GroupId};
use crate::grpc::Admin;
use crate::grpc::answer::id_bytes;
use crate::grpc::passing::{Asker, passed_on};
use crate::metadata::{MetadataImage, TopicImage};

impl Admin {
    pub(super) async fn get_offsets(
        &self,
        request: v1::GetOffsetsRequest,
        asker: Asker,
    ) -> Result<v1::GetOffsetsResponse, AdminError> {
        if let Some(there) = self.coordinator_elsewhere(&request.group, asker) {
            let answer = there.offsets().get(passed_on(request)).await;
            let failed = |status| there.silent_coordinator(&status);
            return answer.map(tonic::Response::into_inner).map_err(failed);
        }
        let view = self.view(&GroupId::from(request.group.as_str())).await?;
        let image = self.node.image();
        let wanted = wanted(&view, &request.scope, &image);
        let there_are = |topic: &String| image.topic_by_name(topic).is_some();
        let readable: Partitions = wanted
            .iter()
            .filter(|it| there_are(it.0))
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        let mut spans = self.spans(&readable).await;
        let mut answer = v1::GetOffsetsResponse::default();
        if let Some(at) = request.at {
            let found = self.positions(&readable, at).await;
            spans.errors.extend(found.errors);
            answer.at = found.found.into_values().collect();
        }
        let rows = each(&wanted).map(|key| self.offset_row(&request.group, &key, &view, &spans));
        answer.offsets = rows.collect();
        answer.errors = spans.errors.into_values().collect();
        Ok(answer)
    }

    fn offset_row(
        &self,
        group: &str,
        key: &(String, u32),
        view: &View,
        spans: &Spans,
    ) -> v1::PartitionLag {
        let image = self.node.image();
        let topic = image.topic_by_name(&key.0);
        let (committed, span) = (view.committed(key), spans.found.get(key));
        let owners = view.owners();
        let owner = owners.get(key);
        let offset = committed.and_then(|it| u64::try_from(it.offset).ok());
        let mut row = v1::PartitionLag {
            group: group.to_owned(),
            topic: key.0.clone(),
            topic_id: topic.map(|it| id_bytes(it.id)).unwrap_or_default(),
            partition: key.1,
            committed: offset,
            committed_at_ms: committed.map(|it| it.committed_at_ms),
            leader_epoch: committed.and_then(|it| it.leader_epoch),
            metadata: committed.map(metadata).unwrap_or_default(),
            topic_deleted: topic.is_none(),
            lag_is_bound: offset.is_none() || topic.is_some_and(|it| self.is_compacted(it)),
            member: owner.map(|it| it.member.to_string()),
            instance: owner.and_then(|it| it.instance.as_ref()).map(ToString::to_string),
            host: owner.map(|it| it.client_host.to_string()),
            ..v1::PartitionLag::default()
        };
        if let Some(Span { start, end, last_stable }) = span.copied() {
            let from = offset.unwrap_or(start);
            row.start = Some(start);
            row.end = Some(end);
            row.last_stable = last_stable;
            row.lag = Some(end.saturating_sub(from.max(start)));
            row.expired = start.saturating_sub(from);
        }
        row
    }

    /// Whether records of a topic may be compacted away.
    pub(super) fn is_compacted(&self, topic: &Arc<TopicImage>) -> bool {
        let (image, node) = (self.node.image(), &self.node);
        EffectiveTopicConfig::of(&image, topic, node.broker_id, &node.fixed).compact
    }
}

fn metadata(of: &CommittedOffset) -> String {
    of.metadata.to_string()
}

/// What is named; if nothing is, all that the group has committed or owns.
fn wanted(view: &View, scope: &[v1::TopicPartitions], image: &MetadataImage) -> Partitions {
    let known: BTreeSet<(String, u32)> =
        view.offsets.keys().cloned().chain(view.owners().into_keys()).collect();
    if scope.is_empty() {
        return by_topic(known);
    }
    let mut wanted = Vec::new();
    for topic in scope {
        let key = |index: u32| (topic.topic.clone(), index);
        if topic.partitions.is_empty() {
            let there = image.topic_by_name(&topic.topic).map_or(0, |it| it.partition_count());
            wanted.extend((0..there).map(key));
            wanted.extend(known.iter().filter(|it| it.0 == topic.topic).cloned());
        }
        wanted.extend(topic.partitions.iter().copied().map(key));
    }
    by_topic(wanted)
}
