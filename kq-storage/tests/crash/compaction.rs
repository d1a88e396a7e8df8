//! The life of a compacted log: keyed batches and tombstones, passes that go on step by step while
//! the log is appended to, synced, cut, trimmed, started over, closed and killed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kq_storage::batch::{BatchBuilder, BatchHeader, Compression, ProducerMark};
use kq_storage::sim::{AfterFailedSync, Prng, SimDisk};
use kq_storage::vfs::{Vfs, create_dir_durable};
use kq_storage::{
    CompactedGroup, Compaction, CompactionRequest, CompactionRules, LeaderEpoch, Log, LogConfig,
    LogIdentity, Offset, OpenFiles, ProducerEpoch, ProducerId, Published, PublishedStable, Stepped,
    StorageError, SyncError, TimestampMs,
};

use crate::harness::{Recorder, Workload};

pub(crate) mod judge;

const OPERATIONS: usize = 40;
const HANDLES_MAX: usize = 2;
const KEYS: u64 = 6;
const RETENTION_MS: u64 = 1_000;
pub(crate) const NOW: TimestampMs = TimestampMs(1_800_000_000_000);

/// One record as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) key: u64,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) time: i64,
}

/// One batch as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) base: u64,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) records: Vec<Written>,
    /// As its producer sent it.
    pub(crate) sent: Bytes,
}

impl Batch {
    pub(crate) fn end(&self) -> u64 {
        self.base + self.records.len() as u64
    }
}

/// What may be found in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) is_born: bool,
    /// All below was stable and still counts.
    pub(crate) synced_end: u64,
    /// The log start is one of these.
    pub(crate) start: (u64, u64),
    pub(crate) live: Rc<Vec<Batch>>,
    /// While records are cut: those that stood before.
    pub(crate) before: Option<Rc<Vec<Batch>>>,
    /// Perhaps appended already.
    pub(crate) under_way: Option<Batch>,
    /// Offsets of records whose end is stable.
    pub(crate) gone: Rc<BTreeSet<u64>>,
}

pub(crate) struct Compacted;

pub(crate) fn dir() -> &'static Path {
    Path::new("/data/c-0")
}

pub(crate) fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 900,
        index_interval_bytes: 150,
        retention_bytes: Some(4_000),
        retention_ms: None,
        compact: true,
        compaction: CompactionRules {
            dirty_ppm_min: 0,
            delete_retention_ms: RETENTION_MS,
            ..CompactionRules::default()
        },
        ..LogConfig::default()
    }
}

pub(crate) fn open(disk: &SimDisk) -> Result<Log, StorageError> {
    let files = OpenFiles::new(Arc::new(disk.clone()), HANDLES_MAX);
    Log::open(files, dir().to_path_buf(), config(), NOW).map(|opened| opened.0)
}

fn create(disk: &SimDisk) -> Log {
    create_dir_durable(disk, Path::new("/data")).unwrap();
    let files = OpenFiles::new(Arc::new(disk.clone()), HANDLES_MAX);
    Log::create(files, PathBuf::from(dir()), LogIdentity([7; 16]), config(), NOW).unwrap()
}

pub(crate) fn request(now: TimestampMs, keys_max: u64) -> CompactionRequest {
    CompactionRequest {
        bound: Offset(u64::MAX),
        now,
        map_bytes_max: 24 * (keys_max * 10).div_ceil(9) + 24,
        seed: [3, 9],
        keeps_tombstones: false,
        is_demanded: false,
        spare_bytes: 0,
    }
}

