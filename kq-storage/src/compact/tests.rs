//! Compaction of streams of batches, held against a list of records.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::chain::Chain;
use super::encode::cut_head;
use super::filter::{Filter, FilterRules, Tally};
use super::keys::Keys;
use super::last_batches::LastBatches;
use crate::batch::{
    Attributes, BatchBuilder, BatchHeader, Compression, DecompressLimits, ProducerMark, Record,
    assign, records, stamp_log_append_time, walk_stored_records,
};
use crate::producers::{Producers, Sequence};
use crate::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};

mod properties;

pub(super) const NOW: TimestampMs = TimestampMs(1_800_000_000_000);
pub(super) const RETENTION_MS: u64 = 1_000;
pub(super) const LIMITS: DecompressLimits =
    DecompressLimits { bytes_max: 1 << 20, ratio_max: 1_000, ratio_free_bytes: 1 << 20 };

/// One batch to be made.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) compression: Compression,
    /// Key, if any, value length, if any, and time before now.
    pub(super) records: Vec<(Option<u8>, Option<u8>, i64)>,
    pub(super) producer: Option<u64>,
    pub(super) begins_epoch: bool,
    pub(super) is_stamped: bool,
    pub(super) is_transactional: bool,
}

/// The batches as a log would hold them from offset 0 on.
pub(super) fn stored(specs: &[Spec]) -> Vec<Bytes> {
    let (mut next, mut epoch) = (Offset(0), LeaderEpoch(1));
    let mut sequences = BTreeMap::new();
    let mut batches = Vec::new();
    for spec in specs {
        epoch = LeaderEpoch(epoch.0 + u32::from(spec.begins_epoch));
        let mut builder = BatchBuilder::new(spec.compression);
        if let Some(id) = spec.producer {
            let sequence = sequences.entry(id).or_insert(0);
            let (id, first_sequence) = (ProducerId(id), Some(*sequence));
            builder =
                builder.producer(ProducerMark { id, epoch: ProducerEpoch(0), first_sequence });
            *sequence += u32::try_from(spec.records.len()).unwrap();
        }
        if spec.is_transactional {
            builder = builder.attributes(Attributes::TRANSACTIONAL);
        }
        for (nth, (key, value, age)) in spec.records.iter().enumerate() {
            let key = key.map(|key| vec![b'k', key]);
            let value = value.map(|len| vec![len; usize::from(len)]);
            let headers = [(Bytes::from(format!("h{nth}")), Some(Bytes::from_static(b"v")))];
            let headers = if nth % 3 == 1 { headers.as_slice() } else { &[] };
            let at = TimestampMs(NOW.0 - age);
            builder = builder.record_with_headers(at, key.as_deref(), value.as_deref(), headers);
        }
        let mut bytes = builder.build().unwrap();
        let mut header = BatchHeader::parse(&bytes).unwrap();
        if spec.is_stamped {
            stamp_log_append_time(&mut bytes, &mut header, NOW);
        }
        assign(&mut bytes, &mut header, next, epoch);
        next = header.next_offset();
        batches.push(bytes.freeze());
    }
    batches
}

/// Batches of a stream.
pub(super) fn split(mut stream: Bytes) -> Vec<Bytes> {
    let mut batches = Vec::new();
    while !stream.is_empty() {
        let header = BatchHeader::parse_verified(&stream).unwrap();
        batches.push(stream.split_to(header.size));
    }
    batches
}

pub(super) fn header_of(batch: &Bytes) -> BatchHeader {
    BatchHeader::parse_verified(batch).unwrap()
}

pub(super) fn end_of(batches: &[Bytes]) -> Offset {
    batches.last().map_or(Offset(0), |last| header_of(last).next_offset())
}

pub(super) fn records_of(batches: &[Bytes]) -> Vec<Record> {
    let all = batches.iter().flat_map(|batch| {
        let header = header_of(batch);
        walk_stored_records(batch, &header, LIMITS).unwrap();
        records(batch, &header, LIMITS).unwrap()
    });
    all.collect()
}

/// What a reader knows of each key who has read all of it.
pub(super) fn table(batches: &[Bytes]) -> BTreeMap<Bytes, Bytes> {
    let mut table = BTreeMap::new();
    for record in records_of(batches) {
        let Some(key) = record.key else { continue };
        match record.value {
            Some(value) => drop(table.insert(key, value)),
            None => drop(table.remove(&key)),
        }
    }
    table
}

