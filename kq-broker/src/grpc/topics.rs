//! `kq.admin.v1.Topics`.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_proto::admin::v1;
use kq_proto::admin::v1::topics_server::Topics;
use tonic::{Request, Response, Status};

use super::Admin;
use super::answer::{
    Answer, find_topic, id_bytes, is_dry_run, name_of, page, sort, topic_refs, unexpected,
};
use super::configs::entry_of;
use super::error::{bad_argument, unknown_topic};
use super::passing::Asker;
use super::shape::{count, protection};
use crate::catalogue::{ConfigSources, describe_topic};
use crate::controller::{
    Command, CreatedTopic, DeletedTopic, ManualAssignment, NewPartitions, NewTopic, Reply,
};
use crate::metadata::TopicImage;

#[tonic::async_trait]
impl Topics for Admin {
    async fn list(
        &self,
        request: Request<v1::ListTopicsRequest>,
    ) -> Answer<v1::ListTopicsResponse> {
        let request = request.into_inner();
        let image = self.node.image();
        let mut answer = v1::ListTopicsResponse::default();
        let topics: Vec<&Arc<TopicImage>> = if request.names.is_empty() {
            let after = request.page.as_ref().map_or("", |it| it.after.as_str());
            let wanted =
                |topic: &&Arc<TopicImage>| request.include_internal || !topic.is_internal();
            let topics = image.topics_after(after).filter(wanted);
            let (topics, next) = page(topics, request.page.as_ref(), |it| it.name.to_string());
            answer.next = next;
            topics
        } else {
            let unknown = request.names.iter().filter(|name| image.topic_by_name(name).is_none());
            answer.errors = unknown.map(|name| missing(name)).collect();
            request.names.iter().filter_map(|name| image.topic_by_name(name)).collect()
        };
        let shapes = if request.with_sizes {
            let names: Vec<String> = topics.iter().map(|it| it.name.to_string()).collect();
            self.shapes_with(&names).await
        } else {
            self.shapes()
        };
        answer.topics = topics.iter().map(|it| shapes.summary(it, request.with_sizes)).collect();
        Ok(Response::new(answer))
    }

    async fn describe(
        &self,
        request: Request<v1::DescribeTopicsRequest>,
    ) -> Answer<v1::DescribeTopicsResponse> {
        let request = request.into_inner();
        let image = self.node.image();
        let mut answer = v1::DescribeTopicsResponse::default();
        let mut topics = Vec::new();
        for topic_ref in topic_refs(&request.topics)? {
            match find_topic(&image, &topic_ref) {
                Ok(topic) => topics.push(topic),
                Err(err) => answer.errors.push(err.into_item(name_of(&topic_ref))),
            }
        }
        let names: Vec<String> = topics.iter().map(|it| it.name.to_string()).collect();
        let shapes = self.shapes_with(&names).await;
        for topic in topics {
            let mut configs = Vec::new();
            if request.with_configs {
                let described = describe_topic(&topic.configs, &shapes.sources);
                configs.extend(described.iter().map(|it| entry_of(it, true, true)));
            }
            answer.topics.push(v1::TopicDescription {
                summary: Some(shapes.summary(&topic, true)),
                partitions: shapes.partitions(&topic),
                configs,
            });
        }
        Ok(Response::new(answer))
    }

