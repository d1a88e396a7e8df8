//! The members of the quorum, asked about and changed from any broker.

use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use kq_proto::kafka::ErrorCode;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::controller::{Controller, ControllerStatus, broker_of};
use super::forward::not_answered;
use super::members::{Leadership, MemberStatus};
use super::proposer::no_controller;
use crate::controller::{Command, ControlError, QuorumNote, Refused};
use crate::ids::BrokerId;

/// Between two attempts to find who leads.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the history may take to be told.
const NOTE_WAIT: Duration = Duration::from_secs(5);
/// How long the leader may take to say how its members stand.
const DESCRIBE_WAIT: Duration = Duration::from_secs(2);

/// What an operator wants of the quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuorumChange {
    /// A learner becomes a voter.
    AddVoter(BrokerId),
    /// A voter becomes a learner.
    RemoveVoter(BrokerId),
    /// Another voter leads.
    Transfer(BrokerId),
    /// Whoever it was, it is no member any more.
    Forget(BrokerId),
}

impl QuorumChange {
    /// Why it is made, when nobody says.
    const fn usual_reason(self) -> &'static str {
        match self {
            Self::AddVoter(_) | Self::RemoveVoter(_) | Self::Transfer(_) => "asked by a client",
            Self::Forget(_) => "the broker was unregistered",
        }
    }

    /// Whom it is about.
    pub const fn broker(self) -> BrokerId {
        match self {
            Self::AddVoter(it) | Self::RemoveVoter(it) | Self::Transfer(it) | Self::Forget(it) => {
                it
            }
        }
    }
}

impl Controller {
    /// The members as their leader sees them; as this broker does, if the leader does not answer.
    pub async fn describe_quorum(&self) -> Vec<MemberStatus> {
        let told = self.quorum_by_leader().await;
        told.map_or_else(|_| self.quorum(), |(_, members)| members)
    }

    /// The members as their leader sees them, and in which lead. An error if nobody leads who
    /// answers.
    pub async fn quorum_by_leader(&self) -> Result<(Leadership, Vec<MemberStatus>), ControlError> {
        let told = async {
            loop {
                let led = self.lead_now();
                let members = self.ask_leader(None).await?;
                // Else nobody could say in which of the leads it was answered.
                if self.lead_now() == led {
                    return Ok((led, members));
                }
            }
        };
        let late = || no_controller("the one that leads the quorum does not answer");
        tokio::time::timeout(DESCRIBE_WAIT, told).await.unwrap_or_else(|_| Err(late()))
    }

    fn lead_now(&self) -> Leadership {
        let ControllerStatus { leader, term, .. } = self.status();
        Leadership { leader, term }
    }

    /// Changes the members, whoever leads, and keeps in the history why. It is refused if it would leave the quorum without a
    /// majority. After the deadline the outcome is open.
    pub async fn change_quorum(
        &self,
        change: QuorumChange,
        reason: &str,
        deadline: Duration,
    ) -> Result<(), ControlError> {
        let changed = async {
            loop {
                match self.ask_leader(Some((change, reason))).await {
                    Err(err) if err.refused == Refused::NoController && !self.is_stopped() => {
                        tokio::time::sleep(PAUSE).await;
                    }
                    outcome => return outcome.map(drop),
                }
            }
        };
        let late = || {
            let message = format!("the members did not change within {deadline:?}");
            ControlError::new(ErrorCode::RequestTimedOut, message)
                .refused(Refused::Deadline)
                .hint("the change may still take effect: look before you repeat it")
        };
        tokio::time::timeout(deadline, changed).await.unwrap_or_else(|_| Err(late()))
    }

    async fn ask_leader(
        &self,
        change: Option<(QuorumChange, &str)>,
    ) -> Result<Vec<MemberStatus>, ControlError> {
        let Some(leader) = self.leader() else {
            return Err(no_controller("the quorum elects one"));
        };
        if leader == self.broker() {
            return Box::pin(self.change_as_leader(change)).await;
        }
        let unknown = || no_controller(&format!("no address of broker {leader} is known"));
        let channel = self.peers().channel(leader).ok_or_else(unknown)?;
        let reason = change.map_or("", |(_, reason)| reason).to_owned();
        let change = change.map(|(it, _)| serde_json::to_vec(&it)).transpose();
        let request = v1::QuorumRequest {
            route: Some(self.route_to(leader)),
            change: change.map_err(|err| unfit(&err))?.unwrap_or_default().into(),
            reason,
        };
        let answer = MembersClient::new(channel).quorum(request).await;
        let answer = answer.map_err(|status| not_answered(&status))?.into_inner();
        serde_json::from_slice::<Result<_, _>>(&answer.outcome).map_err(|err| unfit(&err))?
    }

