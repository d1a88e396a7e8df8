//! Running other programs: where they live, how they are started, what they said.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::output;

/// The top of the checkout.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Where cargo builds to, and where xtask keeps its clusters and environments.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A cargo call of the same toolchain, in the checkout.
pub(crate) fn cargo<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// A call of `cargo test`. Cargo chooses the features of a crate by all that is built beside it, so
/// it is always the whole workspace that is selected: any other part has half of all crates built
/// anew. What is to run is told by its kind, as with `--lib`, and by its name.
pub(crate) fn cargo_test<I: AsRef<OsStr>>(args: impl IntoIterator<Item = I>) -> Command {
    let mut command = cargo(["test", "--workspace"]);
    command.args(args);
    command
}

/// How a command reads in a message.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Runs to the end with our own stdout and stderr.
pub(crate) fn finish(command: &mut Command) -> Result<ExitStatus> {
    output::note(format_args!("$ {}", shown(command)));
    command.status().with_context(|| format!("cannot start {}", shown(command)))
}

/// Runs to the end, prints its stdout as it comes and hands each line to `seen`.
pub(crate) fn tee(command: &mut Command, mut seen: impl FnMut(&str)) -> Result<ExitStatus> {
    output::note(format_args!("$ {}", shown(command)));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.with_context(|| format!("cannot read from {}", shown(command)))?;
            let line = String::from_utf8_lossy(&line);
            output::say(&line);
            seen(&line);
        }
    }
    Ok(child.wait()?)
}

/// Runs to the end and gives its stdout; an unhappy end is an error with its stderr.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let ran = command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !ran.status.success() {
        let words = String::from_utf8_lossy(&ran.stderr);
        bail!("{} ended with {}: {}", shown(command), ran.status, words.trim());
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// The program of that name in PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}
