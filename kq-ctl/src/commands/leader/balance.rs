//! `kq-ctl leader balance --max-moves N --per-minute N`

use std::time::Duration;

use kq_proto::admin::v1;

use super::elect::{count_changed, elect};
use crate::cli;
use crate::commands::place::list_partitions;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_ELECTION, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Move at most N leaders
    #[arg(long, value_name = "N", value_parser = cli::items, allow_negative_numbers = true)]
    max_moves: Option<u64>,
    /// Move at most N leaders a minute; as fast as they hand over unless given
    #[arg(long, value_name = "N", value_parser = cli::items, allow_negative_numbers = true)]
    per_minute: Option<u64>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_ELECTION
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let request = v1::ListPartitionsRequest {
        include_internal: true,
        only_not_preferred: true,
        ..v1::ListPartitionsRequest::default()
    };
    let rows = list_partitions(cluster.as_ref(), request).await?.partitions;
    let mut moves = movable(&rows);
    let waiting = rows.len() - moves.len();
    moves.truncate(args.max_moves.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX));
    let mut report = Report::new(&LEADER_ELECTION);
    if waiting > 0 {
        report.note(format!("{waiting} more have a preferred leader that is not in sync yet"));
    }
    let request = v1::ElectLeadersRequest {
        r#type: v1::ElectionType::Preferred.into(),
        intent: Some(args.change.intent()),
        ..v1::ElectLeadersRequest::default()
    };
    let (at_a_time, pause) = pace(args.per_minute.filter(|_| !args.change.dry_run));
    for (nth, some) in moves.chunks(at_a_time).enumerate() {
        if nth > 0 {
            session.on_interrupt("kq-ctl leader balance goes on where this stopped");
            tokio::time::sleep(pause).await;
        }
        let failed = report.failures.len();
        elect(&request, some, cluster.as_ref(), session, &mut report).await;
        if failed < report.failures.len() {
            break;
        }
    }
    report.summary.retain(|(name, _)| *name != "elected_count");
    let changed = count_changed(&report);
    report.sum("elected_count", changed);
    args.change.conclude(&mut report, changed);
    if moves.is_empty() && session.view.format.is_table() {
        report.note("nothing to move: every preferred leader that is in sync leads");
    }
    Ok(report)
}

/// Those whose preferred leader could take over now.
fn movable(rows: &[v1::PartitionRow]) -> Vec<v1::PartitionRef> {
    let fits = |row: &v1::PartitionRow| {
        let it = row.partition.as_ref()?;
        let preferred = it.preferred_leader?;
        (it.leader.is_some() && it.isr.contains(&preferred))
            .then(|| v1::PartitionRef { topic: row.topic.clone(), partition: it.index })
    };
    rows.iter().filter_map(fits).collect()
}

/// How many at a time, and how long between.
fn pace(per_minute: Option<u64>) -> (usize, Duration) {
    const STEPS_PER_MINUTE: u64 = 12;
    let Some(rate) = per_minute else { return (usize::MAX, Duration::ZERO) };
    let at_a_time = rate.div_ceil(STEPS_PER_MINUTE).max(1);
    let pause_ms = at_a_time.saturating_mul(60_000) / rate.max(1);
    (usize::try_from(at_a_time).unwrap_or(usize::MAX), Duration::from_millis(pause_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_keeps_the_rate_whatever_it_is() {
        assert_eq!(pace(None), (usize::MAX, Duration::ZERO));
        assert_eq!(pace(Some(1)), (1, Duration::from_mins(1)));
        assert_eq!(pace(Some(60)), (5, Duration::from_secs(5)));
        assert_eq!(pace(Some(600)), (50, Duration::from_secs(5)));
    }
}
