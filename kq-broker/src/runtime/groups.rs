//! The group coordinator's shell: which shard is where, and how to ask it.
//!
//! ```text
//!   group id -- hash --> partition of __consumer_offsets -- leader --> the coordinator
//!                             |
//!                             '- log --replayed once--> Shard (pure core)
//! ```
//! A shard lives where its partition is led. It is loaded when the lead is gained or when it is first
//! asked for, and let go when the lead is lost. The topic is made when a client first looks for a coordinator.

mod host;
mod leaders;
mod load;
mod sampler;
mod timer;
mod topic;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, OnceCell, Semaphore};

use self::host::Ground;
pub use self::host::{PendingReply, ShardHost};
pub use self::leaders::LeadersTold;
use self::sampler::Sampled;
use self::timer::Timer;
pub use self::topic::OFFSETS_TOPIC;
use super::{Node, PartitionError};
use crate::config::BrokerConfig;
use crate::group::{Assignor, ConsumerConfig, GroupConfig, GroupId, Migration};
use crate::ids::{BrokerId, PartitionId, PartitionIndex};

/// A shard that is loaded, is being loaded, or could not be so far.
type Slot = Arc<OnceCell<Arc<ShardHost>>>;

/// Shards that are read from their logs at one time: each may take a thread and the disk for seconds.
const LOADS_MAX: usize = 4;

/// How long a client that looks for its coordinator waits for the groups to be loaded.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(5);

/// The groups that this broker coordinates.
#[derive(Debug)]
pub struct Groups {
    node: Arc<Node>,
    settings: GroupConfig,
    slots: Mutex<BTreeMap<PartitionId, Slot>>,
    ground: Arc<Ground>,
    sampled: Sampled,
    loads: Semaphore,
}

impl Groups {
    /// A coordinator that has loaded nothing yet.
    pub fn new(node: Arc<Node>) -> Arc<Self> {
        let settings = settings(&node.config);
        let timer = Timer::new(node.clock);
        let ground = Ground { node: Arc::clone(&node), timer, reload: Notify::new() };
        Arc::new(Self {
            node,
            settings,
            slots: Mutex::default(),
            ground: Arc::new(ground),
            sampled: Sampled::default(),
            loads: Semaphore::new(LOADS_MAX),
        })
    }

    /// Starts its timer, and loads the shards that are there.
    pub fn start(self: &Arc<Self>) {
        tokio::spawn(timer::run(Arc::clone(self)));
        tokio::spawn(sampler::run(Arc::clone(self)));
        tokio::spawn(Arc::clone(self).follow_leads());
    }

    /// Lets go of shards whose partition another broker leads now, and of those that cannot know what
    /// the log holds; loads those that were gained, or let go and still led.
    async fn follow_leads(self: Arc<Self>) {
        let mut applied = self.node.partitions.subscribe_applied();
        loop {
            applied.borrow_and_update();
            self.let_go_of_lost();
            self.hosts().iter().for_each(ShardHost::follow_topics);
            for id in topic::led_by(&self.node.image(), self.node.broker_id) {
                if !self.slots.lock().contains_key(&id) {
                    let this = Arc::clone(&self);
                    // What cannot be loaded has been logged, and is tried again when it is asked for.
                    tokio::spawn(async move { this.load(id).await.map(drop) });
                }
            }
            tokio::select! {
                () = self.node.stopping.cancelled() => return,
                () = self.ground.reload.notified() => {}
                changed = applied.changed() => if changed.is_err() { return },
            }
        }
    }

    fn let_go_of_lost(&self) {
        let lost: Vec<_> = {
            let mut slots = self.slots.lock();
            let is_lost = |id: &PartitionId, slot: &mut Slot| match self.node.partition(*id) {
                Ok(partition) => slot.get().is_some_and(|host| !host.is_of(&partition)),
                Err(_) => true,
            };
            slots.extract_if(.., is_lost).collect()
        };
        lost.iter().filter_map(|(_, slot)| slot.get()).for_each(|host| host.retire());
    }

    /// The broker that coordinates a group. Makes the topic of the offsets if there is none.
    pub async fn find(self: &Arc<Self>, group: &GroupId) -> Result<BrokerId, ErrorCode> {
        if self.partition_of(group).is_none() {
            topic::create(&self.node).await?;
        }
        let id = self.partition_of(group).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let leader = self.node.image().partition(id).and_then(|it| self.node.leader_of(it));
        let leader = leader.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        if leader == self.node.broker_id {
            let loaded = tokio::time::timeout(LOAD_WAIT_MAX, self.load(id)).await;
            loaded.map_err(|_| ErrorCode::CoordinatorNotAvailable)??;
        }
        Ok(leader)
    }

    /// The shard of a group, if this broker coordinates it and has loaded it.
    pub fn host(self: &Arc<Self>, group: &GroupId) -> Result<Arc<ShardHost>, ErrorCode> {
        let id = self.partition_of(group).ok_or(ErrorCode::NotCoordinator)?;
        if let Some(host) = self.loaded(id)? {
            return Ok(host);
        }
        let this = Arc::clone(self);
        tokio::spawn(async move { this.load(id).await.map(drop) });
        Err(ErrorCode::CoordinatorLoadInProgress)
    }

    /// Every shard that this broker holds. Fails when some are not loaded within seconds: a list
    /// without their groups would be taken for whole.
    pub async fn all(self: &Arc<Self>) -> Result<Vec<Arc<ShardHost>>, ErrorCode> {
        let ids = topic::led_by(&self.node.image(), self.node.broker_id);
        let loading = futures::future::try_join_all(ids.into_iter().map(|id| self.load(id)));
        let loaded = tokio::time::timeout(LOAD_WAIT_MAX, loading).await;
        loaded.map_err(|_| ErrorCode::CoordinatorLoadInProgress)?
    }

