//! Rebuilds a shard from the records of its partition, oldest first.

use bytes::Bytes;

use super::{Entry, Group, Now, Shard};
use crate::group::record::{self, Key, RecordError};

impl Shard {
    /// Applies one record; without a value it is a tombstone.
    pub fn load(
        &mut self,
        key: &Bytes,
        value: Option<&Bytes>,
        now: Now,
    ) -> Result<(), RecordError> {
        match (record::decode_key(key)?, value) {
            (None, _) => {}
            (Some(Key::Group(id)), Some(value)) => {
                let group = Group::restore(id.clone(), record::decode_group(value)?, now);
                match self.groups.get_mut(&id) {
                    Some(entry) => entry.group = group,
                    None => drop(self.groups.insert(id, Entry::new(group))),
                }
            }
            (Some(Key::Group(id)), None) => drop(self.groups.remove(&id)),
            (Some(Key::Offset(id, partition)), Some(value)) => {
                let offset = record::decode_offset(value)?;
                let entry = self.groups.entry(id.clone());
                let entry = entry.or_insert_with(|| Entry::new(Group::new(id, now)));
                entry.offsets.set(partition, offset);
            }
            (Some(Key::Offset(id, partition)), None) => {
                if let Some(entry) = self.groups.get_mut(&id) {
                    entry.offsets.remove(&partition);
                }
            }
        }
        Ok(())
    }

    /// Drops what the records left without members, history and offsets.
    pub fn finish_loading(&mut self) {
        let ids: Vec<_> = self.groups.keys().cloned().collect();
        for id in ids {
            self.drop_if_deserted(&id);
        }
    }
}
