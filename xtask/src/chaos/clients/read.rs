//! Consumers: some that read along, one that watches high watermarks, one that reads all at last.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Shared, Target, config, is_set, lock};
use crate::chaos::history::{Placed, Stamp};
use crate::clock;

/// How often high watermarks are asked for.
const WATCH_EVERY: Duration = Duration::from_millis(40);

/// How long one look-up may take.
const LOOK_UP_MAX: Duration = Duration::from_secs(3);

/// Reading all may stand still for so long.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A consumer of all partitions from their begin.
fn consumer(target: &Target) -> Result<BaseConsumer> {
    let mut config = config(target);
    for (key, value) in [
        ("group.id", "chaos"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        // A position that is gone must be told, not mended.
        ("auto.offset.reset", "error"),
        ("check.crcs", "true"),
        ("fetch.wait.max.ms", "100"),
        ("fetch.error.backoff.ms", "50"),
    ] {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..target.partitions {
        assignment.add_partition_offset(target.topic, partition, Offset::Offset(0))?;
    }
    consumer.assign(&assignment)?;
    Ok(consumer)
}

/// The record of a message, if it is whole.
fn placed(message: &BorrowedMessage<'_>) -> Result<(usize, Placed)> {
    let (partition, offset) = (message.partition(), message.offset());
    let stamp = Stamp::of(message.payload().unwrap_or_default(), partition)
        .with_context(|| format!("D3: the record at {offset} of {partition} is changed"))?;
    Ok((usize::try_from(partition)?, (u64::try_from(offset)?, stamp)))
}

/// Whether an error of a consumer says that records are gone, not only that a broker is.
fn is_loss(fault: &KafkaError) -> bool {
    matches!(
        fault,
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::LogTruncation
                | RDKafkaErrorCode::BadMessage
                | RDKafkaErrorCode::InvalidMessage
        )
    )
}

/// Reads along until told to end, and notes everything.
pub(super) fn follow(shared: &Shared, reader: usize) -> Result<()> {
    let consumer = consumer(&shared.target)?;
    let mine = shared.seen.get(reader).context("a reader without a notebook")?;
    while !is_set(&shared.reading_ends) {
        let message = match consumer.poll(Duration::from_millis(100)) {
            None => continue,
            Some(Err(fault)) => {
                if is_loss(&fault) {
                    shared.fault(&format!("D3: reader {reader} is told: {fault}"));
                }
                continue;
            }
            Some(Ok(message)) => message,
        };
        let (partition, placed) = match placed(&message) {
            Ok(placed) => placed,
            Err(fault) => {
                shared.fault(&format!("{fault:#}"));
                continue;
            }
        };
        let mut seen = lock(mine);
        let seen = seen.get_mut(partition).context("a record of a foreign partition")?;
        let due = seen.last().map_or(0, |(offset, _)| offset + 1);
        if placed.0 != due {
            shared.fault(&format!(
                "D3: reader {reader} got offset {} of partition {partition} where {due} was due",
                placed.0
            ));
        }
        seen.push(placed);
    }
    Ok(())
}

/// Asks for the high watermark of each partition in turn; none may ever fall.
pub(super) fn watch_high_watermarks(shared: &Shared) -> Result<()> {
    let target = &shared.target;
    let consumer = consumer(target)?;
    let mut highest = vec![0_i64; usize::try_from(target.partitions)?];
    while !is_set(&shared.reading_ends) {
        for (partition, highest) in (0..).zip(&mut highest) {
            clock::pause(WATCH_EVERY);
            // No answer says nothing; brokers come and go.
            let Ok((low, high)) = consumer.fetch_watermarks(target.topic, partition, LOOK_UP_MAX)
            else {
                continue;
            };
            if high < *highest || low != 0 {
                shared.fault(&format!(
                    "D3: partition {partition} spans {low}..{high}, after it ended at {highest}"
                ));
            }
            *highest = high.max(*highest);
        }
    }
    Ok(())
}

/// The high watermark of each partition, in their order.
pub(in crate::chaos) fn ends(target: &Target, limit: Duration) -> Result<Vec<u64>> {
    let consumer = consumer(target)?;
    let end = |partition| {
        let watermarks = clock::poll_until(limit, || {
            consumer.fetch_watermarks(target.topic, partition, LOOK_UP_MAX).ok()
        });
        let (_, high) = watermarks
            .with_context(|| format!("nobody tells the high watermark of partition {partition}"))?;
        Ok(u64::try_from(high)?)
    };
    (0..target.partitions).map(end).collect()
}

/// Every record of every partition below these ends, by a consumer that begins anew.
pub(in crate::chaos) fn read_all(target: &Target, ends: &[u64]) -> Result<Vec<Vec<Placed>>> {
    let consumer = consumer(target)?;
    let mut found = vec![Vec::new(); ends.len()];
    let is_behind = |found: &[Vec<Placed>]| {
        found
            .iter()
            .zip(ends)
            .any(|(found, end)| found.last().map_or(0, |(offset, _): &Placed| offset + 1) < *end)
    };
    let mut heard = clock::now();
    while is_behind(&found) {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let (partition, placed) = placed(&message)?;
                found.get_mut(partition).context("a record of a foreign partition")?.push(placed);
                heard = clock::now();
            }
            Some(Err(fault)) if is_loss(&fault) => bail!("D1: the last reader is told: {fault}"),
            Some(Err(_)) | None => {
                let silence = heard.elapsed();
                ensure!(silence < SILENCE_MAX, "the last reader got nothing for {silence:?}");
            }
        }
    }
    Ok(found)
}
