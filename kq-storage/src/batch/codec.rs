//! The four codecs in the framings that Kafka's clients use, decompressed within bounds.
//!
//! | codec | framing |
//! | --- | --- |
//! | gzip | one or more gzip members |
//! | snappy | xerial blocks (Java) or one raw block (librdkafka, Go) |
//! | lz4 | lz4 frame, independent blocks |
//! | zstd | zstd frame |
//!
//! Decompression is a stream that ends in an error once it has given more than [`DecompressLimits`]
//! allow; what a block claims about its own size is never allocated unseen.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use super::{BatchError, RecordError};

mod compress;
mod scratch;
mod snappy;

pub use compress::Codec;
pub(crate) use compress::compress;
pub(crate) use scratch::with_plain;

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy in xerial blocks.
    Snappy,
    /// The lz4 frame format.
    Lz4,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// The codec that bits 0-2 of a batch's attributes name.
    pub const fn of_attributes(bits: u16) -> Result<Self, BatchError> {
        match bits & 0b111 {
            0 => Ok(Self::None),
            1 => Ok(Self::Gzip),
            2 => Ok(Self::Snappy),
            3 => Ok(Self::Lz4),
            4 => Ok(Self::Zstd),
            unknown => Err(BatchError::Codec(unknown.to_le_bytes()[0])),
        }
    }

    /// The codec's number in the attributes.
    pub const fn bits(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The codec's name, as in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much a compressed block may grow to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecompressLimits {
    /// Bytes that one batch may decompress to.
    pub bytes_max: u64,
    /// Times its own size that a block may decompress to, once past `ratio_free_bytes`.
    pub ratio_max: u64,
    /// Up to here any ratio is fine: runs of one byte compress beyond any honest ratio.
    pub ratio_free_bytes: u64,
}

impl Default for DecompressLimits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self { bytes_max: 128 * MIB, ratio_max: 1_000, ratio_free_bytes: 4 * MIB }
    }
}

impl DecompressLimits {
    const fn for_block(self, block: usize) -> u64 {
        let by_ratio = (block as u64).saturating_mul(self.ratio_max);
        let floor = if by_ratio > self.ratio_free_bytes { by_ratio } else { self.ratio_free_bytes };
        if floor < self.bytes_max { floor } else { self.bytes_max }
    }
}

/// Why a compressed block cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// It gives more than it may.
    #[error("compressed records give more than {bytes_max} bytes")]
    TooMuch {
        /// What this block may give.
        bytes_max: u64,
    },
    /// It is not what its codec writes.
    #[error("compressed records cannot be read: {0}")]
    Malformed(String),
}

impl DecompressError {
    pub(crate) fn of(err: io::Error) -> Self {
        let limit = err.get_ref().and_then(|inner| inner.downcast_ref::<LimitHit>());
        match limit {
            Some(LimitHit(bytes_max)) => Self::TooMuch { bytes_max: *bytes_max },
            None => Self::Malformed(err.to_string()),
        }
    }
}

/// Hands the decompressed records of `block` to `read` as a bounded stream.
pub fn decompress<T>(
    compression: Compression,
    block: &[u8],
    limits: DecompressLimits,
    read: impl FnOnce(&mut dyn BufRead) -> Result<T, RecordError>,
) -> Result<T, RecordError> {
    /// The greatest window that zstd's own levels use; memory follows what is really written.
    const WINDOW_LOG_MAX: u32 = 27;
    let bytes_max = limits.for_block(block.len());
    match compression {
        Compression::None => read(&mut { block }),
        Compression::Gzip => {
            let plain = BufReader::new(flate2::bufread::MultiGzDecoder::new(block));
            read(&mut Bounded::new(plain, bytes_max))
        }
        Compression::Snappy => {
            read(&mut Bounded::new(snappy::SnappyReader::new(block, bytes_max), bytes_max))
        }
        Compression::Lz4 => {
            let plain = lz4_flex::frame::FrameDecoder::new(block);
            read(&mut Bounded::new(plain, bytes_max))
        }
        Compression::Zstd => {
            let malformed = |err| RecordError::Compressed(DecompressError::of(err));
            let mut plain = zstd::stream::read::Decoder::with_buffer(block).map_err(malformed)?;
            plain.window_log_max(WINDOW_LOG_MAX).map_err(malformed)?;
            read(&mut Bounded::new(BufReader::new(plain), bytes_max))
        }
    }
}

#[derive(Debug)]
struct LimitHit(u64);

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.0)
    }
}

impl std::error::Error for LimitHit {}

/// A stream that fails once it has given more than it may.
struct Bounded<R> {
    inner: R,
    given: u64,
    bytes_max: u64,
}

impl<R> Bounded<R> {
    const fn new(inner: R, bytes_max: u64) -> Self {
        Self { inner, given: 0, bytes_max }
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let have = self.inner.fill_buf()?;
        if self.given + have.len() as u64 > self.bytes_max {
            return Err(io::Error::other(LimitHit(self.bytes_max)));
        }
        Ok(have)
    }

    fn consume(&mut self, amount: usize) {
        self.given += amount as u64;
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut have = self.fill_buf()?;
        let count = have.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
