//! Plans of new offsets, over a real log: six records, an hour of nothing amid them, and the first
//! two gone.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::offset_spec::{Named, Spec};
use kq_proto::admin::v1::{self, reset_target::To};

use crate::grpc::groups_test::{commit, join, rig};
use crate::grpc::grpc_test::{Rig, because};

const HOUR_MS: i64 = 3_600_000;
/// When the first record was written.
const BEGAN_AT: i64 = 1_700_000_000_000;

/// `orders/0` holds the records 2 to 5; `orders/1` is empty.
pub(super) async fn with_records() -> Rig {
    let rig = rig().await;
    let times = [0, 1_000, 2_000, HOUR_MS + 1_000, HOUR_MS + 2_000, HOUR_MS + 3_000];
    for time in times {
        let record = v1::NewRecord {
            partition: Some(0),
            value: Some("v".into()),
            timestamp_ms: Some(BEGAN_AT + time),
            ..v1::NewRecord::default()
        };
        let request = v1::ProduceRequest {
            topic: "orders".to_owned(),
            records: vec![record],
            ..v1::ProduceRequest::default()
        };
        let answer = rig.door.records().produce(request).await.unwrap().into_inner();
        assert!(answer.errors.is_empty());
    }
    let before = v1::OffsetSpec { spec: Some(Spec::Offset(2)) };
    let partitions =
        vec![v1::DeleteBefore { topic: "orders".to_owned(), partition: 0, before: Some(before) }];
    let request = v1::DeleteRecordsRequest { partitions, intent: Some(because("a test")) };
    assert!(rig.door.records().delete(request).await.unwrap().into_inner().errors.is_empty());
    rig
}

fn scope(partitions: &[u32]) -> Vec<v1::TopicPartitions> {
    vec![v1::TopicPartitions { topic: "orders".to_owned(), partitions: partitions.to_vec() }]
}

pub(super) fn at(spec: Spec) -> To {
    To::At(v1::OffsetSpec { spec: Some(spec) })
}

pub(super) fn request(group: &str, to: To) -> v1::ProposeResetRequest {
    v1::ProposeResetRequest {
        group: group.to_owned(),
        scope: scope(&[0]),
        target: Some(v1::ResetTarget { to: Some(to) }),
        ..v1::ProposeResetRequest::default()
    }
}

pub(super) async fn propose(
    rig: &Rig,
    request: v1::ProposeResetRequest,
) -> v1::ProposeResetResponse {
    rig.door.offsets().propose_reset(request).await.unwrap().into_inner()
}

async fn refused(rig: &Rig, request: v1::ProposeResetRequest) -> AdminError {
    AdminError::from_status(&rig.door.offsets().propose_reset(request).await.unwrap_err())
}

type Told = (Option<u64>, Option<u64>, u64, u64, String);

