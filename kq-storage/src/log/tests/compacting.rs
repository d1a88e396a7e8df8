//! Passes over a log: what readers, truncations, retention and a second opening see of them.

use std::collections::BTreeMap;

use super::*;
use crate::compact::{Compaction, CompactionRules, Stepped};
use crate::log::{CompactionRequest, Published, Replaced};
use crate::sim::SimDisk;
use crate::vfs::create_dir_durable;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn compacted() -> LogConfig {
    let compaction = CompactionRules { dirty_ppm_min: 0, ..CompactionRules::default() };
    LogConfig { compact: true, delete: false, compaction, ..small_segments() }
}

pub(super) fn request() -> CompactionRequest {
    CompactionRequest {
        bound: Offset(u64::MAX),
        now: NOW,
        map_bytes_max: 1 << 20,
        seed: [1, 2],
        keeps_tombstones: false,
        is_demanded: false,
        spare_bytes: 0,
    }
}

/// Puts `values` of keys, each in a batch of its own; an empty value is a tombstone.
fn put(log: &mut Log, pairs: &[(&str, &str)]) {
    for (key, value) in pairs {
        let value = Some(value.as_bytes()).filter(|value| !value.is_empty());
        let builder = BatchBuilder::new(Compression::None);
        let batch = builder.record(NOW, Some(key.as_bytes()), value).build().unwrap();
        log.append(batch, EPOCH, NOW).unwrap();
    }
}

/// Forty values of four keys, all stable.
fn filled(bench: &Bench) -> Log {
    let mut log = bench.create(compacted());
    fill_keys(&mut log, 0..40);
    sync(&mut log);
    log
}

fn fill_keys(log: &mut Log, range: std::ops::Range<u64>) {
    for nth in range {
        put(log, &[(&format!("k{}", nth % 4), &format!("v{nth}"))]);
    }
}

fn next_group(pass: &mut Compaction, log: &mut Log) -> Option<Published> {
    loop {
        match pass.step(64).unwrap() {
            Stepped::Going => {}
            Stepped::Done => return None,
            Stepped::Group(group) => return log.publish(*group, false).unwrap(),
        }
    }
}

/// One pass to its end.
pub(super) fn compact(log: &mut Log, request: CompactionRequest) -> Vec<Replaced> {
    let Some(mut pass) = log.begin_compaction(request).unwrap() else { return Vec::new() };
    let mut replaced = Vec::new();
    while let Some(published) = next_group(&mut pass, log) {
        replaced.extend(log.switch(published.sync()).unwrap());
    }
    assert!(log.finish_compaction(&pass, request.now).unwrap());
    replaced
}

/// Offsets and values of all records, from a log that must have a batch for every offset.
fn read(log: &mut Log) -> BTreeMap<u64, String> {
    let (mut from, end) = (log.log_start().offset(), log.log_end().offset());
    let mut found = BTreeMap::new();
    while from < end {
        let plan = log.read(from, end, 150, true).unwrap();
        let bytes = plan.copy_out().unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let header = BatchHeader::parse_verified(rest).unwrap();
            assert!(header.base_offset <= from && from < header.next_offset(), "a gap at {from}");
            from = header.next_offset();
            for record in records(rest, &header, LogConfig::default().decompress).unwrap() {
                let value = record
                    .value
                    .map_or_else(String::new, |value| String::from_utf8(value.to_vec()).unwrap());
                found.insert(record.offset.0, value);
            }
            rest = &rest[header.size..];
        }
    }
    found
}

fn names(bench: &Bench) -> Vec<String> {
    let entries = bench.files.fs().list(&bench.dir).unwrap();
    let batches = entries.into_iter().map(|entry| entry.name).filter(|it| it.contains(".log"));
    batches.collect()
}

#[test]
fn each_keys_latest_value_stays_and_the_rest_is_covered() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    let before = log.size_bytes();
    let replaced = compact(&mut log, request());
    let saved: u64 = replaced.iter().map(|it| it.bytes_before - it.bytes_after).sum();
    assert!(before - log.size_bytes() == saved && saved > before / 3, "{saved} of {before}");
    let found = read(&mut log);
    let active = log.segments.last().unwrap().base.0;
    let kept: Vec<u64> = found.keys().copied().filter(|offset| *offset < active).collect();
    assert_eq!(kept, (active - 4..active).collect::<Vec<_>>());
    assert_eq!(found[&39], "v39");
    assert!(compact(&mut log, request()).is_empty(), "there is nothing left to do");
    assert_eq!(log.last_compacted(), Some(NOW));
}

