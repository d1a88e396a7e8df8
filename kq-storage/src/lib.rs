//! The segmented log on disk.
//!
//! Knows files, records and positions; knows nothing of replicas, clients or time of day.

mod canary;
mod dir_lock;
mod open_files;
pub mod sim;
pub mod vfs;

pub use dir_lock::{DirLock, DirLockError, LOCK_FILE};
pub use open_files::{OpenFiles, PooledFile};
