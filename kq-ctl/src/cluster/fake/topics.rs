//! Topics of the cluster in memory.

#![expect(
    clippy::unnecessary_wraps,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;

use super::{BEGINNING_MS, State, TOPIC_KEYS, Topic, error, name_of, no_key, no_topic};
use crate::exit::Failure;

const DAY_MS: i64 = 86_400_000;

type Answer<T> = Result<T, Failure>;

impl State {
    pub(crate) fn summary(&self, name: &str, topic: &Topic) -> v1::TopicSummary {
        let config = |key: &str| {
            let default = TOPIC_KEYS.iter().find(|(it, _)| *it == key).unwrap().1;
            topic.configs.get(key).cloned().unwrap_or_else(|| default.to_owned())
        };
        let health = self.health(topic);
        let count = u32::try_from(topic.partitions.len()).unwrap();
        let offset_span: usize = topic.partitions.iter().map(Vec::len).sum();
        v1::TopicSummary {
            name: name.to_owned(),
            id: topic.id.clone().into(),
            partition_count: count,
            replication_factor: topic.replication_factor,
            min_insync_replicas: config("min.insync.replicas").parse().ok(),
            health: health.into(),
            under_replicated_count: if health == v1::Health::Ok { 0 } else { count },
            offline_count: if health == v1::Health::Offline { count } else { 0 },
            override_count: u32::try_from(topic.configs.len()).unwrap(),
            protection: topic.protection.clone(),
            internal: name.starts_with("__"),
            created_at_ms: Some(BEGINNING_MS),
            size_bytes: Some(1024 * offset_span as u64),
            offset_span: Some(offset_span as u64),
            retention_ms: config("retention.ms").parse().ok(),
            cleanup_policy: config("cleanup.policy"),
            leader_skew: Some(1),
            ..v1::TopicSummary::default()
        }
    }

    pub(crate) fn list_topics(
        &mut self,
        request: v1::ListTopicsRequest,
    ) -> Answer<v1::ListTopicsResponse> {
        let all = self.topics.iter().filter(|(name, _)| {
            let named = request.names.is_empty() || request.names.contains(name);
            named && (request.include_internal || !name.starts_with("__"))
        });
        let topics = all.map(|(name, topic)| self.summary(name, topic)).map(|mut summary| {
            if !request.with_sizes {
                (summary.size_bytes, summary.offset_span) = (None, None);
            }
            summary
        });
        let unknown = request.names.iter().filter(|name| !self.topics.contains_key(*name));
        Ok(v1::ListTopicsResponse {
            topics: topics.collect(),
            errors: unknown.map(|name| no_topic(name)).collect(),
            next: String::new(),
        })
    }

    pub(crate) fn describe_topics(
        &mut self,
        request: v1::DescribeTopicsRequest,
    ) -> Answer<v1::DescribeTopicsResponse> {
        let mut answer = v1::DescribeTopicsResponse::default();
        for topic in &request.topics {
            let name = name_of(topic, self);
            let Some(topic) = self.topics.get(&name) else {
                answer.errors.push(no_topic(&name));
                continue;
            };
            answer.topics.push(v1::TopicDescription {
                summary: Some(self.summary(&name, topic)),
                partitions: (0..topic.partitions.len())
                    .map(|at| self.partition(topic, at))
                    .collect(),
                configs: if request.with_configs {
                    super::answers::entries(topic)
                } else {
                    Vec::new()
                },
            });
        }
        Ok(answer)
    }

    pub(super) fn partition(&self, topic: &Topic, at: usize) -> v1::PartitionDescription {
        let end = Some(topic.partitions[at].len() as u64);
        let isr = self.isr(topic);
        v1::PartitionDescription {
            index: u32::try_from(at).unwrap(),
            leader: isr.first().copied(),
            preferred_leader: Some(1),
            replicas: (1..=topic.replication_factor).collect(),
            isr,
            log_start_offset: Some(0),
            last_stable_offset: end,
            high_watermark: end,
            log_end_offset: end,
            size_bytes: end.map(|end| end * 1024),
            health: self.health(topic).into(),
            ..v1::PartitionDescription::default()
        }
    }

