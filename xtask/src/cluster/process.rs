//! A process that we started, known by its id and its start time.
//!
//! The kernel hands ids out again. A signal therefore goes only to a process whose start time is
//! the one written down when we started it.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process and when it began, in clock ticks since the machine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    ticks: u64,
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    threads: u64,
    started: u64,
}

impl Started {
    /// The running process of that id.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, ticks: stat(pid)?.started })
    }

    fn stat(&self) -> Option<Stat> {
        stat(self.pid).filter(|it| it.started == self.ticks)
    }

    /// Whether it runs or is held; one that only waits to be reaped does not. Its first thread
    /// may be dead while others still hold its files and locks.
    pub(crate) fn is_alive(&self) -> bool {
        self.stat().is_some_and(|it| (it.state != 'Z' && it.state != 'X') || 1 < it.threads)
    }

    /// Whether SIGSTOP holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.stat().is_some_and(|it| it.state == 'T')
    }

    /// Sends a signal, to this process or to none.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        ensure!(self.is_alive(), "process {} is gone", self.pid);
        let raw = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let pid = raw.with_context(|| format!("{} is no process id", self.pid))?;
        kill_process(pid, signal).with_context(|| format!("cannot signal process {}", self.pid))
    }
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fields after the command, which stands in parentheses and may hold anything.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        threads: fields.get(17)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_blanks_and_parentheses_is_read_over() {
        let text = "7 (a) b) S 1 7 7 0 -1 4 0 0 0 0 30 12 0 0 20 0 1 0 555 1000 2 18";
        let want = Stat { state: 'S', threads: 1, started: 555 };
        assert_eq!(parse(text), Some(want));
    }

    #[test]
    fn a_recycled_id_is_not_our_process() {
        let me = Started::of(std::process::id()).unwrap();
        let other = Started { ticks: me.ticks + 1, ..me };
        assert!(me.is_alive() && !other.is_alive());
        assert!(other.signal(Signal::KILL).is_err());
    }
}
