//! `kq-ctl offset export GROUP.. > FILE`

use std::fmt::Write as _;

use super::get::read;
use super::scope::Topics;
use crate::commands::group::named::Named;
use crate::exit::Failure;
use crate::output::{Cell, Format, Report, Row, View, render};
use crate::schema::{OFFSETS, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    #[command(flatten)]
    topics: Topics,
    /// Lines as Kafka's --from-file reads them: topic,partition,offset; with several groups the
    /// group first
    #[arg(long)]
    csv: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &OFFSETS
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if args.csv && !session.view.format.is_table() {
        return Err(Failure::usage("--csv is a format of its own").hint("leave -o out"));
    }
    let cluster = session.cluster(Access::Read).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let scope = args.topics.wire();
    let now_ms = session.now_ms();
    let (mut report, mut logs) = read(&groups, (&scope, None), cluster.as_ref(), now_ms).await?;
    // How far a log goes is not exported; that there is none is said.
    logs.retain(|it| it.code == "kafka.UNKNOWN_TOPIC_OR_PARTITION");
    report.fail(logs);
    // Where nothing is committed there is nothing to bring back.
    report.items.retain(|row| row.get("committed").is_some_and(|it| *it != Cell::Null));
    if !report.failures.is_empty() {
        // Half an export would be taken for a whole one.
        report.items.clear();
        return Ok(report);
    }
    if args.csv {
        report.plain = Some(csv(&report.items, "committed", groups.len() > 1));
    } else if session.view.format.is_table() && !session.out.borrow().stdout_tty {
        let mut whole = Report::new(&OFFSETS);
        whole.items.clone_from(&report.items);
        let view = View::plain(Format::Json);
        report.plain = Some(render(whole, &view, &session.envelope()).stdout);
    }
    Ok(report)
}

/// One line of Kafka's CSV for each row that has an offset in that column.
pub(super) fn csv(rows: &[Row], column: &str, with_group: bool) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|it| it.get(column).is_some_and(|it| *it != Cell::Null)) {
        let field = |name: &str| row.get(name).map(Cell::raw).unwrap_or_default();
        let group =
            if with_group { format!("{},", quoted(&field("group"))) } else { String::new() };
        let topic = quoted(&field("topic"));
        let _ = writeln!(text, "{group}{topic},{},{}", field("partition"), field(column));
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}
