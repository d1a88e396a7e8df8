//! A Fetch client that does next to nothing, so that the broker is the slow part.
//!
//! It speaks Fetch version 4, the oldest one with record batches of today, and hops over batches
//! by their headers.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};

const FETCH: i16 = 1;
const VERSION: i16 = 4;
const PARTITION_BYTES_MAX: i32 = 8 << 20;

/// Bytes of a batch before its length field ends, and where its last offset delta lies.
const BATCH_LENGTH_END: usize = 12;
const LAST_OFFSET_DELTA_AT: usize = 23;

/// Reads until the other side closes.
pub(super) fn drain(mut stream: TcpStream) -> u64 {
    let mut buffer = vec![0_u8; 1 << 20];
    let mut total = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        total += read as u64;
    }
    total
}

/// Fetches `bytes` of one partition from its start over one connection; bytes that came.
pub(super) fn fetch(bootstrap: &str, topic: &str, bytes: u64) -> Result<u64> {
    let mut stream = TcpStream::connect(bootstrap)?;
    stream.set_nodelay(true)?;
    let (mut offset, mut total) = (0_i64, 0_u64);
    let mut answer = Vec::new();
    while total < bytes {
        stream.write_all(&request(topic, offset)?)?;
        let mut length = [0_u8; 4];
        stream.read_exact(&mut length)?;
        answer.resize(usize::try_from(i32::from_be_bytes(length))?, 0);
        stream.read_exact(&mut answer)?;
        let records = records(&answer, topic).context("unreadable Fetch response")?;
        ensure!(!records.is_empty(), "nothing at offset {offset} after {total} bytes");
        offset = end_of(records).context("a batch without a header")?;
        total += records.len() as u64;
    }
    Ok(total)
}

fn request(topic: &str, offset: i64) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    body.extend(FETCH.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend(7_i32.to_be_bytes()); // correlation id
    body.extend((-1_i16).to_be_bytes()); // no client id
    body.extend((-1_i32).to_be_bytes()); // a consumer
    body.extend(500_i32.to_be_bytes()); // max wait
    body.extend(1_i32.to_be_bytes()); // min bytes
    body.extend(PARTITION_BYTES_MAX.to_be_bytes());
    body.push(0); // read uncommitted
    body.extend(1_i32.to_be_bytes());
    body.extend(i16::try_from(topic.len())?.to_be_bytes());
    body.extend(topic.as_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes()); // partition
    body.extend(offset.to_be_bytes());
    body.extend(PARTITION_BYTES_MAX.to_be_bytes());
    let mut frame = i32::try_from(body.len())?.to_be_bytes().to_vec();
    frame.append(&mut body);
    Ok(frame)
}

/// The records of the only partition of a response.
fn records<'a>(answer: &'a [u8], topic: &str) -> Option<&'a [u8]> {
    // Correlation id, throttle time, one topic, its name, one partition, its index.
    let at = 4 + 4 + 4 + 2 + topic.len() + 4 + 4;
    let error = i16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?);
    // Error, high watermark, last stable offset.
    let aborted_at = at + 2 + 8 + 8;
    let aborted = i32::from_be_bytes(answer.get(aborted_at..aborted_at + 4)?.try_into().ok()?);
    let at = aborted_at + 4 + 16 * usize::try_from(aborted.max(0)).ok()?;
    let length = i32::from_be_bytes(answer.get(at..at + 4)?.try_into().ok()?);
    let records = answer.get(at + 4..at + 4 + usize::try_from(length.max(0)).ok()?)?;
    (error == 0).then_some(records)
}

/// The offset after the last whole batch.
fn end_of(mut records: &[u8]) -> Option<i64> {
    let mut end = None;
    while let Some(header) = records.get(..LAST_OFFSET_DELTA_AT + 4) {
        let base = i64::from_be_bytes(header.get(..8)?.try_into().ok()?);
        let length = i32::from_be_bytes(header.get(8..BATCH_LENGTH_END)?.try_into().ok()?);
        let delta = header.get(LAST_OFFSET_DELTA_AT..)?.try_into().ok()?;
        let Some(rest) = records.get(BATCH_LENGTH_END + usize::try_from(length).ok()?..) else {
            break;
        };
        end = Some(base + i64::from(i32::from_be_bytes(delta)) + 1);
        records = rest;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_hopped_over_by_their_headers() {
        let batch = |base: i64, delta: i32| {
            let mut batch = base.to_be_bytes().to_vec();
            batch.extend(50_i32.to_be_bytes());
            batch.extend([0; 11]);
            batch.extend(delta.to_be_bytes());
            batch.resize(12 + 50, 0);
            batch
        };
        let mut records = [batch(0, 4), batch(5, 0)].concat();
        assert_eq!(end_of(&records), Some(6));
        records.truncate(70);
        assert_eq!(end_of(&records), Some(5));
    }
}
