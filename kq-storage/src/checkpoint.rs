//! What a log knows for sure about its own directory: the recovery point and the log start.
//!
//! Three slots are written in place. Ordinary progress goes to slots 0 and 2 in turn, without a sync
//! of its own: what survives a crash was true when it was written, since the data below it was synced
//! before. What must not be lost (the log start, a lowered recovery point) goes to slot 1 and one
//! more, and is synced. So slot 1 is whole, whichever writes to the others a crash tears; and if a
//! crash tears slot 1, the next write mends it first.
//!
//! ```text
//!   recovery-point     slot 0 at byte 0, slot 1 at byte 512, slot 2 at byte 1024, each:
//!     magic "KQCKPT" | version u16 | sequence u64 | recovery point u64 | segment u64 | position u64
//!     | log start u64 | max timestamp i64 | its offset u64 | producers u8 | epochs' crc u32 | crc u32
//! ```

use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, BufMut};

use crate::format::{Format, Opened, read_small};
use crate::open_files::OpenFiles;
use crate::vfs::{OpenMode, Vfs};
use crate::{LogStartOffset, Offset, StorageError, TimestampMs};

const FORMAT: Format = Format { magic: *b"KQCKPT", version: 1 };
/// The file's name.
pub(crate) const CHECKPOINT_FILE: &str = "recovery-point";
const SLOTS: u64 = 3;
/// The slot that is written by [`CheckpointFile::force`] only.
const FORCED: u64 = 1;
/// Apart, so that no torn write reaches two.
const SLOT_APART_BYTES: u64 = 512;
const SLOT_BYTES: usize = 8 + 8 + 4 * 8 + 8 + 8 + 1 + 4 + 4;
/// In place of what is known of producers: they are not, and the segment may be being cut.
const CUTTING: u8 = 3;

/// What is known of the producers' state at the recovery point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ProducersAt {
    /// It has to be rebuilt from the batches.
    #[default]
    Unknown,
    /// There are none.
    None,
    /// A snapshot was taken exactly there.
    Snapshot,
}

/// One state of the checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// All below was synced, and so was every name in the directory that it needs.
    pub(crate) recovery_point: Offset,
    /// The segment that the recovery point lies in, or at the end of.
    pub(crate) segment: Offset,
    /// Bytes of that segment below the recovery point.
    pub(crate) position: u64,
    /// Records below are deleted.
    pub(crate) log_start: LogStartOffset,
    /// The greatest timestamp in that segment, and the last offset of its batch.
    pub(crate) max: Option<(TimestampMs, Offset)>,
    /// What is known of producers.
    pub(crate) producers: ProducersAt,
    /// The segment may be being cut: its length may be in the page cache only.
    pub(crate) cutting: bool,
    /// The CRC of the epochs' file that goes with this state.
    pub(crate) epochs_crc: u32,
}

/// The file with the three slots.
#[derive(Debug)]
pub(crate) struct CheckpointFile {
    sequence: u64,
    last: Option<Checkpoint>,
    /// The slot that holds `last`.
    slot: u64,
    /// Slot 1 was torn: until it is mended, no other must be.
    mend: bool,
    /// Slot 1 may be in the page cache only: no other must be overwritten before it is stable.
    unsettled: bool,
    /// What this process forced last: the segment of its recovery point.
    forced: Option<Offset>,
}

impl CheckpointFile {
    /// Reads all slots; the newest whole one counts.
    pub(crate) fn open(fs: &dyn Vfs, dir: &Path) -> Result<Self, StorageError> {
        let path = dir.join(CHECKPOINT_FILE);
        let bytes = read_small(fs, &path)?.unwrap_or_default();
        let (mut sequence, mut last, mut newest, mut mend) = (0, None, 0, false);
        let mut unsettled = false;
        for slot in 0..SLOTS {
            let at = usize::try_from(slot_at(slot)).unwrap_or(usize::MAX);
            let frame = bytes.get(at..bytes.len().min(at.saturating_add(SLOT_BYTES)));
            // Zeros stand where no slot was written yet.
            let Some(frame) = frame.filter(|it| it.iter().any(|byte| *byte != 0)) else { continue };
            unsettled |= slot == FORCED;
            match FORMAT.open(frame) {
                Opened::Body(body) => match parse(body) {
                    Some((found, checkpoint)) if found > sequence => {
                        (sequence, last, newest) = (found, Some(checkpoint), slot);
                    }
                    Some(_) | None => {}
                },
                Opened::Version(found) => return Err(FORMAT.unknown_version(&path, found)),
                Opened::Damaged(_) => mend |= slot == FORCED,
            }
        }
        if mend && last.is_none() {
            // No crash tears all: something else did, and the log start went with them.
            return Err(StorageError::corrupt(&path, 0, "none of its slots is whole"));
        }
        Ok(Self { sequence, last, slot: newest, mend, unsettled, forced: None })
    }

    /// The newest state, if there is a whole one.
    pub(crate) const fn last(&self) -> Option<Checkpoint> {
        self.last
    }

    /// Whether slot 1 may be in the page cache only: [`Self::advance`] then syncs the file first.
    pub(crate) const fn is_unsettled(&self) -> bool {
        self.unsettled
    }

