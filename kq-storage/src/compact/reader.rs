//! Reads the batches of a segment from its start to its end, each one verified.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use crate::batch::{BatchHeader, HEADER_BYTES};
use crate::epochs::EpochHistory;
use crate::segment::SegmentName;
use crate::vfs::{OpenMode, Vfs, VfsFile};
use crate::{Offset, StorageError, TimestampMs};

/// Bytes that are read in one go.
const CHUNK_BYTES: usize = 256 << 10;

/// A segment that is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) name: SegmentName,
    /// Offset after its last record.
    pub(crate) end: Offset,
    pub(crate) size: u64,
    /// When its newest record was written.
    pub(crate) newest: TimestampMs,
    /// Records in it, once all its keys are mapped and no batch of it is of a kind that takes a look.
    pub(crate) plain_records: Option<u64>,
}

/// A walk over one source. Has a handle of its own: the log may drop its own meanwhile.
#[derive(Debug)]
pub(crate) struct BatchReader {
    file: Arc<dyn VfsFile>,
    path: PathBuf,
    source: Source,
    /// Position of the next batch.
    at: u64,
    expected: Offset,
    /// Room for a part of the file; what of it is filled begins at `chunk_at` of the file.
    chunk: Vec<u8>,
    filled: usize,
    chunk_at: u64,
}

impl BatchReader {
    pub(crate) fn open(
        fs: &dyn Vfs,
        dir: &std::path::Path,
        source: Source,
    ) -> Result<Self, StorageError> {
        let path = source.name.log_path(dir);
        let opened = fs.open(&path, OpenMode::Read);
        let file = opened.map_err(|err| StorageError::io("opening", &path, err))?;
        let expected = source.name.base;
        Ok(Self { file, path, source, at: 0, expected, chunk: Vec::new(), filled: 0, chunk_at: 0 })
    }

    /// Bytes read of batches.
    pub(crate) const fn position(&self) -> u64 {
        self.at
    }

    /// Where the batches are read from.
    pub(crate) const fn file(&self) -> &Arc<dyn VfsFile> {
        &self.file
    }

    pub(crate) fn failed(&self, err: std::io::Error) -> StorageError {
        StorageError::io("reading", &self.path, err)
    }

    /// Goes back to the batch at `position` that begins at `base`.
    pub(crate) const fn rewind(&mut self, position: u64, base: Offset) {
        self.at = position;
        self.expected = base;
        if position < self.chunk_at {
            self.chunk_at = position;
            self.filled = 0;
        }
    }

    /// The next batch, whole and as it was written; none at the source's end.
    pub(crate) fn next(
        &mut self,
        epochs: &EpochHistory,
    ) -> Result<Option<(BatchHeader, &[u8])>, StorageError> {
        let at = self.at;
        if at == self.source.size {
            if self.expected == self.source.end {
                return Ok(None);
            }
            let (expected, end) = (self.expected, self.source.end);
            let reason = format!("it ends at offset {expected}, but {end} comes next");
            return Err(StorageError::corrupt(&self.path, at, reason));
        }
        self.fill(HEADER_BYTES)?;
        let parsed = BatchHeader::parse(self.have());
        let header = parsed.map_err(|err| StorageError::corrupt(&self.path, at, err))?;
        self.fill(header.size)?;
        let judged = header.verify_crc(self.have()).map_err(|err| err.to_string());
        let judged = judged.and_then(|()| header.verify_follows(self.expected));
        let judged = judged.and_then(|()| epochs.verify(&header));
        judged.map_err(|reason| StorageError::corrupt(&self.path, at, reason))?;
        self.expected = header.next_offset();
        self.at += header.size as u64;
        let from = usize::try_from(at - self.chunk_at).unwrap_or(usize::MAX);
        Ok(Some((header, self.chunk.get(from..from + header.size).unwrap_or_default())))
    }

    /// What of the file is in memory from the next batch on.
    fn have(&self) -> &[u8] {
        let from = usize::try_from(self.at - self.chunk_at).unwrap_or(usize::MAX);
        self.chunk.get(from..self.filled).unwrap_or_default()
    }

    /// Has `bytes` in memory from the next batch on, or what is left of the segment.
    fn fill(&mut self, bytes: usize) -> Result<(), StorageError> {
        let left = usize::try_from(self.source.size - self.at).unwrap_or(usize::MAX);
        let wanted = bytes.min(left);
        let have = self.have().len();
        if have >= wanted {
            return Ok(());
        }
        self.chunk.copy_within(self.filled - have..self.filled, 0);
        (self.chunk_at, self.filled) = (self.at, have);
        // A length that nobody wrote is never more than the segment.
        if self.chunk.len() < wanted {
            self.chunk.resize(wanted.max(CHUNK_BYTES.min(left)), 0);
        }
        let upto = self.chunk.len().min(left);
        while let Some(room) = self.chunk.get_mut(self.filled..upto).filter(|it| !it.is_empty()) {
            match self.file.read_at(room, self.chunk_at + self.filled as u64) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(self.failed(err)),
            }
        }
        Ok(())
    }
}
