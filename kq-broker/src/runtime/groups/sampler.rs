//! The rounds in which lag is watched: leaders are asked where their logs end, and each group is
//! judged by what it has committed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Groups, ShardHost};
use crate::group::lag::{Heads, Unreads};
use crate::group::{GroupId, GroupLag, LagLook, LagQuestions, LagVisit, Now, PartitionLag, Shard};

/// Offsets under one hold of a shard's lock: about a millisecond.
const OFFSETS_MAX: usize = 1_000;
/// Offsets that a round looks at, those of groups that are watched aside.
const ROUND_MAX: usize = 200_000;

/// Between two rounds at least, and how many times as long as the last one took: what is due is
/// looked at early, but not at any cost.
const ROUND_MIN: Duration = Duration::from_secs(1);
const ROUND_COSTS: u32 = 20;

/// What the last round found.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    heads: Mutex<Arc<Heads>>,
    unread: Mutex<Arc<Unreads>>,
    found: Mutex<Arc<Vec<GroupLag>>>,
    turn: Mutex<u64>,
}

/// Samples until the broker stops.
pub(super) async fn run(groups: Arc<Groups>) {
    let round = Duration::from_millis(groups.node.config.group_lag_sample_ms);
    let (mut pause, mut regular_in) = (round, round);
    loop {
        tokio::select! {
            () = groups.node.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let is_early = pause < regular_in;
        let began = groups.node.clock.elapsed();
        groups.sample(is_early).await;
        let ended = groups.node.clock.elapsed();
        let took = ended.saturating_sub(began);
        regular_in = if is_early { regular_in.saturating_sub(pause + took) } else { round };
        let due_in = groups.lags().iter().filter_map(|it| it.due).min();
        let due_in = due_in.map(|due| due.saturating_sub(ended));
        pause = next_pause(regular_in, due_in, took);
    }
}

/// How long to wait for the next round: until the regular one, or until something is due if that is
/// earlier by more than the least pause.
fn next_pause(regular_in: Duration, due_in: Option<Duration>, took: Duration) -> Duration {
    let least = ROUND_MIN.max(took.saturating_mul(ROUND_COSTS));
    let early = due_in.map_or(regular_in, |due| due.max(least));
    if early.saturating_add(least) <= regular_in { early } else { regular_in }
}

impl Groups {
    /// One round; an early one if it comes between two that are regular.
    pub(crate) async fn sample(&self, is_early: bool) {
        let began = self.node.clock.elapsed();
        let hosts = self.hosts();
        let visit = self.next_visit(&hosts);
        let before = self.heads();
        let mut questions = LagQuestions::default();
        for host in &hosts {
            let mut after = None;
            loop {
                let next =
                    |shard: &Shard| shard.ask(after.as_ref(), visit, &before, &mut questions);
                after = host.look(next);
                if after.is_none() {
                    break;
                }
            }
        }
        // Where nothing was ever committed nobody is asked.
        let told = self.node.ask_leaders(&questions, false).await;
        let heads = Arc::new(self.node.next_heads(&questions, &told, &before, is_early));
        let unread = self.node.unreads(&questions, &told);
        let mut found = Vec::new();
        for host in &hosts {
            let mut after = None;
            loop {
                let look = LagLook { now: self.now(), heads: &heads, unread: &unread };
                after = host.watch(|shard| shard.observe(after.as_ref(), visit, &look, &mut found));
                if after.is_none() {
                    break;
                }
            }
        }
        *self.sampled.heads.lock() = heads;
        *self.sampled.unread.lock() = Arc::new(unread);
        *self.sampled.found.lock() = Arc::new(found);
        let took = self.node.clock.elapsed().saturating_sub(began);
        self.node.metrics.group_rounds.observe(took.as_secs_f64());
    }

    /// Which groups are looked at, and how much room for watches each shard has until the next round.
    fn next_visit(&self, hosts: &[Arc<ShardHost>]) -> LagVisit {
        let (mut offsets, mut pairs) = (0, 0);
        for host in hosts {
            let (of_shard, watched) = host.look(|it| (it.offset_count(), it.watch_count()));
            offsets += of_shard;
            pairs += watched;
        }
        let room = self.node.config.group_lag_windows_max.saturating_sub(pairs);
        let share = room.checked_div(hosts.len()).unwrap_or(0);
        for host in hosts {
            host.watch(|shard| shard.make_room(share));
        }
        let mut turn = self.sampled.turn.lock();
        *turn = turn.wrapping_add(1);
        let stride = u64::try_from(offsets / ROUND_MAX + 1).unwrap_or(u64::MAX);
        LagVisit { offsets_max: OFFSETS_MAX, stride, turn: *turn }
    }

    /// The heads of the last round.
    pub fn heads(&self) -> Arc<Heads> {
        Arc::clone(&self.sampled.heads.lock())
    }

    /// The groups as the last round found them.
    pub fn lags(&self) -> Arc<Vec<GroupLag>> {
        Arc::clone(&self.sampled.found.lock())
    }

    /// The lag of a group as of the last round; none if the shard does not know it.
    pub fn lag_of(&self, host: &ShardHost, group: &GroupId) -> Option<Vec<PartitionLag>> {
        let (heads, unread) = (self.heads(), Arc::clone(&self.sampled.unread.lock()));
        let look = LagLook { now: self.now(), heads: &heads, unread: &unread };
        host.look(|shard| shard.group_lag(group, &look))
    }

    pub(super) fn now(&self) -> Now {
        let clock = self.node.clock;
        Now { uptime: clock.elapsed(), wall_ms: clock.now().0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_looked_at_early_but_not_at_any_cost() {
        let ms = Duration::from_millis;
        let next = |due: Option<u64>, took: u64| next_pause(ms(5_000), due.map(ms), ms(took));
        assert_eq!(next(None, 1), ms(5_000));
        assert_eq!(next(Some(2_300), 1), ms(2_300));
        assert_eq!(next(Some(0), 1), ms(1_000), "not at once");
        assert_eq!(next(Some(4_100), 1), ms(5_000), "the regular one comes as soon");
        assert_eq!(next(Some(60_000), 1), ms(5_000));
        assert_eq!(next(Some(0), 100), ms(2_000), "a twentieth of the time at most");
        assert_eq!(next(Some(0), 200), ms(5_000));
        assert_eq!(next_pause(ms(200), Some(ms(0)), ms(1)), ms(200), "rounds are fast as they are");
    }
}
