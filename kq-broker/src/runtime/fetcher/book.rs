//! What is fetched from one broker: which partitions, what its fetch session has been told of each,
//! and which of them have something to be told.
//!
//! ```text
//!             follow              named in a request
//!   (none) ───────────> due ───────────────────────────> standing ── answered ──> due
//!                        ^                                   │
//!                        └──── after a moment ──── paused <── refused
//! ```
//! What stands in the session stands for many requests: the leader answers it when there is news.
//! An answer counts only if it belongs to a request that came after the partition was named last.
//! Pure; time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::backoff::Backoff;
use crate::ids::PartitionId;
use crate::runtime::{FetchFrom, FetchToken, SyncRound};

/// The waits of a partition that its leader refuses. It is asked anew at once when the metadata
/// says something new of it.
const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// A partition, as the book works with it.
pub(super) trait Asks {
    /// Where it goes on; none while nothing can be asked for it. What waits for a sync joins `round`.
    fn next(&self, round: &SyncRound) -> Option<FetchFrom>;

    /// Nobody answers this request any more.
    fn call_off(&self, token: FetchToken);

    /// Whether it is to be asked again after a moment, though nothing will tell that it can go on.
    fn is_to_be_asked(&self) -> bool;
}

/// The partitions that are fetched from one broker.
#[derive(Debug)]
pub(super) struct Book<P> {
    entries: BTreeMap<PartitionId, Entry<P>>,
    /// How many stand in the session.
    standing: usize,
    /// Those that have something to be told, or may have.
    due: BTreeSet<PartitionId>,
    /// Those that stand in the session and are to leave it.
    leaving: BTreeSet<PartitionId>,
    /// Those that are paused, by the end of it.
    paused: BTreeSet<(Duration, PartitionId)>,
    /// Counts the requests.
    requests: u64,
}

#[derive(Debug)]
struct Entry<P> {
    partition: P,
    /// What the session has of it.
    told: Option<Told>,
    backoff: Backoff,
    paused_until: Option<Duration>,
    /// It is a rate that it waits for.
    is_held: bool,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    from: FetchFrom,
    /// The request that named it.
    request: u64,
}

/// What a request changes in the session.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Numbers the request.
    pub(super) request: u64,
    /// Partitions from where they are to be read.
    pub(super) named: Vec<(PartitionId, FetchFrom)>,
    /// Partitions that are not to be read any more.
    pub(super) forgotten: Vec<PartitionId>,
    /// Partitions that had nothing to ask for.
    pub(super) silent: Vec<PartitionId>,
    /// Those of them that are to be asked again after a pause.
    pub(super) to_be_asked: Vec<PartitionId>,
}

impl<P> Default for Book<P> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            standing: 0,
            due: BTreeSet::new(),
            leaving: BTreeSet::new(),
            paused: BTreeSet::new(),
            requests: 0,
        }
    }
}

impl<P: Asks> Book<P> {
    /// The partition is followed from here, as of now or as the metadata has it newly.
    pub(super) fn follow(&mut self, id: PartitionId, partition: P) {
        let before = self.entries.remove(&id);
        let told = before.as_ref().and_then(|before| before.told);
        unpause(&mut self.paused, before.and_then(|before| before.paused_until), id);
        let backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
        self.entries
            .insert(id, Entry { partition, told, backoff, paused_until: None, is_held: false });
        self.due.insert(id);
    }

    /// It is followed from here no longer.
    pub(super) fn leave(&mut self, id: PartitionId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        self.due.remove(&id);
        unpause(&mut self.paused, entry.paused_until, id);
        if let Some(told) = entry.told {
            entry.partition.call_off(told.from.token);
            self.standing -= 1;
            self.leaving.insert(id);
        }
    }

    /// There is no session any more: what stood in it has to be told again.
    pub(super) fn begin_session(&mut self) {
        self.leaving.clear();
        self.standing = 0;
        for (id, entry) in &mut self.entries {
            if let Some(told) = entry.told.take() {
                entry.partition.call_off(told.from.token);
            }
            if entry.paused_until.is_none() {
                self.due.insert(*id);
            }
        }
    }