    /// Answers another broker.
    pub async fn answer_quorum(
        &self,
        request: v1::QuorumRequest,
    ) -> Result<v1::QuorumResponse, Status> {
        self.verify_route(request.route.as_ref())?;
        let malformed = |err| Status::invalid_argument(format!("a change is malformed: {err}"));
        let change = match request.change.as_ref() {
            [] => None,
            bytes => {
                Some((serde_json::from_slice(bytes).map_err(malformed)?, request.reason.as_str()))
            }
        };
        let outcome = Box::pin(self.change_as_leader(change)).await;
        let bytes = serde_json::to_vec(&outcome)
            .map_err(|err| Status::internal(format!("an answer cannot be written: {err}")))?;
        Ok(v1::QuorumResponse { outcome: bytes.into() })
    }

    async fn change_as_leader(
        &self,
        change: Option<(QuorumChange, &str)>,
    ) -> Result<Vec<MemberStatus>, ControlError> {
        let Some((change, given)) = change else {
            let leads = self.is_leader().then(|| self.quorum());
            return leads.ok_or_else(|| no_controller("another broker leads the quorum"));
        };
        let reason = if given.trim().is_empty() { change.usual_reason() } else { given };
        match change {
            QuorumChange::AddVoter(broker) => self.add_voter(broker, reason).await?,
            QuorumChange::RemoveVoter(broker) => self.remove_voter(broker, reason).await?,
            QuorumChange::Transfer(broker) => self.transfer_for(broker, reason).await?,
            QuorumChange::Forget(broker) => self.forget(broker, reason).await?,
        }
        Ok(self.quorum())
    }

    /// Hands the lead over, and has the next leader keep in the history why.
    async fn transfer_for(&self, to: BrokerId, reason: &str) -> Result<(), ControlError> {
        let from = self.broker();
        if to == from {
            return Ok(());
        }
        self.transfer_told(to).await?;
        let command = Command::NoteQuorum(QuorumNote::Transferred { from, to });
        let noted = self.submit_for(reason.to_owned(), command, NOTE_WAIT).await;
        if let Err(err) = noted {
            tracing::warn!(%to, error = %err, "the history does not tell why the lead moved");
        }
        Ok(())
    }

    /// Hands the lead over, and has the history tell who leads before this is answered.
    pub(super) async fn transfer_told(&self, to: BrokerId) -> Result<(), ControlError> {
        self.transfer(to).await?;
        let led = self.lead_now();
        // Who has lost it again meanwhile may have decided nothing.
        if led.leader == Some(to) {
            let command = Command::TakeLead { broker: to, term: led.term, unled: None };
            if let Err(err) = self.submit(command, NOTE_WAIT).await {
                tracing::warn!(%to, error = %err, "the history does not tell who leads");
            }
        }
        Ok(())
    }

    /// Keeps in the history who votes now. Should that fail, the next leader of the quorum tells it.
    pub async fn note_voters(&self, reason: &str) {
        let Ok(members) = self.membership().await else { return };
        let voters = members.voter_ids().filter_map(broker_of).collect();
        let command = Command::NoteQuorum(QuorumNote::Voters(voters));
        let noted = self.submit_as_leader_for(reason, command);
        match tokio::time::timeout(NOTE_WAIT, noted).await {
            Ok(Ok(_)) => {}
            Ok(Err(err)) => tracing::info!(error = %err, "the history does not tell who votes"),
            Err(_) => tracing::info!("the history does not tell in time who votes"),
        }
    }
}

fn unfit(err: &serde_json::Error) -> ControlError {
    let message = format!("a change of the quorum cannot be carried: {err}");
    ControlError::new(ErrorCode::UnknownServerError, message)
}
