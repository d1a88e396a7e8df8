//! `kq-ctl topic offsets NAME.. --at SPEC`

use kq_proto::admin::v1;

use crate::cli::Select;
use crate::commands::shared::{named_topics, time_cell};
use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{Schema, TOPIC_OFFSETS};
use crate::session::{Access, Session};
use crate::spec::{Position, topic_partitions};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Topics, or partitions of them as orders:0,3
    #[arg(value_name = "NAME[:P,P]", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
    /// earliest, latest, end-N, max-timestamp, last-stable, log-end, @TIME, @-2h
    #[arg(long, value_name = "SPEC", default_value = "latest")]
    at: Position,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_OFFSETS
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let names = named_topics(&args.names, &args.select, cluster.as_ref()).await?;
    let queries = names.iter().map(|name| query(name, args.at, session.now_ms()));
    let request = v1::ListOffsetsRequest { queries: queries.collect::<Result<_, _>>()? };
    let answer = cluster.list_offsets(request).await?;
    let mut report = Report::new(&TOPIC_OFFSETS);
    report.extend(answer.offsets.iter().map(|found| {
        row! {
            topic: &found.topic,
            partition: found.partition,
            offset: found.offset.map(|offset| back(offset, args.at)),
            timestamp: time_cell(found.timestamp_ms),
            leader_epoch: found.leader_epoch,
        }
    }));
    report.fail(answer.errors);
    Ok(report)
}

/// A question to the partitions of a topic, named as `orders` or `orders:0,3`.
pub(crate) fn query(name: &str, at: Position, now_ms: i64) -> Result<v1::OffsetQuery, Failure> {
    let (topic, partitions) = topic_partitions(name)?;
    Ok(v1::OffsetQuery { topic, partitions, at: Some(at.wire(now_ms)) })
}

/// `end-N` is counted back from the end that the cluster told.
pub(crate) fn back(offset: u64, at: Position) -> u64 {
    match at {
        Position::BeforeEnd(n) => offset.saturating_sub(n),
        Position::Named(_) | Position::Offset(_) | Position::At(_) | Position::Ago(_) => offset,
    }
}
