//! Putting the files of a journal together after a stop of any kind.

use std::path::{Path, PathBuf};

use super::JournalRecovered;
use super::scan::Scanned;
use super::segment::{Active, Found, Segment, base_in_name};
use crate::file_error::FileError;
use crate::vfs::{Vfs, sync_dir};

type Opened = (Vec<Segment>, Option<Active>, JournalRecovered);

pub(super) fn open_files(fs: &dyn Vfs, dir: &Path) -> Result<Opened, FileError> {
    let mut recovered = JournalRecovered::default();
    // A process that was killed may have left names that only the page cache knows.
    sync_dir(fs, dir).map_err(FileError::io("sync", dir))?;
    let mut found = load_all(fs, dir, &mut recovered)?;
    let afresh = found.iter().rposition(|(segment, _)| segment.header.starts_afresh).unwrap_or(0);
    let obsolete: Vec<PathBuf> = found.drain(..afresh).map(|(segment, _)| segment.path).collect();
    let last = found.pop();
    let mut sealed: Vec<Segment> = Vec::with_capacity(found.len());
    let mut bases =
        found.iter().skip(1).map(|(segment, _)| segment.header.base).collect::<Vec<_>>();
    bases.extend(last.iter().map(|(segment, _)| segment.header.base));
    for ((segment, scanned), next_base) in found.into_iter().zip(bases) {
        if segment.next_index() != next_base {
            let what = "entries are missing between it and the next file";
            return Err(FileError::damaged(&segment.path, u64::from(scanned.end), what));
        }
        sealed.push(segment);
    }
    let Some((segment, scanned)) = last else {
        recovered.is_clean = true;
        return Ok((sealed, None, recovered));
    };
    recovered.is_clean = scanned.is_clean;
    recovered.torn_bytes = scanned.torn_bytes;
    let active = Active::resume(fs, segment, &scanned)?;
    // Only now is the file that makes them obsolete known to be stable.
    obsolete.iter().try_for_each(|path| remove(fs, dir, path, &mut recovered))?;
    Ok((sealed, Some(active), recovered))
}

/// Makes the last sealed file the active one again.
pub(super) fn reopen(fs: &dyn Vfs, segment: Segment) -> Result<Active, FileError> {
    let base = segment.header.base;
    match Segment::load(fs, segment.path.clone(), base)? {
        Found::Segment(segment, scanned) => Active::resume(fs, segment, &scanned),
        Found::Unborn => Err(FileError::damaged(&segment.path, 0, "its entries are gone")),
    }
}

fn load_all(
    fs: &dyn Vfs,
    dir: &Path,
    recovered: &mut JournalRecovered,
) -> Result<Vec<(Segment, Scanned)>, FileError> {
    let entries = fs.list(dir).map_err(FileError::io("list", dir))?;
    // Names have a fixed width, so their order is that of the bases.
    let names = entries.iter().filter_map(|entry| Some((base_in_name(&entry.name)?, &entry.name)));
    let files: Vec<(u64, PathBuf)> = names.map(|(base, name)| (base, dir.join(name))).collect();
    let mut found = Vec::with_capacity(files.len());
    let count = files.len();
    for (nth, (base, path)) in files.into_iter().enumerate() {
        match Segment::load(fs, path.clone(), base)? {
            Found::Segment(segment, scanned) => found.push((segment, scanned)),
            Found::Unborn if nth + 1 == count => remove(fs, dir, &path, recovered)?,
            Found::Unborn => {
                return Err(FileError::damaged(&path, 0, "its entries are gone"));
            }
        }
    }
    Ok(found)
}

fn remove(
    fs: &dyn Vfs,
    dir: &Path,
    path: &Path,
    recovered: &mut JournalRecovered,
) -> Result<(), FileError> {
    fs.remove_file(path).map_err(FileError::io("remove", path))?;
    sync_dir(fs, dir).map_err(FileError::io("sync", dir))?;
    recovered.removed_files += 1;
    Ok(())
}
