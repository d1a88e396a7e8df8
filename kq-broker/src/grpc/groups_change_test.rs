//! Groups that are deleted, rebalanced and lose members, through the client that kq-ctl uses.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::{self, reset_target::To};

use super::groups_test::{commit, events, join, rig};
use super::grpc_test::{Rig, because};

fn dry() -> v1::Intent {
    v1::Intent { dry_run: true, ..because("a look") }
}

async fn delete(rig: &Rig, groups: &[&str], intent: v1::Intent) -> v1::DeleteGroupsResponse {
    let groups = groups.iter().map(ToString::to_string).collect();
    let request = v1::DeleteGroupsRequest { groups, intent: Some(intent) };
    rig.door.groups().delete(request).await.unwrap().into_inner()
}

async fn rebalance(
    rig: &Rig,
    group: &str,
    intent: Option<v1::Intent>,
) -> Result<v1::RebalanceGroupResponse, AdminError> {
    let request = v1::RebalanceGroupRequest { group: group.to_owned(), intent };
    let answer = rig.door.groups().rebalance(request).await;
    answer.map(tonic::Response::into_inner).map_err(|it| AdminError::from_status(&it))
}

async fn remove(
    rig: &Rig,
    request: v1::RemoveMembersRequest,
) -> Result<v1::RemoveMembersResponse, AdminError> {
    let answer = rig.door.groups().remove_members(request).await;
    answer.map(tonic::Response::into_inner).map_err(|it| AdminError::from_status(&it))
}

async fn describe(rig: &Rig, group: &str) -> Option<v1::GroupDescription> {
    let groups = vec![group.to_owned()];
    let request = v1::DescribeGroupsRequest { groups, with_lag: false };
    rig.door.groups().describe(request).await.unwrap().into_inner().groups.pop()
}

/// What is committed of `orders`, with its note.
async fn committed(rig: &Rig, group: &str) -> Vec<(u32, Option<u64>, String)> {
    let request = v1::GetOffsetsRequest { group: group.to_owned(), ..Default::default() };
    let rows = rig.door.offsets().get(request).await.unwrap().into_inner().offsets;
    rows.into_iter().map(|it| (it.partition, it.committed, it.metadata)).collect()
}