    async fn create(
        &self,
        request: Request<v1::CreateTopicsRequest>,
    ) -> Answer<v1::CreateTopicsResponse> {
        let v1::CreateTopicsRequest { topics, intent } = request.into_inner();
        let validate_only = is_dry_run(intent.as_ref());
        let asked: Vec<NewTopic> = topics.into_iter().map(new_topic).collect();
        let verdicts = self.unsound_topics(&asked);
        let (mut topics, mut refused) = (Vec::new(), Vec::new());
        for (topic, verdict) in asked.into_iter().zip(verdicts) {
            match verdict {
                Some(why) => refused.push(why.into_item(topic.name)),
                None => topics.push(topic),
            }
        }
        if topics.is_empty() && !refused.is_empty() {
            let errors = refused;
            return Ok(Response::new(v1::CreateTopicsResponse { topics: Vec::new(), errors }));
        }
        let names: Vec<String> = topics.iter().map(|it| it.name.clone()).collect();
        let command = Command::CreateTopics { topics, validate_only };
        let reply = self.submit(intent.as_ref(), command).await?;
        let Reply::TopicsCreated(results) = reply else { return Err(unexpected()) };
        let (topics, mut errors) = sort(&names, results, |_, it| created(it, validate_only));
        errors.append(&mut refused);
        Ok(Response::new(v1::CreateTopicsResponse { topics, errors }))
    }

    async fn add_partitions(
        &self,
        request: Request<v1::AddPartitionsRequest>,
    ) -> Answer<v1::AddPartitionsResponse> {
        let v1::AddPartitionsRequest { topics, intent } = request.into_inner();
        let names: Vec<String> = topics.iter().map(|it| it.topic.clone()).collect();
        let totals: BTreeMap<String, u32> =
            topics.iter().map(|it| (it.topic.clone(), it.total)).collect();
        let topics = topics.into_iter().map(new_partitions).collect();
        let command =
            Command::CreatePartitions { topics, validate_only: is_dry_run(intent.as_ref()) };
        let reply = self.submit(intent.as_ref(), command).await?;
        let Reply::PartitionsCreated(results) = reply else { return Err(unexpected()) };
        let (topics, errors) = sort(&names, results, |topic, old_count| v1::AddedPartitions {
            topic: topic.to_owned(),
            old_count,
            new_count: totals.get(topic).copied().unwrap_or(old_count),
        });
        Ok(Response::new(v1::AddPartitionsResponse { topics, errors }))
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteTopicsRequest>,
    ) -> Answer<v1::DeleteTopicsResponse> {
        let v1::DeleteTopicsRequest { topics, keep_for_ms, intent } = request.into_inner();
        let topics = topic_refs(&topics)?;
        let names: Vec<String> = topics.iter().map(name_of).collect();
        let keep_for_ms = Some(keep_for_ms.unwrap_or_else(|| self.usual_keep_ms()));
        let validate_only = is_dry_run(intent.as_ref());
        let command = Command::DeleteTopics { topics, keep_for_ms, validate_only };
        let (topics, errors) = self.change_life(intent.as_ref(), &names, command).await?;
        Ok(Response::new(v1::DeleteTopicsResponse { topics, errors }))
    }

    async fn list_deleted(
        &self,
        request: Request<v1::ListDeletedTopicsRequest>,
    ) -> Answer<v1::ListDeletedTopicsResponse> {
        let request = request.into_inner();
        let shapes = self.shapes();
        let mut hidden: Vec<_> = shapes.image.hidden_topics().collect();
        hidden.sort_by(|a, b| a.name.cmp(&b.name));
        let after = request.page.as_ref().map_or("", |it| it.after.as_str());
        let later = hidden.into_iter().filter(|topic| &*topic.name > after);
        let (topics, next) = page(later, request.page.as_ref(), |it| it.name.to_string());
        let topics = topics.into_iter().map(|it| hidden_topic(it)).collect();
        Ok(Response::new(v1::ListDeletedTopicsResponse { topics, next }))
    }

    async fn restore(
        &self,
        request: Request<v1::RestoreTopicsRequest>,
    ) -> Answer<v1::RestoreTopicsResponse> {
        let v1::RestoreTopicsRequest { topics, intent } = request.into_inner();
        let topics = topic_refs(&topics)?;
        let names: Vec<String> = topics.iter().map(name_of).collect();
        let command = Command::RestoreTopics { topics, validate_only: is_dry_run(intent.as_ref()) };
        let reply = self.submit(intent.as_ref(), command).await?;
        let Reply::TopicsRestored(results) = reply else { return Err(unexpected()) };
        let (topics, errors) = sort(&names, results, |_, it| v1::RestoredTopic {
            name: it.name,
            id: id_bytes(it.id),
            partition_count: it.partitions,
            replication_factor: count(it.replication_factor),
        });
        Ok(Response::new(v1::RestoreTopicsResponse { topics, errors }))
    }

