//! Consumers: they read each partition from its beginning, and what they were given once must stay.

use std::rc::Rc;

use kq_proto::kafka::messages::FetchRequest;
use kq_proto::kafka::messages::fetch::{FetchPartition, FetchTopic, PartitionData};
use kq_proto::kafka::{ErrorCode, Records, Str};
use kq_storage::batch::{BatchHeader, DecompressLimits, records};

use super::{ANSWER_MAX, Ground, Phase, SLOTS};
use crate::history::{Mark, Slot};
use crate::wire::Line;

/// How long a fetch waits for records.
const WAIT_MS: i32 = 500;

/// Reads all partitions as they grow.
pub(crate) async fn read_on(ground: Rc<Ground>) -> turmoil::Result {
    ground.reach(Phase::Storm).await;
    let readers = SLOTS.map(|slot| follow(&ground, slot));
    futures::future::join_all(readers).await;
    Ok(())
}

/// Reads all partitions from beginning to end, once all is well again.
pub(crate) async fn audit(ground: Rc<Ground>) -> turmoil::Result {
    ground.reach(Phase::Audit).await;
    for slot in SLOTS {
        let all = read_to_end(&ground, slot).await;
        ground.audited.borrow_mut().insert(slot, all);
    }
    Ok(())
}

/// A consumer at one partition.
pub(super) struct Reader {
    pub(super) slot: Slot,
    line: Option<Line>,
    /// The newest epoch of a leader that it has heard of: older ones are gone.
    epoch: i32,
    /// The offset that is read next.
    pub(super) next: i64,
    wait_ms: i32,
}

impl Reader {
    const fn new(slot: Slot) -> Self {
        Self { slot, line: None, epoch: 0, next: 0, wait_ms: WAIT_MS }
    }

    /// One that begins at an offset, and takes what is there.
    pub(super) const fn without_wait(slot: Slot, next: i64) -> Self {
        Self { slot, line: None, epoch: 0, next, wait_ms: 0 }
    }
}

async fn follow(ground: &Ground, slot: Slot) {
    let mut reader = Reader::new(slot);
    while ground.phase.get() < Phase::Audit {
        let Some((data, marks)) = fetch(ground, &mut reader).await else {
            ground.pause(200).await;
            continue;
        };
        take(ground, &mut reader, &data, marks);
        ground.pause(60).await;
    }
}

/// What was read must stay; what is out of range was there when it was read.
pub(super) fn take(
    ground: &Ground,
    reader: &mut Reader,
    data: &PartitionData,
    marks: Vec<(i64, Mark)>,
) {
    let (mut history, slot) = (ground.history.borrow_mut(), reader.slot);
    for (offset, mark) in marks {
        history.read(slot, offset, mark);
    }
    if data.error_code == ErrorCode::OffsetOutOfRange {
        let next = std::mem::take(&mut reader.next);
        history.broke("D3", format_args!("{slot}@{next} is out of range, after a read"));
    }
}

/// All of a partition, up to its high watermark.
async fn read_to_end(ground: &Ground, slot: Slot) -> Vec<(i64, Mark)> {
    let (mut reader, mut all) = (Reader::new(slot), Vec::new());
    loop {
        match fetch(ground, &mut reader).await {
            Some((data, marks)) => {
                all.extend(marks);
                if data.error_code == ErrorCode::None && data.high_watermark <= reader.next {
                    return all;
                }
            }
            None => ground.pause(100).await,
        }
    }
}

/// One fetch; none if it came to nothing, and then the next one goes to whoever leads by then.
pub(super) async fn fetch(
    ground: &Ground,
    reader: &mut Reader,
) -> Option<(PartitionData, Vec<(i64, Mark)>)> {
    const VERSION: i16 = 12;
    let (slot, from) = (reader.slot, reader.next);
    let mut open = if let Some(open) = reader.line.take() {
        open
    } else {
        let leader = ground.leader_of(slot, reader.epoch).await?;
        reader.epoch = leader.epoch;
        Line::open(&leader.host).await.ok()?
    };
    let asked = open.ask(VERSION, &request(reader), ANSWER_MAX).await;
    let answer = asked.inspect_err(|lost| ground.hear(lost)).ok()?;
    let mut data = answer.responses.into_iter().next()?.partitions.into_iter().next()?;
    if data.error_code == ErrorCode::OffsetOutOfRange {
        return Some((data, Vec::new()));
    }
    if data.error_code != ErrorCode::None {
        return None;
    }
    reader.line = Some(open);
    let bytes = data.records.take().and_then(Records::into_bytes).unwrap_or_default();
    match marks(&bytes, from) {
        Ok(marks) => {
            reader.next = marks.last().map_or(from, |(offset, _)| offset + 1);
            Some((data, marks))
        }
        Err(why) => {
            let what = format_args!("{slot}@{from}: {why}");
            ground.history.borrow_mut().broke("D9", what);
            None
        }
    }
}

fn request(reader: &Reader) -> FetchRequest {
    let partition = FetchPartition {
        partition: reader.slot.index,
        current_leader_epoch: reader.epoch,
        fetch_offset: reader.next,
        partition_max_bytes: 256 << 10,
        ..FetchPartition::default()
    };
    let topic = FetchTopic {
        topic: Str::from_static(reader.slot.topic),
        partitions: vec![partition],
        ..FetchTopic::default()
    };
    FetchRequest {
        max_wait_ms: reader.wait_ms,
        min_bytes: 1,
        topics: vec![topic],
        ..FetchRequest::default()
    }
}

/// The records of batches, from an offset on.
pub(crate) fn marks(bytes: &[u8], from: i64) -> Result<Vec<(i64, Mark)>, String> {
    let limits = DecompressLimits::default();
    let (mut rest, mut marks) = (bytes, Vec::new());
    // The last batch may have been cut by the bound of the answer.
    while let Ok(header) = BatchHeader::parse(rest) {
        let Some((batch, behind)) = rest.split_at_checked(header.size) else { break };
        header.verify_crc(batch).map_err(|err| err.to_string())?;
        for record in records(batch, &header, limits).map_err(|err| err.to_string())? {
            let offset = i64::try_from(record.offset.0).map_err(|err| err.to_string())?;
            let value = record.value.unwrap_or_default();
            let mark = Mark::parse(&value).ok_or("a record that nobody wrote")?;
            if from <= offset {
                marks.push((offset, mark));
            }
        }
        rest = behind;
    }
    Ok(marks)
}
