//! The log alone: `cargo bench -p kq-storage`, which prints its figures as JSON lines.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::Run;
use super::report::{Goal, Row};
use crate::run::{capture, cargo};

/// Batches of 16 KiB, beside crc32c + write(2) of the same bytes. The bench itself takes the
/// median of five rounds.
pub(super) fn to_the_log(run: &mut Run<'_>) -> Result<Vec<Row>> {
    ensure!(run.subject.is_own(), "not measured on the other broker");
    let said = capture(&mut cargo(["bench", "--quiet", "-p", "kq-storage", "--bench", "append"]))?;
    let rows: Vec<Row> = said.lines().filter_map(row).collect();
    ensure!(!rows.is_empty(), "cargo bench printed no figures of append");
    Ok(rows)
}

/// `{"case":"append_16k..","floor_mb_per_cpu_s":..,"log_mb_per_cpu_s":..}`; other cases are told
/// without a goal.
fn row(line: &str) -> Option<Row> {
    let line: Value = serde_json::from_str(line).ok()?;
    let case = line.get("case")?.as_str()?;
    let field = |name: &str| line.get(name)?.as_f64();
    let judged = case == "append_16k_of_1k_records";
    let goal = if judged { Goal::TimesFloorAtLeast(0.7) } else { Goal::None };
    let value = field("log_mb_per_cpu_s")?;
    Some(Row::new(case, "MB/CPU s", value, goal).over(field("floor_mb_per_cpu_s")?))
}
