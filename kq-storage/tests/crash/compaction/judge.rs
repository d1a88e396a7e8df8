//! What must be true of a compacted log after recovery.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use kq_storage::batch::{BatchHeader, records, walk_stored_records};
use kq_storage::sim::{Prng, SimDisk};
use kq_storage::{LeaderEpoch, Log, LogConfig, Offset, Stepped, TimestampMs};

use super::{Batch, Model, NOW, Written, new_batch, open, request};
use crate::harness::ensure;

/// Records by their offsets.
type Records = BTreeMap<u64, Written>;
/// What a reader of all of them knows of each key.
type Table = BTreeMap<u64, Vec<u8>>;

pub(super) fn verify(disk: &SimDisk, model: &Model) -> Result<(), String> {
    let mut log = match open(disk) {
        Err(_) if !model.is_born => return Ok(()),
        Ok(mut log) if !model.is_born => return read_records(&mut log).map(drop),
        opened => opened.map_err(|err| format!("recovery: {err}"))?,
    };
    let found = read_records(&mut log)?;
    let history = judge_records(&log, &found, model)?;
    judge_epochs(&mut log, &history)?;
    judge_times(&mut log, &found)?;
    judge_producers(&mut log, &history)?;
    let want = table_of(found.values());
    let later = TimestampMs(NOW.0 + 1_000_000);
    for (keys_max, now) in [(2, NOW), (100, later), (100, TimestampMs(later.0 + 2_000))] {
        compact_whole(&mut log, now, keys_max)?;
        let after = read_records(&mut log)?;
        let same = table_of(after.values()) == want;
        ensure(same, || format!("a pass for {keys_max} keys changes what a reader knows"))?;
    }
    judge_going_on(disk, log, &want)
}

/// All batches from the log start on: one after the other, each as the log says it is.
fn read_batches(log: &mut Log) -> Result<Vec<(BatchHeader, Bytes)>, String> {
    let (start, until) = (log.log_start().offset(), log.log_end().offset());
    let mut batches: Vec<(BatchHeader, Bytes)> = Vec::new();
    let mut next = start;
    while next < until {
        let plan = log.read(next, until, 700, true).map_err(|err| err.to_string())?;
        let mut bytes = Bytes::from(plan.copy_out().map_err(|err| err.to_string())?);
        ensure(!bytes.is_empty(), || format!("a read from {next} below {until} is empty"))?;
        while !bytes.is_empty() {
            let header = BatchHeader::parse_verified(&bytes).map_err(|err| err.to_string())?;
            let follows = match batches.last() {
                Some((last, _)) => last.next_offset() == header.base_offset,
                None => header.base_offset <= start && start < header.next_offset(),
            };
            ensure(follows, || format!("{header} does not follow"))?;
            batches.push((header, bytes.split_to(header.size)));
        }
        next = plan.next_offset;
    }
    let end = batches.last().map_or(until, |(last, _)| last.next_offset());
    ensure(end == until, || format!("batches end at {end}, the log at {until}"))?;
    Ok(batches)
}

/// All records from the log start on.
pub(super) fn read_records(log: &mut Log) -> Result<Records, String> {
    let limits = LogConfig::default().decompress;
    let mut found = Records::new();
    for (header, bytes) in read_batches(log)? {
        walk_stored_records(&bytes, &header, limits).map_err(|err| err.to_string())?;
        for record in records(&bytes, &header, limits).map_err(|err| err.to_string())? {
            let key = record.key.ok_or("a record without a key")?;
            let key = u64::from_be_bytes(key.as_ref().try_into().map_err(|_| "a wrong key")?);
            let value = record.value.map(|value| value.to_vec());
            let time = record.timestamp.map_or(-1, |time| time.0);
            if record.offset >= log.log_start().offset() {
                found.insert(record.offset.0, Written { key, value, time });
            }
        }
    }
    Ok(found)
}

fn table_of<'a>(written: impl Iterator<Item = &'a Written>) -> Table {
    let mut table = Table::new();
    for Written { key, value, .. } in written {
        match value {
            Some(value) => drop(table.insert(*key, value.clone())),
            None => drop(table.remove(key)),
        }
    }
    table
}

