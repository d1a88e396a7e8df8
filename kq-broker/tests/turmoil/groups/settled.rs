//! G3: once the faults are over a group is stable, and its members read all of its partitions, each
//! one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, Identity};
use crate::history::Slot;

/// What a member's process believes.
#[derive(Debug, Clone)]
pub(crate) struct Belief {
    pub(crate) identity: Identity,
    /// How far it has read what it owns.
    pub(crate) positions: BTreeMap<Slot, i64>,
    /// Whether it reads, and is not about to join.
    pub(crate) is_working: bool,
}

/// A group as its coordinator describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) state: String,
    /// The members, each at its epoch or all of them in the group's generation.
    pub(crate) members: BTreeSet<String>,
}

impl Book {
    /// A member's process reads its share, or goes on.
    pub(crate) fn believes(&mut self, number: u32, belief: Belief) {
        self.pages(belief.identity.group).beliefs.insert(number, belief);
    }

    /// A member's process is to join again.
    pub(crate) fn doubts(&mut self, group: &'static str, number: u32) {
        if let Some(belief) = self.pages(group).beliefs.get_mut(&number) {
            belief.is_working = false;
        }
    }

    /// A member's process is gone, with what it believed.
    pub(crate) fn forgets(&mut self, group: &'static str, number: u32) -> Option<Belief> {
        self.pages(group).beliefs.remove(&number)
    }

    pub(crate) fn describes(&mut self, group: &'static str, described: Described) {
        self.pages(group).described = described;
    }

    /// Why a group of so many members is not settled.
    pub(crate) fn unsettled(
        &self,
        group: &'static str,
        members: usize,
        slots: &[Slot],
    ) -> Option<String> {
        let pages = self.groups.get(group)?;
        let beliefs: Vec<&Belief> = pages.beliefs.values().filter(|it| it.is_working).collect();
        if beliefs.len() != members {
            return Some(format!("{} of {members} members of {group} read", beliefs.len()));
        }
        let mut shared: Vec<Slot> =
            beliefs.iter().flat_map(|it| it.positions.keys()).copied().collect();
        shared.sort_unstable();
        let mut all = slots.to_vec();
        all.sort_unstable();
        if shared != all {
            return Some(format!("the members of {group} share {}", join(&shared)));
        }
        let Described { state, members } = &pages.described;
        if state != "Stable" {
            return Some(format!("{group} is {state:?}"));
        }
        let ids: BTreeSet<String> = beliefs.iter().map(|it| it.identity.member.clone()).collect();
        (*members != ids).then(|| format!("{group} has members {members:?}, where {ids:?} read"))
    }
}

fn join(slots: &[Slot]) -> String {
    let names: Vec<String> = slots.iter().map(ToString::to_string).collect();
    names.join(", ")
}
