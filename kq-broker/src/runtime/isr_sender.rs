//! Tells the controller what leading replicas want: other in-sync sets, and what became of moves; and
//! which replicas cannot be served or written here.
//!
//! One command at a time, of many partitions: what gathers meanwhile goes with the next. An in-sync
//! set counts as changed when it comes back with the metadata, and not before; only what became of a
//! proposal that did not make it is told the replica from here.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::ErrorCode;

use super::Node;
use super::wishes::Batch;
use crate::controller::{AlterPartition, Command, ControlError, LedPartition, Reply};
use crate::env;
use crate::ids::{BrokerEpoch, PartitionId};
use crate::metadata::Loss;
use crate::replica::{Input, ProposalRefusal};

/// Partitions of one command.
const PARTITIONS_MAX: usize = 1_000;
/// How long the controller may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The wait after a command that found no controller; it doubles up to the second one.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Codes of a proposal that was compared with the newest state and will never be committed.
const REJECTED: [ErrorCode; 3] =
    [ErrorCode::IneligibleReplica, ErrorCode::InvalidRequest, ErrorCode::OperationNotAttempted];
/// Codes that say that the partition has moved on.
const SUPERSEDED: [ErrorCode; 4] = [
    ErrorCode::InvalidUpdateVersion,
    ErrorCode::FencedLeaderEpoch,
    ErrorCode::UnknownTopicId,
    ErrorCode::UnknownTopicOrPartition,
];

/// Sends what is wished for until the broker stops.
pub(super) async fn run(node: Arc<Node>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        let wishes = node.partitions.wishes();
        let Some(batch) = wishes.take(PARTITIONS_MAX) else {
            tokio::select! {
                () = node.stopping.cancelled() => return,
                () = wishes.arrived() => continue,
            }
        };
        let (partitions, have_failed) = batch.partitions();
        if send(&node, batch).await {
            backoff = BACKOFF_MIN;
            continue;
        }
        tokio::select! {
            () = node.stopping.cancelled() => return,
            () = tokio::time::sleep(backoff) => {}
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
        // What still holds is wished for again.
        if have_failed {
            node.partitions.wishes().fail(partitions);
        } else {
            for id in partitions {
                node.partitions.tick(id);
            }
        }
    }
}

/// Tells whether a controller has answered.
async fn send(node: &Node, batch: Batch) -> bool {
    let broker = node.broker_id;
    let known = node.image().broker(broker).map(|it| it.epoch);
    let epoch = known.unwrap_or(BrokerEpoch(0));
    match batch {
        Batch::Isr(partitions) => send_isr(node, epoch, partitions).await,
        Batch::Failed(partitions) => send_failed(node, epoch, partitions).await,
        Batch::Full(partitions) => give_up(node, epoch, partitions).await,
        Batch::Lost(losses) => send_losses(node, epoch, losses).await,
        Batch::Complete(handovers) => {
            let command = Command::CompleteHandover { broker, epoch, handovers };
            settle(node, command).await
        }
        Batch::Cancel(handovers) => {
            let command = Command::CancelHandover { broker, epoch, handovers };
            settle(node, command).await
        }
    }
}

async fn send_isr(node: &Node, epoch: BrokerEpoch, partitions: Vec<AlterPartition>) -> bool {
    let sent: Vec<_> = partitions.iter().map(|it| (it.partition, it.partition_epoch)).collect();
    let command = Command::AlterPartitions { broker: node.broker_id, epoch, partitions };
    let reply = node.controller.submit(command, DEADLINE).await;
    let (answered, results) = match reply {
        Ok(Reply::PartitionsAltered(results)) => (true, results),
        Ok(_) => (false, Vec::new()),
        Err(err) => {
            tracing::debug!(%err, partitions = sent.len(), "in-sync sets were not changed");
            (false, Vec::new())
        }
    };
    let mut results = results.into_iter();
    for (id, partition_epoch) in sent {
        let refusal = match results.next() {
            Some(Ok(_)) => continue,
            Some(Err(err)) => refusal_of(id, &err),
            None => ProposalRefusal::Unanswered,
        };
        let now = node.clock.elapsed();
        node.partitions.tell(id, Input::ProposalRefused { partition_epoch, refusal, now });
    }
    answered
}

/// Once the controller has taken note of them, what was lost here can be fetched anew from others.
async fn send_failed(node: &Node, epoch: BrokerEpoch, partitions: Vec<PartitionId>) -> bool {
    let failed = partitions.clone();
    let command = Command::FailReplicas { broker: node.broker_id, epoch, partitions };
    if let Err(err) = node.controller.submit(command, DEADLINE).await {
        tracing::warn!(%err, partitions = failed.len(), "replicas that failed were not reported");
        return false;
    }
    let noted_at = node.image().applied();
    let store = Arc::clone(&node.partitions);
    tokio::spawn(async move {
        store.wait_applied(noted_at).await;
        let _ = env::spawn_blocking(move || store.renew_lost(&failed)).await;
    });
    true
}

/// What still cannot be written asks for it again, with the next batch that it refuses.
async fn give_up(node: &Node, epoch: BrokerEpoch, partitions: Vec<LedPartition>) -> bool {
    let count = partitions.len();
    let command = Command::GiveUpLead { broker: node.broker_id, epoch, partitions };
    match node.controller.submit(command, DEADLINE).await {
        Ok(_) => true,
        Err(err) => {
            tracing::warn!(%err, partitions = count, "the disk is full, and the lead is still here");
            false
        }
    }
}

async fn send_losses(node: &Node, epoch: BrokerEpoch, losses: Vec<Loss>) -> bool {
    let told = losses.clone();
    let command = Command::ReportLosses { broker: node.broker_id, epoch, losses };
    if let Err(err) = node.controller.submit(command, DEADLINE).await {
        tracing::debug!(%err, losses = told.len(), "what was lost was not told");
        node.partitions.wishes().lose(told);
        return false;
    }
    for it in &told {
        if let Ok(replica) = node.partitions.replica(it.partition) {
            replica.loss_told(it);
        }
    }
    true
}

/// A move that could not be settled is told again by its replica, if it still holds.
async fn settle(node: &Node, command: Command) -> bool {
    match node.controller.submit(command, DEADLINE).await {
        Ok(Reply::HandoversSettled(results)) => {
            for err in results.into_iter().filter_map(Result::err) {
                tracing::debug!(%err, "a handover was not settled");
            }
            true
        }
        Ok(_) => false,
        Err(err) => {
            tracing::debug!(%err, "handovers were not settled");
            false
        }
    }
}

fn refusal_of(id: PartitionId, err: &ControlError) -> ProposalRefusal {
    tracing::debug!(%id, %err, "an in-sync set was not changed");
    if REJECTED.contains(&err.code) {
        ProposalRefusal::Rejected
    } else if SUPERSEDED.contains(&err.code) {
        ProposalRefusal::Superseded
    } else {
        ProposalRefusal::Unanswered
    }
}

impl Batch {
    /// Those that it speaks of, and whether that is because they have failed.
    fn partitions(&self) -> (Vec<PartitionId>, bool) {
        let ids = match self {
            Self::Isr(all) => all.iter().map(|it| it.partition).collect(),
            Self::Complete(all) | Self::Cancel(all) => all.iter().map(|it| it.partition).collect(),
            Self::Failed(all) => all.clone(),
            Self::Full(all) => all.iter().map(|it| it.partition).collect(),
            // `send_losses` wishes for them again.
            Self::Lost(_) => Vec::new(),
        };
        (ids, matches!(self, Self::Failed(_)))
    }
}
