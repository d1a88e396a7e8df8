//! A bounded number of open descriptors, however many segments exist.
//!
//! A [`PooledFile`] is a name that is opened when it is needed and closed when others need the
//! room, in second-chance order. A handle that wrote stays open until it is synced, because only
//! the descriptor that wrote hears of a failed write-back. When all open handles are in that state,
//! the pool syncs one of them through its own descriptor and closes it then: any one, for the one
//! that waits the longest is the next to be written where a load goes round.
//!
//! ```text
//!   opened ──> ring ──found clean, not used of late──> closed
//!               ^ └──found dirty──> owing ──found clean──> closed
//!               └───────found in use──┘ └──picked──> synced, closed
//! ```

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::canary;
use crate::vfs::{OpenMode, Vfs, VfsFile};

/// The pool: how many handles may be open, and which are.
#[derive(Debug)]
pub struct OpenFiles {
    fs: Arc<dyn Vfs>,
    open_max: usize,
    room: Mutex<Room>,
    /// Those in the queues that were dropped with their handles, or a few more.
    dropped: AtomicUsize,
}

/// The open files: each stands in one of the two queues.
#[derive(Debug, Default)]
struct Room {
    /// The longest untouched first.
    ring: VecDeque<Weak<PooledFile>>,
    /// Those that were dirty when they were looked at last.
    owing: VecDeque<Weak<PooledFile>>,
    /// Draws those that are picked.
    dice: u64,
}

/// How many of those that owed a sync are looked at before one is picked to be synced.
const OWING_LOOKS_MAX: usize = 8;

/// A file that is open only while it has to be.
#[derive(Debug)]
pub struct PooledFile {
    pool: Arc<OpenFiles>,
    /// Touched since the pool last looked.
    used: AtomicBool,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
struct Slot {
    path: PathBuf,
    open: Option<Arc<dyn VfsFile>>,
    /// Counts writes; the handle is dirty while it is ahead of `synced`.
    written: u64,
    synced: u64,
    /// A sync failed: what the file holds is unknown from here on.
    failed: bool,
}

impl OpenFiles {
    /// A pool of at most `open_max` handles; handles lent to readers come on top.
    pub fn new(fs: Arc<dyn Vfs>, open_max: usize) -> Arc<Self> {
        let (room, dropped) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { fs, open_max: open_max.max(1), room, dropped })
    }

    /// The file system that the pool opens files on.
    pub fn fs(&self) -> &Arc<dyn Vfs> {
        &self.fs
    }

    /// A file that exists; it is not opened yet.
    pub fn existing(self: &Arc<Self>, path: PathBuf) -> Arc<PooledFile> {
        self.pooled(path)
    }

    /// Creates a file, which must not exist. Its name is not stable yet.
    pub fn create_new(self: &Arc<Self>, path: PathBuf) -> io::Result<Arc<PooledFile>> {
        let handle = self.fs.open(&path, OpenMode::CreateNew)?;
        let file = self.pooled(path);
        file.slot.lock().open = Some(handle);
        self.admit(&file);
        Ok(file)
    }

    /// How many handles may be open.
    pub fn open_max(&self) -> usize {
        self.open_max
    }

    /// How many handles the pool holds open.
    pub fn open_count(&self) -> usize {
        let room = self.room.lock();
        let all = room.ring.iter().chain(&room.owing);
        all.filter_map(Weak::upgrade).filter(|file| file.is_open()).count()
    }

    fn pooled(self: &Arc<Self>, path: PathBuf) -> Arc<PooledFile> {
        let slot = Slot { path, open: None, written: 0, synced: 0, failed: false };
        let slot = Mutex::new(slot);
        Arc::new(PooledFile { pool: Arc::clone(self), used: AtomicBool::new(true), slot })
    }

    /// Takes a just opened file in and closes others while there are too many.
    ///
    /// Called with no slot locked: making room may lock that of any other file.
    fn admit(&self, file: &Arc<PooledFile>) {
        if let Some(dirty) = self.make_room(file) {
            // Its own next write or sync tells of a failure; the one who is let in is not at fault.
            let clean = dirty.sync_data().is_ok() && dirty.close_if_clean();
            if !clean {
                self.room.lock().ring.push_back(Arc::downgrade(&dirty));
            }
        }
    }

