//! Records of changes that can be taken back. Kafka has none such; its own loader, and this one
//! before it knew them, pass over key versions that they do not know.
//!
//! ```text
//! key    int16 0x6b71    group, plan: string    part: int32
//! value  int16 0    at: int64    verb, reason: string    live: int16    generation: int32    rows
//! row    topic: string    topic id: 16 bytes    partition: int32    after: int64 (-1 = none)
//!        has before: int16 [a committed offset's value: bytes]
//! ```

use bytes::Bytes;
use uuid::Uuid;

use super::codec::{Reader, Writer};
use super::{RecordError, decode_offset, encode_offset};
use crate::group::{GroupId, TopicPartition, Undo, UndoRow};
use crate::ids::TopicId;

const VALUE_VERSION: i16 = 0;
/// Rows in one record.
pub(super) const ROWS_MAX: usize = 500;

/// The value of one record with some of a change's rows.
pub(super) fn encode(undo: &Undo, rows: &[UndoRow]) -> Bytes {
    let mut out = Writer::default();
    out.i16(VALUE_VERSION);
    out.i64(undo.at_ms);
    out.string(&undo.verb);
    out.string(&undo.reason);
    out.i16(i16::from(undo.live));
    out.i32(undo.generation);
    out.count(rows.len());
    for row in rows {
        out.string(&row.partition.topic);
        out.array(row.topic.0.as_bytes());
        out.i32(row.partition.partition);
        out.i64(row.after.unwrap_or(-1));
        out.i16(i16::from(row.before.is_some()));
        if let Some(before) = &row.before {
            out.bytes(&encode_offset(before));
        }
    }
    out.finish()
}

pub(super) fn decode(
    group: GroupId,
    plan: std::sync::Arc<str>,
    bytes: &Bytes,
) -> Result<Undo, RecordError> {
    let mut input = Reader::new(bytes, "undo value");
    input.version(VALUE_VERSION)?;
    let at_ms = input.i64()?;
    let verb = input.string()?;
    let reason = input.string()?;
    let live = input.i16()? != 0;
    let generation = input.i32()?;
    let count = input.count()?;
    let mut rows = Vec::new();
    for _ in 0..count {
        rows.push(decode_row(&mut input)?);
    }
    Ok(Undo { group, plan, verb, reason, live, generation, at_ms, rows })
}

fn decode_row(input: &mut Reader<'_>) -> Result<UndoRow, RecordError> {
    let topic = input.string()?;
    let id = TopicId(Uuid::from_bytes(input.array()?));
    let partition = TopicPartition { topic, partition: input.i32()? };
    let after = input.i64()?;
    let has_before = input.i16()? != 0;
    let before = if has_before { Some(decode_offset(&input.bytes()?)?) } else { None };
    Ok(UndoRow { partition, topic: id, before, after: (0 <= after).then_some(after) })
}
