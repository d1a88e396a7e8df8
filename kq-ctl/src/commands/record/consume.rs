//! `kq-ctl record consume TOPIC..`

use std::rc::Rc;

use kq_proto::admin::v1;
use regex::bytes::Regex;

use super::format::RecordFormat;
use super::reading::Reading;
use super::rows::record_row;
use crate::cluster::Cluster;
use crate::commands::topic::offsets::{back, query};
use crate::exit::Failure;
use crate::output::{Format, ItemStream, Report, harmless_lines};
use crate::schema::{RECORD_LIST, Schema};
use crate::session::{Access, Session};
use crate::spec::{Position, key_value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Isolation {
    /// Also records of open and aborted transactions.
    Uncommitted,
    Committed,
}

/// `-f`.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Json,
    Bytes(RecordFormat),
}

fn shape(text: &str) -> Result<Shape, String> {
    match text {
        "json" | "jsonl" => Ok(Shape::Json),
        "hex" => Ok(Shape::Bytes(RecordFormat::hex())),
        _ => text.parse().map(Shape::Bytes),
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Topics, or partitions of them as orders:0,3
    #[arg(value_name = "TOPIC[:P,P]", required = true, add = crate::complete::topics())]
    topics: Vec<String>,
    /// Only this partition
    #[arg(short, long, value_name = "N", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    partition: Vec<u32>,
    /// Where to begin, and after ':' where to stop: earliest, latest, N, end-N, @TIME, @-2h
    #[arg(short = 's', long = "offset", value_name = "SPEC[:SPEC]", default_value = "latest")]
    #[arg(value_parser = span, allow_hyphen_values = true)]
    offset: Span,
    /// Stop after N records
    #[arg(short = 'n', long = "num", value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::items)]
    count: Option<u64>,
    /// Stop at the end that each partition has now
    #[arg(short = 'e', long)]
    until_end: bool,
    /// How to print a record: '%t/%p@%o %k %v\n', json, jsonl, hex; the value and a line end unless given
    #[arg(short, long, value_name = "FORMAT", value_parser = shape)]
    format: Option<Shape>,
    /// Only records in whose value this is found
    #[arg(long, value_name = "RE")]
    grep: Option<Regex>,
    /// Only records in whose key this is found
    #[arg(long, value_name = "RE")]
    key: Option<Regex>,
    /// Only records with this header
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    header: Vec<(String, String)>,
    /// Which records of transactions to show
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "committed")]
    isolation: Isolation,
    /// Also transaction markers
    #[arg(long)]
    control: bool,
    /// Consumer group
    #[arg(short, long, value_name = "GROUP", hide = true)]
    group: Option<String>,
}

/// From, and until where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    from: Position,
    until: Option<Position>,
}

/// Times have colons too: the text is split where both sides can be read.
fn span(text: &str) -> Result<Span, String> {
    if let Ok(from) = text.parse() {
        return Ok(Span { from, until: None });
    }
    for (at, _) in text.match_indices(':') {
        let (from, until) = text.split_at(at);
        let until = until.trim_start_matches(':');
        if let (Ok(from), Ok(until)) = (from.parse(), until.parse()) {
            return Ok(Span { from, until: Some(until) });
        }
    }
    text.parse::<Position>().map(|from| Span { from, until: None })
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &RECORD_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if args.group.is_some() {
        return Err(Failure::unsupported("this command does not join consumer groups yet")
            .hint("leave -g out, and choose where to begin with --offset"));
    }
    let cluster = session.cluster(Access::Read).await?;
    let request = plan(args, cluster.as_ref(), session).await?;
    let mut sink = Sink::new(args, session)?;
    let mut report = Report::new(&RECORD_LIST);
    report.printed = true;
    if !request.partitions.is_empty() {
        pump(args, request, &mut sink, &mut report, (cluster, session)).await?;
    }
    let summary = [("record_count", sink.count.into())];
    sink.close(&summary, &report.failures, session)?;
    if !report.failures.is_empty() {
        let done = usize::try_from(sink.count).unwrap_or(usize::MAX);
        report.exit = Some(crate::exit::exit_of_batch(done, &report.failures));
        if let Some(last) = report.failures.last().filter(|it| it.exit.code() > 100) {
            report.exit = Some(last.exit);
        }
    }
    Ok(report)
}

