//! Small files that are replaced whole: after a crash there is the old content or the new one.
//!
//! ```text
//!   0  magic [4]   4  version u16   6  zero u16   8  length u32   12  crc32c u32   16  content
//! ```
//! Numbers are little-endian. The checksum covers everything but itself.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::file_error::FileError;
use crate::vfs::{OpenMode, Vfs, read_all, sync_parent};

const HEADER_BYTES: usize = 16;
const CHECKSUM_AT: usize = 12;

/// Reading and replacing of small files; see the module.
#[derive(Debug, Clone, Copy)]
pub struct AtomicFile {
    /// The kind of file: its first four bytes.
    pub magic: [u8; 4],
    /// The version that is written, and the newest that can be read.
    pub version: u16,
}

impl AtomicFile {
    /// Replaces the content; it is stable, under its name, when this returns.
    pub fn write(self, fs: &dyn Vfs, path: &Path, content: &[u8]) -> Result<(), FileError> {
        let bytes = self.encode(path, content)?;
        let temporary = temporary_name(path);
        let written = write_synced(fs, &temporary, &bytes)
            .map_err(FileError::io("write", &temporary))
            .and_then(|()| fs.rename(&temporary, path).map_err(FileError::io("replace", path)));
        if let Err(err) = written {
            // The left-over is overwritten by the next try; removing it only frees its room.
            let _ = fs.remove_file(&temporary);
            return Err(err);
        }
        sync_parent(fs, path).map_err(FileError::io("sync the directory of", path))
    }

    /// The version and the content; `None` if there is no such file.
    pub fn read(self, fs: &dyn Vfs, path: &Path) -> Result<Option<(u16, Bytes)>, FileError> {
        let file = match fs.open(path, OpenMode::Read) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(FileError::io("open", path))?,
        };
        let bytes = read_all(file.as_ref()).map_err(FileError::io("read", path))?;
        self.decode(path, Bytes::from(bytes)).map(Some)
    }

    fn encode(self, path: &Path, content: &[u8]) -> Result<Vec<u8>, FileError> {
        let len = u32::try_from(content.len())
            .map_err(|_| FileError::io("write", path)(ErrorKind::FileTooLarge.into()))?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + content.len());
        bytes.extend_from_slice(&self.magic);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&len.to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes), content);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(content);
        Ok(bytes)
    }

    fn decode(self, path: &Path, bytes: Bytes) -> Result<(u16, Bytes), FileError> {
        let Some((header, content)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FileError::damaged(
                path,
                bytes.len() as u64,
                "it is shorter than a header",
            ));
        };
        let [m0, m1, m2, m3, v0, v1, _, _, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
        let (magic, version) = ([m0, m1, m2, m3], u16::from_le_bytes([v0, v1]));
        if magic != self.magic {
            let path = path.to_path_buf();
            return Err(FileError::WrongMagic { path, found: magic, expected: self.magic });
        }
        let checked = header.get(..CHECKSUM_AT).unwrap_or_default();
        let checksum = crc32c::crc32c_append(crc32c::crc32c(checked), content);
        let is_whole = checksum == u32::from_le_bytes([c0, c1, c2, c3])
            && content.len() as u64 == u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        // A newer version may lay out what follows differently, so its checksum proves nothing.
        if version == 0 || self.version < version {
            let (path, supported) = (path.to_path_buf(), self.version);
            return Err(FileError::UnknownVersion { path, found: version, supported });
        }
        if !is_whole && !crate::canary::is("skip_crc") {
            return Err(FileError::damaged(path, 0, "its checksum does not match"));
        }
        Ok((version, bytes.slice(HEADER_BYTES..)))
    }
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

fn write_synced(fs: &dyn Vfs, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let file = fs.open(path, OpenMode::CreateOrOpen)?;
    file.truncate(0)?;
    file.write_all_at(bytes, 0)?;
    if crate::canary::is("skip_fsync") {
        return Ok(());
    }
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{AfterFailedSync, SimDisk};

    const VOTE: AtomicFile = AtomicFile { magic: *b"KQVT", version: 2 };

    fn path() -> &'static Path {
        Path::new("/vote")
    }

    #[test]
    fn content_is_read_back_with_its_version() {
        let disk = SimDisk::new(0);
        assert!(VOTE.read(&disk, path()).unwrap().is_none());
        for content in [&b""[..], b"one", b"three"] {
            VOTE.write(&disk, path(), content).unwrap();
            assert_eq!(VOTE.read(&disk, path()).unwrap().unwrap(), (2, content.into()));
        }
        assert_eq!(disk.list(Path::new("/")).unwrap().len(), 1);
    }

    #[test]
    fn unknown_version_and_kind_are_refused_by_name() {
        let disk = SimDisk::new(0);
        AtomicFile { version: 3, ..VOTE }.write(&disk, path(), b"x").unwrap();
        let err = VOTE.read(&disk, path()).unwrap_err();
        assert_eq!(err.to_string(), "/vote has format version 3; this version of kq reads 2");
        AtomicFile { magic: *b"K\0\0\0", version: 1 }.write(&disk, path(), b"x").unwrap();
        let err = VOTE.read(&disk, path()).unwrap_err();
        assert_eq!(err.to_string(), r#"/vote begins with "K\x00\x00\x00" instead of "KQVT""#);
    }

    #[test]
    fn each_flipped_bit_and_each_cut_is_found() {
        let disk = SimDisk::new(0);
        VOTE.write(&disk, path(), b"term 4, vote for 2").unwrap();
        let whole = read_all(disk.open(path(), OpenMode::Read).unwrap().as_ref()).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let copy = disk.fork();
                copy.flip_bit(path(), at, bit).unwrap();
                VOTE.read(&copy, path()).unwrap_err();
            }
            disk.plant(path(), &whole[..at]).unwrap();
            VOTE.read(&disk, path()).unwrap_err();
        }
        disk.plant(path(), &[&whole[..], b"x"].concat()).unwrap();
        VOTE.read(&disk, path()).unwrap_err();
    }

    #[test]
    fn failed_write_leaves_the_old_content() {
        let disk = SimDisk::new(0);
        VOTE.write(&disk, path(), b"old").unwrap();
        disk.fail_sync(disk.syncs() + 1, AfterFailedSync::KeptClean);
        VOTE.write(&disk, path(), b"new").unwrap_err();
        assert_eq!(VOTE.read(&disk, path()).unwrap().unwrap().1, "old");
        assert_eq!(disk.list(Path::new("/")).unwrap().len(), 1);
    }
}
