//! The writer: one growing buffer, with holes where records are sent from elsewhere.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::EncodeError;

/// A piece of an encoded frame, in sending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Bytes to send as they are.
    Buffer(Bytes),
    /// Here go the records of the hole with this index, exactly as many bytes as announced.
    Records(usize),
}

#[derive(Debug, Clone, Copy)]
struct Hole {
    at: usize,
    index: usize,
    length: usize,
}

/// Builds one message or one frame.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: BytesMut,
    holes: Vec<Hole>,
    framed: bool,
}

impl Writer {
    /// An empty writer of a bare message.
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer of a frame: its first four bytes will tell the length of the rest.
    pub fn frame(capacity: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(capacity.max(64));
        buffer.put_i32(0);
        Self { buffer, holes: Vec::new(), framed: true }
    }

    /// The buffer, to append to.
    #[inline]
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// How many bytes are written, holes not counted.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.holes.is_empty()
    }

    /// Up to five bytes of seven bits, the lowest first.
    #[inline]
    pub fn unsigned_varint(&mut self, mut value: u32) {
        while value > 0x7f {
            self.buffer.put_u8(low_seven_bits(value) | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(low_seven_bits(value));
    }

    /// The length of a text; `None` is null.
    #[inline]
    pub fn text_length(&mut self, length: Option<usize>, compact: bool) -> Result<(), EncodeError> {
        // Kafka keeps to the short form's limit in compact texts too.
        let short = length.map_or(Ok(-1), |it| i16::try_from(it).map_err(|_| too_long(it)))?;
        if compact {
            return self.compact_length(length);
        }
        self.buffer.put_i16(short);
        Ok(())
    }

    /// The length of a blob or the count of a collection; `None` is null.
    #[inline]
    pub fn long_length(&mut self, length: Option<usize>, compact: bool) -> Result<(), EncodeError> {
        if compact {
            return self.compact_length(length);
        }
        let long = length.map_or(Ok(-1), |it| i32::try_from(it).map_err(|_| too_long(it)))?;
        self.buffer.put_i32(long);
        Ok(())
    }

    #[inline]
    fn compact_length(&mut self, length: Option<usize>) -> Result<(), EncodeError> {
        let Some(length) = length else {
            self.unsigned_varint(0);
            return Ok(());
        };
        let length = i32::try_from(length).map_err(|_| too_long(length))?;
        self.unsigned_varint(length.unsigned_abs() + 1);
        Ok(())
    }

    /// Leaves out `length` bytes of records, to be sent from elsewhere.
    pub fn hole(&mut self, index: usize, length: usize) {
        self.holes.push(Hole { at: self.buffer.len(), index, length });
    }

    /// Writes one tagged value: tag, size, value. The size is known only afterwards, so the
    /// value moves up by the one to five bytes that the size takes.
    pub fn tagged(
        &mut self,
        tag: u32,
        value: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.unsigned_varint(tag);
        let start = self.buffer.len();
        value(self)?;
        let size = self.buffer.len() - start;
        self.compact_size(size)?;
        let prefix = self.buffer.len() - start - size;
        if let Some(moved) = self.buffer.get_mut(start..) {
            moved.rotate_right(prefix);
        }
        Ok(())
    }

    fn compact_size(&mut self, size: usize) -> Result<(), EncodeError> {
        let size = i32::try_from(size).map_err(|_| too_long(size))?;
        self.unsigned_varint(size.unsigned_abs());
        Ok(())
    }

    /// The length of the frame after its first four bytes, holes included.
    fn patch_length(&mut self) -> Result<(), EncodeError> {
        let holes: usize = self.holes.iter().map(|it| it.length).sum();
        let length = (self.buffer.len() + holes).saturating_sub(4);
        let claimed = i32::try_from(length).map_err(|_| too_long(length))?;
        if let Some(prefix) = self.buffer.first_chunk_mut::<4>() {
            *prefix = claimed.to_be_bytes();
        }
        Ok(())
    }

    /// Ends a message or frame that has no holes.
    pub fn into_bytes(mut self) -> Result<Bytes, EncodeError> {
        assert!(self.holes.is_empty(), "a message with holes is taken apart by `into_parts`");
        if self.framed {
            self.patch_length()?;
        }
        Ok(self.buffer.freeze())
    }

    /// Ends a message or frame: buffers and holes in sending order.
    pub fn into_parts(mut self) -> Result<Vec<Part>, EncodeError> {
        if self.framed {
            self.patch_length()?;
        }
        let mut parts = Vec::with_capacity(self.holes.len() * 2 + 1);
        let mut cut = 0;
        for hole in &self.holes {
            parts.push(Part::Buffer(self.buffer.split_to(hole.at - cut).freeze()));
            parts.push(Part::Records(hole.index));
            cut = hole.at;
        }
        if !self.buffer.is_empty() {
            parts.push(Part::Buffer(self.buffer.freeze()));
        }
        Ok(parts)
    }
}

fn low_seven_bits(value: u32) -> u8 {
    let [_, _, _, low] = value.to_be_bytes();
    low & 0x7f
}

fn too_long(length: usize) -> EncodeError {
    EncodeError::TooLong(length)
}
