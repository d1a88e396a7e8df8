//! `ElectLeaders`: the preferred replicas lead again, or a replica out of sync where nobody leads
//! (KIP-460). A leader that lives drains first, so that nothing is lost (acks=1 neither); the answer
//! waits for that.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
    TopicPartitions,
};

use super::control::{deadline, message};
use crate::controller::{
    Command, ControlError, Elected, ElectedPartition, ElectionKind, PartitionRef, Reply, TopicRef,
};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::MetadataImage;

impl Handle for ElectLeadersRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { elect(&door, self).await })
    }
}

async fn elect(door: &Door, request: ElectLeadersRequest) -> ElectLeadersResponse {
    let kind = match request.election_type {
        0 => ElectionKind::Preferred,
        1 => ElectionKind::Unclean,
        other => {
            let message = format!("Election type {other} is unknown: 0 and 1 are accepted.");
            return refused(&request, &ControlError::new(ErrorCode::InvalidRequest, message));
        }
    };
    let patience = deadline(request.timeout_ms);
    let partitions =
        request.topic_partitions.as_ref().map(|topics| topics.iter().flat_map(refs_of).collect());
    let command = Command::ElectLeaders { kind, partitions, designate: None, validate_only: false };
    let mut results = match door.submit(command, patience).await {
        Ok(Reply::LeadersElected(results)) => results,
        Ok(_) => {
            let what = "an answer of another kind";
            return refused(&request, &ControlError::new(ErrorCode::UnknownServerError, what));
        }
        Err(error) => return refused(&request, &error),
    };
    wait_for_handovers(door, &mut results, patience).await;
    ElectLeadersResponse {
        replica_election_results: grouped(results),
        ..ElectLeadersResponse::default()
    }
}

fn refs_of(topic: &TopicPartitions) -> impl Iterator<Item = PartitionRef> {
    let name = topic.topic.to_string();
    let of = move |index: &i32| PartitionRef { topic: TopicRef::Name(name.clone()), index: *index };
    topic.partitions.iter().map(of)
}

/// Waits until every leader that was asked to hand over has done so, or has given it up.
async fn wait_for_handovers(door: &Door, results: &mut [ElectedPartition], patience: Duration) {
    let mut images = door.node.controller.subscribe();
    let settled = async {
        loop {
            let image = Arc::clone(&images.borrow_and_update());
            if results.iter().all(|it| outcome(&image, &it.result) != Outcome::Pending) {
                return;
            }
            // Fails only when the broker stops: then it is as it is.
            if images.changed().await.is_err() {
                return;
            }
        }
    };
    // Whatever is not done by then is told below.
    let _ = tokio::time::timeout(patience, settled).await;
    let image = door.image();
    door.node.partitions.wait_applied(image.applied()).await;
    for it in results {
        let error = match outcome(&image, &it.result) {
            Outcome::Done => continue,
            Outcome::Pending => ControlError::new(
                ErrorCode::RequestTimedOut,
                "The leader has not handed over in time; it goes on trying.",
            ),
            Outcome::GivenUp => ControlError::new(
                ErrorCode::PreferredLeaderNotAvailable,
                "The leader gave the handover up: the preferred one did not catch up in time.",
            ),
        };
        it.result = Err(error);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Pending,
    GivenUp,
}

fn outcome(image: &MetadataImage, result: &Result<Elected, ControlError>) -> Outcome {
    let Ok(elected) = result else { return Outcome::Done };
    let Some(now) = image.partition(elected.partition) else { return Outcome::Done };
    if !elected.hands_over || now.leader == Some(elected.new) {
        Outcome::Done
    } else if now.handover == Some(elected.new) || now.partition_epoch < elected.partition_epoch {
        Outcome::Pending
    } else {
        Outcome::GivenUp
    }
}

/// Results topic by topic, in the order in which topics come first.
fn grouped(results: Vec<ElectedPartition>) -> Vec<ReplicaElectionResult> {
    let mut topics: Vec<ReplicaElectionResult> = Vec::new();
    for it in results {
        let (error_code, error_message) = match &it.result {
            Ok(_) => (ErrorCode::None, None),
            Err(error) => (error.code, message(error)),
        };
        let result = PartitionResult { partition_id: it.index, error_code, error_message };
        // Nearly always it is the topic of the partition before.
        match topics.iter_mut().rev().find(|topic| *topic.topic == *it.topic) {
            Some(topic) => topic.partition_result.push(result),
            None => topics.push(ReplicaElectionResult {
                topic: it.topic.as_str().into(),
                partition_result: vec![result],
            }),
        }
    }
    topics
}

/// A refusal of the whole request; version 0 can tell it for each partition only.
fn refused(request: &ElectLeadersRequest, error: &ControlError) -> ElectLeadersResponse {
    let result = |index: &i32| PartitionResult {
        partition_id: *index,
        error_code: error.code,
        error_message: message(error),
    };
    let topic = |it: &TopicPartitions| ReplicaElectionResult {
        topic: it.topic.clone(),
        partition_result: it.partitions.iter().map(result).collect(),
    };
    ElectLeadersResponse {
        error_code: error.code,
        replica_election_results: request.topic_partitions.iter().flatten().map(topic).collect(),
        ..ElectLeadersResponse::default()
    }
}
