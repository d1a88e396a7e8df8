//! Files other than segments: a head with magic, version and CRC, then whatever their kind holds.

use std::path::Path;

use super::{Fault, FileKind};
use crate::batch::BatchHeader;
use crate::checkpoint::CheckpointFile;
use crate::epochs::EpochHistory;
use crate::identity::read_identity;
use crate::log::Cleaned;
use crate::producers::{self, SnapshotError};
use crate::segment::{OffsetEntry, SegmentName, TimeEntry, parse_entries, parse_name};
use crate::vfs::{OpenMode, Vfs, exists, read_all};
use crate::{Offset, StorageError};

pub(super) fn verify(
    fs: &dyn Vfs,
    path: &Path,
    kind: FileKind,
) -> Result<Option<Fault>, StorageError> {
    let failed = |err| StorageError::io("reading", path, err);
    let bytes =
        fs.open(path, OpenMode::Read).and_then(|it| read_all(it.as_ref())).map_err(failed)?;
    let dir = path.parent().unwrap_or(path);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let segment = parse_name(name).map_or(SegmentName::plain(Offset(0)), |(name, _)| name);
    let base = segment.base;
    Ok(match kind {
        FileKind::OffsetIndex => return offset_index(fs, path, &bytes, segment),
        FileKind::TimeIndex => match parse_entries::<TimeEntry>(&bytes, base) {
            Ok(entries) => {
                let sealed = entries.iter().filter(|entry| !entry.is_seal());
                let rising = sealed.is_sorted_by_key(|entry| (entry.timestamp, entry.relative));
                (!rising).then(|| Fault::at(0, "its entries do not rise"))
            }
            Err((position, what)) => Some(Fault::at(position, what)),
        },
        FileKind::ProducerSnapshot => {
            producers::from_bytes(&bytes, base).err().map(|why| match why {
                SnapshotError::Version(version) => unknown(version),
                SnapshotError::Damaged(what) => Fault::at(0, what),
            })
        }
        FileKind::Epochs => EpochHistory::from_bytes(&bytes).err().map(|why| match why {
            Ok(version) => unknown(version),
            Err(what) => Fault::at(0, what),
        }),
        FileKind::Identity => read_identity(fs, dir).err().map(|why| Fault::at(0, why)),
        FileKind::RecoveryPoint => match CheckpointFile::open(fs, dir) {
            Ok(file) if file.last().is_none() && !bytes.is_empty() => {
                Some(Fault::at(0, "none of its slots is whole"))
            }
            Ok(_) => None,
            Err(why) => Some(Fault::at(0, why)),
        },
        FileKind::Cleaned => Cleaned::from_bytes(&bytes).err().map(|why| match why {
            Ok(version) => unknown(version),
            Err(what) => Fault::at(0, what),
        }),
        FileKind::Segment | FileKind::Other => None,
    })
}

fn unknown(version: u16) -> Fault {
    Fault::at(0, format!("version {version} is not known"))
}

/// Each entry must lead to a batch with that base offset.
fn offset_index(
    fs: &dyn Vfs,
    path: &Path,
    bytes: &[u8],
    name: SegmentName,
) -> Result<Option<Fault>, StorageError> {
    let base = name.base;
    let entries = match parse_entries::<OffsetEntry>(bytes, base) {
        Ok(entries) => entries,
        Err((position, what)) => return Ok(Some(Fault::at(position, what))),
    };
    let segment = name.log_path(path.parent().unwrap_or(path));
    let failed = |err| StorageError::io("reading", &segment, err);
    if entries.is_empty() || !exists(fs, &segment).map_err(failed)? {
        return Ok(None);
    }
    let segment = fs.open(&segment, OpenMode::Read).map_err(failed)?;
    for entry in entries {
        let mut head = [0; crate::batch::HEADER_BYTES];
        let due = base.plus(entry.relative.into());
        let found = segment.read_exact_at(&mut head, entry.position.into()).ok();
        let found = found.and_then(|()| BatchHeader::parse(&head).ok());
        if found.is_none_or(|header| header.base_offset != due) {
            let (due, position) = (due.0, entry.position);
            let what = format!("no batch with offset {due} begins at {position} of the segment");
            return Ok(Some(Fault::at(0, what)));
        }
    }
    Ok(None)
}