/// Some history explains what was found: nothing synced is missing, nothing is made up, of each key
/// the latest is known, and what was gone for good is gone. Tells the batches up to the log's end.
fn judge_records(log: &Log, found: &Records, model: &Model) -> Result<Vec<Batch>, String> {
    let (start, end) = (log.log_start().offset().0, log.log_end().offset().0);
    let (start_min, start_max) = model.start;
    ensure(start_min <= start && start <= start_max.max(start_min), || {
        format!("the log starts at {start}, which is not in {start_min}..={start_max}")
    })?;
    ensure(model.synced_end <= end, || {
        format!("synced up to {} but found only up to {end}", model.synced_end)
    })?;
    let mut fault = String::new();
    for history in std::iter::once(&model.live).chain(&model.before) {
        let batches = history.iter().chain(&model.under_way);
        let batches: Vec<Batch> =
            batches.filter(|it| start < it.end() && it.end() <= end).cloned().collect();
        match explains(&batches, found, (start, end)) {
            Ok(()) => {
                let back = model.gone.iter().find(|offset| found.contains_key(*offset));
                ensure(back.is_none(), || format!("the record at {back:?} is back"))?;
                return Ok(batches);
            }
            Err(why) => fault = why,
        }
    }
    Err(fault)
}

fn explains(batches: &[Batch], found: &Records, (start, end): (u64, u64)) -> Result<(), String> {
    let of_batch = |batch: &Batch| {
        (batch.base..).zip(batch.records.clone()).filter(move |(offset, _)| *offset >= start)
    };
    let written: Records = batches.iter().flat_map(of_batch).collect();
    ensure(written.len() as u64 == end - start, || {
        format!("{start}..{end} was never written: {:?}", written.keys())
    })?;
    for (offset, record) in found {
        ensure(written.get(offset) == Some(record), || {
            format!("nobody wrote the record at {offset}")
        })?;
    }
    let (knows, must_know) = (table_of(found.values()), table_of(written.values()));
    ensure(knows == must_know, || {
        let wrong = (0..u64::from(u8::MAX)).find(|key| knows.get(key) != must_know.get(key));
        let of_key = |records: &Records| -> Vec<(u64, bool)> {
            let of_key = records.iter().filter(|(_, it)| Some(it.key) == wrong);
            of_key.map(|(offset, it)| (*offset, it.value.is_some())).collect()
        };
        let (has, had) = (of_key(found), of_key(&written));
        format!("key {wrong:?} in {start}..{end} was written at {had:?}, found at {has:?}")
    })
}

/// Every batch is of the epoch that wrote its offsets, and is found at any of them.
fn judge_epochs(log: &mut Log, history: &[Batch]) -> Result<(), String> {
    let (start, end) = (log.log_start().offset().0, log.log_end().offset());
    let found = read_batches(log)?;
    for (header, bytes) in &found {
        for offset in header.base_offset.0.max(start)..header.next_offset().0 {
            let wrote = history.iter().find(|it| it.base <= offset && offset < it.end());
            let wrote = wrote.map(|batch| batch.epoch);
            let says = log.epoch_at(Offset(offset));
            ensure(says == wrote && header.leader_epoch == wrote, || {
                format!("{offset} is of {wrote:?}; the log says {says:?}, its batch {header:?}")
            })?;
            let plan = log.read(Offset(offset), end, 1, true).map_err(|err| err.to_string())?;
            let read = plan.copy_out().map_err(|err| err.to_string())?;
            ensure(read == *bytes, || format!("a read from {offset} finds another batch"))?;
        }
    }
    Ok(())
}

