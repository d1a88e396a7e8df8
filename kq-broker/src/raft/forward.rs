//! Commands from anywhere: carried out here if this voter leads, else sent to the one that does.
//!
//! ```text
//!   submit ─┬─ leads here ──> proposer ───────────────────────────────┐
//!           ├─ leads there ─> kq.cluster.v1 Submit ─> its proposer ───┴─> own image is as far: reply
//!           └─ nobody leads, or it was not proposed: again, until the deadline
//! ```
//! A command is sent a second time only when it is known that it was not proposed. When that is not
//! known any more (a connection that broke, a leader that was deposed) the asker is told so.

use std::borrow::Cow;
use std::error::Error as _;
use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use kq_proto::kafka::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tonic::{Code, Request, Status};

use super::controller::{Controller, stopped};
use super::members::SILENCE_MAX;
use super::proposer::{Outcome, Submission, no_controller, outcome_unknown};
use crate::controller::{Command, ControlError, Refused, Reply};
use crate::ids::BrokerId;
use crate::metadata::clip;

/// Between two attempts when nobody leads, or somebody else does by now.
const PAUSE: Duration = Duration::from_millis(50);
/// The largest command, and the largest reply: a request of a Kafka client may hold 100 MiB.
const COMMAND_BYTES_MAX: usize = 128 << 20;

