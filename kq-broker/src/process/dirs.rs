//! The directories of a broker: made, locked, and checked to be its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kq_storage::vfs::{Vfs, create_dir_durable, sync_parent};
use kq_storage::{AtomicFile, DirLock};
use uuid::Uuid;

use super::meta_file::Meta;
use crate::config::BrokerConfig;
use crate::ids::{self, ClusterId};
use crate::raft::KnownEnd;

/// Says that a directory without a log is that of a broker which joins a cluster.
const JOINING_MARK: AtomicFile = AtomicFile { magic: *b"KQJN", version: 1 };
const CLEAN_MARK: AtomicFile = AtomicFile { magic: *b"KQCS", version: 1 };

/// The directories, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct Dirs {
    fs: Arc<dyn Vfs>,
    /// The data directory first, then the log directories.
    all: Vec<(PathBuf, Option<Meta>)>,
    metadata: PathBuf,
    /// Held by being here.
    locks: Vec<DirLock>,
}

impl Dirs {
    /// Makes the directories that are missing, locks all and reads whose they are.
    pub(super) fn prepare(fs: Arc<dyn Vfs>, config: &BrokerConfig) -> Result<Self, String> {
        let mut paths = vec![absolute(&config.data_dir)?];
        for dir in config.partition_dirs() {
            let dir = absolute(&dir)?;
            if paths.contains(&dir) {
                return Err(format!("directory {} is named twice", dir.display()));
            }
            paths.push(dir);
        }
        let metadata = absolute(&config.metadata_dir())?;
        let mut dirs = Self { fs, all: Vec::new(), metadata, locks: Vec::new() };
        for path in paths {
            dirs.take(path, config)?;
        }
        dirs.verify_whole()?;
        Ok(dirs)
    }

    /// Refuses to begin anew over what is left of an older life: without its metadata, all that the
    /// log directories hold would be unknown, and set aside.
    fn verify_whole(&self) -> Result<(), String> {
        let Some(((data_dir, home), log_dirs)) = self.all.split_first() else { return Ok(()) };
        if home.is_none()
            && let Some((dir, meta)) =
                log_dirs.iter().find_map(|(dir, meta)| meta.as_ref().map(|meta| (dir, meta)))
        {
            return Err(format!(
                "{} belongs to cluster {}, but {} is new: name the data directory that goes with it",
                dir.display(),
                meta.cluster,
                data_dir.display()
            ));
        }
        let metadata = self.fs.list(&self.metadata).unwrap_or_default();
        if home.is_some() && metadata.is_empty() {
            return Err(format!(
                "{} is in use since an earlier start, but the metadata in {} is gone",
                data_dir.display(),
                self.metadata.display()
            ));
        }
        Ok(())
    }

    fn take(&mut self, path: PathBuf, config: &BrokerConfig) -> Result<(), String> {
        let fs = self.fs.as_ref();
        create_dir_durable(fs, &path)
            .map_err(|err| format!("cannot make {}: {err}", path.display()))?;
        self.locks.push(fs.lock_dir(&path).map_err(|err| err.to_string())?);
        let meta = Meta::read(fs, &path).map_err(|err| err.to_string())?;
        if let Some(meta) = &meta {
            verify(meta, &path, config)?;
        }
        self.all.push((path, meta));
        Ok(())
    }

    /// The cluster that the directories belong to, if they belong to one.
    pub(super) fn cluster_id(&self) -> Option<ClusterId> {
        let known = self.all.iter().filter_map(|(_, meta)| meta.as_ref());
        known.map(|meta| ClusterId(meta.cluster.clone())).next()
    }

    /// The number of the broker that the directories belong to, if they belong to one.
    pub(super) fn node_id(&self) -> Option<u32> {
        self.all.iter().find_map(|(_, meta)| meta.as_ref()).map(|meta| meta.node)
    }

    /// Whether nothing of an earlier start is here.
    pub(super) fn is_new(&self) -> bool {
        let is_marked = self.is_joining();
        let metadata = self.fs.list(&self.metadata).unwrap_or_default();
        self.cluster_id().is_none() && (is_marked || metadata.is_empty())
    }

    /// Whether this broker joins a cluster and may have no log yet.
    pub(super) fn is_joining(&self) -> bool {
        // A damaged mark counts as none: then the lack of a log is an error.
        matches!(JOINING_MARK.read(self.fs.as_ref(), &self.joining_mark()), Ok(Some(_)))
    }

