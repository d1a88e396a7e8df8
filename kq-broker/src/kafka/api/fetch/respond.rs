//! The response to a fetch: what its session must hear, and the records as file regions.

use kq_proto::kafka::messages::fetch::{
    EpochEndOffset, FetchRequest, FetchResponse, FetchableTopicResponse, LeaderIdAndEpoch,
    NodeEndpoint, PartitionData,
};
use kq_proto::kafka::{ErrorCode, Part as WirePart, Records, Writer, response_frame};

use super::Fetch;
use super::read::{Found, PartitionRead, Reading};
use crate::kafka::answer::{Outcome, Response};
use crate::kafka::dispatch::Call;
use crate::kafka::leaders::Leaders;
use crate::kafka::outbound::Part;
use crate::kafka::sessions::{Scope, Told};
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

/// Encodes what was read, as far as the session has not heard it yet.
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

/// Brings the session up to date, keeps only what it must hear, and returns its number.
fn settle(fetch: &Fetch, reading: &mut Reading) -> i32 {
    let session = match &fetch.scope {
        Scope::Sessionless(_) => return 0,
        Scope::Opening(wanted) => {
            let now = fetch.door.node.clock.elapsed();
            let id = fetch.door.draw_session_id();
            let wanted = wanted.clone();
            let opened = fetch.door.sessions.lock().open(id, fetch.asked.by_id, wanted, now);
            let Some(session) = opened else { return 0 };
            let mut session = session.lock();
            for partition in &reading.partitions {
                session.tell(&partition.topic, partition.index, told(&partition.outcome));
            }
            return session.id();
        }
        Scope::Incremental(session) => session,
    };
    let mut session = session.lock();
    reading.partitions.retain(|it| session.tell(&it.topic, it.index, told(&it.outcome)));
    session.id()
}

fn told(outcome: &Result<Found, ErrorCode>) -> Told {
    match outcome {
        Err(_) => Told { high_watermark: -1, log_start: -1, must_tell: true, failed: true },
        Ok(Found { read, .. }) => Told {
            high_watermark: wire(read.offsets.high_watermark().offset().0),
            log_start: wire(read.offsets.log_start().offset().0),
            must_tell: read.plan.bytes > 0 || read.diverging.is_some(),
            failed: false,
        },
    }
}

fn wire(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

impl Draft {
    fn add(&mut self, fetch: &Fetch, image: &MetadataImage, read: PartitionRead) {
        let data = match read.outcome {
            Ok(found) => self.found(fetch, read.index, found),
            Err(code) => {
                fetch.door.failed(fetch.call.key, code);
                let mut data = refused(read.index, code);
                let elsewhere =
                    matches!(code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch);
                if elsewhere
                    && fetch.call.version >= TELLS_LEADER_FROM
                    && let Some((leader_id, leader_epoch)) =
                        self.leaders.find(image, &read.topic, read.index)
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
        found.partition.sent(length);
        let records = if length == 0 {
            Records::EMPTY
        } else {
            self.plans.push(Some(plan));
            Records::Hole { index: self.plans.len() - 1, length }
        };
        let committed = fetch.limits.isolation == Isolation::ReadCommitted;
        let diverging_epoch = diverging.map(|(epoch, end)| EpochEndOffset {
            epoch: i32::try_from(epoch.0).unwrap_or(i32::MAX),
            end_offset: wire(end.offset().0),
        });
        PartitionData {
            partition_index: index,
            high_watermark: wire(offsets.high_watermark().offset().0),
            last_stable_offset: wire(offsets.last_stable().offset().0),
            log_start_offset: wire(offsets.log_start().offset().0),
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