pub(super) fn producers_of(batches: &[Bytes]) -> Producers {
    let mut producers = Producers::default();
    for batch in batches {
        producers.note(&header_of(batch), NOW);
    }
    producers
}

/// One pass over a stream of batches in groups, as the log does it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    pub(super) dirty_from: Offset,
    pub(super) log_start: Offset,
    pub(super) keys_max: u64,
    pub(super) now: TimestampMs,
    pub(super) keeps_tombstones: bool,
    /// Batches in a group.
    pub(super) group: usize,
}

impl Default for Pass {
    fn default() -> Self {
        let (dirty_from, log_start) = (Offset(0), Offset(0));
        let (keys_max, now, group) = (1_000, NOW, usize::MAX);
        Self { dirty_from, log_start, keys_max, now, keeps_tombstones: false, group }
    }
}

impl Pass {
    /// The groups' batches after the pass, where the next one is dirty from, and what was done.
    pub(super) fn run(self, batches: &[Bytes]) -> (Vec<Vec<Bytes>>, Offset, Tally) {
        // A slot more than the share that may be used, and a bit for each offset.
        let slots = self.keys_max.saturating_mul(100) / 90 + 1;
        let bytes_max = slots.saturating_mul(16).saturating_add(end_of(batches).0 / 8);
        let from = self.dirty_from.max(self.log_start);
        let mut keys = Keys::new(bytes_max, from, end_of(batches).max(from), [1, 2]);
        let has_room = |batch: &Bytes| keys.take(batch, &header_of(batch), LIMITS);
        if batches.iter().all(has_room) {
            keys.finish();
        }
        let producers = producers_of(batches);
        let last_of_producers = LastBatches::of(&producers, &producers);
        let rules = FilterRules {
            keys: &keys,
            log_start: self.log_start,
            now: self.now,
            delete_retention_ms: RETENTION_MS,
            keeps_tombstones: self.keeps_tombstones,
            last_of_producers: &last_of_producers,
            limits: LIMITS,
            codec: None,
        };
        let mut filter = Filter::default();
        let groups = batches.chunks(self.group.max(1)).map(|group| {
            let mut chain = Chain::new(header_of(&group[0]).base_offset);
            for batch in group {
                let header = header_of(batch);
                let kept = filter.decide(batch, &header, &rules, chain.room());
                let is_marked = rules.is_last_of_producer(&header);
                chain.take(&header, kept, is_marked, batch).unwrap();
            }
            chain.close(end_of(group));
            split(Bytes::copy_from_slice(chain.finished()))
        });
        let groups = groups.collect();
        (groups, keys.until(), filter.tally)
    }

    pub(super) fn all(self, batches: &[Bytes]) -> Vec<Bytes> {
        self.run(batches).0.concat()
    }
}

fn one(key: u8, value: Option<u8>) -> Spec {
    Spec {
        compression: Compression::None,
        records: vec![(Some(key), value, 10)],
        producer: None,
        begins_epoch: false,
        is_stamped: false,
        is_transactional: false,
    }
}

fn offsets(batches: &[Bytes]) -> Vec<u64> {
    records_of(batches).iter().map(|record| record.offset.0).collect()
}

#[test]
fn a_dropped_batch_is_covered_by_the_one_before_it() {
    let source = stored(&[one(1, Some(1)), one(2, Some(1)), one(2, Some(2)), one(3, Some(1))]);
    let kept = Pass::default().all(&source);
    let spans = kept.iter().map(header_of).map(|it| (it.base_offset.0, it.last_offset().0));
    let (spans, want) = (spans.collect::<Vec<_>>(), [(0, 1), (2, 2), (3, 3)]);
    assert_eq!(spans, want);
    assert_eq!(offsets(&kept), [0, 2, 3]);
}

#[test]
fn an_epoch_that_lost_its_records_keeps_an_empty_batch() {
    let mut specs = vec![one(1, Some(1)), one(2, Some(1)), one(2, Some(2)), one(2, Some(3))];
    specs[1].begins_epoch = true;
    specs[2].begins_epoch = true;
    let source = stored(&specs);
    let kept = Pass::default().all(&source);
    let counts: Vec<_> = kept.iter().map(|batch| header_of(batch).record_count).collect();
    assert_eq!(counts, [1, 0, 0, 1]);
    assert_eq!(header_of(&kept[1]).size, crate::batch::HEADER_BYTES);
    assert_eq!(header_of(&kept[1]).max_timestamp, None);
}

