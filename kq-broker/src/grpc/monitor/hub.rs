//! The counters of all brokers, for all watchers of this one: one stream from each other broker,
//! from when the first watcher wants counters until the last one is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::monitor::v1;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;

use super::demand::{Demand, turns};
use super::merged::{Merged, Moment};
use super::peer;
use super::rounds::Follow;
use super::sampler::Sampler;
use crate::ids::BrokerId;
use crate::monitor::Counts;
use crate::runtime::Node;

/// Between two moments at which watchers are told.
const ROUND: Duration = Duration::from_secs(1);
/// Until they are told first: the others are given that long to answer.
const FIRST_ROUND: Duration = Duration::from_millis(150);

/// Gathers counters.
#[derive(Debug)]
pub(super) struct Hub {
    node: Arc<Node>,
    sampler: Arc<Sampler>,
    demand: Arc<Demand>,
    told: watch::Sender<Option<Arc<Counts>>>,
    merged: Mutex<Merged>,
}

impl Hub {
    pub(super) fn new(node: Arc<Node>, sampler: Arc<Sampler>) -> Arc<Self> {
        let told = watch::Sender::new(None);
        let (demand, merged) = (Arc::default(), Mutex::default());
        Arc::new(Self { node, sampler, demand, told, merged })
    }

    /// Gathers from now on, of partitions and topics too if they are wanted.
    pub(super) fn follow(self: &Arc<Self>, with_partitions: bool) -> Follow<Counts> {
        let guest = self.demand.join(with_partitions, |ends| {
            *self.merged.lock() = Merged::default();
            self.told.send_replace(None);
            tokio::spawn(Arc::clone(self).run(ends));
        });
        Follow::new(guest, self.told.subscribe())
    }

    async fn run(self: Arc<Self>, ends: CancellationToken) {
        tokio::spawn(Arc::clone(&self).follow_own(ends.clone()));
        let mut peers: BTreeMap<BrokerId, DropGuard> = BTreeMap::new();
        let mut rounds = tokio::time::interval_at(Instant::now() + FIRST_ROUND, ROUND);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.keep_peers(&mut peers, &ends);
            tokio::select! {
                () = ends.cancelled() => return,
                () = self.node.stopping.cancelled() => return,
                _ = rounds.tick() => {}
            }
            let image = self.node.image();
            let counts = self.merged.lock().publish(&image, self.node.broker_id, self.now());
            if ends.is_cancelled() {
                return;
            }
            self.told.send_replace(Some(Arc::new(counts)));
        }
    }

    /// Every broker that takes part is asked, and nobody else.
    fn keep_peers(
        self: &Arc<Self>,
        peers: &mut BTreeMap<BrokerId, DropGuard>,
        ends: &CancellationToken,
    ) {
        let image = self.node.image();
        peers.retain(|id, _| image.is_live(*id));
        for id in image.live_brokers().map(|it| it.id).filter(|id| *id != self.node.broker_id) {
            if peers.contains_key(&id) {
                continue;
            }
            self.merged.lock().ask(id, self.now());
            let ends = ends.child_token();
            peers.insert(id, ends.clone().drop_guard());
            tokio::spawn(peer::follow(Arc::clone(self), id, ends));
        }
    }

    /// The own counters take the same way.
    async fn follow_own(self: Arc<Self>, ends: CancellationToken) {
        let mut wide = self.demand.wide();
        loop {
            let is_wide = *wide.borrow_and_update() > 0;
            let mut followed = self.sampler.follow(is_wide);
            let mut is_first = true;
            loop {
                let sample = tokio::select! {
                    () = ends.cancelled() => return,
                    () = self.node.stopping.cancelled() => return,
                    sample = followed.next() => sample,
                    () = turns(&mut wide, is_wide) => break,
                };
                let Some(sample) = sample else { return };
                self.take(self.node.broker_id, is_first, sample);
                is_first = false;
            }
        }
    }

    fn now(&self) -> Moment {
        let clock = self.node.clock;
        Moment { elapsed: clock.elapsed(), wall_ms: clock.now().0 }
    }

    pub(super) fn take(&self, from: BrokerId, is_first: bool, sample: v1::SampleResponse) {
        self.merged.lock().take(from, (is_first, sample), self.now());
    }

    pub(super) fn fails(&self, broker: BrokerId, why: String) {
        self.merged.lock().fails(broker, why);
    }

    pub(super) fn wide(&self) -> watch::Receiver<usize> {
        self.demand.wide()
    }

    pub(super) fn channel(&self, broker: BrokerId) -> Option<Channel> {
        self.node.controller.peers().channel(broker)
    }
}
