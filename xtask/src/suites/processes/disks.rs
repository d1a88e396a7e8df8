//! Brokers on disks that fill up or lose their power. Both need root and a file system of their own.

use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::{ACKED_BETWEEN, KILLS, verify_logs};
use crate::cluster::{Guard, Plan};
use crate::mounts::{Mount, cannot_mount};
use crate::run::capture;
use crate::suites::survivor::Survivor;
use crate::suites::{Kit, script};
use crate::tally::Verdict;

/// The file system that fills up.
const SMALL_BYTES: u64 = 48 << 20;

/// The file system that loses its power.
const IMAGE_BYTES: u64 = 512 << 20;

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
        cluster.broker()?.signal(Signal::STOP)?;
        mount.cut_power(python)?;
        cluster.broker()?.kill()?;
        mount.remount()?;
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
