//! The life of a partition log: idempotent batches, rolls, syncs, truncation, deletion, retention,
//! starting over elsewhere, clean stops, kills and failing syncs.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kq_storage::batch::{BatchBuilder, BatchHeader, Compression, ProducerMark};
use kq_storage::sim::{AfterFailedSync, Prng, SimDisk};
use kq_storage::vfs::{Vfs, create_dir_durable};
use kq_storage::{
    AppendError, LeaderEpoch, Log, LogConfig, LogIdentity, Offset, OpenFiles, ProducerEpoch,
    ProducerId, Recovered, StorageError, TimestampMs,
};

use crate::harness::{Recorder, Workload};

pub(crate) mod judge;

const OPERATIONS: usize = 30;
const HANDLES_MAX: usize = 3;
pub(crate) const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

/// One batch as it stands in the log.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) header: BatchHeader,
    /// As stored, with offset and epoch.
    pub(crate) bytes: Bytes,
    /// As the producer sent it.
    pub(crate) sent: Bytes,
    /// When each record was made.
    pub(crate) times: Vec<i64>,
}

/// What may be found in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// A sync has returned: from here on the log exists.
    pub(crate) is_born: bool,
    /// All batches below must be there.
    pub(crate) synced_end: u64,
    /// What does not verify below is never cut when only the process was killed.
    pub(crate) noted_end: u64,
    /// The log start is one of these.
    pub(crate) start: (u64, u64),
    /// Batches in order; those from the log start on must be found, up to any of them,
    pub(crate) live: Rc<Vec<Stored>>,
    /// or, while a truncation is under way, those that stood before it,
    pub(crate) before: Option<Rc<Vec<Stored>>>,
    /// and after them perhaps the one that is being appended.
    pub(crate) under_way: Option<Bytes>,
}

pub(crate) struct Batches;

pub(crate) fn dir() -> &'static Path {
    Path::new("/data/t-0")
}

pub(crate) fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 2_500,
        index_interval_bytes: 300,
        retention_bytes: Some(5_000),
        retention_ms: None,
        ..LogConfig::default()
    }
}

pub(crate) fn open_told(disk: &SimDisk) -> Result<(Log, Recovered), StorageError> {
    let files = OpenFiles::new(Arc::new(disk.clone()), HANDLES_MAX);
    Log::open(files, dir().to_path_buf(), config(), NOW)
}

pub(crate) fn open(disk: &SimDisk) -> Result<Log, StorageError> {
    Ok(open_told(disk)?.0)
}

fn create(disk: &SimDisk) -> Log {
    create_dir_durable(disk, Path::new("/data")).unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), HANDLES_MAX);
    Log::create(files, PathBuf::from(dir()), LogIdentity([7; 16]), config(), NOW).unwrap()
}

/// All batches from the log start on.
pub(crate) fn read_all(log: &mut Log) -> Result<Vec<(BatchHeader, Bytes)>, String> {
    let (from, until) = (log.log_start().offset(), log.log_end().offset());
    let mut batches = Vec::new();
    let mut next = from;
    while next < until {
        let plan = log.read(next, until, 1_500, true).map_err(|err| err.to_string())?;
        let mut bytes = Bytes::from(plan.copy_out().map_err(|err| err.to_string())?);
        if bytes.is_empty() {
            return Err(format!("a read from {next} below {until} is empty"));
        }
        next = plan.next_offset;
        while !bytes.is_empty() {
            let header = BatchHeader::parse_verified(&bytes).map_err(|err| err.to_string())?;
            let batch = bytes.split_to(header.size);
            batches.push((header, batch));
        }
    }
    Ok(batches)
}

