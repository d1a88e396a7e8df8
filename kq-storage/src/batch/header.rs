//! The header of one batch: read once, every field checked, the wire's `-1` gone.

use std::fmt;

use bytes::Buf;

use super::{CRC_FROM, Compression, HEADER_BYTES, LENGTH_PREFIX_BYTES, MAGIC, MAGIC_AT};
use crate::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};

/// The header of a batch whose fields make sense together. Says nothing of the CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Bytes of the whole batch, header included.
    pub size: usize,
    /// The epoch under which offsets were assigned; `None` as it comes from a client.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The CRC as written.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// Offset of the last record, less the base offset.
    pub last_offset_delta: u32,
    /// What records' timestamp deltas count from; -1 for none.
    pub base_timestamp: i64,
    /// The greatest timestamp in the batch; `None` if records carry none.
    pub max_timestamp: Option<TimestampMs>,
    /// Who wrote it, if an idempotent producer did.
    pub producer: Option<ProducerMark>,
    /// Records in the batch.
    pub record_count: u32,
}

/// What an idempotent producer writes into each batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerMark {
    /// The producer.
    pub id: ProducerId,
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// Sequence number of the first record; `None` in control batches.
    pub first_sequence: Option<u32>,
}

/// The attribute bits of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// The raw bits.
    pub bits: u16,
    /// How the records are compressed.
    pub compression: Compression,
}

impl Attributes {
    pub(crate) const LOG_APPEND_TIME: u16 = 1 << 3;
    pub(crate) const TRANSACTIONAL: u16 = 1 << 4;
    pub(crate) const CONTROL: u16 = 1 << 5;
    pub(crate) const DELETE_HORIZON: u16 = 1 << 6;
    pub(crate) const COMPRESSION: u16 = 0b111;

    /// Whether the max timestamp is the time at which the log took the batch.
    pub const fn is_log_append_time(self) -> bool {
        self.bits & Self::LOG_APPEND_TIME != 0
    }

    /// Whether the batch is part of a transaction.
    pub const fn is_transactional(self) -> bool {
        self.bits & Self::TRANSACTIONAL != 0
    }

    /// Whether the batch holds control records, which readers never see.
    pub const fn is_control(self) -> bool {
        self.bits & Self::CONTROL != 0
    }

    /// Whether the base timestamp is the time until which tombstones stay (KIP-534).
    pub const fn has_delete_horizon(self) -> bool {
        self.bits & Self::DELETE_HORIZON != 0
    }
}

