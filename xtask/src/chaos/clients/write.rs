//! Idempotent producers with acks=all that never give up.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::{Shared, config, is_set, lock};
use crate::chaos::history::Stamp;
use crate::clock;

/// Records of one producer that wait for their acknowledgement at most.
const IN_FLIGHT_MAX: i32 = 1_000;

/// A producer sends one record so often.
const PACE: Duration = Duration::from_micros(2_500);

/// A producer is closed and another one made so often: producer ids are handed out meanwhile.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// Where deliveries are told.
struct Deliveries<'a> {
    shared: &'a Shared,
    producer: u32,
}

/// Of a record under way: its number, and when it was sent.
type Sent = Box<(u64, Instant)>;

impl ClientContext for Deliveries<'_> {}

impl ProducerContext for Deliveries<'_> {
    type DeliveryOpaque = Sent;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Sent) {
        let (number, at) = *sent;
        let stamp = Stamp { producer: self.producer, number };
        match result {
            Ok(message) => {
                self.shared.note_acked(message.partition(), message.offset(), (stamp, at));
            }
            Err((fault, message)) => {
                let partition = message.partition();
                self.shared.fault(&format!(
                    "T1: {stamp:?} for partition {partition} was refused: {fault}"
                ));
            }
        }
    }
}

/// Writes until told to end; fails if something is not acknowledged by the time it is given up.
pub(super) fn write(shared: &Shared, id: u32) -> Result<()> {
    let partitions = shared.target.partitions;
    let mut next = vec![0_u64; usize::try_from(partitions)?];
    let mut turn = id;
    while !is_set(&shared.writing_ends) {
        let producer = producer(shared, id)?;
        let until = clock::now() + RENEW_EVERY;
        while clock::now() < until && !is_set(&shared.writing_ends) {
            producer.poll(PACE);
            if producer.in_flight_count() < IN_FLIGHT_MAX {
                turn = turn.wrapping_add(1);
                let partition = i32::try_from(turn % u32::try_from(partitions)?)?;
                let Some(number) = next.get_mut(usize::try_from(partition)?) else { continue };
                *number += u64::from(send(shared, &producer, (partition, id, *number))?);
            }
        }
        while 0 < producer.in_flight_count() {
            producer.poll(Duration::from_millis(50));
            if is_set(&shared.given_up) {
                let left = producer.in_flight_count();
                bail!("L1: producer {id} waits for {left} acknowledgements that do not come");
            }
        }
    }
    let mut ledger = lock(&shared.ledger);
    for (sent, count) in ledger.sent.iter_mut().zip(next) {
        sent.insert(id, count);
    }
    Ok(())
}

/// Whether the producer took the record.
fn send(
    shared: &Shared,
    producer: &BaseProducer<Deliveries<'_>>,
    (partition, id, number): (i32, u32, u64),
) -> Result<bool> {
    let payload = Stamp { producer: id, number }.payload(partition);
    let sent = Box::new((number, clock::now()));
    let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(shared.target.topic, sent);
    match producer.send(record.partition(partition).payload(&payload)) {
        Ok(()) => Ok(true),
        // A topic whose metadata is unknown for a moment, or a full queue: the next try may do.
        Err((
            KafkaError::MessageProduction(
                RDKafkaErrorCode::QueueFull
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic,
            ),
            _,
        )) => Ok(false),
        Err((fault, _)) => bail!("T1: producer {id} can send no more: {fault}"),
    }
}

fn producer(shared: &Shared, id: u32) -> Result<BaseProducer<Deliveries<'_>>> {
    let mut config = config(&shared.target);
    for (key, value) in [
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("linger.ms", "2"),
        ("message.timeout.ms", "0"),
        ("request.timeout.ms", "5000"),
    ] {
        config.set(key, value);
    }
    Ok(config.create_with_context(Deliveries { shared, producer: id })?)
}
