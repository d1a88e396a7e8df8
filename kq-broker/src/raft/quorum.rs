//! The members of the quorum, asked about and changed from any broker.

use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use kq_proto::kafka::ErrorCode;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::controller::Controller;
use super::forward::not_answered;
use super::members::MemberStatus;
use super::proposer::no_controller;
use crate::controller::{ControlError, Refused};
use crate::ids::BrokerId;

/// Between two attempts to find who leads.
const PAUSE: Duration = Duration::from_millis(50);
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
        let asked = tokio::time::timeout(DESCRIBE_WAIT, self.ask_leader(None)).await;
        asked.ok().and_then(Result::ok).unwrap_or_else(|| self.quorum())
    }

    /// Changes the members, whoever leads. It is refused if it would leave the quorum without a
    /// majority. After the deadline the outcome is open.
    pub async fn change_quorum(
        &self,
        change: QuorumChange,
        deadline: Duration,
    ) -> Result<(), ControlError> {
        let changed = async {
            loop {
                match self.ask_leader(Some(change)).await {
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
        change: Option<QuorumChange>,
    ) -> Result<Vec<MemberStatus>, ControlError> {
        let Some(leader) = self.leader() else {
            return Err(no_controller("the quorum elects one"));
        };
        if leader == self.broker() {
            return Box::pin(self.change_as_leader(change)).await;
        }
        let unknown = || no_controller(&format!("no address of broker {leader} is known"));
        let channel = self.peers().channel(leader).ok_or_else(unknown)?;
        let change = change.map(|it| serde_json::to_vec(&it)).transpose();
        let request = v1::QuorumRequest {
            route: Some(self.route_to(leader)),
            change: change.map_err(|err| unfit(&err))?.unwrap_or_default().into(),
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
            bytes => Some(serde_json::from_slice(bytes).map_err(malformed)?),
        };
        let outcome = Box::pin(self.change_as_leader(change)).await;
        let bytes = serde_json::to_vec(&outcome)
            .map_err(|err| Status::internal(format!("an answer cannot be written: {err}")))?;
        Ok(v1::QuorumResponse { outcome: bytes.into() })
    }

    async fn change_as_leader(
        &self,
        change: Option<QuorumChange>,
    ) -> Result<Vec<MemberStatus>, ControlError> {
        match change {
            None if self.is_leader() => {}
            None => return Err(no_controller("another broker leads the quorum")),
            Some(QuorumChange::AddVoter(broker)) => self.add_voter(broker).await?,
            Some(QuorumChange::RemoveVoter(broker)) => self.remove_voter(broker).await?,
            Some(QuorumChange::Transfer(broker)) => self.transfer(broker).await?,
            Some(QuorumChange::Forget(broker)) => self.forget(broker).await?,
        }
        Ok(self.quorum())
    }
}

fn unfit(err: &serde_json::Error) -> ControlError {
    let message = format!("a change of the quorum cannot be carried: {err}");
    ControlError::new(ErrorCode::UnknownServerError, message)
}
