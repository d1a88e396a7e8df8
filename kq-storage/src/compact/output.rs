//! The segment that a pass is writing: a file under a temporary name, and its indexes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chain::Chain;
use super::filter::Kept;
use crate::batch::BatchHeader;
use crate::format::{TEMPORARY_SUFFIX, remove_if_there};
use crate::segment::{Indexer, MaxTimestamp, SegmentName};
use crate::vfs::{OpenMode, Vfs, VfsFile};
use crate::{Offset, StorageError, TimestampMs, canary};

/// Bytes that are written in one go.
const CHUNK_BYTES: usize = 1 << 20;

/// A segment being written. Its file goes when this is dropped before it is finished.
#[derive(Debug)]
pub(crate) struct Output {
    file: Arc<dyn VfsFile>,
    temporary: Temporary,
    /// Bytes written so far.
    position: u64,
    /// What is not written yet.
    chain: Chain,
    /// Bytes of it that are indexed.
    indexed: usize,
    indexer: Indexer,
    interval: u64,
}

/// A file that is removed unless somebody takes it over.
#[derive(Debug)]
pub(crate) struct Temporary {
    fs: Arc<dyn Vfs>,
    path: Option<PathBuf>,
}

impl Temporary {
    /// The path; whose it is from here on has to remove it.
    pub(crate) fn take(&mut self) -> Option<PathBuf> {
        self.path.take()
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // What stays behind is removed when the log is opened.
            let _ = self.fs.remove_file(&path);
        }
    }
}

/// A segment that is written and stable, under its temporary name.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) temporary: Temporary,
    pub(crate) size: u64,
    pub(crate) max: MaxTimestamp,
}

impl Output {
    /// Begins the file. The first batch that is taken begins at `next`; what is below is copied.
    pub(crate) fn create(
        fs: &Arc<dyn Vfs>,
        dir: &Path,
        (base, next): (Offset, Offset),
        indexer: Indexer,
        interval: u64,
    ) -> Result<Self, StorageError> {
        let path = dir.join(format!("{:020}-compacting{TEMPORARY_SUFFIX}", base.0));
        remove_if_there(fs.as_ref(), &path)?;
        let opened = fs.open(&path, OpenMode::CreateNew);
        let file = opened.map_err(|err| StorageError::io("creating", &path, err))?;
        let temporary = Temporary { fs: Arc::clone(fs), path: Some(path) };
        let chain = Chain::new(next);
        Ok(Self { file, temporary, position: 0, chain, indexed: 0, indexer, interval })
    }

    /// Bytes that the segment has so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.position + self.chain.bytes() as u64
    }

    /// Bytes written to the file.
    pub(crate) const fn written_bytes(&self) -> u64 {
        self.position
    }

    /// Adds whole batches that are as they were, and already indexed: before any is taken.
    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let written = self.file.write_all_at(bytes, self.position);
        written.map_err(|err| self.failed("writing", err))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Where a batch goes that is rewritten, before it is taken: at the end.
    pub(crate) const fn room(&mut self) -> &mut Vec<u8> {
        self.chain.room()
    }

    /// Adds what is kept of a batch.
    pub(crate) fn take(
        &mut self,
        header: &BatchHeader,
        kept: Kept,
        is_marked: bool,
        batch: &[u8],
    ) -> Result<(), StorageError> {
        let taken = self.chain.take(header, kept, is_marked, batch);
        taken.map_err(|err| self.failed("writing", err))?;
        self.write_finished(CHUNK_BYTES)
    }

    /// Ends the segment at `end` under `name`, with its indexes, and makes it stable.
    pub(crate) fn finish(
        mut self,
        name: SegmentName,
        end: Offset,
        sealed_at: TimestampMs,
        dir: &Path,
    ) -> Result<Written, StorageError> {
        self.chain.close(end);
        self.write_finished(0)?;
        self.indexer.rename(name);
        let max = self.indexer.max;
        self.indexer.seal(sealed_at);
        // Made again when they are needed, if they cannot be written now.
        let _ = self.indexer.flush(self.temporary.fs.as_ref(), dir);
        if !canary::is("rewritten_not_synced") {
            // Through the handle that wrote: only that one hears of a failed write-back.
            self.file.sync_data().map_err(|err| self.failed("syncing", err))?;
        }
        Ok(Written { temporary: self.temporary, size: self.position, max })
    }

    /// Indexes finished batches, and writes them once there are more than `bytes_min` of them.
    fn write_finished(&mut self, bytes_min: usize) -> Result<(), StorageError> {
        let finished = self.chain.finished();
        while let Some(rest) = finished.get(self.indexed..).filter(|rest| !rest.is_empty()) {
            let parsed = BatchHeader::parse(rest);
            let header =
                parsed.map_err(|err| self.failed("writing", std::io::Error::other(err)))?;
            self.indexer.note(&header, self.position + self.indexed as u64, self.interval);
            self.indexed += header.size;
        }
        let count = finished.len();
        if count > bytes_min {
            let written = self.file.write_all_at(finished, self.position);
            written.map_err(|err| self.failed("writing", err))?;
            self.chain.drop_finished();
            self.indexed = 0;
            self.position += count as u64;
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str, err: std::io::Error) -> StorageError {
        StorageError::io(doing, self.temporary.path().unwrap_or(Path::new("")), err)
    }
}
