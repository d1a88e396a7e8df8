//! Whether a broker can be restarted now: what would become of partitions and quorum while it is away.
//!
//! Counterfactual: the image as it is, once more without the broker. What is broken already, with the
//! broker there, is no risk of its restart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::catalogue::{ConfigSources, EffectiveTopicConfig};
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::{BrokerState, MetadataImage, PartitionImage, TopicImage};

/// A leader that stops hands over for at most this long; a follower further behind is not waited for.
const HANDOVER_MS_MAX: u64 = 5_000;

/// What a restart would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RiskKind {
    /// The metadata quorum loses its majority.
    NoQuorum,
    /// The only copy is away.
    OneReplica,
    /// No other replica may lead.
    Offline,
    /// acks=all is refused.
    UnderMinIsr,
    /// Records that were acknowledged with acks=1 may be lost.
    AcksOneLoss,
}

/// One thing that speaks against a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Which partition; none for the whole cluster.
    pub partition: Option<(Arc<str>, PartitionIndex)>,
    /// What would happen.
    pub kind: RiskKind,
    /// The cause, in words.
    pub why: String,
    /// What has to come true before it is safe, in words.
    pub until: String,
}

/// How far a follower is behind its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowerLag {
    /// Which broker.
    pub broker: BrokerId,
    /// Records that it lacks.
    pub records: u64,
    /// For how long it has not held everything.
    pub behind_ms: u64,
}

/// What the image does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestartFacts {
    /// The voters of the metadata quorum.
    pub voters: Vec<BrokerId>,
    /// The followers of partitions that the broker leads; a partition that is not here is not judged
    /// by them.
    pub followers: BTreeMap<PartitionId, Vec<FollowerLag>>,
}

/// What speaks against restarting a broker now, the whole cluster first, then by topic and partition.
pub fn check_restart(
    image: &MetadataImage,
    sources: &ConfigSources,
    facts: &RestartFacts,
    broker: BrokerId,
) -> Vec<Risk> {
    let mut risks: Vec<Risk> = quorum_risk(image, &facts.voters, broker).into_iter().collect();
    if !image.is_live(broker) {
        return risks;
    }
    for topic in image.topics() {
        if !topic.partitions.iter().any(|it| it.replicas.contains(&broker)) {
            continue;
        }
        let config = EffectiveTopicConfig::resolve(&topic.configs, sources);
        for (index, partition) in topic.partitions() {
            let case = Case { image, partition, broker, min_isr: config.min_insync_replicas };
            let lag = facts.followers.get(&PartitionId { topic: topic.id, index });
            let found = case.risk().or_else(|| case.loss(lag.map_or(&[], Vec::as_slice)));
            risks.extend(found.map(|found| found.of(topic, index)));
        }
    }
    risks
}

fn quorum_risk(image: &MetadataImage, voters: &[BrokerId], broker: BrokerId) -> Option<Risk> {
    if !voters.contains(&broker) {
        return None;
    }
    let needed = voters.len() / 2 + 1;
    let left = voters.iter().filter(|id| **id != broker && image.is_live(**id)).count();
    if needed <= left {
        return None;
    }
    let away: Vec<BrokerId> =
        voters.iter().copied().filter(|id| *id != broker && !image.is_live(*id)).collect();
    let (why, until) = if away.is_empty() {
        (
            format!("{} of {} voters would be left, {needed} are needed", left, voters.len()),
            "there are three voters".to_owned(),
        )
    } else {
        (
            format!("voters {} are away already; {left} would be left of {needed}", list(&away)),
            format!("voters {} are back", list(&away)),
        )
    };
    Some(Risk { partition: None, kind: RiskKind::NoQuorum, why, until })
}

/// One partition and the broker that would go.
struct Case<'a> {
    image: &'a MetadataImage,
    partition: &'a PartitionImage,
    broker: BrokerId,
    min_isr: u32,
}