/// A batch of a few records, as one of three producers sends it, or none.
pub(crate) fn new_batch(rng: &mut Prng, live: &[Stored]) -> (BytesMut, Vec<i64>) {
    let producer = rng.below(4);
    let id = ProducerId(producer);
    let mut builder = BatchBuilder::new(Compression::None);
    if producer > 0 {
        let last = live.iter().rev().find_map(|stored| {
            let mark = stored.header.producer.filter(|mark| mark.id == id)?;
            Some(mark.first_sequence? + stored.header.record_count)
        });
        let first_sequence = Some(last.unwrap_or(0));
        builder = builder.producer(ProducerMark { id, epoch: ProducerEpoch(0), first_sequence });
    }
    let mut times = Vec::new();
    for _ in 0..=rng.below(3) {
        let time = NOW.0 - 100_000 + rng.below(50_000).cast_signed();
        let mut value = vec![0; usize::try_from(rng.below(400)).unwrap()];
        rng.fill(&mut value);
        builder = builder.record(TimestampMs(time), None, Some(&value));
        times.push(time);
    }
    (builder.build().unwrap(), times)
}

impl Workload for Batches {
    type Model = Model;
    const NAME: &'static str = "log";

    fn run(&self, seed: u64, run: &mut Recorder<Model>) {
        let mut log = create(&run.disk);
        let mut epoch = LeaderEpoch(1);
        for _ in 0..OPERATIONS {
            match run.rng.below(25) {
                0..9 => step_append(&mut log, run, epoch),
                9..14 => step_sync(&mut log, run),
                14 | 15 => step_sync_amid_changes(&mut log, run, epoch),
                16 => {
                    epoch = LeaderEpoch(epoch.0 + 1);
                    step_truncate(&mut log, run);
                }
                17 => step_delete_records(&mut log, run),
                18 => step_retention(&mut log, run),
                19 => {
                    run.say("checkpoint");
                    log.checkpoint().unwrap();
                }
                20 => log = step_close(log, run),
                21 => log = step_kill(log, run),
                22 if seed % 3 == 1 => log = step_failing_sync(log, run, epoch),
                22 if seed % 3 == 2 => log = step_failing_write(log, run, epoch),
                24 => {
                    step_start_over(&mut log, run);
                    // What its leader still keeps may begin in any epoch.
                    epoch = LeaderEpoch(1 + u32::try_from(run.rng.below(epoch.0.into())).unwrap());
                }
                23 if seed.is_multiple_of(2) => step_full_disk(&mut log, run, epoch),
                _ => epoch = LeaderEpoch(epoch.0 + 1),
            }
        }
    }

    fn recover(&self, disk: &SimDisk) {
        if let Ok(mut log) = open(disk)
            && let Some(work) = log.begin_sync()
        {
            let _ = log.finish_sync(work.run());
            log.note_synced();
        }
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        judge::verify(disk, model)
    }
}

fn step_append(log: &mut Log, run: &mut Recorder<Model>, epoch: LeaderEpoch) {
    try_append(log, run, epoch).unwrap();
}

fn try_append(
    log: &mut Log,
    run: &mut Recorder<Model>,
    epoch: LeaderEpoch,
) -> Result<(), AppendError> {
    let live = Rc::clone(&run.model().live);
    let (sent, times) = new_batch(&mut run.rng, &live);
    let kept = Bytes::copy_from_slice(&sent);
    run.say(format!("append at {} in epoch {epoch:?}", log.log_end()));
    run.note(|model| model.under_way = Some(kept.clone()));
    let appended = log.append(sent, epoch, NOW)?;
    assert!(!appended.duplicate);
    let end = log.log_end().offset();
    let bytes = log.read(appended.base_offset, end, usize::MAX, true).unwrap().copy_out().unwrap();
    let header = BatchHeader::parse_verified(&bytes).unwrap();
    let stored = Stored { header, bytes: bytes.into(), sent: kept, times };
    run.note(|model| {
        model.under_way = None;
        Rc::make_mut(&mut model.live).push(stored);
    });
    Ok(())
}

