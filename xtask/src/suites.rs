//! `cargo xtask test`: every kind of test, one closing line.

use anyhow::Result;

use crate::cli::{Part, TestArgs};
use crate::run::{cargo, tee};
use crate::tally::{Counts, Tally};

/// All parts, or those asked for; whether all passed.
pub(crate) fn run(args: &TestArgs) -> Result<bool> {
    let mut tally = Tally::default();
    run_all(args, &mut tally)?;
    Ok(tally.close())
}

/// The same into a tally that goes on.
pub(crate) fn run_all(args: &TestArgs, tally: &mut Tally) -> Result<()> {
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    if wanted(Part::Rust) {
        rust(tally)?;
    }
    Ok(())
}

/// Unit, doc and crash tests: whatever `cargo test` finds.
fn rust(tally: &mut Tally) -> Result<()> {
    let mut counts = Counts::default();
    let status = tee(&mut cargo(["test", "--workspace", "--no-fail-fast"]), |line| {
        counts.take_line(line);
    })?;
    tally.add(counts);
    if !status.success() && counts.failed == 0 {
        tally.fail("cargo test", &format!("ended with {status} and no failed test: see above"));
    }
    Ok(())
}
