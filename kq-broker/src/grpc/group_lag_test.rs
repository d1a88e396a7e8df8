//! The lag of groups as an operator asks for it, of one broker.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;

use super::groups_test::{commit, join, rig};
use super::grpc_test::Rig;

async fn lag(rig: &Rig, request: v1::GroupLagRequest) -> v1::GroupLagResponse {
    let answer = rig.door.groups().lag(request).await.unwrap().into_inner();
    assert!(answer.errors.is_empty(), "{:?}", answer.errors);
    answer
}

fn of(groups: &[&str]) -> v1::GroupLagRequest {
    let groups = groups.iter().map(ToString::to_string).collect();
    v1::GroupLagRequest { groups, ..v1::GroupLagRequest::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_is_told_exactly_and_with_its_age() {
    let rig = rig().await;
    rig.produce("orders", &["a", "b", "c", "d", "e"]).await;
    commit(&rig, "g", 0, 2).await;
    let answer = lag(&rig, of(&["g"])).await;
    let row = &answer.partitions[0];
    assert_eq!((row.group.as_str(), row.topic.as_str(), row.partition), ("g", "orders", 0));
    assert_eq!((row.committed, row.start, row.end), (Some(2), Some(0), Some(5)));
    assert_eq!((row.lag, row.unread_from, row.expired), (Some(3), Some(2), 0));
    let (unread_at, time_lag) = (row.unread_at_ms.unwrap(), row.time_lag_ms.unwrap());
    let now = rig.node().clock.now().0;
    assert!(unread_at <= now && time_lag <= u64::try_from(now - unread_at).unwrap());
    assert_eq!((row.class(), row.metadata.as_str()), (v1::LagClass::New, "by hand"));
    assert_eq!(row.age_ms, None, "as of this call");
    let summary = answer.groups[0].lag.as_ref().unwrap();
    assert_eq!((summary.lag, summary.class()), (3, v1::LagClass::New));
    assert_eq!(summary.slowest.as_ref().map(|it| it.partition), Some(0));

    // All is read: known at once, whatever was seen before.
    commit(&rig, "g", 0, 5).await;
    let answer = lag(&rig, of(&["g"])).await;
    let row = &answer.partitions[0];
    assert_eq!((row.lag, row.time_lag_ms), (Some(0), Some(0)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_members_own_and_never_committed_is_told() {
    let rig = rig().await;
    rig.produce("orders", &["a", "b"]).await;
    join(&rig, "work").await;
    let groups = vec!["work".to_owned()];
    let request = v1::DescribeGroupsRequest { groups, with_lag: true };
    let answer = rig.door.groups().describe(request).await.unwrap().into_inner();
    let rows = &answer.groups[0].partitions;
    assert_eq!(rows.iter().map(|it| it.partition).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((rows[0].committed, rows[0].lag, rows[0].lag_is_bound), (None, Some(2), true));
    assert_eq!((rows[0].class(), rows[1].class()), (v1::LagClass::New, v1::LagClass::Ok));
    assert_eq!(
        (rows[0].member.as_deref(), rows[0].host.as_deref()),
        (Some("m-1"), Some("/10.0.4.5"))
    );
    let summary = answer.groups[0].summary.as_ref().unwrap().lag.as_ref().unwrap();
    assert_eq!(summary.lag, 2);

    // A list asks nobody: its rounds ask of what nobody has committed as well.
    let list = v1::ListGroupsRequest { with_lag: true, ..v1::ListGroupsRequest::default() };
    for _ in 0..2 {
        rig.groups().sample(false).await;
    }
    let told = rig.door.groups().list(list).await.unwrap().into_inner();
    let told = told.groups[0].lag.as_ref().unwrap();
    assert_eq!((told.lag, told.class(), told.partial_count), (2, v1::LagClass::New, 0));
    assert!(told.time_lag_ms.is_some(), "the age of the first record");
    let text = rig.node().metrics.encode();
    let line = "kq_group_lag_records{group=\"work\"} 2";
    assert!(text.contains(line), "{line} is missing in\n{text}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_page_by_page_and_by_topic() {
    let rig = rig().await;
    rig.create("other", 1).await;
    for (group, partition) in [("a", 0), ("a", 1), ("b/c", 0)] {
        commit(&rig, group, partition, 0).await;
    }
    let key = |it: &v1::PartitionLag| (it.group.clone(), it.partition);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = Some(v1::PageRequest { size: 1, after });
        let answer = lag(&rig, v1::GroupLagRequest { page, ..of(&["a", "b/c"]) }).await;
        seen.extend(answer.partitions.iter().map(key));
        after = answer.next;
        if after.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [("a".to_owned(), 0), ("a".to_owned(), 1), ("b/c".to_owned(), 0)]);
    let on = |topic: &str| v1::GroupLagRequest {
        topics: vec![topic.to_owned()],
        ..v1::GroupLagRequest::default()
    };
    assert_eq!(lag(&rig, on("orders")).await.partitions.len(), 3);
    assert!(lag(&rig, on("other")).await.groups.is_empty());

    let page = Some(v1::PageRequest { size: 1, after: "nonsense".to_owned() });
    let refused = rig.door.groups().lag(v1::GroupLagRequest { page, ..of(&["a"]) }).await;
    assert_eq!(AdminError::from_status(&refused.unwrap_err()).code, "kafka.INVALID_REQUEST");
    let unknown = rig.door.groups().lag(of(&["nobody"])).await.unwrap().into_inner();
    assert_eq!(unknown.errors[0].code, "kafka.GROUP_ID_NOT_FOUND");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_fills_the_list_and_the_metrics() {
    let rig = rig().await;
    rig.produce("orders", &["a", "b", "c", "d", "e"]).await;
    commit(&rig, "g", 0, 1).await;
    let list = v1::ListGroupsRequest { with_lag: true, ..v1::ListGroupsRequest::default() };
    let before = rig.door.groups().list(list.clone()).await.unwrap().into_inner();
    let unknown = before.groups[0].lag.as_ref().unwrap();
    assert_eq!((unknown.class(), unknown.time_lag_ms), (v1::LagClass::New, None));
    rig.groups().sample(false).await;
    rig.groups().sample(false).await;
    let told = rig.door.groups().list(list).await.unwrap().into_inner();
    let lag = told.groups[0].lag.as_ref().unwrap();
    assert_eq!((lag.lag, lag.class(), lag.partial_count), (4, v1::LagClass::New, 0));
    assert!(lag.time_lag_ms.is_some(), "a header told it");
    assert_eq!(told.groups[0].windowless_count, 0);
    let text = rig.node().metrics.encode();
    for line in [
        "kq_group_lag_records{group=\"g\"} 4",
        "kq_group_class{group=\"g\",class=\"new\"} 1",
        "kq_groups{class=\"new\"} 1",
        "kq_group_lag_unwindowed 0",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("kq_group_lag_round_seconds_count"));
    rig.stop().await;
}