/// A risk before it has a name.
struct Found(RiskKind, String, String);

impl Found {
    fn of(self, topic: &TopicImage, index: PartitionIndex) -> Risk {
        let Self(kind, why, until) = self;
        Risk { partition: Some((topic.name.clone(), index)), kind, why, until }
    }
}

impl Case<'_> {
    fn stays(&self, id: BrokerId) -> bool {
        id != self.broker && self.image.is_live(id)
    }

    fn risk(&self) -> Option<Found> {
        let it = self.partition;
        if !it.replicas.contains(&self.broker) || it.leader.is_none() {
            return None;
        }
        if it.replicas.len() == 1 {
            let why = "it holds the only replica".to_owned();
            let until = "a second replica is in sync".to_owned();
            return Some(Found(RiskKind::OneReplica, why, until));
        }
        let left = it.isr.iter().filter(|id| self.stays(**id)).count();
        let may_lead = left > 0 || it.elr.iter().any(|id| self.stays(*id));
        if !may_lead {
            let why = format!("isr [{}]{}", list(&it.isr), self.others());
            return Some(Found(RiskKind::Offline, why, self.until_one_of(self.outside())));
        }
        let needed = self.min_isr as usize;
        let accepts_now = it.isr.contains(&self.broker) && needed <= it.isr.len();
        if !accepts_now || needed <= left {
            return None;
        }
        let why = format!("isr [{}], min {needed}{}", list(&it.isr), self.others());
        let outside = self.outside();
        let until = if outside.is_empty() {
            let rf = it.replicas.len();
            format!("never with rf {rf} and min.insync.replicas {needed}")
        } else {
            self.until_one_of(outside)
        };
        Some(Found(RiskKind::UnderMinIsr, why, until))
    }

    /// What acks=1 promised and no follower that may lead will have in time.
    fn loss(&self, followers: &[FollowerLag]) -> Option<Found> {
        if self.partition.leader != Some(self.broker) {
            return None;
        }
        let in_sync =
            |it: &&FollowerLag| self.partition.isr.contains(&it.broker) && self.stays(it.broker);
        let nearest = followers.iter().filter(in_sync).min_by_key(|it| it.records)?;
        if nearest.records == 0 || nearest.behind_ms <= HANDOVER_MS_MAX {
            return None;
        }
        let why = format!(
            "the nearest follower, {}, lacks {} records and has been behind for {} s",
            nearest.broker,
            nearest.records,
            nearest.behind_ms / 1_000
        );
        Some(Found(RiskKind::AcksOneLoss, why, format!("{} has caught up", nearest.broker)))
    }

    /// Replicas that are not in sync.
    fn outside(&self) -> Vec<BrokerId> {
        let replicas = self.partition.replicas.iter().copied();
        replicas.filter(|id| *id != self.broker && !self.partition.isr.contains(id)).collect()
    }

    /// Who else holds it, and why he is of no help.
    fn others(&self) -> String {
        let mut words = String::new();
        for id in self.outside() {
            let state = match self.image.broker(id).map(|it| it.state) {
                None => "unknown",
                Some(BrokerState::Fenced) => "fenced",
                Some(_) => "out of sync",
            };
            let _ = write!(words, ", {id} {state}");
        }
        let held_fenced = |id: &&BrokerId| **id != self.broker && !self.image.is_live(**id);
        for id in self.partition.isr.iter().filter(held_fenced) {
            let _ = write!(words, ", {id} fenced");
        }
        words
    }

    fn until_one_of(&self, mut outside: Vec<BrokerId>) -> String {
        let isr = self.partition.isr.iter().copied();
        outside.extend(isr.filter(|id| *id != self.broker && !self.image.is_live(*id)));
        let words: Vec<String> = outside.iter().map(ToString::to_string).collect();
        format!("{} is in sync", words.join(" or "))
    }
}

/// Ids as words: `1 2`.
fn list(ids: &[BrokerId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
