//! The tree of names, the step counter and the faults that are due.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::sync::Weak;

use super::node::{DirNode, FileNode, NameOp, Node, NodeId};
use super::prng::Prng;

pub(super) const ROOT: NodeId = 0;

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    next_node: NodeId,
    pub(super) rng: Prng,
    /// Changes and syncs so far.
    pub(super) step: u64,
    pub(super) crash_at: Option<u64>,
    pub(super) is_down: bool,
    /// Handles of an earlier boot are dead.
    pub(super) boot: u64,
    /// Directories that a process has locked, for as long as it keeps the lock.
    pub(super) locks: BTreeMap<NodeId, Weak<()>>,
    pub(super) capacity_bytes: Option<u64>,
    pub(super) short_io: bool,
    /// Calls of `sync_data` and `sync_dir` so far.
    pub(super) syncs: u64,
    pub(super) failing_syncs: Vec<FailingSync>,
    /// Changes that fail, by their step; nothing is changed then.
    pub(super) failing_steps: Vec<u64>,
    /// The state at each step, while recording.
    pub(super) recording: Option<Vec<State>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FailingSync {
    pub(super) nth: u64,
    pub(super) reads_revert: bool,
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::other("simulated power cut")
}

pub(super) fn simulated_eio() -> io::Error {
    // 5 is EIO everywhere that Rust calls Unix.
    io::Error::from_raw_os_error(5)
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Dir(DirNode::default()))]),
            next_node: ROOT + 1,
            rng: Prng::new(seed),
            step: 0,
            crash_at: None,
            is_down: false,
            boot: 0,
            locks: BTreeMap::new(),
            capacity_bytes: None,
            short_io: false,
            syncs: 0,
            failing_syncs: Vec::new(),
            failing_steps: Vec::new(),
            recording: None,
        }
    }

    pub(super) fn start_again(&mut self) {
        self.is_down = false;
        self.crash_at = None;
        self.failing_syncs.clear();
        self.failing_steps.clear();
        self.locks.clear();
        self.boot += 1;
    }

    pub(super) fn check_power(&self) -> io::Result<()> {
        if self.is_down { Err(power_is_off()) } else { Ok(()) }
    }

    /// Fails the change that is about to be made, if its step is to fail.
    pub(super) fn begin_change(&mut self) -> io::Result<()> {
        if self.failing_steps.contains(&(self.step + 1)) {
            self.take_step()?;
            return Err(simulated_eio());
        }
        Ok(())
    }

    /// Counts a change that has just been made, or a sync that is about to be made.
    pub(super) fn take_step(&mut self) -> io::Result<()> {
        self.step += 1;
        if let Some(mut recording) = self.recording.take() {
            recording.push(self.clone());
            self.recording = Some(recording);
        }
        if self.crash_at.is_some_and(|step| step <= self.step) {
            self.is_down = true;
            return Err(power_is_off());
        }
        Ok(())
    }

    /// Counts a sync; answers the fault planned for it.
    pub(super) fn take_sync(&mut self) -> io::Result<Option<FailingSync>> {
        self.take_step()?;
        self.syncs += 1;
        Ok(self.failing_syncs.iter().find(|fault| fault.nth == self.syncs).copied())
    }

    pub(super) fn resolve(&self, path: &Path) -> io::Result<NodeId> {
        let mut at = ROOT;
        for part in path.components() {
            let Component::Normal(name) = part else { continue };
            at = *self.dir(at)?.live.get(as_text(name)?).ok_or(ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    /// The directory that holds `path`, and the last part of it.
    pub(super) fn resolve_parent<'a>(&self, path: &'a Path) -> io::Result<(NodeId, &'a str)> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let parent = path.parent().ok_or(ErrorKind::InvalidInput)?;
        let dir = self.resolve(parent)?;
        self.dir(dir)?;
        Ok((dir, as_text(name)?))
    }

    pub(super) fn dir(&self, id: NodeId) -> io::Result<&DirNode> {
        match self.nodes.get(&id) {
            Some(Node::Dir(dir)) => Ok(dir),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn dir_mut(&mut self, id: NodeId) -> io::Result<&mut DirNode> {
        match self.nodes.get_mut(&id) {
            Some(Node::Dir(dir)) => Ok(dir),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn file(&self, id: NodeId) -> io::Result<&FileNode> {
        match self.nodes.get(&id) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn file_mut(&mut self, id: NodeId) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&id) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir(_)) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn link_new(&mut self, dir: NodeId, name: &str, node: Node) -> io::Result<NodeId> {
        self.begin_change()?;
        let id = self.next_node;
        self.next_node += 1;
        self.nodes.insert(id, node);
        self.dir_mut(dir)?.change(NameOp::Link { name: name.to_owned(), node: id });
        self.take_step()?;
        Ok(id)
    }

    pub(super) fn create_dirs(&mut self, path: &Path) -> io::Result<()> {
        let mut at = ROOT;
        for part in path.components() {
            let Component::Normal(name) = part else { continue };
            let name = as_text(name)?;
            at = match self.dir(at)?.live.get(name) {
                Some(id) => *id,
                None => self.link_new(at, name, Node::Dir(DirNode::default()))?,
            };
        }
        self.dir(at).map(|_| ())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from_dir, from_name) = self.resolve_parent(from)?;
        let (to_dir, to_name) = self.resolve_parent(to)?;
        let node = *self.dir(from_dir)?.live.get(from_name).ok_or(ErrorKind::NotFound)?;
        self.check_replaceable(node, to_dir, to_name)?;
        self.begin_change()?;
        let (from, to) = (from_name.to_owned(), to_name.to_owned());
        if from_dir == to_dir {
            self.dir_mut(from_dir)?.change(NameOp::Rename { from, to, node });
        } else {
            // Harsher than a journal: either half may survive alone.
            self.dir_mut(to_dir)?.change(NameOp::Link { name: to, node });
            self.dir_mut(from_dir)?.change(NameOp::Unlink { name: from });
        }
        self.take_step()
    }

    fn check_replaceable(&self, node: NodeId, dir: NodeId, name: &str) -> io::Result<()> {
        let Some(target) = self.dir(dir)?.live.get(name).and_then(|id| self.nodes.get(id)) else {
            return Ok(());
        };
        match (self.nodes.get(&node), target) {
            (Some(Node::File(_)), Node::File(_)) => Ok(()),
            (Some(Node::Dir(_)), Node::Dir(dir)) if dir.live.is_empty() => Ok(()),
            (Some(Node::Dir(_)), Node::Dir(_)) => Err(ErrorKind::DirectoryNotEmpty.into()),
            (_, Node::Dir(_)) => Err(ErrorKind::IsADirectory.into()),
            (_, Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let (dir, name) = self.resolve_parent(path)?;
        let id = *self.dir(dir)?.live.get(name).ok_or(ErrorKind::NotFound)?;
        self.file(id)?;
        self.begin_change()?;
        self.dir_mut(dir)?.change(NameOp::Unlink { name: name.to_owned() });
        self.take_step()
    }

    /// Name by name from the leaves, so that a power cut can leave half of it.
    pub(super) fn remove_tree(&mut self, path: &Path) -> io::Result<()> {
        let names: Vec<String> = self.dir(self.resolve(path)?)?.live.keys().cloned().collect();
        for name in names {
            let child = path.join(name);
            match self.nodes.get(&self.resolve(&child)?) {
                Some(Node::Dir(_)) => self.remove_tree(&child)?,
                Some(Node::File(_)) | None => self.remove_file(&child)?,
            }
        }
        let (parent, name) = self.resolve_parent(path)?;
        self.dir_mut(parent)?.change(NameOp::Unlink { name: name.to_owned() });
        self.take_step()
    }

    /// Live bytes under all names.
    pub(super) fn used_bytes(&self) -> u64 {
        let mut used = 0;
        let mut dirs = vec![ROOT];
        while let Some(id) = dirs.pop() {
            let Some(Node::Dir(dir)) = self.nodes.get(&id) else { continue };
            for child in dir.live.values() {
                match self.nodes.get(child) {
                    Some(Node::File(file)) => used += file.live.len() as u64,
                    Some(Node::Dir(_)) => dirs.push(*child),
                    None => {}
                }
            }
        }
        used
    }
}

fn as_text(name: &OsStr) -> io::Result<&str> {
    name.to_str().ok_or_else(|| ErrorKind::InvalidInput.into())
}