    pub(crate) fn create_topics(
        &mut self,
        request: v1::CreateTopicsRequest,
    ) -> Answer<v1::CreateTopicsResponse> {
        let mut answer = v1::CreateTopicsResponse::default();
        let intent = request.intent.unwrap_or_default();
        for new in request.topics {
            if self.topics.contains_key(&new.name) {
                let message = format!("topic '{}' exists", new.name);
                let hint = "--if-not-exists";
                answer.errors.push(error(&new.name, "kafka.TOPIC_ALREADY_EXISTS", message, hint));
                continue;
            }
            if let Some(key) =
                new.configs.keys().find(|key| !TOPIC_KEYS.iter().any(|it| it.0 == *key))
            {
                answer.errors.push(no_key(&new.name, key));
                continue;
            }
            let partition_count = new.partition_count.unwrap_or(1);
            let replication_factor = new.replication_factor.unwrap_or(3);
            self.ids += 1;
            let id = vec![self.ids; 16];
            answer.topics.push(v1::CreatedTopic {
                name: new.name.clone(),
                id: (!intent.dry_run).then(|| id.clone().into()),
                partition_count,
                replication_factor,
                assignments: Vec::new(),
            });
            if !intent.dry_run {
                self.happened(v1::EventKind::TopicCreated, &new.name, Some(&intent));
                let partitions = vec![Vec::new(); partition_count as usize];
                let configs = new.configs;
                let topic = Topic { id, partitions, replication_factor, configs, protection: None };
                self.topics.insert(new.name, topic);
            }
        }
        Ok(answer)
    }

    pub(crate) fn add_partitions(
        &mut self,
        request: v1::AddPartitionsRequest,
    ) -> Answer<v1::AddPartitionsResponse> {
        let mut answer = v1::AddPartitionsResponse::default();
        let dry_run = request.intent.is_some_and(|intent| intent.dry_run);
        for count in request.topics {
            let Some(topic) = self.topics.get_mut(&count.topic) else {
                answer.errors.push(no_topic(&count.topic));
                continue;
            };
            answer.topics.push(v1::AddedPartitions {
                topic: count.topic,
                old_count: u32::try_from(topic.partitions.len()).unwrap(),
                new_count: count.total,
            });
            if !dry_run {
                topic.partitions.resize(count.total as usize, Vec::new());
            }
        }
        Ok(answer)
    }

    pub(crate) fn delete_topics(
        &mut self,
        request: v1::DeleteTopicsRequest,
    ) -> Answer<v1::DeleteTopicsResponse> {
        let mut answer = v1::DeleteTopicsResponse::default();
        let intent = request.intent.unwrap_or_default();
        for topic in &request.topics {
            let name = name_of(topic, self);
            let Some(topic) = self.topics.get(&name).cloned() else {
                answer.errors.push(no_topic(&name));
                continue;
            };
            if let Some(protection) = &topic.protection {
                let message = format!("topic '{name}' is protected: {}", protection.reason);
                let hint = format!("kq-ctl topic unprotect {name}");
                answer.errors.push(error(&name, "kq.PROTECTED", message, &hint));
                continue;
            }
            let keep = request.keep_for_ms.map_or(DAY_MS, |ms| i64::try_from(ms).unwrap());
            let deleted = v1::DeletedTopic {
                name: name.clone(),
                id: topic.id.clone().into(),
                partition_count: u32::try_from(topic.partitions.len()).unwrap(),
                replication_factor: topic.replication_factor,
                deleted_at_ms: BEGINNING_MS,
                purge_at_ms: (keep > 0).then_some(BEGINNING_MS + keep),
                size_bytes: Some(4096),
                reason: intent.reason.clone(),
                protection: None,
            };
            answer.topics.push(deleted.clone());
            if !intent.dry_run {
                self.happened(v1::EventKind::TopicDeleted, &name, Some(&intent));
                self.topics.remove(&name);
                if keep > 0 {
                    self.deleted.push((deleted, topic));
                }
            }
        }
        Ok(answer)
    }

