//! A record as it is kept: whole unless it is very large.

use kq_proto::admin::v1::{Header, Record};
use prost::bytes::Bytes;

use crate::model::Subject;

/// Of a key or a value no more is kept, in bytes.
const FIELD_BYTES_MAX: usize = 64 * 1024;
/// Headers that are kept.
const HEADERS_MAX: usize = 100;
/// Of the name or value of a header no more is kept, in bytes.
const HEADER_BYTES_MAX: usize = 4 * 1024;
/// What a record takes beside its bytes, about.
const RECORD_BYTES: usize = 300;

/// A record that came.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// It came as so manieth, from 0 on.
    pub sequence: u64,
    /// It was there already when reading began.
    pub is_backlog: bool,
    /// The record, its fields cut where they are very large.
    pub record: Record,
    /// Bytes of the whole key; none = null.
    pub key_bytes: Option<usize>,
    /// Bytes of the whole value; none = null.
    pub value_bytes: Option<usize>,
    /// How many headers it has.
    pub header_count: usize,
}

/// One of the two large fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Kept {
    pub(in crate::model) fn of(mut record: Record, sequence: u64, is_backlog: bool) -> Self {
        let (key_bytes, value_bytes) =
            (record.key.as_ref().map(Bytes::len), record.value.as_ref().map(Bytes::len));
        let header_count = record.headers.len();
        for field in [&mut record.key, &mut record.value].into_iter().flatten() {
            cut(field, FIELD_BYTES_MAX);
        }
        record.headers.truncate(HEADERS_MAX);
        for it in &mut record.headers {
            if it.key.len() > HEADER_BYTES_MAX {
                it.key.truncate(it.key.floor_char_boundary(HEADER_BYTES_MAX));
            }
            if let Some(value) = &mut it.value {
                cut(value, HEADER_BYTES_MAX);
            }
        }
        Self { sequence, is_backlog, record, key_bytes, value_bytes, header_count }
    }

    /// Which one it is.
    pub fn subject(&self) -> Subject {
        let it = &self.record;
        Subject::Record(it.topic.clone(), it.partition, it.offset)
    }

    /// What is kept of a field; none = null.
    pub fn field(&self, of: Field) -> Option<&[u8]> {
        match of {
            Field::Key => self.record.key.as_deref(),
            Field::Value => self.record.value.as_deref(),
        }
    }

    /// Bytes of the whole field; none = null.
    pub const fn field_bytes(&self, of: Field) -> Option<usize> {
        match of {
            Field::Key => self.key_bytes,
            Field::Value => self.value_bytes,
        }
    }

    /// Bytes of it in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let field = |it: &Option<Bytes>| it.as_ref().map_or(0, Bytes::len);
        let header = |it: &Header| 64 + it.key.len() + field(&it.value);
        let headers: usize = self.record.headers.iter().map(header).sum();
        RECORD_BYTES
            + self.record.topic.len()
            + field(&self.record.key)
            + field(&self.record.value)
            + headers
    }
}

/// A copy of no more than so much: as it came, it holds all of the message that it came in.
fn cut(bytes: &mut Bytes, max: usize) {
    *bytes = Bytes::copy_from_slice(bytes.get(..max).unwrap_or(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_large_record_is_cut_and_tells_its_size() {
        let header = Header { key: "é".repeat(5_000), value: Some(vec![0; 10_000].into()) };
        let record = Record {
            key: None,
            value: Some(vec![b'x'; 1_000_000].into()),
            headers: vec![header; 1_000],
            ..Record::default()
        };
        let it = Kept::of(record, 7, false);
        assert_eq!((it.key_bytes, it.value_bytes, it.header_count), (None, Some(1_000_000), 1_000));
        assert_eq!(it.field(Field::Value).unwrap().len(), FIELD_BYTES_MAX);
        assert!(it.bytes() < 1_000_000, "{}", it.bytes());
    }
}
