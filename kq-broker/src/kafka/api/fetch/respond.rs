//! The response to a fetch: what its session must hear, and the records as file regions.

use kq_proto::kafka::messages::fetch::{
    EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch,
    NodeEndpoint, PartitionData,
};
use kq_proto::kafka::{ErrorCode, Part as WirePart, Records, Writer, response_frame};

use super::Fetch;
use super::read::{Found, PartitionRead, PartitionRefused, Reading, wire};
use crate::kafka::answer::{Outcome, Response};
use crate::kafka::dispatch::Call;
use crate::kafka::leaders::Leaders;
use crate::kafka::outbound::Part;
use crate::kafka::sessions::{Reader, Scope, Session};
use crate::metadata::MetadataImage;
use crate::runtime::{Isolation, ReadOutcome, ReadPlan};

/// From this version on a client that asked the wrong broker is told the right one (KIP-951).
const TELLS_LEADER_FROM: i16 = 12;
/// From this version on with that broker's address.
const TELLS_ENDPOINT_FROM: i16 = 16;

/// A response being put together: the messages, and the plans that its holes stand for.
#[derive(Default)]
struct Draft {
    response: FetchResponse,
    plans: Vec<Option<ReadPlan>>,
    leaders: Leaders,
}

/// Encodes what was read, and notes in the session what the client then knows.
pub(super) fn respond(fetch: &Fetch, mut reading: Reading) -> Outcome {
    let mut draft = Draft::default();
    draft.response.session_id = settle(fetch, &mut reading);
    let image = fetch.door.image();
    for partition in reading.partitions {
        draft.add(fetch, &image, partition);
    }
    if fetch.call.version >= TELLS_ENDPOINT_FROM {
        let endpoints = std::mem::take(&mut draft.leaders).endpoints(&image);
        draft.response.node_endpoints = endpoints
            .map(|it| NodeEndpoint { node_id: it.id, host: it.host, port: it.port, rack: it.rack })
            .collect();
    }
    draft.encode(fetch)
}

/// Brings the session up to date and returns its number. A later request of the session may have come
/// since the reading: then it is the one that tells.
fn settle(fetch: &Fetch, reading: &mut Reading) -> i32 {
    match &fetch.scope {
        Scope::Sessionless(_) => 0,
        Scope::Opening(session) => {
            let now = fetch.door.node.clock.elapsed();
            let id = fetch.door.draw_session_id();
            let (fits, _closed) = fetch.door.sessions.lock().admit(id, session, now);
            if !fits {
                return 0;
            }
            tell(&mut session.lock(), reading);
            id
        }
        Scope::Incremental(session, epoch) => {
            let mut session = session.lock();
            if session.next_epoch() == *epoch {
                tell(&mut session, reading);
            } else {
                reading.partitions.clear();
            }
            session.id()
        }
    }
}

fn tell(session: &mut Session, reading: &Reading) {
    for read in &reading.partitions {
        session.tell(read.number, read.told);
    }
}

impl Draft {
    fn add(&mut self, fetch: &Fetch, image: &MetadataImage, read: PartitionRead) {
        let data = match read.outcome {
            Ok(found) => self.found(fetch, read.index, found),
            Err(PartitionRefused { code, log_start }) => {
                fetch.door.failed(fetch.call.key, code);
                let mut data = refused(read.index, code);
                if let Some(start) = log_start.filter(|_| fetch.reader != Reader::Consumer) {
                    // That is where a follower starts over whose log ends before it.
                    data.log_start_offset = wire(start);
                }
                let elsewhere =
                    matches!(code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
                if elsewhere
                    && fetch.call.version >= TELLS_LEADER_FROM
                    && let Some((leader_id, leader_epoch)) =
                        self.leaders.find((&fetch.door.node, image), &read.topic, read.index)
                {
                    data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch };
                }
                data
            }
        };
        let (name, topic_id) = (read.topic.name(), read.topic.id());
        match self.response.responses.last_mut() {
            Some(last) if last.topic == name && last.topic_id == topic_id => {
                last.partitions.push(data);
            }
            _ => self.response.responses.push(FetchableTopicResponse {
                topic: name,
                topic_id,
                partitions: vec![data],
            }),
        }
    }

    fn found(&mut self, fetch: &Fetch, index: i32, found: Found) -> PartitionData {
        let ReadOutcome { plan, offsets, diverging } = found.read;
        let length = plan.bytes;
        match fetch.reader {
            Reader::Consumer => found.partition.sent(length),
            Reader::Replica { .. } => fetch.door.node.metrics.replication.sent(length),
        }
        let records = if length == 0 {
            Records::EMPTY
        } else {
            self.plans.push(Some(plan));
            Records::Hole { index: self.plans.len() - 1, length }
        };
        let committed = fetch.limits.isolation == Isolation::ReadCommitted;
        let diverging_epoch = diverging.map(|(epoch, end)| EpochEndOffset {
            epoch: i32::try_from(epoch.0).unwrap_or(i32::MAX),
            end_offset: wire(end.offset()),
        });
        PartitionData {
            partition_index: index,
            high_watermark: wire(offsets.high_watermark().offset()),
            last_stable_offset: wire(offsets.last_stable().offset()),
            log_start_offset: wire(offsets.log_start().offset()),
            aborted_transactions: committed.then(Vec::new),
            records: Some(records),
            diverging_epoch: diverging_epoch.unwrap_or_default(),
            ..Default::default()
        }
    }

    fn encode(mut self, fetch: &Fetch) -> Outcome {
        let Call { correlation_id, version, .. } = &fetch.call;
        let frame = response_frame::<FetchRequest>(*correlation_id, *version, &self.response);
        let wire_parts = match frame.and_then(Writer::into_parts) {
            Ok(parts) => parts,
            Err(e) => return fetch.call.close(format_args!("cannot encode the response: {e}")),
        };
        let mut parts = Vec::with_capacity(wire_parts.len());
        for part in wire_parts {
            match part {
                WirePart::Buffer(bytes) => parts.push(Part::Bytes(bytes)),
                WirePart::Records(index) => {
                    let plan = self.plans.get_mut(index).and_then(Option::take);
                    let regions = plan.into_iter().flat_map(|plan| plan.regions);
                    parts.extend(regions.map(Part::Region));
                }
            }
        }
        Outcome::Reply(Response::Parts(parts))
    }
}

fn refused(index: i32, error_code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: index,
        error_code,
        high_watermark: -1,
        aborted_transactions: None,
        records: Some(Records::EMPTY),
        ..Default::default()
    }
}
