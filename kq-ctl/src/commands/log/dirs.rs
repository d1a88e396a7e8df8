//! `kq-ctl log dirs --by broker|dir|topic`

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use crate::commands::shared::size_cell;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::{LOG_DIR_TOPICS, LOG_DIRS, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// One row for each broker
    Broker,
    /// One row for each directory
    Dir,
    /// One row for each topic on each broker
    Topic,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// How to sum them up
    #[arg(long, value_enum, value_name = "WHAT", default_value = "dir")]
    by: By,
    /// Only these brokers
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    broker: Vec<u32>,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.by == By::Topic { &LOG_DIR_TOPICS } else { &LOG_DIRS }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request =
        v1::LogDirsRequest { brokers: args.broker.clone(), with_replicas: args.by == By::Topic };
    let answer = cluster.log_dirs(request).await?;
    let mut report = Report::new(schema(args));
    match args.by {
        By::Dir => report.extend(answer.dirs.iter().map(dir_row)),
        By::Broker => report.extend(by_broker(&answer.dirs).iter().map(dir_row)),
        By::Topic => report.extend(by_topic(&answer.dirs)),
    }
    report.fail(answer.errors);
    report.sum("used_bytes", Cell::Size(answer.dirs.iter().map(|it| it.used_bytes).sum()));
    report.sum("offline_count", answer.dirs.iter().filter(|it| !it.online).count());
    Ok(report)
}

/// All directories of a broker as one; room that is not known in one is not known in all.
fn by_broker(dirs: &[v1::LogDir]) -> Vec<v1::LogDir> {
    let mut brokers: BTreeMap<u32, Vec<&v1::LogDir>> = BTreeMap::new();
    for dir in dirs {
        brokers.entry(dir.broker).or_default().push(dir);
    }
    let sum = |(broker, dirs): (u32, Vec<&v1::LogDir>)| v1::LogDir {
        broker,
        path: String::new(),
        online: dirs.iter().all(|it| it.online),
        error: dirs
            .iter()
            .map(|it| it.error.as_str())
            .find(|it| !it.is_empty())
            .unwrap_or("")
            .to_owned(),
        total_bytes: dirs.iter().map(|it| it.total_bytes).sum(),
        free_bytes: dirs.iter().map(|it| it.free_bytes).sum(),
        used_bytes: dirs.iter().map(|it| it.used_bytes).sum(),
        replica_count: dirs.iter().map(|it| it.replica_count).sum(),
        replicas: Vec::new(),
    };
    brokers.into_iter().map(sum).collect()
}

fn by_topic(dirs: &[v1::LogDir]) -> Vec<Row> {
    let mut sums: BTreeMap<(&str, u32), (u32, u64, u32)> = BTreeMap::new();
    for dir in dirs {
        for replica in &dir.replicas {
            let sum = sums.entry((&replica.topic, dir.broker)).or_default();
            sum.0 += 1;
            sum.1 += replica.size_bytes;
            sum.2 += replica.segment_count;
        }
    }
    sums.into_iter()
        .map(|((topic, broker), (replicas, bytes, segments))| {
            row! {
                topic: topic,
                broker: broker,
                replica_count: replicas,
                segment_count: segments,
                size_bytes: Cell::Size(bytes),
            }
        })
        .collect()
}

fn dir_row(dir: &v1::LogDir) -> Row {
    row! {
        broker: dir.broker,
        path: Cell::text_or_null(dir.path.as_str()),
        online: dir.online,
        replica_count: dir.replica_count,
        used_bytes: Cell::Size(dir.used_bytes),
        free_bytes: size_cell(dir.free_bytes),
        total_bytes: size_cell(dir.total_bytes),
        error: Cell::text_or_null(dir.error.as_str()),
    }
}
