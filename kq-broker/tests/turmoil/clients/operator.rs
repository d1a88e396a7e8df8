//! An operator: makes topics, moves replicas by plan, elects leaders, all by gRPC of some broker.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use kq_proto::admin::v1::leaders_client::LeadersClient;
use kq_proto::admin::v1::plan_goal::{Assignment, Assignments, Goal};
use kq_proto::admin::v1::plans_client::PlansClient;
use kq_proto::admin::v1::topics_client::TopicsClient;
use kq_proto::admin::v1::{self as v1, ElectionType};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Response, Status};
use turmoil::net::TcpStream;

use super::{Ground, MOVING, Phase, SAFE, SLOTS};
use crate::wire::PORT;

/// How long a command may take.
const COMMAND_MAX: Duration = Duration::from_secs(4);
/// Between two commands.
const PAUSE_MS_MAX: u64 = 1_500;

/// Makes the topics that all others use, then one thing after another until the storm is over.
pub(crate) async fn operate(ground: Rc<Ground>) -> turmoil::Result {
    ground.reach(Phase::Formed).await;
    make(&ground, new_topic(SAFE, 3, (3, 2))).await;
    make(&ground, new_topic(MOVING, 2, (2, 1))).await;
    ground.phase.set(Phase::Made);
    ground.reach(Phase::Storm).await;
    let mut made = 0;
    while ground.phase.get() < Phase::Healing {
        ground.pause(PAUSE_MS_MAX).await;
        let what = match ground.draw(3) {
            0 => {
                made += 1;
                let topic = new_topic(&format!("extra-{made}"), 1, (3, 1));
                ("makes a topic", create(&ground, topic).await)
            }
            1 => ("elects a leader", elect(&ground).await),
            _ => ("moves replicas", reassign(&ground).await),
        };
        let mut history = ground.history.borrow_mut();
        match what {
            (what, Ok(())) => {
                history.count("commands", 1);
                history.note(format_args!("operator {what}"));
            }
            (what, Err(err)) => {
                let (code, why) = (err.code(), err.message());
                history.note(format_args!("operator {what}: {code:?} {why}"));
            }
        }
    }
    ground.done();
    Ok(())
}

fn new_topic(name: &str, partitions: u32, (replicas, min_in_sync): (u32, u32)) -> v1::NewTopic {
    let min_in_sync = ("min.insync.replicas".to_owned(), min_in_sync.to_string());
    v1::NewTopic {
        name: name.to_owned(),
        partition_count: Some(partitions),
        replication_factor: Some(replicas),
        configs: [min_in_sync].into(),
        ..v1::NewTopic::default()
    }
}

/// Tries until the topic is there.
async fn make(ground: &Ground, topic: v1::NewTopic) {
    while create(ground, topic.clone()).await.is_err() {
        ground.pause(200).await;
    }
}

async fn create(ground: &Ground, topic: v1::NewTopic) -> Result<(), Status> {
    let name = topic.name.clone();
    let request = v1::CreateTopicsRequest { topics: vec![topic], intent: None };
    let mut door = TopicsClient::new(channel(ground)?);
    let told = in_time(door.create(request)).await?;
    let there = |it: &v1::ItemError| it.code == "kafka.TOPIC_ALREADY_EXISTS";
    if let Some(error) = told.errors.into_iter().find(|it| !there(it)) {
        return Err(Status::aborted(error.message));
    }
    ground.history.borrow_mut().made_topic(name);
    Ok(())
}

async fn elect(ground: &Ground) -> Result<(), Status> {
    let slot = usize::try_from(ground.draw(SLOTS.len() as u64)).ok().and_then(|at| SLOTS.get(at));
    let slot = slot.ok_or_else(|| Status::internal("no partition"))?;
    let partition =
        v1::PartitionRef { topic: slot.topic.to_owned(), partition: slot.index.unsigned_abs() };
    let request = v1::ElectLeadersRequest {
        partitions: vec![partition],
        r#type: ElectionType::Preferred.into(),
        designate: Some(any_number(ground)),
        ..v1::ElectLeadersRequest::default()
    };
    let mut door = LeadersClient::new(channel(ground)?);
    let told = in_time(door.elect(request)).await?;
    told.errors.into_iter().next().map_or(Ok(()), |it| Err(Status::aborted(it.message)))
}

/// Both partitions of the moving topic go to two brokers in turn.
async fn reassign(ground: &Ground) -> Result<(), Status> {
    let count = u32::try_from(ground.brokers.len()).unwrap_or(u32::MAX);
    let first = any_number(ground);
    let brokers = vec![first, first % count + 1];
    let assignment =
        |partition| Assignment { topic: MOVING.to_owned(), partition, brokers: brokers.clone() };
    let goal = Goal::Assign(Assignments { partitions: vec![assignment(0), assignment(1)] });
    let request = v1::ProposePlanRequest {
        goal: Some(v1::PlanGoal { goal: Some(goal) }),
        options: Some(v1::PlanOptions::default()),
    };
    let mut door = PlansClient::new(channel(ground)?);
    let plan = in_time(door.propose(request)).await?.plan;
    let plan = plan.ok_or_else(|| Status::internal("no plan"))?;
    if plan.refused || plan.moves.is_empty() {
        return Err(Status::aborted(plan.refusal));
    }
    let intent = Some(v1::Intent { reason: "to see it move".to_owned(), dry_run: false });
    let request = v1::ApplyPlanRequest { plan: Some(plan), overrides: Vec::new(), intent };
    in_time(door.apply(request)).await?;
    ground.history.borrow_mut().count("plans", 1);
    Ok(())
}

fn any_number(ground: &Ground) -> u32 {
    u32::try_from(1 + ground.draw(ground.brokers.len() as u64)).unwrap_or(1)
}

async fn in_time<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    let late = |_| Status::deadline_exceeded("no answer");
    tokio::time::timeout(COMMAND_MAX, call).await.map_err(late)?.map(Response::into_inner)
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

/// A channel of its own to some broker.
fn channel(ground: &Ground) -> Result<Channel, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{}:{PORT}", ground.any_broker()));
    let endpoint = endpoint.map_err(|err| Status::internal(err.to_string()))?;
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(|uri: Uri| -> Connecting {
        Box::pin(async move {
            let at = uri.authority().map(ToString::to_string).unwrap_or_default();
            Ok(TokioIo::new(TcpStream::connect(at).await?))
        })
    })))
}
