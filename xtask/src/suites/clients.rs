//! Real Kafka clients and kq-ctl against real brokers, mostly one; each check is a script of
//! `tests/clients/` or `tests/ctl/`.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Check, Kit, script};
use crate::cluster::{Guard, Plan};
use crate::run::{root, shown, target};
use crate::tally::Verdict;

/// The exit status of a script that could not be tried here.
const SKIPPED: i32 = 77;

pub(super) const CHECKS: &[Check] = &[
    ("client kcat_round_trip", |kit| run(kit, "kcat_round_trip.py")),
    ("client confluent_round_trip", |kit| run(kit, "confluent_round_trip.py")),
    ("client confluent_admin", |kit| run(kit, "confluent_admin.py")),
    ("client confluent_groups", |kit| run(kit, "confluent_groups.py")),
    ("client kafka_python_round_trip", |kit| run(kit, "kafka_python_round_trip.py")),
    ("client java_round_trip", |kit| run(kit, "java_round_trip.py")),
    ("client kq_ctl_serves_a_script_over_100_topics", operator_script),
    ("client kq_ctl_is_refused_by_every_interlock", interlocks),
    ("client kq_ctl_resets_to_every_position", resets),
    ("client kq_ctl_moves_members_at_work", |kit| run(kit, "ctl_live_reset.py")),
    ("client kq_ctl_is_served_the_same_by_any_broker", any_broker),
    ("client franz_go_round_trip", |kit| run(kit, "franz_go_round_trip.py")),
];

/// A bash script that uses kq-ctl as an operator would.
fn operator_script(kit: &Kit) -> Result<Verdict> {
    let script = root().join("tests/ctl/hundred_topics.sh");
    let cluster = Guard::up(&Plan::test("test-ctl")?, &kit.programs)?;
    verdict(Command::new("bash").arg(script).arg(&kit.programs.ctl).arg(&cluster.0.bootstrap))
}

/// A bash script that runs into one interlock after the other; it kills broker 3 on the way.
fn interlocks(kit: &Kit) -> Result<Verdict> {
    let script = root().join("tests/ctl/interlocks.sh");
    let mut plan = Plan::of("test-interlocks", 3)?;
    plan.racks = ["a", "b", "b"].map(str::to_owned).to_vec();
    let cluster = Guard::up(&plan, &kit.programs)?;
    let third = cluster.0.broker(3)?.process().context("broker 3 does not run")?;
    let mut check = Command::new("bash");
    check.arg(script).arg(&kit.programs.ctl).arg(&cluster.0.bootstrap);
    verdict(check.arg(third.pid.to_string()))
}

/// Every position of `kq-ctl offset reset`, on a broker that compacts without delay.
fn resets(kit: &Kit) -> Result<Verdict> {
    let plan = Plan::test("test-resets")?.with("log.cleaner.backoff.ms", "100");
    run_on(kit, &plan, "ctl_resets.py")
}

/// What brokers pass on to one another, asked of each of three.
fn any_broker(kit: &Kit) -> Result<Verdict> {
    run_on(kit, &Plan::of("test-any-broker", 3)?, "ctl_any_broker.py")
}

/// A Python script of `tests/clients/`.
fn run(kit: &Kit, name: &str) -> Result<Verdict> {
    run_on(kit, &Plan::test("test-clients")?, name)
}

/// The same on a broker with settings of its own.
fn run_on(kit: &Kit, plan: &Plan, name: &str) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let cluster = Guard::up(plan, &kit.programs)?;
    let mut script_run = Command::new(python);
    script_run.arg(script(name)).arg(&cluster.0.bootstrap);
    script_run.env("TEST_CACHE_DIR", target()).env("KQ_CTL", &kit.programs.ctl);
    verdict(script_run.env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// Runs a check that is a program: its exit status says how it ended, its last line why.
fn verdict(check: &mut Command) -> Result<Verdict> {
    let ran = check.output().with_context(|| format!("cannot start {}", shown(check)))?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let last = said.lines().next_back().unwrap_or_default().to_owned();
    match ran.status.code() {
        Some(0) => Ok(Verdict::Passed(last)),
        Some(SKIPPED) => Ok(Verdict::Skipped(last)),
        _ => {
            let words = String::from_utf8_lossy(&ran.stderr);
            let lines: Vec<&str> = words.lines().collect();
            let end = lines.get(lines.len().saturating_sub(6)..).unwrap_or_default();
            bail!("{last}\n{}", end.join("\n"))
        }
    }
}
