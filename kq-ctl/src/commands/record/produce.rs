//! `kq-ctl record produce TOPIC`

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::time::Duration;

use kq_proto::admin::v1;

use super::feed::{Feed, size};
use super::parse::Input;
use crate::exit::{Failure, exit_of_batch};
use crate::output::{Cell, Report, row};
use crate::schema::{PRODUCED, Schema};
use crate::session::{Access, Session};
use crate::spec::key_value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Acks {
    /// On stable storage of min.insync.replicas brokers.
    All,
    /// On the leader.
    #[value(alias = "1")]
    Leader,
    /// No answer is waited for.
    #[value(alias = "0")]
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Name of the topic
    #[arg(value_name = "TOPIC", add = crate::complete::topics())]
    topic: String,
    /// Key of every record that has none of its own
    #[arg(short, long, value_name = "KEY")]
    key: Option<String>,
    /// The one value to send, instead of reading stdin
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["file", "format", "tombstone"])]
    value: Option<String>,
    /// Header of every record
    #[arg(short = 'H', long, value_name = "KEY=VALUE", value_parser = key_value)]
    header: Vec<(String, String)>,
    /// Partition of every record that names none
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    partition: Option<u32>,
    /// Codec of the batches
    #[arg(short = 'z', long, value_enum, value_name = "CODEC", default_value = "none")]
    compression: Codec,
    /// When a record counts as appended
    #[arg(long, value_enum, value_name = "WHEN", default_value = "all")]
    acks: Acks,
    /// How a line becomes a record: '%k\t%v\n', json, jsonl, hex; the line is the value unless given
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<Input>,
    /// Read this file instead of stdin
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// At most so many records per second, as 100/s
    #[arg(long, value_name = "N/s", value_parser = rate, allow_hyphen_values = true)]
    rate: Option<u32>,
    /// Send one record without a value: it deletes the key from a compacted topic
    #[arg(long, requires = "key", conflicts_with_all = ["file", "format"])]
    tombstone: bool,
    /// Transactional id
    #[arg(long, value_name = "ID", hide = true)]
    txn: Option<String>,
}

fn rate(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number
        .parse()
        .ok()
        .filter(|rate| *rate > 0)
        .ok_or_else(|| format!("'{text}' is no rate: write 100/s"))
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PRODUCED
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if args.txn.is_some() {
        return Err(
            Failure::unsupported("this cluster has no transactions yet").hint("leave --txn out")
        );
    }
    let mut sums = Sums::default();
    let result = send_all(args, session, &mut sums).await;
    let mut report = sums.report(&args.topic);
    if let Err(failure) = result {
        report.failures.push(failure);
        report.exit = Some(exit_of_batch(report.items.len(), &report.failures));
    }
    Ok(report)
}

async fn send_all(args: &Args, session: &Session, sums: &mut Sums) -> Result<(), Failure> {
    if args.tombstone || args.value.is_some() {
        let value = args.value.as_ref().map(|text| text.clone().into_bytes().into());
        let record = v1::NewRecord { value, ..v1::NewRecord::default() };
        return send(args, vec![record], session, sums).await;
    }
    // Before the input is touched: nobody should type into a command that cannot send.
    session.cluster(Access::Change).await?;
    let mut feed = Feed::new(open(args, session)?, args.format.clone().unwrap_or(Input::Lines));
    let began = session.now_ms();
    let mut progress = session.progress("produced", None);
    let interrupted = session.handle_interrupt();
    tokio::pin!(interrupted);
    loop {
        let batch = tokio::select! {
            batch = feed.batch() => batch?,
            () = &mut interrupted => return Err(session.interruption()),
        };
        if batch.is_empty() {
            return Ok(());
        }
        send(args, batch, session, sums).await?;
        let elapsed = session.elapsed(began);
        let words = format!("{} records", sums.records);
        progress.at(elapsed, sums.records, &words, &mut session.out.borrow_mut());
        if let Some(rate) = args.rate {
            let due = Duration::from_secs_f64(sums.records_f64() / f64::from(rate));
            tokio::time::sleep(due.saturating_sub(elapsed)).await;
        }
    }
}

