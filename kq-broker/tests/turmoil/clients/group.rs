//! Consumer groups: one of the classic protocol, one of the consumer protocol (KIP-848). Their members
//! read all partitions, commit how far they have come, and come, go, freeze and die meanwhile.

mod classic;
mod commits;
mod consumer;
mod desk;
mod embedded;
mod leads;
mod lives;
mod reading;
mod watch;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub(crate) use self::leads::Lead;
use super::{Ground, Phase, SLOTS};
use crate::history::Mark;

/// How long a member may be silent, and how long others wait for it to join again.
pub(crate) const SESSION: Duration = Duration::from_secs(3);
const SESSION_MS: i32 = 3_000;
const REBALANCE_MS: i32 = 3_000;
/// How long a member waits for an answer, and a join or sync, which wait for others.
const ANSWER_MAX: Duration = Duration::from_secs(1);
const JOIN_MAX: Duration = Duration::from_secs(5);
/// Partitions of the topic of committed offsets: groups are not all on one broker.
pub(crate) const OFFSETS_PARTITIONS: u32 = 2;

/// A group, and how its members speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Club {
    /// Members join, and one of them deals out.
    Classic,
    /// The coordinator deals out (KIP-848).
    Consumer,
}

impl Club {
    pub(crate) const ALL: [Self; 2] = [Self::Classic, Self::Consumer];

    /// The group's name. The two are in different partitions of the topic of offsets.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumers",
        }
    }

    /// How many members it has when all are there; the last one is static.
    pub(crate) const fn members(self) -> u32 {
        match self {
            Self::Classic | Self::Consumer => 3,
        }
    }

    /// The partition of the topic of offsets that it is kept in, by Java's hash of its name.
    fn partition(self) -> u32 {
        let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
        self.name().encode_utf16().fold(0, step).unsigned_abs() % OFFSETS_PARTITIONS
    }
}

/// All members of a group, and somebody who looks at it from outside, on one host.
pub(crate) async fn take_part(ground: Rc<Ground>, club: Club) -> turmoil::Result {
    ground.reach(Phase::Made).await;
    let members = (1..=club.members()).map(|number| lives::live_on(&ground, club, number));
    let watch = Box::pin(watch::watch(&ground, club));
    futures::future::join(futures::future::join_all(members), watch).await;
    Ok(())
}

impl Ground {
    /// A member comes or goes.
    fn note_change(&self, what: fmt::Arguments<'_>) {
        let mut history = self.history.borrow_mut();
        history.note(what);
        self.last_change.set(history.now);
    }

    /// When the last process of a member came or went.
    pub(crate) fn last_change(&self) -> Duration {
        self.last_change.get()
    }

    /// What groups have still to read and to commit of what was read to its end.
    pub(crate) fn unread_by_groups(&self) -> Option<String> {
        let audited = self.audited.borrow();
        let end = |log: &Vec<(i64, Mark)>| log.last().map_or(0, |(offset, _)| offset + 1);
        let ends = audited.iter().map(|(slot, log)| (*slot, end(log))).collect();
        self.book.borrow().unread(&ends)
    }

    /// Why a group is not settled.
    pub(crate) fn unsettled(&self) -> Option<String> {
        let book = self.book.borrow();
        Club::ALL.into_iter().find_map(|club| {
            let members = usize::try_from(club.members()).unwrap_or(usize::MAX);
            book.unsettled(club.name(), members, &SLOTS)
        })
    }
}
