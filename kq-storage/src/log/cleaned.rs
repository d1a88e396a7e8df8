//! What a log notes of its compaction, for good.
//!
//! ```text
//!   cleaned    magic "KQCLEN" | version u16 | known to u64 | clean end u64 | finished at i64 | crc u32
//! ```
//! Below the clean end every key was looked at. No record at or above `known to` was ever the reason
//! to drop another: a log that is cut below may lack older records of keys whose newest were cut, so it
//! is emptied instead.

use std::path::Path;

use bytes::{Buf, BufMut};

use crate::format::{Format, Opened, Stable, read_small, remove_if_there, replace_small};
use crate::vfs::{Vfs, sync_dir};
use crate::{Offset, StorageError, TimestampMs};

const FORMAT: Format = Format { magic: *b"KQCLEN", version: 1 };
/// The file's name.
pub(crate) const CLEANED_FILE: &str = "cleaned";

/// The file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cleaned {
    pub(crate) known_to: Offset,
    pub(crate) clean_end: Offset,
    /// When the last pass ended.
    pub(crate) finished_at: Option<TimestampMs>,
}

impl Cleaned {
    /// Reads the file; `None` if there is none or it is damaged.
    pub(super) fn read(fs: &dyn Vfs, dir: &Path) -> Result<Option<Self>, StorageError> {
        let path = dir.join(CLEANED_FILE);
        let Some(bytes) = read_small(fs, &path)? else { return Ok(None) };
        match Self::from_bytes(&bytes) {
            Ok(cleaned) => Ok(Some(cleaned)),
            Err(Ok(version)) => Err(FORMAT.unknown_version(&path, version)),
            // Less is known then, and more is looked at.
            Err(Err(_)) => Ok(None),
        }
    }

    /// Replaces the file; stable on return.
    pub(super) fn write(&self, fs: &dyn Vfs, dir: &Path) -> Result<(), StorageError> {
        replace_small(fs, &dir.join(CLEANED_FILE), &self.to_bytes(), Stable::Now)
    }

    /// Removes the file; stable on return.
    pub(super) fn remove(fs: &dyn Vfs, dir: &Path) -> Result<(), StorageError> {
        remove_if_there(fs, &dir.join(CLEANED_FILE))?;
        sync_dir(fs, dir).map_err(|err| StorageError::io("syncing", dir, err))
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut body = Vec::new();
        body.put_u64(self.known_to.0);
        body.put_u64(self.clean_end.0);
        body.put_i64(self.finished_at.map_or(-1, |at| at.0));
        FORMAT.seal(&body)
    }

    /// Reads the file's bytes back; `Err` tells what is wrong, or the unknown version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Result<u16, &'static str>> {
        let mut body = match FORMAT.open(bytes) {
            Opened::Body(body) => body,
            Opened::Version(version) => return Err(Ok(version)),
            Opened::Damaged(why) => return Err(Err(why)),
        };
        if body.len() != 24 {
            return Err(Err("not as long as it has to be"));
        }
        let (known_to, clean_end) = (Offset(body.get_u64()), Offset(body.get_u64()));
        let finished_at = body.get_i64();
        let finished_at = (finished_at != -1).then_some(TimestampMs(finished_at));
        Ok(Self { known_to, clean_end, finished_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for finished_at in [None, Some(TimestampMs(7))] {
            let cleaned = Cleaned { known_to: Offset(90), clean_end: Offset(60), finished_at };
            assert_eq!(Cleaned::from_bytes(&cleaned.to_bytes()), Ok(cleaned));
            assert!(Cleaned::from_bytes(&cleaned.to_bytes()[1..]).is_err());
        }
    }
}