    /// Whether nothing is followed from here.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the next request would change something.
    pub(super) fn has_changes(&self) -> bool {
        !self.due.is_empty() || !self.leaving.is_empty()
    }

    /// Whether anything stands in the session.
    pub(super) fn stands(&self) -> bool {
        self.standing > 0
    }

    /// The changes of the next request. A partition that has nothing to ask for leaves the session
    /// until it is due again.
    pub(super) fn next_request(&mut self, round: &SyncRound) -> Changes {
        self.requests += 1;
        let mut changes = Changes { request: self.requests, ..Changes::default() };
        for id in std::mem::take(&mut self.due) {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if let Some(told) = entry.told {
                // Whatever is asked for now takes its place, be it the same.
                entry.partition.call_off(told.from.token);
            }
            match (entry.partition.next(round), entry.told) {
                (Some(from), told) => {
                    let stands = told.filter(|told| told.from.asks_the_same(&from));
                    if stands.is_none() {
                        changes.named.push((id, from));
                    }
                    let request = stands.map_or(self.requests, |told| told.request);
                    self.leaving.remove(&id);
                    self.standing += usize::from(told.is_none());
                    entry.told = Some(Told { from, request });
                }
                (None, told) => {
                    changes.silent.push(id);
                    if entry.partition.is_to_be_asked() {
                        changes.to_be_asked.push(id);
                    }
                    if told.is_some() {
                        entry.told = None;
                        self.standing -= 1;
                        self.leaving.insert(id);
                    }
                }
            }
        }
        changes.forgotten = std::mem::take(&mut self.leaving).into_iter().collect();
        changes
    }

    /// The partition that an answer to this request speaks of, with the token that it answers; none
    /// if it was named again since, or is gone.
    pub(super) fn answered(&self, request: u64, id: PartitionId) -> Option<(&P, FetchToken)> {
        let entry = self.entries.get(&id)?;
        let told = entry.told.filter(|told| told.request <= request)?;
        Some((&entry.partition, told.from.token))
    }

    /// The partition can go on.
    pub(super) fn go_on(&mut self, id: PartitionId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.backoff.reset();
            self.due.insert(id);
        }
    }

    /// The partition cannot be served now: it leaves the session for a moment.
    pub(super) fn pause(&mut self, id: PartitionId, now: Duration, dice: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let until = now + entry.backoff.next(dice);
        self.pause_until(id, until);
    }

    /// The partition has used up its rate: it leaves the session until then, or until the rate is
    /// another one.
    pub(super) fn hold(&mut self, id: PartitionId, until: Duration) {
        self.pause_until(id, until);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_held = true;
        }
    }

    /// The rate has changed: nobody waits for the old one.
    pub(super) fn end_holds(&mut self) {
        for (id, entry) in self.entries.iter_mut().filter(|(_, it)| it.is_held) {
            entry.is_held = false;
            unpause(&mut self.paused, entry.paused_until.take(), *id);
            self.due.insert(*id);
        }
    }

    fn pause_until(&mut self, id: PartitionId, until: Duration) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.is_held = false;
        unpause(&mut self.paused, entry.paused_until.replace(until), id);
        self.paused.insert((until, id));
        self.due.remove(&id);
        if let Some(told) = entry.told.take() {
            entry.partition.call_off(told.from.token);
            self.standing -= 1;
            self.leaving.insert(id);
        }
    }

    /// When the next pause ends.
    pub(super) fn next_retry(&self) -> Option<Duration> {
        self.paused.first().map(|(until, _)| *until)
    }

    /// Makes those due whose pause is over.
    pub(super) fn end_pauses(&mut self, now: Duration) {
        while let Some((until, id)) = self.paused.first().copied()
            && until <= now
        {
            self.paused.remove(&(until, id));
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.paused_until = None;
                entry.is_held = false;
                self.due.insert(id);
            }
        }
    }
}

fn unpause(
    paused: &mut BTreeSet<(Duration, PartitionId)>,
    until: Option<Duration>,
    id: PartitionId,
) {
    if let Some(until) = until {
        paused.remove(&(until, id));
    }
}
