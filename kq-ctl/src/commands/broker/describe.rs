//! `kq-ctl broker describe ID..`

use kq_proto::admin::v1;

use crate::commands::shared::size_cell;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::{BROKER, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Broker ids
    #[arg(value_name = "ID", required = true, allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    ids: Vec<u32>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &BROKER
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::ListBrokersRequest { ids: args.ids.clone(), with_figures: true };
    let answer = cluster.list_brokers(request).await?;
    let found: Vec<u32> = answer.brokers.iter().map(|broker| broker.id).collect();
    let mut report = Report::new(&BROKER);
    let mut dirs = v1::LogDirsResponse::default();
    if !found.is_empty() {
        let request = v1::LogDirsRequest { brokers: found, with_replicas: false };
        dirs = cluster.log_dirs(request).await?;
    }
    let now = session.now_ms();
    report.extend(answer.brokers.iter().map(|broker| describe_row(broker, &dirs.dirs, now)));
    report.fail(answer.errors);
    report.fail(dirs.errors);
    Ok(report)
}

fn describe_row(broker: &v1::Broker, dirs: &[v1::LogDir], now_ms: i64) -> Row {
    let own = dirs.iter().filter(|dir| dir.broker == broker.id);
    let Row(mut fields) = super::figures(broker, now_ms);
    fields.push(("log_dirs", Cell::Rows(own.map(dir_row).collect())));
    Row(fields)
}

fn dir_row(dir: &v1::LogDir) -> Row {
    row! {
        path: &dir.path,
        online: dir.online,
        replica_count: dir.replica_count,
        used_bytes: Cell::Size(dir.used_bytes),
        free_bytes: size_cell(dir.free_bytes),
        total_bytes: size_cell(dir.total_bytes),
        error: Cell::text_or_null(dir.error.as_str()),
    }
}