    /// The file was synced.
    pub(crate) const fn note_settled(&mut self) {
        self.unsettled = false;
    }

    /// Whether it is known that no crash takes the recovery point back into a segment below `base`.
    pub(crate) fn is_stable_from(&self, base: Offset) -> bool {
        self.forced.is_some_and(|segment| segment >= base)
    }

    /// Notes a state that lies beyond the last one. May be lost in a crash.
    pub(crate) fn advance(
        &mut self,
        files: &Arc<OpenFiles>,
        dir: &Path,
        checkpoint: Checkpoint,
    ) -> Result<(), StorageError> {
        if self.last == Some(checkpoint) {
            return Ok(());
        }
        if self.mend {
            return self.force(files, dir, checkpoint);
        }
        let path = dir.join(CHECKPOINT_FILE);
        let failed = |err| StorageError::io("writing", &path, err);
        // Not through the pool: a written handle would stay open there until it is synced.
        let file = files.fs().open(&path, OpenMode::CreateOrOpen).map_err(failed)?;
        if self.unsettled {
            file.sync_data().map_err(failed)?;
            self.unsettled = false;
        }
        self.sequence += 1;
        // The one that does not hold the newest state, which a torn write thus leaves whole.
        let slot = if self.slot == 0 && self.last.is_some() { 2 } else { 0 };
        file.write_all_at(&self.slot_bytes(checkpoint), slot_at(slot)).map_err(failed)?;
        (self.last, self.slot) = (Some(checkpoint), slot);
        Ok(())
    }

    /// Notes a state that must not be lost, in two slots. Stable when this returns.
    pub(crate) fn force(
        &mut self,
        files: &Arc<OpenFiles>,
        dir: &Path,
        checkpoint: Checkpoint,
    ) -> Result<(), StorageError> {
        let path = dir.join(CHECKPOINT_FILE);
        let failed = |err| StorageError::io("writing", &path, err);
        let file = files.fs().open(&path, OpenMode::CreateOrOpen).map_err(failed)?;
        // The newest state first becomes stable, then is the last to be overwritten: a torn write
        // always leaves one slot whole.
        file.sync_data().map_err(failed)?;
        // Until all of it is done, whatever the reason.
        self.mend = true;
        self.forced = None;
        let slots = match self.slot {
            newest if self.last.is_some() && newest != FORCED => [FORCED, newest],
            _ => [0, FORCED],
        };
        for slot in slots {
            self.sequence += 1;
            file.write_all_at(&self.slot_bytes(checkpoint), slot_at(slot)).map_err(failed)?;
            file.sync_data().map_err(failed)?;
        }
        crate::vfs::sync_parent(files.fs().as_ref(), &path).map_err(failed)?;
        (self.last, self.slot) = (Some(checkpoint), slots[1]);
        (self.mend, self.unsettled) = (false, false);
        self.forced = Some(checkpoint.segment);
        Ok(())
    }

    fn slot_bytes(&self, checkpoint: Checkpoint) -> Vec<u8> {
        let mut body = Vec::with_capacity(SLOT_BYTES);
        body.put_u64(self.sequence);
        body.put_u64(checkpoint.recovery_point.0);
        body.put_u64(checkpoint.segment.0);
        body.put_u64(checkpoint.position);
        body.put_u64(checkpoint.log_start.offset().0);
        let (timestamp, offset) =
            checkpoint.max.map_or((-1, u64::MAX), |(timestamp, offset)| (timestamp.0, offset.0));
        body.put_i64(timestamp);
        body.put_u64(offset);
        body.put_u8(match (checkpoint.cutting, checkpoint.producers) {
            (true, _) => CUTTING,
            (false, ProducersAt::Unknown) => 0,
            (false, ProducersAt::None) => 1,
            (false, ProducersAt::Snapshot) => 2,
        });
        body.put_u32(checkpoint.epochs_crc);
        FORMAT.seal(&body)
    }
}

const fn slot_at(slot: u64) -> u64 {
    slot * SLOT_APART_BYTES
}

fn parse(mut body: &[u8]) -> Option<(u64, Checkpoint)> {
    let sequence = body.try_get_u64().ok()?;
    let recovery_point = Offset(body.try_get_u64().ok()?);
    let segment = Offset(body.try_get_u64().ok()?);
    let position = body.try_get_u64().ok()?;
    let log_start = LogStartOffset(Offset(body.try_get_u64().ok()?));
    let timestamp = TimestampMs(body.try_get_i64().ok()?);
    let offset = body.try_get_u64().ok()?;
    let state = body.try_get_u8().ok()?;
    let (cutting, producers) = (
        state == CUTTING,
        match state {
            1 => ProducersAt::None,
            2 => ProducersAt::Snapshot,
            _ => ProducersAt::Unknown,
        },
    );
    let epochs_crc = body.try_get_u32().ok()?;
    let max = (offset != u64::MAX).then_some((timestamp, Offset(offset)));
    let checkpoint = Checkpoint {
        recovery_point,
        segment,
        position,
        log_start,
        max,
        producers,
        cutting,
        epochs_crc,
    };
    Some((sequence, checkpoint))
}
