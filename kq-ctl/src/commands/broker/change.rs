//! What several verbs share that change brokers: ids, and what became of each.

use kq_proto::admin::v1;

use crate::cli;
use crate::output::{Report, row};
use crate::schema::BROKER_CHANGE;

/// Brokers by their ids.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Ids {
    /// Broker ids
    #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    pub(super) ids: Vec<u32>,
}

/// As in a sentence: `brokers 1, 2`.
pub(super) fn words(ids: &[u32]) -> String {
    let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let noun = if ids.len() == 1 { "broker" } else { "brokers" };
    format!("{noun} {}", list.join(", "))
}

/// What became of each broker.
pub(super) fn report(
    brokers: &[v1::BrokerChange],
    errors: Vec<v1::ItemError>,
    (change, done): (&cli::Change, &str),
) -> Report {
    let mut report = Report::new(&BROKER_CHANGE);
    for it in brokers {
        let status = if it.changed { change.status(done) } else { "unchanged".to_owned() };
        report.push(row! { broker: it.broker, status: status });
    }
    report.fail(errors);
    change.conclude(&mut report, brokers.iter().filter(|it| it.changed).count());
    report
}