    /// Every shard that this broker is to hold, as far as they are loaded within `wait`.
    pub async fn led_within(
        self: &Arc<Self>,
        wait: Duration,
    ) -> Vec<(PartitionIndex, Result<Arc<ShardHost>, ErrorCode>)> {
        let until = tokio::time::Instant::now() + wait;
        let mut hosts = Vec::new();
        for id in topic::led_by(&self.node.image(), self.node.broker_id) {
            let loaded = tokio::time::timeout_at(until, self.load(id)).await;
            hosts.push((id.index, loaded.unwrap_or(Err(ErrorCode::CoordinatorLoadInProgress))));
        }
        hosts
    }

    /// The shard of a group that this broker coordinates, once it is loaded.
    pub async fn host_within(
        self: &Arc<Self>,
        group: &GroupId,
        wait: Duration,
    ) -> Result<Arc<ShardHost>, ErrorCode> {
        let id = self.partition_of(group).ok_or(ErrorCode::NotCoordinator)?;
        let loaded = tokio::time::timeout(wait, self.load(id)).await;
        loaded.unwrap_or(Err(ErrorCode::CoordinatorLoadInProgress))
    }

    /// The shards that are loaded at this moment.
    fn hosts(&self) -> Vec<Arc<ShardHost>> {
        self.slots.lock().values().filter_map(|slot| slot.get().cloned()).collect()
    }

    /// The partition that a group is kept in; none while there was never a group.
    pub fn partition_of(&self, group: &GroupId) -> Option<PartitionId> {
        topic::partition_of(&self.node.image(), group)
    }

    /// The loaded shard of a partition. One whose partition is gone, or was opened anew, is let go.
    fn loaded(&self, id: PartitionId) -> Result<Option<Arc<ShardHost>>, ErrorCode> {
        let found = self.node.partition(id);
        let partition = match found.and_then(|it| it.verify_not_cut_off().map(|()| it)) {
            Ok(partition) => partition,
            Err(err) => {
                let old = self.slots.lock().remove(&id);
                old.iter().filter_map(|slot| slot.get()).for_each(|host| host.retire());
                return Err(refusal(&err));
            }
        };
        let mut slots = self.slots.lock();
        let Some(host) = slots.get(&id).and_then(|slot| slot.get()) else { return Ok(None) };
        if host.is_of(&partition) {
            return Ok(Some(Arc::clone(host)));
        }
        let old = slots.remove(&id);
        drop(slots);
        old.iter().filter_map(|slot| slot.get()).for_each(|host| host.retire());
        Ok(None)
    }

    async fn load(self: &Arc<Self>, id: PartitionId) -> Result<Arc<ShardHost>, ErrorCode> {
        if let Some(host) = self.loaded(id)? {
            return Ok(host);
        }
        let partition = self.node.partition(id).map_err(|err| refusal(&err))?;
        let slot = Arc::clone(self.slots.lock().entry(id).or_default());
        let loading = slot.get_or_try_init(|| async {
            let term = partition.led_since().ok_or(PartitionError::NotLeader)?;
            let shard =
                load::load(&partition, self.settings.clone(), self.node.clock, &self.loads).await?;
            let led = (Arc::clone(&partition), term);
            Ok(ShardHost::new(shard, led, Arc::clone(&self.ground)))
        });
        let loaded: Result<_, load::LoadError> = loading.await;
        match loaded {
            Ok(host) => Ok(Arc::clone(host)),
            Err(err) => {
                tracing::error!(?partition, %err, "groups of a partition cannot be coordinated");
                Err(ErrorCode::CoordinatorNotAvailable)
            }
        }
    }
}

/// What a client hears when the partition behind its group cannot be used here.
fn refusal(err: &PartitionError) -> ErrorCode {
    if matches!(err, PartitionError::Unknown | PartitionError::NotLeader | PartitionError::CutOff) {
        ErrorCode::NotCoordinator
    } else {
        ErrorCode::CoordinatorNotAvailable
    }
}

fn settings(config: &BrokerConfig) -> GroupConfig {
    let minutes = u64::from(config.offsets_retention_minutes);
    let undo_minutes = u64::from(config.group_undo_retention_minutes);
    GroupConfig {
        session_timeout_min: Duration::from_millis(config.group_session_ms_min),
        session_timeout_max: Duration::from_millis(config.group_session_ms_max),
        initial_rebalance_delay: Duration::from_millis(config.group_initial_delay_ms),
        members_max: config.group_members_max,
        offset_metadata_bytes_max: config.offset_metadata_bytes_max,
        offsets_retention: Duration::from_secs(minutes.saturating_mul(60)),
        lag_round: Duration::from_millis(config.group_lag_sample_ms),
        undo_retention: Duration::from_secs(undo_minutes.saturating_mul(60)),
        consumer: consumer_settings(config),
    }
}

fn consumer_settings(config: &BrokerConfig) -> ConsumerConfig {
    let assignors = config.consumer_assignors.iter().filter_map(|it| Assignor::named(it));
    let migration = Migration::ALL.into_iter().find(|it| it.name() == config.consumer_migration);
    ConsumerConfig {
        migration: migration.unwrap_or(Migration::Bidirectional),
        session_timeout: Duration::from_millis(config.consumer_session_ms),
        heartbeat_interval: Duration::from_millis(config.consumer_heartbeat_ms),
        members_max: config.consumer_members_max,
        assignors: assignors.collect(),
        assignment_interval: Duration::from_millis(config.consumer_assignment_ms),
        pattern_bytes_max: config.consumer_pattern_bytes_max,
    }
}
