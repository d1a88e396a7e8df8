//! `kq-ctl log dump PATH [--records]`

use std::path::{Path, PathBuf};

use kq_storage::batch::{Compression, DecompressLimits, Record, records};
use kq_storage::inspect::{Batch, Batches, Fault, FileKind};
use kq_storage::vfs::RealFs;

use super::files::{find, unreadable};
use crate::commands::shared::{bytes_cells, time_cell};
use crate::exit::{Exit, Failure};
use crate::output::{Cell, ItemStream, Report, Row, row};
use crate::schema::{LOG_DUMP, RECORD_LIST, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A segment, the directory of a log, or a directory with logs below it
    #[arg(value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    path: PathBuf,
    /// Print records instead of batches
    #[arg(long)]
    records: bool,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.records { &RECORD_LIST } else { &LOG_DUMP }
}

/// What was seen.
#[derive(Default)]
struct Sums {
    batches: u64,
    records: u64,
    faults: u64,
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let mut segments = find(&RealFs, &args.path)?;
    segments.retain(|file| file.kind == FileKind::Segment);
    if segments.is_empty() {
        return Err(Failure::new(
            "kq.NOT_FOUND",
            format!("no segments in {}", args.path.display()),
        ));
    }
    let kind = schema(args);
    let mut sink = Sink::new(kind, session)?;
    let mut sums = Sums::default();
    for segment in &segments {
        dump(args, &segment.path, &mut sink, &mut sums)?;
        if sink.is_full() {
            break;
        }
    }
    sink.close(args, &sums)
}

fn dump(args: &Args, path: &Path, sink: &mut Sink<'_>, sums: &mut Sums) -> Result<(), Failure> {
    let mut batches = Batches::open(&RealFs, path).map_err(|error| unreadable(&error))?;
    while let Some(batch) = batches.next_batch().map_err(|error| unreadable(&error))? {
        if sink.is_full() {
            return Ok(());
        }
        let fault = match &batch {
            Ok(batch) => batch.fault.clone(),
            Err(fault) => Some(fault.clone()),
        };
        if let Some(fault) = &fault {
            sums.faults += 1;
            let what = format!("{} at {}: {}", path.display(), fault.position, fault.what);
            sink.report
                .failures
                .push(Failure { exit: Exit::No, ..Failure::new("kq.CORRUPT", what) });
        }
        let Ok(batch) = batch else { continue };
        sums.batches += 1;
        if fault.is_none() {
            sums.records += u64::from(batch.header.record_count);
        }
        if !args.records {
            sink.item(batch_row(path, &batch, fault.as_ref()))?;
        } else if fault.is_none() {
            let found = records(&batch.bytes, &batch.header, DecompressLimits::default());
            for record in found.map_err(|error| unreadable(&error))? {
                sink.item(record_row(path, &batch, &record))?;
            }
        }
    }
    Ok(())
}

fn batch_row(path: &Path, batch: &Batch, fault: Option<&Fault>) -> Row {
    let header = &batch.header;
    let producer = header.producer;
    row! {
        file: path.display().to_string(),
        position: batch.position,
        base_offset: header.base_offset.0,
        last_offset: header.last_offset().0,
        record_count: header.record_count,
        size_bytes: Cell::Size(u64::try_from(header.size).unwrap_or(u64::MAX)),
        leader_epoch: header.leader_epoch.map(|epoch| epoch.0),
        max_timestamp: time_cell(header.max_timestamp.map(|at| at.0)),
        compression: codec(header.attributes.compression),
        producer_id: producer.map(|it| it.id.0),
        producer_epoch: producer.map(|it| it.epoch.0),
        base_sequence: producer.and_then(|it| it.first_sequence),
        transactional: header.attributes.is_transactional(),
        control: header.attributes.is_control(),
        valid: fault.is_none(),
        fault: fault.map(|fault| fault.what.clone()),
    }
}

