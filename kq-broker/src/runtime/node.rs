//! The broker as its doors see it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Clock, MinuteBook, Partition, PartitionError, Partitions, Standstill, cleaner, fetcher,
    hearing, isr_sender, retention, ticker,
};
use crate::catalogue::StaticConfig;
use crate::config::BrokerConfig;
use crate::env;
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::{MetadataImage, PartitionImage};
use crate::observe::Metrics;
use crate::raft::Controller;

/// Everything that serves a request; the doors hold it in an `Arc`.
pub struct Node {
    /// The configuration it was started with.
    pub config: Arc<BrokerConfig>,
    /// The same, as the catalogue of keys takes it.
    pub fixed: StaticConfig,
    /// The metadata quorum.
    pub controller: Controller,
    /// The partitions it holds.
    pub partitions: Arc<Partitions>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What it keeps of each minute.
    pub minutes: Arc<MinuteBook>,
    /// The time.
    pub clock: Clock,
    /// Its own number.
    pub broker_id: BrokerId,
    /// Whether its process stood still.
    pub standstill: Standstill,
    /// The address clients are told to use.
    pub advertised: (String, u16),
    /// Cancelled when the broker begins to stop: no new connections and no new waits.
    pub stopping: CancellationToken,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.broker_id).finish()
    }
}

impl Node {
    /// How long this broker has heard nothing of the controller; none while that is no longer than
    /// a session, after which the others have it fenced.
    pub fn silence(&self) -> Option<Duration> {
        let session = Duration::from_millis(self.config.session_ms);
        Some(self.controller.silence()).filter(|it| *it > session)
    }

    /// The cluster as this broker knows it.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.controller.image()
    }

    /// A partition that this broker serves; the error says why not.
    pub fn partition(&self, id: PartitionId) -> Result<Arc<Partition>, PartitionError> {
        self.partitions.get(id).map_err(|err| {
            // The metadata may know it already, or know that another broker leads it.
            let unknown = matches!(err, PartitionError::Unknown);
            let exists = unknown && self.image().partition(id).is_some();
            if exists { PartitionError::NotLeader } else { err }
        })
    }

    /// Who leads a partition, as far as this broker may say: not itself once others may have elected
    /// somebody without its knowledge.
    pub fn leader_of(&self, partition: &PartitionImage) -> Option<BrokerId> {
        let hearing = self.partitions.hearing();
        let is_known =
            |id: &BrokerId| *id != self.broker_id || !hearing.may_be_led_elsewhere(&partition.isr);
        partition.leader.filter(is_known)
    }

    /// Whether somebody else may lead such a partition without this broker's knowledge. A guess on the
    /// safe side, for refusals after which a client would give up.
    pub fn may_be_replaced(&self, partition: PartitionId) -> bool {
        let image = self.image();
        let of_others = |it: &Arc<PartitionImage>| it.isr.iter().any(|id| *id != self.broker_id);
        image.partition(partition).is_some_and(of_others)
            && (self.silence().is_some() || self.standstill.is_in_doubt(self.clock.elapsed()))
    }

    /// Starts what runs beside the connections: the image task, the fetchers, the timers, and what
    /// leaders tell the controller.
    pub fn start_tasks(self: &Arc<Self>) {
        tokio::spawn(follow_images(Arc::clone(self)));
        tokio::spawn(fetcher::run(fetcher::Ground::of(self)));
        tokio::spawn(retention::run(Arc::clone(self), self.stopping.clone()));
        tokio::spawn(cleaner::run(Arc::clone(&self.partitions), self.stopping.clone()));
        tokio::spawn(isr_sender::run(Arc::clone(self)));
        tokio::spawn(ticker::run(Arc::clone(self)));
        tokio::spawn(hearing::run(Arc::clone(self)));
    }
}

/// Applies each new image, one after another; images that came meanwhile are taken in one step.
async fn follow_images(node: Arc<Node>) {
    let mut images = node.controller.subscribe();
    loop {
        let next = images.borrow_and_update().clone();
        let partitions = Arc::clone(&node.partitions);
        let apply = env::spawn_blocking(move || partitions.apply(&next));
        if apply.await.is_err() {
            return;
        }
        tokio::select! {
            () = node.stopping.cancelled() => return,
            changed = images.changed() => if changed.is_err() { return },
        }
    }
}
