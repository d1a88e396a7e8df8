//! `cargo xtask bench`: what kq costs, each line beside the raw operation it is made of.
//!
//! A floor is measured in the same run as its line, so that the machine cancels out. The load
//! comes from librdkafka; the cost is the processor time of the broker's process.

mod append;
mod consume;
mod floors;
mod groups;
mod idle;
mod latency;
mod load;
mod monitor;
mod produce;
mod raw;
mod reassignment;
mod replicated;
mod report;
mod subject;

use anyhow::{Context, Result};

use self::report::{Report, Row};
use self::subject::Subject;
use crate::cli::BenchArgs;
use crate::output::note;
use crate::programs::{Profile, programs};

/// How often each line is measured; the median counts.
const ROUNDS: usize = 5;

/// What a line needs in order to be measured.
pub(crate) struct Run<'a> {
    /// The broker under test.
    subject: &'a mut Subject,
    rounds: usize,
    quick: bool,
}

impl Run<'_> {
    /// Measures one figure in every round.
    fn rounds<T>(&mut self, mut measure: impl FnMut(&mut Subject) -> Result<T>) -> Result<Vec<T>> {
        (0..self.rounds).map(|_| measure(self.subject)).collect()
    }

    /// Bytes or records of a load, an eighth of them when it must be quick.
    fn amount(&self, full: u64) -> u64 {
        if self.quick { full / 8 } else { full }
    }
}

/// A line of the table: the names of its rows begin with it.
type Line = (&'static str, fn(&mut Run<'_>) -> Result<Vec<Row>>);

/// All lines, the quick ones first.
const LINES: &[Line] = &[
    ("produce", produce::kibibyte_records),
    ("small", produce::small_records),
    ("lz4", produce::lz4_records),
    ("single", produce::single_records),
    ("consume", consume::from_page_cache),
    ("acks", latency::acks_all),
    ("steady", latency::steady),
    ("append", append::to_the_log),
    ("start", idle::start_and_rest),
    ("partitions", idle::partitions),
    ("connections", idle::connections),
    ("heartbeats", groups::heartbeats),
    ("commits", groups::commits),
    ("rebalance", groups::rebalance),
    ("replicated", replicated::kibibyte_records),
    ("replicated-acks", replicated::acks_all),
    ("failover", replicated::failover),
    ("coordinator", groups::failover),
    ("reassignment", reassignment::unthrottled),
    ("reassignment-throttled", reassignment::throttled),
    ("frames", monitor::frames),
    ("watching", monitor::watching),
    ("monitor", monitor::cluster),
];

pub(crate) fn run(args: &BenchArgs) -> Result<bool> {
    let rounds = if args.quick { 1 } else { ROUNDS };
    let unknown = args.only.iter().find(|name| LINES.iter().all(|(line, _)| line != name));
    if let Some(name) = unknown {
        let lines: Vec<&str> = LINES.iter().map(|(line, _)| *line).collect();
        anyhow::bail!("no line named {name}; there is {}", lines.join(", "));
    }
    let programs = programs(Profile::Release)?;
    let mut report = Report::new(args.json);
    for (name, line) in LINES {
        if !args.only.is_empty() && !args.only.iter().any(|it| it == name) {
            continue;
        }
        note(format_args!("measuring {name}"));
        // What earlier loads left unwritten would be in the way of whoever comes next.
        rustix::fs::sync();
        let mut subject = Subject::own(&programs)?;
        let mut run = Run { subject: &mut subject, rounds, quick: args.quick };
        let mut rows = line(&mut run).with_context(|| format!("line {name}"))?;
        drop(subject);
        if let Some(other) = &args.against {
            rustix::fs::sync();
            let mut subject = Subject::foreign(other)?;
            let mut run = Run { subject: &mut subject, rounds, quick: args.quick };
            match line(&mut run) {
                Ok(theirs) => report::compare(&mut rows, &theirs),
                Err(fault) => note(format_args!("the other broker, line {name}: {fault:#}")),
            }
        }
        for row in rows {
            report.row(row);
        }
    }
    Ok(report.close())
}
