//! Frames: four bytes of length, then a header and a body.

use std::fmt;

use super::error::EncodeError;
use super::header::{RequestHeader, ResponseHeader};
use super::message::{Message, Request};
use super::text::Str;
use super::writer::Writer;

/// How many bytes of length go before each frame.
pub const FRAME_PREFIX_BYTES: usize = 4;

/// A frame length that is refused before anything is read or allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// Below zero: most likely not the Kafka protocol at all.
    Negative(i32),
    /// Zero: a request has at least a header.
    Empty,
    /// Over the limit of this connection.
    TooLarge {
        /// The claimed length.
        length: usize,
        /// The limit.
        max: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative(length) => write!(f, "frame length {length} is negative"),
            Self::Empty => f.write_str("frame length is zero"),
            Self::TooLarge { length, max } => {
                write!(f, "frame of {length} bytes is over the limit of {max}")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// How many bytes follow this length prefix.
pub fn frame_length(prefix: [u8; FRAME_PREFIX_BYTES], max: usize) -> Result<usize, FrameError> {
    let claimed = i32::from_be_bytes(prefix);
    let length = usize::try_from(claimed).map_err(|_| FrameError::Negative(claimed))?;
    match length {
        0 => Err(FrameError::Empty),
        _ if length > max => Err(FrameError::TooLarge { length, max }),
        _ => Ok(length),
    }
}

/// A whole response frame of this version.
pub fn response_frame<R: Request>(
    correlation_id: i32,
    version: i16,
    body: &R::Response,
) -> Result<Writer, EncodeError> {
    let mut writer = Writer::frame(256);
    ResponseHeader { correlation_id }.encode(&mut writer, R::KEY, version);
    body.encode(&mut writer, version)?;
    Ok(writer)
}

/// A whole request frame of this version.
pub fn request_frame<R: Request>(
    correlation_id: i32,
    version: i16,
    client_id: Option<&Str>,
    body: &R,
) -> Result<Writer, EncodeError> {
    let mut writer = Writer::frame(256);
    RequestHeader {
        api_key: R::KEY,
        api_version: version,
        correlation_id,
        client_id: client_id.cloned(),
    }
    .encode(&mut writer)?;
    body.encode(&mut writer, version)?;
    Ok(writer)
}
