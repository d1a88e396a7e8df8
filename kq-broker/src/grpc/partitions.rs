//! `kq.admin.v1.Partitions`.

mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::admin::v1;
use kq_proto::admin::v1::partitions_server::Partitions;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use super::brokers::wire_state;
use super::error::unknown_topic;
use super::events::history_of;
use super::shape::{PartitionHealth, Shapes};
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{PartitionImage, TopicImage};

/// Partitions of one page unless fewer are asked for.
const PAGE_MAX: usize = 2_000;
/// Events of one partition unless fewer are asked for.
const HISTORY_MAX: usize = 50;

#[tonic::async_trait]
impl Partitions for Admin {
    async fn list(
        &self,
        request: Request<v1::ListPartitionsRequest>,
    ) -> Answer<v1::ListPartitionsResponse> {
        let request = request.into_inner();
        let image = self.node.image();
        let unknown = request.topics.iter().filter(|name| image.topic_by_name(name).is_none());
        let errors = unknown.map(|name| missing_topic(name)).collect();
        let mut shapes = self.shapes();
        let (places, next) = choose(&request, &shapes);
        if request.with_figures {
            let names: BTreeSet<&str> = places.iter().map(|(it, _)| &*it.name).collect();
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            shapes = self.shapes_with(&names).await;
        }
        let rows = places.iter().filter_map(|(topic, index)| row(&shapes, topic, *index));
        Ok(Response::new(v1::ListPartitionsResponse { partitions: rows.collect(), errors, next }))
    }

    async fn describe(
        &self,
        request: Request<v1::DescribePartitionsRequest>,
    ) -> Answer<v1::DescribePartitionsResponse> {
        let request = request.into_inner();
        let names: BTreeSet<String> =
            request.partitions.iter().map(|it| it.topic.clone()).collect();
        let names: Vec<String> = names.into_iter().collect();
        let shapes = self.shapes_with(&names).await;
        let history_max = match request.history_max as usize {
            0 => HISTORY_MAX,
            max => max.min(HISTORY_MAX),
        };
        let mut answer = v1::DescribePartitionsResponse::default();
        for it in &request.partitions {
            match detail(&shapes, it, history_max, self.node.clock.now().0) {
                Ok(detail) => answer.partitions.push(detail),
                Err(error) => answer.errors.push(error),
            }
        }
        Ok(Response::new(answer))
    }
}

fn missing_topic(name: &str) -> v1::ItemError {
    unknown_topic(format!("topic '{name}' does not exist")).into_item(name)
}

/// A place in the cluster.
type Place = (Arc<TopicImage>, PartitionIndex);

/// The partitions of one page, and where the next one goes on.
fn choose(request: &v1::ListPartitionsRequest, shapes: &Shapes) -> (Vec<Place>, String) {
    let page = request.page.clone().unwrap_or_default();
    let size = match page.size as usize {
        0 => PAGE_MAX,
        size => size.min(PAGE_MAX),
    };
    let (after, after_index) = match page.after.rsplit_once('/') {
        Some((topic, index)) => (topic.to_owned(), index.parse::<u32>().ok()),
        None => (String::new(), None),
    };
    let mut places = Vec::new();
    for topic in shapes.image.topics().filter(|it| *after <= *it.name) {
        let named = request.topics.iter().any(|name| **name == *topic.name);
        let usual = request.topics.is_empty() && (request.include_internal || !topic.is_internal());
        if !named && !usual {
            continue;
        }
        let min_isr = shapes.config_of(topic).min_insync_replicas;
        for (index, partition) in topic.partitions() {
            let seen = *after == *topic.name && after_index.is_some_and(|it| index.0 <= it);
            if seen || !is_wanted(request, partition, min_isr) {
                continue;
            }
            if places.len() == size {
                let last = places.last().map(|(it, at): &Place| format!("{}/{at}", it.name));
                return (places, last.unwrap_or_default());
            }
            places.push((Arc::clone(topic), index));
        }
    }
    (places, String::new())
}

fn is_wanted(request: &v1::ListPartitionsRequest, it: &PartitionImage, min_isr: u32) -> bool {
    let named = |ids: &[u32], id: BrokerId| ids.contains(&id.0);
    let health = PartitionHealth::of(it, min_isr).worst();
    let moving = !it.adding.is_empty() || !it.removing.is_empty();
    (request.replica_on.is_empty() || it.replicas.iter().any(|id| named(&request.replica_on, *id)))
        && (request.leader_on.is_empty()
            || it.leader.is_some_and(|id| named(&request.leader_on, id)))
        && (!request.only_unhealthy || health != v1::Health::Ok)
        && (!request.only_moving || moving)
        && (!request.only_not_preferred || it.leader != it.replicas.first().copied())
}

