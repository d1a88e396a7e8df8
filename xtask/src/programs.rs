//! Building the programs that the chores start.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::run::{cargo, root, shown, target};

/// How optimised the programs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build, assertions of arithmetic on.
    Debug,
    /// The same, built together with all tests: who needs both builds most crates once.
    Tested,
    /// As operators run it.
    Release,
}

/// The built programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) broker: PathBuf,
    pub(crate) ctl: PathBuf,
    pub(crate) tui: PathBuf,
}

/// Names a folder in which the programs are built already.
pub(crate) const BUILT: &str = "KQ_PROGRAMS";

/// Builds them, showing how far it is; always the whole workspace, since another selection of
/// crates would select other features and build them all again.
pub(crate) fn programs(profile: Profile) -> Result<Programs> {
    if let Some(dir) = std::env::var_os(BUILT) {
        return found(&root().join(dir));
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} building {msg} [{elapsed}]")?);
    bar.enable_steady_tick(Duration::from_millis(100));
    let built = build(profile, &bar);
    bar.finish_and_clear();
    built?;
    found(&target().join(match profile {
        Profile::Debug | Profile::Tested => "debug",
        Profile::Release => "release",
    }))
}

fn found(dir: &Path) -> Result<Programs> {
    let [broker, ctl, tui] = ["kq-broker", "kq-ctl", "kq-tui"].map(|name| dir.join(name));
    let programs = Programs { broker, ctl, tui };
    for program in [&programs.broker, &programs.ctl, &programs.tui] {
        ensure!(program.is_file(), "there is no {}", program.display());
    }
    Ok(programs)
}

fn build(profile: Profile, bar: &ProgressBar) -> Result<()> {
    let mut command = cargo(["build", "--workspace", "--bins", "--quiet"]);
    command.arg("--message-format=json-render-diagnostics");
    command.args(match profile {
        Profile::Debug => None,
        Profile::Tested => Some("--tests"),
        Profile::Release => Some("--release"),
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(&command)))?;
    let stderr = child.stderr.take().context("cargo without stderr")?;
    let words = std::thread::spawn(move || {
        let mut text = String::new();
        BufReader::new(stderr).read_to_string(&mut text).map(|_| text)
    });
    let stdout = child.stdout.take().context("cargo without stdout")?;
    let mut crates = 0;
    for line in BufReader::new(stdout).lines() {
        if let Some(name) = fresh_artifact(&line?) {
            crates += 1;
            bar.set_message(format!("{crates} crates, last {name}"));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        let words = words.join().ok().and_then(Result::ok).unwrap_or_default();
        bail!("{} ended with {status}:\n{words}", shown(&command));
    }
    Ok(())
}

/// The crate of a message that says that one is ready.
fn fresh_artifact(line: &str) -> Option<String> {
    let message: Value = serde_json::from_str(line).ok()?;
    let artifact = message.get("reason")?.as_str()? == "compiler-artifact";
    let name = message.get("target")?.get("name")?.as_str()?;
    artifact.then(|| name.to_owned())
}
