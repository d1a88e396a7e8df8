//! One group of sources on the way to become one segment.
//!
//! ```text
//!   same      all read so far stays as it is: nothing is written
//!   copying   something changed: what is before it is copied
//!   writing   batches go through the chain
//! ```

use std::ops::Range;

use super::filter::{Filter, FilterRules, Kept, Tally};
use super::group::{GroupSoFar, is_worth_merging, name_of};
use super::keys::Keys;
use super::output::Output;
use super::reader::{BatchReader, Source};
use super::run::{CompactedGroup, CompactionError, Moved, PassRules};
use crate::batch::BatchHeader;
use crate::segment::{Indexer, SegmentName};
use crate::{StorageError, TimestampMs};

/// Bytes that are copied in one go.
const COPY_BYTES: u64 = 256 << 10;

/// What decides over a pass's batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) rules: &'a PassRules,
    pub(crate) sources: &'a [Source],
    pub(crate) keys: &'a Keys,
}

/// A group, as far as it has come.
#[derive(Debug)]
pub(crate) struct Filling {
    /// Numbers of the sources that are in it; the last one is being read.
    sources: Range<usize>,
    reader: BatchReader,
    mode: Mode,
    /// Tombstones removed before this group.
    tombstones_before: u64,
    /// No further source goes in: the reader is at its end.
    is_closed: bool,
    moved: Moved,
}

#[derive(Debug)]
enum Mode {
    /// With the last batch, which may have to cover what comes next, and the indexes before it.
    Same {
        indexer: Indexer,
        last: Option<Taken>,
    },
    /// The first source up to a position; from there on it is read again.
    Copying {
        output: Output,
        at: u64,
        upto: u64,
    },
    Writing(Output),
    /// Between two of the others, or left alone.
    Nothing,
}

/// A batch that stays as it is.
#[derive(Debug)]
struct Taken {
    position: u64,
    header: BatchHeader,
    /// What was counted before it.
    before: Tally,
}

impl Filling {
    /// Begins with the source of number `first`.
    pub(crate) fn begin(
        pass: Pass<'_>,
        first: usize,
        tally: &mut Tally,
    ) -> Result<Self, CompactionError> {
        let source = source(pass, first)?;
        let indexer = Indexer::new(SegmentName::plain(source.name.base));
        let mode = Mode::Same { indexer, last: None };
        let tombstones_before = tally.tombstones_removed;
        let untouched = untouched_records(pass, source)
            .filter(|_| !is_worth_merging(source.size, pass.rules.segment_bytes));
        tally.records_read += untouched.unwrap_or(0);
        Ok(Self {
            sources: first..first + 1,
            reader: open(pass, source)?,
            mode,
            tombstones_before,
            is_closed: untouched.is_some(),
            moved: Moved::default(),
        })
    }

    /// The number of the first source that is not in the group.
    pub(crate) const fn next_source(&self) -> usize {
        self.sources.end
    }

    /// Bytes of the group that are in its file.
    pub(crate) const fn written_bytes(&self) -> u64 {
        match &self.mode {
            Mode::Writing(output) => output.written_bytes(),
            Mode::Same { .. } | Mode::Copying { .. } | Mode::Nothing => 0,
        }
    }

    /// Bytes moved since this was asked last.
    pub(crate) const fn take_moved(&mut self) -> Moved {
        std::mem::replace(&mut self.moved, Moved { read: 0, written: 0 })
    }

