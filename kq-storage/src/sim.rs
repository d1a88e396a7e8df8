//! A simulated disk: a [`Vfs`] that keeps a live and a stable image and can fail in every known way.
//!
//! A power cut leaves what was synced and any part of what was not (`sim/survival.rs`). Syncs can
//! fail, room can run out, sectors can become unreadable, bits can flip. Everything follows from
//! seeds, so a failing run can be replayed to the letter. Only changes and syncs are steps; a run
//! can be cut at each of them, or recorded once and cut at each recorded step.

use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::dir_lock::{DirLock, DirLockError, LOCK_FILE};
use crate::vfs::{DirEntry, OpenMode, Space, Vfs, VfsFile};

mod node;
mod prng;
mod state;
mod survival;
#[cfg(test)]
mod tests;

use node::{DataOp, FileNode, Node, NodeId};
pub use prng::Prng;
use state::{FailingSync, State, power_is_off, simulated_eio};

/// A simulated disk; clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// What the page cache holds after a failed sync. File systems differ, so both are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailedSync {
    /// Reads show the old bytes again.
    Reverted,
    /// Reads show the new bytes, marked clean: no later sync will write them.
    KeptClean,
}

impl SimDisk {
    /// An empty disk. The seed decides on short reads and writes, if they are switched on.
    pub fn new(seed: u64) -> Self {
        Self::of(State::new(seed))
    }

    fn of(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Changes and syncs so far.
    pub fn step(&self) -> u64 {
        self.state.lock().step
    }

    /// Calls of `sync_data` and `sync_dir` so far.
    pub fn syncs(&self) -> u64 {
        self.state.lock().syncs
    }

    /// Cuts the power while step number `step` is being made: it and all later calls fail.
    pub fn crash_at(&self, step: u64) {
        self.state.lock().crash_at = Some(step);
    }

    /// Whether the power is off.
    pub fn is_down(&self) -> bool {
        self.state.lock().is_down
    }

    /// Cuts the power now and starts again with what survived; `seed` decides what that is.
    /// Planned crashes and failing syncs are forgotten.
    pub fn power_cut(&self, seed: u64) {
        let mut state = self.state.lock();
        survival::cut_power(&mut state, seed);
        state.start_again();
    }

    /// Ends the process that uses the disk: handles die, the page cache lives on. Planned crashes
    /// and failing syncs are forgotten.
    pub fn kill_process(&self) {
        self.state.lock().start_again();
    }

    /// An independent copy of the disk as it is now.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut state = self.state.lock().clone();
        state.recording = None;
        Self::of(state)
    }

    /// From now on keeps a copy at each step, while that step is being made.
    pub fn start_recording(&self) {
        self.state.lock().recording = Some(Vec::new());
    }

    /// The copies since [`SimDisk::start_recording`], each waiting for a [`SimDisk::power_cut`].
    pub fn take_recording(&self) -> Vec<Self> {
        let recording = self.state.lock().recording.take();
        recording.unwrap_or_default().into_iter().map(Self::of).collect()
    }