#[test]
fn a_tombstone_goes_with_the_pass_after_its_horizon() {
    let source = stored(&[one(1, Some(1)), one(1, None), one(2, Some(1))]);
    let first = Pass::default().all(&source);
    assert_eq!(offsets(&first), [1, 2]);
    assert!(header_of(&first[1]).attributes.has_delete_horizon());
    assert_eq!(records_of(&first), records_of(&source)[1..], "times stay as they were");
    let at = |after: i64| Pass { now: TimestampMs(NOW.0 + after), ..Pass::default() };
    assert_eq!(offsets(&at(999).all(&first)), [1, 2]);
    assert_eq!(offsets(&Pass { keeps_tombstones: true, ..at(1_000) }.all(&first)), [1, 2]);
    assert_eq!(offsets(&at(1_000).all(&first)), [2]);
}

#[test]
fn a_value_in_a_transaction_keeps_its_tombstone_alive() {
    let mut specs = vec![one(1, Some(1)), one(1, None), one(2, Some(1))];
    specs[0].is_transactional = true;
    let first = Pass::default().all(&stored(&specs));
    let later = Pass { now: TimestampMs(NOW.0 + 5_000), ..Pass::default() };
    assert_eq!(offsets(&later.all(&first)), [0, 1, 2]);
}

#[test]
fn records_without_a_key_go() {
    let mut specs = vec![one(1, Some(1)), one(2, Some(1))];
    specs[0].records[0].0 = None;
    let (kept, _, tally) = Pass::default().run(&stored(&specs));
    assert_eq!(offsets(&kept.concat()), [1]);
    assert_eq!((tally.keyless_removed, tally.records_removed), (1, 1));
}

#[test]
fn the_last_batch_of_a_producer_stays_without_its_records() {
    let mut specs = vec![one(1, Some(1)), one(1, Some(2)), one(1, Some(3))];
    specs[0].producer = Some(7);
    let source = stored(&specs);
    let kept = Pass::default().all(&source);
    let spans: Vec<_> =
        kept.iter().map(header_of).map(|it| (it.base_offset.0, it.record_count)).collect();
    assert_eq!(spans, [(0, 0), (1, 0), (2, 1)], "it must not be grown");
    assert_eq!(producers_of(&kept).check(&header_of(&source[0])).map(is_duplicate), Ok(true));
}

pub(super) fn is_duplicate(sequence: Sequence) -> bool {
    matches!(sequence, Sequence::Duplicate(_))
}

#[test]
fn a_batch_cut_at_its_head_keeps_the_rest_as_it_is() {
    for compression in [Compression::None, Compression::Lz4] {
        let mut spec = one(1, Some(1));
        spec.compression = compression;
        spec.records = (0..6).map(|nth| (Some(nth), Some(nth), i64::from(nth))).collect();
        spec.producer = Some(3);
        let source = stored(&[one(0, None), spec]);
        for at in 2..=6 {
            let header = header_of(&source[1]);
            let cut = cut_head(&source[1], &header, Offset(at), LIMITS).unwrap();
            let after = header_of(&cut);
            assert_eq!((after.base_offset, after.last_offset()), (Offset(at), Offset(6)));
            assert_eq!(after.last_sequence(), header.last_sequence());
            assert_eq!(after.leader_epoch, header.leader_epoch);
            let want: Vec<_> = records_of(&source).split_off(usize::try_from(at).unwrap());
            assert_eq!(records_of(&[cut]), want);
        }
    }
}

#[test]
fn a_batch_whose_rest_was_dropped_is_cut_to_an_empty_one() {
    let source = stored(&[one(1, Some(1)), one(2, Some(1)), one(2, Some(2))]);
    let kept = Pass::default().all(&source);
    let cut = cut_head(&kept[0], &header_of(&kept[0]), Offset(1), LIMITS).unwrap();
    let header = header_of(&cut);
    assert_eq!((header.base_offset, header.next_offset()), (Offset(1), Offset(2)));
    assert_eq!(header.record_count, 0);
}
