//! Plans that are carried out and taken back, through the client that kq-ctl uses.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::offset_spec::{Named, Spec};
use kq_proto::admin::v1::{self, reset_target::To};

use super::offset_admin_test::{at, propose, request, with_records};
use crate::grpc::groups_test::{commit, events, join};
use crate::grpc::grpc_test::{Rig, because};

async fn plan(rig: &Rig, request: v1::ProposeResetRequest) -> v1::ResetPlan {
    let answer = propose(rig, request).await;
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    answer.plan.unwrap()
}

async fn try_apply(
    rig: &Rig,
    plan: &v1::ResetPlan,
    intent: v1::Intent,
) -> Result<v1::ApplyResetResponse, AdminError> {
    let request = v1::ApplyResetRequest { plan: Some(plan.clone()), intent: Some(intent) };
    let answer = rig.door.offsets().apply_reset(request).await;
    answer.map(tonic::Response::into_inner).map_err(|it| AdminError::from_status(&it))
}

async fn apply(rig: &Rig, plan: &v1::ResetPlan) -> v1::ApplyResetResponse {
    try_apply(rig, plan, because("a replay")).await.unwrap()
}

async fn code_of(rig: &Rig, plan: &v1::ResetPlan) -> String {
    try_apply(rig, plan, because("a replay")).await.unwrap_err().code
}

/// What is committed of `orders`, with its note.
async fn committed(rig: &Rig, group: &str) -> Vec<(u32, Option<u64>, String)> {
    let request = v1::GetOffsetsRequest { group: group.to_owned(), ..Default::default() };
    let rows = rig.door.offsets().get(request).await.unwrap().into_inner().offsets;
    rows.into_iter().map(|it| (it.partition, it.committed, it.metadata)).collect()
}

async fn undos(rig: &Rig) -> Vec<v1::UndoSummary> {
    let request = v1::ListUndoRequest::default();
    let answer = rig.door.offsets().list_undo(request).await.unwrap().into_inner();
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    answer.undos
}

fn earliest() -> To {
    at(Spec::Named(Named::Earliest.into()))
}

