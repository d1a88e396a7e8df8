//! Which partitions this broker has ever put into service and not deleted since.
//!
//! Kept beside the log directories, not in them: when a partition is in the metadata and in the
//! inventory but its files are gone, they were lost, and the partition is not served. Without this
//! memory it would silently start again, empty.
//!
//! It also says which entry of the metadata log it was written after: a log that ends before that
//! entry has lost its end, whatever its files look like.
//!
//! ```text
//!   "KQIV" file, version 2 | entry u64 | (topic id [16] | partition u32) ...
//! ```

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use kq_storage::vfs::Vfs;
use kq_storage::{AtomicFile, FileError};
use uuid::Uuid;

use crate::ids::{PartitionId, PartitionIndex, TopicId};
use crate::raft::KnownEnd;

const FORMAT: AtomicFile = AtomicFile { magic: *b"KQIV", version: 2 };
const ENTRY_BYTES: usize = 20;
/// The file's name in the data directory.
const FILE: &str = "inventory";

/// The partitions in service, on disk and in memory.
#[derive(Debug)]
pub(super) struct Inventory {
    fs: Arc<dyn Vfs>,
    path: PathBuf,
    content: Content,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Content {
    /// The newest entry of the metadata log that it knows; it was stable before.
    seen: u64,
    known: BTreeSet<PartitionId>,
}

impl Inventory {
    /// Reads it; it is empty before the first partition.
    pub(super) fn open(fs: Arc<dyn Vfs>, data_dir: &std::path::Path) -> Result<Self, FileError> {
        let path = data_dir.join(FILE);
        let content = FORMAT.read(fs.as_ref(), &path)?;
        let content = content.map(|(version, bytes)| decode(version, &bytes)).unwrap_or_default();
        Ok(Self { fs, path, content })
    }

    /// An entry that the metadata log must reach, if partitions were ever put into service.
    pub(super) fn known_end(&self) -> Option<KnownEnd> {
        let index = self.content.seen;
        (index > 0).then(|| KnownEnd { index, witness: self.path.clone() })
    }

    /// Whether a partition was in service before.
    pub(super) fn contains(&self, id: PartitionId) -> bool {
        self.content.known.contains(&id)
    }

    /// All partitions that were in service and not deleted since.
    pub(super) fn known(&self) -> impl Iterator<Item = PartitionId> {
        self.content.known.iter().copied()
    }

    /// Takes these partitions in and those out, as of an entry that stands in the metadata log;
    /// durable on return.
    pub(super) fn change(
        &mut self,
        seen: u64,
        come: &[PartitionId],
        go: &[PartitionId],
    ) -> Result<(), FileError> {
        let mut known = self.content.known.clone();
        known.extend(come);
        for id in go {
            known.remove(id);
        }
        if known != self.content.known {
            let next = Content { seen: seen.max(self.content.seen), known };
            FORMAT.write(self.fs.as_ref(), &self.path, &encode(&next))?;
            self.content = next;
        }
        Ok(())
    }
}

fn encode(content: &Content) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + content.known.len() * ENTRY_BYTES);
    bytes.extend_from_slice(&content.seen.to_le_bytes());
    for id in &content.known {
        bytes.extend_from_slice(id.topic.0.as_bytes());
        bytes.extend_from_slice(&id.index.0.to_le_bytes());
    }
    bytes
}

fn decode(version: u16, bytes: &[u8]) -> Content {
    // The first version did not say what it had seen.
    let (seen, rest) = match bytes.split_first_chunk::<8>() {
        Some((seen, rest)) if version > 1 => (u64::from_le_bytes(*seen), rest),
        Some(_) | None => (0, bytes),
    };
    let (entries, _) = rest.as_chunks::<ENTRY_BYTES>();
    let entry = |entry: &[u8; ENTRY_BYTES]| {
        let (topic, index) = entry.split_first_chunk::<16>()?;
        let index = u32::from_le_bytes(index.try_into().ok()?);
        Some(PartitionId { topic: TopicId(Uuid::from_bytes(*topic)), index: PartitionIndex(index) })
    };
    Content { seen, known: entries.iter().filter_map(entry).collect() }
}

#[cfg(test)]
mod tests {
    use kq_storage::vfs::RealFs;

    use super::*;

    #[test]
    fn what_came_and_went_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let id = |topic: u128, index| PartitionId {
            topic: TopicId(Uuid::from_u128(topic)),
            index: PartitionIndex(index),
        };
        let open = || Inventory::open(Arc::new(RealFs), dir.path()).unwrap();
        assert_eq!(open().known_end(), None);
        open().change(7, &[id(1, 0), id(1, 300), id(2, 0)], &[]).unwrap();
        open().change(9, &[id(3, 1)], &[id(2, 0)]).unwrap();
        let again = open();
        assert!(again.contains(id(1, 300)) && again.contains(id(3, 1)));
        assert!(!again.contains(id(2, 0)));
        assert_eq!(again.known_end().map(|end| end.index), Some(9));
    }

    #[test]
    fn the_first_version_is_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let id = PartitionId { topic: TopicId(Uuid::from_u128(5)), index: PartitionIndex(2) };
        let content = Content { seen: 0, known: BTreeSet::from([id]) };
        let old = AtomicFile { version: 1, ..FORMAT };
        old.write(&RealFs, &dir.path().join(FILE), &encode(&content)[8..]).unwrap();
        let inventory = Inventory::open(Arc::new(RealFs), dir.path()).unwrap();
        assert_eq!((inventory.content.clone(), inventory.known_end()), (content, None));
    }
}
