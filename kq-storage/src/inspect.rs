//! Looking into a log's files without opening the log: nothing is locked, mended or rebuilt. For tools
//! that read a directory offline; a directory in use may change under their eyes.

mod small;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{BatchHeader, DecompressLimits, HEADER_BYTES, walk_stored_records};
use crate::checkpoint::CHECKPOINT_FILE;
use crate::epochs::EPOCHS_FILE;
use crate::identity::IDENTITY_FILE;
use crate::log::CLEANED_FILE;
use crate::segment::{self, parse_name};
use crate::vfs::{OpenMode, Vfs, VfsFile};
use crate::{Offset, StorageError};

/// Bytes of one batch that are believed; no topic allows more.
const BATCH_BYTES_MAX: u64 = 1 << 30;

/// What a file of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Batches.
    Segment,
    /// Offsets to positions.
    OffsetIndex,
    /// Times to offsets.
    TimeIndex,
    /// State of idempotent producers.
    ProducerSnapshot,
    /// Leader epochs and where they began.
    Epochs,
    /// Whose log it is.
    Identity,
    /// Up to where everything is synced.
    RecoveryPoint,
    /// How far everything is compacted.
    Cleaned,
    /// Something else.
    Other,
}

impl FileKind {
    /// By the file's name.
    pub fn of(name: &str) -> Self {
        match (parse_name(name), name) {
            (Some((_, segment::FileKind::Log)), _) => Self::Segment,
            (Some((_, segment::FileKind::Index)), _) => Self::OffsetIndex,
            (Some((_, segment::FileKind::TimeIndex)), _) => Self::TimeIndex,
            (Some((_, segment::FileKind::Snapshot)), _) => Self::ProducerSnapshot,
            (None, EPOCHS_FILE) => Self::Epochs,
            (None, IDENTITY_FILE) => Self::Identity,
            (None, CHECKPOINT_FILE) => Self::RecoveryPoint,
            (None, CLEANED_FILE) => Self::Cleaned,
            (None, _) => Self::Other,
        }
    }

    /// One word for people and scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::OffsetIndex => "offset_index",
            Self::TimeIndex => "time_index",
            Self::ProducerSnapshot => "producer_snapshot",
            Self::Epochs => "epochs",
            Self::Identity => "identity",
            Self::RecoveryPoint => "recovery_point",
            Self::Cleaned => "cleaned",
            Self::Other => "other",
        }
    }
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes from the beginning of the file.
    pub position: u64,
    /// In words.
    pub what: String,
}

impl Fault {
    fn at(position: u64, what: impl ToString) -> Self {
        Self { position, what: what.to_string() }
    }
}

/// One batch of a segment.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where it begins.
    pub position: u64,
    /// Its header.
    pub header: BatchHeader,
    /// All of its bytes.
    pub bytes: Vec<u8>,
    /// What is wrong with it, though its header can be read.
    pub fault: Option<Fault>,
}

/// Files of a log's directory, sorted by name.
pub fn files(fs: &dyn Vfs, dir: &Path) -> Result<Vec<(PathBuf, FileKind, u64)>, StorageError> {
    let entries = fs.list(dir).map_err(|err| StorageError::io("listing", dir, err))?;
    let files = entries.into_iter().filter(|entry| !entry.is_dir);
    Ok(files.map(|it| (dir.join(&it.name), FileKind::of(&it.name), it.len)).collect())
}

/// The batches of a segment, one after the other. Ends at the end of the file or behind the first
/// bytes that are no batch.
pub struct Batches {
    file: Arc<dyn VfsFile>,
    path: PathBuf,
    len: u64,
    at: u64,
    /// The next batch begins here.
    expected: Offset,
}

impl Batches {
    /// Opens a segment for reading.
    pub fn open(fs: &dyn Vfs, path: &Path) -> Result<Self, StorageError> {
        let failed = |err| StorageError::io("reading", path, err);
        let file = fs.open(path, OpenMode::Read).map_err(failed)?;
        let len = file.len().map_err(failed)?;
        let base = path.file_name().and_then(|name| parse_name(name.to_str()?));
        let expected = base.map_or(Offset(0), |(name, _)| name.base);
        Ok(Self { file, path: path.to_owned(), len, at: 0, expected })
    }

    /// The next batch; a fault ends the walk, since nothing says where the next batch would be.
    pub fn next_batch(&mut self) -> Result<Option<Result<Batch, Fault>>, StorageError> {
        let left = self.len - self.at;
        if left == 0 {
            return Ok(None);
        }
        let position = self.at;
        // Until it is known to be whole, this is the end.
        self.at = self.len;
        if left < HEADER_BYTES as u64 {
            return Ok(Some(Err(Fault::at(position, format!("{left} bytes are no batch")))));
        }
        let head = self.read(position, HEADER_BYTES as u64)?;
        let header = match BatchHeader::parse(&head) {
            Ok(header) => header,
            Err(why) => return Ok(Some(Err(Fault::at(position, why)))),
        };
        let size = header.size as u64;
        if left < size || BATCH_BYTES_MAX < size {
            let what = format!("a batch of {size} bytes is cut after {left}");
            return Ok(Some(Err(Fault::at(position, what))));
        }
        let bytes = self.read(position, size)?;
        self.at = position + size;
        let fault = self.judge(&header, &bytes).map(|what| Fault::at(position, what));
        self.expected = header.next_offset();
        Ok(Some(Ok(Batch { position, header, bytes, fault })))
    }

    /// What is wrong with a batch whose extent is known.
    fn judge(&self, header: &BatchHeader, bytes: &[u8]) -> Option<String> {
        if let Err(why) = header.verify_crc(bytes) {
            return Some(why.to_string());
        }
        if header.base_offset != self.expected {
            let (found, expected) = (header.base_offset.0, self.expected.0);
            return Some(format!("offset {found} stands where {expected} must"));
        }
        let walked = walk_stored_records(bytes, header, DecompressLimits::default());
        walked.err().map(|why| why.to_string())
    }

    fn read(&self, position: u64, len: u64) -> Result<Vec<u8>, StorageError> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = self.file.read_exact_at(&mut bytes, position);
        read.map_err(|err| StorageError::io("reading", &self.path, err))?;
        Ok(bytes)
    }
}

/// The first fault of a file, if it has one. Files of an unknown kind have none.
pub fn verify(fs: &dyn Vfs, path: &Path) -> Result<Option<Fault>, StorageError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let kind = FileKind::of(name);
    if kind != FileKind::Segment {
        return small::verify(fs, path, kind);
    }
    let mut batches = Batches::open(fs, path)?;
    while let Some(batch) = batches.next_batch()? {
        match batch {
            Ok(Batch { fault: None, .. }) => {}
            Ok(Batch { fault: Some(fault), .. }) | Err(fault) => return Ok(Some(fault)),
        }
    }
    Ok(None)
}
