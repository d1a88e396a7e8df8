//! What must be true of a log after recovery.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use kq_storage::batch::{BatchHeader, CRC_FROM};
use kq_storage::inspect::{self, FileKind};
use kq_storage::sim::{Prng, SimDisk};
use kq_storage::{LeaderEpoch, Log, Offset, TimestampMs};

use super::{Model, NOW, Stored, dir, new_batch, open, open_told, read_all};
use crate::harness::ensure;

pub(super) fn verify(disk: &SimDisk, model: &Model) -> Result<(), String> {
    let (mut log, recovered) = match open_told(disk) {
        // Until the first sync has returned nobody counts on the log, nor on where it starts.
        Err(_) if !model.is_born => return Ok(()),
        Ok((mut log, _)) if !model.is_born => return read_all(&mut log).map(drop),
        opened => opened.map_err(|err| format!("recovery: {err}"))?,
    };
    judge_snapshots(disk.fork())?;
    let found =
        read_all(&mut log).map_err(|fault| format!("{fault}; recovery said {recovered:?}"))?;
    let kept = judge_batches(&log, &found, model)
        .map_err(|fault| format!("{fault}; recovery said {recovered:?}"))?;
    judge_epochs(&log, &found)?;
    judge_seeks(&mut log, &found)?;
    judge_times(&mut log, &kept)?;
    judge_producers(&mut log, &kept)?;
    judge_going_on(disk, log, &found)
}

/// After a clean stop no snapshot of producers is damaged, whatever happened before.
fn judge_snapshots(disk: SimDisk) -> Result<(), String> {
    disk.kill_process();
    let log = open(&disk).map_err(|err| err.to_string())?;
    log.close().map_err(|err| err.to_string())?;
    for (path, kind, _) in inspect::files(&disk, dir()).map_err(|err| err.to_string())? {
        if kind == FileKind::ProducerSnapshot {
            let fault = inspect::verify(&disk, &path).map_err(|err| err.to_string())?;
            ensure(fault.is_none(), || format!("{}: {fault:?}", path.display()))?;
        }
    }
    Ok(())
}

/// Everything synced is there, byte for byte; the rest is a prefix of what was appended.
fn judge_batches(
    log: &Log,
    found: &[(BatchHeader, Bytes)],
    model: &Model,
) -> Result<Vec<Stored>, String> {
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
        match match_history(found, history, start, model.under_way.as_ref()) {
            Ok(kept) => return Ok(kept),
            Err(why) => fault = why,
        }
    }
    Err(fault)
}

fn match_history(
    found: &[(BatchHeader, Bytes)],
    history: &Rc<Vec<Stored>>,
    start: u64,
    under_way: Option<&Bytes>,
) -> Result<Vec<Stored>, String> {
    let mut appended = history.iter().filter(|stored| stored.header.last_offset().0 >= start);
    let mut kept = Vec::new();
    for (nth, (header, bytes)) in found.iter().enumerate() {
        let offset = header.base_offset;
        if let Some(stored) = appended.next() {
            ensure(stored.bytes == *bytes, || format!("the batch at {offset} has changed"))?;
            kept.push(stored.clone());
        } else {
            let is_last = nth + 1 == found.len();
            let is_under_way =
                under_way.is_some_and(|sent| sent.get(CRC_FROM..) == bytes.get(CRC_FROM..));
            ensure(is_last && is_under_way, || format!("nobody appended the batch at {offset}"))?;
        }
    }
    Ok(kept)
}

fn judge_epochs(log: &Log, found: &[(BatchHeader, Bytes)]) -> Result<(), String> {
    for (header, _) in found {
        let offset = header.base_offset.max(log.log_start().offset());
        let epoch = log.epoch_at(offset);
        ensure(epoch == header.leader_epoch, || {
            format!("the history says {epoch:?} at {offset}, the batch {:?}", header.leader_epoch)
        })?;
    }
    Ok(())
}

/// The indexes lead to the batch that holds an offset, whichever it is.
fn judge_seeks(log: &mut Log, found: &[(BatchHeader, Bytes)]) -> Result<(), String> {
    let (start, end) = (log.log_start().offset(), log.log_end().offset());
    for (header, bytes) in found {
        for offset in [header.base_offset.max(start), header.last_offset()] {
            let plan = log.read(offset, end, 1, true).map_err(|err| err.to_string())?;
            let read = plan.copy_out().map_err(|err| err.to_string())?;
            ensure(read == *bytes, || format!("a read from {offset} finds another batch"))?;
        }
    }
    Ok(())
}

