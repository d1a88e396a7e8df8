//! `cargo xtask bench`. The load generator takes minutes to build, so it is a feature of xtask,
//! and the chore calls itself again with it, optimised.

use anyhow::Result;

use crate::cli::BenchArgs;

#[cfg(feature = "bench")]
pub(crate) fn run(args: &BenchArgs) -> Result<bool> {
    crate::bench::run(args)
}

#[cfg(not(feature = "bench"))]
pub(crate) fn run(args: &BenchArgs) -> Result<bool> {
    use crate::run::{cargo, finish};

    let mut again = cargo(["run", "--quiet", "--release", "--package", "xtask"]);
    again.args(["--features", "bench", "--", "bench"]);
    for line in &args.only {
        again.args(["--only", line]);
    }
    if let Some(other) = &args.against {
        again.args(["--against", other]);
    }
    for (given, flag) in [(args.json, "--json"), (args.quick, "--quick")] {
        if given {
            again.arg(flag);
        }
    }
    Ok(finish(&mut again)?.success())
}
