//! What holds of any stream of batches.

use super::*;

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let compression = prop_oneof![
        6 => Just(Compression::None),
        1 => Just(Compression::Gzip),
        1 => Just(Compression::Snappy),
        1 => Just(Compression::Lz4),
        1 => Just(Compression::Zstd),
    ];
    let key = prop_oneof![20 => (0..12_u8).prop_map(Some), 1 => Just(None)];
    let record = (key, proptest::option::weighted(0.8, 0..40_u8), 0..5_000_i64);
    let spec = (
        compression,
        prop::collection::vec(record, 1..8),
        proptest::option::weighted(0.3, 1..4_u64),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let spec = spec.prop_map(|(compression, records, producer, begins_epoch, is_stamped)| Spec {
        compression,
        records,
        producer,
        begins_epoch,
        is_stamped,
        is_transactional: false,
    });
    prop::collection::vec(spec, 1..25)
}

/// Offsets of the latest record of each key.
fn latest(batches: &[Bytes]) -> Vec<Offset> {
    let mut latest = BTreeMap::new();
    for record in records_of(batches) {
        record.key.map(|key| latest.insert(key, record.offset));
    }
    let mut offsets: Vec<_> = latest.into_values().collect();
    offsets.sort_unstable();
    offsets
}

fn offsets(batches: &[Bytes]) -> Vec<Offset> {
    records_of(batches).into_iter().map(|record| record.offset).collect()
}

/// Each offset once, with the epoch that wrote it.
fn epochs(batches: &[Bytes]) -> Vec<(u64, Option<LeaderEpoch>)> {
    let mut epochs = Vec::new();
    for header in batches.iter().map(header_of) {
        let span = header.base_offset.0..header.next_offset().0;
        epochs.extend(span.map(|offset| (offset, header.leader_epoch)));
    }
    epochs
}

/// Kept records are the source's, offset by offset.
fn assert_unchanged(kept: &[Bytes], source: &[Bytes]) {
    let source: BTreeMap<_, _> =
        records_of(source).into_iter().map(|record| (record.offset, record)).collect();
    for record in records_of(kept) {
        assert_eq!(Some(&record), source.get(&record.offset));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_latest_record_of_each_key_stays_as_it_was(specs in specs(), group in 1..30_usize) {
        let source = stored(&specs);
        let pass = Pass { group, ..Pass::default() };
        let (groups, until, tally) = pass.run(&source);
        let kept = groups.concat();
        prop_assert_eq!(until, end_of(&source));
        prop_assert_eq!(offsets(&kept), latest(&source));
        assert_unchanged(&kept, &source);
        prop_assert_eq!(epochs(&kept), epochs(&source));
        let read = records_of(&source).len();
        prop_assert_eq!(tally.records_read, read as u64);
        prop_assert_eq!(read - offsets(&kept).len(), usize::try_from(tally.records_removed).unwrap());
        let later = Pass { now: TimestampMs(NOW.0 + 1_000), ..pass };
        let values = records_of(&later.all(&kept));
        prop_assert!(values.iter().all(|record| record.value.is_some()), "a tombstone stayed");
        prop_assert_eq!(table(&later.all(&kept)), table(&source));
    }

    #[test]
    fn compacting_twice_is_compacting_once(specs in specs(), dirty in 0..3_u64) {
        let once = Pass::default().all(&stored(&specs));
        let dirty_from = Offset(end_of(&once).0 * dirty / 2);
        prop_assert_eq!(&Pass { dirty_from, ..Pass::default() }.all(&once), &once);
    }

    #[test]
    fn nothing_above_the_log_start_hangs_on_what_is_below(specs in specs(), at in 0..1_000_u64) {
        let source = stored(&specs);
        let log_start = Offset(end_of(&source).0 * at / 1_000);
        let kept = Pass { log_start, ..Pass::default() }.all(&source);
        let want: Vec<_> =
            latest(&source).into_iter().filter(|offset| *offset >= log_start).collect();
        prop_assert_eq!(offsets(&kept), want);
    }

    #[test]
    fn producers_are_known_again_by_headers_alone(specs in specs()) {
        let source = stored(&specs);
        let (before, after) = (producers_of(&source), producers_of(&Pass::default().all(&source)));
        for (id, producer) in before.iter() {
            let last = producer.batches.back().unwrap();
            let batch = source.iter().map(header_of).find(|it| it.base_offset == last.base_offset);
            let repeated = batch.unwrap();
            prop_assert_eq!(after.check(&repeated).map(is_duplicate), Ok(true));
            let first_sequence = Some(last.last_sequence + 1);
            let mark = ProducerMark { id, epoch: producer.epoch, first_sequence };
            let next = BatchHeader { producer: Some(mark), ..repeated };
            prop_assert_eq!(after.check(&next).map(is_duplicate), Ok(false));
        }
    }
}

proptest! {
    // Each case is many passes.
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Also one that stops after any group, with any map, while tombstones' times run out.
    #[test]
    fn no_pass_brings_back_what_a_tombstone_hid(
        specs in specs(),
        (keys_max, group) in (1..8_u64, 1..10_usize),
    ) {
        let source = stored(&specs);
        let (want, end) = (table(&source), end_of(&source));
        let (mut batches, mut dirty_from, mut now) = (source.clone(), Offset(0), NOW);
        while dirty_from < end {
            let pass = Pass { dirty_from, keys_max, now, group, ..Pass::default() };
            let (groups, until, _) = pass.run(&batches);
            prop_assert!(until > dirty_from, "no progress from {:?}", dirty_from);
            let mut rest = batches.chunks(group);
            for done in 0..=groups.len() {
                let mixed = [groups[..done].concat(), rest.clone().flatten().cloned().collect()];
                prop_assert_eq!(&table(&mixed.concat()), &want);
                prop_assert_eq!(epochs(&mixed.concat()), epochs(&source));
                rest.next();
            }
            (batches, dirty_from) = (groups.concat(), until);
            now = TimestampMs(now.0 + 700);
        }
        let last = Pass { dirty_from: end, now: TimestampMs(now.0 + 1_000), ..Pass::default() };
        let settled = last.all(&last.all(&batches));
        prop_assert_eq!(table(&settled), want);
        let live = |offset: &Offset| {
            records_of(&source).iter().any(|it| it.offset == *offset && it.value.is_some())
        };
        let want: Vec<_> = latest(&source).into_iter().filter(live).collect();
        prop_assert_eq!(offsets(&settled), want);
    }
}
