//! What stands before each block: 32 bytes, little-endian. All entries together are the index; a
//! reader steps from one to the next without looking at the data between.
//!
//! ```text
//!  0  u32  CRC-32C of bytes 4 to 31
//!  4  u32  CRC-32C of the data, packed
//!  8  u32  bytes of the data, packed
//! 12  u32  bytes of the data, unpacked
//! 16  i64  when its first moment was received, milliseconds since 1970
//! 24  u32  milliseconds from the first to the last moment
//! 28  u16  moments
//! 30  u8   1 = begins with a whole frame, 0 = goes on where the block before ended
//! 31  u8   0
//! ```

/// Bytes of an entry.
pub(super) const ENTRY_BYTES: usize = 32;
/// No block is larger, packed or not.
pub(super) const BLOCK_BYTES_MAX: u32 = 256 << 20;

/// A block, and where to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) data_crc: u32,
    pub(super) packed_bytes: u32,
    pub(super) unpacked_bytes: u32,
    pub(super) first_ms: i64,
    pub(super) span_ms: u32,
    pub(super) moments: u16,
    pub(super) is_key: bool,
}

impl Entry {
    pub(super) fn last_ms(&self) -> i64 {
        self.first_ms.saturating_add(i64::from(self.span_ms))
    }

    pub(super) fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut rest = Vec::with_capacity(ENTRY_BYTES);
        rest.extend(self.data_crc.to_le_bytes());
        rest.extend(self.packed_bytes.to_le_bytes());
        rest.extend(self.unpacked_bytes.to_le_bytes());
        rest.extend(self.first_ms.to_le_bytes());
        rest.extend(self.span_ms.to_le_bytes());
        rest.extend(self.moments.to_le_bytes());
        rest.extend([u8::from(self.is_key), 0]);
        let mut bytes = [0; ENTRY_BYTES];
        let crc = crc32c::crc32c(&rest).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(crc.iter().chain(&rest)) {
            *to = *from;
        }
        bytes
    }

    /// None if these bytes are no entry.
    pub(super) fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let (crc, rest) = bytes.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*crc) != crc32c::crc32c(rest) {
            return None;
        }
        let (data_crc, rest) = rest.split_first_chunk()?;
        let (packed_bytes, rest) = rest.split_first_chunk()?;
        let (unpacked_bytes, rest) = rest.split_first_chunk()?;
        let (first_ms, rest) = rest.split_first_chunk()?;
        let (span_ms, rest) = rest.split_first_chunk()?;
        let (moments, rest) = rest.split_first_chunk()?;
        let entry = Self {
            data_crc: u32::from_le_bytes(*data_crc),
            packed_bytes: u32::from_le_bytes(*packed_bytes),
            unpacked_bytes: u32::from_le_bytes(*unpacked_bytes),
            first_ms: i64::from_le_bytes(*first_ms),
            span_ms: u32::from_le_bytes(*span_ms),
            moments: u16::from_le_bytes(*moments),
            is_key: rest.first() == Some(&1),
        };
        let fits = entry.packed_bytes.max(entry.unpacked_bytes) <= BLOCK_BYTES_MAX;
        fits.then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_any_bit_flipped_is_none() {
        let entry = Entry {
            data_crc: 7,
            packed_bytes: 100,
            unpacked_bytes: 1000,
            first_ms: 1_763_900_000_000,
            span_ms: 1_900,
            moments: 3,
            is_key: true,
        };
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes), Some(entry));
        for bit in 0..ENTRY_BYTES * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Entry::from_bytes(&bytes), None, "bit {bit}");
        }
    }
}
