//! Figures that only a broker itself knows: the own ones at once, those of others asked for. Who does
//! not answer in time is left out, and what he would have told stays unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kq_proto::admin::ACCEPT_STALE;
use kq_proto::admin::v1;
use kq_proto::admin::v1::brokers_client::BrokersClient;
use tokio::task::JoinSet;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use super::Admin;
use super::error::of_partition;
use super::shape::count;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::runtime::{FollowerDescription, Partition, Stall, Stalled};

/// How long a broker may take: an operator waits, and one that hangs must not hold the others up.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// How long brokers may take to try how fast they are, all together.
const FINDING_WAIT: Duration = Duration::from_secs(6);
/// Figures of very many replicas still fit.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What the brokers told.
#[derive(Debug, Default)]
pub(super) struct Figures {
    brokers: BTreeMap<BrokerId, v1::FiguresResponse>,
    /// By broker, topic and index.
    replicas: BTreeMap<BrokerId, BTreeMap<String, BTreeMap<u32, v1::ReplicaFigures>>>,
}

/// What is wanted of the brokers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// Versions and directories.
    Brokers,
    /// Also replicas of these topics, and how far followers are.
    Topics(&'a [String]),
    /// Also all replicas, and how far followers are.
    Everything,
}

impl Wanted<'_> {
    fn request(self) -> v1::FiguresRequest {
        let topics = match self {
            Self::Topics(names) => names.to_vec(),
            Self::Brokers | Self::Everything => Vec::new(),
        };
        v1::FiguresRequest {
            with_followers: !matches!(self, Self::Brokers),
            all_replicas: matches!(self, Self::Everything),
            topics,
        }
    }
}

impl Figures {
    /// What a broker told of itself; none if it did not answer.
    pub(super) fn broker(&self, id: BrokerId) -> Option<&v1::FiguresResponse> {
        self.brokers.get(&id)
    }

    /// Everyone who answered.
    pub(super) fn answers(&self) -> impl Iterator<Item = &v1::FiguresResponse> {
        self.brokers.values()
    }

    /// One replica as the broker that holds it told.
    pub(super) fn replica(
        &self,
        broker: BrokerId,
        topic: &str,
        index: u32,
    ) -> Option<&v1::ReplicaFigures> {
        self.replicas.get(&broker)?.get(topic)?.get(&index)
    }

    /// All replicas that one broker told of, by topic and index.
    pub(super) fn replicas_on(
        &self,
        broker: BrokerId,
    ) -> impl Iterator<Item = &v1::ReplicaFigures> {
        self.replicas.get(&broker).into_iter().flat_map(|it| it.values().flat_map(BTreeMap::values))
    }

    /// The leader's own view of a partition.
    pub(super) fn leader(
        &self,
        leader: Option<BrokerId>,
        topic: &str,
        index: u32,
    ) -> Option<&v1::ReplicaFigures> {
        self.replica(leader?, topic, index).filter(|it| it.leads)
    }

    /// Takes in what a broker found out when it was asked for its rates.
    fn add_rates(&mut self, answer: v1::MeasureResponse) {
        if let Some(broker) = self.brokers.get_mut(&BrokerId(answer.broker)) {
            broker.rates = answer.rates;
        }
    }

    fn add(&mut self, mut answer: v1::FiguresResponse) {
        let id = BrokerId(answer.broker);
        let replicas = self.replicas.entry(id).or_default();
        for replica in answer.replicas.drain(..) {
            let of_topic = replicas.entry(replica.topic.clone()).or_default();
            of_topic.insert(replica.partition, replica);
        }
        self.brokers.insert(id, answer);
    }
}

impl Admin {
    /// Asks brokers, this one among them if it is named.
    pub(super) async fn figures(
        &self,
        of: impl IntoIterator<Item = BrokerId>,
        wanted: Wanted<'_>,
    ) -> Figures {
        let request = wanted.request();
        let mut figures = Figures::default();
        let mut asked = JoinSet::new();
        for id in of {
            if id == self.node.broker_id {
                figures.add(self.own_figures(&request));
            } else if let Some(channel) = self.node.controller.peers().channel(id) {
                asked.spawn(ask(channel, request.clone(), id));
            }
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok(Some(answer)) = answer {
                figures.add(answer);
            }
        }
        figures
    }

    /// What every live broker tells.
    pub(super) async fn all_figures(&self, wanted: Wanted<'_>) -> Figures {
        let image = self.node.image();
        self.figures(image.live_brokers().map(|it| it.id), wanted).await
    }