fn row(shapes: &Shapes, topic: &TopicImage, index: PartitionIndex) -> Option<v1::PartitionRow> {
    let min_isr = shapes.config_of(topic).min_insync_replicas;
    let partition = topic.partition(index)?;
    Some(v1::PartitionRow {
        topic: topic.name.to_string(),
        partition: Some(shapes.partition(topic, (index, partition), min_isr)),
        min_insync_replicas: min_isr,
    })
}

fn detail(
    shapes: &Shapes,
    asked: &v1::PartitionRef,
    history_max: usize,
    now_ms: i64,
) -> Result<v1::PartitionDetail, v1::ItemError> {
    let topic =
        shapes.image.topic_by_name(&asked.topic).ok_or_else(|| missing_topic(&asked.topic))?;
    let index = PartitionIndex(asked.partition);
    let missing = || {
        let name = format!("{}/{index}", topic.name);
        let message =
            format!("partition {name} does not exist: the topic has {}", topic.partition_count());
        unknown_topic(message).hint(format!("kq-ctl partition list {}", topic.name)).into_item(name)
    };
    let partition = topic.partition(index).ok_or_else(missing)?;
    let replicas: Vec<v1::Replica> =
        partition.replicas.iter().map(|id| replica(shapes, (topic, index), *id, now_ms)).collect();
    let row = row(shapes, topic, index);
    let history = history_of(&shapes.image, &topic.name, index, history_max);
    Ok(v1::PartitionDetail {
        why: words::why(shapes, (topic, index, partition), &replicas, now_ms),
        row,
        replicas,
        history,
    })
}

fn replica(
    shapes: &Shapes,
    (topic, index): (&TopicImage, PartitionIndex),
    id: BrokerId,
    now_ms: i64,
) -> v1::Replica {
    let Some(partition) = topic.partition(index) else { return v1::Replica::default() };
    let broker = shapes.image.broker(id);
    let leader = shapes.figures.leader(partition.leader, &topic.name, index.0);
    let follower = leader.and_then(|it| it.followers.iter().find(|it| it.broker == id.0));
    let own = shapes.figures.replica(id, &topic.name, index.0);
    let leads = partition.leader == Some(id);
    let live = shapes.image.is_live(id);
    let told = |of_leader: fn(&v1::ReplicaFigures) -> u64,
                of_follower: fn(&v1::FollowerFigures) -> Option<u64>| {
        if leads { leader.map(of_leader) } else { follower.and_then(of_follower) }
    };
    // Where nobody leads, what each replica tells of itself is all that is known.
    let alone = own.filter(|_| partition.leader.is_none());
    let log_end_offset =
        told(|it| it.log_end_offset, |it| it.log_end_offset).or(alone.map(|it| it.log_end_offset));
    let caught_up_at = follower.and_then(|it| it.last_caught_up_at_ms);
    let behind = caught_up_at.map(|at| u64::try_from(now_ms - at).unwrap_or(0));
    let lag_records = leader.and_then(|it| Some(it.log_end_offset.saturating_sub(log_end_offset?)));
    let mut row = v1::Replica {
        broker: id.0,
        rack: broker.and_then(|it| it.rack.clone()),
        removing: partition.removing.contains(&id),
        lag_records,
        // Who is away is not caught up, however little he lacked when he was last heard.
        lag_ms: if lag_records == Some(0) { Some(0) } else { behind }.filter(|_| live),
        last_caught_up_at_ms: if leads { leader.map(|_| now_ms) } else { caught_up_at }
            .filter(|_| live),
        log_end_offset,
        synced_end_offset: told(|it| it.synced_end_offset, |it| it.synced_end_offset)
            .or(alone.map(|it| it.synced_end_offset)),
        size_bytes: own.map(|it| it.size_bytes),
        log_dir: own.map(|it| it.log_dir.clone()),
        ..v1::Replica::default()
    };
    row.set_role(role(partition, id));
    row.set_broker_state(broker.map_or(v1::BrokerState::Unspecified, |it| wire_state(it.state)));
    row
}

fn role(partition: &PartitionImage, id: BrokerId) -> v1::ReplicaRole {
    if partition.leader == Some(id) {
        v1::ReplicaRole::Leader
    } else if partition.isr.contains(&id) {
        v1::ReplicaRole::InSync
    } else if partition.elr.contains(&id) {
        v1::ReplicaRole::Eligible
    } else if partition.adding.contains(&id) {
        v1::ReplicaRole::Adding
    } else {
        v1::ReplicaRole::OutOfSync
    }
}
