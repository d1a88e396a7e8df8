//! The broker under test: its address, and what its processes have used.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::clock;
use crate::cluster::{BrokerState, Guard, Plan};
use crate::programs::Programs;
use crate::run::target;

/// Clock ticks in a second, in which the kernel tells processor times (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A broker rests when it used next to nothing for so long, longer than records stay unsynced.
const REST: Duration = Duration::from_millis(700);
/// What it may use meanwhile: twice the ticks that the kernel counts in.
const REST_CPU_MAX: Duration = Duration::from_millis(20);
/// A broker that never rests is measured all the same.
const REST_LOOKS_MAX: usize = 15;

/// A running broker, our own or another one's.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) bootstrap: String,
    pids: Vec<u32>,
    own: Option<(Guard, Programs)>,
}

impl Subject {
    /// A kq broker of one's own with an empty directory, as operators would start it.
    pub(crate) fn own(programs: &Programs) -> Result<Self> {
        Self::own_with(programs, 1, &[])
    }

    /// So many of them with further configuration keys. They reach one another without a relay,
    /// whose work is not theirs.
    fn own_with(programs: &Programs, brokers: u32, settings: &[(&str, &str)]) -> Result<Self> {
        let mut plan = Plan { relayed: false, ..Plan::of("bench", brokers)? };
        for (key, value) in settings {
            plan = plan.with(key, value);
        }
        let guard = Guard::up(&plan, programs)?;
        let mut subject = Self {
            bootstrap: guard.0.bootstrap.clone(),
            pids: Vec::new(),
            own: Some((guard, programs.clone())),
        };
        subject.find_pids()?;
        Ok(subject)
    }

    /// Any broker that speaks Kafka: `BOOTSTRAP,PID..`.
    pub(crate) fn foreign(text: &str) -> Result<Self> {
        let mut words = text.split(',');
        let bootstrap = words.next().unwrap_or_default().to_owned();
        let pids: Result<Vec<u32>, _> = words.map(str::parse).collect();
        let pids = pids.with_context(|| format!("{text}: expected BOOTSTRAP,PID.."))?;
        if pids.is_empty() {
            bail!("{text}: expected BOOTSTRAP,PID.. with at least one process id");
        }
        Ok(Self { bootstrap, pids, own: None })
    }

    /// Our own broker's cluster; another one's cannot be started and stopped.
    pub(crate) fn own_cluster(&mut self) -> Result<&mut Guard> {
        self.own.as_mut().map(|(guard, _)| guard).context("not measured on the other broker")
    }

    /// Gives way to fresh brokers of ours with further configuration keys. The old cluster goes
    /// first: both have the same name, and its guard would remove what the new one has made.
    pub(crate) fn renew(&mut self, brokers: u32, settings: &[(&str, &str)]) -> Result<()> {
        let (guard, programs) = self.own.take().context("not measured on the other broker")?;
        drop(guard);
        *self = Self::own_with(&programs, brokers, settings)?;
        Ok(())
    }

    /// How many brokers there are.
    pub(crate) fn brokers(&self) -> usize {
        self.pids.len()
    }

    /// The operator's tool that was built with our brokers.
    pub(crate) fn ctl(&self) -> Result<&std::path::Path> {
        let (_, programs) = self.own.as_ref().context("not measured on the other broker")?;
        Ok(&programs.ctl)
    }

    /// The monitor that was built with our brokers.
    pub(crate) fn tui(&self) -> Result<&std::path::Path> {
        let (_, programs) = self.own.as_ref().context("not measured on the other broker")?;
        Ok(&programs.tui)
    }

    /// Whether it is ours.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Reads the process ids again, after a restart.
    pub(crate) fn find_pids(&mut self) -> Result<()> {
        let (guard, _) = self.own.as_ref().context("not our broker")?;
        let processes = guard.0.brokers.iter().filter_map(BrokerState::process);
        self.pids = processes.map(|it| it.pid).collect();
        Ok(())
    }

    /// Processor time used so far, user and system, by all its processes.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.pids.iter().map(|pid| process_cpu(*pid)).sum()
    }

    /// Waits until the broker rests: work that an earlier load has left behind, like files to be
    /// deleted or records to be synced, is over.
    pub(crate) fn rest(&self) -> Result<()> {
        for _ in 0..REST_LOOKS_MAX {
            let before = self.cpu()?;
            clock::pause(REST);
            if self.cpu()?.saturating_sub(before) <= REST_CPU_MAX {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Resident memory of all its processes, in bytes.
    pub(crate) fn rss_bytes(&self) -> Result<u64> {
        self.pids.iter().map(|pid| rss_bytes(*pid)).sum()
    }
}

/// Processor time that a process has used so far, user and system, as the kernel counts it.
pub(crate) fn process_cpu(pid: u32) -> Result<Duration> {
    Ok(Duration::from_millis(cpu_ticks(pid)? * 1000 / TICKS_PER_SECOND))
}

fn cpu_ticks(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let fields = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = |at: usize| fields.split_whitespace().nth(at)?.parse::<u64>().ok();
    ticks(11).zip(ticks(12)).map(|(user, system)| user + system).context("unreadable stat")
}

/// Resident memory of a process, in bytes.
pub(crate) fn rss_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.context("no VmRSS in status")? * 1024)
}

/// Processor time of the calling thread.
pub(crate) fn thread_cpu() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("no schedstat")?;
    let nanos = text.split_whitespace().next().and_then(|it| it.parse().ok());
    Ok(Duration::from_nanos(nanos.context("unreadable schedstat")?))
}

/// A folder on the disk that our brokers write to.
pub(crate) fn scratch() -> Result<std::path::PathBuf> {
    let dir = target().join("clusters").join("bench-floors");
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}