    /// Has brokers find out how fast they take bytes in from others and onto their disks: one after
    /// another, for they may share a way. Whoever takes too long leaves it unknown.
    pub(super) async fn find_figures(
        &self,
        links: &BTreeMap<BrokerId, BTreeSet<BrokerId>>,
        figures: &mut Figures,
    ) {
        let finding = async {
            let answers: BTreeSet<BrokerId> = figures.brokers.keys().copied().collect();
            for (to, from) in links.iter().filter(|it| answers.contains(it.0)) {
                let from = from.intersection(&answers).map(|id| id.0).collect();
                let request = v1::MeasureRequest { from, disks: true };
                figures.add_rates(if *to == self.node.broker_id {
                    self.find_rates(&request).await;
                    v1::MeasureResponse { broker: to.0, rates: self.own_rates() }
                } else {
                    let Some(channel) = self.node.controller.peers().channel(*to) else { continue };
                    let asked = BrokersClient::new(channel).measure(request).await;
                    let Ok(answer) = asked else { continue };
                    answer.into_inner()
                });
            }
        };
        // What was found until then counts.
        let _ = tokio::time::timeout(FINDING_WAIT, finding).await;
    }

    /// What this broker tells the others.
    pub(super) fn own_figures(&self, request: &v1::FiguresRequest) -> v1::FiguresResponse {
        let image = self.node.image();
        let all = self.node.partitions.all();
        let named = |it: &&std::sync::Arc<Partition>| {
            request.all_replicas || request.topics.iter().any(|name| **name == **it.topic())
        };
        v1::FiguresResponse {
            broker: self.node.broker_id.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now_ms: self.node.clock.now().0,
            dirs: self.own_dirs(),
            replicas: all
                .iter()
                .filter(named)
                .filter_map(|it| replica_figures(it, request.with_followers))
                .collect(),
            metadata_index: image.applied(),
            failed: self.failed_here(&image),
            rates: self.own_rates(),
            stalled_compactions: self.stalled_here(&image),
        }
    }

    fn stalled_here(&self, image: &MetadataImage) -> Vec<v1::StalledCompaction> {
        let stalled = self.node.partitions.stalled_compactions().into_iter();
        let row = |it: Stalled| {
            let (stall, why) = match it.why {
                Stall::Uncleanable(why) => (v1::CompactionStall::Uncleanable, why),
                Stall::NoRoom(why) => (v1::CompactionStall::NoRoom, why),
                Stall::Off => (v1::CompactionStall::Off, String::new()),
                Stall::Waits => (v1::CompactionStall::Waits, String::new()),
            };
            Some(v1::StalledCompaction {
                topic: image.any_topic(it.id.topic)?.name.to_string(),
                partition: it.id.index.0,
                stall: stall.into(),
                why,
                since_at_ms: it.since.0,
                dirty_bytes: it.dirty_bytes,
            })
        };
        stalled.filter_map(row).collect()
    }

    fn failed_here(&self, image: &MetadataImage) -> Vec<v1::ItemError> {
        let failed = self.node.partitions.failed().into_iter();
        failed
            .map(|(id, err)| {
                let name = image.any_topic(id.topic).map(|it| it.name.to_string());
                let name = name.unwrap_or_else(|| id.topic.to_string());
                of_partition(&err).into_item(format!("{name}/{}", id.index))
            })
            .collect()
    }
}

/// What another broker tells of itself; nothing if it does not in time.
async fn ask(
    channel: Channel,
    request: v1::FiguresRequest,
    of: BrokerId,
) -> Option<v1::FiguresResponse> {
    let mut broker = BrokersClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut request = Request::new(request);
    // What it tells of itself is true whether or not it hears the controller.
    request.metadata_mut().insert(ACCEPT_STALE, MetadataValue::from_static("true"));
    let answer = tokio::time::timeout(ANSWER_WAIT, broker.figures(request)).await.ok()?;
    answer.ok().map(tonic::Response::into_inner).filter(|it| it.broker == of.0)
}

/// One replica as it stands here; none if its log is closed.
fn replica_figures(partition: &Partition, with_followers: bool) -> Option<v1::ReplicaFigures> {
    let described = partition.describe().ok()?;
    let followers = if with_followers { partition.followers() } else { Vec::new() };
    let offsets = described.offsets;
    Some(v1::ReplicaFigures {
        topic: partition.topic().to_string(),
        partition: partition.index().0,
        leads: described.leads,
        leader_epoch: described.leader_epoch.0,
        size_bytes: described.size_bytes,
        segment_count: count(described.segment_count),
        log_dir: described.log_dir.display().to_string(),
        log_start_offset: offsets.log_start().offset().0,
        last_stable_offset: offsets.last_stable().offset().0,
        high_watermark: offsets.high_watermark().offset().0,
        log_end_offset: offsets.log_end().offset().0,
        synced_end_offset: described.synced_end.offset().0,
        followers: followers.into_iter().map(follower_figures).collect(),
        intake_bytes_per_second: described.intake_bytes_per_second,
    })
}

fn follower_figures(it: FollowerDescription) -> v1::FollowerFigures {
    v1::FollowerFigures {
        broker: it.broker.0,
        log_end_offset: Some(it.log_end.0),
        synced_end_offset: Some(it.synced_end.0),
        last_caught_up_at_ms: Some(it.caught_up_at.0),
    }
}
