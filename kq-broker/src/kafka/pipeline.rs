//! What idempotent producers have on their way behind a batch that was refused.
//!
//! ```text
//!   7 8 9 ──>   7: too few replicas are in sync    8 and 9 are on their way already
//!               - a replica comes back -
//!               8: 7 is missing before it          answered as 7 was
//!   7 8 9 ──>   stored
//! ```
//! Kafka answers 8 with `OUT_OF_ORDER_SEQUENCE_NUMBER`, or stores it if its producer is new to the
//! partition, which leaves no place for 7. Told of the gap, librdkafka begins a new epoch for all its
//! partitions; what it sent to another one and was stored there, but not acknowledged, then comes
//! again under numbers that nobody knows it by, and stands there twice. So whoever sent 8 before it
//! could know of 7 is told what it was told of 7.

use std::collections::BTreeMap;

use kq_proto::kafka::ErrorCode;

use super::topic_key::TopicKey;
use crate::runtime::{ProducerEpoch, ProducerId, ProducerMark};

/// Clients have five batches of a partition on their way: so many are behind the first. One more was
/// sent by somebody who knows of the refusal.
const BEHIND_MAX: u8 = 4;

/// Partitions remembered; beyond that all are forgotten, and gaps are answered as Kafka does.
const PLACES_MAX: usize = 1024;

/// Sequence numbers go round: what is farther off than half of them is before, not behind.
const BEHIND_SPAN: u32 = 1 << 30;

/// Whose batches for which partition.
type Place = (TopicKey, i32, ProducerId);

/// A batch as it is known again when it is sent once more.
#[derive(Debug, Clone)]
pub struct Sent {
    place: Place,
    epoch: ProducerEpoch,
    first: u32,
}

impl Sent {
    /// None for a batch without sequence numbers.
    pub fn new(topic: &TopicKey, index: i32, mark: ProducerMark) -> Option<Self> {
        let (epoch, first) = (mark.epoch, mark.first_sequence?);
        Some(Self { place: (topic.clone(), index, mark.id), epoch, first })
    }

    /// Who sent it.
    pub const fn producer(&self) -> ProducerId {
        self.place.2
    }
}

/// The first batch that was refused and did not come again.
#[derive(Debug, Clone, Copy)]
struct Refused {
    epoch: ProducerEpoch,
    first: u32,
    code: ErrorCode,
    /// How many behind it may still be on their way.
    left: u8,
}

impl Refused {
    fn is_before(&self, sent: &Sent) -> bool {
        let distance = sent.first.wrapping_sub(self.first) & i32::MAX.cast_unsigned();
        self.epoch == sent.epoch && (1..BEHIND_SPAN).contains(&distance)
    }
}

/// What was refused on one connection.
#[derive(Debug, Clone, Default)]
pub struct Pipelines {
    refused: BTreeMap<Place, Refused>,
}

impl Pipelines {
    /// Whether a batch before this one was refused when this one may have been on its way.
    pub fn is_behind(&self, sent: &Sent) -> bool {
        // Almost always there is none.
        self.refused.get(&sent.place).is_some_and(|refused| refused.is_before(sent))
    }

    /// The batch is in the log; so is what was refused before it, if anything was.
    pub fn stored(&mut self, sent: &Sent) {
        let before = |it: &Refused| it.epoch == sent.epoch && it.first == sent.first;
        if self.refused.get(&sent.place).is_some_and(|it| before(it) || it.is_before(sent)) {
            self.refused.remove(&sent.place);
        }
    }