    /// The disk holds at most so many bytes.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity_bytes = bytes;
    }

    /// Reads and writes transfer fewer bytes than asked for, as often as not.
    pub fn set_short_io(&self, short: bool) {
        self.state.lock().short_io = short;
    }

    /// Fails the sync of that number, counted as [`SimDisk::syncs`] does, the first being 1.
    pub fn fail_sync(&self, nth: u64, after: AfterFailedSync) {
        let reads_revert = after == AfterFailedSync::Reverted;
        self.state.lock().failing_syncs.push(FailingSync { nth, reads_revert });
    }

    /// Fails the change that would be step number `step`; nothing is changed by it.
    pub fn fail_step(&self, step: u64) {
        self.state.lock().failing_steps.push(step);
    }

    /// Fails the write-back of all that is unsynced in a file, in the background: each handle that
    /// is open now hears of it at its next sync, and only once.
    pub fn fail_writeback(&self, path: &Path, after: AfterFailedSync) -> io::Result<()> {
        self.with_file(path, |file| file.lose_pending(after == AfterFailedSync::Reverted))
    }

    /// Reading any of these bytes fails from now on.
    pub fn make_unreadable(&self, path: &Path, range: std::ops::Range<u64>) -> io::Result<()> {
        self.with_file(path, |file| file.unreadable.push(range))
    }

    /// Flips one bit of a file, live and stable.
    pub fn flip_bit(&self, path: &Path, at: usize, bit: u32) -> io::Result<()> {
        self.with_file(path, |file| {
            for image in [&mut file.live, &mut file.stable] {
                if let Some(byte) = Arc::make_mut(image).get_mut(at) {
                    *byte ^= 1_u8.rotate_left(bit);
                }
            }
        })
    }

    /// Replaces the content of a file, live and stable; the file is made if there is none.
    pub fn plant(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = self.open(path, OpenMode::CreateOrOpen)?;
        file.truncate(0)?;
        file.write_all_at(bytes, 0)?;
        file.sync_data()?;
        path.parent().map_or(Ok(()), |dir| self.sync_dir(dir))
    }

    fn with_file(&self, path: &Path, act: impl FnOnce(&mut FileNode)) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = state.resolve(path)?;
        act(state.file_mut(id)?);
        Ok(())
    }
}

