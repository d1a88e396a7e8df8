//! Forgets offsets whose time is up, and groups of which nothing is left.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::Shard;
use super::drop_group::By;
use crate::canary;
use crate::group::expiry::{Lapse, LapseRule};
use crate::group::{GroupId, Now, Output};

/// All groups are looked at in so many calls, so that none of them holds the shard for long.
pub const EXPIRY_CALLS: u32 = 8;

impl Shard {
    /// Looks at the next share of the groups.
    pub(super) fn on_expire_offsets(&mut self, now: Now, out: &mut Vec<Output>) {
        let now_ms = self.expiry_clock.read(now);
        self.expire_undos(now, out);
        for id in self.next_to_expire() {
            self.expire(&id, now_ms, out);
            self.drop_if_deserted(&id);
        }
    }

    fn next_to_expire(&mut self) -> Vec<GroupId> {
        let count = self.groups.len().div_ceil(EXPIRY_CALLS as usize);
        let after = self.expired_up_to.take().map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.groups.range((after, Bound::Unbounded));
        let from_the_start = self.groups.iter();
        let ids: Vec<_> =
            rest.chain(from_the_start).take(count).map(|(id, _)| id.clone()).collect();
        self.expired_up_to = ids.last().cloned();
        ids
    }

    /// What has a write in flight stays: that may be a newer offset, and a tombstone behind it would
    /// take that away.
    fn expire(&mut self, id: &GroupId, now_ms: i64, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get(id) else { return };
        let is_written = entry.last_write.is_some() && !canary::is("expiry_sees_no_flight");
        if is_written {
            return;
        }
        let rule = match entry.kind.lapse() {
            Lapse::Never => None,
            Lapse::Since(since_ms) => {
                Some(LapseRule { since_ms, retention: self.config.offsets_retention, now_ms })
            }
        };
        let named = entry.kind.subscribed();
        // Those of a topic that is gone were buried with it, unless that could not be written then.
        let is_gone =
            |topic: &str| self.image.as_ref().is_some_and(|it| it.name_holder(topic).is_none());
        let lapsed = entry.offsets.iter().filter(|(it, offset)| {
            let is_over = rule.is_some_and(|rule| rule.has_lapsed(offset));
            (is_over && !named.names(&it.topic)) || is_gone(&it.topic)
        });
        let lapsed: BTreeSet<_> = lapsed.map(|(it, _)| it.clone()).collect();
        let is_over = entry.kind.is_over() && lapsed.len() == entry.offsets.len();
        if is_over && !entry.kind.is_fresh() {
            self.drop_group(id, By::Expiry, Vec::new(), out);
        } else if !lapsed.is_empty() {
            self.bury(id, lapsed, out);
        }
    }
}
