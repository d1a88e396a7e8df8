//! How a replica becomes leader or follower, as committed metadata says.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kq_storage::{HighWatermark, LeaderEpoch, LogEndOffset, LogStartOffset};

use super::Partition;
use super::state::{Role, State};
use crate::ids::{BrokerEpoch, BrokerId};
use crate::metadata::PartitionImage;
use crate::replica::{Follower, FollowerInput, FollowerStart, Input, Leader, LeaderStart, Rules};

/// The registrations of the brokers that hold a partition, of the same image.
pub(in crate::runtime) type Registered = Vec<(BrokerId, BrokerEpoch)>;

/// What an image made of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runtime) enum Assigned {
    /// This broker leads it.
    Leads,
    /// It follows another broker than before, or in another epoch; none while nobody leads.
    Follows(Option<BrokerId>),
    /// It follows whom it followed.
    FollowsAsBefore,
}

/// Where a log stands when its replica takes up a role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) log_start: LogStartOffset,
    pub(super) synced_end: LogEndOffset,
    pub(super) log_end: LogEndOffset,
    /// None after a restart.
    pub(super) high_watermark: Option<HighWatermark>,
}

impl Partition {
    /// Takes over what is committed of this partition, and tells its role.
    pub(in crate::runtime) fn assign(
        &self,
        image: &PartitionImage,
        registered: Registered,
    ) -> Assigned {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        self.lacks_replicas.store(image.is_under_replicated(), Ordering::Release);
        self.awaits_replicas.store(image.awaits_replicas(), Ordering::Release);
        let leads = image.leader == Some(self.me);
        match &mut state.role {
            Role::Leader(_) if leads => {
                self.lead_on(state, image, registered);
                Assigned::Leads
            }
            Role::Follower(_) if leads => {
                self.win(state, image, registered);
                Assigned::Leads
            }
            Role::Leader(_) => {
                self.lose(state, image);
                Assigned::Follows(image.leader)
            }
            Role::Follower(follower) => {
                let before = (follower.leader(), follower.leader_epoch());
                let committed = FollowerInput::PartitionCommitted {
                    leader: image.leader,
                    leader_epoch: image.leader_epoch,
                    partition_epoch: image.partition_epoch,
                    unclean_epoch: image.unclean_epoch,
                };
                follower.step(committed, &mut Vec::new());
                if before == (follower.leader(), follower.leader_epoch()) {
                    Assigned::FollowsAsBefore
                } else {
                    Assigned::Follows(follower.leader())
                }
            }
        }
    }

    /// Whether this replica leads, as far as this broker knows.
    pub fn leads(&self) -> bool {
        self.leads.load(Ordering::Acquire)
    }

    /// The epoch since which this replica leads without a break; none if it does not lead.
    pub(in crate::runtime) fn led_since(&self) -> Option<LeaderEpoch> {
        let state = self.state.lock();
        state.leader().is_ok().then_some(state.led_since)
    }

    fn lead_on(&self, state: &mut State, image: &PartitionImage, registered: Registered) {
        let is_elected_again = state.leader_epoch() < image.leader_epoch;
        if is_elected_again {
            state.begin_epoch(image);
        }
        state.step(Input::PartitionCommitted {
            epoch: image.leader_epoch,
            partition_epoch: image.partition_epoch,
            replicas: image.replicas.clone(),
            isr: image.isr.clone(),
            registered,
            handover: image.handover,
            now: self.clock.elapsed(),
        });
        if is_elected_again {
            // Readers that know an older term must be told.
            state.watchers.interrupt();
        }
    }

    fn lose(&self, state: &mut State, image: &PartitionImage) {
        self.leads.store(false, Ordering::Release);
        let standing = state.standing();
        if let Ok(log) = state.log_mut() {
            // An epoch that was led without a record is no part of the log's history.
            log.forget_empty_epochs();
        }
        state.role = following(image, state.rules, standing);
        state.interrupt_all();
    }

    fn win(&self, state: &mut State, image: &PartitionImage, registered: Registered) {
        state.begin_epoch(image);
        let (rules, standing) = (state.rules, state.standing());
        let now = self.clock.elapsed();
        state.role = leading(self.me, (image, registered), rules, standing, now);
        state.led_since = image.leader_epoch;
        state.no_room_since = None;
        state.watch_time();
        state.interrupt_all();
        self.leads.store(true, Ordering::Release);
    }
}

/// The role that an image gives to `me`.
pub(super) fn role_of(
    me: BrokerId,
    (image, registered): (&PartitionImage, Registered),
    rules: Rules,
    standing: Standing,
    now: Duration,
) -> Role {
    if image.leader == Some(me) {
        leading(me, (image, registered), rules, standing, now)
    } else {
        following(image, rules, standing)
    }
}

fn leading(
    me: BrokerId,
    (image, registered): (&PartitionImage, Registered),
    rules: Rules,
    standing: Standing,
    now: Duration,
) -> Role {
    Role::Leader(Box::new(Leader::new(LeaderStart {
        me,
        epoch: image.leader_epoch,
        partition_epoch: image.partition_epoch,
        rules,
        log_start: standing.log_start,
        synced_end: standing.synced_end,
        log_end: standing.log_end,
        high_watermark: standing.high_watermark,
        replicas: image.replicas.clone(),
        isr: image.isr.clone(),
        registered,
        handover: image.handover,
        now,
    })))
}

fn following(image: &PartitionImage, rules: Rules, standing: Standing) -> Role {
    Role::Follower(Follower::new(FollowerStart {
        leader: image.leader,
        leader_epoch: image.leader_epoch,
        partition_epoch: image.partition_epoch,
        durability: rules.durability,
        log_start: standing.log_start,
        synced_end: standing.synced_end,
        log_end: standing.log_end,
        high_watermark: standing.high_watermark,
        unclean_epoch: image.unclean_epoch,
    }))
}

impl State {
    fn begin_epoch(&mut self, image: &PartitionImage) {
        if let Ok(log) = self.log_mut() {
            log.begin_epoch(image.leader_epoch);
        }
    }

    fn standing(&self) -> Standing {
        let offsets = self.offsets();
        Standing {
            log_start: offsets.log_start(),
            synced_end: self.synced_end(),
            log_end: offsets.log_end(),
            high_watermark: Some(offsets.high_watermark()),
        }
    }
}
