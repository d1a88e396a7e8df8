//! KQ-S002 where no plan is made: a topic that is created here, or whose `min.insync.replicas` is
//! raised here, has at least that many replicas. Kafka's clients may do otherwise, as with Kafka.

use std::sync::Arc;

use kq_proto::admin::AdminError;
use tonic::Code;

use super::Admin;
use crate::catalogue::{ConfigSources, EffectiveTopicConfig};
use crate::controller::{Command, ConfigTarget, IncrementalAlter, NewTopic, Reply};
use crate::metadata::{ConfigMap, MetadataImage, TopicImage};

const KEY: &str = "min.insync.replicas";

impl Admin {
    /// For each topic that is to be created, why it must not be.
    pub(super) fn unsound_topics(&self, topics: &[NewTopic]) -> Vec<Option<AdminError>> {
        let image = self.node.image();
        let command = Command::CreateTopics { topics: topics.to_vec(), validate_only: true };
        let results = match self.imagine(&image, &command) {
            Ok((Reply::TopicsCreated(results), _)) => results,
            // The controller says what is wrong.
            Ok(_) | Err(_) => Vec::new(),
        };
        let judge = |at: usize| {
            let it = results.get(at)?.as_ref().ok()?;
            let values: ConfigMap = it.configs.iter().cloned().collect();
            let (replicas, min) = (it.replication_factor(), self.min_isr(&image, &values));
            let hint = format!("-r {min} or more, or -c {KEY}={}", replicas.max(1));
            (replicas < min).then(|| too_few(&it.name, (replicas, min)).hint(hint))
        };
        (0..topics.len()).map(judge).collect()
    }

    /// Why the settings of a topic must not become what they would be.
    pub(super) fn unsound_settings(
        &self,
        (before, after): (&Arc<MetadataImage>, &Arc<MetadataImage>),
        asked: &IncrementalAlter,
    ) -> Option<AdminError> {
        let ConfigTarget::Topic(name) = &asked.target else { return None };
        let (old, new) = (before.topic_by_name(name)?, after.topic_by_name(name)?);
        let min = self.min_isr(after, &new.configs);
        let replicas = replicas_of(new);
        let raised = self.min_isr(before, &old.configs) < min;
        let hint = format!(
            "kq-ctl topic alter {name} -r {min} first, or {KEY}={} at most",
            replicas.max(1)
        );
        (raised && replicas < min).then(|| too_few(name, (replicas, min)).hint(hint))
    }

    fn min_isr(&self, image: &MetadataImage, values: &ConfigMap) -> usize {
        let sources = ConfigSources::of_cluster(image, &self.node.fixed);
        EffectiveTopicConfig::resolve(values, &sources).min_insync_replicas as usize
    }
}

/// Whether a change can run into this at all.
pub(super) fn concerns(asked: &IncrementalAlter) -> bool {
    asked.alterations.iter().any(|it| it.key == KEY)
}

/// The fewest replicas of a partition, once what moves has moved.
fn replicas_of(topic: &TopicImage) -> usize {
    let stays =
        topic.partitions.iter().map(|it| it.replicas.len().saturating_sub(it.removing.len()));
    stays.min().unwrap_or(0)
}

fn too_few(name: &str, (replicas, min): (usize, usize)) -> AdminError {
    let replicas = if replicas == 1 { "1 replica" } else { &*format!("{replicas} replicas") };
    let message = format!(
        "topic '{name}' would have {replicas} and {KEY} {min}: acks=all would be refused for ever"
    );
    AdminError::new(Code::FailedPrecondition, "KQ-S002", message)
}
