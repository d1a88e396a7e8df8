//! The segmented log on disk.
//!
//! Knows files, records and positions; knows nothing of replicas, clients or time of day.

mod atomic_file;
mod canary;
mod dir_lock;
mod file_error;
mod journal;
mod open_files;
pub mod sim;
pub mod vfs;

pub use atomic_file::AtomicFile;
pub use dir_lock::{DirLock, DirLockError, LOCK_FILE};
pub use file_error::FileError;
pub use journal::{Journal, JournalError, JournalOptions, JournalRecovered};
pub use open_files::{OpenFiles, PooledFile};