/// A batch of a few records, as one of two producers sends it, or none.
pub(crate) fn new_batch(rng: &mut Prng, live: &[Batch]) -> (BytesMut, Vec<Written>) {
    let id = ProducerId(rng.below(3));
    let codecs = [Compression::None, Compression::None, Compression::Lz4];
    let mut builder = BatchBuilder::new(codecs[usize::try_from(rng.below(3)).unwrap()]);
    if id.0 > 0 {
        let last = live.iter().rev().find_map(|batch| {
            let mark = BatchHeader::parse(&batch.sent).unwrap().producer?;
            let count = u32::try_from(batch.records.len()).unwrap();
            (mark.id == id).then_some(mark.first_sequence? + count)
        });
        let first_sequence = Some(last.unwrap_or(0));
        builder = builder.producer(ProducerMark { id, epoch: ProducerEpoch(0), first_sequence });
    }
    let mut records = Vec::new();
    for _ in 0..=rng.below(4) {
        let time = NOW.0 - 100_000 + rng.below(50_000).cast_signed();
        let mut value = vec![0; usize::try_from(rng.below(150)).unwrap()];
        rng.fill(&mut value);
        let value = (!rng.chance(2)).then_some(value);
        let key = rng.below(KEYS);
        let bytes = key.to_be_bytes();
        builder = builder.record(TimestampMs(time), Some(&bytes), value.as_deref());
        records.push(Written { key, value, time });
    }
    (builder.build().unwrap(), records)
}

/// A pass, wherever it stands.
struct Pass {
    compaction: Compaction,
    stage: Stage,
}

enum Stage {
    Stepping,
    Written(Box<CompactedGroup>),
    Published(Box<Published>),
    Synced(Result<PublishedStable, SyncError>),
}

/// The log, and what goes on beside it.
struct Life<'a> {
    log: Option<Log>,
    pass: Option<Pass>,
    epoch: LeaderEpoch,
    now: TimestampMs,
    run: &'a mut Recorder<Model>,
}

impl Workload for Compacted {
    type Model = Model;
    const NAME: &'static str = "compaction";
    const CUTS_PER_STEP: u64 = 2;

    fn run(&self, seed: u64, run: &mut Recorder<Model>) {
        let log = create(&run.disk);
        let mut life = Life { log: Some(log), pass: None, epoch: LeaderEpoch(1), now: NOW, run };
        for _ in 0..OPERATIONS {
            life.go_on(seed);
        }
    }

    fn recover(&self, disk: &SimDisk) {
        let Ok(mut log) = open(disk) else { return };
        if let Some(work) = log.begin_sync() {
            let _ = log.finish_sync(work.run());
            log.note_synced();
        }
        let _ = judge::compact_whole(&mut log, NOW, 3);
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        judge::verify(disk, model)
    }
}

