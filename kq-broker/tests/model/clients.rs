//! Producers that try until they are answered, and consumers that read up to the high watermark.

use kq_broker::ids::{BrokerId, PartitionId};
use kq_broker::replica::{Acks, Input};
use kq_storage::batch::ProducerMark;
use kq_storage::producers::Sequence;
use kq_storage::{LogStartOffset, Offset};

use crate::broker::{Role, Waiting};
use crate::event::{Event, Packet, Turn};
use crate::idempotent::Numbered;
use crate::log::Entry;
use crate::tally::Count;
use crate::world::{World, trace};

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 2;

/// How long a producer waits for an answer before it tries again.
pub(crate) const ANSWER_MAX: u64 = 1_500;

#[derive(Debug, Default)]
pub(crate) struct Clients {
    producers: Vec<Producer>,
    positions: Vec<(Option<PartitionId>, u64)>,
    values: u64,
}

#[derive(Debug, Default)]
struct Producer {
    /// What it wants written, and has no answer for.
    writing: Option<(PartitionId, u64, Acks)>,
    attempts: u64,
    /// It numbers its records.
    numbered: Option<Numbered>,
}

impl Clients {
    /// With one that has so many numbered records in flight, if that is wanted.
    pub(crate) fn new(in_flight_max: Option<u32>) -> Self {
        let mut producers: Vec<Producer> = (0..PRODUCERS).map(|_| Producer::default()).collect();
        if let Some(last) = producers.last_mut() {
            last.numbered = in_flight_max.map(Numbered::new);
        }
        Self { producers, positions: vec![(None, 0); CONSUMERS], values: 0 }
    }

    /// Whether every record that was thought of was answered, or its topic is gone.
    pub(crate) fn is_answered(&self, of: PartitionId) -> bool {
        let waits = |it: &Producer| {
            it.writing.is_some_and(|(to, ..)| to == of)
                || it.numbered.as_ref().is_some_and(|it| it.waits_for(of))
        };
        !self.producers.iter().any(waits)
    }

    pub(crate) fn numbered(&mut self, producer: usize) -> Option<&mut Numbered> {
        self.producers[producer].numbered.as_mut()
    }

    pub(crate) fn new_value(&mut self) -> u64 {
        self.values += 1;
        self.values
    }

    /// Another attempt, and its number.
    pub(crate) fn next_attempt(&mut self, producer: usize) -> u64 {
        let state = &mut self.producers[producer];
        state.attempts += 1;
        state.attempts
    }
}

impl World {
    pub(crate) fn begin_clients(&mut self) {
        for producer in 0..PRODUCERS {
            self.schedule(600, Event::Client(Turn::Produce(producer)));
        }
        for consumer in 0..CONSUMERS {
            self.schedule(700, Event::Client(Turn::Consume(consumer)));
        }
    }

    pub(crate) fn on_client(&mut self, turn: Turn) {
        match turn {
            Turn::Produce(producer) if self.clients.numbered(producer).is_some() => {
                self.produce_numbered(producer);
            }
            Turn::ProduceTimeout(producer, attempt)
                if self.clients.producers[producer].attempts != attempt => {}
            Turn::ProduceTimeout(producer, _) if self.clients.numbered(producer).is_some() => {
                self.repeat_numbered(producer);
            }
            Turn::Produce(producer) | Turn::ProduceTimeout(producer, _) => self.produce(producer),
            Turn::Consume(consumer) => self.consume(consumer),
        }
    }

    /// Writes the next record, or the same again.
    fn produce(&mut self, producer: usize) {
        let Some(partition) = self.partition() else {
            self.schedule(300, Event::Client(Turn::Produce(producer)));
            return;
        };
        let writing = self.clients.producers[producer].writing;
        let (value, acks) = match writing.filter(|(to, ..)| *to == partition) {
            Some((_, value, acks)) => (value, acks),
            None if !self.stormy => return,
            None => {
                let all = self.rng.percent(self.weather.acks_all_percent);
                (self.clients.new_value(), if all { Acks::All } else { Acks::Leader })
            }
        };
        let state = &mut self.clients.producers[producer];
        state.writing = Some((partition, value, acks));
        let attempt = self.clients.next_attempt(producer);
        if let Some(to) = self.believed_leader(partition) {
            let produce = Packet::Produce { producer, partition, value, acks, mark: None };
            self.send_from_client(to, produce);
        }
        self.schedule(ANSWER_MAX, Event::Client(Turn::ProduceTimeout(producer, attempt)));
    }

    /// The leader as some broker knows it.
    pub(crate) fn believed_leader(&mut self, of: PartitionId) -> Option<BrokerId> {
        let asked = self.rng.pick(&self.ids())?;
        let process = self.brokers.get(&asked)?.process.as_ref()?;
        process.image.partition(of)?.leader
    }

