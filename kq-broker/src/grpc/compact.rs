//! Compaction on demand: any broker is asked, and every in-sync replica compacts its own log.
//!
//! ```text
//!   topics -> partitions -> brokers in their ISR -> each asked once, what it holds
//! ```
//! A replica out of sync is left alone: it has enough to do, and compacts when it is due.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{join, join_all};
use kq_proto::admin::AdminError;
use kq_proto::admin::v1::topics_client::TopicsClient;
use kq_proto::admin::v1::{self, CompactionState};
use tonic::Code;
use tonic::transport::Channel;

use super::Admin;
use super::answer::{find_topic, is_dry_run};
use super::error::{of_partition, unknown_topic};
use super::passing::{Asker, passed_on};
use crate::controller::TopicRef;
use crate::env;
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::TopicImage;
use crate::runtime::{Demand, Partition};

/// Rows of very many replicas still fit.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What each broker is asked for.
type Asked = BTreeMap<BrokerId, Vec<v1::CompactTopic>>;

impl Admin {
    pub(super) async fn compact_topics(
        &self,
        request: v1::CompactTopicsRequest,
        asker: Asker,
    ) -> v1::CompactTopicsResponse {
        let dry_run = is_dry_run(request.intent.as_ref());
        let mut answer = v1::CompactTopicsResponse::default();
        let mut wanted = Asked::new();
        for topic in request.topics {
            self.spread(topic, asker, &mut wanted, &mut answer.errors);
        }
        let mut others = Vec::new();
        let mut own = Vec::new();
        for (broker, topics) in wanted {
            if broker == self.node.broker_id {
                own = topics;
                continue;
            }
            match self.node.controller.peers().channel(broker) {
                Some(channel) => {
                    let intent = Some(v1::Intent { dry_run, ..v1::Intent::default() });
                    others.push(ask(broker, channel, v1::CompactTopicsRequest { topics, intent }));
                }
                None => answer.errors.extend(topics.iter().flat_map(|it| silent(broker, it))),
            }
        }
        let (own, others) = join(self.compact_here(own, dry_run), join_all(others)).await;
        for mut told in std::iter::once(own).chain(others) {
            answer.replicas.append(&mut told.replicas);
            answer.errors.append(&mut told.errors);
        }
        let place = |it: &v1::ReplicaCompaction| (it.topic.clone(), it.partition, it.broker);
        answer.replicas.sort_by_cached_key(place);
        answer
    }

    /// Adds the brokers that are to be asked about a topic, or what is wrong with it.
    fn spread(
        &self,
        asked_for: v1::CompactTopic,
        asker: Asker,
        wanted: &mut Asked,
        errors: &mut Vec<v1::ItemError>,
    ) {
        let name = asked_for.topic;
        let image = self.node.image();
        let topic = match find_topic(&image, &TopicRef::Name(name.clone())) {
            Ok(topic) => topic,
            Err(err) => return errors.push(err.into_item(name)),
        };
        if let Some(refused) = self.refusal(&topic) {
            return errors.push(refused.into_item(name));
        }
        let all = || (0..topic.partition_count()).collect();
        let indexes: Vec<u32> =
            if asked_for.partitions.is_empty() { all() } else { asked_for.partitions };
        for index in indexes {
            let Some(partition) = topic.partition(PartitionIndex(index)) else {
                let last = topic.partition_count().saturating_sub(1);
                let why = format!("topic {name} has no partition {index}: it has 0 to {last}");
                errors.push(unknown_topic(why).into_item(format!("{name}/{index}")));
                continue;
            };
            let here = [self.node.broker_id];
            let brokers = if asker == Asker::Broker { here.as_slice() } else { &partition.isr };
            for broker in brokers {
                let topics = wanted.entry(*broker).or_default();
                match topics.last_mut().filter(|it| it.topic == name) {
                    Some(topic) => topic.partitions.push(index),
                    None => topics
                        .push(v1::CompactTopic { topic: name.clone(), partitions: vec![index] }),
                }
            }
        }
    }

    /// Why a topic is not compacted at all.
    fn refusal(&self, topic: &Arc<TopicImage>) -> Option<AdminError> {
        let policy = self.shapes().summary(topic, false).cleanup_policy;
        if policy.split(',').any(|it| it.trim() == "compact") {
            return None;
        }
        let name = &topic.name;
        let message = format!("topic '{name}' is not compacted: its cleanup.policy is {policy}");
        let error = AdminError::new(Code::FailedPrecondition, "kq.NOT_COMPACTED", message);
        let hint = format!("kq-ctl topic alter {name} --append cleanup.policy=compact");
        Some(error.hint(hint))
    }

    /// The replicas of them that this broker holds.
    fn held_of(
        &self,
        topics: Vec<v1::CompactTopic>,
        errors: &mut Vec<v1::ItemError>,
    ) -> Vec<Arc<Partition>> {
        let image = self.node.image();
        let mut held = Vec::new();
        for asked in topics {
            let Some(topic) = image.topic_by_name(&asked.topic) else { continue };
            for index in asked.partitions {
                let id = PartitionId { topic: topic.id, index: PartitionIndex(index) };
                match self.node.partitions.replica(id) {
                    Ok(partition) => held.push(partition),
                    Err(err) => {
                        let item = item(&asked.topic, index, self.node.broker_id);
                        errors.push(of_partition(&err).into_item(item));
                    }
                }
            }
        }
        held
    }