impl Life<'_> {
    fn go_on(&mut self, seed: u64) {
        match self.run.rng.below(40) {
            0..4 => self.append(),
            4..10 => self.fill(),
            10..13 => self.sync(),
            13..31 => self.compact_some(),
            31 => {
                self.run.say("checkpoint");
                held(&mut self.log).checkpoint().unwrap();
            }
            32 => self.truncate(),
            33 => self.delete_records(),
            34 => self.retain(),
            35 => self.reopen(true),
            36 => self.reopen(false),
            37 if seed % 2 == 1 => self.start_over(),
            38 if seed % 3 == 1 => self.failing_sync(),
            38 if seed % 3 == 2 => self.full_disk(),
            _ => self.epoch = LeaderEpoch(self.epoch.0 + 1),
        }
    }

    /// As much as a segment holds and a little more, stable.
    fn fill(&mut self) {
        for _ in 0..4 {
            self.append();
        }
        self.sync();
    }

    /// A few steps of a pass: what comes in between is the rest of this life.
    fn compact_some(&mut self) {
        for _ in 0..=self.run.rng.below(5) {
            self.compact();
        }
    }

    fn append(&mut self) {
        let live = Rc::clone(&self.run.model().live);
        let (sent, records) = new_batch(&mut self.run.rng, &live);
        let base = held(&mut self.log).log_end().offset().0;
        let kept = Bytes::copy_from_slice(&sent);
        let batch = Batch { base, epoch: self.epoch, records, sent: kept };
        self.run.say(format!("append {} at {base}", batch.records.len()));
        self.run.note(|model| model.under_way = Some(batch.clone()));
        let appended = held(&mut self.log).append(sent, self.epoch, NOW);
        self.run.note(|model| {
            model.under_way = None;
            if appended.is_ok() {
                Rc::make_mut(&mut model.live).push(batch);
            }
        });
    }

    fn sync(&mut self) {
        let Some(work) = held(&mut self.log).begin_sync() else { return };
        self.run.say(format!("sync up to {}", held(&mut self.log).log_end()));
        let Ok(synced) = held(&mut self.log).finish_sync(work.run()) else { return };
        self.run.note(|model| {
            model.is_born = true;
            model.synced_end = model.synced_end.max(synced.offset().0);
        });
        held(&mut self.log).note_synced();
    }

    /// The pass that is under way goes on by one step, or one begins.
    fn compact(&mut self) {
        let Some(pass) = self.pass.take() else { return self.begin_pass() };
        let Pass { mut compaction, stage } = pass;
        let stage = match stage {
            Stage::Stepping => {
                self.run.say("step of a pass");
                match compaction.step(2_500) {
                    Ok(Stepped::Going) => Stage::Stepping,
                    Ok(Stepped::Group(group)) => Stage::Written(group),
                    Ok(Stepped::Done) => {
                        self.run.say("finish the pass");
                        let _ = held(&mut self.log).finish_compaction(&compaction, self.now);
                        return;
                    }
                    Err(err) => {
                        self.run.say(format!("pass fails: {err}"));
                        let is_excused = held(&mut self.log).offline_reason().is_some()
                            || !held(&mut self.log).is_current(&compaction)
                            || err.to_string().contains("space")
                            || err.to_string().contains("free")
                            || err.to_string().contains("syncing");
                        assert!(is_excused, "{err}");
                        return;
                    }
                }
            }
            Stage::Written(group) => {
                self.run.say("publish a group");
                match held(&mut self.log).publish(*group, false) {
                    Ok(Some(published)) => Stage::Published(Box::new(published)),
                    Ok(None) | Err(_) => return,
                }
            }
            Stage::Published(published) => {
                self.run.say("sync the group's name");
                Stage::Synced(published.sync())
            }
            Stage::Synced(outcome) => {
                self.run.say("switch to the group");
                if let Ok(Some(_)) = held(&mut self.log).switch(outcome) {
                    self.note_gone();
                }
                Stage::Stepping
            }
        };
        self.pass = Some(Pass { compaction, stage });
    }

    fn begin_pass(&mut self) {
        self.now = TimestampMs(self.now.0 + 400);
        let keys_max = [100, 1, 3][usize::try_from(self.run.rng.below(3)).unwrap()];
        let Ok(begun) = held(&mut self.log).begin_compaction(request(self.now, keys_max)) else {
            return;
        };
        self.run.say(format!("begin a pass for {keys_max} keys: {}", begun.is_some()));
        self.pass = begun.map(|compaction| Pass { compaction, stage: Stage::Stepping });
    }

    /// What a reader no longer finds now must never be back.
    fn note_gone(&mut self) {
        let found = judge::read_records(held(&mut self.log)).unwrap();
        let (start, end) =
            (held(&mut self.log).log_start().offset().0, held(&mut self.log).log_end().offset().0);
        let gone = (start..end).filter(|offset| !found.contains_key(offset)).collect();
        self.run.note(|model| model.gone = Rc::new(gone));
    }

    fn truncate(&mut self) {
        let (start, end) =
            (held(&mut self.log).log_start().offset().0, held(&mut self.log).log_end().offset().0);
        let cut = end - self.run.rng.below((end - start).min(25) + 1);
        self.run.say(format!("truncate to {cut}, having {start}..{end}"));
        self.begin_cut(start);
        let end = held(&mut self.log).truncate_to(Offset(cut)).unwrap().offset().0;
        assert!(end == start || end <= cut);
        self.end_cut(end);
        self.epoch = LeaderEpoch(self.epoch.0 + 1);
    }

    /// From here on what is synced may be less, down to the start.
    fn begin_cut(&mut self, start: u64) {
        self.run.note(|model| {
            model.before = Some(Rc::clone(&model.live));
            model.synced_end = model.synced_end.min(start);
        });
    }

    fn end_cut(&mut self, end: u64) {
        let synced = held(&mut self.log).synced_end().offset().0;
        self.run.note(|model| {
            model.before = None;
            Rc::make_mut(&mut model.live).retain(|batch| batch.end() <= end);
            Rc::make_mut(&mut model.gone).retain(|offset| *offset < end);
            model.synced_end = synced;
        });
    }

    fn delete_records(&mut self) {
        let (start, end) =
            (held(&mut self.log).log_start().offset().0, held(&mut self.log).log_end().offset().0);
        let to = start + self.run.rng.below((end - start).min(10) + 1);
        self.run.say(format!("delete records before {to}"));
        self.run.note(|model| model.start.1 = model.start.1.max(to));
        held(&mut self.log).delete_records_before(Offset(to)).unwrap();
        self.run.note(|model| model.start = (to, to));
    }

    fn retain(&mut self) {
        let keep_from = held(&mut self.log).synced_end().offset();
        self.run.say(format!("apply retention, keeping from {keep_from}"));
        self.run.note(|model| model.start.1 = model.start.1.max(keep_from.0));
        held(&mut self.log).apply_retention(NOW, keep_from).unwrap();
        let start = held(&mut self.log).log_start().offset().0;
        self.run.note(|model| model.start = (start, start));
    }

    fn start_over(&mut self) {
        let (start, end) =
            (held(&mut self.log).log_start().offset().0, held(&mut self.log).log_end().offset().0);
        let at = end + self.run.rng.below(20);
        self.run.say(format!("start over at {at}, having {start}..{end}"));
        self.run.note(|model| {
            model.before = Some(std::mem::take(&mut model.live));
            model.start = (start, at);
        });
        held(&mut self.log).start_over_at(Offset(at)).unwrap();
        self.run.note(|model| {
            model.before = None;
            model.start = (at, at);
            model.synced_end = at;
        });
    }

    /// The log is closed, or its process killed; the pass is gone with it.
    fn reopen(&mut self, is_clean: bool) {
        self.run.say(if is_clean { "close and open" } else { "kill and open" });
        self.pass = None;
        let disk = self.run.disk.clone();
        let end = held(&mut self.log).log_end().offset().0;
        if is_clean {
            self.log.take().map(Log::close).unwrap().unwrap();
            self.run.note(|model| {
                model.is_born = true;
                model.synced_end = end;
            });
        } else {
            disk.kill_process();
        }
        self.log = Some(open(&disk).unwrap());
        assert_eq!(
            held(&mut self.log).log_end().offset().0,
            end,
            "a process that ended lost records"
        );
    }

    /// Some sync fails, of data, of names or of what a pass writes.
    fn failing_sync(&mut self) {
        let modes = [AfterFailedSync::Reverted, AfterFailedSync::KeptClean];
        let after = modes[usize::from(self.run.rng.chance(4))];
        let nth = self.run.disk.syncs() + 1 + self.run.rng.below(4);
        self.run.disk.fail_sync(nth, after);
        self.run.say(format!("sync {nth} fails, pages are {after:?}"));
        self.append();
        for _ in 0..12 {
            self.compact();
        }
        self.sync();
        self.pass = None;
        self.run.say("kill after a failed sync");
        self.run.disk.kill_process();
        self.log = Some(open(&self.run.disk).unwrap());
        let end = held(&mut self.log).log_end().offset().0;
        self.run.note(|model| {
            Rc::make_mut(&mut model.live).retain(|batch| batch.end() <= end);
        });
    }

    /// There is room for little more; then there is again.
    fn full_disk(&mut self) {
        self.run.say("the disk is full");
        let used = u64::MAX - self.run.disk.free_bytes(dir()).unwrap();
        self.run.disk.set_capacity(Some(used + self.run.rng.below(1_500)));
        for _ in 0..12 {
            self.compact();
        }
        self.run.disk.set_capacity(None);
    }
}

fn held(log: &mut Option<Log>) -> &mut Log {
    log.as_mut().unwrap()
}
