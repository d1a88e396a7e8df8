//! Record batches of format version 2, the unit in which everything here moves.
//!
//! Bytes are Kafka's and are never re-encoded: the log looks at the header, checks the CRC and
//! patches three fields in place. Versions 0 and 1 are refused by name.
//!
//! ```text
//!    0  base offset          i64   patched when the log assigns offsets
//!    8  batch length         i32   bytes that follow this field
//!   12  leader epoch         i32   patched when the log assigns offsets
//!   16  magic                i8    2
//!   17  crc                  u32   CRC-32C of everything below
//!   ---------------------------------------------------------------
//!   21  attributes           i16   codec 0-2, timestamp type 3, transactional 4, control 5, horizon 6
//!   23  last offset delta    i32
//!   27  base timestamp       i64
//!   35  max timestamp        i64   patched for log append time
//!   43  producer id          i64   -1 for none
//!   51  producer epoch       i16
//!   53  base sequence        i32
//!   57  record count         i32
//!   61  records, compressed as one block if a codec is set
//! ```

mod build;
mod codec;
mod header;
mod patch;
mod quick_walk;
mod raw;
mod record;
mod validate;

pub use build::{BatchBuilder, recompress};
pub(crate) use build::{append_batch, assemble, seal};
pub use codec::{Codec, Compression, DecompressError, DecompressLimits, decompress};
pub(crate) use codec::{compress, with_plain};
pub(crate) use header::sequence_plus;
pub use header::{Attributes, BatchError, BatchHeader, ProducerMark};
pub use patch::{assign, stamp_log_append_time, stamp_max_timestamp};
pub(crate) use raw::raw_records;
pub use record::{Record, RecordError, RecordsSummary, records, walk_records, walk_stored_records};
pub use validate::{InvalidBatch, Refusal, validate_new};

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 61;
/// Bytes of the base offset and the length field, which the length does not count.
pub const LENGTH_PREFIX_BYTES: usize = 12;
/// The only format version this log holds.
pub const MAGIC: u8 = 2;
/// Where the CRC starts to count: at the attributes.
pub const CRC_FROM: usize = 21;

pub(crate) const BASE_OFFSET_AT: usize = 0;
pub(crate) const LEADER_EPOCH_AT: usize = 12;
pub(crate) const MAGIC_AT: usize = 16;
pub(crate) const CRC_AT: usize = 17;
pub(crate) const ATTRIBUTES_AT: usize = 21;
pub(crate) const MAX_TIMESTAMP_AT: usize = 35;