#[test]
fn a_compacted_log_opens_and_goes_on_after_any_stop() {
    for is_clean in [true, false] {
        let bench = Bench::new();
        let mut log = filled(&bench);
        compact(&mut log, request());
        let want = read(&mut log);
        let epochs = log.epochs().to_vec();
        if is_clean {
            log.close().unwrap();
        } else {
            drop(log);
        }
        let (mut log, recovered) = bench.open(compacted());
        assert_eq!((recovered.cut, read(&mut log)), (None, want));
        assert_eq!(log.epochs(), epochs);
        fill_keys(&mut log, 40..80);
        sync(&mut log);
        compact(&mut log, request());
        assert!(read(&mut log).len() < 15);
        assert!(log.segment_count() < 12, "emptied segments become one");
        let (found, end) = (log.find_by_time(NOW, Offset(80)).unwrap(), log.log_end());
        assert!(found.is_some() && end.offset() == Offset(80));
        assert!(
            names(&bench).iter().any(|name| name.ends_with("-0002.log")),
            "{:?}",
            names(&bench)
        );
    }
}

#[test]
fn nothing_that_a_power_cut_could_take_is_looked_at() {
    let bench = Bench::new();
    let mut log = bench.create(compacted());
    fill_keys(&mut log, 0..40);
    assert!(!log.dirtiness(Offset(40), NOW).unwrap().is_any(), "nothing is synced");
    sync(&mut log);
    let bound = Offset(17);
    assert!(log.dirtiness(bound, NOW).unwrap().until <= bound);
    let all = log.dirtiness(Offset(40), NOW).unwrap();
    assert_eq!(all.until, log.segments.last().unwrap().base);
}

#[test]
fn a_small_map_takes_several_passes_to_the_same_end() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    let small = CompactionRequest { map_bytes_max: 48, ..request() };
    let mut pass = log.begin_compaction(small).unwrap().unwrap();
    while let Some(published) = next_group(&mut pass, &mut log) {
        log.switch(published.sync()).unwrap();
    }
    assert!(pass.is_partial() && log.finish_compaction(&pass, NOW).unwrap());
    while log.dirtiness(Offset(40), NOW).unwrap().is_any() {
        compact(&mut log, small);
    }
    let other = Bench::new();
    let mut whole = filled(&other);
    compact(&mut whole, request());
    assert_eq!(read(&mut log), read(&mut whole));
}

#[test]
fn a_tombstone_goes_when_its_time_is_over_and_all_replicas_have_it() {
    let bench = Bench::new();
    let mut log = bench.create(compacted());
    put(&mut log, &[("a", "1"), ("b", "1"), ("a", "")]);
    fill_keys(&mut log, 3..20);
    sync(&mut log);
    compact(&mut log, request());
    assert_eq!(read(&mut log).get(&2).map(String::as_str), Some(""));
    let later = TimestampMs(NOW.0 + DAY_MS);
    let more = CompactionRequest { now: later, is_demanded: true, ..request() };
    fill_keys(&mut log, 20..40);
    sync(&mut log);
    compact(&mut log, CompactionRequest { keeps_tombstones: true, ..more });
    assert!(read(&mut log).contains_key(&2), "some replica is away");
    fill_keys(&mut log, 40..60);
    sync(&mut log);
    let mut pass = log.begin_compaction(more).unwrap().unwrap();
    let Stepped::Group(group) = pass.step(u64::MAX).unwrap() else { panic!("no group") };
    assert!(log.publish(*group, true).unwrap().is_none(), "it went away meanwhile");
    compact(&mut log, more);
    assert!(!read(&mut log).contains_key(&2));
    assert_eq!(read(&mut log).get(&1).map(String::as_str), Some("1"));
}

#[test]
fn readers_go_on_in_what_was_replaced() {
    let bench = Bench::new();
    let files = OpenFiles::new(Arc::new(RealFs), 1);
    let dir = bench.dir.clone();
    let mut log = Log::create(files, dir, LogIdentity([7; 16]), compacted(), NOW).unwrap();
    fill_keys(&mut log, 0..40);
    sync(&mut log);
    let plan = log.read(Offset(0), Offset(30), 1 << 20, true).unwrap();
    let before = plan.copy_out().unwrap();
    compact(&mut log, request());
    assert_eq!(plan.copy_out().unwrap(), before);
    assert_eq!(values_of(&before, Offset(0)), expected(0..30));
    for from in 0..40 {
        let plan = log.read(Offset(from), Offset(40), 1, true).unwrap();
        assert!(plan.next_offset > Offset(from), "a read inside a covered range makes progress");
    }
}

