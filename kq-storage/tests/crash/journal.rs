//! Appends, syncs, cuts at both ends, restarts and failing syncs on a journal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use kq_storage::sim::{AfterFailedSync, Prng, SimDisk};
use kq_storage::vfs::Vfs;
use kq_storage::{Journal, JournalError, JournalOptions};

use crate::harness::{Recorder, Workload, ensure};

const OPERATIONS: usize = 40;

type Content = BTreeMap<u64, Bytes>;

/// What may be found in the journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// All entries below this index must be there, from the first on.
    synced_until: u64,
    /// The oldest entry is one of these.
    first: (u64, u64),
    /// What was appended: a prefix of it must be found,
    live: Rc<Content>,
    /// or, while a truncation is under way, of this.
    before: Option<Rc<Content>>,
    /// A fresh start at this index is under way, or done.
    afresh: Option<u64>,
}

pub(crate) struct Entries;

fn open(disk: &SimDisk, seed: u64) -> Result<Journal, JournalError> {
    let options = JournalOptions {
        segment_bytes: 2_048,
        entry_bytes_max: 4_096,
        allocate_bytes: if seed.is_multiple_of(3) { 1_024 } else { 0 },
        reserve_bytes: if seed.is_multiple_of(6) { 3_000 } else { 0 },
    };
    Journal::open(Arc::new(disk.clone()), PathBuf::from("/raft/log"), options)
        .map(|(journal, _)| journal)
}

fn new_entries(rng: &mut Prng, from: u64) -> Content {
    let count = 1 + rng.below(4);
    let entry = |index| {
        let mut bytes = vec![0; usize::try_from(rng.below(700)).unwrap()];
        rng.fill(&mut bytes);
        (index, Bytes::from(bytes))
    };
    (from..from + count).map(entry).collect()
}

fn append(journal: &mut Journal, entries: &Content) -> Result<(), JournalError> {
    let entries: Vec<(u64, &[u8])> =
        entries.iter().map(|(index, bytes)| (*index, bytes.as_ref())).collect();
    journal.append(&entries)
}

impl Workload for Entries {
    type Model = Model;
    const NAME: &'static str = "journal";

    fn run(&self, seed: u64, run: &mut Recorder<Model>) {
        let mut journal = open(&run.disk, seed).unwrap();
        for _ in 0..OPERATIONS {
            match run.rng.below(16) {
                0..7 => step_append(&mut journal, run),
                7..11 => step_sync(&mut journal, run),
                11 => step_truncate(&mut journal, run),
                12 => step_purge(&mut journal, run),
                13 => journal = step_reopen(journal, run, seed),
                14 if seed % 4 == 1 => step_start_afresh(&mut journal, run),
                15 if seed % 4 == 2 => journal = step_failing_sync(journal, run, seed),
                14 if seed % 4 == 3 => journal = step_failing_write(journal, run, seed),
                15 if seed.is_multiple_of(4) => step_full_disk(&mut journal, run),
                _ => {}
            }
        }
    }

    fn recover(&self, disk: &SimDisk) {
        let _ = open(disk, 0);
    }

    fn verify(&self, disk: &SimDisk, model: &Model) -> Result<(), String> {
        let mut journal = open(disk, 0).map_err(|err| err.to_string())?;
        let found = judge(&journal, model)?;
        // It goes on from what was found, and a second cut takes nothing of it.
        let next = journal.next_index().unwrap_or(1);
        let mut rng = Prng::new(next);
        let mut all = found;
        let more = new_entries(&mut rng, next);
        append(&mut journal, &more).map_err(|err| err.to_string())?;
        journal.sync().map_err(|err| err.to_string())?;
        all.extend(more);
        disk.power_cut(next);
        let journal = open(disk, 0).map_err(|err| format!("second recovery: {err}"))?;
        let again = content(&journal)?;
        ensure(again == all, || {
            let (had, has) = (all.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>());
            format!("entries changed between two recoveries: {had:?} became {has:?}")
        })
    }
}

fn content(journal: &Journal) -> Result<Content, String> {
    let (Some(first), Some(next)) = (journal.first_index(), journal.next_index()) else {
        return Ok(Content::new());
    };
    let entries = journal.read(first..next).map_err(|err| err.to_string())?;
    Ok(entries.into_iter().collect())
}

fn judge(journal: &Journal, model: &Model) -> Result<Content, String> {
    let found = content(journal)?;
    let (first, next) = (journal.first_index(), journal.next_index().unwrap_or(0));
    if model.afresh.is_some() && first == model.afresh && found.is_empty() {
        return Ok(found);
    }
    ensure(model.synced_until <= next, || {
        format!("synced up to {} but found only up to {next}", model.synced_until)
    })?;
    let Some(first) = first else { return Ok(found) };
    let (first_min, first_max) = model.first;
    ensure(first_min <= first && first <= first_max.max(first_min), || {
        format!("begins at {first}, which is not in {first_min}..={first_max}")
    })?;
    let is_prefix =
        |of: &Rc<Content>| found.iter().all(|(index, bytes)| of.get(index) == Some(bytes));
    ensure(is_prefix(&model.live) || model.before.as_ref().is_some_and(is_prefix), || {
        format!("entries {first}..{next} are not those that were appended")
    })?;
    Ok(found)
}

fn step_append(journal: &mut Journal, run: &mut Recorder<Model>) {
    let next = journal.next_index().unwrap_or(1);
    let entries = new_entries(&mut run.rng, next);
    run.note(|model| {
        if model.first == (0, 0) {
            model.first = (next, next);
        }
        Rc::make_mut(&mut model.live).extend(entries.clone());
    });
    append(journal, &entries).unwrap();
}

