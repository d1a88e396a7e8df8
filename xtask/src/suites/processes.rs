//! Real broker processes under what happens to processes: signals, kills, full disks, power cuts.

mod disks;
mod eyes;
mod lag;
mod lines;
mod story;
mod watch;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::survivor::Survivor;
use super::{Check, Kit};
use crate::chores::chaos::{build, command};
use crate::cli::{ChaosArgs, Scenario};
use crate::clock::{self, poll_until};
use crate::cluster::{Guard, Plan, Stopped};
use crate::programs::{BUILT, Programs};
use crate::run::capture;
use crate::tally::Verdict;

/// How often the broker is killed under one producer.
const KILLS: u32 = 20;

/// Acknowledged records between two faults; small enough to kill in the midst of work.
const ACKED_BETWEEN: u64 = 500;

/// A stop with nothing to wait for ends within this.
const STOP_WITHIN: Duration = Duration::from_secs(10);

pub(super) const CHECKS: &[Check] = &[
    ("process sigterm_under_load_ends_cleanly", sigterm_under_load),
    ("process twenty_kills_lose_and_double_nothing", twenty_kills),
    ("process a_second_broker_on_a_directory_is_refused", second_broker),
    ("process a_foreign_cluster_id_is_refused", foreign_cluster),
    ("process twenty_power_cuts_lose_nothing_acknowledged", disks::twenty_power_cuts),
    ("process a_story_is_told_the_same_after_restarts", story::told_after_restarts),
    ("process an_outage_is_shown_now_and_as_it_was", watch::outage),
    ("process three_brokers_keep_every_promise_in_chaos", |kit| chaos(kit, None, 0.6)),
    ("process plans_outlive_their_controller_and_are_undone", |kit| {
        chaos(kit, Some(Scenario::Plans), 0.1)
    }),
    ("process rolling_restarts_cost_no_record", |kit| chaos(kit, Some(Scenario::Rolling), 0.1)),
    ("process a_group_outlives_its_coordinators", |kit| chaos(kit, Some(Scenario::Groups), 0.1)),
];

/// Those that need nobody's time, one after another beside the others: a build that others want later,
/// and what waits most of the time.
pub(super) const QUIET: &[Check] = &[
    ("process the_clients_of_chaos_build", build_clients),
    ("process a_full_disk_refuses_writes_and_serves_reads", disks::full_disk),
    ("process lines_of_kq_ctl_do_what_kq_tui_shows", lines::lines),
    ("process twenty_groups_are_told_apart_by_their_commits", lag::twenty_groups),
];

/// Reads every batch of a stopped broker and checks it, offline.
fn verify_logs(programs: &Programs, data_dir: &Path) -> Result<()> {
    let mut verify = Command::new(&programs.ctl);
    verify.args(["log", "verify"]).arg(data_dir.join("logs")).stdin(Stdio::null());
    capture(&mut verify).map(|_| ())
}

fn sigterm_under_load(kit: &Kit) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let mut cluster = Guard::up(&Plan::test("test-sigterm")?, &kit.programs)?;
    let mut producer = Survivor::start(python, &cluster.0.bootstrap, "stopped", 3)?;
    for _ in 0..3 {
        producer.wait_acked(ACKED_BETWEEN)?;
        let end = cluster.broker()?.stop(STOP_WITHIN)?;
        ensure!(end == Stopped::Itself, "SIGTERM did not end the broker within {STOP_WITHIN:?}");
        cluster.restart()?;
    }
    producer.wait_acked(ACKED_BETWEEN)?;
    let figures = producer.finish()?;
    let broker = cluster.broker()?;
    broker.stop(STOP_WITHIN)?;
    verify_logs(&kit.programs, &broker.data_dir)?;
    Ok(Verdict::Passed(figures))
}

fn twenty_kills(kit: &Kit) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let mut cluster = Guard::up(&Plan::test("test-kills")?, &kit.programs)?;
    let mut producer = Survivor::start(python, &cluster.0.bootstrap, "killed", 4)?;
    let mut slowest = Duration::ZERO;
    for _ in 0..KILLS {
        producer.wait_acked(ACKED_BETWEEN)?;
        cluster.broker()?.kill()?;
        let start = clock::now();
        cluster.restart()?;
        slowest = slowest.max(start.elapsed());
    }
    producer.wait_acked(ACKED_BETWEEN)?;
    let figures = producer.finish()?;
    let broker = cluster.broker()?;
    broker.stop(STOP_WITHIN)?;
    verify_logs(&kit.programs, &broker.data_dir)?;
    Ok(Verdict::Passed(format!("{figures}; slowest start {} ms", slowest.as_millis())))
}

fn second_broker(kit: &Kit) -> Result<Verdict> {
    let mut cluster = Guard::up(&Plan::test("test-lock")?, &kit.programs)?;
    let data_dir = cluster.broker()?.data_dir.clone();
    let words = refused_start(kit, &data_dir, &[])?;
    let named = words.contains(&data_dir.display().to_string());
    ensure!(named, "the refusal does not name the directory: {words}");
    cluster.broker()?.page("/readyz").context("the first broker suffered")?;
    Ok(Verdict::Passed(String::new()))
}

fn foreign_cluster(kit: &Kit) -> Result<Verdict> {
    let mut cluster = Guard::up(&Plan::test("test-foreign")?, &kit.programs)?;
    let broker = cluster.broker()?;
    let data_dir = broker.data_dir.clone();
    broker.stop(STOP_WITHIN)?;
    let words = refused_start(kit, &data_dir, &["--cluster-id", "AAAAAAAAAAAAAAAAAAAAAA"])?;
    ensure!(words.contains("AAAAAAAAAAAAAAAAAAAAAA"), "the refusal does not name the id: {words}");
    cluster.restart()?;
    Ok(Verdict::Passed(String::new()))
}

/// Starts a broker on a directory where it must not start; what it says on its way out.
fn refused_start(kit: &Kit, data_dir: &Path, flags: &[&str]) -> Result<String> {
    let mut child = Command::new(&kit.programs.broker)
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the broker")?;
    let ended = poll_until(STOP_WITHIN, || child.try_wait().ok().flatten());
    if ended.is_none() {
        child.kill()?;
    }
    let output = child.wait_with_output()?;
    let status = ended.context("it runs, where it must not")?;
    ensure!(!status.success(), "it ended with {status}, as if all were well");
    let words = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&words).into_owned())
}

/// A short run of `cargo xtask chaos`; a longer one draws more of what may happen, and an optimised
/// one judges times.
fn build_clients(_: &Kit) -> Result<Verdict> {
    capture(&mut build()).map(|_| Verdict::Passed(String::new()))
}

fn chaos(kit: &Kit, scenario: Option<Scenario>, minutes: f64) -> Result<Verdict> {
    let args = ChaosArgs {
        minutes,
        scenario,
        seed: Some(1),
        brokers: 3,
        cut: Duration::ZERO,
        no_power_cuts: false,
        set: Vec::new(),
        release: false,
    };
    let dir = kit.programs.broker.parent().context("a broker in no folder")?;
    let ran = command(&args).env(BUILT, dir).output().context("cannot start chaos")?;
    let said = String::from_utf8_lossy(&ran.stdout);
    if ran.status.success() {
        return Ok(Verdict::Passed(said.trim().to_owned()));
    }
    let words = String::from_utf8_lossy(&ran.stderr);
    let lines: Vec<&str> = words.lines().collect();
    let end = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
    bail!("{}\n{}", said.trim(), end.join("\n"))
}
