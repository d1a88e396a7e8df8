//! What goes through all topics of a broker together: it goes on when a topic is gone.

use std::collections::BTreeMap;

use super::counts::TopicFigures;
use crate::ids::TopicId;

/// Sums that never go back.
#[derive(Debug, Default)]
pub struct Totals {
    topics: BTreeMap<TopicId, TopicFigures>,
    gone: TopicFigures,
}

impl Totals {
    /// All that was counted so far, of these topics and of those that were there before.
    pub fn of(&mut self, topics: &[(TopicId, TopicFigures)]) -> TopicFigures {
        let now: BTreeMap<TopicId, TopicFigures> = topics.iter().copied().collect();
        for (id, was) in &self.topics {
            if !now.contains_key(id) {
                self.gone = plus(self.gone, *was);
            }
        }
        self.topics = now;
        self.topics.values().fold(self.gone, |sum, it| plus(sum, *it))
    }
}

fn plus(a: TopicFigures, b: TopicFigures) -> TopicFigures {
    TopicFigures {
        bytes_in: a.bytes_in.saturating_add(b.bytes_in),
        records_in: a.records_in.saturating_add(b.records_in),
        bytes_out: a.bytes_out.saturating_add(b.bytes_out),
        size_bytes: a.size_bytes.saturating_add(b.size_bytes),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_went_through_a_topic_that_is_gone_still_counts() {
        let topic = |id, bytes_in| {
            (TopicId(Uuid::from_u128(id)), TopicFigures { bytes_in, ..TopicFigures::default() })
        };
        let mut totals = Totals::default();
        assert_eq!(totals.of(&[topic(1, 5), topic(2, 7)]).bytes_in, 12);
        assert_eq!(totals.of(&[topic(2, 8)]).bytes_in, 13);
        assert_eq!(totals.of(&[topic(2, 8)]).bytes_in, 13);
    }
}
