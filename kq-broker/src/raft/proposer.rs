//! The one place where commands become changes: one at a time, each against the newest image.

use std::borrow::Cow;
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use openraft::ReadPolicy;
use openraft::errors::{ClientWriteError, RaftError};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::disk::RESERVE_BYTES;
use super::machine::Images;
use super::store::Store;
use super::types::{Proposal, Raft, Types};
use crate::controller::{Command, ControlError, Refused, Reply, Settings, Turn, decide};
use crate::metadata::{Change, TimestampMs};

/// Appended bytes after which a snapshot is taken even if few entries hold them.
const SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;

/// What must be free on the disk after a change that makes metadata grow.
const FREE_BYTES: u64 = 4 * 1024 * 1024;
/// What the commands that make room leave in the log's reserve, for starts on a full disk.
const START_BYTES: u64 = 128 * 1024;
/// What an entry takes in the log beside its change, and more.
const ENTRY_BYTES: u64 = 256;

/// Tells the time of day.
pub(super) type WallClock = Arc<dyn Fn() -> TimestampMs + Send + Sync>;

/// A command on its way.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) command: Command,
    pub(super) reason: Cow<'static, str>,
    pub(super) reply: oneshot::Sender<Result<Reply, ControlError>>,
}

pub(super) struct Proposer {
    pub(super) raft: Raft,
    pub(super) store: Store,
    pub(super) images: Arc<Images>,
    pub(super) settings: Settings,
    pub(super) clock: WallClock,
}

impl Proposer {
    /// Serves until the last handle is gone.
    pub(super) async fn run(self, mut inbox: mpsc::Receiver<Submission>) {
        let mut is_current = false;
        while let Some(it) = inbox.recv().await {
            // Who has given up by now must not find it done later.
            if it.reply.is_closed() {
                continue;
            }
            let outcome = self.propose(&it.command, it.reason, &mut is_current).await;
            // The asker may have given up in between: then the outcome is history's alone.
            let _ = it.reply.send(outcome);
        }
    }

    /// Refuses what would fill the disk: a log that has failed once stays out of service.
    ///
    /// What makes room again goes into the log's own reserve, which nobody else can fill.
    async fn verify_room(&self, command: &Command, change: &Change) -> Result<(), ControlError> {
        let bytes = change.encode().len() as u64;
        let wanted = match use_of(command) {
            Use::Start => bytes + ENTRY_BYTES,
            Use::MakesRoom => bytes + ENTRY_BYTES + START_BYTES,
            Use::Grows => {
                // Once in the log and once more in a snapshot.
                let free = self.store.free_bytes().unwrap_or(u64::MAX);
                if free < FREE_BYTES + 2 * bytes {
                    return Err(disk_full(free, "left").hint(
                        "make room on the disk, for example by deleting records or topics or by \
                         lowering retention",
                    ));
                }
                RESERVE_BYTES
            }
        };
        let room = self.store.room(wanted).await;
        if wanted <= room {
            return Ok(());
        }
        Err(disk_full(room, "left in its reserve")
            .hint("delete records, which needs none of it, or files that are not the broker's"))
    }

    async fn propose(
        &self,
        command: &Command,
        reason: Cow<'static, str>,
        is_current: &mut bool,
    ) -> Result<Reply, ControlError> {
        if !*is_current {
            // A fresh leader first applies all that was committed before it led.
            let read = Box::pin(self.raft.ensure_linearizable(ReadPolicy::ReadIndex)).await;
            read.map_err(|err| no_controller(&err.to_string()))?;
            *is_current = true;
        }
        let image = self.images.newest();
        let now = (self.clock)();
        let mut turn = Turn { now, ids: &mut Uuid::new_v4 };
        let decision = decide(&image, command, &self.settings, &mut turn)?;
        if decision.records.is_empty() {
            return Ok(decision.reply);
        }
        let time = now.max(image.changed_at());
        let change = Change { time, reason: reason.into_owned(), records: decision.records };
        self.verify_room(command, &change).await?;
        let written = Box::pin(self.raft.client_write(Proposal(Arc::new(change)))).await;
        let written = written.map_err(|err| {
            *is_current = false;
            write_error(err)
        })?;
        if self.store.appended_bytes() > SNAPSHOT_BYTES {
            // Fails only when the node is stopping, and then needs no snapshot.
            let _ = self.raft.trigger().snapshot().await;
        }
        Ok(decision.reply.committed_at(written.data.index))
    }
}

/// What a command is for when the disk is full.
enum Use {
    /// No broker starts without it.
    Start,
    /// An operator needs it, to make room.
    MakesRoom,
    /// It makes metadata grow.
    Grows,
}

fn use_of(command: &Command) -> Use {
    match command {
        Command::RegisterBroker(_) => Use::Start,
        Command::FenceBroker { .. }
        | Command::BeginShutdown { .. }
        | Command::CompleteHandover { .. }
        | Command::CancelHandover { .. }
        | Command::DeleteTopics { .. }
        | Command::PurgeTopics { .. }
        | Command::ProtectTopics { .. }
        | Command::AlterConfigs { .. }
        | Command::IncrementalAlterConfigs { .. }
        | Command::Tick => Use::MakesRoom,
        Command::StartPlan { .. }
        | Command::ChangePlan { .. }
        | Command::AlterReassignments { .. }
        | Command::CordonBroker { .. }
        | Command::UncordonBroker { .. }
        | Command::UnregisterBroker { .. }
        | Command::ElectLeaders { .. }
        | Command::SetLeaderPolicy { .. }
        | Command::FreezeLeaders { .. }
        | Command::UnfreezeLeaders { .. }
        | Command::CreateTopics { .. }
        | Command::RestoreTopics { .. }
        | Command::CreatePartitions { .. }
        | Command::AllocateProducerIds { .. }
        | Command::AlterPartitions { .. } => Use::Grows,
    }
}

fn disk_full(bytes: u64, left: &str) -> ControlError {
    let message = format!("the disk of the metadata log has only {bytes} bytes {left}");
    ControlError::new(ErrorCode::KafkaStorageError, message).refused(Refused::Storage)
}

fn write_error(err: RaftError<Types, ClientWriteError<Types>>) -> ControlError {
    match err {
        RaftError::APIError(err) => no_controller(&err.to_string()),
        RaftError::Fatal(err) => {
            let message = format!("the metadata log is out of service: {err}");
            ControlError::new(ErrorCode::KafkaStorageError, message)
                .refused(Refused::Storage)
                .hint("look for the fault of the disk in the broker's log, then start it again")
        }
    }
}

fn no_controller(why: &str) -> ControlError {
    ControlError::new(ErrorCode::NotController, format!("no controller leads here: {why}"))
        .refused(Refused::NoController)
}
