//! `Produce`: appends record batches.
//!
//! The records are never copied: their frame is read in one piece, lent to the codec, taken back and
//! split, and each partition patches offsets into its own part of it in place.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures::FutureExt as _;
use kq_proto::kafka::messages::produce::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceResponse,
};
use kq_proto::kafka::{ErrorCode, Records, Str};

use crate::ids::PartitionId;
use crate::kafka::answer::{Answer, Outcome};
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle, parse};
use crate::kafka::door::Door;
use crate::kafka::frame::Frame;
use crate::kafka::leaders::Leaders;
use crate::kafka::lent::{lend, range_in};
use crate::kafka::pipeline::{Pipelines, Sent};
use crate::kafka::topic_key::TopicKey;
use crate::metadata::is_internal_name;
use crate::runtime::{
    Acks, Appended, Committed, Partition, PartitionError, ProducerId, producer_of,
};

/// From this version on a client that asked the wrong broker is told the right one (KIP-951).
const TELLS_LEADER_FROM: i16 = 10;
/// From this version on topics are named by id (KIP-516).
const BY_ID_FROM: i16 = 13;

/// From this version on producers may compress with zstd (KIP-110).
const ZSTD_FROM: i16 = 7;
/// Where a batch tells its codec, and zstd's number there.
const CODEC_AT: usize = 22;
const CODEC_MASK: u8 = 7;
const ZSTD: u8 = 4;

/// The batches of one partition, on their way to it.
struct Batch {
    topic: usize,
    index: i32,
    records: BytesMut,
}

/// What is left of a request once its records are cut out.
struct Order {
    acks: Acks,
    timeout: Duration,
    topics: Vec<TopicKey>,
    batches: Vec<Batch>,
}

/// Partitions that were written and are not committed yet, with their place in the response.
type Waits = Vec<(usize, usize, Committed)>;

/// Reads the request without copying its records and appends them.
pub fn run(door: &Arc<Door>, peer: &mut Peer, frame: Frame) -> Answer {
    let (whole, lent) = lend(frame.bytes);
    let (mut call, mut request) = match parse::<ProduceRequest>(&whole) {
        Ok((header, request)) => (Call::new(header, frame.memory), request),
        Err(reason) => return Answer::Now(Outcome::Close(reason)),
    };
    call.client_id = None;
    let Some(acks) = acks(request.acks) else {
        return call.answer::<ProduceRequest>(&refuse_all(request));
    };
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let by_id = call.version >= BY_ID_FROM;
    let topics = request.topic_data.iter();
    let topics = topics.map(|it| TopicKey::new(by_id, &it.name, it.topic_id).detached()).collect();
    let mut places = Vec::new();
    for (topic, data) in request.topic_data.iter_mut().enumerate() {
        for partition in &mut data.partition_data {
            let records = partition.records.take().and_then(Records::into_bytes);
            let range = records.map(|records| range_in(&whole, &records)).unwrap_or_default();
            places.push((topic, partition.index, range));
        }
    }
    drop(request);
    let Some(mut frame) = lent.take_back(whole) else {
        return Answer::Now(call.close("its frame is still in use"));
    };
    let mut cut = 0;
    let mut batches = Vec::with_capacity(places.len());
    for (topic, index, range) in places {
        let records = if range.is_empty() {
            BytesMut::new()
        } else {
            frame.advance(range.start - cut);
            cut = range.end;
            frame.split_to(range.len())
        };
        batches.push(Batch { topic, index, records });
    }
    append_all(door, peer, call, Order { acks, timeout, topics, batches })
}

impl Handle for ProduceRequest {
    fn handle(self, _: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        Answer::Now(call.close("produce requests are read by their own reader"))
    }
}

fn acks(acks: i16) -> Option<Acks> {
    match acks {
        0 => Some(Acks::None),
        1 => Some(Acks::Leader),
        -1 => Some(Acks::All),
        _ => None,
    }
}

fn refuse_all(request: ProduceRequest) -> ProduceResponse {
    let topic = |it: kq_proto::kafka::messages::produce::TopicProduceData| TopicProduceResponse {
        name: it.name,
        topic_id: it.topic_id,
        partition_responses: it
            .partition_data
            .iter()
            .map(|it| refused(it.index, ErrorCode::InvalidRequiredAcks, None))
            .collect(),
    };
    ProduceResponse {
        responses: request.topic_data.into_iter().map(topic).collect(),
        ..Default::default()
    }
}

