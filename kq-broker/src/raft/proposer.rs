//! The one place where commands become changes: one at a time, each against the newest image.

use std::borrow::Cow;
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use openraft::ReadPolicy;
use openraft::errors::{ClientWriteError, RaftError};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::machine::Images;
use super::store::Store;
use super::types::{Proposal, Raft, Types};
use crate::controller::{Command, ControlError, Refused, Reply, Settings, Turn, decide};
use crate::metadata::{Change, TimestampMs};

/// Appended bytes after which a snapshot is taken even if few entries hold them.
const SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;

/// Room that must be left after a change that makes metadata grow.
const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// Room that must be left after a change that helps to make room.
const LAST_RESERVE_BYTES: u64 = 256 * 1024;

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

    /// Refuses what would fill the disk: a log that has failed once stays out of service, so a
    /// reserve is kept for the commands that make room again.
    fn verify_room(&self, command: &Command, change: &Change) -> Result<(), ControlError> {
        let Some(free) = self.store.free_bytes() else { return Ok(()) };
        let reserve = if makes_room(command) { LAST_RESERVE_BYTES } else { RESERVE_BYTES };
        // Once in the log and once more in a snapshot.
        let bytes = 2 * change.encode().len() as u64;
        if free >= reserve + bytes {
            return Ok(());
        }
        let message = format!("the disk of the metadata log has only {free} bytes left");
        Err(ControlError::new(ErrorCode::KafkaStorageError, message)
            .refused(Refused::Storage)
            .hint("make room on the disk, for example by deleting topics or lowering retention"))
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
        self.verify_room(command, &change)?;
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

/// Whether a command is one that an operator needs when the disk is full.
fn makes_room(command: &Command) -> bool {
    matches!(
        command,
        Command::DeleteTopics { .. }
            | Command::PurgeTopics { .. }
            | Command::ProtectTopics { .. }
            | Command::AlterConfigs { .. }
            | Command::IncrementalAlterConfigs { .. }
            | Command::RegisterBroker(_)
            | Command::Tick
    )
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
