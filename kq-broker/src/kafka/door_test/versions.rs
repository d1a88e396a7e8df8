//! What is advertised, and that it is the truth.

use expect_test::expect;
use kq_proto::kafka::messages::ApiVersionsRequest;
use kq_proto::kafka::{ApiKey, ErrorCode};
use tokio::io::AsyncWriteExt;

use super::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_versions_is_advertised() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let request = ApiVersionsRequest {
        client_software_name: "test".into(),
        client_software_version: "1.0".into(),
    };
    let response = client.ask(&request).await;
    assert_eq!(response.error_code, ErrorCode::None);
    let lines = response.api_keys.iter().map(|it| {
        let name = ApiKey::from_code(it.api_key).map_or("?", ApiKey::name);
        format!("{:2} {name} {}..={}\n", it.api_key, it.min_version, it.max_version)
    });
    expect![[r#"
         0 Produce 0..=13
         1 Fetch 4..=18
         2 ListOffsets 1..=10
         3 Metadata 0..=13
         8 OffsetCommit 2..=9
         9 OffsetFetch 1..=9
        10 FindCoordinator 0..=6
        11 JoinGroup 0..=9
        12 Heartbeat 0..=4
        13 LeaveGroup 0..=5
        14 SyncGroup 0..=5
        15 DescribeGroups 0..=6
        16 ListGroups 0..=5
        18 ApiVersions 0..=4
        19 CreateTopics 2..=7
        20 DeleteTopics 1..=6
        21 DeleteRecords 0..=2
        22 InitProducerId 0..=5
        23 OffsetForLeaderEpoch 2..=4
        29 DescribeAcls 1..=3
        30 CreateAcls 1..=3
        31 DeleteAcls 1..=3
        32 DescribeConfigs 1..=4
        33 AlterConfigs 0..=2
        35 DescribeLogDirs 1..=4
        37 CreatePartitions 0..=3
        42 DeleteGroups 0..=2
        43 ElectLeaders 0..=2
        44 IncrementalAlterConfigs 0..=1
        45 AlterPartitionReassignments 0..=1
        46 ListPartitionReassignments 0..=0
        47 OffsetDelete 0..=0
        50 DescribeUserScramCredentials 0..=0
        51 AlterUserScramCredentials 0..=0
        55 DescribeQuorum 0..=2
        57 UpdateFeatures 0..=2
        60 DescribeCluster 0..=2
        64 UnregisterBroker 0..=0
        68 ConsumerGroupHeartbeat 0..=1
        69 ConsumerGroupDescribe 0..=1
        74 ListConfigResources 0..=1
        75 DescribeTopicPartitions 0..=0
    "#]]
    .assert_eq(&lines.collect::<String>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_the_future_is_answered_in_version_0() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let mut frame = vec![0, 0, 0, 12, 0, 18, 0, 99, 0, 0, 0, 7];
    frame.extend_from_slice(&[0, 1, b'c', 0]);
    client.stream.write_all(&frame).await.unwrap();
    let answer = client.frame().await.unwrap();
    assert_eq!(&answer[..6], [0, 0, 0, 7, 0, 35]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_software_name_must_be_printable() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    for (name, want) in [
        ("apache-kafka-java", ErrorCode::None),
        ("x\u{1b}[31m", ErrorCode::InvalidRequest),
        ("", ErrorCode::InvalidRequest),
        ("-x", ErrorCode::InvalidRequest),
    ] {
        let request = ApiVersionsRequest {
            client_software_name: name.into(),
            client_software_version: "4.1.0".into(),
        };
        assert_eq!(client.ask(&request).await.error_code, want, "{name:?}");
    }
}
