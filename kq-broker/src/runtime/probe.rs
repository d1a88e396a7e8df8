//! A short write to the log directories, to find out how fast they bring bytes to stable storage.

use std::io;
use std::time::Duration;

use kq_storage::vfs::OpenMode;

use super::{Clock, LogDir, Partitions};

/// What is written before each sync, about as much as a follower's round brings.
const PIECE_BYTES: usize = 4 << 20;
const PIECES: u64 = 2;
/// A disk that needs this long for one piece is not bothered with another.
const PIECE_LONG: Duration = Duration::from_millis(250);
/// A volume with less room than this is not written to without need.
const FREE_BYTES_MIN: u64 = 256 << 20;
const NAME: &str = "probe.tmp";

impl Partitions {
    /// Writes some bytes to each log directory that is online and has room; tells what it took the
    /// slowest one. It blocks for as long.
    pub fn try_disks(&self, clock: Clock) -> Option<(u64, Duration)> {
        let online = self.log_dirs().iter().filter(|dir| dir.offline().is_none());
        let mut slowest: Option<(u64, Duration)> = None;
        for dir in online {
            let (bytes, took) = match dir.try_write(clock) {
                Ok(tried) => tried,
                Err(error) => {
                    tracing::warn!(dir = %dir.path().display(), %error, "cannot measure a disk");
                    return None;
                }
            };
            let slower = |(of, in_time): (u64, Duration)| {
                u128::from(bytes) * in_time.as_nanos() < u128::from(of) * took.as_nanos()
            };
            if slowest.is_none_or(slower) {
                slowest = Some((bytes, took));
            }
        }
        slowest
    }
}

impl LogDir {
    /// The file has no name any more when it is written: nothing of it is left, whatever happens.
    fn try_write(&self, clock: Clock) -> io::Result<(u64, Duration)> {
        let fs = self.fs();
        if fs.free_bytes(self.path())? < FREE_BYTES_MIN {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let path = self.path().join(NAME);
        let file = fs.open(&path, OpenMode::CreateOrOpen)?;
        fs.remove_file(&path)?;
        let piece = noise(PIECE_BYTES);
        let (mut at, began) = (0, clock.elapsed());
        for _ in 0..PIECES {
            let piece_began = clock.elapsed();
            file.write_all_at(&piece, at)?;
            file.sync_data()?;
            at += piece.len() as u64;
            if PIECE_LONG < clock.elapsed().saturating_sub(piece_began) {
                break;
            }
        }
        Ok((at, clock.elapsed().saturating_sub(began)))
    }
}

/// What no disk can make smaller than it is.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(bytes / 8).flatten().collect()
}
