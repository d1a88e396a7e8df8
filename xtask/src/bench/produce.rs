//! What it costs the broker to take records in.

use anyhow::Result;

use super::load::{Load, delete, produce, topic};
use super::report::{Goal, Row, figure, median};
use super::subject::Subject;
use super::{Run, floors};

/// Processor seconds that one load cost the broker.
fn cost(subject: &mut Subject, load: &Load<'_>) -> Result<f64> {
    let name = topic(&subject.bootstrap, load.partitions, &[])?;
    // The first batches pay for connections and files, not for records.
    let warm = Load { records: u64::try_from(load.partitions)? * 10, ..*load };
    produce(&subject.bootstrap, &name, &warm)?;
    subject.rest()?;
    let before = subject.cpu()?;
    produce(&subject.bootstrap, &name, load)?;
    subject.rest()?;
    let used = subject.cpu()?.saturating_sub(before);
    delete(&subject.bootstrap, &name)?;
    Ok(used.as_secs_f64())
}

/// Records of 1 KiB with acks=1, into one partition and over 64.
pub(super) fn kibibyte_records(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let records = run.amount(1 << 20);
    let load = Load {
        records,
        record_bytes: 1024,
        partitions: 1,
        settings: &[("acks", "1")],
        compressible: false,
    };
    let gb = figure(records * 1024) / 1e9;
    let (mut floors, mut one, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for (floor, single, spread) in run.rounds(|subject| {
        let floor = floors::receive_check_write(records * 1024)?;
        let single = cost(subject, &load)? / gb;
        Ok((floor, single, cost(subject, &Load { partitions: 64, ..load })? / gb))
    })? {
        floors.push(floor);
        one.push(single);
        many.push(spread);
    }
    let (floor, one, many) = (median(floors), median(one), median(many));
    Ok(vec![
        Row::new("produce 1 KiB, 1 partition", "CPU s/GB", one, Goal::TimesFloorAtMost(2.0))
            .over(floor),
        Row::new("produce 1 KiB, 64 partitions", "CPU s/GB", many, Goal::AtMost(1.3 * one))
            .over(floor),
    ])
}

/// Records of 100 bytes: what each of them costs.
pub(super) fn small_records(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let records = run.amount(8 << 20);
    let load = Load {
        records,
        record_bytes: 100,
        partitions: 1,
        settings: &[("acks", "1")],
        compressible: false,
    };
    let each = run.rounds(|subject| Ok(cost(subject, &load)? / figure(records) * 1e6))?;
    let goal = Goal::PartOfOtherAtMost(1.0 / 3.0);
    Ok(vec![Row::new("produce 100 B records", "CPU us each", median(each), goal)])
}

/// Batches that lz4 made small: the broker must not open them.
pub(super) fn lz4_records(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let records = run.amount(2 << 20);
    let load = Load {
        records,
        record_bytes: 1024,
        partitions: 1,
        settings: &[("acks", "1"), ("compression.type", "lz4")],
        compressible: true,
    };
    let gb = figure(records * 1024) / 1e9;
    let cost = run.rounds(|subject| Ok(cost(subject, &load)? / gb))?;
    let goal = Goal::PartOfOtherAtMost(1.0 / 3.0);
    Ok(vec![Row::new("produce lz4, per GB before", "CPU s/GB", median(cost), goal)])
}

/// One record a batch and no linger: the cost of a request.
pub(super) fn single_records(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let records = run.amount(200_000);
    let load = Load {
        records,
        record_bytes: 100,
        partitions: 1,
        settings: &[("acks", "1"), ("linger.ms", "0"), ("batch.num.messages", "1")],
        compressible: false,
    };
    let each = run.rounds(|subject| Ok(cost(subject, &load)? / figure(records) * 1e6))?;
    Ok(vec![Row::new("one-record batches", "CPU us each", median(each), Goal::AtMost(15.0))])
}
