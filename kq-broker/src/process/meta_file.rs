//! Whose a directory is: the file `meta` names the cluster, the broker and the directory itself.
//!
//! ```text
//!   "KQMT" file | cluster id, length first | node id u32 | directory id [16]
//! ```

use std::path::Path;

use kq_storage::vfs::Vfs;
use kq_storage::{AtomicFile, FileError};
use uuid::Uuid;

const FORMAT: AtomicFile = AtomicFile { magic: *b"KQMT", version: 1 };
/// The file's name.
pub(super) const FILE: &str = "meta";

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) cluster: String,
    pub(super) node: u32,
    pub(super) dir: Uuid,
}

impl Meta {
    pub(super) fn read(fs: &dyn Vfs, dir: &Path) -> Result<Option<Self>, FileError> {
        let path = dir.join(FILE);
        let Some((_, content)) = FORMAT.read(fs, &path)? else { return Ok(None) };
        let what = "its content is not that of a meta file";
        let damaged = || FileError::Damaged { path: path.clone(), offset: 0, what };
        Self::decode(&content).map(Some).ok_or_else(damaged)
    }

    pub(super) fn write(&self, fs: &dyn Vfs, dir: &Path) -> Result<(), FileError> {
        FORMAT.write(fs, &dir.join(FILE), &self.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let length = u32::try_from(self.cluster.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(self.cluster.as_bytes());
        bytes.extend_from_slice(&self.node.to_le_bytes());
        bytes.extend_from_slice(self.dir.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (cluster, rest) = rest.split_at_checked(length)?;
        let (node_id, rest) = rest.split_first_chunk::<4>()?;
        Some(Self {
            cluster: std::str::from_utf8(cluster).ok()?.to_owned(),
            node: u32::from_le_bytes(*node_id),
            dir: Uuid::from_slice(rest).ok()?,
        })
    }
}
