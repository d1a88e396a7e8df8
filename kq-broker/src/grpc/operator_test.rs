//! What operators of a cluster ask of the control door, on a broker in this process.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;

use super::grpc_test::{because, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_listed_and_described_with_their_replicas() {
    let rig = start().await;
    rig.create("orders", 3).await;
    rig.produce("orders", &["one", "two"]).await;
    let page = |after: &str| v1::ListPartitionsRequest {
        page: Some(v1::PageRequest { size: 2, after: after.to_owned() }),
        with_figures: true,
        ..v1::ListPartitionsRequest::default()
    };
    let first = rig.door.partitions().list(page("")).await.unwrap().into_inner();
    assert_eq!((first.partitions.len(), first.next.as_str()), (2, "orders/1"));
    let end = first.partitions[0].partition.as_ref().unwrap().log_end_offset;
    assert_eq!(end, Some(2), "the leader was asked");
    let second = rig.door.partitions().list(page(&first.next)).await.unwrap().into_inner();
    assert_eq!((second.partitions.len(), second.next.as_str()), (1, ""));

    let place = |partition| v1::PartitionRef { topic: "orders".to_owned(), partition };
    let request =
        v1::DescribePartitionsRequest { partitions: vec![place(0), place(7)], history_max: 0 };
    let answer = rig.door.partitions().describe(request).await.unwrap().into_inner();
    let detail = &answer.partitions[0];
    assert_eq!(detail.why, "its only replica leads");
    let replica = &detail.replicas[0];
    assert_eq!(replica.role(), v1::ReplicaRole::Leader);
    assert_eq!((replica.lag_records, replica.lag_ms), (Some(0), Some(0)));
    assert!(replica.size_bytes.is_some_and(|it| it > 0) && replica.log_dir.is_some());
    assert_eq!(answer.errors[0].item, "orders/7");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_broker_is_told_not_to_restart_and_why() {
    let rig = start().await;
    rig.create("orders", 1).await;
    let me = rig.broker_id().await;
    let request = v1::RestartCheckRequest { broker: me };
    let answer = rig.door.brokers().restart_check(request).await.unwrap().into_inner();
    let kinds: Vec<v1::RiskKind> = answer.risks.iter().map(v1::RestartRisk::kind).collect();
    assert_eq!(kinds, [v1::RiskKind::NoQuorum, v1::RiskKind::OneReplica]);
    assert!(!answer.safe);
    let unknown = rig.door.brokers().restart_check(v1::RestartCheckRequest { broker: 77 }).await;
    let error = AdminError::from_status(&unknown.unwrap_err());
    assert_eq!(error.code, "kafka.BROKER_ID_NOT_REGISTERED");

    let answer = rig.door.cluster().doctor(v1::DoctorRequest::default()).await;
    let answer = answer.unwrap().into_inner();
    assert!(answer.checks.iter().all(|it| it.incomplete.is_empty()), "{:?}", answer.checks);
    assert!(answer.findings.iter().any(|it| it.check == "D004" && it.subject == "orders"));
    let request = v1::DoctorRequest { checks: vec!["D999".to_owned()], ..Default::default() };
    assert!(rig.door.cluster().doctor(request).await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_about_leaders_is_kept_and_told() {
    let rig = start().await;
    rig.create("orders", 1).await;
    let targets = || Some(v1::PolicyTargets { topics: vec!["orders".to_owned()], cluster: false });
    let said = v1::LeaderPolicy {
        unclean: v1::UncleanPolicy::Never.into(),
        auto_balance: Some(true),
        ..v1::LeaderPolicy::default()
    };
    let request = v1::SetLeaderPolicyRequest {
        targets: targets(),
        change: Some(said),
        intent: Some(because("test")),
        ..v1::SetLeaderPolicyRequest::default()
    };
    let set = rig.door.leaders().set_policy(request.clone()).await.unwrap().into_inner();
    assert!(set.policies[0].changed);
    let again = rig.door.leaders().set_policy(request).await.unwrap().into_inner();
    assert!(!again.policies[0].changed);
    let freeze = v1::FreezeLeadersRequest { targets: targets(), for_ms: None, intent: None };
    assert!(rig.door.leaders().freeze(freeze.clone()).await.is_err(), "a reason is missing");
    let freeze = v1::FreezeLeadersRequest { intent: Some(because("load test")), ..freeze };
    rig.door.leaders().freeze(freeze).await.unwrap();

    let request = v1::GetLeaderPoliciesRequest { topics: Vec::new(), with_cluster: true };
    let told = rig.door.leaders().get_policies(request).await.unwrap().into_inner().policies;
    assert_eq!(told[0].topic, None);
    let force = told[1].in_force.as_ref().unwrap();
    assert_eq!((force.unclean(), force.auto_balance), (v1::UncleanPolicy::Never, Some(true)));
    assert_eq!(told[1].freeze.as_ref().unwrap().reason, "load test");
    let request = v1::UnfreezeLeadersRequest { targets: targets(), intent: None };
    let told = rig.door.leaders().unfreeze(request).await.unwrap().into_inner().policies;
    assert!(told[0].changed && told[0].policy.as_ref().unwrap().freeze.is_none());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_and_brokers_are_changed_or_refused_with_a_cause() {
    let rig = start().await;
    rig.create("orders", 1).await;
    let place = v1::PartitionRef { topic: "orders".to_owned(), partition: 0 };
    let request = v1::ElectLeadersRequest {
        partitions: vec![place],
        r#type: v1::ElectionType::Preferred.into(),
        ..v1::ElectLeadersRequest::default()
    };
    let answer = rig.door.leaders().elect(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.leaders[0].outcome(), v1::ElectionOutcome::Unchanged);
    let request = v1::ElectLeadersRequest { designate: Some(77), ..request };
    assert!(rig.door.leaders().elect(request).await.is_err(), "there is no broker 77");
    let neither = v1::ElectLeadersRequest::default();
    assert!(rig.door.leaders().elect(neither).await.is_err(), "nothing is named");

    let me = rig.broker_id().await;
    let request = v1::CordonBrokersRequest {
        brokers: vec![me, 77],
        decommission: false,
        intent: Some(because("new disks")),
    };
    let answer = rig.door.brokers().cordon(request).await.unwrap().into_inner();
    assert!(answer.brokers[0].changed);
    assert_eq!(answer.errors[0].item, "broker 77");
    let listed = rig.door.brokers().list(v1::ListBrokersRequest::default()).await;
    let broker = &listed.unwrap().into_inner().brokers[0];
    assert_eq!(broker.state(), v1::BrokerState::Draining);
    assert_eq!(broker.cordon.as_ref().unwrap().reason, "new disks");
    let request = v1::UnregisterBrokersRequest { brokers: vec![me], intent: None };
    let answer = rig.door.brokers().unregister(request).await.unwrap().into_inner();
    assert_eq!(answer.errors[0].code, "kq.BROKER_IN_USE");
    let request = v1::UncordonBrokersRequest { brokers: vec![me], intent: None };
    let answer = rig.door.brokers().uncordon(request).await.unwrap().into_inner();
    assert!(answer.brokers[0].changed);
    rig.stop().await;
}
