//! The quick way through small compressed blocks: into one buffer that each thread keeps.
//!
//! Setting a streaming decoder up costs more than a batch of usual size takes to decompress. What
//! is larger than the buffer, framed unusually or malformed goes through the stream instead, which
//! also words the error.

use std::cell::RefCell;

use super::snappy::XERIAL_MAGIC;
use super::{Compression, DecompressLimits};

/// Batches that decompress to more than this take the stream.
const SCRATCH_BYTES: usize = 1 << 20;

#[derive(Default)]
struct Scratch {
    plain: Vec<u8>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Hands the decompressed block to `read`; `None` if it has to take the stream.
pub(crate) fn with_plain<T>(
    compression: Compression,
    block: &[u8],
    limits: DecompressLimits,
    read: impl FnOnce(&[u8]) -> T,
) -> Option<T> {
    SCRATCH.with(|scratch| {
        let scratch = &mut *scratch.try_borrow_mut().ok()?;
        scratch.plain.resize(SCRATCH_BYTES, 0);
        let max = usize::try_from(limits.for_block(block.len())).ok()?.min(SCRATCH_BYTES);
        let room = scratch.plain.get_mut(..max)?;
        let length = match compression {
            Compression::Lz4 => lz4_frame(block, room)?,
            Compression::Snappy => snappy(block, room)?,
            Compression::Zstd => {
                if scratch.zstd.is_none() {
                    scratch.zstd = Some(zstd::bulk::Decompressor::new().ok()?);
                }
                scratch.zstd.as_mut()?.decompress_to_buffer(block, room).ok()?
            }
            Compression::None | Compression::Gzip => return None,
        };
        scratch.plain.get(..length).map(read)
    })
}

/// One lz4 frame of independent blocks without checksums, as the Java client and librdkafka write.
fn lz4_frame(frame: &[u8], room: &mut [u8]) -> Option<usize> {
    const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
    /// Version 1, independent blocks; nothing else but a content size.
    const PLAIN_FLAGS: u8 = 0b0110_0000;
    const CONTENT_SIZE: u8 = 0b0000_1000;
    const STORED: u32 = 1 << 31;
    let rest = frame.strip_prefix(&MAGIC)?;
    let ([flags, _block_size], rest) = rest.split_first_chunk::<2>()?;
    if flags & !CONTENT_SIZE != PLAIN_FLAGS {
        return None;
    }
    let sized = if flags & CONTENT_SIZE == 0 { 0 } else { 8 };
    // A header checksum of one byte ends the header.
    let mut rest = rest.get(sized + 1..)?;
    let mut length = 0;
    loop {
        let (head, blocks) = rest.split_first_chunk::<4>()?;
        let head = u32::from_le_bytes(*head);
        if head == 0 {
            return blocks.is_empty().then_some(length);
        }
        let (block, after) = blocks.split_at_checked(usize::try_from(head & !STORED).ok()?)?;
        let into = room.get_mut(length..)?;
        length += if head & STORED == 0 {
            lz4_flex::block::decompress_into(block, into).ok()?
        } else {
            into.get_mut(..block.len())?.copy_from_slice(block);
            block.len()
        };
        rest = after;
    }
}

/// Xerial blocks, or one raw block.
fn snappy(bytes: &[u8], room: &mut [u8]) -> Option<usize> {
    let mut decoder = snap::raw::Decoder::new();
    let Some(rest) = bytes.strip_prefix(&XERIAL_MAGIC) else {
        return decoder.decompress(bytes, room).ok();
    };
    let mut rest = rest.get(8..)?;
    let mut length = 0;
    while !rest.is_empty() {
        let (head, blocks) = rest.split_first_chunk::<4>()?;
        let (block, after) =
            blocks.split_at_checked(usize::try_from(u32::from_be_bytes(*head)).ok()?)?;
        length += decoder.decompress(block, room.get_mut(length..)?).ok()?;
        rest = after;
    }
    Some(length)
}