    /// Closes clean files; answers a dirty one, taken out of the queues, if there was none.
    fn make_room(&self, file: &Arc<PooledFile>) -> Option<Arc<PooledFile>> {
        let mut room = self.room.lock();
        room.ring.push_back(Arc::downgrade(file));
        if room.len() <= self.open_max {
            return None;
        }
        // Dropped files leave first: their handles went with them.
        if self.dropped.swap(0, Ordering::AcqRel) > 0 {
            room.forget_dropped();
        }
        while self.open_max < room.len() {
            if !(room.close_from_ring() || room.close_from_owing()) {
                return room.pick_owing();
            }
        }
        None
    }
}

impl Room {
    fn len(&self) -> usize {
        self.ring.len() + self.owing.len()
    }

    fn forget_dropped(&mut self) {
        self.ring.retain(|entry| entry.strong_count() > 0);
        self.owing.retain(|entry| entry.strong_count() > 0);
    }

    /// Closes the first clean file that was not used of late; false if there is none.
    fn close_from_ring(&mut self) -> bool {
        // Each file gets one second chance, so two rounds find a victim if there is one. Who is
        // found dirty leaves the ring: it is not looked at for each file that comes.
        for _ in 0..2 * self.ring.len() {
            let Some(entry) = self.ring.pop_front() else { return false };
            let Some(file) = entry.upgrade() else { return true };
            match file.try_evict() {
                Evicted::Closed => return true,
                Evicted::Dirty => self.owing.push_back(entry),
                Evicted::InUse => self.ring.push_back(entry),
            }
        }
        false
    }

    /// Closes one that owed a sync and has been synced since, if the first few know of one.
    fn close_from_owing(&mut self) -> bool {
        for _ in 0..OWING_LOOKS_MAX.min(self.owing.len()) {
            let Some(entry) = self.owing.pop_front() else { return false };
            let Some(file) = entry.upgrade() else { return true };
            match file.try_evict() {
                Evicted::Closed => return true,
                Evicted::Dirty => self.owing.push_back(entry),
                Evicted::InUse if file.is_dirty_now() => self.owing.push_back(entry),
                Evicted::InUse => self.ring.push_back(entry),
            }
        }
        false
    }

    /// Takes out any one of those that owe a sync.
    fn pick_owing(&mut self) -> Option<Arc<PooledFile>> {
        while !self.owing.is_empty() {
            // Knuth's generator of 64 bits: its upper half is random enough for this.
            self.dice = self
                .dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from(self.dice >> 33).unwrap_or(0) % self.owing.len();
            let picked = self.owing.swap_remove_back(at)?.upgrade();
            if picked.is_some() {
                return picked;
            }
        }
        None
    }
}

impl Drop for PooledFile {
    fn drop(&mut self) {
        if self.slot.get_mut().open.is_some() {
            self.pool.dropped.fetch_add(1, Ordering::AcqRel);
        }
    }
}

enum Evicted {
    Closed,
    Dirty,
    InUse,
}

impl PooledFile {
    /// The open handle, for reading; opened now if it was not.
    pub fn handle(self: &Arc<Self>) -> io::Result<Arc<dyn VfsFile>> {
        self.with_handle(|handle, _| Ok(Arc::clone(handle)))
    }

    /// Writes all of `bytes`; the handle stays open until the next sync.
    pub fn write_all_at(self: &Arc<Self>, bytes: &[u8], at: u64) -> io::Result<()> {
        self.with_handle(|handle, slot| {
            slot.note_write()?;
            handle.write_all_at(bytes, at)
        })
    }

