//! What members of both protocols do with their shares: read on, and remember how far they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Club;
use crate::clients::Ground;
use crate::clients::consumer::{Reader, fetch, take};
use crate::groups::{Belief, Identity};
use crate::history::Slot;

/// How long one round of reading may take: members have to show that they live.
const ROUND_MAX: Duration = Duration::from_millis(600);

/// A process's share, and how far it is.
#[derive(Default)]
pub(super) struct Share {
    readers: BTreeMap<Slot, Reader>,
}

impl Share {
    /// Takes up partitions where the group is.
    pub(super) fn begin(
        &mut self,
        (ground, club): (&Ground, Club),
        slots: impl IntoIterator<Item = Slot>,
        offsets: &BTreeMap<Slot, i64>,
    ) {
        let mut history = ground.history.borrow_mut();
        for slot in slots {
            let at = offsets.get(&slot).copied().unwrap_or(0);
            ground.book.borrow_mut().begins(club.name(), slot, at, &mut history);
            self.readers.insert(slot, Reader::without_wait(slot, at));
        }
    }

    pub(super) fn slots(&self) -> BTreeSet<Slot> {
        self.readers.keys().copied().collect()
    }

    pub(super) fn drop_all(&mut self, slots: &[Slot]) {
        self.readers.retain(|slot, _| !slots.contains(slot));
    }

    pub(super) fn positions(&self) -> BTreeMap<Slot, i64> {
        self.readers.iter().map(|(slot, it)| (*slot, it.next)).collect()
    }

    /// Reads each partition once.
    pub(super) async fn read(&mut self, ground: &Ground, club: Club) {
        let reads = self.readers.values_mut().map(|it| read(ground, club, it));
        let round = futures::future::join_all(reads);
        // What is not there by then is read the next time.
        drop(tokio::time::timeout(ROUND_MAX, round).await);
    }
}

async fn read(ground: &Ground, club: Club, reader: &mut Reader) {
    let from = reader.next;
    let Some((data, marks)) = fetch(ground, reader).await else { return };
    ground.book.borrow_mut().reads(club.name(), (reader.slot, from), &marks);
    take(ground, reader, &data, marks);
}

impl Ground {
    /// What a member's process believes, as others will find it when the process is no more.
    pub(super) fn believe(&self, number: u32, who: &Identity, share: &Share, is_working: bool) {
        let belief = Belief { identity: who.clone(), positions: share.positions(), is_working };
        self.book.borrow_mut().believes(number, belief);
    }
}