fn refused(index: i32, error_code: ErrorCode, message: Option<Str>) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        error_code,
        base_offset: -1,
        error_message: message,
        ..Default::default()
    }
}

fn append_all(door: &Arc<Door>, peer: &mut Peer, call: Call, order: Order) -> Answer {
    let Order { acks, timeout, topics, batches } = order;
    let image = door.image();
    let mut response = ProduceResponse {
        responses: topics
            .iter()
            .map(|key| TopicProduceResponse {
                name: key.name(),
                topic_id: key.id(),
                partition_responses: Vec::new(),
            })
            .collect(),
        ..Default::default()
    };
    let mut waits: Waits = Vec::new();
    let mut failed = None;
    for Batch { topic, index, records } in batches {
        let (Some(key), Some(of_topic)) = (topics.get(topic), response.responses.get_mut(topic))
        else {
            continue;
        };
        let answers = &mut of_topic.partition_responses;
        let id = key.partition(&image, index);
        let outcome = verify(&records, call.version).and_then(|()| {
            let sent = producer_of(&records).and_then(|mark| Sent::new(key, index, mark));
            append_in_turn(door, &mut peer.pipelines, sent, (id, records, acks))
        });
        match outcome {
            Ok((partition, appended)) => {
                if acks == Acks::All {
                    waits.push((topic, answers.len(), partition.acknowledged(&appended)));
                }
                answers.push(accepted(index, &appended));
            }
            Err(refusal) => {
                failed = Some(refusal.code);
                door.failed(call.key, refusal.code);
                answers.push(refused(index, refusal.code, refusal.message));
            }
        }
    }
    match acks {
        Acks::None => Answer::Now(match failed {
            // The client asked for no answer: only the closed connection tells it.
            Some(code) => call.close(format_args!("acks=0 and an append failed: {code}")),
            None => Outcome::Silent,
        }),
        Acks::Leader | Acks::All if waits.is_empty() => {
            Answer::Now(finish(door, &call, &topics, response))
        }
        Acks::Leader | Acks::All => {
            if let [(_, _, wait)] = waits.as_mut_slice()
                && peer.is_lone
            {
                wait.stands_alone();
            }
            wait(door, call, Written { topics, response, waits }, timeout)
        }
    }
}

struct Refusal {
    code: ErrorCode,
    message: Option<Str>,
}

impl From<PartitionError> for Refusal {
    fn from(error: PartitionError) -> Self {
        Self { code: error.code(), message: Some(error.to_string().into()) }
    }
}

/// Refuses what can be told from the request's version alone.
fn verify(records: &[u8], version: i16) -> Result<(), Refusal> {
    if records.is_empty() {
        let message = Some(Str::from_static("a produce request needs a record batch"));
        return Err(Refusal { code: ErrorCode::InvalidRecord, message });
    }
    let codec = records.get(CODEC_AT).map(|attributes| attributes & CODEC_MASK);
    if version < ZSTD_FROM && codec == Some(ZSTD) {
        let message = Some(Str::from_static("zstd needs version 7 of Produce or newer"));
        return Err(Refusal { code: ErrorCode::UnsupportedCompressionType, message });
    }
    Ok(())
}

/// What one append takes.
type Parcel = (Result<PartitionId, ErrorCode>, BytesMut, Acks);

/// Appends, but lets nothing pass a batch that was refused before it.
fn append_in_turn(
    door: &Door,
    pipelines: &mut Pipelines,
    sent: Option<Sent>,
    parcel: Parcel,
) -> Result<(Arc<Partition>, Appended), Refusal> {
    let Some(sent) = sent else { return append(door, None, parcel) };
    let behind = pipelines.is_behind(&sent).then(|| sent.producer());
    match append(door, behind, parcel) {
        Ok(appended) => {
            pipelines.stored(&sent);
            Ok(appended)
        }
        Err(refusal) => Err(Refusal { code: pipelines.refused(sent, refusal.code), ..refusal }),
    }
}

/// Appends. A batch behind a refused one may not be the first of its producer.
fn append(
    door: &Door,
    behind: Option<ProducerId>,
    (id, records, acks): Parcel,
) -> Result<(Arc<Partition>, Appended), Refusal> {
    let id = id.map_err(|code| Refusal { code, message: None })?;
    let partition = door.node.partition(id)?;
    if behind.is_some_and(|producer| !partition.knows_producer(producer)) {
        let message = Some(Str::from_static("the batch before it was refused"));
        return Err(Refusal { code: ErrorCode::OutOfOrderSequenceNumber, message });
    }
    if is_internal_name(partition.topic()) {
        let message = Some(Str::from_static("only the cluster itself writes to this topic"));
        return Err(Refusal { code: ErrorCode::InvalidTopicException, message });
    }
    let appended = partition.append(records, acks).map_err(|it| in_doubt(door, id, it.into()))?;
    Ok((partition, appended))
}