    /// Writes all of `bufs`, one after another; the handle stays open until the next sync.
    pub fn write_all_vectored_at(
        self: &Arc<Self>,
        bufs: &mut [io::IoSlice<'_>],
        at: u64,
    ) -> io::Result<()> {
        self.with_handle(|handle, slot| {
            slot.note_write()?;
            handle.write_all_vectored_at(bufs, at)
        })
    }

    /// Sets the length; counts as a write.
    pub fn truncate(self: &Arc<Self>, len: u64) -> io::Result<()> {
        self.with_handle(|handle, slot| {
            slot.note_write()?;
            handle.truncate(len)
        })
    }

    /// Bytes in the file.
    pub fn len(self: &Arc<Self>) -> io::Result<u64> {
        self.handle()?.len()
    }

    /// Whether the file holds nothing.
    pub fn is_empty(self: &Arc<Self>) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Whether something was written since the last sync.
    pub fn is_dirty(&self) -> bool {
        let slot = self.slot.lock();
        slot.is_dirty()
    }

    /// Makes all that was written before this call stable, through the handle that wrote it.
    ///
    /// Writers are not held up meanwhile. After a failure every further write and sync fails too:
    /// the bytes must be taken as lost.
    pub fn sync_data(&self) -> io::Result<()> {
        let (handle, written) = {
            let slot = self.slot.lock();
            slot.refuse_failed()?;
            match &slot.open {
                Some(handle) if slot.is_dirty() => (Arc::clone(handle), slot.written),
                Some(_) | None => return Ok(()),
            }
        };
        let outcome = self.sync_handle(&handle);
        let mut slot = self.slot.lock();
        match outcome {
            Ok(()) => slot.synced = slot.synced.max(written),
            Err(_) if canary::is("retry_after_eio") => {}
            Err(_) => slot.failed = true,
        }
        outcome
    }

    /// Tells where the file is after it was renamed.
    pub fn renamed_to(&self, path: PathBuf) {
        self.slot.lock().path = path;
    }

    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        self.slot.lock().path.clone()
    }

    fn sync_handle(&self, handle: &Arc<dyn VfsFile>) -> io::Result<()> {
        if canary::is("skip_fsync") {
            return Ok(());
        }
        if canary::is("sync_fresh_descriptor") {
            return self.pool.fs.open(&self.path(), OpenMode::ReadWrite)?.sync_data();
        }
        handle.sync_data()
    }

    /// Runs `act` on the open handle, which it opens first if need be.
    fn with_handle<T>(
        self: &Arc<Self>,
        act: impl FnOnce(&Arc<dyn VfsFile>, &mut Slot) -> io::Result<T>,
    ) -> io::Result<T> {
        self.used.store(true, Ordering::Relaxed);
        let mut slot = self.slot.lock();
        let open = slot.open.clone();
        let is_new = open.is_none();
        let handle = open.map_or_else(|| open_as_allowed(&self.pool.fs, &slot.path), Ok)?;
        if is_new {
            slot.open = Some(Arc::clone(&handle));
        }
        let outcome = act(&handle, &mut slot);
        drop(slot);
        if is_new {
            self.pool.admit(self);
        }
        outcome
    }

    fn is_open(&self) -> bool {
        // A locked slot is being opened or written.
        self.slot.try_lock().is_none_or(|slot| slot.open.is_some())
    }

    /// As `is_dirty`, but does not wait for whoever writes just now.
    fn is_dirty_now(&self) -> bool {
        self.slot.try_lock().is_none_or(|slot| slot.is_dirty())
    }

    fn try_evict(&self) -> Evicted {
        if self.used.swap(false, Ordering::Relaxed) {
            return Evicted::InUse;
        }
        let Some(mut slot) = self.slot.try_lock() else { return Evicted::InUse };
        if slot.failed {
            return Evicted::InUse;
        }
        if slot.is_dirty() {
            return Evicted::Dirty;
        }
        slot.open = None;
        Evicted::Closed
    }

    fn close_if_clean(&self) -> bool {
        let mut slot = self.slot.lock();
        if slot.is_dirty() {
            return false;
        }
        slot.open = None;
        true
    }
}

impl Slot {
    const fn is_dirty(&self) -> bool {
        self.synced < self.written
    }

    fn note_write(&mut self) -> io::Result<()> {
        self.refuse_failed()?;
        self.written += 1;
        Ok(())
    }

    fn refuse_failed(&self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier sync of this file failed"));
        }
        Ok(())
    }
}

/// Read-write where that is allowed, so that reads go on in a read-only directory.
fn open_as_allowed(fs: &Arc<dyn Vfs>, path: &Path) -> io::Result<Arc<dyn VfsFile>> {
    match fs.open(path, OpenMode::ReadWrite) {
        Err(err)
            if matches!(
                err.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            fs.open(path, OpenMode::Read)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests;
