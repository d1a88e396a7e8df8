//! The flexible encoding (KIP-482) of Kafka's internal records: lengths as varints, and tagged fields
//! that older readers step over.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use uuid::Uuid;

use super::RecordError;
use super::codec::{Reader, Writer};

impl Writer {
    pub(super) fn i8(&mut self, value: i8) {
        self.0.put_i8(value);
    }

    pub(super) fn uuid(&mut self, id: Uuid) {
        self.0.put_slice(id.as_bytes());
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    pub(super) fn uvarint(&mut self, value: usize) {
        let mut rest = value;
        while rest >= 0x80 {
            let low = u8::try_from(rest & 0x7f).unwrap_or(0);
            self.0.put_u8(low | 0x80);
            rest >>= 7;
        }
        self.0.put_u8(u8::try_from(rest).unwrap_or(0));
    }

    /// Zero stands for null, so lengths and counts are one more than they are.
    pub(super) fn compact_count(&mut self, count: usize) {
        self.uvarint(count + 1);
    }

    pub(super) fn compact_bytes(&mut self, bytes: &[u8]) {
        self.compact_count(bytes.len());
        self.0.put_slice(bytes);
    }

    pub(super) fn compact_string(&mut self, text: &str) {
        self.compact_bytes(text.as_bytes());
    }

    pub(super) fn compact_nullable_string(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.compact_string(text),
            None => self.uvarint(0),
        }
    }

    /// The tagged fields of a structure, by rising tags.
    pub(super) fn tags(&mut self, fields: &[(usize, Bytes)]) {
        self.uvarint(fields.len());
        for (tag, field) in fields {
            self.uvarint(*tag);
            self.uvarint(field.len());
            self.0.put_slice(field);
        }
    }
}

impl Reader<'_> {
    pub(super) fn i8(&mut self) -> Result<i8, RecordError> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, RecordError> {
        self.array().map(Uuid::from_bytes)
    }

    pub(super) fn uvarint(&mut self) -> Result<usize, RecordError> {
        let mut value = 0u64;
        for shift in [0u32, 7, 14, 21, 28] {
            let [byte] = self.array::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| self.malformed())?;
                return usize::try_from(value).map_err(|_| self.malformed());
            }
        }
        Err(self.malformed())
    }

    /// None is null.
    fn compact_nullable_count(&mut self) -> Result<Option<usize>, RecordError> {
        Ok(self.uvarint()?.checked_sub(1))
    }

    pub(super) fn compact_count(&mut self) -> Result<usize, RecordError> {
        self.compact_nullable_count()?.ok_or_else(|| self.malformed())
    }

    pub(super) fn compact_bytes(&mut self) -> Result<Bytes, RecordError> {
        let len = self.compact_count()?;
        self.take(len)
    }

    pub(super) fn compact_string(&mut self) -> Result<Arc<str>, RecordError> {
        self.compact_nullable_string()?.ok_or_else(|| self.malformed())
    }

    pub(super) fn compact_nullable_string(&mut self) -> Result<Option<Arc<str>>, RecordError> {
        let Some(len) = self.compact_nullable_count()? else { return Ok(None) };
        let bytes = self.take(len)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.malformed())?;
        Ok(Some(Arc::from(text)))
    }

    /// The tagged fields of a structure. `read` takes what it knows; what it leaves is stepped over.
    pub(super) fn tags(
        &mut self,
        mut read: impl FnMut(usize, &mut Reader<'_>) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let count = self.uvarint()?;
        for _ in 0..count {
            let tag = self.uvarint()?;
            let len = self.uvarint()?;
            let field = self.take(len)?;
            read(tag, &mut self.within(&field))?;
        }
        Ok(())
    }

    /// Steps over the tagged fields of a structure that has none that are known.
    pub(super) fn no_tags(&mut self) -> Result<(), RecordError> {
        self.tags(|_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_endless_ones_do_not() {
        for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0xffff_ffff] {
            let mut out = Writer::default();
            out.uvarint(value);
            let bytes = out.finish();
            assert_eq!(Reader::new(&bytes, "it").uvarint(), Ok(value));
        }
        for wrong in [&b"\xff\xff\xff\xff\xff\x01"[..], b"\xff\xff\xff\xff\x7f", b"\x80", b""] {
            let bytes = Bytes::copy_from_slice(wrong);
            assert!(Reader::new(&bytes, "it").uvarint().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn unknown_tags_are_stepped_over() {
        let mut out = Writer::default();
        out.tags(&[(1, Bytes::from_static(b"xy")), (7, Bytes::from_static(b"z"))]);
        out.i8(5);
        let bytes = out.finish();
        let mut input = Reader::new(&bytes, "it");
        let mut seen = Vec::new();
        let read = input.tags(|tag, field| {
            if tag == 7 {
                seen.push(field.i8()?);
            }
            Ok(())
        });
        assert_eq!((read, seen, input.i8()), (Ok(()), vec![122], Ok(5)));
    }
}