fn open(args: &Args, session: &Session) -> Result<crate::world::Input, Failure> {
    if let Some(path) = &args.file {
        let file =
            std::fs::File::open(path).map_err(|error| Failure::file("open", path, &error))?;
        return Ok(Box::new(BufReader::with_capacity(1 << 16, file)));
    }
    if session.world.stdin_tty {
        session.say("one record per line; Ctrl-D ends");
    }
    session
        .world
        .stdin
        .borrow_mut()
        .take()
        .ok_or_else(|| Failure::usage("stdin is in use").hint("--file FILE"))
}

async fn send(
    args: &Args,
    mut records: Vec<v1::NewRecord>,
    session: &Session,
    sums: &mut Sums,
) -> Result<(), Failure> {
    let chunk = args.rate.map_or(records.len(), |rate| usize::try_from(rate).unwrap_or(1)).max(1);
    while !records.is_empty() {
        let rest = records.split_off(chunk.min(records.len()));
        send_batch(args, records, session, sums).await?;
        records = rest;
    }
    Ok(())
}

async fn send_batch(
    args: &Args,
    mut records: Vec<v1::NewRecord>,
    session: &Session,
    sums: &mut Sums,
) -> Result<(), Failure> {
    for record in &mut records {
        record.partition = record.partition.or(args.partition);
        if record.key.is_none() {
            record.key = args.key.as_ref().map(|key| key.clone().into_bytes().into());
        }
        record.headers.extend(args.header.iter().map(|(key, value)| v1::Header {
            key: key.clone(),
            value: Some(value.clone().into_bytes().into()),
        }));
    }
    let bytes: usize = records.iter().map(size).sum();
    let cluster = session.cluster(Access::Change).await?;
    let request = v1::ProduceRequest {
        topic: args.topic.clone(),
        records,
        acks: args.acks.wire().into(),
        compression: args.compression.wire().into(),
    };
    let answer = cluster.produce(request).await?;
    sums.add(&answer, args.acks == Acks::None);
    sums.bytes += u64::try_from(bytes).unwrap_or(0);
    match answer.errors.into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

impl Acks {
    fn wire(self) -> v1::Acks {
        match self {
            Self::All => v1::Acks::All,
            Self::Leader => v1::Acks::Leader,
            Self::None => v1::Acks::None,
        }
    }
}

impl Codec {
    fn wire(self) -> v1::Compression {
        match self {
            Self::None => v1::Compression::None,
            Self::Gzip => v1::Compression::Gzip,
            Self::Snappy => v1::Compression::Snappy,
            Self::Lz4 => v1::Compression::Lz4,
            Self::Zstd => v1::Compression::Zstd,
        }
    }
}

/// What was appended, partition by partition.
#[derive(Default)]
struct Sums {
    partitions: BTreeMap<u32, Span>,
    records: u64,
    bytes: u64,
}

#[derive(Default)]
struct Span {
    first: Option<u64>,
    last: Option<u64>,
    count: u64,
}

impl Sums {
    fn add(&mut self, answer: &v1::ProduceResponse, unanswered: bool) {
        for record in &answer.records {
            if record.offset.is_none() && !unanswered {
                continue;
            }
            let span = self.partitions.entry(record.partition).or_default();
            span.first = span.first.or(record.offset);
            span.last = record.offset.or(span.last);
            span.count += 1;
            self.records += 1;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "paces records; a fraction is enough")]
    fn records_f64(&self) -> f64 {
        self.records as f64
    }

    fn report(&self, topic: &str) -> Report {
        let mut report = Report::new(&PRODUCED);
        report.extend(self.partitions.iter().map(|(partition, span)| {
            row! {
                topic: topic,
                partition: *partition,
                first_offset: span.first,
                last_offset: span.last,
                record_count: span.count,
            }
        }));
        report.sum("record_count", self.records);
        report.sum("size_bytes", Cell::Size(self.bytes));
        report
    }
}
