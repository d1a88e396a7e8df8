//! What of one batch stays: the latest record of each key, and tombstones for a while (KIP-534).

use super::encode::{Rewriting, Staying, failed, with_plain};
use super::key_map::KeyHash;
use super::keys::Keys;
use super::last_batches::LastBatches;
use crate::batch::{BatchHeader, Codec, DecompressLimits, RecordError, raw_records};
use crate::{Offset, TimestampMs, canary};

/// What decides over records, for one pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilterRules<'a> {
    pub(crate) keys: &'a Keys,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Its very bytes.
    Verbatim,
    /// Some of its records: the batch has been written out.
    Rewritten,
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

    fn keeps(&self, look: &Look, header: &BatchHeader, tally: &mut Tally) -> bool {
        let offset = header.base_offset.plus(u64::from(look.offset_delta));
        if offset < self.log_start {
            return false;
        }
        let key = match look.key {
            LookKey::Stays => return true,
            LookKey::None => {
                tally.keyless_removed += 1;
                return false;
            }
            LookKey::Hash(key) => key,
            LookKey::Replaced => return canary::is("older_value_kept"),
        };
        let latest = self.keys.latest(key);
        if latest.is_some_and(|latest| offset < latest) {
            return canary::is("older_value_kept");
        }
        let is_over = look.is_tombstone && self.is_horizon_past(header) && !tally.pins_tombstones;
        tally.tombstones_removed += u64::from(is_over);
        !is_over
    }

    fn is_horizon_past(&self, header: &BatchHeader) -> bool {
        let past = header.attributes.has_delete_horizon() && self.now.0 >= header.base_timestamp;
        (past || canary::is("tombstone_at_once")) && !self.keeps_tombstones
    }

    /// Until when the tombstones of a batch stay, should that have to be noted now. Not while some of its
    /// records are beyond the map: the values they replace still stand.
    fn horizon(&self, header: &BatchHeader) -> Option<TimestampMs> {
        let is_new =
            !header.attributes.has_delete_horizon() && header.last_offset() < self.keys.until();
        let retention = i64::try_from(self.delete_retention_ms).unwrap_or(i64::MAX);
        is_new.then(|| TimestampMs(self.now.0.saturating_add(retention)))
    }
}

/// One record, as far as it is decided over.
#[derive(Debug)]
struct Look {
    staying: Staying,
    offset_delta: u32,
    key: LookKey,
    is_tombstone: bool,
}

/// What is known of a record by its key.
#[derive(Debug, Clone, Copy)]
enum LookKey {
    /// It has none.
    None,
    /// No later record has it, or none that is known.
    Stays,
    /// A later record has it.
    Replaced,
    /// It has to be looked up.
    Hash(KeyHash),
}

/// Decides over batches, and keeps count.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) tally: Tally,
    /// Room that serves again for each batch.
    looks: Vec<Look>,
    staying: Vec<Staying>,
    plain: Vec<u8>,
}

impl Filter {
    /// Decides over one batch whose CRC is right. Where it is rewritten, `out` has it at its end.
    pub(crate) fn decide(
        &mut self,
        batch: &[u8],
        header: &BatchHeader,
        rules: &FilterRules<'_>,
        out: &mut Vec<u8>,
    ) -> Kept {
        self.tally.records_read += u64::from(header.record_count);
        if is_kept_whole(header) {
            self.tally.pins_tombstones = true;
            return Kept::Verbatim;
        }
        if header.record_count == 0 {
            let is_last = rules.is_last_of_producer(header);
            return if is_last { Kept::Verbatim } else { Kept::Nothing };
        }
        let (base, next) = (header.base_offset, header.next_offset());
        if base >= rules.keys.until() || rules.keys.all_stay(base, next) {
            return Kept::Verbatim;
        }
        let before = self.tally;
        let decided = with_plain(batch, header, rules.limits, |plain| {
            self.look(plain, header, rules)?;
            self.decide_looked(plain, header, rules, out)
        });
        decided.flatten().unwrap_or_else(|_| {
            self.tally = before;
            self.tally.batches_undecoded += 1;
            self.tally.pins_tombstones = true;
            Kept::Verbatim
        })
    }

    /// Reads what there is to know of each record.
    fn look(
        &mut self,
        plain: &[u8],
        header: &BatchHeader,
        rules: &FilterRules<'_>,
    ) -> Result<(), RecordError> {
        let keys = rules.keys;
        self.looks.clear();
        let mut at = 0;
        for record in raw_records(plain, header) {
            let record = record?;
            let offset = record.offset(header);
            let is_beyond = offset >= keys.until();
            let key = match record.key {
                _ if is_beyond || keys.stays(offset) => LookKey::Stays,
                None => LookKey::None,
                Some(_) if keys.is_replaced(offset, record.is_tombstone) => LookKey::Replaced,
                Some(key) => LookKey::Hash(keys.hash(key)),
            };
            let whole = at..at + record.whole.len();
            at = whole.end;
            let staying = Staying { whole, timestamp_delta: record.timestamp_delta };
            let (offset_delta, is_tombstone) = (record.offset_delta, record.is_tombstone);
            self.looks.push(Look { staying, offset_delta, key, is_tombstone });
        }
        keys.approach(self.looks.iter().filter_map(|look| match look.key {
            LookKey::Hash(key) => Some(key),
            LookKey::None | LookKey::Stays | LookKey::Replaced => None,
        }));
        Ok(())
    }

    fn decide_looked(
        &mut self,
        plain: &[u8],
        header: &BatchHeader,
        rules: &FilterRules<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Kept, RecordError> {
        let mut keeps_tombstone = false;
        self.staying.clear();
        for look in &self.looks {
            if rules.keeps(look, header, &mut self.tally) {
                self.staying.push(look.staying.clone());
                keeps_tombstone |= look.is_tombstone;
            }
        }
        let removed = self.looks.len() - self.staying.len();
        self.tally.records_removed += removed as u64;
        let horizon = rules.horizon(header).filter(|_| keeps_tombstone);
        if removed == 0 && horizon.is_none() {
            return Ok(Kept::Verbatim);
        }
        if self.staying.is_empty() {
            let is_last = rules.is_last_of_producer(header);
            return Ok(if is_last { Kept::Empty } else { Kept::Nothing });
        }
        let own = Codec::from(header.attributes.compression);
        let codec = rules.codec.filter(|codec| codec.compression == own.compression);
        let rewriting = Rewriting { header, horizon, codec: codec.unwrap_or(own) };
        rewriting.put(plain, &self.staying, &mut self.plain, out).map_err(failed)?;
        Ok(Kept::Rewritten)
    }
}

/// Markers and transactions' records: never looked into.
pub(crate) const fn is_kept_whole(header: &BatchHeader) -> bool {
    header.attributes.is_control() || header.attributes.is_transactional()
}
