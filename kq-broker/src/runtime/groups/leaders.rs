//! Heads and first unread records, asked of the brokers that lead: one call to each, all at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kq_proto::admin::ACCEPT_STALE;
use kq_proto::admin::v1;
use kq_proto::admin::v1::brokers_client::BrokersClient;
use kq_storage::{Offset, Precision};
use tokio::task::JoinSet;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::env;
use crate::group::lag::{Head, Heads, Told, Unread, Unreads};
use crate::group::{LagQuestions, TopicPartition};
use crate::ids::{BrokerId, PartitionId, PartitionIndex, TopicId};
use crate::metadata::TopicImage;
use crate::runtime::Node;

/// How long another broker may take: lag is told of those that answer.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// Heads of very many partitions still fit.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// First unread records that one broker is asked for at a time.
const UNREAD_MAX: usize = 4_096;

/// What leaders told.
#[derive(Debug, Default)]
pub struct LeadersTold {
    /// When the answers were in, in time since the broker started.
    at: Duration,
    heads: BTreeMap<PartitionId, Head>,
    unread: BTreeMap<(PartitionId, u64), Unread>,
    /// Who was asked and did not answer.
    pub silent: Vec<BrokerId>,
}

impl Node {
    /// Asks leaders, this broker among them.
    pub async fn ask_leaders(
        self: &Arc<Self>,
        questions: &LagQuestions,
        exact: bool,
    ) -> LeadersTold {
        let mut requests = self.requests(questions, exact);
        let own = requests.remove(&self.broker_id);
        let mut asked = JoinSet::new();
        for (id, request) in requests {
            let channel = self.controller.peers().channel(id);
            asked.spawn(async move { (id, ask(channel, request, id).await) });
        }
        let mut told = LeadersTold::default();
        if let Some(request) = own {
            let node = Arc::clone(self);
            let answer = env::spawn_blocking(move || node.own_heads(&request)).await;
            told.at = self.clock.elapsed();
            if let Ok(answer) = answer {
                told.add(&answer);
            }
        }
        while let Some(answer) = asked.join_next().await {
            told.at = self.clock.elapsed();
            match answer {
                Ok((_, Some(answer))) => told.add(&answer),
                Ok((id, None)) => told.silent.push(id),
                Err(_) => {}
            }
        }
        told
    }

    /// What each leader is to be asked.
    fn requests(
        &self,
        questions: &LagQuestions,
        exact: bool,
    ) -> BTreeMap<BrokerId, v1::HeadsRequest> {
        let image = self.image();
        let mut requests: BTreeMap<BrokerId, v1::HeadsRequest> = BTreeMap::new();
        for topic in questions.topics.iter().filter_map(|it| image.topic_by_name(it)) {
            let id = id_bytes(topic.id);
            for leader in topic.partitions.iter().filter_map(|it| self.leader_of(it)) {
                let request = requests.entry(leader).or_default();
                request.exact = exact;
                if request.topic_ids.last() != Some(&id) {
                    request.topic_ids.push(id.clone());
                }
            }
        }
        for (partition, from) in &questions.unread {
            let Some((topic, index)) = find(&image, partition) else { continue };
            let leader = topic.partition(index).and_then(|it| self.leader_of(it));
            let Some(request) = leader.and_then(|it| requests.get_mut(&it)) else { continue };
            if request.unread.len() < UNREAD_MAX {
                let topic_id = id_bytes(topic.id);
                request.unread.push(v1::UnreadQuery { topic_id, partition: index.0, from: *from });
            }
        }
        requests
    }

    /// What this broker tells of the partitions that it leads. Reads headers of batches.
    pub fn own_heads(&self, request: &v1::HeadsRequest) -> v1::HeadsResponse {
        let image = self.image();
        let topics = request.topic_ids.iter().filter_map(|id| topic_id(id));
        let topics = topics.filter_map(|id| image.topic_by_id(id)).map(|it| self.heads_of(it));
        let precision = if request.exact { Precision::Record } else { Precision::Header };
        let unread = request.unread.iter().take(UNREAD_MAX);
        v1::HeadsResponse {
            broker: self.broker_id.0,
            topics: topics.filter(|it| !it.partitions.is_empty()).collect(),
            unread: unread.filter_map(|it| self.unread_of(it, precision)).collect(),
            now_ms: self.clock.now().0,
        }
    }

    fn heads_of(&self, topic: &TopicImage) -> v1::TopicHeads {
        let mut heads = v1::TopicHeads { topic_id: id_bytes(topic.id), ..Default::default() };
        for (index, partition) in topic.partitions() {
            if partition.leader != Some(self.broker_id) {
                continue;
            }
            let id = PartitionId { topic: topic.id, index };
            // Who cannot tell is left out: an end that is not known yet would look like a lag of none.
            let Ok((offsets, epoch)) = self.partition(id).and_then(|it| it.head()) else {
                continue;
            };
            heads.partitions.push(index.0);
            heads.starts.push(offsets.log_start().offset().0);
            heads.last_stables.push(offsets.last_stable().offset().0);
            heads.high_watermarks.push(offsets.high_watermark().offset().0);
            heads.epochs.push(epoch.0);
        }
        heads
    }

