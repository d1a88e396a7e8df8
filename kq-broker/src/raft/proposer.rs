//! The one place where commands become changes: one after another, each against the image that
//! those before it lead to, without waiting for their commits.
//!
//! ```text
//!   inbox -> decide(draft) -> log -> log -> log -> committed, applied -> reply, in this order
//!              draft + 1 ---^
//! ```
//! A change names the one that it was decided after, and changes nothing behind any other
//! ([`Proposal::base`]): should one of those under way not come to be, those behind it do not
//! either, and their askers ask again.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{FuturesOrdered, StreamExt as _};
use kq_proto::kafka::ErrorCode;
use openraft::ReadPolicy;
use openraft::async_runtime::WatchReceiver as _;
use openraft::errors::{ClientWriteError, Fatal};
use tokio::sync::{mpsc, oneshot};

use super::disk::RESERVE_BYTES;
use super::machine::{Basis, Images};
use super::store::Store;
use super::types::{Applied, Proposal, Raft, Types};
use crate::controller::{Command, ControlError, Refused, Reply, Settings, Turn, decide};
use crate::ids;
use crate::metadata::{ApplyError, Change, TimestampMs};

/// Appended bytes after which a snapshot is taken even if few entries hold them.
const SNAPSHOT_BYTES: u64 = 64 * 1024 * 1024;

/// Changes that are proposed and not yet applied.
const UNDER_WAY_MAX: usize = 64;

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
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// What a command came to, and the entry whose image shows it.
pub(super) type Outcome = Result<(Reply, u64), ControlError>;

/// The rest of a command's way; true if what was decided behind it still holds.
type UnderWay = Pin<Box<dyn Future<Output = bool> + Send>>;

pub(super) struct Proposer {
    pub(super) raft: Raft,
    pub(super) store: Store,
    pub(super) images: Arc<Images>,
    pub(super) settings: Settings,
    pub(super) clock: WallClock,
}

/// What the image will be when the newest change that is under way is applied.
struct Draft {
    before: Basis,
    change: Arc<Change>,
}

impl Draft {
    fn basis(&self) -> Result<Basis, ApplyError> {
        // An entry of the log's own that comes in between makes this wrong; then what is decided
        // by it changes nothing, and is asked for again.
        let index = self.before.image.applied() + 1;
        let image = Arc::new(self.before.image.apply(index, &self.change)?);
        Ok(Basis { image, changed: Some(index) })
    }
}

/// What the proposer remembers between two commands.
#[derive(Default)]
struct Pipeline {
    under_way: FuturesOrdered<UnderWay>,
    /// The image when all that is under way is applied; none while nothing is.
    draft: Option<Draft>,
    /// The term in which this voter has applied all that was committed before it led.
    current: Option<u64>,
}

impl Pipeline {
    fn has_room(&self) -> bool {
        self.under_way.len() < UNDER_WAY_MAX
    }

    /// The next of those under way is done.
    async fn advance(&mut self, holds: bool) {
        if !holds {
            self.drain().await;
            self.current = None;
        }
        if self.under_way.is_empty() {
            self.draft = None;
        }
    }

    /// Waits until nothing is under way.
    async fn drain(&mut self) {
        while self.under_way.next().await.is_some() {}
        self.draft = None;
    }
}

impl Proposer {
    /// Serves until the last handle is gone.
    pub(super) async fn run(self, mut inbox: mpsc::Receiver<Submission>) {
        let mut pipeline = Pipeline::default();
        loop {
            tokio::select! {
                biased;
                Some(holds) = pipeline.under_way.next() => pipeline.advance(holds).await,
                submitted = inbox.recv(), if pipeline.has_room() => {
                    let Some(it) = submitted else { break };
                    // Who has given up by now must not find it done later.
                    if !it.reply.is_closed() {
                        let next = Box::pin(self.take_up(it, &mut pipeline)).await;
                        pipeline.under_way.push_back(next);
                    }
                }
            }
        }
        pipeline.drain().await;
    }

    /// A fresh leader first applies all that was committed before it led.
    async fn become_current(&self, pipeline: &mut Pipeline) -> Result<(), ControlError> {
        let term = self.raft.metrics().borrow_watched().current_term;
        if pipeline.current == Some(term) {
            return Ok(());
        }
        pipeline.drain().await;
        let read = Box::pin(self.raft.ensure_linearizable(ReadPolicy::ReadIndex)).await;
        read.map_err(|err| no_controller(&err.to_string()))?;
        pipeline.current = Some(term);
        Ok(())
    }

