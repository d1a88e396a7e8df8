//! Compression, for topics whose `compression.type` is not `producer`.

use std::io::{self, Write};

use super::Compression;
use super::snappy::XERIAL_MAGIC;

/// Kafka's default level of zstd.
const ZSTD_LEVEL: i32 = 3;
/// Bytes in one snappy block: what the Java library takes.
const SNAPPY_BLOCK_BYTES: usize = 32 * 1024;

/// A codec, and how hard it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// Which codec.
    pub compression: Compression,
    /// Of gzip and zstd, the other codecs have one level only; none for the usual one.
    pub level: Option<i32>,
}

impl From<Compression> for Codec {
    fn from(compression: Compression) -> Self {
        Self { compression, level: None }
    }
}

/// Appends `plain`, compressed, to `out`.
pub(crate) fn compress(codec: Codec, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    match codec.compression {
        Compression::None => {
            out.extend_from_slice(plain);
            Ok(())
        }
        Compression::Gzip => {
            let level = codec.level.and_then(|level| u32::try_from(level).ok());
            let level = level.map_or_else(flate2::Compression::default, flate2::Compression::new);
            let mut encoder = flate2::write::GzEncoder::new(out, level);
            encoder.write_all(plain)?;
            encoder.finish().map(drop)
        }
        Compression::Snappy => compress_snappy(plain, out),
        Compression::Lz4 => {
            // The Java client reads independent blocks only.
            let info = lz4_flex::frame::FrameInfo::new()
                .block_size(lz4_flex::frame::BlockSize::Max64KB)
                .block_mode(lz4_flex::frame::BlockMode::Independent);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, out);
            encoder.write_all(plain)?;
            encoder.finish().map(drop).map_err(io::Error::other)
        }
        Compression::Zstd => {
            let mut encoder =
                zstd::stream::write::Encoder::new(out, codec.level.unwrap_or(ZSTD_LEVEL))?;
            encoder.write_all(plain)?;
            encoder.finish().map(drop)
        }
    }
}

fn compress_snappy(plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    const VERSION: [u8; 4] = 1_u32.to_be_bytes();
    out.extend_from_slice(&XERIAL_MAGIC);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(&VERSION);
    let mut encoder = snap::raw::Encoder::new();
    for block in plain.chunks(SNAPPY_BLOCK_BYTES) {
        let compressed = encoder.compress_vec(block)?;
        let length = u32::try_from(compressed.len()).map_err(io::Error::other)?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&compressed);
    }
    Ok(())
}
