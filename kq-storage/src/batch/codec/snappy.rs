//! Snappy as Kafka's clients frame it: xerial blocks, or one raw block without a frame.
//!
//! ```text
//!   82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version i32 | least version i32 | block length i32, block ...
//! ```

use std::io::{self, BufRead, ErrorKind, Read};

/// The eight bytes that tell xerial's framing from a raw block.
pub(super) const XERIAL_MAGIC: [u8; 8] = *b"\x82SNAPPY\x00";
const XERIAL_HEADER_BYTES: usize = 16;
/// Snappy's densest element: 64 bytes out of 3.
const RATIO_MAX: u64 = 22;

/// Decompresses block by block; holds one block at a time.
pub(super) struct SnappyReader<'a> {
    left: &'a [u8],
    framed: bool,
    bytes_max: u64,
    block: Vec<u8>,
    at: usize,
}

impl<'a> SnappyReader<'a> {
    /// Reads `bytes`; a block that claims more than `bytes_max` is refused unseen.
    pub(super) fn new(bytes: &'a [u8], bytes_max: u64) -> Self {
        let framed = bytes.starts_with(&XERIAL_MAGIC);
        let left =
            if framed { bytes.get(XERIAL_HEADER_BYTES..).unwrap_or_default() } else { bytes };
        Self { left, framed, bytes_max, block: Vec::new(), at: 0 }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let compressed = self.take_compressed()?;
        let claimed = snap::raw::decompress_len(compressed)?;
        let possible = (compressed.len() as u64).saturating_mul(RATIO_MAX);
        if claimed as u64 > possible.min(self.bytes_max) {
            let why = format!("snappy block of {} bytes claims {claimed}", compressed.len());
            return Err(io::Error::new(ErrorKind::InvalidData, why));
        }
        self.block.clear();
        self.block.resize(claimed, 0);
        snap::raw::Decoder::new().decompress(compressed, &mut self.block)?;
        self.at = 0;
        Ok(())
    }

    fn take_compressed(&mut self) -> io::Result<&'a [u8]> {
        if !self.framed {
            return Ok(std::mem::take(&mut self.left));
        }
        let (length, rest) = self.left.split_first_chunk::<4>().ok_or(ErrorKind::UnexpectedEof)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (block, rest) = rest.split_at_checked(length).ok_or(ErrorKind::UnexpectedEof)?;
        self.left = rest;
        Ok(block)
    }
}

impl BufRead for SnappyReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.block.len() && !self.left.is_empty() {
            self.next_block()?;
        }
        Ok(self.block.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.block.len());
    }
}

impl Read for SnappyReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut have = self.fill_buf()?;
        let count = have.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
