//! What a broker tells of itself: its keys, its quorum, its features.

use std::collections::BTreeMap;
use std::time::Duration;

use kq_proto::kafka::messages::describe_configs::{
    DescribeConfigsResource, DescribeConfigsResourceResult,
};
use kq_proto::kafka::messages::describe_quorum::{RequestPartitionData, RequestTopicData};
use kq_proto::kafka::messages::update_features::FeatureUpdateKey;
use kq_proto::kafka::messages::{
    ApiVersionsRequest, DescribeConfigsRequest, DescribeQuorumRequest, DescribeQuorumResponse,
    UpdateFeaturesRequest,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::rig::{Client, Rig};
use crate::ids::BrokerId;

const BROKER: i8 = 4;
const SOON: Duration = Duration::from_secs(30);

async fn broker_keys(client: &mut Client) -> BTreeMap<Str, DescribeConfigsResourceResult> {
    let request = DescribeConfigsRequest {
        resources: vec![DescribeConfigsResource {
            resource_type: BROKER,
            resource_name: Str::from_static("1"),
            configuration_keys: None,
        }],
        include_synonyms: true,
        include_documentation: true,
    };
    let result = client.ask(&request).await.results.remove(0);
    assert_eq!(result.error_code, ErrorCode::None);
    result.configs.into_iter().map(|it| (it.name.clone(), it)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_tells_every_key_it_goes_by() {
    let rig = Rig::start_with(&["--group-max-size", "7", "--log-roll-jitter-hours", "1"]).await;
    let mut client = rig.client().await;
    let keys = broker_keys(&mut client).await;
    for key in crate::config::keys() {
        assert!(keys.contains_key(key.name), "{} is not told", key.name);
    }
    let told = |name: &str| {
        let it = &keys[name];
        (it.value.as_deref().unwrap_or("none").to_owned(), it.config_source, it.read_only)
    };
    assert_eq!(told("group.max.size"), ("7".to_owned(), 4, true));
    assert_eq!(told("offsets.topic.num.partitions"), ("50".to_owned(), 5, true));
    assert_eq!(told("log.retention.ms"), ("none".to_owned(), 5, false));
    let address = format!("PLAINTEXT://{}", rig.broker.address());
    for listeners in ["listeners", "advertised.listeners"] {
        assert_eq!(told(listeners), (address.clone(), 4, true));
    }
    let places: Vec<_> = keys["group.max.size"].synonyms.iter().map(|it| it.source).collect();
    assert_eq!(places, [4, 5], "the flag, and the default behind it");
}

async fn quorum(client: &mut Client, topic: &'static str, index: i32) -> DescribeQuorumResponse {
    let partitions = vec![RequestPartitionData { partition_index: index }];
    let topics = vec![RequestTopicData { topic_name: Str::from_static(topic), partitions }];
    client.ask(&DescribeQuorumRequest { topics }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quorum_tells_its_voter_and_how_far_it_is() {
    let rig = Rig::start().await;
    let (mut client, _) = rig.client_with_topic(1).await;
    let response = quorum(&mut client, "__cluster_metadata", 0).await;
    let described = &response.topics[0].partitions[0];
    assert_eq!((described.error_code, described.leader_id), (ErrorCode::None, 1));
    let [voter] = &described.current_voters[..] else { panic!("{described:?}") };
    assert_eq!((voter.replica_id, voter.log_end_offset), (1, described.high_watermark));
    assert!(voter.log_end_offset > 2 && voter.last_caught_up_timestamp > 0, "{voter:?}");
    let [node] = &response.nodes[..] else { panic!("{:?}", response.nodes) };
    assert_eq!((node.node_id, node.listeners[0].port), (1, rig.broker.address().port()));

    client.create_topic("more", 1, &[]).await;
    let later = quorum(&mut client, "__cluster_metadata", 0).await;
    assert!(later.topics[0].partitions[0].high_watermark > described.high_watermark);
    for (topic, index) in [("orders", 0), ("__cluster_metadata", 1)] {
        let refused = quorum(&mut client, topic, index).await.topics.remove(0).partitions.remove(0);
        assert_eq!(refused.error_code, ErrorCode::UnknownTopicOrPartition, "{topic}/{index}");
        assert_eq!(refused.partition_index, index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broker_tells_what_the_leader_of_the_quorum_knows() {
    let first = Rig::start().await;
    let join = first.broker.address().to_string();
    let second = Rig::start_with(&["--join", &join]).await;
    let third = Rig::start_with(&["--join", &join]).await;
    for rig in [&first, &second, &third] {
        let mut client = rig.client().await;
        let told = async {
            loop {
                let mut response = quorum(&mut client, "__cluster_metadata", 0).await;
                let it = response.topics.remove(0).partitions.remove(0);
                let known = it.current_voters.iter().filter(|it| it.log_end_offset > 0).count();
                if it.error_code == ErrorCode::None && known == 3 && response.nodes.len() == 3 {
                    return it;
                }
                // The voters are yet to be made, or the lead is on its way.
                let passes = [ErrorCode::None, ErrorCode::NotLeaderOrFollower];
                assert!(passes.contains(&it.error_code), "{it:?}");
                tokio::task::yield_now().await;
            }
        };
        let told = tokio::time::timeout(SOON, told).await.expect("told in time");
        let status = rig.broker.node().controller.status();
        let leader = status.leader.map(BrokerId::to_wire);
        assert_eq!(Some(told.leader_id), leader);
        assert_eq!(u64::try_from(told.leader_epoch), Ok(status.term));
        let voters: Vec<i32> = told.current_voters.iter().map(|it| it.replica_id).collect();
        assert_eq!(voters, [1, 2, 3]);
        let furthest = told.current_voters.iter().map(|it| it.log_end_offset).max();
        assert!((1..=furthest.unwrap()).contains(&told.high_watermark), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn features_are_told_at_the_one_level_they_have() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let name = Str::from_static("test");
    let request =
        ApiVersionsRequest { client_software_name: name.clone(), client_software_version: name };
    let response = client.ask(&request).await;
    assert!(response.finalized_features_epoch > 0);
    for (supported, finalized) in
        response.supported_features.iter().zip(&response.finalized_features)
    {
        let level = finalized.max_version_level;
        assert_eq!(supported.name, finalized.name);
        assert_eq!((supported.min_version, supported.max_version), (level, level));
    }
    assert_eq!(response.supported_features.len(), response.finalized_features.len());
}

fn feature(name: &'static str, level: i16, upgrade_type: i8) -> FeatureUpdateKey {
    let feature = Str::from_static(name);
    FeatureUpdateKey { feature, max_version_level: level, upgrade_type, ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feature_is_updated_to_the_level_it_has_only() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let update = |updates: &[FeatureUpdateKey], validate_only| UpdateFeaturesRequest {
        timeout_ms: 30_000,
        feature_updates: updates.to_vec(),
        validate_only,
    };
    for version in 0..=2 {
        let upgrade_type = 1;
        for validate_only in [false, version > 0] {
            let same = update(&[feature("metadata.version", 27, upgrade_type)], validate_only);
            let done = client.call(version, &same).await;
            assert_eq!((done.error_code, &done.error_message), (ErrorCode::None, &None));
            assert_eq!(done.results.len(), usize::from(version < 2));
        }
        for wrong in [
            feature("metadata.version", 26, upgrade_type),
            feature("metadata.version", 28, upgrade_type),
            feature("group.version", 2, upgrade_type),
            feature("kraft.version", 1, upgrade_type),
        ] {
            let name = wrong.feature.to_string();
            let both = [feature("metadata.version", 27, upgrade_type), wrong];
            let refused = client.call(version, &update(&both, false)).await;
            assert_eq!(refused.error_code, ErrorCode::InvalidUpdateVersion, "{name}");
            assert!(refused.error_message.unwrap().contains(&name));
            assert_eq!(refused.results, []);
        }
    }
    let mut down = feature("metadata.version", 27, 1);
    down.allow_downgrade = true;
    assert_eq!(client.call(0, &update(&[down], false)).await.error_code, ErrorCode::None);
    let strange = client.ask(&update(&[feature("metadata.version", 27, 9)], false)).await;
    assert_eq!(strange.error_code, ErrorCode::InvalidUpdateVersion);
}
