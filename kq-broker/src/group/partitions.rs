//! A set of partitions: what a member owns, is to get, or is to give back.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{PartitionId, PartitionIndex, TopicId};

/// Partitions by the ids of their topics. A topic without partitions is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionSet(BTreeMap<TopicId, BTreeSet<PartitionIndex>>);

impl PartitionSet {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Whether it has this one.
    pub fn contains(&self, partition: PartitionId) -> bool {
        self.0.get(&partition.topic).is_some_and(|it| it.contains(&partition.index))
    }

    /// Adds one; false if it was there.
    pub fn insert(&mut self, partition: PartitionId) -> bool {
        self.0.entry(partition.topic).or_default().insert(partition.index)
    }

    /// All of them, by topic id and index.
    pub fn iter(&self) -> impl Iterator<Item = PartitionId> {
        self.0.iter().flat_map(|(topic, indexes)| {
            indexes.iter().map(|index| PartitionId { topic: *topic, index: *index })
        })
    }

    /// Topic by topic.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = (TopicId, &BTreeSet<PartitionIndex>)> {
        self.0.iter().map(|(topic, indexes)| (*topic, indexes))
    }

    /// The first of a topic.
    pub fn first_of(&self, topic: TopicId) -> Option<PartitionId> {
        let index = *self.0.get(&topic)?.first()?;
        Some(PartitionId { topic, index })
    }

    /// The last of a topic.
    pub fn last_of(&self, topic: TopicId) -> Option<PartitionId> {
        let index = *self.0.get(&topic)?.last()?;
        Some(PartitionId { topic, index })
    }

    /// Whether all of them are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|(topic, mine)| other.0.get(topic).is_some_and(|it| mine.is_subset(it)))
    }

    /// Whether one of them is in `other`.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0
            .iter()
            .any(|(topic, mine)| other.0.get(topic).is_some_and(|it| !mine.is_disjoint(it)))
    }

    /// Those that `keep` lets through.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(PartitionId) -> bool) -> Self {
        self.iter().filter(|it| keep(*it)).collect()
    }

    /// Those of them that are in `other`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filter(|it| other.contains(it))
    }

    /// Those of them that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.filter(|it| !other.contains(it))
    }

    /// These and those of `other`.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        for (topic, indexes) in &other.0 {
            self.0.entry(*topic).or_default().extend(indexes);
        }
        self
    }
}

impl FromIterator<PartitionId> for PartitionSet {
    fn from_iter<I: IntoIterator<Item = PartitionId>>(partitions: I) -> Self {
        let mut set = Self::default();
        for partition in partitions {
            set.insert(partition);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn set(partitions: &[(u128, u32)]) -> PartitionSet {
        let of = |&(topic, index): &(u128, u32)| PartitionId {
            topic: TopicId(Uuid::from_u128(topic)),
            index: PartitionIndex(index),
        };
        partitions.iter().map(of).collect()
    }

    #[test]
    fn sets_of_partitions_add_and_subtract() {
        let (a, b) = (set(&[(1, 0), (1, 1), (2, 0)]), set(&[(1, 1), (3, 0)]));
        assert_eq!(a.intersection(&b), set(&[(1, 1)]));
        assert_eq!(a.difference(&b), set(&[(1, 0), (2, 0)]));
        assert_eq!(a.clone().union(&b), set(&[(1, 0), (1, 1), (2, 0), (3, 0)]));
        assert_eq!((a.len(), a.difference(&a).is_empty()), (3, true));
        assert!(a.overlaps(&b) && !a.is_subset(&b) && set(&[(2, 0)]).is_subset(&a));
        assert!(!a.overlaps(&set(&[(3, 0)])) && PartitionSet::default().is_subset(&b));
    }
}
