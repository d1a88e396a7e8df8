//! Bounded reading and writing of the primitive types of Kafka's internal records.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::RecordError;

/// Appends primitives.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) BytesMut);

impl Writer {
    pub(super) fn i16(&mut self, value: i16) {
        self.0.put_i16(value);
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.0.put_i32(value);
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.put_i64(value);
    }

    /// Every string here came in by an int16 length or is checked against one.
    pub(super) fn string(&mut self, text: &str) {
        let len = i16::try_from(text.len()).unwrap_or(i16::MAX);
        assert!(usize::try_from(len) == Ok(text.len()), "a string of over 32,767 bytes");
        self.0.put_i16(len);
        self.0.put_slice(text.as_bytes());
    }

    pub(super) fn nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.0.put_i16(-1),
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.put_slice(bytes);
    }

    pub(super) fn count(&mut self, count: usize) {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        assert!(count < i32::MAX, "a count beyond int32");
        self.0.put_i32(count);
    }

    /// Bytes whose number is known to who reads them.
    pub(super) fn array(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    pub(super) fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

/// Takes primitives off; never past the end, never allocating by a claimed length.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    whole: &'a Bytes,
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(whole: &'a Bytes, what: &'static str) -> Self {
        Self { whole, at: 0, what }
    }

    /// A reader of a field within this one.
    pub(super) fn within<'b>(&self, field: &'b Bytes) -> Reader<'b> {
        Reader::new(field, self.what)
    }

    pub(super) fn malformed(&self) -> RecordError {
        RecordError::Malformed { what: self.what }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<Bytes, RecordError> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.whole.len());
        let end = end.ok_or_else(|| self.malformed())?;
        let taken = self.whole.slice(self.at..end);
        self.at = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let taken = self.take(N)?;
        <[u8; N]>::try_from(&taken[..]).map_err(|_| self.malformed())
    }

    pub(super) fn i16(&mut self) -> Result<i16, RecordError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, RecordError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, RecordError> {
        self.array().map(i64::from_be_bytes)
    }

    /// A version from 0 to `max`.
    pub(super) fn version(&mut self, max: i16) -> Result<i16, RecordError> {
        let version = self.i16()?;
        if (0..=max).contains(&version) {
            return Ok(version);
        }
        Err(RecordError::UnknownVersion { what: self.what, version, max })
    }

    pub(super) fn string(&mut self) -> Result<Arc<str>, RecordError> {
        self.nullable_string()?.ok_or_else(|| self.malformed())
    }

    pub(super) fn nullable_string(&mut self) -> Result<Option<Arc<str>>, RecordError> {
        let len = self.i16()?;
        if len == -1 {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| self.malformed())?;
        let bytes = self.take(len)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.malformed())?;
        Ok(Some(Arc::from(text)))
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, RecordError> {
        let len = self.count()?;
        self.take(len)
    }

    pub(super) fn count(&mut self) -> Result<usize, RecordError> {
        let count = self.i32()?;
        usize::try_from(count).map_err(|_| self.malformed())
    }
}
