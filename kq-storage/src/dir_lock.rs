//! A lock against two processes on one directory: `flock` on the file `.lock` in it.
//!
//! The kernel releases it with the process, however that ends: a left-over file means nothing.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the lock file in the directory.
pub const LOCK_FILE: &str = ".lock";

/// A directory held by this process until it is dropped.
#[derive(Debug)]
pub struct DirLock {
    _held: Held,
    dir: PathBuf,
}

/// What ends the lock by being dropped.
#[derive(Debug)]
enum Held {
    File { _locked: File },
    Simulated { _alive: Arc<()> },
}

/// Why a directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum DirLockError {
    /// Another process holds it, or this one already does.
    #[error("directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The lock file could not be opened or locked.
    #[error("lock {}: {source}", .path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DirLock {
    /// Takes the lock, or says at once that it is taken. The directory must exist.
    pub fn acquire(dir: &Path) -> Result<Self, DirLockError> {
        let path = dir.join(LOCK_FILE);
        let failed = |source| DirLockError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _held: Held::File { _locked: file }, dir: dir.to_path_buf() }),
            Err(TryLockError::WouldBlock) => Err(DirLockError::InUse(dir.to_path_buf())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// A lock on a simulated disk, held for as long as `alive` is.
    pub(crate) fn simulated(dir: &Path, alive: Arc<()>) -> Self {
        Self { _held: Held::Simulated { _alive: alive }, dir: dir.to_path_buf() }
    }

    /// The directory that is held.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_lock_on_a_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::acquire(dir.path()).unwrap();
        let err = DirLock::acquire(dir.path()).unwrap_err();
        assert!(matches!(err, DirLockError::InUse(_)), "{err}");
        drop(held);
        DirLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn lock_in_a_missing_directory_names_the_file() {
        let err = DirLock::acquire(Path::new("/nonexistent/kq")).unwrap_err();
        assert!(err.to_string().starts_with("lock /nonexistent/kq/.lock: "), "{err}");
    }
}
