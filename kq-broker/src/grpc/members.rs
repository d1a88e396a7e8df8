//! `kq.cluster.v1.Members`: what brokers ask of the one that leads the metadata quorum.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::cluster::v1;
use kq_proto::cluster::v1::members_client::MembersClient;
use kq_proto::cluster::v1::members_server::{self, MembersServer};
use kq_proto::kafka::ErrorCode;
use tokio::sync::{SetOnce, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::controller::ControlError;
use crate::ids::{BrokerId, Incarnation};
use crate::peers::SessionKeeper;
use crate::raft::{Controller, Found, QuorumDoor, Standing};

/// The largest command: what a Kafka client may send, and what JSON makes of it.
const COMMAND_BYTES_MAX: usize = 128 << 20;
/// Answers to beats that may wait for the connection.
const ANSWERS_WAITING_MAX: usize = 4;
/// How long the leader may take to let a broker join.
const JOIN_WAIT: Duration = Duration::from_secs(8);

/// Answers for the controller behind the door of the quorum.
#[derive(Debug, Clone)]
pub(super) struct Members {
    quorum: QuorumDoor,
    sessions: Arc<SetOnce<Arc<SessionKeeper>>>,
}

/// Answers to the beats of one broker.
type Answers = ReceiverStream<Result<v1::BeatAnswer, Status>>;

impl Members {
    pub(super) fn new(quorum: QuorumDoor, sessions: Arc<SetOnce<Arc<SessionKeeper>>>) -> Self {
        Self { quorum, sessions }
    }

    pub(super) fn service(self) -> MembersServer<Self> {
        MembersServer::new(self)
            .max_decoding_message_size(COMMAND_BYTES_MAX)
            .max_encoding_message_size(COMMAND_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl members_server::Members for Members {
    async fn join(
        &self,
        request: Request<v1::JoinRequest>,
    ) -> Result<Response<v1::JoinResponse>, Status> {
        let request = request.into_inner();
        let controller = self.quorum.controller()?;
        let mine = controller.cluster_id();
        if !request.cluster_id.is_empty() && request.cluster_id != mine.0 {
            let why = format!("this is cluster {mine}, not the one that is to be joined");
            return Err(Status::failed_precondition(why));
        }
        match controller.leader() {
            Some(leader) if leader == controller.broker() => {
                let wanted = request.broker.map(BrokerId);
                let admitted = controller.admit(wanted, &request.address).await;
                let broker = admitted.map_err(|err| not_admitted(&err))?;
                Ok(Response::new(admission(controller, broker)))
            }
            Some(leader) if !request.passed_on => {
                let request = v1::JoinRequest { passed_on: true, ..request };
                pass_on(controller, leader, request).await
            }
            _ => Err(Status::unavailable("nobody leads the metadata quorum right now")),
        }
    }

    async fn standing(
        &self,
        request: Request<v1::StandingRequest>,
    ) -> Result<Response<v1::StandingResponse>, Status> {
        let request = request.into_inner();
        let controller = self.quorum.controller()?;
        let life = controller.life().map(|it| it.0.as_bytes().to_vec().into());
        let here = v1::StandingResponse {
            cluster_id: controller.cluster_id().0,
            broker: Some(controller.broker().0),
            incarnation: life.unwrap_or_default(),
            ..v1::StandingResponse::default()
        };
        if request.incarnation.is_empty() || request.cluster_id != here.cluster_id {
            return Ok(Response::new(here));
        }
        let malformed = |_| Status::invalid_argument("an incarnation has 16 bytes");
        let life = Uuid::from_slice(&request.incarnation).map_err(malformed)?;
        let (asker, life) = (BrokerId(request.broker), Incarnation(life));
        let named = ((asker, Some(life)), request.address.as_str());
        let here = v1::StandingResponse { members: whereabouts(controller), ..here };
        let answer = match controller.standing(asker, life).await {
            Ok(Standing::Free) => found(controller, named, here).await,
            Ok(standing) => verdict(standing, here),
            // Members that wait for one another have no leader yet.
            Err(_) => {
                let unknown = v1::standing_response::Verdict::Unknown.into();
                let here = v1::StandingResponse { verdict: unknown, ..here };
                found(controller, named, here).await
            }
        };
        Ok(Response::new(answer))
    }

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let controller = self.quorum.controller()?;
        Box::pin(controller.answer(request.into_inner())).await.map(Response::new)
    }

    async fn quorum(
        &self,
        request: Request<v1::QuorumRequest>,
    ) -> Result<Response<v1::QuorumResponse>, Status> {
        let controller = self.quorum.controller()?;
        Box::pin(controller.answer_quorum(request.into_inner())).await.map(Response::new)
    }

    type HeartbeatStream = Answers;

    async fn heartbeat(
        &self,
        request: Request<Streaming<v1::Beat>>,
    ) -> Result<Response<Answers>, Status> {
        let starting = || Status::unavailable("this broker is starting");
        let keeper = Arc::clone(self.sessions.get().ok_or_else(starting)?);
        let controller = self.quorum.controller()?;
        let mut beats = request.into_inner();
        let no_beat = || Status::invalid_argument("a stream of beats begins with a beat");
        let first = beats.message().await?.ok_or_else(no_beat)?;
        let broker = controller.verify_route(first.route.as_ref())?;
        if !controller.is_leader() {
            return Err(Status::unavailable("another broker leads the quorum"));
        }
        let (answers, outgoing) = mpsc::channel(ANSWERS_WAITING_MAX);
        tokio::spawn(keeper.listen((broker, first), beats, answers));
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

fn verdict(standing: Standing, here: v1::StandingResponse) -> v1::StandingResponse {
    use v1::standing_response::Verdict;
    match standing {
        Standing::Free => here,
        Standing::Unregistered { told } => {
            let (at, reason) = told.unzip();
            v1::StandingResponse {
                verdict: Verdict::Unregistered.into(),
                since_at_ms: at.map(|at| at.0),
                reason: reason.unwrap_or_default(),
                ..here
            }
        }
        Standing::Taken { since, address } => v1::StandingResponse {
            verdict: Verdict::Taken.into(),
            since_at_ms: Some(since.0),
            address: address.unwrap_or_default(),
            ..here
        },
    }
}

/// Looks for a member where it says that it is.
async fn found(
    controller: &Controller,
    (asker, address): ((BrokerId, Option<Incarnation>), &str),
    here: v1::StandingResponse,
) -> v1::StandingResponse {
    if address.is_empty() {
        return here;
    }
    match controller.find(asker, address).await {
        Found::There => here,
        Found::Lives(address) => v1::StandingResponse {
            verdict: v1::standing_response::Verdict::Taken.into(),
            address,
            ..here
        },
        Found::Doubtful(doubt) => v1::StandingResponse { doubt, ..here },
    }
}

fn whereabouts(controller: &Controller) -> Vec<v1::Member> {
    let known = controller.whereabouts().into_iter();
    known.map(|(broker, address)| v1::Member { broker: broker.0, address }).collect()
}

/// What a broker must know that has just become a member.
fn admission(controller: &Controller, broker: BrokerId) -> v1::JoinResponse {
    let members = whereabouts(controller).into_iter().filter(|it| it.broker != broker.0);
    v1::JoinResponse {
        cluster_id: controller.cluster_id().0,
        broker: broker.0,
        leader: controller.broker().0,
        members: members.collect(),
    }
}

async fn pass_on(
    controller: &Controller,
    leader: BrokerId,
    request: v1::JoinRequest,
) -> Result<Response<v1::JoinResponse>, Status> {
    let unknown = || Status::unavailable(format!("no address of broker {leader} is known"));
    let channel = controller.peers().channel(leader).ok_or_else(unknown)?;
    let asked = async { MembersClient::new(channel).join(request).await };
    let late = |_| Status::unavailable(format!("broker {leader} leads and does not answer"));
    tokio::time::timeout(JOIN_WAIT, asked).await.map_err(late)?
}

/// A broker that is up under the number may be the same one, not yet known to have died: that is
/// worth another try, as is everything but a wrong request.
fn not_admitted(err: &ControlError) -> Status {
    if err.code == ErrorCode::DuplicateBrokerRegistration {
        return Status::already_exists(err.message.clone());
    }
    Status::unavailable(err.message.clone())
}