/// What is wrong with the bytes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than the batch needs.
    #[error("batch of {needed} bytes is cut after {have}")]
    Cut {
        /// Bytes that the batch claims or at least needs.
        needed: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// A length that no batch can have.
    #[error("batch length {0} is less than a header's 49 bytes")]
    Length(i32),
    /// A format this log does not hold.
    #[error("record format version {0} is not supported; only version 2 is")]
    Magic(u8),
    /// Bits 0-2 of the attributes name no codec.
    #[error("compression codec {0} is unknown; 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd are known")]
    Codec(u8),
    /// A field that cannot be negative is.
    #[error("{field} is {value}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
    /// The bytes are not those that the CRC was made of.
    #[error("crc is {computed:#010x}, but the header says {stored:#010x}")]
    Crc {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`. The records behind it need not be there.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let Some(mut at) = bytes.get(..HEADER_BYTES) else {
            return Err(refuse_short(bytes));
        };
        // The slice holds a whole header, so none of these reads can run out.
        let base_offset = at.get_i64();
        let length = at.get_i32();
        let leader_epoch = at.get_i32();
        let magic = at.get_u8();
        let crc = at.get_u32();
        let bits = at.get_u16();
        let last_offset_delta = at.get_i32();
        let base_timestamp = at.get_i64();
        let max_timestamp = at.get_i64();
        let producer_id = at.get_i64();
        let producer_epoch = at.get_i16();
        let base_sequence = at.get_i32();
        let record_count = at.get_i32();

        if magic != MAGIC {
            return Err(BatchError::Magic(magic));
        }
        Ok(Self {
            base_offset: Offset(unsigned("base offset", base_offset)?),
            size: whole_size(length)?,
            leader_epoch: u32::try_from(leader_epoch).ok().map(LeaderEpoch),
            crc,
            attributes: Attributes { bits, compression: Compression::of_attributes(bits)? },
            last_offset_delta: unsigned32("last offset delta", last_offset_delta)?,
            base_timestamp,
            max_timestamp: (max_timestamp != -1).then_some(TimestampMs(max_timestamp)),
            producer: producer_mark(producer_id, producer_epoch, base_sequence)?,
            record_count: unsigned32("record count", record_count)?,
        })
    }

    /// Reads the header of a batch that is wholly in `bytes` and checks its CRC.
    pub fn parse_verified(bytes: &[u8]) -> Result<Self, BatchError> {
        let header = Self::parse(bytes)?;
        header.verify_crc(bytes)?;
        Ok(header)
    }

    /// Checks the CRC over the batch at the start of `bytes`, whose header this is.
    pub fn verify_crc(&self, bytes: &[u8]) -> Result<(), BatchError> {
        let Some(covered) = bytes.get(CRC_FROM..self.size) else {
            return Err(BatchError::Cut { needed: self.size, have: bytes.len() });
        };
        let computed = crc32c::crc32c(covered);
        if computed != self.crc && !crate::canary::is("skip_crc") {
            return Err(BatchError::Crc { stored: self.crc, computed });
        }
        Ok(())
    }

    /// Checks that the batch follows the one that ends before `expected`.
    pub(crate) fn verify_follows(&self, expected: Offset) -> Result<(), String> {
        let found = self.base_offset;
        if found != expected {
            return Err(format!("offset {found} stands where {expected} must"));
        }
        Ok(())
    }

    /// Offset of the last record.
    pub const fn last_offset(&self) -> Offset {
        self.base_offset.plus(self.last_offset_delta as u64)
    }

    /// The offset after the last record.
    pub const fn next_offset(&self) -> Offset {
        self.base_offset.plus(self.last_offset_delta as u64 + 1)
    }

    /// Sequence number of the last record; sequences wrap to 0 after `i32::MAX`.
    pub fn last_sequence(&self) -> Option<u32> {
        let first = self.producer?.first_sequence?;
        Some(sequence_plus(first, self.last_offset_delta))
    }
}

/// The sequence number `delta` records on; after `i32::MAX` comes 0.
pub(crate) fn sequence_plus(first: u32, delta: u32) -> u32 {
    const SEQUENCES: u64 = 1 << 31;
    let wrapped = (u64::from(first) + u64::from(delta)) % SEQUENCES;
    u32::try_from(wrapped).unwrap_or(0)
}

fn refuse_short(bytes: &[u8]) -> BatchError {
    // An old version has a shorter header: name it rather than its length.
    match bytes.get(MAGIC_AT) {
        Some(magic) if *magic != MAGIC => BatchError::Magic(*magic),
        Some(_) | None => BatchError::Cut { needed: HEADER_BYTES, have: bytes.len() },
    }
}

fn whole_size(length: i32) -> Result<usize, BatchError> {
    let size = usize::try_from(length).map_err(|_| BatchError::Length(length))?;
    if size < HEADER_BYTES - LENGTH_PREFIX_BYTES {
        return Err(BatchError::Length(length));
    }
    Ok(size + LENGTH_PREFIX_BYTES)
}

fn producer_mark(id: i64, epoch: i16, sequence: i32) -> Result<Option<ProducerMark>, BatchError> {
    if id == -1 {
        return Ok(None);
    }
    let id = ProducerId(unsigned("producer id", id)?);
    let negative = BatchError::Field { field: "producer epoch", value: i64::from(epoch) };
    let epoch = ProducerEpoch(u16::try_from(epoch).map_err(|_| negative)?);
    Ok(Some(ProducerMark { id, epoch, first_sequence: u32::try_from(sequence).ok() }))
}

fn unsigned(field: &'static str, value: i64) -> Result<u64, BatchError> {
    u64::try_from(value).map_err(|_| BatchError::Field { field, value })
}

fn unsigned32(field: &'static str, value: i32) -> Result<u32, BatchError> {
    u32::try_from(value).map_err(|_| BatchError::Field { field, value: i64::from(value) })
}

impl fmt::Display for BatchHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "batch {}..={} of {} bytes, {} records, {}",
            self.base_offset,
            self.last_offset(),
            self.size,
            self.record_count,
            self.attributes.compression
        )
    }
}
