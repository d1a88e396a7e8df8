//! The log alone: `cargo bench -p kq-storage`, which prints its figures as JSON lines.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Run;
use super::report::{Goal, Row, median};
use crate::run::{capture, cargo};

/// GB a second appended, beside crc32c + write(2) of the same bytes.
pub(super) fn to_the_log(run: &mut Run<'_>) -> Result<Vec<Row>> {
    ensure!(run.subject.is_own(), "not measured on the other broker");
    let (mut values, mut floors) = (Vec::new(), Vec::new());
    for (value, floor) in run.rounds(|_| {
        let said =
            capture(&mut cargo(["bench", "--quiet", "-p", "kq-storage", "--bench", "append"]))?;
        said.lines().find_map(figures).context("cargo bench printed no figures of append")
    })? {
        values.push(value);
        floors.push(floor);
    }
    let goal = Goal::TimesFloorAtLeast(0.7);
    let row = Row::new("append 16 KiB batches, no fsync", "GB/s", median(values), goal);
    Ok(vec![row.over(median(floors))])
}

/// `{"bench":"append","gb_per_second":..,"floor_gb_per_second":..}`.
fn figures(line: &str) -> Option<(f64, f64)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| line.get(name)?.as_f64();
    Some((field("gb_per_second")?, field("floor_gb_per_second")?))
}
