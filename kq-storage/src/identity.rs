//! Whose log a directory holds: sixteen bytes that its owner chose, checked before it is served.
//!
//! A topic that is deleted and created again has the same name but another identity, so that a
//! directory left over from the first can never be taken for the second's.
//!
//! ```text
//!   partition.metadata    magic "KQPART" | version u16 | identity 16 bytes | crc u32
//! ```

use std::path::Path;

use crate::StorageError;
use crate::format::{Format, Opened, read_small};
use crate::vfs::Vfs;

const FORMAT: Format = Format { magic: *b"KQPART", version: 1 };
/// The file's name, as in Kafka.
pub const IDENTITY_FILE: &str = "partition.metadata";

/// The sixteen bytes that tell one log from another of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogIdentity(pub [u8; 16]);

/// Reads the identity of the log in `dir`; `None` if it has none.
///
/// A file that a crash cut short counts as none: the log was never put into service.
pub fn read_identity(fs: &dyn Vfs, dir: &Path) -> Result<Option<LogIdentity>, StorageError> {
    let path = dir.join(IDENTITY_FILE);
    let Some(bytes) = read_small(fs, &path)? else { return Ok(None) };
    match FORMAT.open(&bytes) {
        Opened::Body(body) => match body.try_into() {
            Ok(identity) => Ok(Some(LogIdentity(identity))),
            Err(_) => Err(StorageError::corrupt(&path, 8, "the identity is not of 16 bytes")),
        },
        Opened::Version(found) => Err(FORMAT.unknown_version(&path, found)),
        Opened::Damaged(_) if bytes.iter().all(|byte| *byte == 0) => Ok(None),
        Opened::Damaged(why) => Err(StorageError::corrupt(&path, 0, why)),
    }
}

pub(crate) fn identity_bytes(identity: LogIdentity) -> Vec<u8> {
    FORMAT.seal(&identity.0)
}