    async fn purge(
        &self,
        request: Request<v1::PurgeTopicsRequest>,
    ) -> Answer<v1::PurgeTopicsResponse> {
        let v1::PurgeTopicsRequest { topics, intent } = request.into_inner();
        let topics = topic_refs(&topics)?;
        let names: Vec<String> = topics.iter().map(name_of).collect();
        let command = Command::PurgeTopics { topics, validate_only: is_dry_run(intent.as_ref()) };
        let (topics, errors) = self.change_life(intent.as_ref(), &names, command).await?;
        Ok(Response::new(v1::PurgeTopicsResponse { topics, errors }))
    }

    async fn protect(
        &self,
        request: Request<v1::ProtectTopicsRequest>,
    ) -> Answer<v1::ProtectTopicsResponse> {
        let v1::ProtectTopicsRequest { topics, intent } = request.into_inner();
        if intent.as_ref().is_none_or(|it| it.reason.trim().is_empty()) {
            let error = bad_argument("a protection needs a reason, which the refused will read");
            return Err(error.hint("give --reason").into());
        }
        let (topics, errors) = self.set_protection(topics, intent, true).await?;
        Ok(Response::new(v1::ProtectTopicsResponse { topics, errors }))
    }

    async fn unprotect(
        &self,
        request: Request<v1::UnprotectTopicsRequest>,
    ) -> Answer<v1::UnprotectTopicsResponse> {
        let v1::UnprotectTopicsRequest { topics, intent } = request.into_inner();
        let (topics, errors) = self.set_protection(topics, intent, false).await?;
        Ok(Response::new(v1::UnprotectTopicsResponse { topics, errors }))
    }

    async fn compact(
        &self,
        request: Request<v1::CompactTopicsRequest>,
    ) -> Answer<v1::CompactTopicsResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.compact_topics(request.into_inner(), asker).await))
    }

    async fn list_offsets(
        &self,
        request: Request<v1::ListOffsetsRequest>,
    ) -> Answer<v1::ListOffsetsResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.find_offsets(request.into_inner(), asker).await))
    }
}

impl Admin {
    /// How long the control door keeps a deleted topic unless told otherwise.
    fn usual_keep_ms(&self) -> u64 {
        let sources = ConfigSources::of_cluster(&self.node.image(), &self.node.fixed);
        let keep = sources.broker_number("topic.delete.keep.ms");
        keep.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
    }

    /// Deletes or purges, and tells what became of each topic.
    async fn change_life(
        &self,
        intent: Option<&v1::Intent>,
        names: &[String],
        command: Command,
    ) -> Result<(Vec<v1::DeletedTopic>, Vec<v1::ItemError>), Status> {
        let reason = intent.map(|it| it.reason.clone()).unwrap_or_default();
        let reply = self.submit(intent, command).await?;
        let Reply::TopicsDeleted(results) = reply else { return Err(unexpected()) };
        Ok(sort(names, results, |_, it| deleted(it, &reason)))
    }