    /// Decides a command and proposes what comes of it.
    async fn take_up(&self, it: Submission, pipeline: &mut Pipeline) -> UnderWay {
        let Submission { command, reason, reply } = it;
        if let Err(err) = self.become_current(pipeline).await {
            return answer(reply, Err(err));
        }
        let basis = match &pipeline.draft {
            None => self.images.basis(),
            Some(draft) => match draft.basis() {
                Ok(basis) => basis,
                Err(err) => return failed(reply, unfit(&err)),
            },
        };
        let now = (self.clock)();
        let mut turn = Turn { now, ids: &mut ids::draw };
        let decision = match decide(&basis.image, &command, &self.settings, &mut turn) {
            Ok(decision) => decision,
            Err(refused) => return self.answer_as_leader(reply, Err(refused)).await,
        };
        if decision.records.is_empty() {
            let outcome = Ok((decision.reply, basis.image.applied()));
            return self.answer_as_leader(reply, outcome).await;
        }
        let time = now.max(basis.image.changed_at());
        let change = Change { time, reason: reason.into_owned(), records: decision.records };
        if let Err(full) = self.verify_room(&command, &change).await {
            return answer(reply, Err(full));
        }
        let change = Arc::new(change);
        let proposal = Proposal::new(Arc::clone(&change), basis.changed);
        pipeline.draft = Some(Draft { before: basis, change });
        self.propose(proposal, (decision.reply, reply)).await
    }

    /// Answers what changes nothing: only who still leads may say how things are.
    async fn answer_as_leader(
        &self,
        reply: oneshot::Sender<Outcome>,
        outcome: Outcome,
    ) -> UnderWay {
        match Box::pin(self.raft.ensure_linearizable(ReadPolicy::LeaseRead)).await {
            Ok(_) => answer(reply, outcome),
            Err(err) => answer(reply, Err(no_controller(&err.to_string()))),
        }
    }

    /// Hands a change to the log. Those that follow come behind it once this returns.
    async fn propose(
        &self,
        proposal: Proposal,
        (decided, reply): (Reply, oneshot::Sender<Outcome>),
    ) -> UnderWay {
        let mut written = match self.raft.client_write_many([proposal]).await {
            Ok(written) => written,
            Err(fatal) => return failed(reply, out_of_service(&fatal)),
        };
        if self.store.appended_bytes() > SNAPSHOT_BYTES {
            // Fails only when the node is stopping, and then needs no snapshot.
            let _ = self.raft.trigger().snapshot().await;
        }
        Box::pin(async move {
            let outcome = match written.next().await {
                Some(Ok(Ok(it))) => committed(decided, it.response),
                Some(Ok(Err(err))) => Err(write_error(&err)),
                Some(Err(fatal)) => Err(out_of_service(&fatal)),
                None => Err(out_of_service(&Fatal::Stopped)),
            };
            let holds = outcome.is_ok();
            // The asker may have given up in between: then the outcome is history's alone.
            let _ = reply.send(outcome);
            holds
        })
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
}

/// An answer that waits only for those before it.
fn answer(reply: oneshot::Sender<Outcome>, outcome: Outcome) -> UnderWay {
    Box::pin(async move {
        let _ = reply.send(outcome);
        true
    })
}

fn failed(reply: oneshot::Sender<Outcome>, err: ControlError) -> UnderWay {
    Box::pin(async move {
        let _ = reply.send(Err(err));
        false
    })
}

fn committed(decided: Reply, applied: Applied) -> Outcome {
    if applied.held {
        return Ok((decided.committed_at(applied.index), applied.index));
    }
    Err(no_controller("another change came in between"))
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
        | Command::TakeLead { .. }
        | Command::NoteQuorum(_)
        | Command::FailReplicas { .. }
        | Command::GiveUpLead { .. }
        | Command::ReportLosses { .. }
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
        | Command::UpdateFeatures { .. }
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
        | Command::NoteGroups(_)
        | Command::AlterPartitions { .. } => Use::Grows,
    }
}

fn disk_full(bytes: u64, left: &str) -> ControlError {
    let message = format!("the disk of the metadata log has only {bytes} bytes {left}");
    ControlError::new(ErrorCode::KafkaStorageError, message).refused(Refused::Storage)
}

fn write_error(err: &ClientWriteError<Types>) -> ControlError {
    match err {
        // It stood in this voter's log; whether the next leader has it, nobody here can tell.
        ClientWriteError::LogEntryDiscarded(_) => outcome_unknown(&err.to_string()),
        ClientWriteError::ForwardToLeader(_)
        | ClientWriteError::ChangeMembershipError(_)
        | ClientWriteError::PreconditionFailed(_) => no_controller(&err.to_string()),
    }
}

fn out_of_service(fatal: &Fatal<Types>) -> ControlError {
    let message = format!("the metadata log is out of service: {fatal}");
    ControlError::new(ErrorCode::KafkaStorageError, message)
        .refused(Refused::Storage)
        .hint("look for the fault of the disk in the broker's log, then start it again")
}

/// A decision that its own image refuses is a fault of the controller, told as such.
fn unfit(err: &ApplyError) -> ControlError {
    ControlError::new(ErrorCode::UnknownServerError, format!("the controller erred: {err}"))
}

/// The change may or may not be part of the history.
pub(super) fn outcome_unknown(why: &str) -> ControlError {
    ControlError::new(ErrorCode::RequestTimedOut, format!("the outcome is unknown: {why}"))
        .refused(Refused::Deadline)
        .hint("the change may still take effect: look before you repeat it")
}

/// Nothing was changed: the command may be sent again.
pub(super) fn no_controller(why: &str) -> ControlError {
    ControlError::new(ErrorCode::NotController, format!("no controller leads here: {why}"))
        .refused(Refused::NoController)
}
