//! Python environments of our own, under the build folder, made once per list of requirements.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{capture, find, target};

/// The Python of an environment that has what `requirements` lists, or why there is none.
pub(crate) fn python(requirements: &Path) -> Result<Result<PathBuf, String>> {
    let Some(system) = find("python3") else {
        return Ok(Err("python3 is not installed".to_owned()));
    };
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let dir = target().join("venvs").join(format!("{:016x}", fingerprint(wanted.as_bytes())));
    let python = dir.join("bin/python");
    let complete = dir.join("complete");
    if complete.exists() {
        return Ok(Ok(python));
    }
    // Built under a name of its own, so that one that broke off is never taken for whole.
    drop(fs::remove_dir_all(&dir));
    if let Err(fault) = capture(Command::new(system).args(["-m", "venv"]).arg(&dir)) {
        return Ok(Err(format!("cannot make a Python environment: {fault:#}")));
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    if let Err(fault) = capture(install.arg(requirements)) {
        return Ok(Err(format!("cannot install {}: {fault:#}", requirements.display())));
    }
    fs::write(&complete, wanted)?;
    Ok(Ok(python))
}

/// FNV-1a: tells lists of requirements apart, no more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
