//! Records a workload once, cuts the power at each of its steps, and judges what is left.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kq_storage::sim::{Prng, SimDisk};

/// A script of changes to a disk, and what it may rely on after a crash.
pub(crate) trait Workload {
    /// What must and what may be found. Cloned at each note.
    type Model: Clone + Default;

    /// Its name in messages.
    const NAME: &'static str;

    /// How often each step is cut, with different survivors.
    const CUTS_PER_STEP: u64 = 4;

    /// Only processes die, and the page cache lives on; how it goes on is the workload's to vary.
    const KILLS_ONLY: bool = false;

    /// Runs the script of that seed to its end.
    fn run(&self, seed: u64, run: &mut Recorder<Self::Model>);

    /// Starts recovery and gives up on the first error: it may be cut as well.
    fn recover(&self, disk: &SimDisk);

    /// Recovers and compares with the notes.
    fn verify(&self, disk: &SimDisk, model: &Self::Model) -> Result<(), String>;
}

/// The disk of a run and the notes taken on the way.
pub(crate) struct Recorder<M> {
    pub(crate) disk: SimDisk,
    pub(crate) rng: Prng,
    model: M,
    notes: Vec<(u64, M)>,
    said: Vec<(u64, String)>,
}

impl<M: Clone> Recorder<M> {
    /// From here on the changed model holds, until the next note.
    pub(crate) fn note(&mut self, change: impl FnOnce(&mut M)) {
        change(&mut self.model);
        self.notes.push((self.disk.step(), self.model.clone()));
    }

    /// Names the operation that comes now, for the message of a failure.
    pub(crate) fn say(&mut self, operation: impl Into<String>) {
        self.said.push((self.disk.step(), operation.into()));
    }

    /// The operations that led to `step`, the last few of them.
    fn story(&self, step: u64) -> String {
        let told = self.said.iter().take_while(|(at, _)| *at < step);
        let lines: Vec<String> = told.map(|(at, said)| format!("  after {at}: {said}")).collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    pub(crate) fn model(&self) -> &M {
        &self.model
    }

    /// The notes that held while `step` was being made.
    fn model_at(&self, step: u64) -> Option<&M> {
        let after = self.notes.partition_point(|(noted_at, _)| *noted_at < step);
        self.notes.get(after.checked_sub(1)?).map(|(_, model)| model)
    }
}

/// One way to crash: everything that follows from it is determined.
#[derive(Debug, Clone, Copy)]
struct Point {
    history: u64,
    step: u64,
    cut: u64,
}

impl Point {
    fn seed(self) -> u64 {
        let mut mixed = Prng::new(self.history ^ (self.step << 20) ^ (self.cut << 50));
        mixed.next_u64()
    }
}

/// Runs histories until this workload's share of the crash points is used up.
pub(crate) fn crash_everywhere<W: Workload>(workload: &W, percent: usize) {
    let mut points_left = (points_in_all() * percent / 100).max(1);
    for history in variable("KQ_CRASH_FROM").unwrap_or(0).. {
        let (recorder, snapshots) = record(workload, history);
        for snapshot in snapshots {
            let Some(model) = recorder.model_at(snapshot.step()) else { continue };
            for cut in 0..if W::KILLS_ONLY { 1 } else { W::CUTS_PER_STEP } {
                let point = Point { history, step: snapshot.step(), cut };
                if let Err(fault) = crash_at(workload, &snapshot, model, point) {
                    let story = recorder.story(point.step);
                    panic!("{} {point:?}: {fault}\n{story}", W::NAME);
                }
                points_left -= 1;
                if points_left == 0 {
                    return;
                }
            }
        }
    }
}

/// How many crash points there are in all: `KQ_CRASH_POINTS`, or by `KQ_NIGHTLY`.
fn points_in_all() -> usize {
    let is_nightly = std::env::var("KQ_NIGHTLY").is_ok_and(|value| value == "1");
    variable("KQ_CRASH_POINTS").unwrap_or(if is_nightly { 100_000 } else { 10_000 })
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn record<W: Workload>(workload: &W, history: u64) -> (Recorder<W::Model>, Vec<SimDisk>) {
    let disk = SimDisk::new(history);
    disk.set_short_io(history % 2 == 1);
    disk.start_recording();
    let mut recorder = Recorder {
        disk,
        rng: Prng::new(history),
        model: W::Model::default(),
        notes: Vec::new(),
        said: Vec::new(),
    };
    recorder.note(|_| {});
    let ran = catch_unwind(AssertUnwindSafe(|| workload.run(history, &mut recorder)));
    assert!(ran.is_ok(), "{} {history} panicked\n{}", W::NAME, recorder.story(u64::MAX));
    let mut snapshots = recorder.disk.take_recording();
    // The end counts as a step that was never begun.
    let end = recorder.disk.fork();
    end.plant(std::path::Path::new("/end"), b"").unwrap();
    snapshots.push(end);
    (recorder, snapshots)
}

fn crash_at<W: Workload>(
    workload: &W,
    snapshot: &SimDisk,
    model: &W::Model,
    point: Point,
) -> Result<(), String> {
    let disk = snapshot.fork();
    let mut rng = Prng::new(point.seed());
    // Once in a while only the process dies, and the page cache lives on.
    let how = if W::KILLS_ONLY || rng.chance(1) { "killed" } else { "cut" };
    if how == "killed" {
        disk.kill_process();
    } else {
        disk.power_cut(rng.next_u64());
    }
    let is_cut_again = !W::KILLS_ONLY && rng.chance(2);
    let judged = catch_unwind(AssertUnwindSafe(|| {
        if is_cut_again {
            disk.crash_at(disk.step() + 1 + rng.below(8));
            workload.recover(&disk);
            disk.power_cut(rng.next_u64());
        }
        disk.set_capacity(None);
        workload.verify(&disk, model)
    }));
    let fault = match judged {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(fault)) => fault,
        Err(_) => "panicked".to_owned(),
    };
    let again = if is_cut_again { ", cut again while it recovered" } else { "" };
    Err(format!("{fault}\n  {how}{again}, after:"))
}

/// `Err` with the message unless the condition holds.
pub(crate) fn ensure(holds: bool, fault: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault()) }
}
