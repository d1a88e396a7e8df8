//! The one table of APIs: what is in it is advertised, and what is advertised is served.
//!
//! A new API is a file under `api/` that implements [`Handle`] for its request, and one line here.

use std::sync::Arc;

use bytes::Bytes;
use kq_proto::kafka::{
    ApiKey, DecodeError, ErrorCode, Reader, Request, RequestHeader, Str, Writer, response_frame,
};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Answer, Outcome, Response, Work};
use super::api::{api_versions, produce};
use super::connection::{Peer, Serve};
use super::door::Door;
use super::frame::Frame;

/// Every API that this broker serves, by number.
pub static APIS: &[Api] = &[
    // Some librdkafka versions stop compressing when Produce is not named from version 0 on.
    Api {
        run: produce::run,
        ..Api::of::<kq_proto::kafka::messages::ProduceRequest>().named_from(0)
    },
    Api::of::<kq_proto::kafka::messages::FetchRequest>(),
    Api::of::<kq_proto::kafka::messages::ListOffsetsRequest>(),
    Api::of::<kq_proto::kafka::messages::MetadataRequest>(),
    Api::of::<kq_proto::kafka::messages::OffsetCommitRequest>(),
    Api::of::<kq_proto::kafka::messages::OffsetFetchRequest>(),
    Api::of::<kq_proto::kafka::messages::FindCoordinatorRequest>(),
    Api::of::<kq_proto::kafka::messages::JoinGroupRequest>(),
    Api::of::<kq_proto::kafka::messages::HeartbeatRequest>(),
    Api::of::<kq_proto::kafka::messages::LeaveGroupRequest>(),
    Api::of::<kq_proto::kafka::messages::SyncGroupRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeGroupsRequest>(),
    Api::of::<kq_proto::kafka::messages::ListGroupsRequest>(),
    Api::of::<kq_proto::kafka::messages::ApiVersionsRequest>(),
    Api::of::<kq_proto::kafka::messages::CreateTopicsRequest>(),
    Api::of::<kq_proto::kafka::messages::DeleteTopicsRequest>(),
    Api::of::<kq_proto::kafka::messages::DeleteRecordsRequest>(),
    Api::of::<kq_proto::kafka::messages::InitProducerIdRequest>(),
    Api::of::<kq_proto::kafka::messages::OffsetForLeaderEpochRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeAclsRequest>(),
    Api::of::<kq_proto::kafka::messages::CreateAclsRequest>(),
    Api::of::<kq_proto::kafka::messages::DeleteAclsRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeConfigsRequest>(),
    Api::of::<kq_proto::kafka::messages::AlterConfigsRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeLogDirsRequest>(),
    Api::of::<kq_proto::kafka::messages::CreatePartitionsRequest>(),
    Api::of::<kq_proto::kafka::messages::DeleteGroupsRequest>(),
    Api::of::<kq_proto::kafka::messages::ElectLeadersRequest>(),
    Api::of::<kq_proto::kafka::messages::IncrementalAlterConfigsRequest>(),
    Api::of::<kq_proto::kafka::messages::AlterPartitionReassignmentsRequest>(),
    Api::of::<kq_proto::kafka::messages::ListPartitionReassignmentsRequest>(),
    Api::of::<kq_proto::kafka::messages::OffsetDeleteRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeUserScramCredentialsRequest>(),
    Api::of::<kq_proto::kafka::messages::AlterUserScramCredentialsRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeQuorumRequest>(),
    Api::of::<kq_proto::kafka::messages::UpdateFeaturesRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeClusterRequest>(),
    Api::of::<kq_proto::kafka::messages::UnregisterBrokerRequest>(),
    Api::of::<kq_proto::kafka::messages::ConsumerGroupHeartbeatRequest>(),
    Api::of::<kq_proto::kafka::messages::ConsumerGroupDescribeRequest>(),
    Api::of::<kq_proto::kafka::messages::ListConfigResourcesRequest>(),
    Api::of::<kq_proto::kafka::messages::DescribeTopicPartitionsRequest>(),
];

/// Topics, partitions and other items of one request together.
const ELEMENTS_MAX: usize = 1_000_000;

/// A request that this broker answers.
pub trait Handle: Request {
    /// Answers it, or says how the answer will come.
    fn handle(self, door: &Arc<Door>, peer: &mut Peer, call: Call) -> Answer;
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    /// Which API.
    pub key: ApiKey,
    /// The first version that is advertised.
    pub named_from: i16,
    /// The first version that is served.
    pub served_from: i16,
    /// The last version that is served.
    pub served_to: i16,
    /// Reads header and body and answers.
    pub run: fn(&Arc<Door>, &mut Peer, Frame) -> Answer,
}

impl Api {
    const fn of<R: Handle>() -> Self {
        let (served_from, served_to) = (*R::VERSIONS.start(), *R::VERSIONS.end());
        Self { key: R::KEY, named_from: served_from, served_from, served_to, run: run::<R> }
    }

    const fn named_from(self, named_from: i16) -> Self {
        Self { named_from, ..self }
    }

    /// The line of an API.
    pub fn find(key: ApiKey) -> Option<&'static Self> {
        APIS.iter().find(|api| api.key == key)
    }
}