    /// Goes on by one batch, or one piece of a copy. True once the last batch is taken.
    pub(crate) fn go_on(
        &mut self,
        pass: Pass<'_>,
        filter: &mut Filter,
    ) -> Result<bool, CompactionError> {
        if let Mode::Copying { .. } = self.mode {
            self.copy_some()?;
            return Ok(false);
        }
        if self.is_closed {
            return Ok(true);
        }
        let position = self.reader.position();
        let next = self.reader.next(&pass.rules.epochs).map_err(CompactionError::Source)?;
        let Some((header, batch)) = next else {
            return self.end_source(pass, filter).map(|()| false);
        };
        self.moved.read += header.size as u64;
        let rules = pass.rules.filter(pass.keys);
        let before = filter.tally;
        if let Mode::Writing(output) = &mut self.mode {
            let written = output.written_bytes();
            let taken = take(output, (header, batch), &rules, filter);
            self.moved.written += output.written_bytes() - written;
            return taken.map(|()| false);
        }
        let kept = filter.decide(batch, &header, &rules, &mut Vec::new());
        self.take_same(pass, Taken { position, header, before }, kept, filter).map(|()| false)
    }

    /// Takes a batch while all before it stays as it is.
    fn take_same(
        &mut self,
        pass: Pass<'_>,
        taken: Taken,
        kept: Kept,
        filter: &mut Filter,
    ) -> Result<(), CompactionError> {
        let Mode::Same { indexer, last } = &mut self.mode else { return Ok(()) };
        if kept != Kept::Verbatim {
            let first = last.take().unwrap_or(taken);
            return self.begin_output(pass, Some(first), filter);
        }
        if let Some(last) = last.replace(taken) {
            let interval = pass.rules.index_interval_bytes;
            indexer.note(&last.header, last.position, interval);
        }
        Ok(())
    }

    /// Begins to write: all before `first` is copied, and from there on it is decided once more.
    fn begin_output(
        &mut self,
        pass: Pass<'_>,
        first: Option<Taken>,
        filter: &mut Filter,
    ) -> Result<(), CompactionError> {
        let Mode::Same { indexer, .. } = std::mem::replace(&mut self.mode, Mode::Nothing) else {
            return Ok(());
        };
        let rules = pass.rules;
        let left = pass.sources.get(self.sources.start..).unwrap_or_default();
        refuse_without_room(rules, left)?;
        let base = left.first().map_or(rules.log_start, |source| source.name.base);
        let upto = first.as_ref().map_or(0, |first| first.position);
        let next = first.as_ref().map_or(base, |first| first.header.base_offset);
        if let Some(first) = first {
            self.reader.rewind(upto, next);
            filter.tally = first.before;
        }
        let interval = rules.index_interval_bytes;
        let output = Output::create(&rules.fs, &rules.dir, (base, next), indexer, interval);
        let output = output.map_err(CompactionError::Output)?;
        self.mode = Mode::Copying { output, at: 0, upto };
        Ok(())
    }

    fn copy_some(&mut self) -> Result<(), CompactionError> {
        let Mode::Copying { mut output, at, upto } =
            std::mem::replace(&mut self.mode, Mode::Nothing)
        else {
            return Ok(());
        };
        if at == upto {
            self.mode = Mode::Writing(output);
            return Ok(());
        }
        let count = (upto - at).min(COPY_BYTES);
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
        let read = self.reader.file().read_exact_at(&mut bytes, at);
        read.map_err(|err| CompactionError::Source(self.reader.failed(err)))?;
        output.copy(&bytes).map_err(CompactionError::Output)?;
        self.moved.read += count;
        self.moved.written += count;
        self.mode = Mode::Copying { output, at: at + count, upto };
        Ok(())
    }

