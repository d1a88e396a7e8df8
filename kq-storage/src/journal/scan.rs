//! Reading a journal file after a stop of any kind: what is whole, what is torn, what is damaged.

use std::path::Path;

use super::frame::{FRAME_BYTES, FileHeader, Frame, HEADER_BYTES};
use crate::file_error::FileError;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Scanned {
    /// Where each entry's frame begins.
    pub(super) positions: Vec<u32>,
    /// Where the next frame goes.
    pub(super) end: u32,
    /// Up to here the file says of itself that it was stable.
    pub(super) proven: u32,
    /// A mark says that everything up to `end` was synced, and nothing follows it.
    pub(super) is_clean: bool,
    /// Bytes after `end`, up to the last one that is not zero and not of the mark.
    pub(super) torn_bytes: u64,
}

/// Reads the frames of a whole file.
///
/// The first frame that is not whole ends the log, if it can be a torn write. It cannot when a
/// frame further on was written after that place had been synced: then the file is damaged.
pub(super) fn scan(path: &Path, file: &[u8], header: FileHeader) -> Result<Scanned, FileError> {
    let mut positions = Vec::new();
    let mut at = HEADER_BYTES;
    let mut next = header.base;
    let mut mark_bytes = 0;
    let mut proven = 0;
    while let Some(frame) = Frame::decode(file, at) {
        let Ok(position) = u32::try_from(at) else { break };
        if frame.index != next || position < frame.synced {
            break;
        }
        proven = proven.max(frame.synced);
        if frame.is_mark {
            mark_bytes = frame.len();
            break;
        }
        positions.push(position);
        at += frame.len();
        next += 1;
    }
    if has_frame_synced_beyond(file, at, next) && !crate::canary::is("tail_always_cut") {
        return Err(FileError::damaged(
            path,
            at as u64,
            "synced entries follow one that is broken",
        ));
    }
    let end = u32::try_from(at)
        .map_err(|_| FileError::damaged(path, at as u64, "it is longer than a journal file"))?;
    let tail = file.get(at + mark_bytes..used_bytes(file)).unwrap_or_default();
    let torn_bytes = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1) as u64;
    let is_clean = mark_bytes > 0 && torn_bytes == 0;
    Ok(Scanned { positions, end, proven, is_clean, torn_bytes })
}

/// Where the last block ends that is not all zeros: behind it is only room that was set aside.
fn used_bytes(file: &[u8]) -> usize {
    const BLOCK: [u8; 4096] = [0; 4096];
    let mut used = file;
    while let Some((front, block)) = used.split_last_chunk::<4096>() {
        if *block != BLOCK {
            break;
        }
        used = front;
    }
    used.len()
}

/// Whether a whole frame after `at` was written when the file was known to be stable beyond `at`.
fn has_frame_synced_beyond(file: &[u8], at: usize, next: u64) -> bool {
    let places_end = file.len().saturating_sub(FRAME_BYTES - 1).min(used_bytes(file));
    (at + 1..places_end).any(|place| {
        let word = |from: usize| file.get(place + from..).and_then(|rest| rest.first_chunk::<4>());
        // Cheap tests first: this runs over every byte of what follows.
        let synced = word(16).map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize;
        if synced <= at || place < synced {
            return false;
        }
        let count_max = (place - at) as u64;
        Frame::decode(file, place)
            .is_some_and(|frame| (next..=next.saturating_add(count_max)).contains(&frame.index))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: FileHeader = FileHeader { base: 5, starts_afresh: true };

    /// Entries 5, 6, 7, then a mark: 5 was synced before 6 and 7 were written.
    fn three_entries_and_mark() -> Vec<u8> {
        let mut file = HEADER.encode().to_vec();
        Frame::encode(&mut file, 5, 24, b"five");
        let synced = u32::try_from(file.len()).unwrap();
        Frame::encode(&mut file, 6, synced, b"six");
        Frame::encode(&mut file, 7, synced, b"seven");
        let synced = u32::try_from(file.len()).unwrap();
        Frame::encode_mark(&mut file, 8, synced);
        file
    }

    fn scan_bytes(file: &[u8]) -> Result<(usize, bool, u64), String> {
        let scanned = scan(Path::new("/j"), file, HEADER).map_err(|err| err.to_string())?;
        Ok((scanned.positions.len(), scanned.is_clean, scanned.torn_bytes))
    }

    #[test]
    fn whole_file_is_clean() {
        let file = three_entries_and_mark();
        assert_eq!(scan_bytes(&file), Ok((3, true, 0)));
        assert_eq!(scan_bytes(&[&file[..], &[0; 100]].concat()), Ok((3, true, 0)));
    }

    #[test]
    fn each_flipped_byte_of_synced_frames_is_found() {
        let file = three_entries_and_mark();
        let mark = file.len() - FRAME_BYTES;
        for at in HEADER_BYTES..mark {
            let mut bad = file.clone();
            bad[at] ^= 0x10;
            let err = scan_bytes(&bad).unwrap_err();
            assert!(err.starts_with("/j is damaged at byte "), "{err}");
        }
        for at in mark..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 0x10;
            let (entries, is_clean, _) = scan_bytes(&bad).unwrap();
            assert_eq!((entries, is_clean), (3, false));
        }
    }

    #[test]
    fn unsynced_frames_after_a_torn_one_are_cut() {
        let mut file = three_entries_and_mark();
        file.truncate(file.len() - FRAME_BYTES);
        let sixth = HEADER_BYTES + FRAME_BYTES + 4;
        file[sixth] ^= 1;
        let torn = (file.len() - sixth) as u64;
        assert_eq!(scan_bytes(&file), Ok((1, false, torn)));
    }

    #[test]
    fn each_cut_file_keeps_its_whole_frames() {
        let file = three_entries_and_mark();
        for len in HEADER_BYTES..file.len() {
            let (entries, is_clean, _) = scan_bytes(&file[..len]).unwrap();
            assert!(entries <= 3 && !is_clean);
        }
    }
}