/// Partitions and where to begin in each. The end is asked for only where it decides.
async fn plan(
    args: &Args,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<v1::FetchRequest, Failure> {
    let now = session.now_ms();
    let queries = args.topics.iter().map(|name| {
        let mut query = query(name, args.offset.from, now)?;
        query.partitions.extend(&args.partition);
        if let Position::Offset(_) = args.offset.from {
            query.at = Some(Position::LATEST.wire(now));
        }
        Ok(query)
    });
    let request = v1::ListOffsetsRequest { queries: queries.collect::<Result<_, Failure>>()? };
    let answer = cluster.list_offsets(request).await?;
    if let Some(error) = answer.errors.into_iter().next() {
        return Err(error.into());
    }
    let position =
        |offset: u64| v1::OffsetSpec { spec: Some(v1::offset_spec::Spec::Offset(offset)) };
    let follow = !args.until_end && args.offset.until.is_none();
    let beyond = beyond(args.offset.from, &answer.offsets);
    if !follow && !beyond.is_empty() && beyond.len() == answer.offsets.len() {
        return Err(Failure::new("kafka.OFFSET_OUT_OF_RANGE", beyond.join("; "))
            .hint("-s end-10, or without -e and an end wait for it"));
    }
    for place in beyond {
        session.say(&format!("{place} yet"));
    }
    let partitions = answer.offsets.into_iter().map(|found| {
        let from = match (args.offset.from, found.offset) {
            (Position::Offset(offset), _) => position(offset),
            (at, Some(offset)) => position(back(offset, at)),
            // No record is that young: begin with what comes.
            (_, None) => Position::LATEST.wire(now),
        };
        v1::FetchPartition {
            topic: found.topic,
            partition: found.partition,
            from: Some(from),
            until: args.offset.until.map(|until| until.wire(now)),
        }
    });
    let filtered = args.grep.is_some() || args.key.is_some() || !args.header.is_empty();
    Ok(v1::FetchRequest {
        partitions: partitions.collect(),
        record_count_max: args.count.filter(|_| !filtered).unwrap_or(0),
        follow,
        read_committed: args.isolation == Isolation::Committed,
        include_control: args.control,
        without_payload: false,
    })
}

/// Partitions that end before the offset to begin at, in words.
fn beyond(from: Position, ends: &[v1::PartitionOffset]) -> Vec<String> {
    let Position::Offset(offset) = from else { return Vec::new() };
    let short = ends.iter().filter_map(|it| Some((it, it.offset.filter(|end| *end < offset)?)));
    let words = short.map(|(it, end)| {
        format!("{}/{} ends at {end}: there is no offset {offset}", it.topic, it.partition)
    });
    words.collect()
}

async fn pump(
    args: &Args,
    request: v1::FetchRequest,
    sink: &mut Sink,
    report: &mut Report,
    (cluster, session): (Rc<dyn Cluster>, &Session),
) -> Result<(), Failure> {
    let alone = request.partitions.len() == 1;
    let mut last: Option<v1::RecordRef> = None;
    let mut answers = Reading::new(request, cluster, session);
    let interrupted = session.handle_interrupt();
    tokio::pin!(interrupted);
    loop {
        if args.count.is_some_and(|count| count <= sink.count) || sink.is_full() {
            return Ok(());
        }
        let answer = tokio::select! {
            answer = answers.next() => answer,
            () = &mut interrupted => {
                report.failures.push(resumable(session.interruption(), last.as_ref()));
                return Ok(());
            }
        };
        match answer {
            None => return Ok(()),
            // The document is open already: it has to be closed, too.
            Some(Err(failure)) => {
                report.failures.push(resumable(failure, last.as_ref()));
                return Ok(());
            }
            Some(Ok(answer)) => {
                for record in answer.records.iter().filter(|record| wanted(args, record)) {
                    if args.count.is_some_and(|count| count <= sink.count) {
                        break;
                    }
                    sink.record(record, session)?;
                }
                session.out.borrow_mut().flush()?;
                last = answer.records.last().filter(|_| alone).map(place).or(last);
                report.fail(answer.errors);
            }
        }
    }
}

fn place(record: &v1::Record) -> v1::RecordRef {
    let (partition, offset) = (record.partition, record.offset);
    v1::RecordRef { topic: record.topic.clone(), partition, offset }
}

/// How to go on where the last record was printed; only one partition has such a place.
fn resumable(failure: Failure, last: Option<&v1::RecordRef>) -> Failure {
    let Some(v1::RecordRef { topic, partition, offset }) = last else { return failure };
    let next = offset.saturating_add(1);
    let goes_on = format!("kq-ctl consume {topic} -p {partition} -s {next} goes on from there");
    let hint = match failure.hint.as_str() {
        "" => goes_on,
        hint => format!("{hint}; {goes_on}"),
    };
    Failure { hint, ..failure }
}

fn wanted(args: &Args, record: &v1::Record) -> bool {
    let found = |regex: &Option<Regex>, bytes: Option<&[u8]>| {
        regex.as_ref().is_none_or(|regex| bytes.is_some_and(|bytes| regex.is_match(bytes)))
    };
    found(&args.grep, record.value.as_deref())
        && found(&args.key, record.key.as_deref())
        && args.header.iter().all(|(key, value)| {
            let fits =
                |it: &v1::Header| it.key == *key && it.value.as_deref() == Some(value.as_bytes());
            record.headers.iter().any(fits)
        })
}

/// Where records go: through `-f`, or through the format of every other command.
struct Sink {
    bytes: Option<RecordFormat>,
    items: ItemStream,
    /// A terminal must not be driven by what somebody wrote into a record.
    harmless: bool,
    count: u64,
}

impl Sink {
    fn new(args: &Args, session: &Session) -> Result<Self, Failure> {
        let mut view = session.view.clone();
        let bytes = match &args.format {
            Some(Shape::Bytes(format)) => Some(format.clone()),
            Some(Shape::Json) => {
                view.format = Format::Jsonl;
                None
            }
            None if view.format == Format::Table && view.columns.is_none() => {
                Some(RecordFormat::values())
            }
            None => None,
        };
        if bytes.is_some() && view.format.is_document() {
            return Err(
                Failure::usage("-f and -o json contradict each other").hint("leave one out")
            );
        }
        let mut out = session.out.borrow_mut();
        let harmless = out.stdout_tty;
        let items = ItemStream::open(
            &RECORD_LIST,
            (&view, bytes.is_some()),
            &session.envelope(),
            &mut out,
        )?;
        Ok(Self { bytes, items, harmless, count: 0 })
    }

    fn record(&mut self, record: &v1::Record, session: &Session) -> Result<(), Failure> {
        let mut out = session.out.borrow_mut();
        let Some(format) = &self.bytes else {
            self.count += u64::from(self.items.item(&record_row(record), &mut out)?);
            return Ok(());
        };
        let mut bytes = Vec::new();
        format.write(record, &mut bytes);
        if self.harmless {
            bytes = harmless_lines(&String::from_utf8_lossy(&bytes)).into_bytes();
        }
        self.count += 1;
        out.data(&bytes)
    }

    fn is_full(&self) -> bool {
        self.items.is_full()
    }

    fn close(
        &mut self,
        summary: &[(&'static str, crate::output::Cell)],
        failures: &[Failure],
        session: &Session,
    ) -> Result<(), Failure> {
        self.items.close(summary, failures, &mut session.out.borrow_mut())
    }
}
