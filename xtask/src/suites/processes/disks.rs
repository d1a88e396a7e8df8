//! Brokers on disks that fill up or lose their power. Both need root and a file system of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{ACKED_BETWEEN, KILLS, mount_point, verify_logs};
use crate::cluster::{Guard, Plan};
use crate::output;
use crate::run::{capture, find};
use crate::suites::survivor::Survivor;
use crate::suites::{Kit, script};
use crate::tally::Verdict;

/// The file system that fills up.
const SMALL_BYTES: u64 = 48 << 20;

/// The file system that loses its power.
const IMAGE_BYTES: u64 = 512 << 20;

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
struct Mount {
    dir: PathBuf,
    image: Option<PathBuf>,
}

impl Mount {
    fn tmpfs(name: &str, bytes: u64) -> Result<Self> {
        let dir = mount_point(name)?;
        let size = format!("size={bytes}");
        capture(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&dir))?;
        Ok(Self { dir, image: None })
    }

    /// An ext4 of its own in a file, on a loop device.
    fn ext4(name: &str, bytes: u64) -> Result<Self> {
        let dir = mount_point(name)?;
        let image = dir.with_extension("img");
        fs::File::create(&image)
            .and_then(|file| file.set_len(bytes))
            .with_context(|| format!("cannot create {}", image.display()))?;
        capture(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mount = Self { dir, image: Some(image) };
        mount.attach()?;
        Ok(mount)
    }

    fn attach(&self) -> Result<()> {
        let image = self.image.as_deref().unwrap_or(Path::new("tmpfs"));
        capture(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&self.dir)).map(|_| ())
    }

    fn detach(&self) -> Result<()> {
        capture(Command::new("umount").arg(&self.dir)).map(|_| ())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(fault) = self.detach() {
            output::note(format_args!("{} stays mounted: {fault:#}", self.dir.display()));
        }
        if let Some(image) = &self.image {
            drop(fs::remove_file(image));
        }
    }
}

/// Why no file system can be mounted here.
fn cannot_mount(tools: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root to mount a file system".to_owned());
    }
    let missing = tools.iter().find(|tool| find(tool).is_none())?;
    Some(format!("{missing} is not installed"))
}

pub(super) fn full_disk(kit: &Kit) -> Result<Verdict> {
    if let Some(why) = cannot_mount(&["mount", "umount"]) {
        return Ok(Verdict::Skipped(why));
    }
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let mount = match Mount::tmpfs("full", SMALL_BYTES) {
        Ok(mount) => mount,
        Err(fault) => return Ok(Verdict::Skipped(format!("{fault:#}"))),
    };
    let mut plan = Plan::test("test-full")?;
    plan.data_dirs.insert(1, mount.dir.join("data"));
    let mut cluster = Guard::up(&plan, &kit.programs)?;
    let mut fill = Command::new(python);
    fill.arg(script("until_full.py")).args([&cluster.0.bootstrap, "filled"]);
    let said = capture(&mut fill)?;
    cluster.broker()?.page("/healthz").context("the broker did not live through it")?;
    drop(cluster);
    let last = said.lines().next_back().unwrap_or_default();
    Ok(Verdict::Passed(last.trim_start_matches("ok ").to_owned()))
}

pub(super) fn twenty_power_cuts(kit: &Kit) -> Result<Verdict> {
    if let Some(why) = cannot_mount(&["mount", "umount", "mkfs.ext4"]) {
        return Ok(Verdict::Skipped(why));
    }
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let mount = match Mount::ext4("power", IMAGE_BYTES) {
        Ok(mount) => mount,
        Err(fault) => return Ok(Verdict::Skipped(format!("{fault:#}"))),
    };
    let mut plan = Plan::test("test-power")?;
    plan.data_dirs.insert(1, mount.dir.join("data"));
    let mut cluster = Guard::up(&plan, &kit.programs)?;
    let bootstrap = cluster.0.bootstrap.clone();
    let mut producer = Survivor::start(python, &bootstrap, "unplugged", 4)?;
    for _ in 0..KILLS {
        producer.wait_acked(ACKED_BETWEEN)?;
        // Where the power goes, nothing runs on. Without this the broker could hear of a sync
        // that the kernel reports as done after it gave the journal up, and acknowledge it.
        cluster.broker()?.signal(Signal::STOP)?;
        capture(Command::new(python).arg(script("power_cut.py")).arg(&mount.dir))?;
        cluster.broker()?.kill()?;
        mount.detach()?;
        mount.attach()?;
        cluster.restart()?;
    }
    producer.wait_acked(ACKED_BETWEEN)?;
    let figures = producer.finish()?;
    let broker = cluster.broker()?;
    broker.stop(super::STOP_WITHIN)?;
    verify_logs(&kit.programs, &broker.data_dir)?;
    drop(cluster);
    Ok(Verdict::Passed(figures))
}
