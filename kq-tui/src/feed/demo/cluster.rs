//! The topics and brokers of the made-up cluster, as they are at a standing.

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use super::chance::below;
use super::story::{BEGIN_MS, BROKERS, Standing, Story};

/// Why a broker is fenced.
pub(super) const WHY: &str = "no heartbeat for 5 s";
const DAY_MS: i64 = 86_400_000;
const NAMED: [(&str, u32, u32); 7] = [
    ("__consumer_offsets", 8, 3),
    ("audit", 4, 1),
    ("clicks", 24, 3),
    ("emails", 3, 3),
    ("inventory", 6, 3),
    ("orders", 12, 3),
    ("payments", 6, 3),
];
/// Partitions of each topic that is there for the number alone.
const FILLER: u32 = 100;

/// A topic.
#[derive(Debug, Clone)]
pub(super) struct Topic {
    /// Its number in the stream.
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) partitions: u32,
    pub(super) copies: u32,
    /// Bytes that come in, a second.
    pub(super) rate: u64,
}

/// What there is.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) story: Story,
    pub(super) topics: Vec<Topic>,
    /// What brokers hold, from broker 1 on: counted once, for there may be many partitions.
    shares: Vec<Share>,
}

/// Partitions of one broker.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    /// It is preferred for these, of them of those that have other replicas.
    first: u32,
    first_of_many: u32,
    /// It has a replica of these, among others.
    held: u32,
}

impl Cluster {
    /// With so many partitions, or a few more; 63 at least.
    pub(super) fn new(seed: u64, partitions: u32) -> Self {
        let mut topics: Vec<Topic> = Vec::new();
        let mut count = 0;
        let filler = (0..).map(|nth| (format!("telemetry-{nth:04}"), FILLER, 3));
        let named = NAMED.iter().map(|(name, count, copies)| ((*name).to_owned(), *count, *copies));
        for ((name, partitions_here, copies), number) in named.chain(filler).zip(1..) {
            if topics.len() >= NAMED.len() && count >= partitions {
                break;
            }
            let rate = 200_000 + below(8_000_000, seed, &[number.into(), 77]);
            let rate = if name.starts_with("__") { 9_000 } else { rate };
            topics.push(Topic { number, name, partitions: partitions_here, copies, rate });
            count += partitions_here;
        }
        let mut cluster = Self { story: Story { seed }, topics, shares: Vec::new() };
        cluster.shares = cluster.count();
        cluster
    }

    fn count(&self) -> Vec<Share> {
        let mut shares = vec![Share::default(); usize::try_from(BROKERS).unwrap_or(0)];
        for (topic, at) in
            self.topics.iter().flat_map(|it| (0..it.partitions).map(move |at| (it, at)))
        {
            let has_others = topic.copies > 1;
            for (nth, id) in self.replicas(topic, at).into_iter().enumerate() {
                let share = usize::try_from(id - 1).ok().and_then(|at| shares.get_mut(at));
                let Some(share) = share else { continue };
                share.first += u32::from(nth == 0);
                share.first_of_many += u32::from(nth == 0 && has_others);
                share.held += u32::from(has_others);
            }
        }
        shares
    }

    fn share(&self, broker: u32) -> Share {
        let at = usize::try_from(broker.saturating_sub(1)).unwrap_or(usize::MAX);
        self.shares.get(at).copied().unwrap_or_default()
    }

    /// Partitions with several replicas, one of them on this broker.
    pub(super) fn held_by(&self, broker: u32) -> u32 {
        self.share(broker).held
    }

    /// Partitions for which a broker is preferred; of all, or of those with several replicas.
    pub(super) fn preferring(&self, broker: u32, with_others: bool) -> u32 {
        let share = self.share(broker);
        if with_others { share.first_of_many } else { share.first }
    }

    /// A topic by its name.
    pub(super) fn named(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|it| it.name == name)
    }

    /// The replicas of a partition, the preferred leader first.
    pub(super) fn replicas(&self, topic: &Topic, partition: u32) -> Vec<u32> {
        let of = [topic.number.into(), partition.into()];
        let first = below(BROKERS.into(), self.story.seed, &of);
        let first = u32::try_from(first).unwrap_or(0);
        (0..topic.copies).map(|nth| (first + nth) % BROKERS + 1).collect()
    }

    /// All of a partition.
    pub(super) fn partition(
        &self,
        topic: &Topic,
        partition: u32,
        standing: &Standing,
    ) -> v1::PartitionState {
        let replicas = self.replicas(topic, partition);
        let is_alone = replicas.len() == 1;
        // The last one in sync stays in the ISR, alive or not.
        let in_sync =
            (0_u64..).zip(&replicas).filter(|(_, id)| is_alone || standing.behind() != Some(**id));
        let in_sync = in_sync.fold(0, |bits, (at, _)| bits | (1 << at));
        let preferred = replicas.first().copied().unwrap_or(1);
        let leads = |id: &&u32| standing.displaced() != Some(**id);
        let leader = if is_alone {
            Some(preferred).filter(|id| standing.out() != Some(*id))
        } else {
            replicas.iter().find(leads).copied()
        };
        let is_touched = standing.now.is_some_and(|it| replicas.contains(&it.broker));
        let turns = if is_alone { 0 } else { standing.turns(preferred) };
        v1::PartitionState {
            topic: topic.number,
            partition,
            leader,
            leader_epoch: 10 + turns,
            in_sync,
            changed_at_ms: standing.now.filter(|_| is_touched).map(|it| it.fenced_ms),
            replicas,
            ..v1::PartitionState::default()
        }
    }

    /// A topic with all its partitions.
    pub(super) fn told(&self, topic: &Topic, standing: &Standing) -> v1::TopicState {
        let mut told = v1::TopicState {
            number: topic.number,
            name: topic.name.clone(),
            id: u128::from(topic.number).to_be_bytes().to_vec().into(),
            min_insync_replicas: topic.copies.min(2),
            internal: topic.name.starts_with("__"),
            created_at_ms: BEGIN_MS - 30 * DAY_MS,
            ..v1::TopicState::default()
        };
        for at in 0..topic.partitions {
            let it = self.partition(topic, at, standing);
            told.leaders.push(it.leader.map_or(0, |id| id + 1));
            told.leader_epochs.push(it.leader_epoch);
            told.replica_counts.push(topic.copies);
            told.replicas.extend(&it.replicas);
            told.in_sync.push(it.in_sync);
            if let Some(at_ms) = it.changed_at_ms {
                told.changed.push(at);
                told.changed_at_ms.push(at_ms);
            }
        }
        told
    }

    /// A broker.
    pub(super) fn broker(&self, id: u32, at_ms: i64) -> v1::BrokerState {
        let last = self.story.last_of(id, at_ms);
        let out = last.filter(|it| at_ms < it.back_ms);
        let state =
            if out.is_some() { admin::BrokerState::Fenced } else { admin::BrokerState::Running };
        let since_ms = match (out, last) {
            (Some(it), _) => it.fenced_ms,
            (None, Some(it)) => it.back_ms,
            (None, None) => BEGIN_MS - 9 * DAY_MS,
        };
        v1::BrokerState {
            id,
            host: format!("kq{id}.example"),
            port: 9092,
            rack: Some(if id.is_multiple_of(2) { "b" } else { "a" }.to_owned()),
            state: state.into(),
            since_at_ms: Some(since_ms),
            reason: if out.is_some() { WHY.to_owned() } else { format!("broker {id} started") },
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            registered_at_ms: Some(since_ms),
            ..v1::BrokerState::default()
        }
    }
}
