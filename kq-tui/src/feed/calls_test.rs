//! Brokers that answer, refuse, die and go on without an end.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kq_proto::admin::v1;
use kq_proto::admin::v1::offsets_server::{Offsets, OffsetsServer};
use kq_proto::admin::v1::records_server::{Records, RecordsServer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::Stream;
use tonic::{Code, Request, Response, Status};

use super::*;

/// What a broker does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    /// Does not serve yet.
    Starts,
    /// Breaks the connection off in the middle.
    Dies,
}

#[derive(Debug, Clone)]
struct Fake {
    manner: Manner,
    asked: Arc<AtomicU32>,
}

impl Fake {
    fn refuse(&self) -> Result<(), Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.manner {
            Manner::Answers => Ok(()),
            Manner::Starts => {
                Err(AdminError::new(Code::Unavailable, kq_proto::admin::STARTING, "starts").into())
            }
            Manner::Dies => Err(Status::unavailable("broken")),
        }
    }
}

#[tonic::async_trait]
impl Offsets for Fake {
    async fn get(
        &self,
        _: Request<v1::GetOffsetsRequest>,
    ) -> Result<Response<v1::GetOffsetsResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn propose_reset(
        &self,
        request: Request<v1::ProposeResetRequest>,
    ) -> Result<Response<v1::ProposeResetResponse>, Status> {
        self.refuse()?;
        let group = request.into_inner().group;
        let plan = Some(v1::ResetPlan { group, ..v1::ResetPlan::default() });
        Ok(Response::new(v1::ProposeResetResponse { plan, errors: Vec::new() }))
    }

    async fn apply_reset(
        &self,
        _: Request<v1::ApplyResetRequest>,
    ) -> Result<Response<v1::ApplyResetResponse>, Status> {
        self.refuse()?;
        Ok(Response::new(v1::ApplyResetResponse::default()))
    }

    async fn list_undo(
        &self,
        _: Request<v1::ListUndoRequest>,
    ) -> Result<Response<v1::ListUndoResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

type Fetched = Pin<Box<dyn Stream<Item = Result<v1::FetchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Records for Fake {
    type FetchStream = Fetched;

    async fn produce(
        &self,
        _: Request<v1::ProduceRequest>,
    ) -> Result<Response<v1::ProduceResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn produce_parts(
        &self,
        _: Request<tonic::Streaming<v1::ProducePart>>,
    ) -> Result<Response<v1::ProduceResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn fetch(&self, _: Request<v1::FetchRequest>) -> Result<Response<Fetched>, Status> {
        self.refuse()?;
        let flood = std::iter::repeat_with(|| Ok(v1::FetchResponse::default()));
        Ok(Response::new(Box::pin(tokio_stream::iter(flood))))
    }

    async fn get(
        &self,
        _: Request<v1::GetRecordsRequest>,
    ) -> Result<Response<v1::GetRecordsResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn delete(
        &self,
        _: Request<v1::DeleteRecordsRequest>,
    ) -> Result<Response<v1::DeleteRecordsResponse>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

/// Brokers of these manners, and a desk that knows them in that order.
struct World {
    fakes: Vec<Fake>,
    calls: Calls,
    answers: Answers,
    _runtime: Runtime,
    _brokers: watch::Sender<Reached>,
}

fn world(manners: &[Manner]) -> World {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut fakes = Vec::new();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for manner in manners {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        addresses.push(listener.local_addr().unwrap());
        let fake = Fake { manner: *manner, asked: Arc::default() };
        fakes.push(fake.clone());
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(OffsetsServer::new(fake.clone()))
                .add_service(RecordsServer::new(fake))
                .serve_with_incoming(incoming),
        );
    }
    let known: Vec<kq_proto::client::Address> =
        addresses.iter().map(|it| it.to_string().parse().unwrap()).collect();
    let (brokers, reached) = watch::channel(Reached { order: known, ..Reached::default() });
    let (desk, calls, answers) = desk(Options::new(Vec::new()), reached);
    runtime.spawn(desk.run());
    World { fakes, calls, answers, _runtime: runtime, _brokers: brokers }
}

fn proposal(group: &str) -> Box<Call> {
    let group = group.to_owned();
    Box::new(Call::ProposeReset(v1::ProposeResetRequest { group, ..Default::default() }))
}

fn group_of(answer: &Answer) -> Option<&str> {
    let Answer::ProposeReset(answer) = answer else { return None };
    Some(&answer.plan.as_ref()?.group)
}

#[test]
fn each_call_is_answered_by_its_number() {
    let mut world = world(&[Manner::Answers]);
    for (id, group) in [(7, "a"), (9, "b")] {
        world.calls.ask(id, proposal(group)).unwrap();
        let (answered, answer) = world.answers.wait().unwrap();
        assert_eq!((answered, group_of(&answer)), (id, Some(group)));
    }
}

#[test]
fn whoever_does_not_serve_yet_is_passed_over() {
    let mut world = world(&[Manner::Starts, Manner::Answers]);
    world.calls.ask(1, proposal("a")).unwrap();
    let (_, answer) = world.answers.wait().unwrap();
    assert_eq!(group_of(&answer), Some("a"));
}

#[test]
fn what_may_have_been_heard_is_not_asked_twice() {
    let mut world = world(&[Manner::Dies, Manner::Dies]);
    let change = Call::ApplyReset(v1::ApplyResetRequest::default());
    world.calls.ask(1, Box::new(change)).unwrap();
    let (_, answer) = world.answers.wait().unwrap();
    let Answer::Refused(refusal) = answer else { unreachable!("nobody answers") };
    assert!(refusal.is_unsure, "{refusal:?}");
    let asked: u32 = world.fakes.iter().map(|it| it.asked.load(Ordering::Relaxed)).sum();
    assert_eq!(asked, 1);
}

#[test]
fn a_stream_goes_on_until_it_is_hung_up() {
    let World { calls, mut answers, _runtime, .. } = world(&[Manner::Answers]);
    calls.ask(3, Box::new(Call::Fetch(v1::FetchRequest::default()))).unwrap();
    for _ in 0..20 {
        assert!(matches!(answers.wait(), Some((3, Answer::Fetch(_)))));
    }
    calls.hang_up(3);
    calls.ask(4, proposal("a")).unwrap();
    // Those that were on their way come before.
    while !matches!(answers.wait(), Some((4, Answer::ProposeReset(_)))) {}
    drop(calls);
    assert_eq!(answers.wait(), None);
}

#[test]
fn nobody_there_is_a_refusal_in_words() {
    let mut world = world(&[]);
    world.calls.ask(1, proposal("a")).unwrap();
    let (_, answer) = world.answers.wait().unwrap();
    let Answer::Refused(refusal) = answer else { unreachable!("nobody is there") };
    assert!(refusal.message.contains("no broker is named"), "{refusal:?}");
    let refusal = Calls::none("a recording cannot be asked").ask(1, proposal("a")).unwrap_err();
    assert_eq!(refusal.words(), "a recording cannot be asked");
}