/// Appends until there is no room; what was refused is not in the log, and it goes on later.
fn step_full_disk(log: &mut Log, run: &mut Recorder<Model>, epoch: LeaderEpoch) {
    let used = u64::MAX - run.disk.free_bytes(dir()).unwrap();
    run.disk.set_capacity(Some(used + run.rng.below(3_000)));
    run.say("fill the disk");
    let refused = (0..50).find_map(|_| try_append(log, run, epoch).err());
    let AppendError::Storage(err) = refused.unwrap() else { unreachable!("not for want of room") };
    assert!(err.is_no_space(), "{err}");
    run.disk.set_capacity(None);
    run.note(|model| model.under_way = None);
    step_append(log, run, epoch);
}

/// A change fails for good; then a new process starts.
fn step_failing_write(mut log: Log, run: &mut Recorder<Model>, epoch: LeaderEpoch) -> Log {
    let step = run.disk.step() + 1 + run.rng.below(6);
    run.disk.fail_step(step);
    run.say(format!("step {step} fails"));
    for _ in 0..3 {
        if try_append(&mut log, run, epoch).is_err() {
            run.note(|model| model.under_way = None);
        }
    }
    if let Some(work) = log.begin_sync()
        && let Ok(synced) = log.finish_sync(work.run())
    {
        note_synced(run, synced.offset());
        log.note_synced();
    }
    step_kill(log, run)
}

fn step_sync(log: &mut Log, run: &mut Recorder<Model>) {
    let Some(work) = log.begin_sync() else { return };
    run.say(format!("sync up to {}", log.log_end()));
    let synced = log.finish_sync(work.run()).unwrap();
    note_synced(run, synced.offset());
    log.note_synced();
    run.note(|model| model.noted_end = synced.offset().0);
    assert_eq!(log.recovery_point(), synced.offset(), "a sync is not noted");
}

fn note_synced(run: &mut Recorder<Model>, end: Offset) {
    run.note(|model| {
        model.is_born = true;
        model.synced_end = model.synced_end.max(end.0);
    });
}

/// What happens while a sync runs is not acknowledged by it.
fn step_sync_amid_changes(log: &mut Log, run: &mut Recorder<Model>, epoch: LeaderEpoch) {
    let Some(work) = log.begin_sync() else { return };
    run.say(format!("begin to sync up to {}", log.log_end()));
    step_change(log, run, epoch);
    run.say("carry the sync out");
    let outcome = work.run();
    step_change(log, run, epoch);
    let synced = log.finish_sync(outcome).unwrap();
    assert!(synced <= log.log_end(), "what was cut off counts as synced");
    note_synced(run, synced.offset());
    log.note_synced();
    run.note(|model| model.noted_end = log.recovery_point().0);
}

fn step_change(log: &mut Log, run: &mut Recorder<Model>, epoch: LeaderEpoch) {
    match run.rng.below(8) {
        0 => step_truncate(log, run),
        1 => step_delete_records(log, run),
        2 => step_retention(log, run),
        3 => step_start_over(log, run),
        _ => {
            step_append(log, run, epoch);
            step_append(log, run, epoch);
        }
    }
}

fn step_truncate(log: &mut Log, run: &mut Recorder<Model>) {
    let (start, end) = (log.log_start().offset().0, log.log_end().offset().0);
    let cut = end - run.rng.below((end - start).min(12) + 1);
    run.say(format!("truncate to {cut}"));
    run.note(|model| {
        model.before = Some(Rc::clone(&model.live));
        Rc::make_mut(&mut model.live).retain(|stored| stored.header.last_offset().0 < cut);
        let kept = model.live.last().map_or(0, |last| last.header.next_offset().0);
        model.synced_end = model.synced_end.min(kept);
        model.noted_end = 0;
    });
    let end = log.truncate_to(Offset(cut)).unwrap();
    assert!(end.offset().0 <= cut);
    run.note(|model| {
        model.before = None;
        model.noted_end = log.recovery_point().0;
    });
}

