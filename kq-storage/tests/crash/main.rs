//! The crash suite: recorded workloads on the simulated disk, cut at every step.
//!
//! Each workload runs once per history seed and notes what it may rely on. Every recorded step is
//! then cut several times, with different survivors, and what is found after recovery is held
//! against the notes. 10,000 crash points in all; 100,000 with `KQ_NIGHTLY=1`, any number with
//! `KQ_CRASH_POINTS`. `KQ_CRASH_FROM` names the history to begin with: that of a failure, say.

#[cfg(test)]
mod atomic;
#[cfg(test)]
mod compaction;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod log;
#[cfg(test)]
mod pooled;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod rot;

use harness::crash_everywhere;

#[test]
fn journal_keeps_all_that_was_synced() {
    crash_everywhere(&journal::Entries, 20);
}

#[test]
fn atomic_file_is_old_or_new_but_whole() {
    crash_everywhere(&atomic::Replaced, 5);
}

#[test]
fn pooled_files_keep_all_that_was_synced() {
    crash_everywhere(&pooled::Appended, 10);
}

#[test]
fn log_keeps_all_that_was_synced() {
    crash_everywhere(&log::Batches, 40);
}

#[test]
fn compaction_loses_and_brings_back_nothing() {
    crash_everywhere(&compaction::Compacted, 10);
}

#[test]
fn rot_below_the_noted_end_is_never_cut() {
    crash_everywhere(&rot::Rotten, 10);
}

#[test]
fn removed_log_never_comes_back() {
    crash_everywhere(&removal::Removed, 5);
}