    pub(crate) fn list_deleted(
        &mut self,
        _: v1::ListDeletedTopicsRequest,
    ) -> Answer<v1::ListDeletedTopicsResponse> {
        let topics = self.deleted.iter().map(|(deleted, _)| deleted.clone()).collect();
        Ok(v1::ListDeletedTopicsResponse { topics, next: String::new() })
    }

    fn deleted_at(&self, name: &str) -> Result<usize, v1::ItemError> {
        self.deleted.iter().position(|(it, _)| it.name == name).ok_or_else(|| {
            let message = format!("no deleted topic '{name}'");
            error(name, "kq.NOT_FOUND", message, "kq-ctl topic list --deleted")
        })
    }

    pub(crate) fn restore_topics(
        &mut self,
        request: v1::RestoreTopicsRequest,
    ) -> Answer<v1::RestoreTopicsResponse> {
        let mut answer = v1::RestoreTopicsResponse::default();
        let intent = request.intent.unwrap_or_default();
        for topic in &request.topics {
            let name = name_of(topic, self);
            let at = match self.deleted_at(&name) {
                Ok(at) => at,
                Err(error) => {
                    answer.errors.push(error);
                    continue;
                }
            };
            let (deleted, topic) = self.deleted[at].clone();
            answer.topics.push(v1::RestoredTopic {
                name: name.clone(),
                id: deleted.id,
                partition_count: deleted.partition_count,
                replication_factor: deleted.replication_factor,
            });
            if !intent.dry_run {
                self.happened(v1::EventKind::TopicRestored, &name, Some(&intent));
                self.deleted.remove(at);
                self.topics.insert(name, topic);
            }
        }
        Ok(answer)
    }

    pub(crate) fn purge_topics(
        &mut self,
        request: v1::PurgeTopicsRequest,
    ) -> Answer<v1::PurgeTopicsResponse> {
        let mut answer = v1::PurgeTopicsResponse::default();
        for topic in &request.topics {
            let name = name_of(topic, self);
            match self.deleted_at(&name) {
                Ok(at) => {
                    let deleted = self.deleted.remove(at).0;
                    answer.topics.push(v1::DeletedTopic { purge_at_ms: None, ..deleted });
                }
                Err(error) => answer.errors.push(error),
            }
        }
        Ok(answer)
    }

    fn protect(
        &mut self,
        topics: &[v1::TopicRef],
        intent: &v1::Intent,
        protection: Option<&v1::Protection>,
    ) -> (Vec<v1::TopicProtection>, Vec<v1::ItemError>) {
        let (mut done, mut errors) = (Vec::new(), Vec::new());
        for topic in topics {
            let name = name_of(topic, self);
            let Some(topic) = self.topics.get_mut(&name) else {
                errors.push(no_topic(&name));
                continue;
            };
            done.push(v1::TopicProtection {
                name,
                id: topic.id.clone().into(),
                protection: protection.cloned(),
                changed: topic.protection.is_some() != protection.is_some(),
            });
            if !intent.dry_run {
                topic.protection = protection.cloned();
            }
        }
        (done, errors)
    }

    pub(crate) fn protect_topics(
        &mut self,
        request: v1::ProtectTopicsRequest,
    ) -> Answer<v1::ProtectTopicsResponse> {
        let intent = request.intent.unwrap_or_default();
        let reason = intent.reason.clone();
        let protection = v1::Protection { reason, since_at_ms: Some(BEGINNING_MS) };
        let (topics, errors) = self.protect(&request.topics, &intent, Some(&protection));
        Ok(v1::ProtectTopicsResponse { topics, errors })
    }

    pub(crate) fn unprotect_topics(
        &mut self,
        request: v1::UnprotectTopicsRequest,
    ) -> Answer<v1::UnprotectTopicsResponse> {
        let intent = request.intent.unwrap_or_default();
        let (topics, errors) = self.protect(&request.topics, &intent, None);
        Ok(v1::UnprotectTopicsResponse { topics, errors })
    }
}
