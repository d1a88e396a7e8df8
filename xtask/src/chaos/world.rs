//! The cluster that things happen to, each broker on a disk of its own where that can be had.

mod ask;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use self::ask::PartitionView;
use super::schedule::Act;
use crate::cli::ChaosArgs;
use crate::clock::{self, poll_until};
use crate::cluster::{self, ClusterState, Keep, Plan, RelayState, Stopped, directory};
use crate::mounts::{Mount, cannot_mount};
use crate::output::note;
use crate::programs::Programs;
use crate::relay::{Order, Span};
use crate::run::{capture, find};

/// The name of the cluster, and of what it writes to.
pub(super) const NAME: &str = "chaos";

/// Where groups' offsets lie.
pub(super) const OFFSETS: &str = "__consumer_offsets";

/// What a broker's disk holds at least, and how much more for each second.
const DISK_BYTES: u64 = 512 << 20;
const DISK_BYTES_PER_SECOND: u64 = 1 << 20;

/// A restart waits for so long until its broker is ready; others may hold it up.
const RESTART_WITHIN: Duration = Duration::from_secs(20);

/// After all is mended, brokers are ready within this.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A broker that must go on its own has so long for it.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// The cluster and its disks.
#[derive(Debug)]
pub(super) struct World {
    pub(super) cluster: ClusterState,
    programs: Programs,
    python: Option<PathBuf>,
    disks: BTreeMap<u32, Mount>,
    /// Brokers that were not ended by us.
    running: BTreeSet<u32>,
    pub(super) forced_stops: u64,
    pub(super) keep: Keep,
}

impl World {
    /// A fresh cluster.
    pub(super) fn up(args: &ChaosArgs, power: bool, programs: &Programs) -> Result<Self> {
        let mut plan = Plan::of(NAME, args.brokers)?;
        plan.verify()?;
        plan.settings.clone_from(&args.set);
        if let Some(before) = ClusterState::find(NAME)? {
            cluster::down(&before, Keep::Nothing)?;
        }
        let mut disks = BTreeMap::new();
        let python = find("python3").filter(|_| power);
        if python.is_some() {
            let bytes = DISK_BYTES + DISK_BYTES_PER_SECOND * args.length().as_secs();
            for id in 1..=args.brokers {
                let disk = Mount::ext4(&format!("{NAME}-{id}"), bytes)?;
                plan.data_dirs.insert(id, disk.dir.join("data"));
                disks.insert(id, disk);
            }
        }
        let cluster = cluster::up(&plan, programs)?;
        let running = (1..=args.brokers).collect();
        let (programs, forced_stops, keep) = (programs.clone(), 0, Keep::Nothing);
        Ok(Self { cluster, programs, python, disks, running, forced_stops, keep })
    }

    /// Why no power can be cut here.
    pub(super) fn no_power() -> Option<String> {
        cannot_mount(&["mount", "umount", "mkfs.ext4", "python3"])
    }

    /// Whether the power of the disks can be cut.
    pub(super) fn has_power(&self) -> bool {
        !self.disks.is_empty()
    }

