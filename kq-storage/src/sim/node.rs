//! Files and directories of the simulated disk, each with a live and a stable image.
//!
//! ```text
//!   write ──> live (what reads see)
//!        └──> pending ── sync ──> stable (what a power cut leaves for certain)
//!                    └── power cut ──> any part of it, sector by sector
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

/// Number of a file or directory, for ever its own.
pub(super) type NodeId = u64;

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(FileNode),
    Dir(DirNode),
}

#[derive(Debug, Clone, Default)]
pub(super) struct FileNode {
    pub(super) live: Arc<Vec<u8>>,
    pub(super) stable: Arc<Vec<u8>>,
    pub(super) pending: Vec<DataOp>,
    /// Live bytes exist that no sync will ever write: a failed sync left them marked clean.
    pub(super) lost_pages: bool,
    /// Failed write-backs so far; each handle reports those that it has not reported yet.
    pub(super) failed_writebacks: u64,
    /// Ranges whose reading fails.
    pub(super) unreadable: Vec<Range<u64>>,
}

#[derive(Debug, Clone)]
pub(super) enum DataOp {
    Write { at: usize, bytes: Bytes },
    Truncate(usize),
}

#[derive(Debug, Clone, Default)]
pub(super) struct DirNode {
    pub(super) live: BTreeMap<String, NodeId>,
    pub(super) stable: BTreeMap<String, NodeId>,
    pub(super) pending: Vec<NameOp>,
}

#[derive(Debug, Clone)]
pub(super) enum NameOp {
    Link { name: String, node: NodeId },
    Unlink { name: String },
    Rename { from: String, to: String, node: NodeId },
}

impl DataOp {
    pub(super) fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write_into(image, *at, bytes),
            Self::Truncate(len) => image.resize(*len, 0),
        }
    }
}

/// Overwrites and extends, with zeros in a gap, as a sparse file does.
pub(super) fn write_into(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    if let Some(room) = image.get_mut(at..end) {
        room.copy_from_slice(bytes);
    }
}

impl FileNode {
    pub(super) fn change(&mut self, op: DataOp) {
        op.apply(Arc::make_mut(&mut self.live));
        self.pending.push(op);
    }

    pub(super) fn sync(&mut self) {
        if self.lost_pages {
            let stable = Arc::make_mut(&mut self.stable);
            self.pending.iter().for_each(|op| op.apply(stable));
        } else {
            self.stable = Arc::clone(&self.live);
        }
        self.pending.clear();
    }

    /// What a failed write-back does: the pages are clean now, and the disk never got them.
    pub(super) fn lose_pending(&mut self, reads_revert: bool) {
        self.pending.clear();
        self.failed_writebacks += 1;
        if reads_revert {
            self.live = Arc::clone(&self.stable);
            self.lost_pages = false;
        } else {
            self.lost_pages = true;
        }
    }

    pub(super) fn is_unreadable(&self, read: Range<u64>) -> bool {
        self.unreadable.iter().any(|bad| bad.start < read.end && read.start < bad.end)
    }
}

impl NameOp {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, NodeId>) {
        match self {
            Self::Link { name, node } => {
                names.insert(name.clone(), *node);
            }
            Self::Unlink { name } => {
                names.remove(name);
            }
            Self::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

impl DirNode {
    pub(super) fn change(&mut self, op: NameOp) {
        op.apply(&mut self.live);
        self.pending.push(op);
    }

    pub(super) fn sync(&mut self) {
        self.stable.clone_from(&self.live);
        self.pending.clear();
    }
}
