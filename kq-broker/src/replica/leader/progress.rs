//! What a leader knows of one follower.

use std::time::Duration;

use kq_storage::{LogEndOffset, LogStartOffset, Offset};

use super::super::{Durability, Rules};
use crate::ids::{BrokerEpoch, BrokerId};

/// A follower's fetch, which the leader serves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetched {
    pub(super) broker_epoch: BrokerEpoch,
    pub(super) fetch_offset: Offset,
    pub(super) synced_end: Offset,
    pub(super) log_start: LogStartOffset,
    pub(super) now: Duration,
}

/// How far a follower is, for those who describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowerStanding {
    /// Which broker.
    pub broker: BrokerId,
    /// The first offset that it does not have.
    pub log_end: Offset,
    /// The first offset that it has not synced.
    pub synced_end: Offset,
    /// When it last held all that the leader had.
    pub caught_up_at: Duration,
}

/// How far a follower is, by its own word.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// The registration that it fetched under last.
    broker_epoch: Option<BrokerEpoch>,
    /// The registration that the leader knows of.
    pub(super) registered: Option<BrokerEpoch>,
    /// Invariant: never past the leader's log end.
    log_end: Offset,
    /// Invariant: never past `log_end`.
    synced_end: Offset,
    log_start: LogStartOffset,
    /// When it held all that the leader had, or had had at its fetch before.
    caught_up_at: Duration,
    /// Its last fetch, and where the leader's log ended then.
    last_fetch: Option<(Duration, LogEndOffset)>,
    /// It held everything when the leader last appended: it is caught up as of the next event that
    /// tells the time. An idle follower's last fetch may be long ago.
    was_level: bool,
    /// Its last fetch found it no more than one round behind.
    pub(super) is_close: bool,
    /// Since when the high watermark waits for it, so that it can reach it and join the ISR.
    pub(super) joining_since: Option<Duration>,
    /// Until when it is not proposed again.
    pub(super) barred_until: Duration,
    /// It could join, but for a proposal in flight or a bar. While nothing is appended nobody needs
    /// to hear of it again, so it is not left to its next fetch.
    pub(super) is_ready: bool,
    /// How often the controller would not have it since it was heard of last.
    pub(super) rejections: u32,
}

impl Progress {
    /// Nothing is known but that it is in sync, if it is: it has as long as anyone to show up.
    pub(super) fn unheard(now: Duration) -> Self {
        Self { caught_up_at: now, ..Self::default() }
    }

    /// Takes over what a fetch told; false if it comes from a life of the broker that is over.
    pub(super) fn note(&mut self, fetched: &Fetched, end: LogEndOffset, rules: Rules) -> bool {
        match self.broker_epoch {
            Some(known) if fetched.broker_epoch < known => return false,
            // Another life of it: what the one before was about to join is over.
            Some(known) if known < fetched.broker_epoch => {
                let registered = self.registered;
                *self = Self { registered, ..Self::unheard(self.caught_up_at) };
            }
            Some(_) | None => {}
        }
        self.broker_epoch = Some(fetched.broker_epoch);
        self.rejections = 0;
        self.log_end = fetched.fetch_offset;
        self.synced_end = fetched.synced_end.min(fetched.fetch_offset);
        self.log_start = fetched.log_start;
        if std::mem::take(&mut self.was_level) {
            self.caught_up_at = self.caught_up_at.max(fetched.now);
        }
        let held = self.held(rules.durability);
        let had_all_at = match self.last_fetch {
            _ if end.offset() <= held => Some(fetched.now),
            Some((at, end_then)) if end_then.offset() <= held => Some(at),
            Some(_) | None => None,
        };
        self.is_close = had_all_at.is_some();
        self.caught_up_at = had_all_at.map_or(self.caught_up_at, |at| self.caught_up_at.max(at));
        self.last_fetch = Some((fetched.now, end));
        true
    }

    /// The first offset that it does not hold.
    pub(super) const fn held(&self, durability: Durability) -> Offset {
        match durability {
            Durability::Fsync => self.synced_end,
            Durability::Os => self.log_end,
        }
    }

    /// The first offset that it does not have, synced or not.
    pub(super) const fn log_end(&self) -> Offset {
        self.log_end
    }

    /// Where its log begins.
    pub(super) const fn log_start(&self) -> LogStartOffset {
        self.log_start
    }

    /// For those who describe it; none before its first fetch.
    pub(super) fn standing(&self, broker: BrokerId) -> Option<FollowerStanding> {
        let Self { log_end, synced_end, caught_up_at, .. } = *self;
        self.broker_epoch.map(|_| FollowerStanding { broker, log_end, synced_end, caught_up_at })
    }

    /// The registration under which it was heard.
    pub(super) const fn broker_epoch(&self) -> Option<BrokerEpoch> {
        self.broker_epoch
    }

    /// By Kafka's definition: it holds everything, or held within `lag_max` all that there was then.
    pub(super) fn caught_up(&self, end: LogEndOffset, rules: Rules, now: Duration) -> bool {
        end.offset() <= self.held(rules.durability)
            || now.saturating_sub(self.caught_up_at) <= rules.lag_max
    }

    /// The leader's log, which ended at `end` until now, grows.
    pub(super) fn leader_appends(&mut self, end: LogEndOffset, rules: Rules) {
        self.was_level |=
            self.broker_epoch.is_some() && end.offset() <= self.held(rules.durability);
    }

    /// An idle log: who holds all of it is caught up as time goes by.
    pub(super) fn pass_time(&mut self, end: LogEndOffset, rules: Rules, now: Duration) {
        let was_level = std::mem::take(&mut self.was_level);
        if was_level || end.offset() <= self.held(rules.durability) {
            self.caught_up_at = self.caught_up_at.max(now);
        }
    }

    pub(super) fn assert_within(&self, leader_end: LogEndOffset) {
        assert!(self.synced_end <= self.log_end, "a follower syncs no more than it has");
        assert!(self.log_end <= leader_end.offset(), "a follower is past the leader's log end");
    }
}