fn step_sync(journal: &mut Journal, run: &mut Recorder<Model>) {
    journal.sync().unwrap();
    note_synced(journal, run);
}

fn note_synced(journal: &Journal, run: &mut Recorder<Model>) {
    let next = journal.next_index().unwrap_or(0);
    run.note(|model| model.synced_until = model.synced_until.max(next));
}

fn step_truncate(journal: &mut Journal, run: &mut Recorder<Model>) {
    let (Some(first), Some(next)) = (journal.first_index(), journal.next_index()) else { return };
    let from = next - run.rng.below((next - first).min(8) + 1);
    if from == 0 {
        return;
    }
    run.note(|model| {
        model.before = Some(Rc::clone(&model.live));
        Rc::make_mut(&mut model.live).split_off(&from);
        model.synced_until = model.synced_until.min(from);
    });
    journal.truncate_after(from - 1).unwrap();
    run.note(|model| model.before = None);
}

fn step_purge(journal: &mut Journal, run: &mut Recorder<Model>) {
    let (Some(first), Some(next)) = (journal.first_index(), journal.next_index()) else { return };
    let before = first + run.rng.below(next - first + 1);
    run.note(|model| model.first.1 = before);
    journal.purge_before(before).unwrap();
    let first = journal.first_index().unwrap();
    run.note(|model| model.first = (first, first));
}

fn step_start_afresh(journal: &mut Journal, run: &mut Recorder<Model>) {
    let base = journal.next_index().unwrap_or(0) + 1 + run.rng.below(50);
    run.note(|model| model.afresh = Some(base));
    journal.purge_before(base).unwrap();
    run.note(|model| {
        let afresh = model.afresh;
        *model = Model { synced_until: base, first: (base, base), afresh, ..Model::default() };
    });
    let entries = new_entries(&mut run.rng, base);
    run.note(|model| model.live = Rc::new(entries.clone()));
    append(journal, &entries).unwrap();
    journal.sync().unwrap();
    run.note(|model| model.afresh = None);
    note_synced(journal, run);
}

fn step_reopen(journal: Journal, run: &mut Recorder<Model>, seed: u64) -> Journal {
    if run.rng.chance(4) {
        journal.close().unwrap();
    } else {
        drop(journal);
        run.disk.kill_process();
    }
    let journal = open(&run.disk, seed).unwrap();
    // Recovery has made stable what it found.
    note_synced(&journal, run);
    journal
}

/// There is no room for the entries: none of them is kept, and the journal goes on later.
fn step_full_disk(journal: &mut Journal, run: &mut Recorder<Model>) {
    let Some(next) = journal.next_index() else { return };
    let used = u64::MAX - run.disk.free_bytes(Path::new("/raft/log")).unwrap();
    let entries: Content = (0..8).flat_map(|nth| new_entries(&mut run.rng, next + nth)).collect();
    run.disk.set_capacity(Some(used + run.rng.below(1_500)));
    let before = Rc::clone(&run.model().live);
    run.note(|model| Rc::make_mut(&mut model.live).extend(entries.clone()));
    let is_kept = append(journal, &entries).is_ok();
    run.disk.set_capacity(None);
    if !is_kept {
        assert_eq!(journal.next_index(), Some(next), "a part of what was refused is kept");
        run.note(|model| {
            model.before = Some(std::mem::replace(&mut model.live, before));
        });
        // What was refused may be found until the journal has written over it.
        step_append(journal, run);
        step_sync(journal, run);
        run.note(|model| model.before = None);
    }
}

/// A change fails for good; then a new process starts.
fn step_failing_write(mut journal: Journal, run: &mut Recorder<Model>, seed: u64) -> Journal {
    let Some(next) = journal.next_index() else { return journal };
    run.disk.fail_step(run.disk.step() + 1 + run.rng.below(4));
    let entries = new_entries(&mut run.rng, next);
    run.note(|model| Rc::make_mut(&mut model.live).extend(entries.clone()));
    if append(&mut journal, &entries).is_ok() && journal.sync().is_ok() {
        note_synced(&journal, run);
    }
    drop(journal);
    run.disk.kill_process();
    let journal = open(&run.disk, seed).unwrap();
    let found = content(&journal).unwrap();
    run.note(|model| {
        Rc::make_mut(&mut model.live).retain(|index, _| found.contains_key(index));
    });
    note_synced(&journal, run);
    journal
}

/// A sync fails; a caller that asks again must not be told that all is well. Then a restart on the
/// same page cache.
fn step_failing_sync(mut journal: Journal, run: &mut Recorder<Model>, seed: u64) -> Journal {
    step_append(&mut journal, run);
    let modes = [AfterFailedSync::Reverted, AfterFailedSync::KeptClean];
    let after = modes[usize::from(run.rng.chance(4))];
    run.disk.fail_sync(run.disk.syncs() + 1, after);
    journal.sync().unwrap_err();
    if journal.sync().is_ok() {
        note_synced(&journal, run);
    }
    drop(journal);
    run.disk.kill_process();
    let journal = open(&run.disk, seed).unwrap();
    let found = content(&journal).unwrap();
    run.note(|model| {
        Rc::make_mut(&mut model.live).retain(|index, _| found.contains_key(index));
    });
    note_synced(&journal, run);
    assert_eq!(*run.model().live, found);
    journal
}
