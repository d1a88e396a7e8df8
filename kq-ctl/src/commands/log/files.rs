//! Which files a path means: itself, those of a log's directory, or those of all logs below it.

use std::path::{Path, PathBuf};

use kq_storage::inspect::{self, FileKind};
use kq_storage::vfs::Vfs;

use crate::exit::Failure;

/// A file of a log.
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) kind: FileKind,
    pub(super) size_bytes: u64,
}

/// Sorted by path. A path without any file of a log is a mistake.
pub(super) fn find(fs: &dyn Vfs, path: &Path) -> Result<Vec<LogFile>, Failure> {
    let meta = std::fs::metadata(path).map_err(|error| missing(path, &error))?;
    let mut found = Vec::new();
    if meta.is_file() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let kind = FileKind::of(&name.unwrap_or_default());
        found.push(LogFile { path: path.to_owned(), kind, size_bytes: meta.len() });
    } else {
        walk(fs, path, &mut found)?;
    }
    found.retain(|file| file.kind != FileKind::Other);
    if found.is_empty() && meta.is_file() {
        return Err(Failure::usage(format!("{} is no file of a log", path.display()))
            .hint("a name as 00000000000000000000.log, or a directory"));
    }
    Ok(found)
}

fn walk(fs: &dyn Vfs, dir: &Path, found: &mut Vec<LogFile>) -> Result<(), Failure> {
    for (path, kind, size_bytes) in inspect::files(fs, dir).map_err(|error| unreadable(&error))? {
        found.push(LogFile { path, kind, size_bytes });
    }
    let entries = fs.list(dir).map_err(|error| Failure::file("list", dir, &error))?;
    for entry in entries.iter().filter(|entry| entry.is_dir) {
        walk(fs, &dir.join(&entry.name), found)?;
    }
    Ok(())
}

fn missing(path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::file("read", path, error);
    if error.kind() != std::io::ErrorKind::NotFound {
        return failure;
    }
    Failure { exit: crate::exit::Exit::NotFound, ..failure }
        .hint("the data directory of a broker has its logs below it")
}

pub(super) fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new("kq.FILE", error.to_string())
}
