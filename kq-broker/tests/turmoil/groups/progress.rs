//! G4: nothing that was acknowledged is skipped by a group that commits only what it has read.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::Slot;

/// How far a group has read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Everything before was read.
    ends: BTreeMap<Slot, i64>,
    read: BTreeMap<Slot, BTreeSet<i64>>,
}

impl Progress {
    /// An owner begins where nothing before is unread.
    pub(super) fn begin(&self, slot: Slot, at: i64) -> Result<(), String> {
        let end = self.ends.get(&slot).copied().unwrap_or(0);
        if at <= end { Ok(()) } else { Err(format!("begins at {at}, and read up to {end}")) }
    }

    /// Records were read, from an offset on.
    pub(super) fn read(&mut self, slot: Slot, from: i64, offsets: impl Iterator<Item = i64>) {
        let read = self.read.entry(slot).or_default();
        let end = self.ends.entry(slot).or_default();
        for offset in offsets {
            read.insert(offset);
            if from <= *end {
                *end = (offset + 1).max(*end);
            }
        }
    }

    /// The first of these that was never read.
    pub(super) fn missing(
        &self,
        slot: Slot,
        mut offsets: impl Iterator<Item = i64>,
    ) -> Option<i64> {
        let read = self.read.get(&slot);
        offsets.find(|it| !read.is_some_and(|read| read.contains(it)))
    }
}