fn note(text: &str) -> String {
    text.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_carried_out_and_taken_back_to_the_letter() {
    let rig = with_records().await;
    commit(&rig, "billing", 0, 4).await;
    let both = v1::ProposeResetRequest {
        scope: Vec::new(),
        all_topics: true,
        ..request("billing", earliest())
    };
    let reset = plan(&rig, both).await;
    let dry = v1::Intent { dry_run: true, ..because("a look") };
    assert_eq!(try_apply(&rig, &reset, dry).await.unwrap().rows, reset.rows);
    assert!(undos(&rig).await.is_empty(), "a look changes nothing");

    let done = apply(&rig, &reset).await;
    assert_eq!((done.rows.clone(), done.undo.as_str()), (reset.rows.clone(), reset.id.as_str()));
    let changed = [(0, Some(2), note("")), (1, Some(0), note(""))];
    assert_eq!(committed(&rig, "billing").await, changed);
    let told = format!("group billing: reset of 2 offsets, plan {} (a replay)", reset.id);
    assert_eq!(events(&rig), [told], "a look is not told of");
    let kept = undos(&rig).await;
    assert_eq!((kept[0].id.as_str(), kept[0].partition_count), (reset.id.as_str(), 2));
    assert_eq!((kept[0].verb.as_str(), kept[0].reason.as_str()), ("reset", "a replay"));
    assert_eq!(kept[0].until_at_ms - kept[0].at_ms, 7 * 24 * 3_600_000);

    let back = |id: &str| v1::ProposeResetRequest {
        scope: Vec::new(),
        ..request("billing", To::Undo(id.to_owned()))
    };
    let undo = plan(&rig, back(&reset.id)).await;
    let rows: Vec<_> = undo.rows.iter().map(|it| (it.from, it.to, it.skip)).collect();
    assert_eq!(rows, [(Some(2), Some(4), 2), (Some(0), None, 0)]);
    apply(&rig, &undo).await;
    assert_eq!(committed(&rig, "billing").await, [(0, Some(4), note("by hand"))]);
    let redo = plan(&rig, back(&undo.id)).await;
    apply(&rig, &redo).await;
    assert_eq!(committed(&rig, "billing").await, changed);
    assert_eq!(undos(&rig).await.len(), 3);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_is_taken_back_though_the_group_is_gone() {
    let rig = with_records().await;
    commit(&rig, "billing", 0, 4).await;
    let delete = plan(&rig, request("billing", To::Delete(true))).await;
    apply(&rig, &delete).await;
    let gone = v1::GetOffsetsRequest { group: "billing".to_owned(), ..Default::default() };
    let gone = rig.door.offsets().get(gone).await.unwrap_err();
    assert_eq!(AdminError::from_status(&gone).code, "kafka.GROUP_ID_NOT_FOUND");
    let target = To::Undo(delete.id.clone());
    let back = v1::ProposeResetRequest { scope: Vec::new(), ..request("billing", target) };
    let undo = plan(&rig, back).await;
    apply(&rig, &undo).await;
    assert_eq!(committed(&rig, "billing").await, [(0, Some(4), note("by hand"))]);

    let again = plan(&rig, request("billing", To::Delete(true))).await;
    apply(&rig, &again).await;
    let target = To::Undo(again.id.clone());
    let back =
        v1::ProposeResetRequest { scope: Vec::new(), live: true, ..request("billing", target) };
    let undo = plan(&rig, back).await;
    assert_eq!(undo.after.as_deref(), Some(&*again.id), "the group is gone, its changes are not");
    apply(&rig, &undo).await;
    assert_eq!(committed(&rig, "billing").await, [(0, Some(4), note("by hand"))]);

    let unknown = v1::ProposeResetRequest {
        scope: Vec::new(),
        ..request("billing", To::Undo("beef".to_owned()))
    };
    let unknown = rig.door.offsets().propose_reset(unknown).await.unwrap_err();
    assert_eq!(AdminError::from_status(&unknown).code, "kq.UNKNOWN_UNDO");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_no_longer_fits_is_refused_as_a_whole() {
    let rig = with_records().await;
    commit(&rig, "billing", 0, 4).await;
    let mut shown = plan(&rig, request("billing", earliest())).await;
    commit(&rig, "billing", 0, 5).await;
    let stale = try_apply(&rig, &shown, because("late")).await.unwrap_err();
    assert_eq!(stale.code, "kq.STALE_PLAN");
    assert!(stale.message.ends_with("is stale: orders/0 is at 5"), "{}", stale.message);

    shown.cluster_id = "another".to_owned();
    assert_eq!(code_of(&rig, &shown).await, "kq.WRONG_CLUSTER");
    let fresh = plan(&rig, request("billing", earliest())).await;
    let mut other_topic = fresh.clone();
    other_topic.rows[0].topic_id = vec![7; 16].into();
    assert_eq!(code_of(&rig, &other_topic).await, "kq.STALE_PLAN");
    let mut twice = fresh.clone();
    twice.rows.push(fresh.rows[0].clone());
    assert_eq!(code_of(&rig, &twice).await, "kq.USAGE");
    apply(&rig, &fresh).await;
    let again = try_apply(&rig, &fresh, because("again")).await.unwrap_err();
    assert_eq!(again.code, "kq.STALE_PLAN");
    assert!(again.message.ends_with("it was carried out already"), "{}", again.message);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_group_of_a_cluster_may_be_made_by_hand() {
    let rig = with_records().await;
    let new = v1::ProposeResetRequest { new_group: true, ..request("fresh", earliest()) };
    let made = plan(&rig, new).await;
    apply(&rig, &made).await;
    assert_eq!(committed(&rig, "fresh").await, [(0, Some(2), note(""))]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_put_out_only_if_that_is_meant() {
    let rig = with_records().await;
    let joined = join(&rig, "work").await;
    let refused = plan(&rig, request("work", earliest())).await;
    assert_eq!(code_of(&rig, &refused).await, "kafka.NON_EMPTY_GROUP");
    let live = v1::ProposeResetRequest { live: true, ..request("work", earliest()) };
    let other = plan(&rig, live.clone()).await;
    let live = plan(&rig, live).await;
    let done = apply(&rig, &live).await;
    assert_eq!((done.expelled_count, done.generation), (1, Some(joined.generation)));
    let overtaken = try_apply(&rig, &other, because("too late")).await.unwrap_err();
    assert_eq!(overtaken.code, "kq.STALE_PLAN");
    let why = format!("is stale: plan {} changed the same offsets meanwhile", live.id);
    assert!(overtaken.message.ends_with(&why), "{}", overtaken.message);
    let told = format!("group work: reset of 1 offset, 1 member put out, plan {}", live.id);
    assert!(events(&rig)[0].starts_with(&told));
    let groups = vec!["work".to_owned()];
    let described = v1::DescribeGroupsRequest { groups, with_lag: false };
    let described = rig.door.groups().describe(described).await.unwrap().into_inner();
    let group = &described.groups[0];
    assert!(group.members.is_empty());
    assert_eq!(group.summary.as_ref().unwrap().state(), v1::GroupState::PreparingRebalance);
    assert_eq!(group.undos[0].id, live.id);
    assert_eq!(code_of(&rig, &refused).await, "kafka.NON_EMPTY_GROUP", "they are on their way");
    rig.stop().await;
}
