//! `kq-ctl record count TOPIC.. --from SPEC --to SPEC`

use std::collections::BTreeMap;

use kq_proto::admin::v1;
use tokio_stream::StreamExt as _;

use crate::cluster::Cluster;
use crate::commands::topic::offsets::{back, query};
use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{RECORD_COUNT, Schema};
use crate::session::{Access, Session};
use crate::spec::Position;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Topics, or partitions of them as orders:0,3
    #[arg(value_name = "TOPIC[:P,P]", required = true, add = crate::complete::topics())]
    topics: Vec<String>,
    /// Where to begin: earliest, an offset, end-N, @TIME, @-2h
    #[arg(long, value_name = "SPEC", default_value = "earliest")]
    from: Position,
    /// Where to stop, exclusive
    #[arg(long, value_name = "SPEC", default_value = "latest")]
    to: Position,
    /// Read and count one by one; otherwise the distance of the offsets, which is more where records
    /// were compacted away or are transaction markers
    #[arg(long)]
    exact: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &RECORD_COUNT
}

/// Offsets by topic and partition.
type Bounds = BTreeMap<(String, u32), u64>;

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if let (Position::Offset(from), Position::Offset(to)) = (args.from, args.to)
        && to < from
    {
        return Err(Failure::usage(format!("--from {from} lies behind --to {to}"))
            .hint(format!("--from {to} --to {from}")));
    }
    let cluster = session.cluster(Access::Read).await?;
    let mut report = Report::new(&RECORD_COUNT);
    let (ends, failures) = bounds(args, Position::LATEST, cluster.as_ref(), session).await?;
    report.failures.extend(failures);
    let (starts, _) = bounds(args, Position::EARLIEST, cluster.as_ref(), session).await?;
    let (from, _) = bounds(args, args.from, cluster.as_ref(), session).await?;
    let (to, _) = bounds(args, args.to, cluster.as_ref(), session).await?;
    let mut spans = BTreeMap::new();
    for (key, end) in &ends {
        let start = starts.get(key).copied().unwrap_or(0);
        // A time after the last record has no offset: nothing is there.
        let from = from.get(key).copied().unwrap_or(*end).clamp(start, *end);
        let to = to.get(key).copied().unwrap_or(*end).clamp(from, *end);
        spans.insert(key.clone(), (from, to));
    }
    let counts =
        if args.exact { Some(read(&spans, cluster.as_ref(), session).await?) } else { None };
    let mut total = 0;
    for ((topic, partition), (from, to)) in &spans {
        let counted = counts
            .as_ref()
            .map(|counts| counts.get(&(topic.clone(), *partition)).copied().unwrap_or(0));
        let count = counted.unwrap_or(to - from);
        total += count;
        report.push(row! {
            topic: topic,
            partition: *partition,
            from_offset: *from,
            to_offset: *to,
            record_count: count,
            exact: args.exact,
        });
    }
    report.sum("record_count", total);
    if report.items.len() > 1 && session.view.format.is_table() {
        report.note(format!("{total} records"));
    }
    Ok(report)
}

async fn bounds(
    args: &Args,
    at: Position,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<(Bounds, Vec<Failure>), Failure> {
    if let Position::Offset(offset) = at {
        // The same everywhere; the caller knows the partitions and their ends.
        let (ends, failures) = Box::pin(bounds(args, Position::LATEST, cluster, session)).await?;
        return Ok((ends.into_keys().map(|key| (key, offset)).collect(), failures));
    }
    let queries = args.topics.iter().map(|name| query(name, at, session.now_ms()));
    let request = v1::ListOffsetsRequest { queries: queries.collect::<Result<_, _>>()? };
    let answer = cluster.list_offsets(request).await?;
    let found = answer
        .offsets
        .into_iter()
        .filter_map(|found| Some(((found.topic, found.partition), back(found.offset?, at))));
    Ok((found.collect(), answer.errors.into_iter().map(Failure::from).collect()))
}

async fn read(
    spans: &BTreeMap<(String, u32), (u64, u64)>,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<Bounds, Failure> {
    let position =
        |offset: u64| Some(v1::OffsetSpec { spec: Some(v1::offset_spec::Spec::Offset(offset)) });
    let partitions: Vec<v1::FetchPartition> = spans
        .iter()
        .filter(|(_, (from, to))| from < to)
        .map(|((topic, partition), (from, to))| v1::FetchPartition {
            topic: topic.clone(),
            partition: *partition,
            from: position(*from),
            until: position(*to),
        })
        .collect();
    let mut counts = Bounds::new();
    if partitions.is_empty() {
        return Ok(counts);
    }
    let expected = spans.values().map(|(from, to)| to - from).sum();
    let request =
        v1::FetchRequest { partitions, without_payload: true, ..v1::FetchRequest::default() };
    let mut answers = cluster.fetch(request).await?;
    let began = session.now_ms();
    let mut progress = session.progress("counting", Some(expected));
    let mut seen = 0;
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        if let Some(error) = answer.errors.into_iter().next() {
            return Err(error.into());
        }
        for record in answer.records {
            *counts.entry((record.topic, record.partition)).or_insert(0) += 1;
            seen += 1;
        }
        let words = format!("{seen} of at most {expected}");
        progress.at(session.elapsed(began), seen, &words, &mut session.out.borrow_mut());
    }
    Ok(counts)
}