    /// From now on the lack of a log is no error.
    pub(super) fn begin_joining(&self) -> Result<(), String> {
        let fs = self.fs.as_ref();
        create_dir_durable(fs, &self.metadata)
            .map_err(|err| format!("cannot make {}: {err}", self.metadata.display()))?;
        JOINING_MARK.write(fs, &self.joining_mark(), &[]).map_err(|err| err.to_string())
    }

    /// The log is here.
    pub(super) fn end_joining(&self) -> Result<(), String> {
        if !self.is_joining() {
            return Ok(());
        }
        let (fs, path) = (self.fs.as_ref(), self.joining_mark());
        let removed = fs.remove_file(&path).and_then(|()| sync_parent(fs, &path));
        removed.map_err(|err| format!("{}: {err}", path.display()))
    }

    fn joining_mark(&self) -> PathBuf {
        self.metadata.join("joining")
    }

    /// Refuses directories of another cluster; takes those in that belong to none.
    pub(super) fn claim(&mut self, cluster: &ClusterId, node: u32) -> Result<(), String> {
        for (path, meta) in &mut self.all {
            if let Some(meta) = meta {
                if meta.cluster != cluster.0 {
                    return Err(other_cluster(path, &meta.cluster, &cluster.0));
                }
                continue;
            }
            let new = Meta { cluster: cluster.0.clone(), node, dir: ids::draw() };
            new.write(self.fs.as_ref(), path).map_err(|err| err.to_string())?;
            *meta = Some(new);
        }
        Ok(())
    }

    /// The directory of the metadata quorum.
    pub(super) fn metadata_dir(&self) -> &Path {
        &self.metadata
    }

    /// Says that every log was left as a clean stop leaves it, and where the metadata log ends.
    pub(super) fn leave_clean_mark(&self, metadata_end: Option<u64>) -> Result<(), String> {
        let Some(path) = self.clean_mark() else { return Ok(()) };
        let content = metadata_end.map_or_else(Vec::new, |index| index.to_le_bytes().to_vec());
        CLEAN_MARK.write(self.fs.as_ref(), &path, &content).map_err(|err| err.to_string())
    }

    /// Where the metadata log ended at a clean stop, if that was how the last life ended.
    pub(super) fn metadata_end(&self) -> Option<KnownEnd> {
        let witness = self.clean_mark()?;
        // A damaged mark counts as none; whoever takes it says so.
        let (_, content) = CLEAN_MARK.read(self.fs.as_ref(), &witness).ok()??;
        let index = u64::from_le_bytes(*content.first_chunk()?);
        Some(KnownEnd { index, witness })
    }

    /// Whether the last life ended cleanly; the mark is gone for good on return.
    pub(super) fn take_clean_mark(&self) -> Result<bool, String> {
        let Some(path) = self.clean_mark() else { return Ok(false) };
        let fs = self.fs.as_ref();
        let failed = |err: &dyn std::fmt::Display| format!("{}: {err}", path.display());
        match CLEAN_MARK.read(fs, &path) {
            Ok(None) => return Ok(false),
            Ok(Some(_)) => {}
            Err(err) => tracing::warn!(%err, "clean stop mark is damaged and counts as none"),
        }
        fs.remove_file(&path).map_err(|err| failed(&err))?;
        sync_parent(fs, &path).map_err(|err| failed(&err))?;
        Ok(true)
    }

    fn clean_mark(&self) -> Option<PathBuf> {
        self.all.first().map(|(dir, _)| dir.join("clean-stop"))
    }

    /// The log directories with their identities.
    pub(super) fn log_dirs(&self) -> Vec<(PathBuf, Uuid)> {
        let of = |(path, meta): &(PathBuf, Option<Meta>)| {
            (path.clone(), meta.as_ref().map_or_else(Uuid::nil, |meta| meta.dir))
        };
        self.all.iter().skip(1).map(of).collect()
    }
}

fn verify(meta: &Meta, path: &Path, config: &BrokerConfig) -> Result<(), String> {
    if let Some(wanted) = config.wanted_node_id().filter(|wanted| *wanted != meta.node) {
        return Err(format!(
            "{} belongs to broker {}, but node.id is {wanted}",
            path.display(),
            meta.node,
        ));
    }
    match &config.cluster_id {
        Some(wanted) if *wanted != meta.cluster => Err(other_cluster(path, &meta.cluster, wanted)),
        Some(_) | None => Ok(()),
    }
}

fn other_cluster(path: &Path, found: &str, wanted: &str) -> String {
    format!(
        "{} belongs to cluster {found}, not to {wanted}: name another directory, or set cluster.id \
         to {found}",
        path.display()
    )
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|err| format!("directory '{}': {err}", path.display()))
}
