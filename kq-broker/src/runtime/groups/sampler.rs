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

/// What the last round found.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    heads: Mutex<Arc<Heads>>,
    found: Mutex<Arc<Vec<GroupLag>>>,
    turn: Mutex<u64>,
}

/// Samples until the broker stops.
pub(super) async fn run(groups: Arc<Groups>) {
    let round = Duration::from_millis(groups.node.config.group_lag_sample_ms);
    loop {
        tokio::select! {
            () = groups.node.stopping.cancelled() => return,
            () = tokio::time::sleep(round) => {}
        }
        groups.sample().await;
    }
}

impl Groups {
    /// One round.
    pub(crate) async fn sample(&self) {
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
        let heads = Arc::new(self.node.next_heads(&questions, &told, &before));
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
        let (heads, unread) = (self.heads(), Unreads::default());
        let look = LagLook { now: self.now(), heads: &heads, unread: &unread };
        host.look(|shard| shard.group_lag(group, &look))
    }

    pub(super) fn now(&self) -> Now {
        let clock = self.node.clock;
        Now { uptime: clock.elapsed(), wall_ms: clock.now().0 }
    }
}