fn step_delete_records(log: &mut Log, run: &mut Recorder<Model>) {
    let (start, end) = (log.log_start().offset().0, log.log_end().offset().0);
    let to = start + run.rng.below((end - start).min(10) + 1);
    run.say(format!("delete records before {to}"));
    run.note(|model| model.start.1 = model.start.1.max(to));
    log.delete_records_before(Offset(to)).unwrap();
    run.note(|model| model.start = (to, to));
}

fn step_retention(log: &mut Log, run: &mut Recorder<Model>) {
    let keep_from = log.synced_end().offset();
    run.say(format!("apply retention, keeping from {keep_from}"));
    run.note(|model| model.start.1 = model.start.1.max(keep_from.0));
    log.apply_retention(NOW, keep_from).unwrap();
    let start = log.log_start().offset().0;
    run.note(|model| model.start = (start, start));
}

/// A follower whose log lies wholly below its leader's start; or an empty one, which may go on at
/// any offset.
fn step_start_over(log: &mut Log, run: &mut Recorder<Model>) {
    let (start, end) = (log.log_start().offset().0, log.log_end().offset().0);
    let from = if start == end { end - run.rng.below(end.min(20) + 1) } else { end };
    let at = from + run.rng.below(40);
    run.say(format!("start over at {at}, having {start}..{end}"));
    run.note(|model| {
        model.before = Some(std::mem::take(&mut model.live));
        model.start = (start.min(at), start.max(at));
        model.synced_end = model.synced_end.min(at);
        model.noted_end = 0;
    });
    log.start_over_at(Offset(at)).unwrap();
    assert_eq!((log.log_start().offset().0, log.log_end().offset().0), (at, at));
    run.note(|model| {
        model.before = None;
        model.start = (at, at);
        model.synced_end = at;
        model.noted_end = at;
    });
}

fn step_close(log: Log, run: &mut Recorder<Model>) -> Log {
    let end = log.log_end().offset();
    run.say("close and open");
    log.close().unwrap();
    note_synced(run, end);
    open(&run.disk).unwrap()
}

fn step_kill(log: Log, run: &mut Recorder<Model>) -> Log {
    run.say("kill and open");
    drop(log);
    run.disk.kill_process();
    let mut log = open(&run.disk).unwrap();
    let start = log.log_start().offset().0;
    let kept = run.model().live.iter().filter(|stored| stored.header.last_offset().0 >= start);
    let want: Vec<Bytes> = kept.map(|stored| stored.bytes.clone()).collect();
    let found: Vec<Bytes> =
        read_all(&mut log).unwrap().into_iter().map(|(_, bytes)| bytes).collect();
    assert!(found == want, "a killed process lost what the page cache held");
    log
}

/// A sync fails: the log goes offline, and asking again must not help. Then a new process starts on
/// the same page cache.
fn step_failing_sync(mut log: Log, run: &mut Recorder<Model>, epoch: LeaderEpoch) -> Log {
    step_append(&mut log, run, epoch);
    let modes = [AfterFailedSync::Reverted, AfterFailedSync::KeptClean];
    let after = modes[usize::from(run.rng.chance(4))];
    let nth = run.disk.syncs() + 1 + run.rng.below(2);
    run.disk.fail_sync(nth, after);
    run.say(format!("sync {nth} fails, pages are {after:?}"));
    for _ in 0..3 {
        let Some(work) = log.begin_sync() else { continue };
        if let Ok(synced) = log.finish_sync(work.run()) {
            note_synced(run, synced.offset());
        }
    }
    drop(log);
    run.disk.kill_process();
    let mut log = open(&run.disk).unwrap();
    let end = log.log_end().offset().0;
    read_all(&mut log).unwrap();
    run.note(|model| {
        Rc::make_mut(&mut model.live).retain(|stored| stored.header.last_offset().0 < end);
    });
    log
}
