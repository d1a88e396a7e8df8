//! What happens in the demo by itself: a broker dies, its partitions move, it returns.
//!
//! The lines are the cluster's own: its committed events, as `kq-ctl events` tells them, between
//! what was done to it and what `kq-ctl cluster status` said then.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::Ctl;
use crate::clock;
use crate::cluster::{self, ClusterState, Roles};

/// How long all is well before a broker dies.
const CALM: Duration = Duration::from_secs(8);

/// How long it is gone.
const GONE: Duration = Duration::from_secs(7);

/// How long the end is left on the screen before it begins again.
const REST: Duration = Duration::from_secs(15);

/// How often the cluster is asked while something is awaited.
const ASK_EVERY: Duration = Duration::from_millis(150);

/// Lines that a screen shows.
pub(super) const LINES_SHOWN: usize = 20;

/// How far the story is.
#[derive(Debug, Clone, Copy)]
enum Chapter {
    /// All is well until then.
    Calm { until: Instant },
    /// The broker is dead, its partitions move.
    Dead { id: u32, since: Instant },
    /// It is dead and nobody misses it.
    Gone { id: u32, until: Instant },
    /// It runs again and catches up.
    Back { id: u32, since: Instant },
}

/// The story so far.
#[derive(Debug)]
pub(super) struct Story {
    began: Instant,
    chapter: Chapter,
    asked: Instant,
    /// The last event that was told.
    event: u64,
    lines: Vec<String>,
    /// Lines that nobody has seen yet.
    unseen: usize,
    /// How often it was told to its end.
    pub(super) told: u32,
}

/// What `cluster status` says in numbers.
#[derive(Debug)]
struct Status {
    running: u64,
    partitions: u64,
    offline: u64,
    under_replicated: u64,
}

impl Status {
    fn ask(ctl: &Ctl) -> Option<Self> {
        let items = ctl.items(&["cluster", "status"]).ok()?;
        let number = |name: &str| items.first()?.get(name)?.as_u64();
        Some(Self {
            running: number("broker_running_count")?,
            partitions: number("partition_count")?,
            offline: number("offline_count")?,
            under_replicated: number("under_replicated_count")?,
        })
    }
}

impl Story {
    /// Begins now; what happened before is no part of it.
    pub(super) fn begin(ctl: &Ctl) -> Result<Self> {
        let now = clock::now();
        let mut story = Self {
            began: now,
            chapter: Chapter::Calm { until: now + CALM },
            asked: now,
            event: 0,
            lines: Vec::new(),
            unseen: 0,
            told: 0,
        };
        story.event = ctl.events()?.iter().filter_map(sequence).max().unwrap_or_default();
        Ok(story)
    }

    /// Goes on by one step, if it is time.
    pub(super) fn go_on(&mut self, ctl: &Ctl, cluster: &mut ClusterState) -> Result<()> {
        if self.asked.elapsed() < ASK_EVERY {
            return Ok(());
        }
        self.asked = clock::now();
        // A cluster that just lost its leader answers a moment later.
        for event in ctl.events().unwrap_or_default() {
            self.tell(&event);
        }
        match self.chapter {
            Chapter::Calm { until } if until <= clock::now() => self.kill(ctl, cluster)?,
            Chapter::Dead { id, since } => self.await_leaders(ctl, cluster, id, since),
            Chapter::Gone { id, until } if until <= clock::now() => {
                self.say(&format!("broker {id} is started again"));
                self.chapter = Chapter::Back { id, since: clock::now() };
                cluster::start(cluster, &[id])?;
            }
            Chapter::Calm { .. } | Chapter::Gone { .. } => {}
            Chapter::Back { id, since } => self.await_replicas(ctl, cluster, id, since)?,
        }
        Ok(())
    }

    /// Kills the broker that leads the most.
    fn kill(&mut self, ctl: &Ctl, cluster: &ClusterState) -> Result<()> {
        let roles = Roles::of(cluster);
        let leads = |id: u32| roles.leads(id).unwrap_or_default();
        let ids = cluster.brokers.iter().map(|it| it.id);
        let id = ids.max_by_key(|id| leads(*id)).context("a cluster without brokers")?;
        let part = roles.in_quorum(id).unwrap_or("member");
        let of = Status::ask(ctl).map(|it| it.partitions).unwrap_or_default();
        self.say(&format!(
            "broker {id} is killed (kill -9): it leads {} of {of} partitions, and is {part} in \
             the quorum",
            leads(id)
        ));
        self.chapter = Chapter::Dead { id, since: clock::now() };
        cluster.broker(id)?.kill()
    }

    fn await_leaders(&mut self, ctl: &Ctl, cluster: &ClusterState, id: u32, since: Instant) {
        let all = cluster.brokers.len() as u64;
        let Some(status) = Status::ask(ctl) else { return };
        if status.running < all && status.offline == 0 {
            let millis = since.elapsed().as_millis();
            self.say(&format!(
                "every partition has a leader, {millis} ms after the kill; {} lack a replica",
                status.under_replicated
            ));
            self.chapter = Chapter::Gone { id, until: clock::now() + GONE };
        }
    }

    fn await_replicas(
        &mut self,
        ctl: &Ctl,
        cluster: &ClusterState,
        id: u32,
        since: Instant,
    ) -> Result<()> {
        cluster.broker(id)?.process().with_context(|| format!("broker {id} did not come back"))?;
        let all = cluster.brokers.len() as u64;
        let Some(status) = Status::ask(ctl) else { return Ok(()) };
        if status.running == all && status.under_replicated == 0 && status.offline == 0 {
            let seconds = since.elapsed().as_secs_f64();
            self.say(&format!("all replicas are in sync, {seconds:.1} s after its start"));
            self.told += 1;
            self.chapter = Chapter::Calm { until: clock::now() + REST };
        }
        Ok(())
    }

    /// An event that was not told yet, in its own words.
    fn tell(&mut self, event: &Value) {
        let Some(sequence) = sequence(event).filter(|it| self.event < *it) else { return };
        self.event = sequence;
        let word = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let why = match word("reason") {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        let what = word("event").replace('_', " ");
        self.push(&format!("  {} {what}: {}{why}", word("subject"), word("message")));
    }

    fn say(&mut self, words: &str) {
        self.push(words);
    }

    fn push(&mut self, words: &str) {
        let at = self.began.elapsed().as_secs_f64();
        self.lines.push(format!("{at:6.1} s  {words}"));
        self.unseen += 1;
    }

    /// The last lines, for a screen.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let from = self.lines.len().saturating_sub(LINES_SHOWN);
        self.lines.get(from..).unwrap_or_default().to_vec()
    }

    /// The lines that were not taken yet, for a log.
    pub(super) fn take_unseen(&mut self) -> Vec<String> {
        let from = self.lines.len() - std::mem::take(&mut self.unseen);
        self.lines.get(from..).unwrap_or_default().to_vec()
    }
}

fn sequence(event: &Value) -> Option<u64> {
    event.get("sequence")?.as_u64()
}