/// What all requests have in common.
#[derive(Debug)]
pub struct Call {
    /// Which API.
    pub key: ApiKey,
    /// Of request and response.
    pub version: i16,
    /// Repeated in the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<Str>,
    /// The request's part of the shared frame memory.
    pub memory: Option<OwnedSemaphorePermit>,
}

impl Call {
    /// The response of request `R`, in one piece.
    pub fn reply<R: Request>(&self, response: &R::Response) -> Outcome {
        let encoded = response_frame::<R>(self.correlation_id, self.version, response);
        match encoded.and_then(Writer::into_bytes) {
            Ok(bytes) => Outcome::Reply(Response::Whole(bytes)),
            Err(e) => self.close(format_args!("cannot encode the response: {e}")),
        }
    }

    /// The same, as an answer that is there already.
    pub fn answer<R: Request>(&self, response: &R::Response) -> Answer {
        Answer::Now(self.reply::<R>(response))
    }

    /// An answer that comes later and lets no other request of the connection overtake it.
    pub fn alone<R: Request>(
        self,
        work: impl Future<Output = R::Response> + Send + 'static,
    ) -> Answer {
        Answer::Alone(Box::pin(async move {
            let response = work.await;
            self.reply::<R>(&response)
        }))
    }

    /// Ends the connection.
    pub fn close(&self, reason: impl std::fmt::Display) -> Outcome {
        Outcome::Close(format!("{} version {}: {reason}", self.key, self.version))
    }
}

/// Answers requests by the table.
#[derive(Debug)]
pub struct Dispatch(pub Arc<Door>);

impl Serve for Dispatch {
    fn serve(&self, peer: &mut Peer, frame: Frame) -> Answer {
        let Some(&[k0, k1, v0, v1]) = frame.bytes.first_chunk::<4>() else {
            return refuse(format!("a request of {} bytes has no header", frame.bytes.len()));
        };
        let (code, version) = (i16::from_be_bytes([k0, k1]), i16::from_be_bytes([v0, v1]));
        let api = ApiKey::from_code(code).and_then(Api::find);
        match api {
            None => refuse(format!("API key {code} (version {version}) is not served")),
            Some(api) if (api.served_from..=api.served_to).contains(&version) => {
                self.measured(api, peer, frame)
            }
            Some(api) if api.key == ApiKey::ApiVersions => {
                api_versions::unsupported(frame.bytes.freeze())
            }
            Some(api) => refuse(format!(
                "{} version {version} is not served, only {} to {}",
                api.key, api.served_from, api.served_to
            )),
        }
    }
}

impl Dispatch {
    /// Answers, and counts the time until the answer is there.
    fn measured(&self, api: &'static Api, peer: &mut Peer, frame: Frame) -> Answer {
        let node = Arc::clone(&self.0.node);
        let (started, request_bytes) = (node.clock.elapsed(), frame.bytes.len() as u64);
        let served = move |outcome: &Outcome| {
            let took = node.clock.elapsed().saturating_sub(started);
            node.metrics.api(api.key).served(took, request_bytes, outcome.len() as u64);
        };
        let measure = |work: Work| -> Work {
            let served = served.clone();
            Box::pin(async move {
                let outcome = work.await;
                served(&outcome);
                outcome
            })
        };
        match (api.run)(&self.0, peer, frame) {
            Answer::Now(outcome) => {
                served(&outcome);
                Answer::Now(outcome)
            }
            Answer::Later(work) => Answer::Later(measure(work)),
            Answer::Alone(work) => Answer::Alone(measure(work)),
        }
    }
}

fn refuse(reason: String) -> Answer {
    Answer::Now(Outcome::Close(reason))
}

fn run<R: Handle>(door: &Arc<Door>, peer: &mut Peer, frame: Frame) -> Answer {
    let whole = frame.bytes.freeze();
    match parse::<R>(&whole) {
        Ok((header, request)) => request.handle(door, peer, Call::new(header, frame.memory)),
        Err(reason) => refuse(reason),
    }
}

/// Reads header and body. What follows the body is ignored, as Kafka does.
pub fn parse<R: Request>(whole: &Bytes) -> Result<(RequestHeader, R), String> {
    let mut reader = Reader::bounded(whole, ELEMENTS_MAX);
    let header = RequestHeader::parse(&mut reader).map_err(|e| e.to_string())?;
    let body: Result<R, DecodeError> = R::decode(&mut reader, header.api_version);
    let version = header.api_version;
    body.map(|body| (header, body)).map_err(|e| format!("{} version {version}: {e}", R::KEY))
}

impl Call {
    /// A call with this header.
    pub fn new(header: RequestHeader, memory: Option<OwnedSemaphorePermit>) -> Self {
        let RequestHeader { api_key, api_version, correlation_id, client_id } = header;
        Self { key: api_key, version: api_version, correlation_id, client_id, memory }
    }
}

/// Kafka's answer to a wish that this broker will not fulfil whoever asks.
pub const SECURITY_DISABLED: (ErrorCode, &str) =
    (ErrorCode::SecurityDisabled, "No Authorizer is configured.");