/// Look-ups by time agree with a look at every record.
fn judge_times(log: &mut Log, found: &Records) -> Result<(), String> {
    let until = log.log_end().offset();
    let probes = found.values().map(|it| it.time).step_by(3).chain([0, NOW.0]);
    for time in probes {
        let want = found.iter().find(|(_, it)| it.time >= time);
        let want = want.map(|(offset, it)| (it.time, *offset));
        let got = log.find_by_time(TimestampMs(time), until).map_err(|err| err.to_string())?;
        let got = got.map(|got| (got.timestamp.0, got.offset.0));
        ensure(got == want, || format!("time {time} is at {got:?}, but should be at {want:?}"))?;
    }
    let newest = log.max_timestamp(until).map_err(|err| err.to_string())?;
    let want = found.values().map(|it| it.time).max();
    let newest = newest.map(|newest| newest.timestamp.0);
    ensure(newest == want, || format!("the newest time is {newest:?}, but should be {want:?}"))
}

/// The last batch of each producer is recognised when it is sent again.
fn judge_producers(log: &mut Log, history: &[Batch]) -> Result<(), String> {
    let epoch = log.latest_epoch().unwrap_or(LeaderEpoch(1));
    for id in 1..3 {
        let of_producer = |batch: &&Batch| {
            let header = BatchHeader::parse(&batch.sent).ok();
            header.and_then(|header| header.producer).is_some_and(|mark| mark.id.0 == id)
        };
        let Some(last) = history.iter().rev().find(of_producer) else { continue };
        let again = log.append(BytesMut::from(last.sent.as_ref()), epoch, NOW);
        let again = again.map_err(|err| format!("producer {id} repeats {}: {err}", last.base))?;
        let is_known = again.duplicate && again.base_offset.0 == last.base;
        ensure(is_known, || format!("producer {id} repeats {}: {again:?}", last.base))?;
    }
    Ok(())
}

/// One pass, or as many as it takes a map of so many keys.
pub(super) fn compact_whole(log: &mut Log, now: TimestampMs, keys_max: u64) -> Result<(), String> {
    let text = |err: kq_storage::StorageError| format!("a pass begins: {err}");
    while let Some(mut pass) = log.begin_compaction(request(now, keys_max)).map_err(text)? {
        loop {
            match pass.step(u64::MAX).map_err(|err| format!("a pass: {err}"))? {
                Stepped::Going => {}
                Stepped::Done => break,
                Stepped::Group(group) => {
                    let published = log.publish(*group, false).map_err(|err| err.to_string())?;
                    let published = published.ok_or("a group is refused")?;
                    let switched = log.switch(published.sync()).map_err(|err| err.to_string())?;
                    ensure(switched.is_some(), || "a swap was called off".to_owned())?;
                }
            }
        }
        let finished = log.finish_compaction(&pass, now).map_err(|err| err.to_string())?;
        ensure(finished, || "a pass does not count".to_owned())?;
    }
    Ok(())
}

/// It goes on from there, and a second cut takes nothing of it.
fn judge_going_on(disk: &SimDisk, mut log: Log, before: &Table) -> Result<(), String> {
    let epoch = log.latest_epoch().unwrap_or(LeaderEpoch(1));
    let mut rng = Prng::new(log.log_end().offset().0);
    let plain = loop {
        let (batch, written) = new_batch(&mut rng, &[]);
        let header = BatchHeader::parse(&batch).map_err(|err| err.to_string())?;
        if header.producer.is_none() {
            break (batch, written);
        }
    };
    log.append(plain.0, epoch, NOW).map_err(|err| err.to_string())?;
    let want = read_records(&mut log)?;
    let mut table = before.clone();
    for Written { key, value, .. } in plain.1 {
        match value {
            Some(value) => drop(table.insert(key, value)),
            None => drop(table.remove(&key)),
        }
    }
    ensure(table_of(want.values()) == table, || "an append changes other keys".to_owned())?;
    let work = log.begin_sync().ok_or("nothing waits to be synced")?;
    log.finish_sync(work.run()).map_err(|err| err.to_string())?;
    drop(log);
    disk.power_cut(rng.next_u64());
    let mut log = open(disk).map_err(|err| format!("second recovery: {err}"))?;
    let after = read_records(&mut log).map_err(|err| format!("after the second cut: {err}"))?;
    let same = table_of(after.values()) == table;
    ensure(same, || format!("{:?} became {:?} in the second cut", want.keys(), after.keys()))
}
