//! What this broker counts itself: one look a second while somebody wants it, for all who do.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ApiKey;
use kq_proto::monitor::v1;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::demand::{Demand, Guest, turns};
use crate::env;
use crate::grpc::shape::count;
use crate::ids::{BrokerId, TopicId};
use crate::monitor::{Counts, Recent, TopicFigures, Totals};
use crate::runtime::{Node, Partition, TopicCounts};

/// Between two looks.
const ROUND: Duration = Duration::from_secs(1);
/// The room on disks, and which partitions there are, change slowly.
const SELDOM: Duration = Duration::from_secs(10);

/// The counters of this broker.
#[derive(Debug)]
pub(super) struct Sampler {
    node: Arc<Node>,
    demand: Arc<Demand>,
    told: watch::Sender<Option<Arc<Counts>>>,
    started_at_ms: i64,
    /// Held by the look that is under way. One that hangs in a disk holds it on when nobody wants it any
    /// more, so that there is never a second one beside it.
    state: Arc<Mutex<State>>,
}

/// Somebody who is told them, first all and then what has changed.
#[derive(Debug)]
pub(super) struct Followed {
    guest: Guest,
    me: BrokerId,
    counts: watch::Receiver<Option<Arc<Counts>>>,
    told: Option<Arc<Counts>>,
}

impl Sampler {
    pub(super) fn new(node: Arc<Node>) -> Arc<Self> {
        let uptime_ms = i64::try_from(node.clock.elapsed().as_millis()).unwrap_or(0);
        let started_at_ms = node.clock.now().0.saturating_sub(uptime_ms);
        let told = watch::Sender::new(None);
        let state = Arc::default();
        Arc::new(Self { node, demand: Arc::default(), told, started_at_ms, state })
    }

    /// Counts from now on, of partitions and topics too if they are wanted.
    pub(super) fn follow(self: &Arc<Self>, with_partitions: bool) -> Followed {
        let guest = self.demand.join(with_partitions, |ends| {
            self.told.send_replace(None);
            tokio::spawn(Arc::clone(self).run(ends));
        });
        let me = self.node.broker_id;
        Followed { guest, me, counts: self.told.subscribe(), told: None }
    }

    async fn run(self: Arc<Self>, ends: CancellationToken) {
        let mut is_first = true;
        let mut wide = self.demand.wide();
        let mut rounds = tokio::time::interval(ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_wide = *wide.borrow_and_update() > 0;
            tokio::select! {
                () = ends.cancelled() => return,
                () = self.node.stopping.cancelled() => return,
                _ = rounds.tick() => {}
                () = turns(&mut wide, is_wide) => continue,
            }
            let mut state = tokio::select! {
                () = ends.cancelled() => return,
                state = Arc::clone(&self.state).lock_owned() => state,
            };
            if std::mem::take(&mut is_first) {
                *state = State { started_at_ms: self.started_at_ms, ..State::default() };
            }
            let node = Arc::clone(&self.node);
            // It looks at every partition, and a disk may hang.
            let look = env::spawn_blocking(move || {
                state.look(&node, is_wide);
                state.counts.clone()
            });
            let counts = tokio::select! {
                () = ends.cancelled() => return,
                looked = look => looked,
            };
            let Ok(counts) = counts else { return };
            if ends.is_cancelled() {
                return;
            }
            self.told.send_replace(Some(Arc::new(counts)));
        }
    }
}

impl Followed {
    /// What has changed since it was told last, and all at first; none when there is no more.
    pub(super) async fn next(&mut self) -> Option<v1::SampleResponse> {
        let counts = loop {
            self.counts.changed().await.ok()?;
            let newest = self.counts.borrow_and_update().clone();
            if let Some(counts) = newest {
                break counts;
            }
        };
        let mut sample = counts.changes_since(self.told.as_deref(), self.me);
        if !self.guest.is_wide() {
            (sample.topic_ids, sample.topics, sample.partitions) = Default::default();
        }
        self.told = Some(counts);
        Some(sample)
    }
}

/// What is kept from one look to the next.
#[derive(Debug, Default)]
struct State {
    started_at_ms: i64,
    counts: Counts,
    partitions: Vec<Arc<Partition>>,
    /// The metadata that they are of, and when they were listed.
    listed: Option<(u64, Duration)>,
    totals: Totals,
    produce: Recent,
    disks: Disks,
}

/// The room on the log directories that are online.
#[derive(Debug, Clone, Copy, Default)]
struct Disks {
    looked_at: Option<Duration>,
    total_bytes: Option<u64>,
    free_bytes: Option<u64>,
}

impl State {
    fn look(&mut self, node: &Node, with_partitions: bool) {
        let (elapsed, at_ms) = (node.clock.elapsed(), node.clock.now().0);
        let topics: Vec<(TopicId, TopicFigures)> =
            node.partitions.topic_counts().into_iter().map(figures).collect();
        let totals = self.totals.of(&topics);
        if with_partitions {
            self.list(node, elapsed);
            let led = self.partitions.iter();
            let led = led.filter_map(|it| Some((it.id(), it.figures((elapsed, at_ms))?)));
            self.counts.sample((node.broker_id, at_ms), led, topics);
        } else {
            self.counts.forget_partitions();
            self.partitions = Vec::new();
            self.listed = None;
        }
        self.disks.look(node, elapsed);
        let produce = node.metrics.api(ApiKey::Produce).watched();
        let dirs = node.partitions.log_dirs();
        self.counts.put_broker(v1::BrokerCounters {
            broker: node.broker_id.0,
            at_ms,
            started_at_ms: self.started_at_ms,
            bytes_in: totals.bytes_in,
            records_in: totals.records_in,
            bytes_out: totals.bytes_out,
            replicated_bytes_in: node.metrics.replication.received_bytes(),
            disk_total_bytes: self.disks.total_bytes,
            disk_free_bytes: self.disks.free_bytes,
            dirs_offline: count(dirs.iter().filter(|it| it.offline().is_some()).count()),
            connections: u32::try_from(node.metrics.connections.open()).unwrap_or(0),
            produce_p99_us: produce.and_then(|it| self.produce.p99_us(it)),
            fetch_p99_us: None,
        });
    }

    /// To list partitions is to sort them: it is done when they may have changed.
    fn list(&mut self, node: &Node, elapsed: Duration) {
        let applied = node.partitions.applied();
        let is_fresh =
            |(of, at): (u64, Duration)| of == applied && elapsed.saturating_sub(at) < SELDOM;
        if !self.listed.is_some_and(is_fresh) {
            self.partitions = node.partitions.all();
            self.listed = Some((applied, elapsed));
        }
    }
}

impl Disks {
    fn look(&mut self, node: &Node, elapsed: Duration) {
        if self.looked_at.is_some_and(|at| elapsed.saturating_sub(at) < SELDOM) {
            return;
        }
        let dirs = node.partitions.log_dirs().iter().filter(|it| it.offline().is_none());
        let spaces: Vec<_> = dirs.filter_map(|it| it.describe().space).collect();
        let known = !spaces.is_empty();
        *self = Self {
            looked_at: Some(elapsed),
            total_bytes: known.then(|| spaces.iter().map(|it| it.total_bytes).sum()),
            free_bytes: known.then(|| spaces.iter().map(|it| it.free_bytes).sum()),
        };
    }
}

fn figures((topic, counts): (TopicId, TopicCounts)) -> (TopicId, TopicFigures) {
    let TopicCounts { bytes_in, records_in, bytes_out, .. } = counts;
    (topic, TopicFigures { bytes_in, records_in, bytes_out, size_bytes: 0 })
}
