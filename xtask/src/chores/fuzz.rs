//! `cargo xtask fuzz`: every fuzz target for a bounded time.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cli::FuzzArgs;
use crate::run::{find, finish, root};
use crate::tally::{Tally, Verdict};

/// Memory at which a target counts as one that follows claimed lengths.
const RSS_MIB_MAX: u32 = 512;

/// The part of `fuzz/Cargo.toml` that names targets.
#[derive(Debug, Deserialize)]
struct Manifest {
    bin: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

pub(crate) fn run(args: &FuzzArgs) -> Result<bool> {
    ensure!(
        find("cargo-fuzz").is_some(),
        "cargo-fuzz is not installed; `cargo install cargo-fuzz` brings it"
    );
    let path = root().join("fuzz/Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let manifest: Manifest = toml::from_str(&text).context("fuzz/Cargo.toml names no targets")?;
    let mut tally = Tally::default();
    for target in manifest.bin {
        if args.target.as_ref().is_some_and(|wanted| *wanted != target.name) {
            continue;
        }
        tally.check(&format!("fuzz {}", target.name), || {
            // Not the pinned toolchain's cargo: only the proxy in PATH understands `+nightly`.
            let mut fuzz = Command::new("cargo");
            fuzz.args(["+nightly", "fuzz", "run", &target.name, "--"]).current_dir(root());
            fuzz.arg(format!("-max_total_time={}", args.length.as_secs()));
            fuzz.arg(format!("-rss_limit_mb={RSS_MIB_MAX}"));
            let status = finish(fuzz.env_remove("RUSTUP_TOOLCHAIN"))?;
            ensure!(status.success(), "ended with {status}");
            Ok(Verdict::Passed(String::new()))
        });
    }
    Ok(tally.close())
}