    async fn set_protection(
        &self,
        topics: Vec<v1::TopicRef>,
        intent: Option<v1::Intent>,
        protected: bool,
    ) -> Result<(Vec<v1::TopicProtection>, Vec<v1::ItemError>), Status> {
        let topics = topic_refs(&topics)?;
        let names: Vec<String> = topics.iter().map(name_of).collect();
        let validate_only = is_dry_run(intent.as_ref());
        let command = Command::ProtectTopics { topics, protected, validate_only };
        let reply = self.submit(intent.as_ref(), command).await?;
        let Reply::TopicsProtected(results) = reply else { return Err(unexpected()) };
        let image = self.node.image();
        let reason = intent.map(|it| it.reason).unwrap_or_default();
        Ok(sort(&names, results, |_, it| {
            let standing = image.any_topic(it.id).and_then(|topic| protection(topic));
            // After a mere check: as it would stand.
            let wanted =
                protected.then(|| v1::Protection { reason: reason.clone(), since_at_ms: None });
            v1::TopicProtection {
                name: it.name,
                id: id_bytes(it.id),
                protection: if validate_only && it.changed { wanted } else { standing },
                changed: it.changed,
            }
        }))
    }
}

fn missing(name: &str) -> v1::ItemError {
    unknown_topic(format!("topic '{name}' does not exist")).into_item(name)
}

fn new_topic(it: v1::NewTopic) -> NewTopic {
    let number = |it: Option<u32>| it.map(|it| i32::try_from(it).unwrap_or(i32::MAX));
    NewTopic {
        name: it.name,
        partitions: number(it.partition_count),
        replication_factor: it.replication_factor.map(|it| i16::try_from(it).unwrap_or(i16::MAX)),
        assignments: it.assignments.into_iter().map(assignment).collect(),
        configs: it.configs.into_iter().map(|(key, value)| (key, Some(value))).collect(),
    }
}

fn assignment(it: v1::ReplicaAssignment) -> ManualAssignment {
    let number = |it: u32| i32::try_from(it).unwrap_or(i32::MAX);
    ManualAssignment {
        partition: number(it.partition),
        brokers: it.brokers.into_iter().map(number).collect(),
    }
}

fn new_partitions(it: v1::PartitionCount) -> NewPartitions {
    let mut lists: Vec<ManualAssignment> = it.assignments.into_iter().map(assignment).collect();
    lists.sort_by_key(|it| it.partition);
    let lists: Vec<Vec<i32>> = lists.into_iter().map(|it| it.brokers).collect();
    NewPartitions {
        topic: it.topic,
        total: i32::try_from(it.total).unwrap_or(i32::MAX),
        assignments: (!lists.is_empty()).then_some(lists),
    }
}

fn created(it: CreatedTopic, validate_only: bool) -> v1::CreatedTopic {
    let replication_factor = count(it.replication_factor());
    let assignments: Vec<v1::ReplicaAssignment> = (0..)
        .zip(&it.assignments)
        .map(|(partition, brokers)| v1::ReplicaAssignment {
            partition,
            brokers: brokers.iter().map(|id| id.0).collect(),
        })
        .collect();
    v1::CreatedTopic {
        id: (!validate_only).then(|| id_bytes(it.id)),
        name: it.name,
        partition_count: count(assignments.len()),
        replication_factor,
        assignments,
    }
}

fn deleted(it: DeletedTopic, reason: &str) -> v1::DeletedTopic {
    v1::DeletedTopic {
        name: it.name,
        id: id_bytes(it.id),
        partition_count: it.partitions,
        replication_factor: count(it.replication_factor),
        deleted_at_ms: it.deleted_at.0,
        purge_at_ms: it.purge_at.map(|at| at.0),
        size_bytes: None,
        reason: reason.to_owned(),
        protection: None,
    }
}

fn hidden_topic(topic: &TopicImage) -> v1::DeletedTopic {
    let deletion = topic.soft_deletion.as_ref();
    v1::DeletedTopic {
        name: topic.name.to_string(),
        id: id_bytes(topic.id),
        partition_count: topic.partition_count(),
        replication_factor: count(topic.replication_factor()),
        deleted_at_ms: deletion.map_or(0, |it| it.deleted_at.0),
        purge_at_ms: deletion.map(|it| it.purge_at.0),
        size_bytes: None,
        reason: deletion.map(|it| it.reason.to_string()).unwrap_or_default(),
        protection: protection(topic),
    }
}
