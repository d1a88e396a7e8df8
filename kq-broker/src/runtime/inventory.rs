//! Which partitions this broker has ever put into service and not deleted since.
//!
//! Kept beside the log directories, not in them: when a partition is in the metadata and in the
//! inventory but its files are gone, they were lost, and the partition is not served. Without this
//! memory it would silently start again, empty.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use kq_storage::vfs::Vfs;
use kq_storage::{AtomicFile, FileError};
use uuid::Uuid;

use crate::ids::{PartitionId, PartitionIndex, TopicId};

const FORMAT: AtomicFile = AtomicFile { magic: *b"KQIV", version: 1 };
const ENTRY_BYTES: usize = 20;
/// The file's name in the data directory.
const FILE: &str = "inventory";

/// The partitions in service, on disk and in memory.
#[derive(Debug)]
pub(super) struct Inventory {
    fs: Arc<dyn Vfs>,
    path: PathBuf,
    known: BTreeSet<PartitionId>,
}

impl Inventory {
    /// Reads it; it is empty before the first partition.
    pub(super) fn open(fs: Arc<dyn Vfs>, data_dir: &std::path::Path) -> Result<Self, FileError> {
        let path = data_dir.join(FILE);
        let content = FORMAT.read(fs.as_ref(), &path)?;
        let known = content.map(|(_, bytes)| decode(&bytes)).unwrap_or_default();
        Ok(Self { fs, path, known })
    }

    /// Whether a partition was in service before.
    pub(super) fn contains(&self, id: PartitionId) -> bool {
        self.known.contains(&id)
    }

    /// Takes these partitions in and those out; durable on return.
    pub(super) fn change(
        &mut self,
        come: &[PartitionId],
        go: &[PartitionId],
    ) -> Result<(), FileError> {
        let mut next = self.known.clone();
        next.extend(come);
        for id in go {
            next.remove(id);
        }
        if next != self.known {
            FORMAT.write(self.fs.as_ref(), &self.path, &encode(&next))?;
            self.known = next;
        }
        Ok(())
    }
}

fn encode(ids: &BTreeSet<PartitionId>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ids.len() * ENTRY_BYTES);
    for id in ids {
        bytes.extend_from_slice(id.topic.0.as_bytes());
        bytes.extend_from_slice(&id.index.0.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> BTreeSet<PartitionId> {
    let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
    let entry = |entry: &[u8; ENTRY_BYTES]| {
        let (topic, index) = entry.split_first_chunk::<16>()?;
        let index = u32::from_le_bytes(index.try_into().ok()?);
        Some(PartitionId { topic: TopicId(Uuid::from_bytes(*topic)), index: PartitionIndex(index) })
    };
    entries.iter().filter_map(entry).collect()
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
        open().change(&[id(1, 0), id(1, 300), id(2, 0)], &[]).unwrap();
        open().change(&[id(3, 1)], &[id(2, 0)]).unwrap();
        let again = open();
        assert!(again.contains(id(1, 300)) && again.contains(id(3, 1)));
        assert!(!again.contains(id(2, 0)));
    }
}
