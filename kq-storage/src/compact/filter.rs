//! What of one batch stays: the latest record of each key, and tombstones for a while (KIP-534).

use bytes::BytesMut;

use super::encode::{plain_block, rewrite};
use super::key_map::KeyMap;
use super::last_batches::LastBatches;
use crate::batch::{BatchHeader, Codec, DecompressLimits, RawRecord, RecordError, raw_records};
use crate::{Offset, TimestampMs, canary};

/// Notes the keys of the records at or above `from`. False where the map is full before the end.
pub(crate) fn map_keys(
    batch: &[u8],
    header: &BatchHeader,
    from: Offset,
    limits: DecompressLimits,
    map: &mut KeyMap,
) -> bool {
    // What is not mapped stays, and so does all below it that it would replace.
    if header.next_offset() > from && !is_kept_whole(header) {
        let plain = plain_block(batch, header, limits);
        let records = plain.as_ref().ok().and_then(|plain| decoded(plain, header).ok());
        for record in records.unwrap_or_default() {
            let offset = record.offset(header);
            let Some(key) = record.key.filter(|_| offset >= from) else { continue };
            if !map.put(key, offset) {
                map.reached(offset);
                return false;
            }
        }
    }
    map.reached(header.next_offset());
    true
}

/// What decides over records, for one pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilterRules<'a> {
    pub(crate) map: &'a KeyMap,
    /// Records below are deleted.
    pub(crate) log_start: Offset,
    pub(crate) now: TimestampMs,
    /// How long a tombstone stays after the pass that met it first.
    pub(crate) delete_retention_ms: u64,
    /// Some replica may have the value but not the tombstone yet.
    pub(crate) keeps_tombstones: bool,
    /// Base offsets of batches that say what producers wrote last.
    pub(crate) last_of_producers: &'a LastBatches,
    pub(crate) limits: DecompressLimits,
    /// The topic's own codec, for its level.
    pub(crate) codec: Option<Codec>,
}

/// What stays of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Its very bytes.
    Verbatim,
    /// Some of its records.
    Rewritten(BytesMut),
    /// No record, but what it says of its producer.
    Empty,
    /// Nothing: its offsets have to be covered.
    Nothing,
}

/// What a pass did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records looked at.
    pub records_read: u64,
    /// Records dropped, for whatever reason.
    pub records_removed: u64,
    /// Tombstones among them whose time was over.
    pub tombstones_removed: u64,
    /// Records without a key among them: of a time before the topic was compacted.
    pub keyless_removed: u64,
    /// Batches whose records cannot be decoded; they stay.
    pub batches_undecoded: u64,
    /// A batch was met whose values only a tombstone may hide.
    pub(crate) pins_tombstones: bool,
}

impl FilterRules<'_> {
    /// Whether the batch says what its producer wrote last.
    pub(crate) fn is_last_of_producer(&self, header: &BatchHeader) -> bool {
        self.last_of_producers.contain(header) && !canary::is("producer_state_compacted")
    }

    fn keeps(&self, record: &RawRecord<'_>, header: &BatchHeader, tally: &mut Tally) -> bool {
        let offset = record.offset(header);
        if offset < self.log_start {
            return false;
        }
        if offset >= self.map.until() {
            return true;
        }
        let Some(key) = record.key else {
            tally.keyless_removed += 1;
            return false;
        };
        let latest = self.map.latest(key);
        if latest.is_some_and(|latest| offset < latest) {
            return canary::is("older_value_kept");
        }
        let is_over = record.is_tombstone && self.is_horizon_past(header) && !tally.pins_tombstones;
        tally.tombstones_removed += u64::from(is_over);
        !is_over
    }

    fn is_horizon_past(&self, header: &BatchHeader) -> bool {
        let past = header.attributes.has_delete_horizon() && self.now.0 >= header.base_timestamp;
        (past || canary::is("tombstone_at_once")) && !self.keeps_tombstones
    }

    /// Until when the tombstones of a batch stay, if that is to be noted now. Not while some of its
    /// records are beyond the map: the values they replace still stand.
    fn horizon(&self, header: &BatchHeader, kept: &[RawRecord<'_>]) -> Option<TimestampMs> {
        let is_new = !header.attributes.has_delete_horizon()
            && header.last_offset() < self.map.until()
            && kept.iter().any(|record| record.is_tombstone);
        let retention = i64::try_from(self.delete_retention_ms).unwrap_or(i64::MAX);
        is_new.then(|| TimestampMs(self.now.0.saturating_add(retention)))
    }
}

/// Decides over one batch whose CRC is right.
pub(crate) fn filter(
    batch: &[u8],
    header: &BatchHeader,
    rules: &FilterRules<'_>,
    tally: &mut Tally,
) -> Kept {
    tally.records_read += u64::from(header.record_count);
    if is_kept_whole(header) {
        tally.pins_tombstones = true;
        return Kept::Verbatim;
    }
    if header.record_count == 0 {
        return if rules.is_last_of_producer(header) { Kept::Verbatim } else { Kept::Nothing };
    }
    if header.base_offset >= rules.map.until() {
        return Kept::Verbatim;
    }
    let mut after = *tally;
    let kept = plain_block(batch, header, rules.limits)
        .and_then(|plain| filter_records(&plain, header, rules, &mut after));
    if let Ok(kept) = kept {
        *tally = after;
        return kept;
    }
    tally.batches_undecoded += 1;
    tally.pins_tombstones = true;
    Kept::Verbatim
}

fn filter_records(
    plain: &[u8],
    header: &BatchHeader,
    rules: &FilterRules<'_>,
    tally: &mut Tally,
) -> Result<Kept, RecordError> {
    let mut records = decoded(plain, header)?;
    let read = records.len();
    records.retain(|record| rules.keeps(record, header, tally));
    let removed = read - records.len();
    tally.records_removed += removed as u64;
    let horizon = rules.horizon(header, &records);
    if removed == 0 && horizon.is_none() {
        return Ok(Kept::Verbatim);
    }
    if records.is_empty() {
        let is_last = rules.is_last_of_producer(header);
        return Ok(if is_last { Kept::Empty } else { Kept::Nothing });
    }
    let own = Codec::from(header.attributes.compression);
    let codec = rules.codec.filter(|codec| codec.compression == own.compression).unwrap_or(own);
    let failed = |err| RecordError::Compressed(crate::batch::DecompressError::of(err));
    Ok(Kept::Rewritten(rewrite(header, &records, horizon, codec).map_err(failed)?))
}

fn decoded<'a>(plain: &'a [u8], header: &BatchHeader) -> Result<Vec<RawRecord<'a>>, RecordError> {
    raw_records(plain, header).collect()
}

/// Markers and transactions' records: never looked into.
const fn is_kept_whole(header: &BatchHeader) -> bool {
    header.attributes.is_control() || header.attributes.is_transactional()
}
