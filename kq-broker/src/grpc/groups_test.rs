//! Groups as an operator sees them: a group with a member and one without, through the client that
//! kq-ctl uses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kq_proto::admin::v1;

use super::grpc_test::{Rig, start_with};
use crate::group::{
    Caller, CommitOffsets, GroupId, Input, JoinGroup, Joined, MemberId, OffsetToCommit, Protocol,
    Reply, ReplyTo, SyncGroup, TopicPartition,
};
use crate::metadata::EventKind;

pub(in crate::grpc) async fn rig() -> Rig {
    let rig = start_with(|config| {
        config.group_initial_delay_ms = 0;
        config.offsets_partitions = 4;
    });
    let rig = rig.await;
    rig.create("orders", 2).await;
    rig
}

async fn ask(rig: &Rig, group: &str, input: impl FnOnce(GroupId, ReplyTo) -> Input) -> Reply {
    let group = GroupId::from(group);
    rig.groups().find(&group).await.unwrap();
    let host = rig.groups().host(&group).unwrap();
    host.call(|reply| input(group, reply)).await.unwrap()
}

/// The bytes of a subscription to `orders`.
const SUBSCRIBED: &[u8] = b"\0\x01\0\0\0\x01\0\x06orders\xff\xff\xff\xff";
/// The bytes of an assignment of both its partitions.
const BOTH: &[u8] = b"\0\x01\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\x01\xff\xff\xff\xff";

pub(in crate::grpc) async fn join(rig: &Rig, group: &str) -> Joined {
    let joined = ask(rig, group, |group, reply| {
        Input::Join(JoinGroup {
            group,
            member: None,
            instance: None,
            fresh_member: MemberId::from("m-1"),
            needs_known_member: false,
            can_skip_assignment: true,
            client_id: Arc::from("java"),
            client_host: Arc::from("/10.0.4.5"),
            session_timeout: Duration::from_secs(45),
            rebalance_timeout: Duration::from_mins(1),
            protocol_type: Arc::from("consumer"),
            protocols: vec![Protocol {
                name: Arc::from("range"),
                metadata: Bytes::from_static(SUBSCRIBED),
            }],
            reply,
        })
    });
    let Reply::Joined(joined) = joined.await else { panic!("refused") };
    let caller = |group| Caller {
        group,
        member: joined.member.clone(),
        instance: None,
        generation: joined.generation,
    };
    let synced = ask(rig, group, |group, reply| {
        Input::Sync(SyncGroup {
            caller: caller(group),
            protocol_type: None,
            protocol: None,
            assignments: vec![(joined.member.clone(), Bytes::from_static(BOTH))],
            reply,
        })
    });
    assert!(matches!(synced.await, Reply::Synced(Ok(_))));
    joined
}

pub(in crate::grpc) async fn commit(rig: &Rig, group: &str, partition: i32, offset: i64) {
    let committed = ask(rig, group, |group, reply| {
        Input::Commit(CommitOffsets {
            retention: None,
            caller: Caller { group, member: MemberId::from(""), instance: None, generation: -1 },
            offsets: vec![OffsetToCommit {
                partition: TopicPartition { topic: Arc::from("orders"), partition },
                offset,
                leader_epoch: None,
                metadata: Arc::from("by hand"),
            }],
            reply,
        })
    });
    assert!(matches!(committed.await, Reply::Offsets(_)));
}

/// What the history tells of groups: which, what and why.
pub(in crate::grpc) fn events(rig: &Rig) -> Vec<String> {
    let image = rig.node().image();
    let of_groups = image.events().filter(|it| it.kind == EventKind::GroupOperated);
    of_groups.map(|it| format!("{}: {} ({})", it.subject, it.detail, it.reason)).collect()
}

async fn list(rig: &Rig, request: v1::ListGroupsRequest) -> (Vec<String>, String) {
    let answer = rig.door.groups().list(request).await.unwrap().into_inner();
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    (answer.groups.into_iter().map(|it| it.group).collect(), answer.next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_listed_page_by_page_and_filtered() {
    let rig = rig().await;
    let (none, _) = list(&rig, v1::ListGroupsRequest::default()).await;
    assert!(none.is_empty());
    assert!(rig.node().image().topic_by_name("__consumer_offsets").is_none(), "nothing is made");

    for group in ["a", "b", "c"] {
        commit(&rig, group, 0, 1).await;
    }
    join(&rig, "work").await;
    let page = |after: &str| v1::ListGroupsRequest {
        page: Some(v1::PageRequest { size: 2, after: after.to_owned() }),
        ..v1::ListGroupsRequest::default()
    };
    let (first, next) = list(&rig, page("")).await;
    assert_eq!((first, next.as_str()), (vec!["a".to_owned(), "b".to_owned()], "b"));
    let (rest, next) = list(&rig, page(&next)).await;
    assert_eq!((rest, next.as_str()), (vec!["c".to_owned(), "work".to_owned()], ""));

    let states = vec![v1::GroupState::Stable.into()];
    let stable = v1::ListGroupsRequest { states, ..v1::ListGroupsRequest::default() };
    assert_eq!(list(&rig, stable).await.0, ["work"]);
    let types = vec![v1::GroupType::Consumer.into()];
    let new = v1::ListGroupsRequest { types, ..v1::ListGroupsRequest::default() };
    assert!(list(&rig, new).await.0.is_empty());
    let topics = vec!["elsewhere".to_owned()];
    let other = v1::ListGroupsRequest { topics, ..v1::ListGroupsRequest::default() };
    assert!(list(&rig, other).await.0.is_empty());

    let groups = vec!["b".to_owned(), "nobody".to_owned()];
    let named = v1::ListGroupsRequest { groups, ..v1::ListGroupsRequest::default() };
    let named = rig.door.groups().list(named).await.unwrap().into_inner();
    assert_eq!(named.groups.len(), 1);
    assert_eq!(named.errors[0].code, "kafka.GROUP_ID_NOT_FOUND");
    assert_eq!(named.errors[0].message, "group 'nobody' does not exist");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_described_with_its_members() {
    let rig = rig().await;
    let groups = vec!["work".to_owned()];
    let request = v1::DescribeGroupsRequest { groups, with_lag: false };
    let answer = rig.door.groups().describe(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.errors[0].code, "kafka.GROUP_ID_NOT_FOUND");

    let joined = join(&rig, "work").await;
    let answer = rig.door.groups().describe(request).await.unwrap().into_inner();
    let group = &answer.groups[0];
    let summary = group.summary.as_ref().unwrap();
    assert_eq!(summary.state(), v1::GroupState::Stable);
    assert_eq!(summary.r#type(), v1::GroupType::Classic);
    assert_eq!((summary.protocol_type.as_str(), summary.protocol.as_str()), ("consumer", "range"));
    assert_eq!((summary.member_count, summary.topic_count), (1, 1));
    assert_eq!(summary.generation, Some(joined.generation));
    assert_eq!(summary.coordinator, rig.broker_id().await);
    let member = &group.members[0];
    assert_eq!((member.member.as_str(), member.host.as_str()), ("m-1", "/10.0.4.5"));
    assert_eq!(member.subscribed, ["orders"]);
    let assigned = v1::TopicPartitions { topic: "orders".to_owned(), partitions: vec![0, 1] };
    assert_eq!(member.assigned, [assigned]);
    assert_eq!((member.session_timeout_ms, member.rebalance_timeout_ms), (45_000, 60_000));
    assert!(member.leads && !member.joining);
    rig.stop().await;
}
