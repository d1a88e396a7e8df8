//! What it costs the broker to give records out again, and how fast it does.

use std::time::Duration;

use anyhow::{Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::load::{Load, config, produce, topic};
use super::report::{Goal, Row, figure, median};
use super::{Run, floors, raw};
use crate::clock;

/// How long nothing may come.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Reads so many records from the start of partition 0.
fn consume(bootstrap: &str, topic: &str, records: u64) -> Result<()> {
    let settings = [
        ("group.id", "bench"),
        ("enable.auto.commit", "false"),
        ("check.crcs", "false"),
        ("fetch.message.max.bytes", "8388608"),
        ("queued.max.messages.kbytes", "131072"),
    ];
    let consumer: BaseConsumer = config(bootstrap, &settings).create()?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    for read in 0..records {
        let message = consumer.poll(SILENCE_MAX);
        ensure!(message.is_some(), "{read} of {records} records came");
        if let Some(Err(fault)) = message {
            return Err(fault.into());
        }
    }
    Ok(())
}

/// One partition that lies in the page cache, read from its start.
pub(super) fn from_page_cache(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let records = run.amount(1 << 20);
    let load = Load {
        records,
        record_bytes: 1024,
        partitions: 1,
        settings: &[("acks", "all")],
        compressible: false,
    };
    let bootstrap = run.subject.bootstrap.clone();
    let name = topic(&bootstrap, 1, &[])?;
    produce(&bootstrap, &name, &load)?;
    let bytes = records * 1024;
    let gb = figure(bytes) / 1e9;
    let (mut floor_cpu, mut floor_speed) = (Vec::new(), Vec::new());
    let (mut cpu, mut speed) = (Vec::new(), Vec::new());
    for (floor, used, fast) in run.rounds(|subject| {
        let floor = floors::send_from_page_cache(bytes)?;
        let before = subject.cpu()?;
        consume(&bootstrap, &name, records)?;
        let used = subject.cpu()?.saturating_sub(before).as_secs_f64() / gb;
        let start = clock::now();
        let came = raw::fetch(&bootstrap, &name, bytes)?;
        Ok((floor, used, figure(came) / 1e9 / start.elapsed().as_secs_f64()))
    })? {
        floor_cpu.push(floor.cpu_per_gb);
        floor_speed.push(floor.gb_per_second);
        cpu.push(used);
        speed.push(fast);
    }
    Ok(vec![
        Row::new("consume from page cache", "CPU s/GB", median(cpu), Goal::TimesFloorAtMost(1.2))
            .over(median(floor_cpu)),
        Row::new("consume, bare fetches", "GB/s", median(speed), Goal::TimesFloorAtLeast(0.9))
            .over(median(floor_speed)),
    ])
}
