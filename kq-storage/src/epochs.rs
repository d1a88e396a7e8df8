//! The leader-epoch history of a log: from which offset on each epoch's records stand.
//!
//! ```text
//!   leader-epoch-checkpoint    magic "KQEPCH" | version u16 | count u32
//!                              | (epoch u32, start offset u64) ... | crc u32
//! ```
//! Epochs and start offsets both grow from entry to entry. The file is derived from the batch
//! headers and is their check: a header's epoch is outside of the batch's CRC.

use bytes::{Buf, BufMut};

use crate::batch::BatchHeader;
use crate::format::{Format, Opened};
use crate::{LeaderEpoch, LogEndOffset, Offset};

pub(crate) const FORMAT: Format = Format { magic: *b"KQEPCH", version: 1 };
/// The file's name, as in Kafka.
pub(crate) const EPOCHS_FILE: &str = "leader-epoch-checkpoint";

/// Where one epoch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Offset of its first record.
    pub start: Offset,
}

/// All epochs of a log, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EpochHistory {
    entries: Vec<EpochStart>,
}

impl EpochHistory {
    /// The entries, oldest first.
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    /// The last epoch.
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// Notes that records of `epoch` stand from `start` on; tells whether that is news.
    ///
    /// An epoch that began where this one begins never had a record and gives way.
    pub fn note(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if self.latest().is_some_and(|latest| latest >= epoch) {
            return false;
        }
        while self.entries.pop_if(|last| last.start >= start).is_some() {}
        self.entries.push(EpochStart { epoch, start });
        true
    }

    /// The epoch of the record at `offset`.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|entry| entry.start <= offset);
        self.entries.get(after.checked_sub(1)?).map(|entry| entry.epoch)
    }

    /// Checks a batch's epoch against the history, if it reaches back so far.
    pub(crate) fn verify(&self, header: &BatchHeader) -> Result<(), String> {
        let found = header.base_offset;
        match self.epoch_at(found) {
            Some(epoch) if header.leader_epoch != Some(epoch) => {
                let stands = header.leader_epoch;
                Err(format!("offset {found} has epoch {stands:?}, but epoch {epoch} wrote it"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The greatest epoch not above `asked`, and the offset where it ends (KIP-101).
    ///
    /// `None` if no epoch is known that low, or if `asked` is above all that are known.
    pub fn end_of(
        &self,
        asked: LeaderEpoch,
        log_end: LogEndOffset,
    ) -> Option<(LeaderEpoch, Offset)> {
        let after = self.entries.partition_point(|entry| entry.epoch <= asked);
        match (after.checked_sub(1).and_then(|at| self.entries.get(at)), self.entries.get(after)) {
            (Some(found), Some(next)) => Some((found.epoch, next.start)),
            (Some(found), None) if found.epoch == asked => Some((asked, log_end.offset())),
            (Some(_) | None, None) => None,
            // Below the first known epoch: what was there has been deleted.
            (None, Some(first)) => Some((asked, first.start)),
        }
    }

    /// Forgets what begins at `end` or after.
    pub fn truncate_end(&mut self, end: Offset) -> bool {
        let before = self.entries.len();
        while self.entries.pop_if(|last| last.start >= end).is_some() {}
        self.entries.len() != before
    }

    /// Forgets what ends at `start` or before; the epoch at `start` begins there now.
    pub fn truncate_start(&mut self, start: Offset) -> bool {
        let after = self.entries.partition_point(|entry| entry.start <= start);
        let Some(covering) = after.checked_sub(1) else { return false };
        let moved = self.entries.get_mut(covering).is_some_and(|entry| {
            let moved = entry.start != start;
            entry.start = start;
            moved
        });
        self.entries.drain(..covering);
        moved || covering > 0
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(4 + 12 * self.entries.len());
        body.put_u32(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        for entry in &self.entries {
            body.put_u32(entry.epoch.0);
            body.put_u64(entry.start.0);
        }
        FORMAT.seal(&body)
    }

    /// Reads the file's bytes back; `Err` tells what is wrong, or the unknown version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Result<u16, &'static str>> {
        let mut body = match FORMAT.open(bytes) {
            Opened::Body(body) => body,
            Opened::Version(version) => return Err(Ok(version)),
            Opened::Damaged(why) => return Err(Err(why)),
        };
        let count = body.try_get_u32().map_err(|_| Err("no count"))?;
        let mut history = Self::default();
        for _ in 0..count {
            let epoch =
                LeaderEpoch(body.try_get_u32().map_err(|_| Err("fewer entries than counted"))?);
            let start = Offset(body.try_get_u64().map_err(|_| Err("fewer entries than counted"))?);
            if history.entries.last().is_some_and(|last| last.epoch >= epoch || last.start >= start)
            {
                return Err(Err("entries out of order"));
            }
            history.entries.push(EpochStart { epoch, start });
        }
        if !body.is_empty() {
            return Err(Err("more entries than counted"));
        }
        Ok(history)
    }
}