    /// Does what a step says, as far as it makes sense for brokers that run or do not.
    pub(super) fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Kill(ids) => self.kill(ids),
            Act::Unplug(ids) => self.unplug(ids),
            Act::Start(ids) => self.start(ids),
            Act::Restart(id) => self.restart(*id),
            Act::Pause(id) => self.signal(*id, Signal::STOP),
            Act::Resume(id) => self.signal(*id, Signal::CONT),
            Act::Cut(span) => self.network(Order::Cut(*span)),
            Act::Heal(span) => self.network(Order::Heal(*span)),
            Act::Reset(span) => self.network(Order::Reset(*span)),
            Act::Slow { id, delay_ms, bytes_per_second } => {
                for span in [Span::out_of(*id), Span::into(*id)] {
                    let bytes_per_second = Some(*bytes_per_second);
                    self.network(Order::Slow { span, delay_ms: *delay_ms, bytes_per_second })?;
                }
                Ok(())
            }
        }
    }

    fn network(&self, order: Order) -> Result<()> {
        self.cluster.network(order).map(|_| ())
    }

    fn signal(&self, id: u32, signal: Signal) -> Result<()> {
        if self.running.contains(&id) { self.cluster.broker(id)?.signal(signal) } else { Ok(()) }
    }

    fn kill(&mut self, ids: &[u32]) -> Result<()> {
        // All of them first, so that none sees another one die.
        for id in ids {
            self.signal(*id, Signal::KILL)?;
        }
        for id in ids.iter().filter(|id| self.running.remove(id)) {
            let broker = self.cluster.broker(*id)?;
            let gone = poll_until(STOP_WITHIN, || broker.process().is_none().then_some(()));
            gone.with_context(|| format!("broker {id} outlives SIGKILL"))?;
        }
        Ok(())
    }

    fn unplug(&mut self, ids: &[u32]) -> Result<()> {
        let python = self.python.clone().context("no python3 to cut the power with")?;
        for id in ids {
            self.signal(*id, Signal::STOP)?;
        }
        let disks = || ids.iter().filter_map(|id| self.disks.get(id));
        disks().try_for_each(|disk| disk.cut_power(&python))?;
        self.kill(ids)?;
        let disks = || ids.iter().filter_map(|id| self.disks.get(id));
        disks().try_for_each(Mount::remount)
    }

    /// Starts those that do not run.
    pub(super) fn start(&mut self, ids: &[u32]) -> Result<()> {
        let ids: Vec<u32> = ids.iter().copied().filter(|id| self.running.insert(*id)).collect();
        cluster::start(&mut self.cluster, &ids)
    }

    /// Ends a broker politely; how long that took.
    pub(super) fn stop(&mut self, id: u32) -> Result<Duration> {
        let begin = clock::now();
        if self.running.remove(&id)
            && self.cluster.broker(id)?.stop(STOP_WITHIN)? == Stopped::Killed
        {
            self.forced_stops += 1;
        }
        Ok(begin.elapsed())
    }

    /// Waits until a broker is ready; how long that took.
    pub(super) fn wait_ready(&self, id: u32) -> Result<Duration> {
        let begin = clock::now();
        self.cluster.broker(id)?.wait_ready(RESTART_WITHIN)?;
        Ok(begin.elapsed())
    }

    fn restart(&mut self, id: u32) -> Result<()> {
        self.stop(id)?;
        self.start(&[id])?;
        if let Err(fault) = self.wait_ready(id) {
            note(format_args!("{fault:#}"));
        }
        Ok(())
    }

    /// One broker more; its id.
    pub(super) fn add(&mut self) -> Result<u32> {
        let id = cluster::add(&mut self.cluster, None)?;
        self.running.insert(id);
        Ok(id)
    }

    /// A broker that was stopped is none of the cluster any more.
    pub(super) fn forget(&mut self, id: u32) -> Result<()> {
        self.cluster.brokers.retain(|it| it.id != id);
        self.cluster.save()
    }

    /// Fails if a broker has ended that nobody ended.
    pub(super) fn verify_alive(&self) -> Result<()> {
        for id in &self.running {
            let broker = self.cluster.broker(*id)?;
            let ended = broker.process().is_none();
            ensure!(!ended, "broker {id} ended by itself; {}", broker.last_words());
        }
        let relayed = self.cluster.relay.as_ref().is_none_or(RelayState::is_alive);
        ensure!(relayed, "the relay ended by itself; see {}/relay.log", Self::folder().display());
        Ok(())
    }

    /// Ends all that goes wrong: every broker runs, every network is whole.
    pub(super) fn mend(&mut self) -> Result<()> {
        if self.cluster.relay.is_some() {
            self.network(Order::Heal(Span::ALL))?;
        }
        let ids: Vec<u32> = self.cluster.brokers.iter().map(|it| it.id).collect();
        for id in &ids {
            self.signal(*id, Signal::CONT)?;
        }
        self.start(&ids)?;
        self.cluster.brokers.iter().try_for_each(|broker| broker.wait_ready(READY_WITHIN))
    }

    /// Waits until each partition has a leader and all its replicas in sync.
    pub(super) fn wait_whole(&self, limit: Duration) -> Result<()> {
        let mut last = String::from("no answer");
        let whole = poll_until(limit, || {
            match self.partitions() {
                Ok(views) if views.iter().all(PartitionView::is_whole) => return Some(()),
                Ok(views) => {
                    let lacking = views.iter().find(|it| !it.is_whole());
                    last = lacking.map(|it| format!("{it:?}")).unwrap_or_default();
                }
                Err(fault) => last = format!("{fault:#}"),
            }
            None
        });
        if whole.is_none() {
            bail!("L2: not every replica is in sync after {} s: {last}", limit.as_secs());
        }
        Ok(())
    }

    /// Stops every broker politely, for its files to be read.
    pub(super) fn stop_all(&mut self) -> Result<()> {
        self.running.clear();
        for (_, end) in cluster::stop(&self.cluster.brokers)? {
            self.forced_stops += u64::from(end == Stopped::Killed);
        }
        Ok(())
    }

    /// Where a broker's data lies.
    pub(super) fn data_dir(&self, id: u32) -> Result<&Path> {
        Ok(&self.cluster.broker(id)?.data_dir)
    }

    /// Where a failed run is to be looked at.
    pub(super) fn folder() -> PathBuf {
        directory(NAME)
    }

    /// Keeps what is on the disks, which go with us.
    fn save_disks(&self) {
        for (id, disk) in &self.disks {
            let to = Self::folder().join(format!("broker-{id}")).join("data");
            let copied = capture(Command::new("cp").arg("-a").arg(disk.dir.join("data")).arg(&to));
            if let Err(fault) = copied {
                note(format_args!("the data of broker {id} is not kept: {fault:#}"));
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.keep == Keep::All {
            // As they are now; a polite stop would change them.
            for broker in &self.cluster.brokers {
                drop(broker.kill());
            }
            self.save_disks();
        }
        if let Err(fault) = cluster::down(&self.cluster, self.keep) {
            note(format_args!("cluster {NAME} is not gone: {fault:#}"));
        }
    }
}
