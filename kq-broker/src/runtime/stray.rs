//! What stands in the log directories at start: homes of partitions, left-overs of deletions, and
//! directories that no metadata knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{LogDir, home};
use crate::ids::PartitionId;

/// Homes that were there at the start and have not been taken yet.
#[derive(Debug, Default)]
pub(super) struct Found {
    homes: BTreeMap<PartitionId, (Arc<LogDir>, PathBuf)>,
}

impl Found {
    /// Looks through the directories; removes what a deletion has left.
    pub(super) fn scan(dirs: &[Arc<LogDir>]) -> Result<Self, String> {
        let mut found = Self::default();
        for dir in dirs {
            found.scan_dir(dir)?;
        }
        Ok(found)
    }

    fn scan_dir(&mut self, dir: &Arc<LogDir>) -> Result<(), String> {
        let root = dir.path();
        let entries = dir.fs().list(root);
        let entries = entries.map_err(|err| format!("cannot list {}: {err}", root.display()))?;
        for entry in entries.into_iter().filter(|entry| entry.is_dir) {
            let path = root.join(&entry.name);
            if entry.name.ends_with(kq_storage::DELETED_SUFFIX) {
                if let Err(err) = dir.fs().remove_dir_all(&path) {
                    tracing::warn!(path = %path.display(), %err, "deleted partition stays on disk");
                }
            } else if let Some(id) = home::parse_dir_name(&entry.name) {
                self.add(id, dir, path)?;
            } else if !entry.name.ends_with(home::STRAY_SUFFIX) {
                tracing::warn!(path = %path.display(), "not a partition's directory: left alone");
            }
        }
        Ok(())
    }

    fn add(&mut self, id: PartitionId, dir: &Arc<LogDir>, path: PathBuf) -> Result<(), String> {
        dir.add_home();
        let (shown, dir) = (path.display().to_string(), Arc::clone(dir));
        match self.homes.insert(id, (dir, path)) {
            None => Ok(()),
            Some((_, other)) => Err(format!(
                "{shown} and {} hold the same partition: move the one that is out of date away",
                other.display()
            )),
        }
    }

    /// The log directory that holds a partition, if it was there.
    pub(super) fn dir_of(&self, id: PartitionId) -> Option<PathBuf> {
        self.homes.get(&id).map(|(dir, _)| dir.path().to_owned())
    }

    /// The home of a partition, if it was there.
    pub(super) fn take(&mut self, id: PartitionId) -> Option<(Arc<LogDir>, PathBuf)> {
        self.homes.remove(&id)
    }

    /// Renames all homes that nobody took: the metadata does not know them, and they are not served.
    pub(super) fn set_aside(&mut self) {
        for (id, (dir, path)) in std::mem::take(&mut self.homes) {
            let from = path.display();
            match home::set_aside(dir.fs().as_ref(), &path) {
                Ok(aside) => {
                    let to = aside.display();
                    tracing::warn!(%id, %from, %to, "unknown to the metadata: set aside");
                }
                Err(err) => tracing::error!(%id, %from, %err, "stray cannot be set aside"),
            }
        }
    }
}
