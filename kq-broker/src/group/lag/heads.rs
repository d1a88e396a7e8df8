//! The heads of all partitions that groups read here, as their leaders told in the last rounds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Course, Head, Unread};
use crate::group::TopicPartition;
use crate::ids::TopicId;

/// Answers to where the first unread record is, by partition and the offset that was asked for.
pub type Unreads = BTreeMap<(TopicPartition, u64), Unread>;

/// Courses by topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    topics: BTreeMap<Arc<str>, TopicCourses>,
}

/// The courses of one topic, in the order of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicCourses {
    /// Which topic of this name.
    pub id: TopicId,
    courses: Vec<Course>,
}

impl Heads {
    /// Adds a topic, with what is known of it from `before`. A topic that was made anew begins anew.
    pub fn add_topic(&mut self, name: &Arc<str>, id: TopicId, partitions: usize, before: &Self) {
        let known = before.topics.get(name).filter(|it| it.id == id);
        let mut courses = known.map(|it| it.courses.clone()).unwrap_or_default();
        courses.resize(partitions, Course::default());
        self.topics.insert(Arc::clone(name), TopicCourses { id, courses });
    }

    /// The courses of a topic, to be told of this round.
    pub fn topic_mut(&mut self, name: &str) -> Option<&mut TopicCourses> {
        self.topics.get_mut(name)
    }

    /// The id of a topic; none if it is not among them.
    pub fn topic_id(&self, name: &str) -> Option<TopicId> {
        self.topics.get(name).map(|it| it.id)
    }

    /// The course of one partition.
    pub fn course(&self, of: &TopicPartition) -> Option<&Course> {
        let topic = self.topics.get(&of.topic)?;
        topic.courses.get(usize::try_from(of.partition).ok()?)
    }
}

impl TopicCourses {
    /// What became of each partition this round: a head, nobody leads, or no answer.
    pub fn tell(&mut self, index: usize, told: Told) {
        let Some(course) = self.courses.get_mut(index) else { return };
        match told {
            Told::Head(head) => course.hear(head),
            Told::NoLeader => course.lose_leader(),
            Told::Nothing => course.miss(),
        }
    }

    /// A head that was asked for between two rounds: the round before stays what it was.
    pub fn refresh(&mut self, index: usize, head: Head) {
        if let Some(course) = self.courses.get_mut(index) {
            course.refresh(head);
        }
    }

    /// A leader that was asked between two rounds did not answer.
    pub fn silence(&mut self, index: usize) {
        if let Some(course) = self.courses.get_mut(index) {
            course.silence();
        }
    }
}

/// What was told of one partition in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Its leader told its head.
    Head(Head),
    /// Nobody leads it.
    NoLeader,
    /// The leader's broker did not answer.
    Nothing,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::group::lag::Standing;

    #[test]
    fn a_topic_keeps_its_courses_until_it_is_made_anew() {
        let name: Arc<str> = Arc::from("t");
        let (old, new) = (TopicId(uuid::Uuid::from_u128(1)), TopicId(uuid::Uuid::from_u128(2)));
        let head = Head { at: Duration::from_secs(1), start: 0, last_stable: 9, end: 9, epoch: 1 };
        let first = TopicPartition { topic: Arc::clone(&name), partition: 0 };
        let mut heads = Heads::default();
        heads.add_topic(&name, old, 1, &Heads::default());
        heads.topic_mut("t").unwrap().tell(0, Told::Head(head));
        let mut next = Heads::default();
        next.add_topic(&name, old, 2, &heads);
        assert_eq!(next.course(&first).unwrap().standing(), Standing::Known(head));
        let second = TopicPartition { topic: Arc::clone(&name), partition: 1 };
        assert_eq!(next.course(&second).unwrap().standing(), Standing::Silent(None));
        let mut anew = Heads::default();
        anew.add_topic(&name, new, 1, &next);
        assert_eq!(anew.course(&first).unwrap().standing(), Standing::Silent(None));
        assert_eq!((anew.topic_id("t"), anew.course(&second)), (Some(new), None));
    }
}