fn told(row: &v1::ResetRow) -> Told {
    (row.from, row.to, row.reread, row.skip, row.note.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_position_comes_to_exact_figures() {
    let rig = with_records().await;
    commit(&rig, "billing", 0, 4).await;
    let row = async |to: To| {
        let answer = propose(&rig, request("billing", to)).await;
        assert!(answer.errors.is_empty(), "{:?}", answer.errors);
        answer.plan.unwrap().rows.remove(0)
    };
    let time = |after: i64| at(Spec::AtTimestampMs(BEGAN_AT + after));
    for (to, want) in [
        (at(Spec::Named(Named::Earliest.into())), (2, 2, 0, "")),
        (at(Spec::Named(Named::Latest.into())), (6, 0, 2, "")),
        (To::Current(true), (4, 0, 0, "")),
        (at(Spec::Offset(1)), (2, 2, 0, "to start 2")),
        (at(Spec::Offset(99)), (6, 0, 2, "to end 6")),
        (To::Shift(1), (5, 0, 1, "")),
        (To::Shift(-9), (2, 2, 0, "to start 2")),
        (To::BeforeEnd(1), (5, 0, 1, "")),
        (time(0), (2, 2, 0, "")),
        (time(2_001), (3, 1, 0, "")),
        (time(HOUR_MS + 2_000), (4, 0, 0, "")),
        (time(2 * HOUR_MS), (6, 0, 2, "none so young: end")),
        (at(Spec::AtTimestampMs(i64::MAX)), (6, 0, 2, "future: end")),
    ] {
        let (offset, reread, skip, note) = want;
        let want = (Some(4), Some(offset), reread, skip, note.to_owned());
        assert_eq!(told(&row(to.clone()).await), want, "{to:?}");
    }
    assert_eq!(row(time(2_001)).await.to_at_ms, Some(BEGAN_AT + HOUR_MS + 1_000));
    for (to, want) in [
        (at(Spec::Named(Named::Earliest.into())), Some(2_000)),
        (at(Spec::Offset(1)), Some(2_000)),
        (To::BeforeEnd(1), Some(HOUR_MS + 3_000)),
        (at(Spec::Named(Named::Latest.into())), None),
    ] {
        let told = row(to.clone()).await.to_at_ms;
        assert_eq!(told, want.map(|it| BEGAN_AT + it), "{to:?}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_made_of_all_topics_another_group_or_a_list() {
    let rig = with_records().await;
    commit(&rig, "billing", 0, 4).await;
    commit(&rig, "other", 0, 3).await;
    let earliest = at(Spec::Named(Named::Earliest.into()));
    let all = v1::ProposeResetRequest {
        all_topics: true,
        scope: Vec::new(),
        ..request("billing", earliest.clone())
    };
    let plan = propose(&rig, all).await.plan.unwrap();
    let rows: Vec<_> = plan.rows.iter().map(told).collect();
    let none = (None, Some(0), 0, 0, "no commit".to_owned());
    assert_eq!(rows, [(Some(4), Some(2), 2, 0, String::new()), none]);
    assert_eq!((plan.reread, plan.skip, plan.verb.as_str()), (2, 0, "reset"));
    assert!(!plan.refused && !plan.id.is_empty() && !plan.cluster_id.is_empty());

    let like = v1::ProposeResetRequest {
        scope: Vec::new(),
        ..request("billing", To::Group("other".to_owned()))
    };
    let rows = propose(&rig, like).await.plan.unwrap().rows;
    assert_eq!(
        rows.iter().map(told).collect::<Vec<_>>(),
        [(Some(4), Some(3), 1, 0, String::new())]
    );

    let offset = |partition, offset| v1::OffsetAt {
        topic: "orders".to_owned(),
        partition,
        offset,
        metadata: Some("by file".to_owned()),
    };
    let offsets = vec![offset(0, 5), offset(1, 0)];
    let list = To::Exactly(v1::OffsetList { offsets: offsets.clone() });
    let exactly = v1::ProposeResetRequest { scope: Vec::new(), ..request("billing", list) };
    let rows = propose(&rig, exactly).await.plan.unwrap().rows;
    assert_eq!((rows.len(), rows[0].to, rows[0].skip), (2, Some(5), 1));
    assert_eq!(rows[0].metadata.as_deref(), Some("by file"));
    let twice = To::Exactly(v1::OffsetList { offsets: [offsets, vec![offset(0, 1)]].concat() });
    assert_eq!(refused(&rig, request("billing", twice)).await.code, "kq.USAGE");

    let delete = propose(&rig, request("billing", To::Delete(true))).await.plan.unwrap();
    assert_eq!((delete.verb.as_str(), delete.rows[0].to), ("delete", None));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_cannot_be_says_why() {
    let rig = with_records().await;
    let latest = at(Spec::Named(Named::Latest.into()));
    let unknown = refused(&rig, request("nobody", latest.clone())).await;
    assert_eq!(unknown.code, "kafka.GROUP_ID_NOT_FOUND");
    commit(&rig, "billing", 0, 4).await;
    let new = v1::ProposeResetRequest { new_group: true, ..request("fresh", latest.clone()) };
    let rows = propose(&rig, new).await.plan.unwrap().rows;
    assert_eq!(told(&rows[0]), (None, Some(6), 0, 4, "no commit".to_owned()));

    let open = v1::ProposeResetRequest { scope: Vec::new(), ..request("billing", latest.clone()) };
    assert_eq!(refused(&rig, open).await.code, "kq.USAGE");
    rig.create("elsewhere", 1).await;
    let stranger = vec![v1::TopicPartitions { topic: "elsewhere".to_owned(), partitions: vec![] }];
    let mut request_of = request("billing", latest.clone());
    request_of.scope = stranger;
    let answer = propose(&rig, request_of.clone()).await;
    assert_eq!(answer.errors[0].code, "kq.NEW_TOPIC");
    request_of.allow_new_topics = true;
    assert_eq!(propose(&rig, request_of).await.plan.unwrap().rows.len(), 1);

    let mut shift = request("billing", To::Shift(-1));
    shift.scope = scope(&[1, 7]);
    let answer = propose(&rig, shift).await;
    let errors: Vec<_> = answer.errors.iter().map(|it| (&*it.item, &*it.code)).collect();
    let unknown = ("orders/7", "kafka.UNKNOWN_TOPIC_OR_PARTITION");
    assert_eq!(errors, [("orders/1", "kq.NO_COMMIT"), unknown]);

    join(&rig, "work").await;
    let plan = propose(&rig, request("work", latest.clone())).await.plan.unwrap();
    let refusal = plan.refusal.unwrap();
    assert!(plan.refused && plan.members.len() == 1);
    assert_eq!(refusal.code, "kafka.NON_EMPTY_GROUP");
    assert_eq!(refusal.message, "work: 1 member is at work");
    let live = v1::ProposeResetRequest { live: true, ..request("work", latest) };
    assert!(!propose(&rig, live).await.plan.unwrap().refused);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn committed_offsets_are_told_with_what_there_is_to_read() {
    let rig = with_records().await;
    commit(&rig, "billing", 0, 1).await;
    let request = v1::GetOffsetsRequest { group: "billing".to_owned(), ..Default::default() };
    let rows = rig.door.offsets().get(request.clone()).await.unwrap().into_inner().offsets;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.committed, row.start, row.end), (Some(1), Some(2), Some(6)));
    assert_eq!((row.lag, row.expired, row.metadata.as_str()), (Some(4), 1, "by hand"));
    assert!(row.member.is_none() && !row.topic_deleted && !row.lag_is_bound);

    let at = v1::OffsetSpec { spec: Some(Spec::AtTimestampMs(BEGAN_AT + HOUR_MS)) };
    let request = v1::GetOffsetsRequest { scope: scope(&[]), at: Some(at), ..request };
    let answer = rig.door.offsets().get(request).await.unwrap().into_inner();
    let committed: Vec<_> = answer.offsets.iter().map(|it| it.committed).collect();
    assert_eq!(committed, [Some(1), None]);
    let at: Vec<_> = answer.at.iter().map(|it| it.offset).collect();
    assert_eq!(at, [Some(3), None]);

    join(&rig, "work").await;
    let request = v1::GetOffsetsRequest { group: "work".to_owned(), ..Default::default() };
    let rows = rig.door.offsets().get(request).await.unwrap().into_inner().offsets;
    assert_eq!(rows.len(), 2, "what it owns is shown before anything is committed");
    assert_eq!(
        (rows[0].member.as_deref(), rows[0].host.as_deref()),
        (Some("m-1"), Some("/10.0.4.5"))
    );
    rig.stop().await;
}
