//! Idempotent producers: each partition gets batch after batch, and a batch is sent until it is
//! acknowledged by all in sync.

use std::rc::Rc;

use kq_proto::kafka::messages::produce::{PartitionProduceData, TopicProduceData};
use kq_proto::kafka::messages::{InitProducerIdRequest, ProduceRequest};
use kq_proto::kafka::{ErrorCode, Str};
use kq_storage::batch::{BatchBuilder, Compression, ProducerMark};
use kq_storage::{ProducerEpoch, ProducerId, TimestampMs};

use super::{ANSWER_MAX, Ground, Phase, SLOTS};
use crate::history::{Mark, Slot};
use crate::wire::Line;

/// Records of one batch.
const RECORDS_MAX: u64 = 5;
/// Bytes of a record's value.
const VALUE_BYTES: usize = 300;
/// Batches that must get through once all is whole again.
const LAST_BATCHES: u32 = 3;

/// How many producers write to each partition.
pub(crate) const PRODUCERS: u32 = 2;

/// Writes to all partitions until the storm is over and some more has got through.
pub(crate) async fn produce(ground: Rc<Ground>, number: u32) -> turmoil::Result {
    ground.reach(Phase::Storm).await;
    let id = draw_id(&ground).await;
    let lanes = SLOTS.map(|slot| write(&ground, Lane { number, id, slot, epoch: 0, serial: 0 }));
    futures::future::join_all(lanes).await;
    ground.done();
    Ok(())
}

/// A producer id of its own.
async fn draw_id(ground: &Ground) -> ProducerId {
    const VERSION: i16 = 4;
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: 60_000,
        ..InitProducerIdRequest::default()
    };
    loop {
        if let Ok(mut line) = Line::open(ground.any_broker()).await
            && let Ok(answer) = line.ask(VERSION, &request, ANSWER_MAX).await
            && answer.error_code == ErrorCode::None
            && let Ok(id) = u64::try_from(answer.producer_id)
        {
            return ProducerId(id);
        }
        ground.pause(200).await;
    }
}

/// One producer at one partition.
struct Lane {
    number: u32,
    id: ProducerId,
    slot: Slot,
    /// The newest epoch of a leader that it has heard of: older ones are gone.
    epoch: i32,
    /// That of the next record.
    serial: u32,
}

/// What became of a batch that was sent.
enum Sent {
    /// It is committed, at this offset if that was told.
    Acked(Option<i64>),
    /// The same again, to whoever leads now.
    Again,
}

impl Lane {
    /// A connection to whoever leads the partition; asks until somebody does.
    async fn line(&mut self, ground: &Ground) -> Line {
        loop {
            if let Some(leader) = ground.leader_of(self.slot, self.epoch).await {
                self.epoch = leader.epoch;
                if let Ok(line) = Line::open(&leader.host).await {
                    return line;
                }
            }
            ground.pause(300).await;
        }
    }
}

async fn write(ground: &Ground, mut lane: Lane) {
    let mut kept = None;
    let mut last_batches = LAST_BATCHES;
    while 0 < last_batches {
        if Phase::Healing <= ground.phase.get() {
            last_batches -= 1;
        }
        let count = u32::try_from(1 + ground.draw(RECORDS_MAX)).unwrap_or(1);
        let mark = |serial| Mark { producer: lane.number, serial };
        let (first, last) = (mark(lane.serial), mark(lane.serial + count - 1));
        let base_offset = loop {
            let open = match kept.take() {
                Some(open) => open,
                None => lane.line(ground).await,
            };
            match send(ground, &lane, open, (first, last)).await {
                (Sent::Acked(at), open) => {
                    kept = open;
                    break at;
                }
                (Sent::Again, open) => kept = open,
            }
            ground.pause(150).await;
        };
        ground.history.borrow_mut().acked(lane.slot, first, last, base_offset);
        lane.serial += count;
        ground.pause(120).await;
    }
}

/// Sends a batch once; the connection comes back if it is still of use.
async fn send(
    ground: &Ground,
    lane: &Lane,
    mut open: Line,
    (first, last): (Mark, Mark),
) -> (Sent, Option<Line>) {
    const VERSION: i16 = 12;
    let Some(request) = request(lane, first, last) else { return (Sent::Again, None) };
    let answer = match open.ask(VERSION, &request, ANSWER_MAX).await {
        Ok(answer) => answer,
        Err(failed) => {
            ground.hear(&failed);
            return (Sent::Again, None);
        }
    };
    let told = answer.responses.first().and_then(|it| it.partition_responses.first());
    let Some(told) = told else { return (Sent::Again, None) };
    let code = told.error_code;
    if code == ErrorCode::None {
        return (Sent::Acked(Some(told.base_offset)), Some(open));
    }
    if code == ErrorCode::DuplicateSequenceNumber {
        // It got through the first time, longer ago than the broker remembers where.
        return (Sent::Acked(None), Some(open));
    }
    // A leader that is one no longer may answer too.
    let mut history = ground.history.borrow_mut();
    history.note(format_args!("{} refuses {first}..={last}: {code:?}", lane.slot));
    history.count("refused", 1);
    // One batch at a time, each acknowledged before the next: a gap is a loss.
    let is_loss =
        matches!(code, ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId);
    if is_loss {
        history.broke("T1", format_args!("{} knows nothing before {first}", lane.slot));
    }
    (Sent::Again, None)
}

fn request(lane: &Lane, first: Mark, last: Mark) -> Option<ProduceRequest> {
    let mark =
        ProducerMark { id: lane.id, epoch: ProducerEpoch(0), first_sequence: Some(first.serial) };
    let mut batch = BatchBuilder::new(Compression::None).producer(mark);
    for serial in first.serial..=last.serial {
        let value = Mark { serial, ..first }.value(VALUE_BYTES);
        batch = batch.record(TimestampMs(1_700_000_000_000), None, Some(&value));
    }
    let records = batch.build().ok()?.freeze();
    let data = PartitionProduceData { index: lane.slot.index, records: Some(records.into()) };
    let topic = TopicProduceData {
        name: Str::from_static(lane.slot.topic),
        partition_data: vec![data],
        ..TopicProduceData::default()
    };
    Some(ProduceRequest {
        acks: -1,
        timeout_ms: 1_500,
        topic_data: vec![topic],
        ..ProduceRequest::default()
    })
}
