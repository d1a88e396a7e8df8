//! Input read on a thread of its own, in batches: whatever is there is sent at once, so that typing by
//! hand is as immediate as a file is fast.

use std::io::BufRead;
use std::sync::Arc;

use kq_proto::admin::v1::NewRecord;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::parse::Input;
use crate::exit::Failure;

/// Records of one call.
const BATCH_RECORDS_MAX: usize = 1000;
/// Bytes of one call, beyond its first record.
const BATCH_BYTES_MAX: usize = 512 * 1024;
/// Lines read ahead.
const AHEAD: usize = 2 * BATCH_RECORDS_MAX;
/// The longest line; a record of more is nothing to type.
const LINE_BYTES_MAX: u64 = 96 << 20;
/// KiB of lines read ahead, beyond the last one.
const AHEAD_KIB: usize = 8 << 10;

/// A record with its share of what may be read ahead.
type Item = (Result<NewRecord, Failure>, OwnedSemaphorePermit);

/// Records to come.
pub(super) struct Feed {
    lines: mpsc::Receiver<Item>,
    /// Did not fit into the last batch.
    left: Option<Item>,
}

impl Feed {
    /// Begins to read.
    pub(super) fn new(input: Box<dyn BufRead + Send>, format: Input) -> Self {
        let (sender, lines) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || read(input, &format, &sender));
        Self { lines, left: None }
    }

    /// What is there now; waits only for the first. Empty at the end.
    pub(super) async fn batch(&mut self) -> Result<Vec<NewRecord>, Failure> {
        let first = match self.left.take() {
            Some(left) => left,
            None => match self.lines.recv().await {
                Some(item) => item,
                None => return Ok(Vec::new()),
            },
        };
        let first = first.0?;
        let mut bytes = size(&first);
        let mut batch = vec![first];
        while batch.len() < BATCH_RECORDS_MAX {
            match self.lines.try_recv() {
                Ok((Ok(record), _)) if bytes + size(&record) <= BATCH_BYTES_MAX => {
                    bytes += size(&record);
                    batch.push(record);
                }
                // Records before a bad line are sent before the line is told.
                Ok(item) => {
                    self.left = Some(item);
                    break;
                }
                Err(_) => break,
            }
        }
        Ok(batch)
    }
}

/// Bytes of keys, values and headers.
pub(super) fn size(record: &NewRecord) -> usize {
    let length = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(0, bytes::Bytes::len);
    let headers = record.headers.iter().map(|it| it.key.len() + length(&it.value));
    length(&record.key) + length(&record.value) + headers.sum::<usize>()
}

fn read(mut input: Box<dyn BufRead + Send>, format: &Input, to: &mpsc::Sender<Item>) {
    let ahead = Arc::new(Semaphore::new(AHEAD_KIB));
    let runtime = tokio::runtime::Handle::current();
    let mut number = 0_u64;
    loop {
        number += 1;
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut input, LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let kib = line.len().div_ceil(1024).clamp(1, AHEAD_KIB);
        let item = match read {
            Ok(0) => return,
            Ok(read) if read as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') => {
                let message = format!("line {number} is longer than {} MiB", LINE_BYTES_MAX >> 20);
                Err(Failure::usage(message).hint("records before it were sent; cut it up"))
            }
            Ok(_) => {
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                format.record(&line).map_err(|why| {
                    let failure = Failure::usage(format!("line {number}: {why}"));
                    let message = format!("{}; records before it were sent", failure.message);
                    let hint = if failure.hint.is_empty() {
                        "correct the line, or choose another --format".to_owned()
                    } else {
                        failure.hint.clone()
                    };
                    Failure { message, hint, ..failure }
                })
            }
            Err(error) => {
                Err(Failure::new("kq.FILE", format!("cannot read line {number}: {error}")))
            }
        };
        let over = item.is_err();
        let share = Arc::clone(&ahead).acquire_many_owned(u32::try_from(kib).unwrap_or(1));
        let Ok(share) = runtime.block_on(share) else { return };
        if to.blocking_send((item, share)).is_err() || over {
            return;
        }
    }
}
