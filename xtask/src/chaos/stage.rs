//! Where a course of events takes place: the cluster, its clients, and what is written down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::clients::Clients;
use super::schedule::Fault;
use super::world::World;
use crate::output::note;
use crate::{clock, signals};

/// How often clients and brokers are looked at while nothing is done to them.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What was done so far, in words, and what went wrong on purpose.
#[derive(Debug, Default)]
pub(super) struct Diary {
    pub(super) faults: BTreeMap<Fault, u64>,
    pub(super) done: String,
    /// What a course has to say of itself in the last line.
    pub(super) outcome: String,
}

/// All that a course of events works with.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) world: &'a mut World,
    pub(super) clients: &'a Clients,
    pub(super) diary: &'a mut Diary,
    pub(super) interrupted: &'a AtomicBool,
    pub(super) began: Instant,
}

impl Stage<'_> {
    /// Writes a line into the diary, and shows it.
    pub(super) fn tell(&mut self, words: &str) {
        let (at, acked) = (self.began.elapsed().as_secs_f64(), self.clients.acked());
        let line = format!("{at:6.1} s  {acked:>7} acked  {words}");
        note(&line);
        let _ = writeln!(self.diary.done, "{line}");
    }

    /// Counts something that goes wrong on purpose.
    pub(super) fn count(&mut self, fault: Fault) {
        *self.diary.faults.entry(fault).or_default() += 1;
    }

    /// Fails as soon as something is seen that must not be.
    pub(super) fn look(&self) -> Result<()> {
        ensure!(!signals::is_set(self.interrupted), "interrupted");
        self.world.verify_alive()?;
        self.clients.verify()
    }

    /// Lets the time pass, and looks.
    pub(super) fn rest(&self, time: Duration) -> Result<()> {
        self.rest_until(clock::now() + time)
    }

    /// The same up to a time.
    pub(super) fn rest_until(&self, time: Instant) -> Result<()> {
        self.look()?;
        while clock::now() < time {
            clock::pause(LOOK_EVERY);
            self.look()?;
        }
        Ok(())
    }

    /// Waits until `ready` gives a value, and looks; `what` is missed when it never comes.
    pub(super) fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut(&World) -> Option<T>,
    ) -> Result<T> {
        let deadline = clock::now() + limit;
        loop {
            self.look()?;
            if let Some(value) = ready(self.world) {
                return Ok(value);
            }
            let seconds = limit.as_secs();
            let left = clock::now() < deadline;
            left.then_some(()).with_context(|| format!("{what}: not within {seconds} s"))?;
            clock::pause(LOOK_EVERY);
        }
    }
}
