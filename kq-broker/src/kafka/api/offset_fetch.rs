//! `OffsetFetch`: how far groups have read.

use std::sync::Arc;

use kq_proto::kafka::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::groups::{code, own, text};
use crate::group::{CommittedOffset, GroupId, Input, MemberId, Shard, TopicPartition};
use crate::kafka::answer::{Answer, Outcome};
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::runtime::PendingReply;

/// From this version on several groups come at once (KIP-709).
const MANY_FROM: i16 = 8;
/// Before this version an error stands at each partition.
const GROUP_ERROR_FROM: i16 = 2;

impl Handle for OffsetFetchRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let one = (call.version < MANY_FROM).then_some(&self.group_id);
        let groups = self.groups.iter().map(|it| &it.group_id).chain(one);
        let unsettled: Vec<_> = groups.filter_map(|it| unsettled(door, it)).collect();
        if unsettled.is_empty() {
            return Answer::Now(respond(&self, door, &call));
        }
        let door = Arc::clone(door);
        Answer::Later(Box::pin(async move {
            for settled in unsettled {
                // Without an answer the shard is gone, and the next one tells what is true.
                let _ = settled.await;
            }
            respond(&self, &door, &call)
        }))
    }
}

/// Told when a deletion of the group, or an operator's change of its offsets, that is on its way has
/// come to its end.
fn unsettled(door: &Arc<Door>, group: &Str) -> Option<PendingReply> {
    let group = GroupId::from(&**group);
    let host = door.groups().host(&group).ok()?;
    host.look(|shard| shard.is_fenced(&group))
        .then(|| host.call(|reply| Input::Settle { group, reply }))
}

fn respond(request: &OffsetFetchRequest, door: &Arc<Door>, call: &Call) -> Outcome {
    if call.version >= MANY_FROM {
        let of = |it: &OffsetFetchRequestGroup| {
            let member = it.member_id.as_deref().unwrap_or_default();
            let reader = (MemberId::from(member), it.member_epoch);
            fetch(door, &it.group_id, &reader, it.topics.as_deref())
        };
        let groups = request.groups.iter().map(of).collect();
        let response = OffsetFetchResponse { groups, ..Default::default() };
        return call.reply::<OffsetFetchRequest>(&response);
    }
    let topics = request.topics.as_ref().map(|topics| {
        let topics = topics.iter().map(|it| OffsetFetchRequestTopics {
            name: it.name.clone(),
            partition_indexes: it.partition_indexes.clone(),
        });
        topics.collect::<Vec<_>>()
    });
    let group = fetch(door, &request.group_id, &(MemberId::from(""), -1), topics.as_deref());
    call.reply::<OffsetFetchRequest>(&of_one(group, call.version))
}

/// The answer of the versions that ask for one group.
fn of_one(group: OffsetFetchResponseGroup, version: i16) -> OffsetFetchResponse {
    let error = group.error_code;
    let partition = |it: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: it.partition_index,
        committed_offset: it.committed_offset,
        committed_leader_epoch: it.committed_leader_epoch,
        metadata: it.metadata,
        error_code: if version < GROUP_ERROR_FROM { error } else { ErrorCode::None },
    };
    let topics = group.topics.into_iter().map(|it| OffsetFetchResponseTopic {
        name: it.name,
        partitions: it.partitions.into_iter().map(partition).collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code: error, ..Default::default() }
}

/// The offsets of one group: of the partitions asked for, or of all that it has committed. Who says
/// that it is a member of a consumer group must be at its epoch: what another member has committed
/// since would be told to one that has lost the partition (KIP-848).
fn fetch(
    door: &Arc<Door>,
    group_id: &Str,
    (member, epoch): &(MemberId, i32),
    asked: Option<&[OffsetFetchRequestTopics]>,
) -> OffsetFetchResponseGroup {
    let group = GroupId::from(&**group_id);
    let found = door.groups().host(&group).and_then(|host| {
        host.look(|shard| {
            if shard.is_fenced(&group) {
                return Err(ErrorCode::CoordinatorLoadInProgress);
            }
            shard.check_fetch(&group, member, *epoch).map_err(|error| code(&error))?;
            Ok(match asked {
                Some(topics) => asked_for(topics, |it| shard.offset(&group, it).cloned()),
                None => all_of(shard, &group),
            })
        })
    });
    let (topics, error_code) = match found {
        Ok(topics) => (topics, ErrorCode::None),
        Err(code) => (asked_for(asked.unwrap_or_default(), |_| None), code),
    };
    OffsetFetchResponseGroup { group_id: group_id.clone(), topics, error_code }
}

fn asked_for(
    topics: &[OffsetFetchRequestTopics],
    find: impl Fn(&TopicPartition) -> Option<CommittedOffset>,
) -> Vec<OffsetFetchResponseTopics> {
    let of_topic = |topic: &OffsetFetchRequestTopics| {
        let name = own(&topic.name);
        let partitions = topic.partition_indexes.iter().map(|&partition| {
            let found = find(&TopicPartition { topic: Arc::clone(&name), partition });
            describe(partition, found.as_ref())
        });
        OffsetFetchResponseTopics { name: topic.name.clone(), partitions: partitions.collect() }
    };
    topics.iter().map(of_topic).collect()
}

fn all_of(shard: &Shard, group: &GroupId) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    // They come sorted, topic by topic.
    for (partition, offset) in shard.offsets(group) {
        let described = describe(partition.partition, Some(offset));
        match topics.last_mut() {
            Some(last) if last.name == *partition.topic => last.partitions.push(described),
            _ => topics.push(OffsetFetchResponseTopics {
                name: text(&partition.topic),
                partitions: vec![described],
            }),
        }
    }
    topics
}

/// A partition without a committed offset has offset -1, which is no error.
fn describe(partition: i32, offset: Option<&CommittedOffset>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index: partition,
        committed_offset: offset.map_or(-1, |it| it.offset),
        committed_leader_epoch: offset.and_then(|it| it.leader_epoch).unwrap_or(-1),
        metadata: Some(offset.map(|it| text(&it.metadata)).unwrap_or_default()),
        error_code: ErrorCode::None,
    }
}