    /// What this broker holds of them.
    async fn compact_here(
        &self,
        topics: Vec<v1::CompactTopic>,
        dry_run: bool,
    ) -> v1::CompactTopicsResponse {
        let mut answer = v1::CompactTopicsResponse::default();
        let held = self.held_of(topics, &mut answer.errors);
        let here = self.node.broker_id;
        let items = held.iter().map(|it| item(it.topic(), it.index().0, here)).collect();
        let look = move || held.into_iter().map(|it| (it.compaction(), it)).collect::<Vec<_>>();
        let measured = match look_at(items, look).await {
            Ok(measured) => measured,
            Err(mut ended_early) => {
                answer.errors.append(&mut ended_early);
                return answer;
            }
        };
        let board = self.node.partitions.cleaner();
        if !dry_run {
            let dirty = measured
                .iter()
                .filter(|(standing, _)| standing.as_ref().is_some_and(|it| it.dirtiness.is_any()));
            board.demand(&dirty.map(|(_, partition)| partition.id()).collect::<Vec<_>>());
        }
        for (standing, partition) in measured {
            let row = row(&partition, self.node.broker_id, board.demand_of(partition.id()));
            let Some(standing) = standing else {
                let item = item(&row.topic, row.partition, self.node.broker_id);
                let why = format!("the log of {item} cannot be looked at");
                let error = AdminError::new(Code::Unavailable, "kafka.KAFKA_STORAGE_ERROR", why);
                let hint = format!("kq-ctl partition describe {}/{}", row.topic, row.partition);
                answer.errors.push(error.hint(hint).into_item(item));
                continue;
            };
            let found = standing.dirtiness;
            let idle = row.state() == CompactionState::Clean;
            let state = if idle && found.is_any() { CompactionState::Dirty } else { row.state() };
            answer.replicas.push(v1::ReplicaCompaction {
                state: state.into(),
                dirty_bytes: found.cleanable_bytes,
                clean_bytes: found.clean_bytes,
                cleaned_offset: found.dirty_from.0,
                cleanable_offset: found.until.0,
                last_compacted_at_ms: standing.last_pass.map(|at| at.0),
                ..row
            });
        }
        answer
    }
}

/// Looks at the logs of these replicas on a thread that may wait for disks.
async fn look_at<T: Send + 'static>(
    items: Vec<String>,
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Vec<v1::ItemError>> {
    let looked = env::spawn_blocking(look).await;
    looked.map_err(|err| {
        let error = |item: String| {
            let why = format!("the look at the log of {item} ended early: {err}");
            AdminError::new(Code::Internal, "kq.INTERNAL", why)
                .hint("the same command again; the log of that broker says why")
                .retriable()
                .into_item(item)
        };
        items.into_iter().map(error).collect()
    })
}

/// What there is to tell of a replica without a look at its log.
fn row(partition: &Partition, broker: BrokerId, demand: Option<Demand>) -> v1::ReplicaCompaction {
    let (state, why) = match demand {
        None => (CompactionState::Clean, String::new()),
        Some(Demand::Queued) => (CompactionState::Queued, String::new()),
        Some(Demand::Running) => (CompactionState::Running, String::new()),
        Some(Demand::Failed(why)) => (CompactionState::Failed, why),
    };
    v1::ReplicaCompaction {
        topic: partition.topic().to_string(),
        partition: partition.id().index.0,
        broker: broker.0,
        leads: partition.leads(),
        state: state.into(),
        why,
        ..v1::ReplicaCompaction::default()
    }
}

async fn ask(
    broker: BrokerId,
    channel: Channel,
    request: v1::CompactTopicsRequest,
) -> v1::CompactTopicsResponse {
    let topics = request.topics.clone();
    let mut client = TopicsClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    match client.compact(passed_on(request)).await {
        Ok(answer) => answer.into_inner(),
        Err(_) => v1::CompactTopicsResponse {
            replicas: Vec::new(),
            errors: topics.iter().flat_map(|it| silent(broker, it)).collect(),
        },
    }
}

/// That a broker said nothing, for each partition.
fn silent(broker: BrokerId, topic: &v1::CompactTopic) -> Vec<v1::ItemError> {
    let error = |index: &u32| {
        let why = format!("broker {broker}, which holds a replica, did not answer");
        AdminError::new(Code::Unavailable, "kq.UNREACHABLE", why)
            .hint(format!("kq-ctl broker describe {broker}"))
            .retriable()
            .into_item(item(&topic.topic, *index, broker))
    };
    topic.partitions.iter().map(error).collect()
}

/// A replica as an error names it.
fn item(topic: &str, index: u32, broker: BrokerId) -> String {
    format!("{topic}/{index}@{broker}")
}

#[cfg(test)]
mod tests {
    use super::look_at;

    #[tokio::test]
    async fn a_look_that_ends_early_is_an_error_of_each_replica() {
        let items = vec!["prices/0@1".to_owned(), "prices/1@1".to_owned()];
        let look = || -> Vec<u64> { panic!("a disk that nobody can read") };
        let errors = look_at(items.clone(), look).await.unwrap_err();
        let told: Vec<_> = errors.iter().map(|it| (&it.item, it.code.as_str())).collect();
        assert_eq!(told, [(&items[0], "kq.INTERNAL"), (&items[1], "kq.INTERNAL")]);
        assert!(errors[0].message.contains("prices/0@1 ended early"), "{}", errors[0].message);
    }
}