fn record_row(path: &Path, batch: &Batch, record: &Record) -> Row {
    let (topic, partition) = place(path);
    let (key, key_encoding) = bytes_cells(record.key.as_deref());
    let (value, value_encoding) = bytes_cells(record.value.as_deref());
    let attributes = batch.header.attributes;
    let producer = batch.header.producer;
    let payload = [&record.key, &record.value].into_iter().flatten();
    let bytes: usize = payload.map(bytes::Bytes::len).sum();
    let headers = record.headers.iter().map(|(key, value)| {
        let (value, value_encoding) = bytes_cells(value.as_deref());
        row! { key: String::from_utf8_lossy(key).into_owned(), value: value, value_encoding: value_encoding }
    });
    row! {
        topic: topic,
        partition: partition,
        offset: record.offset.0,
        timestamp: time_cell(record.timestamp.map(|at| at.0)),
        timestamp_type: if attributes.is_log_append_time() { "log_append_time" } else { "create_time" },
        key: key,
        key_encoding: key_encoding,
        value: value,
        value_encoding: value_encoding,
        headers: headers.collect::<Vec<_>>(),
        leader_epoch: batch.header.leader_epoch.map(|epoch| epoch.0),
        producer_id: producer.map(|it| it.id.0),
        producer_epoch: producer.map(|it| it.epoch.0),
        sequence: producer.and_then(|it| it.first_sequence),
        transactional: attributes.is_transactional(),
        control: attributes.is_control(),
        compression: codec(attributes.compression),
        size_bytes: Cell::Size(u64::try_from(bytes).unwrap_or(u64::MAX)),
    }
}

/// From the directory's name, `orders-3.<topic id>` or Kafka's `orders-3`; unknown elsewhere.
fn place(path: &Path) -> (Cell, Cell) {
    let dir = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let name = dir
        .map(|name| name.rsplit_once('.').filter(|(_, id)| id.len() == 32).map_or(name, |it| it.0));
    let parts = name.and_then(|name| name.rsplit_once('-'));
    let parts = parts.and_then(|(topic, index)| Some((topic, index.parse::<u32>().ok()?)));
    parts.map_or((Cell::Null, Cell::Null), |(topic, index)| (topic.into(), index.into()))
}

fn codec(compression: Compression) -> String {
    format!("{compression:?}").to_lowercase()
}

/// Items one by one where the format allows it: a log does not fit into memory.
struct Sink<'a> {
    session: &'a Session,
    stream: Option<ItemStream>,
    report: Report,
}

impl<'a> Sink<'a> {
    fn new(schema: &'static Schema, session: &'a Session) -> Result<Self, Failure> {
        let view = &session.view;
        let at_once = !view.sort.is_empty() || view.format == crate::output::Format::Yaml;
        // Widths of columns cost memory: batches are few, records are not.
        let table = view.format.is_table() && schema.kind == LOG_DUMP.kind;
        let stream = if at_once || table {
            None
        } else {
            let out = &mut session.out.borrow_mut();
            Some(ItemStream::open(schema, (view, false), &session.envelope(), out)?)
        };
        Ok(Self { session, stream, report: Report::new(schema) })
    }

    fn item(&mut self, row: Row) -> Result<(), Failure> {
        match &mut self.stream {
            Some(stream) => {
                stream.item(&row, &mut self.session.out.borrow_mut())?;
            }
            None => self.report.push(row),
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.stream.as_ref().is_some_and(ItemStream::is_full)
    }

    fn close(mut self, args: &Args, sums: &Sums) -> Result<Report, Failure> {
        if args.records {
            self.report.sum("record_count", sums.records);
        } else {
            self.report.sum("batch_count", sums.batches);
            self.report.sum("record_count", sums.records);
            self.report.sum("fault_count", sums.faults);
        }
        if sums.faults > 0 {
            self.report.exit = Some(Exit::No);
        }
        if let Some(stream) = self.stream {
            let out = &mut self.session.out.borrow_mut();
            stream.close(&self.report.summary, &self.report.failures, out)?;
            self.report.printed = true;
        }
        Ok(self.report)
    }
}