    /// The source is read to its end: the next one comes in, or the group is complete.
    fn end_source(&mut self, pass: Pass<'_>, filter: &mut Filter) -> Result<(), CompactionError> {
        let segment_bytes = pass.rules.segment_bytes;
        let size = self.reader.position();
        let bytes = match &self.mode {
            Mode::Writing(output) => output.bytes(),
            Mode::Same { .. } | Mode::Copying { .. } | Mode::Nothing => size,
        };
        let base = pass.sources.get(self.sources.start).map(|first| first.name.base);
        let so_far = base.map(|base| GroupSoFar { base, bytes, sources: self.sources.len() });
        let next = pass.sources.get(self.sources.end).filter(|next| {
            so_far.is_some_and(|it| it.has_room(next.size, next.end, segment_bytes))
        });
        let is_same = matches!(self.mode, Mode::Same { .. });
        let next = next.filter(|_| !is_same || is_worth_merging(size, segment_bytes));
        let Some(next) = next else {
            self.is_closed = true;
            return Ok(());
        };
        if let Mode::Same { last, .. } = &mut self.mode {
            // Copied first; then this end is reached once more.
            let last = last.take();
            return self.begin_output(pass, last, filter);
        }
        self.reader = open(pass, *next)?;
        self.sources.end += 1;
        Ok(())
    }

    /// The group, if anything changed in it.
    pub(crate) fn finish(
        self,
        pass: Pass<'_>,
        tally: &Tally,
    ) -> Result<Option<CompactedGroup>, CompactionError> {
        let Mode::Writing(output) = self.mode else { return Ok(None) };
        let rules = pass.rules;
        let sources = pass.sources.get(self.sources).unwrap_or_default();
        let names: Vec<SegmentName> = sources.iter().map(|source| source.name).collect();
        let Some((last, name)) =
            sources.last().and_then(|last| Some((last, name_of(&names, last.end)?)))
        else {
            return Ok(None);
        };
        let newest = sources.iter().map(|source| source.newest).max();
        let sealed_at = newest.unwrap_or(TimestampMs(0));
        let written = output.finish(name, last.end, sealed_at, &rules.dir);
        let written = written.map_err(CompactionError::Output)?;
        Ok(Some(CompactedGroup {
            name,
            sources: names,
            temporary: written.temporary,
            size: written.size,
            max: written.max,
            sealed_at,
            rewrites: rules.rewrites,
            tombstones_removed: tally.tombstones_removed - self.tombstones_before,
        }))
    }
}

/// Decides over a batch and adds what is kept of it.
fn take(
    output: &mut Output,
    (header, batch): (BatchHeader, &[u8]),
    rules: &FilterRules<'_>,
    filter: &mut Filter,
) -> Result<(), CompactionError> {
    let kept = filter.decide(batch, &header, rules, output.room());
    let is_marked = rules.is_last_of_producer(&header);
    output.take(&header, kept, is_marked, batch).map_err(CompactionError::Output)
}

/// How many records a source has, if it is known without a look that all of them stay.
fn untouched_records(pass: Pass<'_>, source: Source) -> Option<u64> {
    source.plain_records.filter(|_| pass.keys.all_stay(source.name.base, source.end))
}

fn source(pass: Pass<'_>, at: usize) -> Result<Source, CompactionError> {
    pass.sources.get(at).copied().ok_or_else(|| {
        let reason = "the segment to be compacted is gone".to_owned();
        let path = pass.rules.dir.clone();
        CompactionError::Source(StorageError::Missing { path, reason })
    })
}

fn open(pass: Pass<'_>, source: Source) -> Result<BatchReader, CompactionError> {
    let rules = pass.rules;
    BatchReader::open(rules.fs.as_ref(), &rules.dir, source).map_err(CompactionError::Source)
}

fn refuse_without_room(rules: &PassRules, left: &[Source]) -> Result<(), CompactionError> {
    let first = left.first().map_or(0, |first| first.size);
    let all: u64 = left.iter().map(|source| source.size).sum();
    let needed = all.min(first.max(rules.segment_bytes)).saturating_add(rules.spare_bytes);
    let failed = |err| StorageError::io("asking for the room of", &rules.dir, err);
    let free = rules.fs.free_bytes(&rules.dir).map_err(failed);
    let free_bytes = free.map_err(CompactionError::Output)?;
    if free_bytes < needed {
        return Err(CompactionError::NoRoom { needed_bytes: needed, free_bytes });
    }
    Ok(())
}