impl Controller {
    /// Carries a command out. Once this returns, [`Controller::image`] shows what it changed.
    pub async fn submit(
        &self,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, ControlError> {
        self.submit_for(String::new(), command, deadline).await
    }

    /// Carries a command out and keeps with it why; an empty reason stands for the usual one.
    ///
    /// After the deadline the outcome is open: the command may still take effect.
    pub async fn submit_for(
        &self,
        reason: impl Into<Cow<'static, str>>,
        command: Command,
        deadline: Duration,
    ) -> Result<Reply, ControlError> {
        let reason = match reason.into() {
            empty if empty.is_empty() => command.usual_reason(),
            given => tidy_reason(&given),
        };
        let refused = Mutex::new(None);
        let carried_out = self.carry_out(reason, command, &refused);
        match tokio::time::timeout(deadline, carried_out).await {
            Ok(outcome) => outcome,
            // Between two attempts nothing is under way.
            Err(_) => Err(refused.into_inner().unwrap_or_else(|| late(deadline))),
        }
    }

    /// Carries a command out if this broker leads, and nowhere else: what it decided by leading must
    /// not outlive its lead.
    pub async fn submit_as_leader(&self, command: Command) -> Result<Reply, ControlError> {
        self.submit_as_leader_for("", command).await
    }

    /// The same, and keeps with it why; an empty reason stands for the usual one.
    pub(super) async fn submit_as_leader_for(
        &self,
        reason: &str,
        command: Command,
    ) -> Result<Reply, ControlError> {
        let reason = if reason.is_empty() { command.usual_reason() } else { tidy_reason(reason) };
        self.propose(command, reason).await.map(|(reply, _)| reply)
    }

    /// Waits until the image holds all that was committed when this was called.
    pub async fn catch_up(&self, deadline: Duration) -> Result<(), ControlError> {
        self.submit(Command::Tick, deadline).await.map(drop)
    }

    async fn carry_out(
        &self,
        reason: Cow<'static, str>,
        command: Command,
        refused: &Mutex<Option<ControlError>>,
    ) -> Result<Reply, ControlError> {
        loop {
            let attempt = match self.leader() {
                Some(leader) if leader == self.broker() => {
                    self.propose(command.clone(), reason.clone()).await
                }
                Some(leader) => self.send_to(leader, (&command, &reason)).await,
                None => Err(no_controller("the quorum elects one")),
            };
            match attempt {
                Ok((reply, index)) => {
                    self.wait_applied(index).await?;
                    return Ok(reply);
                }
                Err(err) if err.refused == Refused::NoController && !self.is_stopped() => {
                    *refused.lock() = Some(err);
                    tokio::time::sleep(PAUSE).await;
                    *refused.lock() = None;
                }
                Err(err) => return Err(err),
            }
        }
    }

    /// Hands a command to the proposer of this broker. Not while a majority is out of reach: it would
    /// lie in the log of a leader that may be deposed already, and nobody could say what becomes of it.
    async fn propose(&self, command: Command, reason: Cow<'static, str>) -> Outcome {
        let silence = self.silence();
        if silence > SILENCE_MAX {
            let silent = format!("no majority of the voters was heard for {} s", silence.as_secs());
            return Err(no_controller(&silent));
        }
        let (reply, replied) = oneshot::channel();
        let submissions = self.inner.submissions.lock().clone().ok_or_else(stopped)?;
        let submission = Submission { command, reason, reply };
        submissions.send(submission).await.map_err(|_| stopped())?;
        replied.await.map_err(|_| stopped())?
    }

    /// What another broker has sent here to be carried out. It is not passed on: who sent it finds
    /// the leader itself.
    pub async fn answer(&self, request: v1::SubmitRequest) -> Result<v1::SubmitResponse, Status> {
        self.inner.identity.verify(request.route.as_ref())?;
        let command: Command = serde_json::from_slice(&request.command)
            .map_err(|err| Status::invalid_argument(format!("a command is malformed: {err}")))?;
        let reason = tidy_reason(&request.reason);
        let outcome = if self.is_leader() {
            self.propose(command, reason).await
        } else {
            Err(no_controller("another broker leads the quorum"))
        };
        let index = outcome.as_ref().map_or(0, |(_, index)| *index);
        let outcome = outcome.map(|(reply, _)| reply);
        let bytes = serde_json::to_vec(&outcome)
            .map_err(|err| Status::internal(format!("a reply cannot be written: {err}")))?;
        Ok(v1::SubmitResponse { outcome: bytes.into(), index })
    }

    async fn send_to(&self, leader: BrokerId, (command, reason): (&Command, &str)) -> Outcome {
        let unknown = || no_controller(&format!("no address of broker {leader} is known"));
        let channel = self.inner.peers.channel(leader).ok_or_else(unknown)?;
        let encoded = serde_json::to_vec(command).map_err(|err| unfit(&err))?;
        let request = v1::SubmitRequest {
            route: Some(self.inner.identity.route_to(u64::from(leader.0))),
            reason: reason.to_owned(),
            command: encoded.into(),
        };
        let mut client = MembersClient::new(channel)
            .max_decoding_message_size(COMMAND_BYTES_MAX)
            .max_encoding_message_size(COMMAND_BYTES_MAX);
        let answer = client.submit(Request::new(request)).await;
        let answer = answer.map_err(|status| not_answered(&status))?.into_inner();
        let outcome: Result<Reply, ControlError> =
            serde_json::from_slice(&answer.outcome).map_err(|err| unfit(&err))?;
        outcome.map(|reply| (reply, answer.index))
    }

    /// Waits until the image of this broker shows an entry.
    async fn wait_applied(&self, index: u64) -> Result<(), ControlError> {
        let mut images = self.subscribe();
        let reached = images.wait_for(|image| image.applied() >= index).await;
        reached.map(drop).map_err(|_| stopped())
    }
}

/// What an error on the way means: a command that never reached the leader may be sent again.
pub(super) fn not_answered(status: &Status) -> ControlError {
    let mut cause = status.source();
    while let Some(err) = cause {
        if err.is::<tonic::ConnectError>() {
            return no_controller(&format!("the leader is not reached: {err}"));
        }
        cause = err.source();
    }
    // These it gives before it looks at the command.
    let codes = [Code::FailedPrecondition, Code::Unimplemented, Code::InvalidArgument];
    let is_told = status.code() == Code::Unavailable && status.source().is_none();
    if is_told || codes.contains(&status.code()) {
        return no_controller(status.message());
    }
    outcome_unknown(status.message())
}

fn unfit(err: &serde_json::Error) -> ControlError {
    let message = format!("a command or its reply cannot be carried: {err}");
    ControlError::new(ErrorCode::UnknownServerError, message)
}

/// A reason is kept for ever and shown on terminals: one line, and not a long one.
fn tidy_reason(given: &str) -> Cow<'static, str> {
    const REASON_CHARS_MAX: usize = 500;
    let line: String = given.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    clip(line.trim(), REASON_CHARS_MAX).into()
}

fn late(deadline: Duration) -> ControlError {
    let message = format!("no answer from the controller within {} ms", deadline.as_millis());
    ControlError::new(ErrorCode::RequestTimedOut, message)
        .refused(Refused::Deadline)
        .hint("the change may still take effect: look before you repeat it")
}