/// A gap in the numbers of a producer is the end of it. A leader that may have been replaced unheard
/// does not know what its producers have written meanwhile, so it sends them to look for another.
fn in_doubt(door: &Door, id: PartitionId, refusal: Refusal) -> Refusal {
    let is_gap = refusal.code == ErrorCode::OutOfOrderSequenceNumber;
    if !is_gap || !door.node.may_be_replaced(id) {
        return refusal;
    }
    let message = Some(Str::from_static("another broker may lead the partition by now"));
    Refusal { code: ErrorCode::NotLeaderOrFollower, message }
}

fn accepted(index: i32, appended: &Appended) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        base_offset: wire(appended.base_offset.0),
        log_append_time_ms: appended.log_append_time.map_or(-1, |time| time.0),
        log_start_offset: wire(appended.log_start.offset().0),
        ..Default::default()
    }
}

fn wire(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// What was written and is answered once it is committed.
struct Written {
    topics: Vec<TopicKey>,
    response: ProduceResponse,
    waits: Waits,
}

/// Answers once all that was written is committed, or says of each partition that it is not.
fn wait(door: &Arc<Door>, call: Call, written: Written, timeout: Duration) -> Answer {
    let door = Arc::clone(door);
    let Written { topics, mut response, mut waits } = written;
    Answer::Later(Box::pin(async move {
        let mut settle = |topic: usize, at: usize, done: Option<Result<(), PartitionError>>| {
            let refusal = match done {
                Some(Ok(())) => return,
                Some(Err(error)) => {
                    door.failed(call.key, error.code());
                    error.into()
                }
                None => late(),
            };
            fail(&mut response, topic, at, refusal);
        };
        let mut all_wait = false;
        let committed = poll_fn(|cx| {
            if !std::mem::replace(&mut all_wait, true) {
                waits.retain_mut(|(topic, at, committed)| {
                    let polled = Pin::new(committed).poll(cx);
                    polled.map(|done| settle(*topic, *at, Some(done))).is_pending()
                });
            }
            // The answer needs all of them. One is looked at, and there may be thousands.
            while let Some((topic, at, committed)) = waits.last_mut() {
                let done = ready!(Pin::new(committed).poll(cx));
                settle(*topic, *at, Some(done));
                waits.pop();
            }
            Poll::Ready(())
        });
        // In time or not: those that are committed by then are.
        let _ = tokio::time::timeout(timeout, committed).await;
        for (topic, at, committed) in waits {
            settle(topic, at, committed.now_or_never());
        }
        finish(&door, &call, &topics, response)
    }))
}

fn late() -> Refusal {
    let message = Some(Str::from_static("not committed within the request's timeout"));
    Refusal { code: ErrorCode::RequestTimedOut, message }
}

fn fail(response: &mut ProduceResponse, topic: usize, at: usize, refusal: Refusal) {
    let topic = response.responses.get_mut(topic);
    if let Some(partition) = topic.and_then(|it| it.partition_responses.get_mut(at)) {
        *partition = refused(partition.index, refusal.code, refusal.message);
    }
}

/// Adds where the leaders are that were not found here, and encodes.
fn finish(door: &Door, call: &Call, topics: &[TopicKey], mut response: ProduceResponse) -> Outcome {
    if call.version >= TELLS_LEADER_FROM {
        let image = &door.image();
        let mut leaders = Leaders::default();
        for (key, topic) in topics.iter().zip(&mut response.responses) {
            for partition in &mut topic.partition_responses {
                if partition.error_code == ErrorCode::NotLeaderOrFollower
                    && let Some(leader) = leaders.find((&door.node, image), key, partition.index)
                {
                    let (leader_id, leader_epoch) = leader;
                    partition.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch };
                }
            }
        }
        let endpoints = leaders.endpoints(image).map(|it| NodeEndpoint {
            node_id: it.id,
            host: it.host,
            port: it.port,
            rack: it.rack,
        });
        response.node_endpoints = endpoints.collect();
    }
    call.reply::<ProduceRequest>(&response)
}
