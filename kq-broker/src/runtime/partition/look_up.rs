//! Looking offsets up, and describing the partition.

use std::sync::Arc;
use std::time::Duration;

use kq_storage::{LeaderEpoch, LogEndOffset, LogOffsets, Offset, Precision, RecordAt, TimestampMs};

use super::Partition;
use crate::monitor::{Behind, PartitionFigures};
use crate::replica::{Durability, FollowerStanding, Leader};
use crate::runtime::PartitionError;
use crate::runtime::request::{
    Description, FollowerDescription, Isolation, ListedOffset, OffsetSpec,
};

/// A follower that lacked something for less than this is on its way.
const BEHIND_MIN: Duration = Duration::from_secs(1);

impl Partition {
    /// Finds an offset.
    ///
    /// `Latest` first waits for what the log holds already to be synced: whoever wrote with acks=1
    /// and asks for the end afterwards finds his own records below it. A new leader does not tell the
    /// end before it knows all that is committed (KIP-207).
    pub async fn list_offset(
        self: &Arc<Self>,
        spec: OffsetSpec,
        isolation: Isolation,
        known_epoch: Option<LeaderEpoch>,
    ) -> Result<ListedOffset, PartitionError> {
        if spec != OffsetSpec::Earliest {
            self.settled().await?;
        }
        let mut state = self.state.lock();
        let leader = state.leader()?;
        leader.verify_epoch(known_epoch)?;
        let (epoch, start) = (leader.epoch(), leader.offsets().log_start());
        let knows_latest = leader.knows_latest();
        let until = state.visible_until(isolation);
        let log = state.log_mut()?;
        let at = |offset| ListedOffset {
            offset: Some(offset),
            timestamp: None,
            leader_epoch: Some(epoch),
        };
        let found = match spec {
            OffsetSpec::Earliest => return Ok(at(start.offset())),
            OffsetSpec::Latest if !knows_latest => return Err(PartitionError::OffsetNotAvailable),
            OffsetSpec::Latest => return Ok(at(until)),
            OffsetSpec::MaxTimestamp => log.max_timestamp(until),
            OffsetSpec::AtOrAfter(timestamp) => log.find_by_time(timestamp, until),
        };
        let found = found.map_err(|err| PartitionError::Storage(err.to_string().into()))?;
        if found.is_none() && !knows_latest {
            return Err(PartitionError::OffsetNotAvailable);
        }
        Ok(found.map_or_else(ListedOffset::default, |found| ListedOffset {
            offset: Some(found.offset),
            timestamp: Some(found.timestamp),
            leader_epoch: found.leader_epoch,
        }))
    }

    /// Where the log begins and ends for readers, and in which term; only its leader tells, once it
    /// knows all that is committed (KIP-207).
    pub fn head(&self) -> Result<(LogOffsets, LeaderEpoch), PartitionError> {
        let state = self.state.lock();
        let leader = state.leader()?;
        if !leader.knows_latest() {
            return Err(PartitionError::OffsetNotAvailable);
        }
        Ok((leader.offsets(), leader.epoch()))
    }

    /// The first record at or above `from` that a reader would be given.
    pub fn first_unread(
        &self,
        from: Offset,
        precision: Precision,
    ) -> Result<Option<RecordAt>, PartitionError> {
        let mut state = self.state.lock();
        state.leader()?;
        let until = state.visible_until(Isolation::ReadUncommitted);
        let found = state.log_mut()?.find_at(from, until, precision);
        found.map_err(|err| PartitionError::Storage(err.to_string().into()))
    }

    /// Where the records of the greatest epoch not above this one end; none when that is not known.
    pub fn epoch_end(
        &self,
        epoch: LeaderEpoch,
        known_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<(LeaderEpoch, LogEndOffset)>, PartitionError> {
        let state = self.state.lock();
        let leader = state.leader()?;
        leader.verify_epoch(known_epoch)?;
        if epoch == leader.epoch() {
            return Ok(Some((epoch, leader.offsets().log_end())));
        }
        let found = state.log()?.epoch_end_offset(epoch);
        Ok(found.map(|(epoch, end)| (epoch, LogEndOffset(end))))
    }

    /// The partition at this moment.
    pub fn describe(&self) -> Result<Description, PartitionError> {
        let now = self.clock.now();
        let state = self.state.lock();
        let log = state.log()?;
        Ok(Description {
            offsets: state.offsets(),
            synced_end: state.synced_end(),
            size_bytes: log.size_bytes(),
            intake_bytes_per_second: state.intake.per_second(now),
            segment_count: log.segment_count(),
            leader_epoch: state.leader_epoch(),
            leads: state.leader().is_ok(),
            in_sync_count: state.leader().map_or(0, Leader::in_sync_count),
            is_under_replicated: state.leader().is_ok() && self.lacks_replicas(),
            log_dir: self.dir.path().to_owned(),
        })
    }

    /// How far its followers are; nobody knows but the leader.
    pub fn followers(&self) -> Vec<FollowerDescription> {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let state = self.state.lock();
        let Ok(leader) = state.leader() else { return Vec::new() };
        let log_end = leader.offsets().log_end().offset();
        let described = |it: FollowerStanding| {
            let ago = elapsed.saturating_sub(it.caught_up_at).as_millis();
            // Who has everything holds everything now: on an idle log nothing says so otherwise.
            let ago =
                if it.log_end == log_end { 0 } else { i64::try_from(ago).unwrap_or(i64::MAX) };
            FollowerDescription {
                broker: it.broker,
                log_end: it.log_end,
                synced_end: it.synced_end,
                caught_up_at: TimestampMs(now.0.saturating_sub(ago)),
            }
        };
        leader.followers().map(described).collect()
    }

    /// What a watcher is told of it, if this broker leads it: cheap enough for a look each second at
    /// all partitions there are.
    pub fn figures(&self, (elapsed, now_ms): (Duration, i64)) -> Option<PartitionFigures> {
        if !self.leads() || self.is_hidden() {
            return None;
        }
        let state = self.state.lock();
        let (leader, log) = (state.leader().ok()?, state.log().ok()?);
        let offsets = leader.offsets();
        let end = offsets.log_end().offset();
        let behind = |it: FollowerStanding| {
            let ago = elapsed.saturating_sub(it.caught_up_at);
            (it.log_end < end && BEHIND_MIN <= ago).then(|| Behind {
                broker: it.broker,
                records: end.0.saturating_sub(it.log_end.0),
                caught_up_at_ms: now_ms
                    .saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
            })
        };
        let mut behind = leader.followers().filter_map(behind).peekable();
        Some(PartitionFigures {
            start: offsets.log_start().offset().0,
            high_watermark: offsets.high_watermark().offset().0,
            end: end.0,
            size_bytes: log.size_bytes(),
            behind: behind.peek().is_some().then(|| behind.collect()),
        })
    }

    /// Waits until what the log holds now is readable, where only a sync stands in between.
    async fn settled(self: &Arc<Self>) -> Result<(), PartitionError> {
        let until = {
            let state = self.state.lock();
            let fsync = state.durability() == Durability::Fsync;
            let leader = state.leader()?;
            if !fsync || !leader.waits_for_sync_alone() {
                return Ok(());
            }
            leader.offsets().log_end().offset()
        };
        match self.committed(until).await {
            // An in-sync set below its minimum says nothing about what can be read.
            Ok(()) | Err(PartitionError::NotEnoughReplicasAfterAppend(_)) => Ok(()),
            Err(err) => Err(err),
        }
    }
}