    /// The batch is not in the log, for this reason. Tells what to answer.
    pub fn refused(&mut self, sent: Sent, code: ErrorCode) -> ErrorCode {
        let ahead = self.refused.get_mut(&sent.place).filter(|it| it.is_before(&sent));
        match ahead {
            Some(ahead) if code == ErrorCode::OutOfOrderSequenceNumber => {
                let code = ahead.code;
                ahead.left = ahead.left.saturating_sub(1);
                if ahead.left == 0 {
                    self.refused.remove(&sent.place);
                }
                code
            }
            None if comes_again(code) => {
                if self.refused.len() == PLACES_MAX {
                    self.refused.clear();
                }
                let Sent { place, epoch, first } = sent;
                self.refused.insert(place, Refused { epoch, first, code, left: BEHIND_MAX });
                code
            }
            Some(_) | None => code,
        }
    }
}

/// Refusals after which clients send the same batch again, with nothing of it in the log.
const fn comes_again(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotLeaderOrFollower
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::KafkaStorageError
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: ErrorCode = ErrorCode::OutOfOrderSequenceNumber;
    const FEW: ErrorCode = ErrorCode::NotEnoughReplicas;

    fn sent(epoch: u16, first: u32) -> Sent {
        let topic = TopicKey::Name("orders".into());
        let (id, epoch) = (ProducerId(7), ProducerEpoch(epoch));
        Sent::new(&topic, 3, ProducerMark { id, epoch, first_sequence: Some(first) }).unwrap()
    }

    fn after_refusal_of(first: u32) -> Pipelines {
        let mut pipelines = Pipelines::default();
        assert_eq!(pipelines.refused(sent(0, first), FEW), FEW);
        pipelines
    }

    #[test]
    fn a_gap_is_answered_as_what_made_it() {
        let mut pipelines = after_refusal_of(5);
        assert!(pipelines.is_behind(&sent(0, 6)));
        assert_eq!(pipelines.refused(sent(0, 6), GAP), FEW);
        assert_eq!(pipelines.refused(sent(0, 9), GAP), FEW);
    }

    #[test]
    fn sequence_numbers_that_go_round_are_behind() {
        let last = i32::MAX.cast_unsigned();
        let mut pipelines = after_refusal_of(last);
        assert_eq!(pipelines.refused(sent(0, 0), GAP), FEW);
        assert!(!pipelines.is_behind(&sent(0, last - 1)));
    }

    #[test]
    fn a_gap_in_another_epoch_or_before_is_a_gap() {
        let mut pipelines = after_refusal_of(5);
        assert_eq!(pipelines.refused(sent(1, 6), GAP), GAP);
        assert_eq!(pipelines.refused(sent(0, 4), GAP), GAP);
        assert_eq!(pipelines.refused(sent(0, 5), GAP), GAP);
    }

    #[test]
    fn once_it_is_stored_nothing_is_behind_it() {
        for first in [5, 6] {
            let mut pipelines = after_refusal_of(5);
            pipelines.stored(&sent(0, 4));
            assert!(pipelines.is_behind(&sent(0, 7)));
            pipelines.stored(&sent(0, first));
            assert_eq!(pipelines.refused(sent(0, 7), GAP), GAP);
        }
    }

    #[test]
    fn who_sends_more_than_fits_behind_is_told_of_the_gap() {
        let mut pipelines = after_refusal_of(5);
        for first in 6..10 {
            assert_eq!(pipelines.refused(sent(0, first), GAP), FEW);
        }
        assert_eq!(pipelines.refused(sent(0, 10), GAP), GAP);
    }

    #[test]
    fn what_clients_do_not_send_again_leaves_a_gap() {
        let mut pipelines = Pipelines::default();
        let large = ErrorCode::MessageTooLarge;
        assert_eq!(pipelines.refused(sent(0, 5), large), large);
        assert_eq!(pipelines.refused(sent(0, 6), GAP), GAP);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut pipelines = Pipelines::default();
        for index in 0..2_000 {
            let sent = sent(0, 5);
            let place = (sent.place.0.clone(), index, sent.place.2);
            assert_eq!(pipelines.refused(Sent { place, ..sent }, FEW), FEW);
            assert!(pipelines.refused.len() <= PLACES_MAX);
        }
    }
}
