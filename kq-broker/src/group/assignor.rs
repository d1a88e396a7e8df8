//! How a group's partitions are dealt out to its members: pure, and in the order of ids only, so that
//! every broker comes to the same target.
//!
//! What every assignor promises: each partition of a topic that somebody subscribes to is dealt to
//! exactly one subscriber; dealing again moves nothing; who comes or goes moves little else.

#[cfg(test)]
mod props_test;
mod rack;
mod range;
mod uniform;
mod uniform_mixed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::partitions::PartitionSet;
use super::{InstanceId, MemberId};
use crate::ids::{PartitionId, PartitionIndex, TopicId};

/// An assignor of the coordinator (KIP-848).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignor {
    /// Everybody gets as many partitions as anybody else, and keeps those that it had.
    Uniform,
    /// Runs of neighbouring partitions; the same runs of topics that have as many partitions.
    Range,
}

/// What is to be dealt out, and to whom.
#[derive(Debug, Clone)]
pub struct Spec<'a> {
    /// The members.
    pub members: BTreeMap<&'a MemberId, Wish<'a>>,
    /// The topics that they subscribe to.
    pub topics: &'a BTreeMap<TopicId, Shape>,
}

/// What a member wants.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// Set for static members: their order does not change with restarts.
    pub instance: Option<&'a InstanceId>,
    /// Where it runs.
    pub rack: Option<&'a str>,
    /// Its topics; all of them are in the spec.
    pub topics: BTreeSet<TopicId>,
    /// Its share in the last target.
    pub now: &'a PartitionSet,
}

/// A topic as assignors see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// How many partitions it has.
    pub partitions: u32,
    /// The racks of each partition's replicas. Empty where no member has a rack.
    pub racks: Vec<BTreeSet<Arc<str>>>,
}

/// Each member's share.
pub(crate) type Shares<'a> = BTreeMap<&'a MemberId, PartitionSet>;

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Deals the partitions out.
    pub fn assign<'a>(self, spec: &Spec<'a>) -> Shares<'a> {
        let mut wishes = spec.members.values().map(|it| &it.topics);
        let first = wishes.next();
        let alike = wishes.all(|it| Some(it) == first);
        match self {
            Self::Range => range::assign(spec),
            Self::Uniform if alike => uniform::assign(spec),
            Self::Uniform => uniform_mixed::assign(spec),
        }
    }
}

impl Spec<'_> {
    /// The partitions of a topic.
    fn partitions(&self, topic: TopicId) -> impl Iterator<Item = PartitionId> + use<> {
        let count = self.topics.get(&topic).map_or(0, |it| it.partitions);
        (0..count).map(move |index| PartitionId { topic, index: PartitionIndex(index) })
    }

    fn exists(&self, it: PartitionId) -> bool {
        self.topics.get(&it.topic).is_some_and(|shape| it.index.0 < shape.partitions)
    }

    /// What each member had and may keep: of its topics, there, and held by nobody before it.
    fn kept(&self) -> Shares<'_> {
        let mut taken = PartitionSet::default();
        let mut keep = |wish: &Wish<'_>| -> PartitionSet {
            let mine = wish.now.iter();
            let mine = mine.filter(|it| wish.topics.contains(&it.topic) && self.exists(*it));
            mine.filter(|it| taken.insert(*it)).collect()
        };
        self.members.iter().map(|(id, wish)| (*id, keep(wish))).collect()
    }
}