async fn take_back(rig: &Rig, group: &str, id: &str) {
    let target = Some(v1::ResetTarget { to: Some(To::Undo(id.to_owned())) });
    let request = v1::ProposeResetRequest { group: group.to_owned(), target, ..Default::default() };
    let proposed = rig.door.offsets().propose_reset(request).await.unwrap().into_inner();
    assert!(proposed.errors.is_empty(), "{:?}", proposed.errors);
    let request = v1::ApplyResetRequest { plan: proposed.plan, intent: Some(because("a mistake")) };
    rig.door.offsets().apply_reset(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_groups_offsets_are_brought_back() {
    let rig = rig().await;
    commit(&rig, "billing", 0, 4).await;
    commit(&rig, "billing", 1, 7).await;
    join(&rig, "work").await;
    let looked = delete(&rig, &["nobody", "billing", "work", "billing"], dry()).await;
    assert_eq!(looked.groups.len(), 1);
    assert_eq!((looked.groups[0].offset_count, looked.groups[0].undo.as_str()), (2, ""));
    assert_eq!(committed(&rig, "billing").await.len(), 2, "a look changes nothing");
    assert!(events(&rig).is_empty(), "a look is not told of");

    let done = delete(&rig, &["nobody", "billing", "work", ""], because("retired")).await;
    let gone = &done.groups[0];
    assert_eq!((gone.group.as_str(), gone.offset_count), ("billing", 2));
    assert_eq!(gone.r#type(), v1::GroupType::Classic);
    let refused: Vec<_> =
        done.errors.iter().map(|it| (it.item.as_str(), it.code.as_str())).collect();
    let want = [
        ("nobody", "kafka.GROUP_ID_NOT_FOUND"),
        ("work", "kafka.NON_EMPTY_GROUP"),
        ("", "kafka.INVALID_GROUP_ID"),
    ];
    assert_eq!(refused, want);
    assert_eq!(done.errors[1].message, "group 'work' has a member: m-1 at 10.0.4.5");
    assert!(describe(&rig, "billing").await.is_none());
    let plan = &gone.undo;
    let told =
        format!("group billing: deletion of the group with 2 offsets, plan {plan} (retired)");
    assert_eq!((events(&rig), &done.notes[..]), (vec![told], &[][..]));

    let undos = rig.door.offsets().list_undo(v1::ListUndoRequest::default()).await.unwrap();
    let undo = undos.into_inner().undos.remove(0);
    assert_eq!((undo.id.as_str(), undo.verb.as_str()), (gone.undo.as_str(), "group-delete"));
    assert_eq!((undo.reason.as_str(), undo.partition_count), ("retired", 2));
    take_back(&rig, "billing", &gone.undo).await;
    let note = || "by hand".to_owned();
    let back = [(0, Some(4), note()), (1, Some(7), note())];
    assert_eq!(committed(&rig, "billing").await, back);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_with_members_is_made_to_rebalance() {
    let rig = rig().await;
    let unknown = rebalance(&rig, "work", None).await.unwrap_err();
    assert_eq!(unknown.code, "kafka.GROUP_ID_NOT_FOUND");
    commit(&rig, "billing", 0, 4).await;
    let nobody = rebalance(&rig, "billing", None).await.unwrap();
    assert!(!nobody.under_way);
    assert!(events(&rig).is_empty(), "nothing was done");

    let joined = join(&rig, "work").await;
    let state = async || describe(&rig, "work").await.unwrap().summary.unwrap().state();
    assert!(rebalance(&rig, "work", Some(dry())).await.unwrap().under_way);
    assert_eq!(state().await, v1::GroupState::Stable, "a look changes nothing");
    let done = rebalance(&rig, "work", Some(because("skewed"))).await.unwrap();
    let before = done.before.unwrap();
    assert!(done.under_way);
    assert_eq!((before.state(), before.member_count), (v1::GroupState::Stable, 1));
    assert_eq!(before.generation, Some(joined.generation));
    assert_eq!(state().await, v1::GroupState::PreparingRebalance);
    let again = rebalance(&rig, "work", Some(because("impatient"))).await.unwrap();
    assert!(again.under_way && again.notes.is_empty());
    assert_eq!(events(&rig), ["group work: rebalance of 1 member (skewed)"], "what began once");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_put_out_and_strangers_told() {
    let rig = rig().await;
    let joined = join(&rig, "work").await;
    let request = |members: &[&str], intent| v1::RemoveMembersRequest {
        group: "work".to_owned(),
        members: members.iter().map(ToString::to_string).collect(),
        instances: vec!["till-9".to_owned()],
        intent,
        ..v1::RemoveMembersRequest::default()
    };
    let nobody = v1::RemoveMembersRequest { group: "work".to_owned(), ..Default::default() };
    assert_eq!(remove(&rig, nobody.clone()).await.unwrap_err().code, "kq.USAGE");
    let elsewhere = v1::RemoveMembersRequest {
        group: "billing".to_owned(),
        members: vec!["m-1".to_owned()],
        ..Default::default()
    };
    let unknown = remove(&rig, elsewhere).await.unwrap_err();
    assert_eq!(unknown.code, "kafka.GROUP_ID_NOT_FOUND");

    let looked = remove(&rig, request(&["m-1"], Some(dry()))).await.unwrap();
    assert_eq!(looked.removed[0].member, joined.member.as_str());
    assert_eq!(describe(&rig, "work").await.unwrap().members.len(), 1);
    let silent = v1::RemoveMembersRequest { silent_for_ms: Some(3_600_000), ..nobody };
    assert_eq!(remove(&rig, silent).await.unwrap(), v1::RemoveMembersResponse::default());
    assert!(events(&rig).is_empty(), "nobody was put out");

    let intent = Some(because("a ghost"));
    let done = remove(&rig, request(&["m-9", "m-1"], intent)).await.unwrap();
    assert_eq!(done.removed.len(), 1);
    assert_eq!(done.removed[0].assigned[0].partitions, [0, 1]);
    let told: Vec<_> = done.errors.iter().map(|it| (&*it.item, &*it.code, &*it.message)).collect();
    let code = "kafka.UNKNOWN_MEMBER_ID";
    let want = [
        ("m-9", code, "group 'work' has no member 'm-9'"),
        ("till-9", code, "group 'work' has no instance 'till-9'"),
    ];
    assert_eq!(told, want);
    let left = describe(&rig, "work").await.unwrap();
    assert!(left.members.is_empty());
    assert_eq!(left.summary.unwrap().state(), v1::GroupState::Empty);
    assert_eq!(events(&rig), ["group work: removal of 1 member: m-1 (a ghost)"]);
    rig.stop().await;
}
