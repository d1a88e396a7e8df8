//! Rebuilds a shard from the records of its partition, oldest first.

use bytes::Bytes;

use super::{Entry, Shard};
use crate::canary;
use crate::group::Now;
use crate::group::classic::{Group, Step};
use crate::group::kind::Kind;
use crate::group::record::{self, Change, Key, RecordError};

impl Shard {
    /// Applies one record; without a value it is a tombstone. That of a group leaves the offsets:
    /// they have tombstones of their own, and stay when a group id changes its kind.
    pub fn load(
        &mut self,
        key: &Bytes,
        value: Option<&Bytes>,
        now: Now,
    ) -> Result<(), RecordError> {
        match (record::decode_key(key)?, value) {
            (None, _) => {}
            (Some(Key::Group(id)), Some(value)) => {
                let mut group = Group::restore(id.clone(), record::decode_group(value)?, now);
                // Nobody waits for an answer yet.
                let out = &mut Vec::new();
                group.shrink(&mut Step { now, config: &self.config, out, store: None });
                self.entry(&id, now).kind = Kind::Classic(Box::new(group));
            }
            (Some(Key::Group(id)), None) => {
                if canary::is("tombstone_takes_offsets") {
                    self.groups.remove(&id);
                } else if let Some(entry) = self.groups.get_mut(&id)
                    && matches!(entry.kind, Kind::Classic(_))
                {
                    entry.kind = Kind::fresh(id, now);
                }
            }
            (Some(Key::Consumer(id, key)), value) => {
                let change = Change::from_record(key, value)?;
                self.load_consumer(&id, &change, value.is_none(), now);
            }
            (Some(Key::Undo(id, plan, part)), Some(value)) => {
                let undo = record::decode_undo(id, plan, value)?;
                self.undos.add(part, undo, value.len());
            }
            (Some(Key::Undo(id, plan, _)), None) => self.undos.remove(&id, &plan),
            (Some(Key::Offset(id, partition)), Some(value)) => {
                let offset = record::decode_offset(value)?;
                let entry = self.entry(&id, now);
                if !canary::is("fresh_start_at_end") {
                    entry.offsets.set(partition, offset);
                }
            }
            (Some(Key::Offset(id, partition)), None) => {
                if let Some(entry) = self.groups.get_mut(&id) {
                    entry.offsets.remove_all([&partition]);
                }
            }
        }
        Ok(())
    }

    /// Calls those whom nobody has dealt what they share, and drops what the records left without
    /// members, history and offsets.
    pub fn finish_loading(&mut self, now: Now) {
        self.finish_loading_consumers(now);
        let ids: Vec<_> = self.groups.keys().cloned().collect();
        for id in ids {
            if !canary::is("undealt_taken_for_dealt") {
                // Nobody waits for an answer yet.
                self.with_group(&id, now, &mut Vec::new(), Group::call_who_has_no_leader);
            }
            self.drop_if_deserted(&id);
            let deadline = self.groups.get(&id).and_then(Entry::deadline);
            self.deadlines.arm(&id, deadline);
        }
    }
}
