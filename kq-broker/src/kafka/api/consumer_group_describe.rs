//! `ConsumerGroupDescribe`: members and state of consumer groups (KIP-848).

use std::sync::Arc;

use kq_proto::kafka::messages::consumer_group_describe::{
    Assignment, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
    Member, TopicPartitions,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::groups::text;
use super::operations::GROUP_OPERATIONS;
use crate::group::{
    ConsumerDescription, ConsumerMemberDescription, GroupId, InstanceId, PartitionSet,
};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::MetadataImage;

/// A member that speaks the classic protocol, and one that speaks the consumer protocol.
const CLASSIC: i8 = 0;
const CONSUMER: i8 = 1;

impl Handle for ConsumerGroupDescribeRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let image = door.image();
        let describe = |group_id: &Str| {
            let group = GroupId::from(&**group_id);
            let found = door.groups().host(&group);
            let found = found.map(|host| host.look(|shard| shard.describe_consumer(&group)));
            let described = match found {
                Ok(Some(it)) => known(&it, &image, self.include_authorized_operations),
                Ok(None) => unknown(&group),
                Err(error_code) => DescribedGroup { error_code, ..Default::default() },
            };
            DescribedGroup { group_id: group_id.clone(), ..described }
        };
        let groups = self.group_ids.iter().map(describe).collect();
        call.answer::<Self>(&ConsumerGroupDescribeResponse { groups, ..Default::default() })
    }
}

fn unknown(group: &GroupId) -> DescribedGroup {
    DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound,
        error_message: Some(text(&format!("Group {group} is not a consumer group."))),
        ..Default::default()
    }
}

fn known(it: &ConsumerDescription, image: &MetadataImage, operations: bool) -> DescribedGroup {
    DescribedGroup {
        group_state: Str::from_static(it.state.name()),
        group_epoch: it.epoch.0,
        assignment_epoch: it.target_epoch.0,
        assignor_name: Str::from_static(it.assignor.name()),
        members: it.members.iter().map(|it| member(it, image)).collect(),
        authorized_operations: if operations { GROUP_OPERATIONS } else { i32::MIN },
        ..Default::default()
    }
}

fn member(it: &ConsumerMemberDescription, image: &MetadataImage) -> Member {
    let profile = &it.profile;
    Member {
        member_id: text(it.member.as_str()),
        instance_id: profile.instance.as_ref().map(InstanceId::as_str).map(text),
        rack_id: profile.rack.as_deref().map(text),
        member_epoch: it.current.epoch.0,
        client_id: text(&profile.client_id),
        client_host: text(&profile.client_host),
        subscribed_topic_names: profile.topics.iter().map(|it| text(it)).collect(),
        subscribed_topic_regex: profile.pattern.as_deref().map(text),
        assignment: share(&it.current.assigned, image),
        target_assignment: share(&it.target, image),
        member_type: if profile.classic.is_some() { CLASSIC } else { CONSUMER },
    }
}

/// A topic that is gone has no name to show.
fn share(share: &PartitionSet, image: &MetadataImage) -> Assignment {
    let topics = share.topics().filter_map(|(id, indexes)| {
        let topic = image.topic_by_id(id)?;
        Some(TopicPartitions {
            topic_id: id.0,
            topic_name: text(&topic.name),
            partitions: indexes.iter().map(|it| it.to_wire()).collect(),
        })
    });
    Assignment { topic_partitions: topics.collect() }
}