    pub(crate) fn serve_produce(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        (producer, value, acks, mark): (usize, u64, Acks, Option<ProducerMark>),
    ) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        if broker.disk_full {
            self.give_up_lead(id, of);
            return;
        }
        let Some((log, replica)) = broker.parts(of) else { return };
        let Role::Leader(leader) = &mut replica.role else { return };
        if leader.verify_append(acks).is_err() {
            return;
        }
        let offset = log.end();
        let entry = Entry { epoch: leader.epoch(), value, topic: of.topic, mark };
        match log.check(&entry) {
            Ok(Sequence::Next) => {}
            Ok(Sequence::Duplicate(known)) => {
                let offset = known.base_offset.0;
                replica.waiting.push(Waiting { producer, value, offset });
                trace!(self, "{id} has {value} at {offset} already");
                self.checks.tally.one(Count::Repeated);
                self.answer_waiting(id, of);
                return;
            }
            Err(err) => {
                trace!(self, "{id} refuses {value}: {err}");
                self.checks.tally.one(Count::OutOfOrder);
                return;
            }
        }
        log.append(entry);
        let log_end = log.end_offset();
        let waits = acks == Acks::All;
        if waits {
            replica.waiting.push(Waiting { producer, value, offset });
        }
        trace!(self, "{id} appends {value} at {offset} in epoch {} ({acks:?})", entry.epoch);
        self.check_appended(of, offset, entry);
        self.step_leader(id, of, Input::Appended { log_end });
        self.request_sync(id, of);
        if !waits {
            self.check_acked_by_leader(of, (offset, entry));
            self.answer(producer, value);
        }
    }

    /// Answers the producers whose records are committed.
    pub(crate) fn answer_waiting(&mut self, id: BrokerId, of: PartitionId) {
        let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        let Role::Leader(leader) = &replica.role else { return };
        let (until, enough) = (leader.high_watermark().offset().0, leader.verify_isr().is_ok());
        let (done, rest) = replica.waiting.iter().copied().partition(|it| it.offset < until);
        replica.waiting = rest;
        let done: Vec<Waiting> = done;
        for it in done.into_iter().filter(|_| enough) {
            trace!(self, "{id} acknowledges {} at {}", it.value, it.offset);
            self.check_acked(of, (it.offset, it.value));
            self.check_held_by_enough(id, of, it.offset);
            self.answer(it.producer, it.value);
        }
    }

    fn answer(&mut self, producer: usize, value: u64) {
        if let Some(numbered) = self.clients.numbered(producer) {
            numbered.take_answer(value);
            return;
        }
        let state = &mut self.clients.producers[producer];
        if state.writing.is_some_and(|(_, writing, _)| writing == value) {
            state.writing = None;
            state.attempts += 1;
            let think = self.rng.within(1, 2 * self.weather.think);
            self.schedule(think, Event::Client(Turn::Produce(producer)));
        }
    }

    fn consume(&mut self, consumer: usize) {
        let pause = self.rng.within(50, 400);
        self.schedule(pause, Event::Client(Turn::Consume(consumer)));
        let Some(partition) = self.partition() else { return };
        let position = &mut self.clients.positions[consumer];
        if position.0 != Some(partition) {
            *position = (Some(partition), 0);
        }
        let from = position.1;
        if let Some(to) = self.believed_leader(partition) {
            self.send_from_client(to, Packet::Consume { consumer, partition, from });
        }
    }

    pub(crate) fn serve_consume(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        (consumer, from): (usize, u64),
    ) {
        let Some((log, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        let Role::Leader(leader) = &replica.role else { return };
        let from = from.max(log.start());
        let until = leader.high_watermark().offset().0.min(from + 8);
        let read: Vec<(u64, Option<Entry>)> =
            (from..until).map(|offset| (offset, log.get(offset).copied())).collect();
        for (offset, entry) in read {
            self.check_read(id, of, (offset, entry));
        }
        let position = &mut self.clients.positions[consumer];
        if position.0 == Some(of) {
            position.1 = position.1.max(until);
        }
    }

    /// Drops some of what is committed, as an operator asks.
    pub(crate) fn serve_delete_records(&mut self, id: BrokerId, of: PartitionId) {
        let Some((log, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        let Role::Leader(leader) = &replica.role else { return };
        let (low, high) = (log.start(), leader.high_watermark().offset().0);
        if low < high {
            let to = self.rng.within(low + 1, high);
            log.raise_start(to);
            trace!(self, "{id} drops all records below {to}");
            let log_start = LogStartOffset(Offset(to));
            self.step_leader(id, of, Input::LogStartMoved { log_start });
        }
    }
}
