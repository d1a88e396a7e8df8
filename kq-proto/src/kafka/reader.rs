//! The bounded reader: takes a body apart without copying it.
//!
//! Nothing is allocated by a length that the peer claims: a count is checked against the
//! bytes that are left before room is made for its elements. Nesting needs no limit, since no
//! message contains itself.

use bytes::Bytes;

use super::error::{DecodeError, Malformed};
use super::text::Str;

/// The longest text: the short form's length is an i16, and Kafka keeps to it everywhere.
const TEXT_BYTES_MAX: usize = 0x7fff;

/// A cursor over one body. Texts and blobs that it yields share the body's memory.
#[derive(Debug)]
pub struct Reader<'a> {
    whole: &'a Bytes,
    rest: &'a [u8],
    elements_left: usize,
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident -> $type:ty, $width:literal;)+) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self) -> Result<$type, DecodeError> {
            self.take_array::<$width>().map(<$type>::from_be_bytes)
        }
    )+};
}

impl<'a> Reader<'a> {
    /// Reads from the first byte on.
    pub fn new(whole: &'a Bytes) -> Self {
        Self::bounded(whole, usize::MAX)
    }

    /// Reads from the first byte on, and refuses more elements of collections than this in all.
    ///
    /// An element of a few bytes becomes a struct of a hundred: a body's size bounds what it is
    /// decoded to only loosely.
    pub fn bounded(whole: &'a Bytes, elements_max: usize) -> Self {
        Self { whole, rest: whole, elements_left: elements_max }
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Refuses bytes after the end.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::Trailing(self.rest.len()).into()) }
    }

    /// All that is left, sharing the memory of the whole.
    pub fn take_rest(&mut self) -> Bytes {
        let rest = std::mem::take(&mut self.rest);
        self.whole.slice_ref(rest)
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(Malformed::Truncated { needed: N, left: self.rest.len() }.into());
        };
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    fn take_slice(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(Malformed::Truncated { needed: length, left: self.rest.len() }.into());
        };
        self.rest = rest;
        Ok(taken)
    }

    fixed! {
        /// One signed byte.
        int8 -> i8, 1;
        /// Two bytes, big-endian.
        int16 -> i16, 2;
        /// Two bytes, big-endian, unsigned.
        uint16 -> u16, 2;
        /// Four bytes, big-endian.
        int32 -> i32, 4;
        /// Four bytes, big-endian, unsigned.
        uint32 -> u32, 4;
        /// Eight bytes, big-endian.
        int64 -> i64, 8;
    }

    /// One byte; anything but zero is true, as in Kafka.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        self.int8().map(|byte| byte != 0)
    }

    /// Sixteen bytes.
    #[inline]
    pub fn uuid(&mut self) -> Result<uuid::Uuid, DecodeError> {
        self.take_array::<16>().map(uuid::Uuid::from_bytes)
    }

    /// Up to five bytes of seven bits, the lowest first. Needless bytes are refused.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u32;
        let mut shift = 0u32;
        loop {
            let [byte] = self.take_array::<1>()?;
            let over_long = shift == 28 && byte > 0x0f;
            let padded = shift > 0 && byte == 0;
            if over_long || padded {
                return Err(Malformed::Varint.into());
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// The length of a text; `None` is null.
    #[inline]
    pub fn text_length(&mut self, compact: bool) -> Result<Option<usize>, DecodeError> {
        if compact { self.compact_length() } else { length_of(i64::from(self.int16()?)) }
    }

    /// The length of a blob or the count of a collection; `None` is null.
    #[inline]
    pub fn long_length(&mut self, compact: bool) -> Result<Option<usize>, DecodeError> {
        if compact { self.compact_length() } else { length_of(i64::from(self.int32()?)) }
    }

    /// Compact lengths are one more than the length; zero is null.
    #[inline]
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        let Some(length) = self.unsigned_varint()?.checked_sub(1) else { return Ok(None) };
        // Beyond an i32 no frame reaches; usize is at least 32 bits wide wherever this runs.
        Ok(Some(usize::try_from(length).unwrap_or(usize::MAX)))
    }

    /// So many bytes, sharing the memory of the whole.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        let taken = self.take_slice(length)?;
        Ok(self.whole.slice_ref(taken))
    }

    /// Text of so many bytes, sharing the memory of the whole.
    #[inline]
    pub fn text(&mut self, length: usize) -> Result<Str, DecodeError> {
        if length > TEXT_BYTES_MAX {
            return Err(Malformed::TextTooLong(length).into());
        }
        Str::from_utf8(self.bytes(length)?).map_err(|_| Malformed::Utf8.into())
    }

    /// Refuses a count whose elements, at their smallest, would not fit into what is left, or that
    /// exceeds the bound on elements.
    #[inline]
    pub fn check_count(&mut self, count: usize, element_min: usize) -> Result<(), DecodeError> {
        let needed = count.checked_mul(element_min.max(1));
        let fits = needed.is_some_and(|needed| needed <= self.rest.len());
        if let Some(left) = self.elements_left.checked_sub(count).filter(|_| fits) {
            self.elements_left = left;
            return Ok(());
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        Err(Malformed::CountTooLarge { count, left: self.rest.len() }.into())
    }

    /// Walks a tagged section (KIP-482): tags ascend, and each value fills its size exactly.
    /// `known` reads the tags it knows and answers false for the others, which are skipped.
    #[inline]
    pub fn tagged(
        &mut self,
        mut known: impl FnMut(u32, &mut Reader<'a>) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.unsigned_varint()?;
        let mut next_tag = 0u64;
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            if u64::from(tag) < next_tag {
                return Err(Malformed::TagOrder(tag).into());
            }
            next_tag = u64::from(tag) + 1;
            let size = usize::try_from(self.unsigned_varint()?).unwrap_or(usize::MAX);
            let rest = self.take_slice(size)?;
            let mut value = Reader { whole: self.whole, rest, elements_left: self.elements_left };
            if known(tag, &mut value)? {
                self.elements_left = value.elements_left;
                value.finish()?;
            }
        }
        Ok(())
    }

    /// Skips a tagged section none of whose tags is known.
    #[inline]
    pub fn skip_tagged(&mut self) -> Result<(), DecodeError> {
        self.tagged(|_, _| Ok(false))
    }
}

fn length_of(claimed: i64) -> Result<Option<usize>, DecodeError> {
    if claimed == -1 {
        return Ok(None);
    }
    let length = usize::try_from(claimed).map_err(|_| Malformed::NegativeLength(claimed))?;
    Ok(Some(length))
}
