//! One group of sources on the way to become one segment.
//!
//! ```text
//!   same      all read so far stays as it is: nothing is written
//!   copying   something changed: what is before it is copied
//!   writing   batches go through the chain
//! ```

use std::ops::Range;

use super::filter::{Kept, Tally, filter};
use super::group::{GroupSoFar, is_worth_merging, name_of};
use super::key_map::KeyMap;
use super::output::Output;
use super::reader::{BatchReader, Source};
use super::run::{CompactedGroup, CompactionError, Moved, PassRules};
use crate::batch::BatchHeader;
use crate::segment::{Indexer, SegmentName};
use crate::{StorageError, TimestampMs};

/// Bytes that are copied in one go.
const COPY_BYTES: u64 = 1 << 20;

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
        last: Option<Box<Taken>>,
    },
    /// The first source up to a position; then come those batches.
    Copying {
        output: Output,
        at: u64,
        upto: u64,
        then: Vec<Taken>,
    },
    Writing(Output),
    /// Between two of the others, or left alone.
    Nothing,
}

/// A batch and what is kept of it.
#[derive(Debug)]
struct Taken {
    position: u64,
    header: BatchHeader,
    kept: Kept,
    is_marked: bool,
    bytes: Vec<u8>,
}

impl Filling {
    /// Begins with the source of number `first`.
    pub(crate) fn begin(
        rules: &PassRules,
        sources: &[Source],
        first: usize,
        tally: &Tally,
    ) -> Result<Self, CompactionError> {
        let reader = open(rules, sources, first)?;
        let base = sources.get(first).map_or(rules.log_start, |source| source.name.base);
        let indexer = Indexer::new(SegmentName::plain(base));
        let mode = Mode::Same { indexer, last: None };
        let (sources, tombstones_before) = (first..first + 1, tally.tombstones_removed);
        Ok(Self {
            sources,
            reader,
            mode,
            tombstones_before,
            is_closed: false,
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
        rules: &PassRules,
        sources: &[Source],
        map: &KeyMap,
        tally: &mut Tally,
    ) -> Result<bool, CompactionError> {
        if let Mode::Copying { .. } = self.mode {
            self.copy_some()?;
            return Ok(false);
        }
        if self.is_closed {
            return Ok(true);
        }
        let position = self.reader.position();
        let next = self.reader.next(&rules.epochs).map_err(CompactionError::Source)?;
        let Some((header, batch)) = next else {
            return self.end_source(rules, sources).map(|()| false);
        };
        self.moved.read += header.size as u64;
        let filter_rules = rules.filter(map);
        let kept = filter(batch, &header, &filter_rules, tally);
        let is_marked = filter_rules.is_last_of_producer(&header);
        if let Mode::Writing(output) = &mut self.mode {
            let before = output.written_bytes();
            let taken = output.take(&header, kept, is_marked, batch);
            self.moved.written += output.written_bytes() - before;
            return taken.map(|()| false).map_err(CompactionError::Output);
        }
        let taken = Taken { position, header, kept, is_marked, bytes: batch.to_vec() };
        self.take_same(rules, sources, taken).map(|()| false)
    }

    /// Takes a batch while all before it stays as it is.
    fn take_same(
        &mut self,
        rules: &PassRules,
        sources: &[Source],
        taken: Taken,
    ) -> Result<(), CompactionError> {
        let Mode::Same { indexer, last } = &mut self.mode else { return Ok(()) };
        if taken.kept != Kept::Verbatim {
            let then = last.take().map(|last| *last).into_iter().chain([taken]).collect();
            return self.begin_output(rules, sources, then);
        }
        if let Some(last) = last.replace(Box::new(taken)) {
            indexer.note(&last.header, last.position, rules.index_interval_bytes);
        }
        Ok(())
    }

    /// Begins to write: all before the first of `then` is copied.
    fn begin_output(
        &mut self,
        rules: &PassRules,
        sources: &[Source],
        then: Vec<Taken>,
    ) -> Result<(), CompactionError> {
        let Mode::Same { indexer, .. } = std::mem::replace(&mut self.mode, Mode::Nothing) else {
            return Ok(());
        };
        let left = sources.get(self.sources.start..).unwrap_or_default();
        refuse_without_room(rules, left)?;
        let base = left.first().map_or(rules.log_start, |source| source.name.base);
        let upto = then.first().map_or(0, |first| first.position);
        let next = then.first().map_or(base, |first| first.header.base_offset);
        let interval = rules.index_interval_bytes;
        let output = Output::create(&rules.fs, &rules.dir, (base, next), indexer, interval);
        let output = output.map_err(CompactionError::Output)?;
        self.mode = Mode::Copying { output, at: 0, upto, then };
        Ok(())
    }

    fn copy_some(&mut self) -> Result<(), CompactionError> {
        let Mode::Copying { mut output, at, upto, then } =
            std::mem::replace(&mut self.mode, Mode::Nothing)
        else {
            return Ok(());
        };
        if at < upto {
            let count = (upto - at).min(COPY_BYTES);
            let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
            let read = self.reader.file().read_exact_at(&mut bytes, at);
            read.map_err(|err| CompactionError::Source(self.reader.failed(err)))?;
            output.copy(&bytes).map_err(CompactionError::Output)?;
            self.moved.read += count;
            self.moved.written += count;
            self.mode = Mode::Copying { output, at: at + count, upto, then };
            return Ok(());
        }
        for Taken { header, kept, is_marked, bytes, .. } in then {
            let taken = output.take(&header, kept, is_marked, &bytes);
            taken.map_err(CompactionError::Output)?;
        }
        self.mode = Mode::Writing(output);
        Ok(())
    }

    /// The source is read to its end: the next one comes in, or the group is complete.
    fn end_source(&mut self, rules: &PassRules, sources: &[Source]) -> Result<(), CompactionError> {
        let size = self.reader.position();
        let bytes = match &self.mode {
            Mode::Writing(output) => output.bytes(),
            Mode::Same { .. } | Mode::Copying { .. } | Mode::Nothing => size,
        };
        let base = sources.get(self.sources.start).map(|first| first.name.base);
        let so_far = base.map(|base| GroupSoFar { base, bytes, sources: self.sources.len() });
        let next = sources.get(self.sources.end).filter(|next| {
            so_far.is_some_and(|it| it.has_room(next.size, next.end, rules.segment_bytes))
        });
        let is_same = matches!(self.mode, Mode::Same { .. });
        if next.is_none() || (is_same && !is_worth_merging(size, rules.segment_bytes)) {
            self.is_closed = true;
            return Ok(());
        }
        if let Mode::Same { last, .. } = &mut self.mode {
            // Copied first; then this end is reached once more.
            let then = last.take().map(|last| *last).into_iter().collect();
            return self.begin_output(rules, sources, then);
        }
        self.reader = open(rules, sources, self.sources.end)?;
        self.sources.end += 1;
        Ok(())
    }

    /// The group, if anything changed in it.
    pub(crate) fn finish(
        self,
        rules: &PassRules,
        sources: &[Source],
        tally: &Tally,
    ) -> Result<Option<CompactedGroup>, CompactionError> {
        let Mode::Writing(output) = self.mode else { return Ok(None) };
        let sources = sources.get(self.sources).unwrap_or_default();
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

fn open(rules: &PassRules, sources: &[Source], at: usize) -> Result<BatchReader, CompactionError> {
    let Some(source) = sources.get(at) else {
        let reason = "the segment to be compacted is gone".to_owned();
        let path = rules.dir.clone();
        return Err(CompactionError::Source(StorageError::Missing { path, reason }));
    };
    BatchReader::open(rules.fs.as_ref(), &rules.dir, *source).map_err(CompactionError::Source)
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
