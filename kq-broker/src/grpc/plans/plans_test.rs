//! Plans through the control door of a broker in this process.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::{self, plan_goal::Goal};

use super::super::grpc_test::{because, start};
use crate::controller::Command;
use crate::ids::{BrokerId, Incarnation};
use crate::metadata::BrokerRegistration;
use crate::runtime::Node;

/// A broker registers, and is no process.
async fn register(node: &Node, id: u32) {
    let me = node.image().live_brokers().next().unwrap().registration();
    let incarnation = Incarnation(uuid::Uuid::new_v4());
    let its = BrokerRegistration { broker: BrokerId(id), incarnation, ..me };
    node.controller.submit(Command::RegisterBroker(its), Duration::from_secs(10)).await.unwrap();
}

fn asking(goal: Goal) -> v1::ProposePlanRequest {
    let scope = vec![v1::PlanScope { topic: "orders".to_owned(), partitions: Vec::new() }];
    let options = v1::PlanOptions { scope, ..v1::PlanOptions::default() };
    v1::ProposePlanRequest { goal: Some(v1::PlanGoal { goal: Some(goal) }), options: Some(options) }
}

fn applying(plan: v1::Plan) -> v1::ApplyPlanRequest {
    let intent = Some(because("more copies"));
    v1::ApplyPlanRequest { plan: Some(plan), overrides: Vec::new(), intent }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_proposed_applied_watched_and_cancelled() {
    let rig = start().await;
    rig.create("orders", 2).await;
    let door = &rig.door;
    let alone = door.plans().propose(asking(Goal::ReplicationFactor(2))).await.unwrap_err();
    let error = AdminError::from_status(&alone);
    assert_eq!(error.code, "kafka.INVALID_REPLICATION_FACTOR", "{}", error.message);

    register(rig.node(), 99).await;
    let proposed = door.plans().propose(asking(Goal::ReplicationFactor(2))).await.unwrap();
    let plan = proposed.into_inner().plan.unwrap();
    assert_eq!((plan.moves.len(), plan.verdicts.len(), plan.refused), (2, 12, false));
    assert_eq!(plan.moves[0].to.len(), 2);
    assert!(plan.moves[0].bytes.is_some(), "its leader was asked");

    let id = door.plans().apply(applying(plan.clone())).await.unwrap().into_inner().id;
    assert_eq!(id, plan.id);
    let stale = door.plans().apply(applying(plan)).await.unwrap_err();
    let error = AdminError::from_status(&stale);
    assert_eq!(error.code, "kq.STALE_PLAN", "{}", error.message);

    let get = || v1::GetPlanRequest { id: id.clone() };
    let told = door.plans().get(get()).await.unwrap().into_inner();
    let status = told.plan.unwrap();
    assert_eq!((status.state.as_str(), status.reason.as_str()), ("running", "more copies"));
    assert_eq!(status.moves_by_state.get("moving"), Some(&2));
    assert_eq!(told.moves[0].state, "moving");

    let change = || v1::ChangePlanRequest { id: id.clone(), intent: None };
    let foretold = || {
        let intent = v1::Intent { reason: String::new(), dry_run: true };
        v1::ChangePlanRequest { id: id.clone(), intent: Some(intent) }
    };
    let would = door.plans().pause(foretold()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(would.state, "paused");
    let would = door.plans().cancel(foretold()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((would.state.as_str(), would.moves_by_state.get("moving")), ("cancelled", None));
    let rate = v1::plan_throttle::Rate::BytesPerSecond(7_000_000);
    let throttle = Some(v1::PlanThrottle { rate: Some(rate) });
    let v1::ChangePlanRequest { id: named, intent } = foretold();
    let request = v1::ThrottlePlanRequest { id: named, throttle, intent };
    let would = door.plans().throttle(request).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((would.state.as_str(), would.bytes_per_second), ("running", Some(7_000_000)));
    let told = door.plans().get(get()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((told.state, told.bytes_per_second), (status.state, status.bytes_per_second));

    let paused = door.plans().pause(change()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(paused.state, "paused");
    let would = door.plans().resume(foretold()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(would.state, "running");
    let gone = door.plans().cancel(change()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((gone.state.as_str(), gone.bytes_per_second), ("cancelled", None));
    let list = |all| v1::ListPlansRequest { all };
    assert!(door.plans().list(list(false)).await.unwrap().into_inner().plans.is_empty());
    assert_eq!(door.plans().list(list(true)).await.unwrap().into_inner().plans.len(), 1);
    let ended = AdminError::from_status(&door.plans().resume(change()).await.unwrap_err());
    assert_eq!(ended.code, "kq.PLAN_ENDED");
    let unknown = v1::GetPlanRequest { id: "0".to_owned() };
    let unknown = AdminError::from_status(&door.plans().get(unknown).await.unwrap_err());
    assert_eq!(unknown.code, "kq.UNKNOWN_PLAN");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_finds_out_once_how_fast_it_takes_bytes_in() {
    let rig = start().await;
    let me = rig.node().broker_id.0;
    let asked = v1::MeasureRequest { from: vec![me], disks: true };
    let first = rig.door.brokers().measure(asked.clone()).await.unwrap().into_inner();
    let [disks] = first.rates.as_slice() else { panic!("no way to itself: {:?}", first.rates) };
    assert!(disks.probed && disks.from.is_none() && 0 < disks.bytes_per_second);
    let again = rig.door.brokers().measure(asked).await.unwrap().into_inner();
    assert_eq!(again.rates[0].bytes_per_second, disks.bytes_per_second, "it is known by now");

    let asked = v1::StreamRequest { bytes: 600 << 10 };
    let mut chunks = rig.door.brokers().stream(asked).await.unwrap().into_inner();
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await.unwrap() {
        bytes += chunk.data.len();
    }
    assert_eq!(bytes, 600 << 10);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_breaks_a_rule_is_told_and_not_applied() {
    let rig = start().await;
    rig.create("orders", 1).await;
    register(rig.node(), 99).await;
    let me = rig.broker_id().await;
    let door = &rig.door;
    let mut request = asking(Goal::Replace(v1::plan_goal::Replace { old: me, new: 99 }));
    let fence = Command::FenceBroker {
        broker: BrokerId(99),
        epoch: None,
        why: crate::controller::FenceReason::SessionExpired,
    };
    rig.node().controller.submit(fence, Duration::from_secs(10)).await.unwrap();
    let plan = door.plans().propose(request.clone()).await.unwrap().into_inner().plan.unwrap();
    assert!(plan.refused && plan.refusal.contains("KQ-S003"), "{}", plan.refusal);
    assert_eq!(plan.moves[0].rules, ["KQ-S003"]);
    let refused = AdminError::from_status(&door.plans().apply(applying(plan)).await.unwrap_err());
    assert_eq!(refused.code, "kq.INTERLOCK", "{}", refused.message);
    for rules in [["KQ-S013"], ["KQ-S008"]] {
        request.options.as_mut().unwrap().overrides = rules.map(str::to_owned).to_vec();
        let usage = door.plans().propose(request.clone()).await.unwrap_err();
        assert_eq!(AdminError::from_status(&usage).code, "kq.USAGE");
    }
    rig.stop().await;
}
