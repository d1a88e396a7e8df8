//! What can be wrong with a file that begins with a magic and a version.

use std::io;
use std::path::{Path, PathBuf};

/// A file could not be read or written, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("{action} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are not those that were written.
    #[error("{} is damaged at byte {offset}: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins, as far as can be told.
        offset: u64,
        /// How it shows.
        what: &'static str,
    },
    /// Another kind of file, or damage in its first bytes.
    #[error("{} begins with \"{}\" instead of \"{}\"", .path.display(), .found.escape_ascii(),
        .expected.escape_ascii())]
    WrongMagic {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        found: [u8; 4],
        /// What they should be.
        expected: [u8; 4],
    },
    /// Written by a version of kq that this one does not know.
    #[error("{} has format version {found}; this version of kq reads {supported}", .path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u16,
        /// The newest version that can be read.
        supported: u16,
    },
}

impl FileError {
    /// For `map_err`: names the action and the path of a failed call.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_path_buf(), source }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, what: &'static str) -> Self {
        Self::Damaged { path: path.to_path_buf(), offset, what }
    }
}
