//! `kq-ctl topic describe NAME..`

use kq_proto::admin::v1;

use super::rows::describe_row;
use crate::cli::Select;
use crate::commands::shared::{by_name, named_topics, parse_id};
use crate::exit::Failure;
use crate::output::{Cell, Report};
use crate::schema::{Schema, TOPIC};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names of topics
    #[arg(value_name = "NAME", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
    /// By topic id instead of name
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    id: Vec<v1::TopicRef>,
    /// Only partitions
    #[arg(long)]
    partitions: bool,
    /// Also configuration; alone without partitions
    #[arg(long)]
    configs: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let mut topics = args.id.clone();
    if args.id.is_empty() || !args.names.is_empty() {
        let names = named_topics(&args.names, &args.select, cluster.as_ref()).await?;
        topics.extend(names.iter().map(|name| by_name(name)));
    }
    let request = v1::DescribeTopicsRequest { topics, with_configs: args.configs };
    let answer = cluster.describe_topics(request).await?;
    let mut report = Report::new(&TOPIC);
    for topic in &answer.topics {
        let mut row = describe_row(topic);
        if args.configs && !args.partitions {
            for (name, cell) in &mut row.0 {
                if *name == "partitions" && session.view.format.is_table() {
                    *cell = Cell::Rows(Vec::new());
                }
            }
        }
        report.push(row);
    }
    report.fail(answer.errors);
    Ok(report)
}
