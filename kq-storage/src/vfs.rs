//! The file system as this crate sees it: eleven calls on names, six on an open file.
//!
//! Two bodies: [`RealFs`] and the simulated disk [`crate::sim::SimDisk`]. One conformance suite
//! runs over both. Whatever is written becomes stable only when it is asked to:
//!
//! ```text
//!   write_at, truncate           stable after sync_data on the handle that wrote
//!   open(Create..), rename,      stable after sync_dir of the parent directory
//!   remove_file, create_dir_all  (of each parent, when several directories are new)
//! ```

use std::fmt::Debug;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use crate::canary;
use crate::dir_lock::{DirLock, DirLockError};

#[cfg(test)]
mod conformance;
mod real;

pub use real::RealFs;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for reading only.
    Read,
    /// An existing file, for reading and writing.
    ReadWrite,
    /// A new file; fails with `AlreadyExists` if the name is taken.
    CreateNew,
    /// The existing file, or a new empty one.
    CreateOrOpen,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name alone, without its directory.
    pub name: String,
    /// Whether the name is a directory.
    pub is_dir: bool,
    /// Bytes in the file; zero for a directory.
    pub len: u64,
}

/// The room on the volume that a directory is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that the volume can hold altogether.
    pub total_bytes: u64,
    /// Bytes that this process may still write.
    pub free_bytes: u64,
}

/// A file system. Paths are absolute.
pub trait Vfs: Send + Sync + Debug + 'static {
    /// Opens or creates a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>>;

    /// The names in a directory, sorted. Names that are not UTF-8 are left out: this crate makes none.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Creates a directory and its missing parents. See [`create_dir_durable`].
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Renames a file or a directory; an existing file at `to` is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name; open handles keep reading.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with all that is in it.
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory stable. Prefer [`sync_dir`] and [`sync_parent`].
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Locks a directory against other processes, or says at once that one holds it. The directory
    /// must exist.
    fn lock_dir(&self, dir: &Path) -> Result<DirLock, DirLockError>;

    /// The room on the volume of `dir`.
    fn space(&self, dir: &Path) -> io::Result<Space>;

    /// Bytes that this process may still write on the volume of `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        Ok(self.space(dir)?.free_bytes)
    }
}

/// An open file. Every call names its position: a handle can be shared by threads.
pub trait VfsFile: Send + Sync + Debug + 'static {
    /// Reads up to `buf.len()` bytes; zero at the end of the file.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes some of `buf`, at least one byte of it.
    fn write_at(&self, buf: &[u8], at: u64) -> io::Result<usize>;

    /// Writes some of `bufs`, one after another.
    fn write_vectored_at(&self, bufs: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        bufs.iter().find(|buf| !buf.is_empty()).map_or(Ok(0), |buf| self.write_at(buf, at))
    }

    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Sets the length: cuts, or extends with zeros.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes what this handle wrote stable, with the length needed to read it back.
    ///
    /// After a failure the bytes must be taken as lost: a second call may report success over
    /// pages that the kernel has dropped.
    fn sync_data(&self) -> io::Result<()>;

    /// The descriptor for `sendfile`; `None` when there is none and the reader must copy.
    fn as_fd(&self) -> Option<BorrowedFd<'_>>;

    /// Fills `buf` or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, at + done as u64) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => done += count,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Writes all of `buf`, also when the system takes it in pieces.
    fn write_all_at(&self, buf: &[u8], at: u64) -> io::Result<()> {
        let mut done = 0;
        while let Some(rest) = buf.get(done..).filter(|rest| !rest.is_empty()) {
            match self.write_at(rest, at + done as u64) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// Writes all of `bufs`, one after another, also when the system takes them in pieces.
    fn write_all_vectored_at(&self, bufs: &mut [IoSlice<'_>], at: u64) -> io::Result<()> {
        let mut bufs = bufs;
        let mut at = at;
        IoSlice::advance_slices(&mut bufs, 0);
        while !bufs.is_empty() {
            match self.write_vectored_at(bufs, at) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    at += count as u64;
                    IoSlice::advance_slices(&mut bufs, count);
                }
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }
}

/// Reads a whole file into memory. Grows with what is read, never with a claimed length.
pub fn read_all(file: &dyn VfsFile) -> io::Result<Vec<u8>> {
    const CHUNK_BYTES_MIN: usize = 1024;
    const CHUNK_BYTES_MAX: usize = 1024 * 1024;
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        bytes.resize(start + start.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX), 0);
        let Some(room) = bytes.get_mut(start..) else { return Ok(bytes) };
        let count = match file.read_at(room, start as u64) {
            Ok(count) => count,
            Err(err) if err.kind() == ErrorKind::Interrupted => {
                bytes.truncate(start);
                continue;
            }
            Err(err) => return Err(err),
        };
        bytes.truncate(start + count);
        if count == 0 {
            return Ok(bytes);
        }
    }
}

/// Whether a name exists, be it a file or a directory.
pub fn exists(fs: &dyn Vfs, path: &Path) -> io::Result<bool> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(path.parent().is_none());
    };
    match fs.list(dir) {
        Ok(entries) => Ok(entries.iter().any(|entry| entry.name == name)),
        Err(err) if matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(err) => Err(err),
    }
}

/// Makes the names in `dir` stable.
pub fn sync_dir(fs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    if canary::is("skip_dir_fsync") {
        return Ok(());
    }
    fs.sync_dir(dir)
}

/// Makes the name `path` stable: its creation, its removal or a rename to it.
pub fn sync_parent(fs: &dyn Vfs, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| sync_dir(fs, dir))
}

/// Creates a directory with its missing parents, and makes each name on the way stable.
///
/// Names that exist are synced as well: a process that was killed may have made them just before.
pub fn create_dir_durable(fs: &dyn Vfs, dir: &Path) -> io::Result<()> {
    fs.create_dir_all(dir)?;
    let parents: Vec<&Path> = dir.ancestors().skip(1).collect();
    for parent in parents.into_iter().rev() {
        match sync_dir(fs, parent) {
            // Where this process may not even look, it has not made anything.
            Err(err) if err.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}
