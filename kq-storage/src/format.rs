//! The head of every small file: a magic, a version and, at the end, a CRC.
//!
//! ```text
//!   magic 6 bytes | version u16 | body ... | crc u32 of all before it
//! ```
//! Derived files (indexes) are rebuilt when they are damaged. A file whose CRC is right and whose
//! version is unknown was written by a later version of this software: it is refused by name.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::StorageError;
use crate::vfs::{OpenMode, Vfs, VfsFile};

/// Bytes of magic and version.
pub(crate) const PREFIX_BYTES: usize = 8;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) magic: [u8; 6],
    pub(crate) version: u16,
}

/// What stands where a file of some format should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened<'a> {
    /// The body between prefix and CRC.
    Body(&'a [u8]),
    /// Cut, flipped or something else.
    Damaged(&'static str),
    /// Whole, but of another version.
    Version(u16),
}

impl Format {
    /// The bytes of a file with this body.
    pub(crate) fn seal(self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len() + 4);
        bytes.extend_from_slice(&self.magic);
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(body);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// Takes the body out of a file's bytes.
    pub(crate) fn open(self, bytes: &[u8]) -> Opened<'_> {
        let Some((rest, crc)) = bytes.split_last_chunk::<4>() else {
            return Opened::Damaged("shorter than its frame");
        };
        if crc32c::crc32c(rest) != u32::from_be_bytes(*crc) {
            return Opened::Damaged("its crc does not match");
        }
        let Some((magic, rest)) = rest.split_first_chunk::<6>() else {
            return Opened::Damaged("shorter than its frame");
        };
        let Some((version, body)) = rest.split_first_chunk::<2>() else {
            return Opened::Damaged("shorter than its frame");
        };
        if *magic != self.magic {
            return Opened::Damaged("its magic is of another kind of file");
        }
        match u16::from_be_bytes(*version) {
            version if version == self.version => Opened::Body(body),
            version => Opened::Version(version),
        }
    }

    pub(crate) fn unknown_version(self, path: &Path, found: u16) -> StorageError {
        StorageError::UnknownVersion { path: path.to_path_buf(), found, known: self.version }
    }
}

/// Reads a whole small file; `None` if there is none.
pub(crate) fn read_small(fs: &dyn Vfs, path: &Path) -> Result<Option<Vec<u8>>, StorageError> {
    let failed = |err| StorageError::io("reading", path, err);
    match fs.open(path, OpenMode::Read) {
        Ok(file) => read_whole(file.as_ref()).map(Some).map_err(failed),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(failed(err)),
    }
}

/// Reads all of a file that is most often a few dozen bytes long.
fn read_whole(file: &dyn VfsFile) -> std::io::Result<Vec<u8>> {
    const FIRST_BYTES: usize = 1_536;
    let mut bytes = vec![0; FIRST_BYTES];
    let mut filled = 0;
    loop {
        let room = bytes.get_mut(filled..).unwrap_or_default();
        match file.read_at(room, filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
        if filled == bytes.len() {
            bytes.resize(filled * 2, 0);
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// When a replaced file has to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stable {
    /// When the call returns; and there is the old or the new one at any moment.
    Now,
    /// Some time. Until then a power cut may leave it old, new or damaged; a process that is killed
    /// leaves it old or new.
    Later,
}

/// What the page cache takes in one go, so that no kill comes in between.
const ONE_GO_BYTES_MAX: usize = 4_096;

/// Replaces a small file whole.
pub(crate) fn replace_small(
    fs: &dyn Vfs,
    path: &Path,
    bytes: &[u8],
    stable: Stable,
) -> Result<(), StorageError> {
    if stable == Stable::Later && write_over(fs, path, bytes)? {
        return Ok(());
    }
    let temporary = temporary_of(path);
    let failed = |doing| move |err| StorageError::io(doing, path, err);
    match fs.remove_file(&temporary) {
        Err(err) if err.kind() != ErrorKind::NotFound => return Err(failed("replacing")(err)),
        Ok(()) | Err(_) => {}
    }
    let file = fs.open(&temporary, OpenMode::CreateNew).map_err(failed("creating"))?;
    file.write_all_at(bytes, 0).map_err(failed("writing"))?;
    if stable == Stable::Now {
        file.sync_data().map_err(failed("syncing"))?;
    }
    fs.rename(&temporary, path).map_err(failed("renaming to"))?;
    if stable == Stable::Later {
        return Ok(());
    }
    crate::vfs::sync_parent(fs, path).map_err(failed("syncing the directory of"))
}

/// Writes over a file that is no longer than this, which costs a file system much less than a new
/// file under the name does; false where that cannot be done.
fn write_over(fs: &dyn Vfs, path: &Path, bytes: &[u8]) -> Result<bool, StorageError> {
    let failed = |doing| move |err| StorageError::io(doing, path, err);
    if bytes.len() > ONE_GO_BYTES_MAX {
        return Ok(false);
    }
    let file = fs.open(path, OpenMode::CreateOrOpen).map_err(failed("opening"))?;
    if file.len().map_err(failed("measuring"))? > bytes.len() as u64 {
        return Ok(false);
    }
    file.write_all_at(bytes, 0).map_err(failed("writing"))?;
    Ok(true)
}

/// What a file is called while it is being written.
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(TEMPORARY_SUFFIX);
    PathBuf::from(name)
}

/// Removes a file that may be gone already.
pub(crate) fn remove_if_there(fs: &dyn Vfs, path: &Path) -> Result<(), StorageError> {
    match fs.remove_file(path) {
        Err(err) if err.kind() != ErrorKind::NotFound => {
            Err(StorageError::io("removing", path, err))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