impl Vfs for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn VfsFile>> {
        let mut state = self.state.lock();
        state.check_power()?;
        let (dir, name) = state.resolve_parent(path)?;
        let found = state.dir(dir)?.live.get(name).copied();
        let node = match (found, mode) {
            (Some(_), OpenMode::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (Some(id), OpenMode::Read | OpenMode::ReadWrite | OpenMode::CreateOrOpen) => id,
            (None, OpenMode::CreateNew | OpenMode::CreateOrOpen) => {
                state.link_new(dir, name, Node::File(FileNode::default()))?
            }
            (None, OpenMode::Read | OpenMode::ReadWrite) => return Err(ErrorKind::NotFound.into()),
        };
        let reported = AtomicU64::new(state.file(node)?.failed_writebacks);
        let (boot, is_writable) = (state.boot, mode != OpenMode::Read);
        drop(state);
        Ok(Arc::new(SimFile { state: Arc::clone(&self.state), node, boot, is_writable, reported }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.state.lock();
        state.check_power()?;
        let dir = state.dir(state.resolve(dir)?)?;
        let entry = |(name, id): (&String, &NodeId)| {
            let (is_dir, len) = match state.nodes.get(id)? {
                Node::File(file) => (false, file.live.len() as u64),
                Node::Dir(_) => (true, 0),
            };
            Some(DirEntry { name: name.clone(), is_dir, len })
        };
        Ok(dir.live.iter().filter_map(entry).collect())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power()?;
        state.create_dirs(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power()?;
        state.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power()?;
        state.remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power()?;
        state.remove_tree(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.check_power()?;
        let id = state.resolve(dir)?;
        state.dir(id)?;
        if state.take_sync()?.is_some() {
            return Err(simulated_eio());
        }
        state.dir_mut(id)?.sync();
        Ok(())
    }

    fn lock_dir(&self, dir: &Path) -> Result<DirLock, DirLockError> {
        let failed = |source| DirLockError::Io { path: dir.join(LOCK_FILE), source };
        let mut state = self.state.lock();
        state.check_power().map_err(failed)?;
        let id = state.resolve(dir).map_err(failed)?;
        state.dir(id).map_err(failed)?;
        if state.locks.get(&id).is_some_and(|held| 0 < held.strong_count()) {
            return Err(DirLockError::InUse(dir.to_path_buf()));
        }
        let alive = Arc::new(());
        state.locks.insert(id, Arc::downgrade(&alive));
        Ok(DirLock::simulated(dir, alive))
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        let state = self.state.lock();
        state.check_power()?;
        state.resolve(dir)?;
        let total_bytes = state.capacity_bytes.unwrap_or(u64::MAX);
        Ok(Space { total_bytes, free_bytes: total_bytes.saturating_sub(state.used_bytes()) })
    }
}

#[derive(Debug)]
struct SimFile {
    state: Arc<Mutex<State>>,
    node: NodeId,
    boot: u64,
    is_writable: bool,
    /// How many failed write-backs this handle has reported, or was opened after.
    reported: AtomicU64,
}

impl SimFile {
    fn check_alive(&self, state: &State) -> io::Result<()> {
        if state.boot == self.boot { state.check_power() } else { Err(power_is_off()) }
    }

    fn check_writable(&self, state: &State) -> io::Result<()> {
        self.check_alive(state)?;
        if self.is_writable { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
    }
}

/// Fewer bytes than asked for, but at least one, if short transfers are on.
fn transferred(state: &mut State, wanted: usize) -> usize {
    if state.short_io && wanted > 1 && state.rng.chance(4) {
        let less = usize::try_from(state.rng.below(wanted as u64)).unwrap_or(0);
        return less.max(1);
    }
    wanted
}

/// As many of the bytes as there is room for; none is `StorageFull`.
fn fitting(state: &State, node: NodeId, at: usize, wanted: usize) -> io::Result<usize> {
    let Some(capacity) = state.capacity_bytes else { return Ok(wanted) };
    let len = state.file(node)?.live.len();
    let grows = (at + wanted).saturating_sub(len) as u64;
    let free = capacity.saturating_sub(state.used_bytes());
    if grows <= free {
        return Ok(wanted);
    }
    let fits = usize::try_from(len as u64 + free).unwrap_or(usize::MAX).saturating_sub(at);
    if fits == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(fits.min(wanted)) }
}

fn position(at: u64) -> io::Result<usize> {
    usize::try_from(at).map_err(|_| ErrorKind::FileTooLarge.into())
}

impl VfsFile for SimFile {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.state.lock();
        self.check_alive(&state)?;
        let wanted = transferred(&mut state, buf.len());
        let file = state.file(self.node)?;
        if file.is_unreadable(at..at.saturating_add(wanted as u64)) {
            return Err(simulated_eio());
        }
        let rest = position(at).ok().and_then(|at| file.live.get(at..)).unwrap_or_default();
        let from = rest.get(..wanted.min(rest.len())).unwrap_or_default();
        if let Some(room) = buf.get_mut(..from.len()) {
            room.copy_from_slice(from);
        }
        Ok(from.len())
    }

    fn write_at(&self, buf: &[u8], at: u64) -> io::Result<usize> {
        let mut state = self.state.lock();
        self.check_writable(&state)?;
        if buf.is_empty() {
            return Ok(0);
        }
        let at = position(at)?;
        let fits = fitting(&state, self.node, at, buf.len())?;
        state.begin_change()?;
        let count = transferred(&mut state, fits);
        let bytes = Bytes::copy_from_slice(buf.get(..count).unwrap_or_default());
        state.file_mut(self.node)?.change(DataOp::Write { at, bytes });
        state.take_step()?;
        Ok(count)
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.state.lock();
        self.check_alive(&state)?;
        Ok(state.file(self.node)?.live.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        self.check_writable(&state)?;
        let len = position(len)?;
        state.begin_change()?;
        state.file_mut(self.node)?.change(DataOp::Truncate(len));
        state.take_step()
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        self.check_alive(&state)?;
        let fault = state.take_sync()?;
        let file = state.file_mut(self.node)?;
        if let Some(fault) = fault {
            file.lose_pending(fault.reads_revert);
        }
        let failures = file.failed_writebacks;
        if self.reported.swap(failures, Ordering::Relaxed) < failures {
            return Err(simulated_eio());
        }
        file.sync();
        Ok(())
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
