//! Elections that an operator asks for, told when they are over: a leader that lives drains first.

use std::collections::BTreeMap;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::kafka::ErrorCode;
use tonic::{Code, Status};

use crate::controller::{
    Command, ControlError, Elected, ElectedPartition, ElectionKind, PartitionRef, Reply, TopicRef,
};
use crate::grpc::Admin;
use crate::grpc::answer::{is_dry_run, unexpected};
use crate::grpc::error::{bad_argument, of_control};
use crate::ids::{BrokerId, PartitionEpoch, PartitionId, PartitionIndex};
use crate::metadata::MetadataImage;

/// How long handovers are waited for: a leader gives one up after five seconds.
const HANDOVER_WAIT: Duration = Duration::from_secs(8);

impl Admin {
    pub(super) async fn elect_leaders(
        &self,
        request: v1::ElectLeadersRequest,
    ) -> Result<v1::ElectLeadersResponse, Status> {
        let command = command_of(&request)?;
        let dry_run = is_dry_run(request.intent.as_ref());
        let reply = self.submit(request.intent.as_ref(), command).await?;
        let Reply::LeadersElected(results) = reply else { return Err(unexpected()) };
        let mut answer = v1::ElectLeadersResponse::default();
        let mut waiting = BTreeMap::new();
        for ElectedPartition { topic, index, result } in results {
            let item = format!("{topic}/{index}");
            match result {
                Ok(it) => {
                    if it.hands_over && !dry_run {
                        waiting.insert(it.partition, it.partition_epoch);
                    }
                    answer.leaders.push(elected(topic, index, &it));
                }
                Err(err) if err.code == ErrorCode::ElectionNotNeeded => {
                    answer.leaders.push(self.unchanged(topic, index));
                }
                Err(err) => answer.errors.push(refusal(&err, &item).into_item(item)),
            }
        }
        if !waiting.is_empty() {
            self.await_handovers(waiting).await;
            self.settle(&mut answer);
        }
        Ok(answer)
    }

    fn unchanged(&self, topic: String, index: i32) -> v1::ElectedLeader {
        let image = self.node.image();
        let partition = u32::try_from(index).unwrap_or(0);
        let found = image.topic_by_name(&topic);
        let found = found.and_then(|it| it.partition(PartitionIndex(partition)));
        let leader = found.and_then(|it| it.leader).map(|id| id.0);
        v1::ElectedLeader {
            topic,
            partition,
            old_leader: leader,
            new_leader: leader,
            outcome: v1::ElectionOutcome::Unchanged.into(),
        }
    }

    /// Until each handover has ended one way or the other, or the time is up.
    async fn await_handovers(&self, mut waiting: BTreeMap<PartitionId, PartitionEpoch>) {
        let mut images = self.node.controller.subscribe();
        let all_over = async {
            loop {
                let image = images.borrow_and_update().clone();
                waiting.retain(|id, epoch| is_under_way(&image, *id, *epoch));
                if waiting.is_empty() || images.changed().await.is_err() {
                    return;
                }
            }
        };
        // Late is told as such: the rows then still say that the old leader hands over.
        let _ = tokio::time::timeout(HANDOVER_WAIT, all_over).await;
    }

    /// Tells what became of handovers.
    fn settle(&self, answer: &mut v1::ElectLeadersResponse) {
        let image = self.node.image();
        let errors = &mut answer.errors;
        answer.leaders.retain_mut(|row| {
            if row.outcome() != v1::ElectionOutcome::HandingOver {
                return true;
            }
            let topic = image.topic_by_name(&row.topic);
            let now = topic.and_then(|it| it.partition(PartitionIndex(row.partition)));
            let Some(now) = now else { return true };
            if now.leader.map(|id| id.0) == row.new_leader {
                row.set_outcome(v1::ElectionOutcome::Elected);
                return true;
            }
            if now.handover.is_some() {
                return true;
            }
            let item = format!("{}/{}", row.topic, row.partition);
            errors.push(given_up(row, &item).into_item(item));
            false
        });
    }
}

fn is_under_way(image: &MetadataImage, id: PartitionId, epoch: PartitionEpoch) -> bool {
    image.partition(id).is_some_and(|now| now.handover.is_some() && now.partition_epoch <= epoch)
}

fn given_up(row: &v1::ElectedLeader, item: &str) -> AdminError {
    let name = |id: Option<u32>| id.map_or("nobody".to_owned(), |id| format!("broker {id}"));
    let message = format!(
        "{} did not catch up in time: {} goes on leading {item}",
        name(row.new_leader),
        name(row.old_leader)
    );
    AdminError::new(Code::Aborted, "kafka.PREFERRED_LEADER_NOT_AVAILABLE", message)
        .hint(format!("kq-ctl partition wait {item} --for in-sync, then try again"))
        .retriable()
}

fn refusal(err: &ControlError, item: &str) -> AdminError {
    let error = of_control(err);
    if err.hint.is_some() {
        return error;
    }
    error.hint(format!("kq-ctl partition describe {item}"))
}

fn command_of(request: &v1::ElectLeadersRequest) -> Result<Command, Status> {
    if request.all != request.partitions.is_empty() {
        return Err(bad_argument("name partitions, or all of them, and not both").into());
    }
    let kind = match request.r#type() {
        v1::ElectionType::Preferred | v1::ElectionType::Unspecified => ElectionKind::Preferred,
        v1::ElectionType::Unclean => ElectionKind::Unclean,
    };
    let named = |it: &v1::PartitionRef| PartitionRef {
        topic: TopicRef::Name(it.topic.clone()),
        index: i32::try_from(it.partition).unwrap_or(i32::MAX),
    };
    Ok(Command::ElectLeaders {
        kind,
        partitions: (!request.all).then(|| request.partitions.iter().map(named).collect()),
        designate: request.designate.map(BrokerId),
        validate_only: is_dry_run(request.intent.as_ref()),
    })
}

/// An election as the answer tells it.
fn elected(topic: String, index: i32, it: &Elected) -> v1::ElectedLeader {
    let outcome =
        if it.hands_over { v1::ElectionOutcome::HandingOver } else { v1::ElectionOutcome::Elected };
    v1::ElectedLeader {
        topic,
        partition: u32::try_from(index).unwrap_or(0),
        old_leader: it.old.map(|id| id.0),
        new_leader: Some(it.new.0),
        outcome: outcome.into(),
    }
}
