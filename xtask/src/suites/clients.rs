//! Real Kafka clients against one real broker; each check is a script of `tests/clients/`.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Check, Kit, script};
use crate::cluster::{Guard, Plan};
use crate::run::target;
use crate::tally::Verdict;

/// The exit status of a script that could not be tried here.
const SKIPPED: i32 = 77;

pub(super) const CHECKS: &[Check] = &[
    ("client kcat_round_trip", |kit| run(kit, "kcat_round_trip.py")),
    ("client confluent_round_trip", |kit| run(kit, "confluent_round_trip.py")),
    ("client confluent_admin", |kit| run(kit, "confluent_admin.py")),
    ("client kafka_python_round_trip", |kit| run(kit, "kafka_python_round_trip.py")),
    ("client java_round_trip", |kit| run(kit, "java_round_trip.py")),
    ("client franz_go_round_trip", |kit| run(kit, "franz_go_round_trip.py")),
];

fn run(kit: &Kit, name: &str) -> Result<Verdict> {
    let python = match &kit.python {
        Ok(python) => python,
        Err(why) => return Ok(Verdict::Skipped(why.clone())),
    };
    let cluster = Guard::up(&Plan::test("test-clients")?, &kit.programs)?;
    let ran = Command::new(python)
        .arg(script(name))
        .arg(&cluster.0.bootstrap)
        .env("TEST_CACHE_DIR", target())
        .output()
        .with_context(|| format!("cannot start {}", python.display()))?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let last = said.lines().next_back().unwrap_or_default().to_owned();
    match ran.status.code() {
        Some(0) => Ok(Verdict::Passed(last)),
        Some(SKIPPED) => Ok(Verdict::Skipped(last)),
        _ => {
            let words = String::from_utf8_lossy(&ran.stderr);
            let end = words.lines().rev().take(6).collect::<Vec<_>>();
            let end: Vec<&str> = end.into_iter().rev().collect();
            bail!("{last}\n{}", end.join("\n"))
        }
    }
}
