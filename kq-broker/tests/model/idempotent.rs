//! Producers that number what they send (KIP-98): several records in flight, each sent again until
//! it is answered, each to be written once and in order.
//!
//! The brokers of the model ask the real [`Producers`](kq_storage::producers::Producers) of each log.
//! How a log on disk keeps that state through a restart is not modelled: it is rebuilt out of the
//! records.

use std::collections::VecDeque;

use kq_broker::ids::PartitionId;
use kq_broker::replica::Acks;
use kq_storage::batch::ProducerMark;
use kq_storage::{ProducerEpoch, ProducerId};

use crate::clients::ANSWER_MAX;
use crate::event::{Event, Packet, Turn};
use crate::log::Entry;
use crate::tally::Count;
use crate::world::World;

/// One producer's numbers, and what is in flight.
#[derive(Debug, Default)]
pub(crate) struct Numbered {
    partition: Option<PartitionId>,
    epoch: u16,
    next: u32,
    /// With their sequence numbers, oldest first.
    unanswered: VecDeque<(u32, u64)>,
    in_flight_max: u32,
    /// Something of it is committed, so every leader to come knows it. Until then a leader takes
    /// whatever comes first for the beginning, as in Kafka, and so it sends one record at a time.
    is_known: bool,
}

impl Numbered {
    pub(crate) fn new(in_flight_max: u32) -> Self {
        Self { in_flight_max, ..Self::default() }
    }

    pub(crate) fn waits_for(&self, of: PartitionId) -> bool {
        self.partition == Some(of) && !self.unanswered.is_empty()
    }

    pub(crate) fn take_answer(&mut self, value: u64) {
        let before = self.unanswered.len();
        self.unanswered.retain(|it| it.1 != value);
        self.is_known |= self.unanswered.len() < before;
    }

    /// A topic made anew knows nobody.
    fn write_to(&mut self, partition: PartitionId) {
        if self.partition != Some(partition) {
            let epoch = self.epoch;
            *self = Self { partition: Some(partition), epoch, ..Self::new(self.in_flight_max) };
        }
    }

    /// Nobody runs further ahead of what is not answered than a log remembers batches.
    fn has_room(&self) -> bool {
        let ahead = self.unanswered.front().map_or(0, |(oldest, _)| self.next - oldest);
        ahead < if self.is_known { self.in_flight_max } else { 1 }
    }

    fn number(&mut self, value: u64) -> u32 {
        let sequence = self.next;
        self.unanswered.push_back((sequence, value));
        self.next += 1;
        sequence
    }

    /// Begins to count anew, with all answered.
    fn begin_again(&mut self) {
        self.epoch += 1;
        self.next = 0;
    }
}

impl World {
    /// Sends the next record, if there is room for one more in flight.
    pub(crate) fn produce_numbered(&mut self, producer: usize) {
        if !self.stormy {
            return;
        }
        let think = self.rng.within(1, 2 * self.weather.think);
        self.schedule(think, Event::Client(Turn::Produce(producer)));
        let Some(partition) = self.partition() else { return };
        let begins_again = self.rng.percent(3);
        let Some(state) = self.clients.numbered(producer) else { return };
        state.write_to(partition);
        if !state.has_room() {
            return;
        }
        if begins_again && state.is_known && state.unanswered.is_empty() {
            state.begin_again();
        }
        let value = self.clients.new_value();
        let Some(state) = self.clients.numbered(producer) else { return };
        let sequence = state.number(value);
        self.send_numbered(producer, partition, (sequence, value));
        self.await_answers(producer);
    }

    /// Sends all again that nobody has answered.
    pub(crate) fn repeat_numbered(&mut self, producer: usize) {
        let Some(state) = self.clients.numbered(producer) else { return };
        let Some(partition) = state.partition else { return };
        let again: Vec<(u32, u64)> = state.unanswered.iter().copied().collect();
        if self.partition() != Some(partition) || again.is_empty() {
            return;
        }
        for record in again {
            self.send_numbered(producer, partition, record);
        }
        self.await_answers(producer);
    }

    fn await_answers(&mut self, producer: usize) {
        let attempt = self.clients.next_attempt(producer);
        self.schedule(ANSWER_MAX, Event::Client(Turn::ProduceTimeout(producer, attempt)));
    }

    fn send_numbered(&mut self, producer: usize, partition: PartitionId, record: (u32, u64)) {
        let (sequence, value) = record;
        let Some(state) = self.clients.numbered(producer) else { return };
        let mark = ProducerMark {
            id: ProducerId(producer as u64),
            epoch: ProducerEpoch(state.epoch),
            first_sequence: Some(sequence),
        };
        let (mark, acks) = (Some(mark), Acks::All);
        if let Some(to) = self.believed_leader(partition) {
            self.send_from_client(to, Packet::Produce { producer, partition, value, acks, mark });
        }
    }

    /// T1: once, in order, and without a gap.
    pub(crate) fn check_sequence(&mut self, of: PartitionId, offset: u64, entry: Entry) {
        let Some(ProducerMark { id, epoch, first_sequence: Some(now) }) = entry.mark else {
            return;
        };
        self.checks.tally.one(Count::Numbered);
        let known = self.checks.sequences.entry(of).or_default();
        let last = known.insert(id, (epoch, now));
        let follows = match last {
            None => now == 0,
            Some((last_epoch, last)) if last_epoch == epoch => now == last + 1,
            Some((last_epoch, _)) => last_epoch < epoch && now == 0,
        };
        if !follows {
            let what =
                format!("{now} of epoch {epoch} at {offset}, after {last:?} of producer {id}");
            self.fail("OnceAndInOrder", what);
        }
    }
}