#[test]
fn a_replica_that_ends_inside_a_covered_range_goes_on() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    let other = Bench::new();
    let mut copy = other.create(compacted());
    let early =
        Bytes::from(log.read(Offset(0), Offset(9), 1 << 20, true).unwrap().copy_out().unwrap());
    copy.append_replicated(early, NOW).unwrap();
    compact(&mut log, request());
    while copy.log_end() < log.log_end() {
        let plan = log.read(copy.log_end().offset(), Offset(40), 200, true).unwrap();
        copy.append_replicated(Bytes::from(plan.copy_out().unwrap()), NOW).unwrap();
    }
    let table = |log: &mut Log| read(log).into_values().collect::<Vec<_>>();
    let kept = table(&mut log);
    sync(&mut copy);
    assert!(table(&mut copy).ends_with(&kept));
    compact(&mut copy, request());
    assert_eq!(copy.epochs(), log.epochs());
}

#[test]
fn a_truncation_below_what_a_pass_knew_empties_the_log() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    compact(&mut log, request());
    let known_to = log.segments.last().unwrap().base;
    assert_eq!(log.truncate_to(Offset(known_to.0 + 1)).unwrap().offset(), Offset(known_to.0 + 1));
    assert!(read(&mut log).len() > 4);
    assert_eq!(log.truncate_to(Offset(known_to.0 - 1)).unwrap().offset(), Offset(0));
    assert_eq!(names(&bench), ["00000000000000000000.log"]);
    fill_keys(&mut log, 0..3);
    log.close().unwrap();
    assert_eq!(read(&mut bench.open(compacted()).0).len(), 3);
}

#[test]
fn a_truncation_calls_off_a_swap_that_is_under_way() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    let mut pass = log.begin_compaction(request()).unwrap().unwrap();
    let published = next_group(&mut pass, &mut log).unwrap();
    let stable = published.sync();
    log.truncate_to(Offset(5)).unwrap();
    assert!(log.switch(stable).unwrap().is_none());
    assert_eq!(read(&mut log).len(), 5, "nothing was rewritten yet: nothing is missing");
    assert!(!log.is_current(&pass) && !log.finish_compaction(&pass, NOW).unwrap());
    log.close().unwrap();
    assert_eq!(read(&mut bench.open(compacted()).0).len(), 5);
}

#[test]
fn a_group_whose_source_was_deleted_is_thrown_away() {
    for is_published in [false, true] {
        let bench = Bench::new();
        let mut log = filled(&bench);
        let mut pass = log.begin_compaction(request()).unwrap().unwrap();
        if is_published {
            let published = next_group(&mut pass, &mut log).unwrap();
            log.delete_records_before(Offset(12)).unwrap();
            assert!(log.switch(published.sync()).unwrap().is_none());
        } else {
            let Stepped::Group(group) = pass.step(u64::MAX).unwrap() else { panic!("no group") };
            log.delete_records_before(Offset(12)).unwrap();
            assert!(log.publish(*group, false).unwrap().is_none());
        }
        assert_eq!(read(&mut log).into_values().next_back().unwrap(), "v39");
        assert!(names(&bench).iter().all(|name| !name.contains('-')), "{:?}", names(&bench));
        compact(&mut log, request());
        assert!(read(&mut log).len() < 20);
    }
}

#[test]
fn a_pass_that_is_dropped_leaves_nothing_behind() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    let before = (names(&bench), read(&mut log));
    let mut pass = log.begin_compaction(request()).unwrap().unwrap();
    let Stepped::Group(group) = pass.step(u64::MAX).unwrap() else { panic!("no group") };
    drop((group, pass));
    assert_eq!((names(&bench), read(&mut log)), before);
    let entries = bench.files.fs().list(&bench.dir).unwrap();
    assert!(entries.iter().all(|entry| !entry.name.contains(".tmp")));
}

#[test]
fn a_group_without_room_is_refused_before_it_is_written() {
    let bench = Bench::new();
    let mut log = filled(&bench);
    let greedy = CompactionRequest { spare_bytes: u64::MAX / 2, ..request() };
    let mut pass = log.begin_compaction(greedy).unwrap().unwrap();
    let refused = pass.step(u64::MAX).unwrap_err().to_string();
    assert!(refused.starts_with("compaction needs"), "{refused}");
}