/// Look-ups by time agree with a look at every record.
fn judge_times(log: &mut Log, kept: &[Stored]) -> Result<(), String> {
    let start = log.log_start().offset().0;
    let until = Offset(kept.last().map_or(start, |last| last.header.next_offset().0));
    let records: Vec<(i64, u64)> = kept
        .iter()
        .flat_map(|stored| stored.times.iter().copied().zip(stored.header.base_offset.0..))
        .filter(|(_, offset)| *offset >= start)
        .collect();
    let probes = records.iter().map(|(time, _)| *time).step_by(3).chain([0, NOW.0]);
    for time in probes {
        let want = records.iter().find(|(at, _)| *at >= time);
        let found = log.find_by_time(TimestampMs(time), until).map_err(|err| err.to_string())?;
        let found = found.map(|found| (found.timestamp.0, found.offset.0));
        ensure(found == want.copied(), || {
            format!("time {time} is at {found:?}, but should be at {want:?}")
        })?;
    }
    // A batch that begins below the log start may owe its time to a deleted record.
    if kept.first().is_some_and(|first| first.header.base_offset.0 < start) {
        return Ok(());
    }
    let newest = log.max_timestamp(until).map_err(|err| err.to_string())?;
    let want = records.iter().map(|(time, _)| *time).max();
    let newest = newest.map(|found| found.timestamp.0);
    ensure(newest == want, || format!("the newest time is {newest:?}, but should be {want:?}"))
}

/// A batch that stands in the log is recognised when its producer sends it again.
fn judge_producers(log: &mut Log, kept: &[Stored]) -> Result<(), String> {
    let epoch = log.latest_epoch().unwrap_or(LeaderEpoch(1));
    for id in 1..4 {
        let of_producer =
            |stored: &&Stored| stored.header.producer.is_some_and(|mark| mark.id.0 == id);
        let Some(last) = kept.iter().rev().find(of_producer) else { continue };
        let again = BytesMut::from(last.sent.as_ref());
        let appended = log.append(again, epoch, NOW).map_err(|err| {
            format!("producer {id} repeats its batch at {}: {err}", last.header.base_offset)
        })?;
        let is_known = appended.duplicate && appended.base_offset == last.header.base_offset;
        ensure(is_known, || {
            format!("producer {id} repeats its batch at {}: {appended:?}", last.header.base_offset)
        })?;
    }
    Ok(())
}

/// It goes on from what was found, and a second cut takes nothing of it.
fn judge_going_on(
    disk: &SimDisk,
    mut log: Log,
    found: &[(BatchHeader, Bytes)],
) -> Result<(), String> {
    let epoch = log.latest_epoch().unwrap_or(LeaderEpoch(1));
    let mut rng = Prng::new(log.log_end().offset().0);
    let plain = loop {
        let (batch, _) = new_batch(&mut rng, &[]);
        let header = BatchHeader::parse(&batch).map_err(|err| err.to_string())?;
        if header.producer.is_none() {
            break batch;
        }
    };
    log.append(plain, epoch, NOW).map_err(|err| err.to_string())?;
    let before = read_all(&mut log)?;
    let work = log.begin_sync().ok_or("nothing waits to be synced")?;
    log.finish_sync(work.run()).map_err(|err| err.to_string())?;
    drop(log);
    disk.power_cut(rng.next_u64());
    let mut log = open(disk).map_err(|err| format!("second recovery: {err}"))?;
    let after = read_all(&mut log).map_err(|err| format!("after the second recovery: {err}"))?;
    // A start that was moved but not acknowledged may be the old one again: more is found then.
    ensure(after.ends_with(&before) && before.starts_with(found), || {
        let ends = |batches: &[(BatchHeader, Bytes)]| {
            let first = batches.first().map(|(header, _)| header.base_offset);
            (first, batches.last().map(|(header, _)| header.next_offset()))
        };
        format!("batches {:?} became {:?} in the second crash", ends(&before), ends(&after))
    })
}
