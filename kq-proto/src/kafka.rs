//! The Kafka protocol: frames, headers and messages of the data door, for both sides.
//!
//! Bodies are read without copying: texts and records share the memory of their frame. What is
//! read is bounded by the bytes that are there, never by a length that a peer claims. This
//! module speaks bytes and versions only; which versions a broker serves is the broker's affair.

mod api_key;
mod catalogue;
mod error;
mod error_code;
mod field;
mod frame;
mod header;
mod message;
mod reader;
mod text;
mod writer;

#[cfg(test)]
mod bounds_test;
#[cfg(test)]
mod oracle_test;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod wire_test;

#[expect(missing_docs, reason = "the protocol guide names and explains each field")]
pub mod messages;

pub use api_key::ApiKey;
pub use catalogue::{API_SHAPES, ApiShape};
pub use error::{DecodeError, EncodeError, Malformed};
pub use error_code::ErrorCode;
pub use field::{Field, Form, Nullable, Records};
pub use frame::{FRAME_PREFIX_BYTES, FrameError, frame_length, request_frame, response_frame};
pub use header::{HeaderError, RequestHeader, ResponseHeader};
pub use message::{Message, NEVER_FLEXIBLE, Request};
pub use reader::Reader;
pub use text::Str;
pub use writer::{Part, Writer};