#[test]
fn producers_are_known_after_their_records_were_compacted() {
    let bench = Bench::new();
    let mut log = bench.create(compacted());
    let mark = |nth| ProducerMark {
        id: ProducerId(9),
        epoch: ProducerEpoch(0),
        first_sequence: Some(nth),
    };
    let sent = |nth| {
        let builder = BatchBuilder::new(Compression::None).producer(mark(nth));
        builder.record(NOW, Some(b"k1"), Some(b"p")).build().unwrap()
    };
    log.append(sent(0), EPOCH, NOW).unwrap();
    log.append(sent(1), EPOCH, NOW).unwrap();
    fill_keys(&mut log, 2..60);
    sync(&mut log);
    compact(&mut log, request());
    drop(log);
    for name in bench.files.fs().list(&bench.dir).unwrap() {
        if name.name.ends_with(".snapshot") {
            bench.files.fs().remove_file(&bench.dir.join(name.name)).unwrap();
        }
    }
    let (mut log, _) = bench.open(compacted());
    assert!(log.append(sent(1), EPOCH, NOW).unwrap().duplicate);
    assert!(!log.append(sent(2), EPOCH, NOW).unwrap().duplicate);
}

/// A compacted log after a clean stop.
fn fixture() -> (SimDisk, BTreeMap<u64, String>) {
    let disk = SimDisk::new(1);
    create_dir_durable(&disk, Path::new("/d")).unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), 8);
    let dir = PathBuf::from(damage::DIR);
    let mut log = Log::create(files, dir, LogIdentity([7; 16]), compacted(), NOW).unwrap();
    fill_keys(&mut log, 0..14);
    log.append(batch(&["x"]), LeaderEpoch(4), NOW).unwrap();
    fill_keys_in(&mut log, 15..24, LeaderEpoch(4));
    sync(&mut log);
    compact(&mut log, request());
    let want = read(&mut log);
    log.close().unwrap();
    (disk, want)
}

fn fill_keys_in(log: &mut Log, range: std::ops::Range<u64>, epoch: LeaderEpoch) {
    for nth in range {
        let (key, value) = (format!("k{}", nth % 4), format!("v{nth}"));
        let builder = BatchBuilder::new(Compression::None);
        let batch = builder.record(NOW, Some(key.as_bytes()), Some(value.as_bytes()));
        log.append(batch.build().unwrap(), epoch, NOW).unwrap();
    }
}

fn served(disk: SimDisk) -> Result<BTreeMap<u64, String>, String> {
    let files = OpenFiles::new(Arc::new(disk), 8);
    let opened = Log::open(files, PathBuf::from(damage::DIR), compacted(), NOW);
    let (mut log, recovered) = opened.map_err(|err| err.to_string())?;
    assert!(recovered.cut.is_none(), "what was synced is never cut: {recovered:?}");
    let (from, end) = (log.log_start().offset(), log.log_end().offset());
    log.read(from, end, 1 << 20, true).map_err(|err| err.to_string())?;
    let found = read(&mut log);
    // Whatever was noted of compaction: nothing that counts goes with the next pass.
    fill_keys_in(&mut log, 24..40, LeaderEpoch(4));
    sync(&mut log);
    compact(&mut log, request());
    assert_eq!(read(&mut log).into_values().next_back().unwrap(), "v39");
    Ok(found)
}

#[test]
fn no_flipped_byte_of_a_compacted_log_is_ever_served() {
    let (disk, want) = fixture();
    assert_eq!(served(disk.fork()), Ok(want.clone()));
    let entries = disk.list(Path::new(damage::DIR)).unwrap();
    assert!(entries.iter().any(|entry| entry.name.contains("-0001.log")));
    assert!(entries.iter().any(|entry| entry.name == "cleaned"));
    for entry in entries {
        let path = Path::new(damage::DIR).join(&entry.name);
        let is_batches = path.extension().is_some_and(|ext| ext == "log");
        for at in 0..usize::try_from(entry.len).unwrap() {
            let flipped = disk.fork();
            flipped.flip_bit(&path, at, u32::try_from(at % 8).unwrap()).unwrap();
            match served(flipped) {
                Ok(found) => assert!(found == want && !is_batches, "byte {at} of {}", entry.name),
                Err(why) => assert!(is_batches, "byte {at} of {}: {why}", entry.name),
            }
        }
    }
}

#[test]
fn a_missing_neighbour_of_a_rewritten_segment_is_an_error() {
    let (disk, _) = fixture();
    let dir = Path::new(damage::DIR);
    let entries = disk.list(dir).unwrap();
    let active = entries.iter().rev().find(|entry| entry.name.contains(".log")).unwrap();
    disk.remove_file(&dir.join(&active.name)).unwrap();
    let err = served(disk).unwrap_err();
    assert!(err.contains("is missing"), "{err}");
}