    fn unread_of(&self, query: &v1::UnreadQuery, precision: Precision) -> Option<v1::Unread> {
        let id = PartitionId {
            topic: topic_id(&query.topic_id)?,
            index: PartitionIndex(query.partition),
        };
        let partition = self.partition(id).ok()?;
        // A log that cannot be read has its own ways to say so.
        let found = partition.first_unread(Offset(query.from), precision).ok()?;
        Some(v1::Unread {
            topic_id: query.topic_id.clone(),
            partition: query.partition,
            from: query.from,
            offset: found.map(|it| it.offset.0),
            timestamp_ms: found.and_then(|it| it.timestamp).map(|it| it.0),
        })
    }

    /// The heads after a round: of all topics that were asked about, with what was known before. In an
    /// early one what was told the round before stays, and nobody has missed one who does not answer.
    pub fn next_heads(
        &self,
        questions: &LagQuestions,
        told: &LeadersTold,
        before: &Heads,
        is_early: bool,
    ) -> Heads {
        let image = self.image();
        let mut heads = Heads::default();
        for topic in questions.topics.iter().filter_map(|it| image.topic_by_name(it)) {
            heads.add_topic(&topic.name, topic.id, topic.partitions.len(), before);
            let Some(courses) = heads.topic_mut(&topic.name) else { continue };
            for (at, (index, partition)) in topic.partitions().enumerate() {
                let head = told.heads.get(&PartitionId { topic: topic.id, index });
                match head {
                    Some(head) if is_early => courses.refresh(at, *head),
                    Some(head) => courses.tell(at, Told::Head(*head)),
                    None if partition.leader.is_none() => courses.tell(at, Told::NoLeader),
                    None if is_early => {}
                    None => courses.tell(at, Told::Nothing),
                }
            }
        }
        heads
    }

    /// The heads of this moment, between two rounds.
    pub fn refreshed_heads(
        &self,
        questions: &LagQuestions,
        told: &LeadersTold,
        before: &Heads,
    ) -> Heads {
        let image = self.image();
        let mut heads = Heads::default();
        for topic in questions.topics.iter().filter_map(|it| image.topic_by_name(it)) {
            heads.add_topic(&topic.name, topic.id, topic.partitions.len(), before);
            let Some(courses) = heads.topic_mut(&topic.name) else { continue };
            for (at, (index, partition)) in topic.partitions().enumerate() {
                match told.heads.get(&PartitionId { topic: topic.id, index }) {
                    Some(head) => courses.refresh(at, *head),
                    None if partition.leader.is_none() => courses.tell(at, Told::NoLeader),
                    None => courses.silence(at),
                }
            }
        }
        heads
    }

    /// The answers about first unread records, by the names that groups use.
    pub fn unreads(&self, questions: &LagQuestions, told: &LeadersTold) -> Unreads {
        let image = self.image();
        let found = questions.unread.iter().filter_map(|(partition, from)| {
            let (topic, index) = find(&image, partition)?;
            let id = PartitionId { topic: topic.id, index };
            let unread = told.unread.get(&(id, *from))?;
            Some(((partition.clone(), *from), *unread))
        });
        found.collect()
    }
}

impl LeadersTold {
    fn add(&mut self, answer: &v1::HeadsResponse) {
        for topic in &answer.topics {
            let Some(id) = topic_id(&topic.topic_id) else { continue };
            let rows = topic.partitions.iter().zip(&topic.starts).zip(&topic.high_watermarks);
            let rows = rows.zip(&topic.last_stables).zip(&topic.epochs);
            for ((((partition, start), end), last_stable), epoch) in rows {
                let (start, last_stable, end, epoch) = (*start, *last_stable, *end, *epoch);
                let head = Head { at: self.at, start, last_stable, end, epoch };
                let index = PartitionIndex(*partition);
                self.heads.insert(PartitionId { topic: id, index }, head);
            }
        }
        for unread in &answer.unread {
            let Some(topic) = topic_id(&unread.topic_id) else { continue };
            let id = PartitionId { topic, index: PartitionIndex(unread.partition) };
            // The head was read just before: beyond it nobody looked.
            let Some(until) = self.heads.get(&id).map(|it| it.end) else { continue };
            let found = unread.offset.map(|offset| (offset, unread.timestamp_ms));
            let (from, at_ms) = (unread.from, answer.now_ms);
            self.unread.insert((id, from), Unread { from, found, until, at_ms });
        }
    }
}

/// Asks another broker; nothing if it does not answer in time.
async fn ask(
    channel: Option<Channel>,
    request: v1::HeadsRequest,
    of: BrokerId,
) -> Option<v1::HeadsResponse> {
    let mut broker = BrokersClient::new(channel?).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut request = Request::new(request);
    // What it leads by its own account is told with the epoch, whether or not it hears the controller.
    request.metadata_mut().insert(ACCEPT_STALE, MetadataValue::from_static("true"));
    let answer = tokio::time::timeout(ANSWER_WAIT, broker.heads(request)).await.ok()?;
    answer.ok().map(tonic::Response::into_inner).filter(|it| it.broker == of.0)
}

fn find<'a>(
    image: &'a crate::metadata::MetadataImage,
    partition: &TopicPartition,
) -> Option<(&'a Arc<TopicImage>, PartitionIndex)> {
    let topic = image.topic_by_name(&partition.topic)?;
    Some((topic, PartitionIndex(u32::try_from(partition.partition).ok()?)))
}

fn id_bytes(id: TopicId) -> Bytes {
    Bytes::copy_from_slice(id.0.as_bytes())
}

fn topic_id(bytes: &[u8]) -> Option<TopicId> {
    Uuid::from_slice(bytes).ok().map(TopicId)
}
