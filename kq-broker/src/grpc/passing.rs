//! Passing requests on: any broker may be asked for what only a partition's leader can do.
//!
//! A request is passed on once. Who gets one from another broker answers for itself, so that two
//! brokers that disagree about who leads do not pass it to and fro.

use std::io;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::groups_client::GroupsClient;
use kq_proto::admin::v1::offsets_client::OffsetsClient;
use kq_proto::admin::v1::records_client::RecordsClient;
use kq_proto::admin::v1::topics_client::TopicsClient;
use kq_proto::client::in_parts;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use super::Admin;
use crate::group::GroupId;
use crate::ids::{BrokerId, PartitionIndex};
use crate::peers::channel_to;
use crate::runtime::OFFSETS_TOPIC;

/// Marks a request that another broker passed on.
const PASSED_ON: &str = "kq-passed-on";
/// How long a leader may take. Who asked gives up by a deadline of his own, mostly before.
const ANSWER_WAIT: Duration = Duration::from_mins(1);
/// One record may be as large as a request of the Kafka protocol.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody who does not know who leads.
    Client,
    /// A broker that takes this one for the leader.
    Broker,
}

impl Asker {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let is_passed_on = request.metadata().contains_key(PASSED_ON);
        if is_passed_on { Self::Broker } else { Self::Client }
    }
}

/// The broker that leads a partition, and is not this one.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere {
    pub(super) broker: BrokerId,
    address: String,
    channel: Channel,
}

impl Admin {
    /// Who is to be asked about a partition in place of this broker. None if nobody is: it leads
    /// itself, or nobody else is known to, and then it is what tells that.
    pub(super) fn elsewhere(&self, topic: &str, index: u32, asker: Asker) -> Option<Elsewhere> {
        if asker == Asker::Broker {
            return None;
        }
        let image = self.node.image();
        let partition = image.topic_by_name(topic)?.partition(PartitionIndex(index))?;
        let broker = partition.leader.filter(|it| *it != self.node.broker_id)?;
        let peers = self.node.controller.peers();
        let (address, channel) = (peers.address(broker)?, peers.channel(broker)?);
        Some(Elsewhere { broker, address, channel })
    }

    /// The broker that coordinates a group, if it is another one.
    pub(super) fn coordinator_elsewhere(&self, group: &str, asker: Asker) -> Option<Elsewhere> {
        let partition = self.groups.partition_of(&GroupId::from(group))?;
        self.elsewhere(OFFSETS_TOPIC, partition.index.0, asker)
    }
}

impl Elsewhere {
    /// What became of each record, in their order.
    pub(super) async fn get(
        &self,
        asked: Vec<v1::RecordRef>,
    ) -> Vec<Result<v1::Record, AdminError>> {
        let request = v1::GetRecordsRequest { records: asked.clone() };
        let answer = match records(self.channel.clone()).get(passed_on(request)).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return asked.iter().map(|_| Err(self.silent(&status))).collect(),
        };
        let mut found = answer.records.into_iter().peekable();
        let mut errors = answer.errors.into_iter().peekable();
        let one = |it: v1::RecordRef| {
            let is_it = |found: &v1::Record| {
                (&found.topic, found.partition, found.offset)
                    == (&it.topic, it.partition, it.offset)
            };
            one_of(found.next_if(is_it), errors.next_if(|error| error.item == item_of(&it)))
        };
        asked.into_iter().map(one).collect()
    }

    pub(super) async fn delete(
        &self,
        partition: v1::DeleteBefore,
        dry_run: bool,
    ) -> Result<v1::DeletedRecords, AdminError> {
        let intent = Some(v1::Intent { dry_run, ..v1::Intent::default() });
        let request = v1::DeleteRecordsRequest { partitions: vec![partition], intent };
        let answer = records(self.channel.clone()).delete(passed_on(request)).await;
        let mut answer = answer.map_err(|status| self.silent(&status))?.into_inner();
        one_of(answer.partitions.pop(), answer.errors.pop())
    }

    pub(super) async fn list_offsets(
        &self,
        query: v1::OffsetQuery,
    ) -> Result<v1::ListOffsetsResponse, AdminError> {
        let client = TopicsClient::new(self.channel.clone());
        let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
        let request = v1::ListOffsetsRequest { queries: vec![query] };
        let answer = client.list_offsets(passed_on(request)).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.silent(&status))
    }

    pub(super) async fn produce(
        &self,
        request: v1::ProduceRequest,
    ) -> Result<v1::ProduceResponse, AdminError> {
        let mut client = records(self.channel.clone());
        let answer = match in_parts(&request) {
            None => client.produce(passed_on(request)).await,
            Some(parts) => client.produce_parts(passed_on(tokio_stream::iter(parts))).await,
        };
        answer.map(tonic::Response::into_inner).map_err(|status| {
            let mut error = self.silent(&status);
            if !is_refusal(&status) {
                error.message.push_str("; whether the records were written is not known");
                error.retriable = false;
            }
            error
        })
    }

    /// Streams over a connection of its own: a reader that does not read must not hold up what
    /// brokers have to say to one another.
    pub(super) async fn fetch(
        &self,
        request: v1::FetchRequest,
    ) -> Result<Streaming<v1::FetchResponse>, AdminError> {
        let channel = channel_to(&self.address).unwrap_or_else(|| self.channel.clone());
        let mut request = passed_on(request);
        request.metadata_mut().remove("grpc-timeout");
        let answer = records(channel).fetch(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.silent(&status))
    }

    /// What the leader said, or that it said nothing.
    pub(super) fn silent(&self, status: &Status) -> AdminError {
        if is_refusal(status) {
            return AdminError::from_status(status);
        }
        let broker = self.broker;
        let message = format!("broker {broker}, which leads it, did not answer");
        AdminError::new(Code::Unavailable, "kafka.LEADER_NOT_AVAILABLE", message)
            .hint(format!("kq-ctl broker describe {broker}"))
            .retriable()
    }
}

impl Elsewhere {
    /// The groups that it coordinates.
    pub(super) fn groups(&self) -> GroupsClient<Channel> {
        GroupsClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The committed offsets of the groups that it coordinates.
    pub(super) fn offsets(&self) -> OffsetsClient<Channel> {
        OffsetsClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// What a coordinator said, or that it said nothing.
    pub(super) fn silent_coordinator(&self, status: &Status) -> AdminError {
        if is_refusal(status) {
            return AdminError::from_status(status);
        }
        let broker = self.broker;
        let message = format!("broker {broker}, which coordinates the group, did not answer");
        AdminError::new(Code::Unavailable, "kafka.COORDINATOR_NOT_AVAILABLE", message)
            .hint(format!("kq-ctl broker describe {broker}"))
            .retriable()
    }
}

impl Elsewhere {
    /// The same of a change. `look` tells where it stands if it was made.
    pub(super) fn silent_amid_change(&self, status: &Status, look: &str) -> AdminError {
        if is_refusal(status) || was_never_sent(status) {
            return self.silent_coordinator(status);
        }
        let broker = self.broker;
        unknown_end(&format!("broker {broker}, which coordinates the group, did not answer"), look)
    }
}

/// A change that was on its way when who was to make it fell silent. To repeat it may make it twice.
pub(super) fn unknown_end(why: &str, look: &str) -> AdminError {
    let message = format!("{why}; whether the change was made is not known");
    AdminError::new(Code::DeadlineExceeded, "kafka.REQUEST_TIMED_OUT", message)
        .hint(format!("look before you repeat it: {look}"))
}

/// Whether nobody was there to hear the request.
fn was_never_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|it| it.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn records(channel: Channel) -> RecordsClient<Channel> {
    RecordsClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// Whether a service said no, rather than that nobody was there.
fn is_refusal(status: &Status) -> bool {
    !AdminError::from_status(status).code.starts_with("grpc.")
}

/// A request to another broker, which it answers by itself.
pub(super) fn passed_on<T>(message: T) -> Request<T> {
    passed_on_for(message, ANSWER_WAIT)
}

/// A request to another broker that is answered within this time, or not at all.
pub(super) fn passed_on_for<T>(message: T, wait: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(PASSED_ON, MetadataValue::from_static("1"));
    request.set_timeout(wait);
    request
}

/// A record as an error names it.
pub(super) fn item_of(it: &v1::RecordRef) -> String {
    format!("{}/{}@{}", it.topic, it.partition, it.offset)
}

/// The answer about one item.
fn one_of<T>(found: Option<T>, error: Option<v1::ItemError>) -> Result<T, AdminError> {
    match (found, error) {
        (Some(found), _) => Ok(found),
        (None, Some(error)) => Err(of_item(error)),
        (None, None) => {
            let message = "the leader told nothing of it";
            Err(AdminError::new(Code::Internal, "kq.INTERNAL", message))
        }
    }
}

/// An error of an item, as it was before it was told.
pub(super) fn of_item(it: v1::ItemError) -> AdminError {
    let error = AdminError::new(Code::Unknown, it.code, it.message).hint(it.hint);
    if it.retriable { error.retriable() } else { error }
}

#[cfg(all(test, not(feature = "turmoil")))]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn rebalance_at(address: String) -> Option<AdminError> {
        let channel = channel_to(&address)?;
        let there = Elsewhere { broker: BrokerId(7), address, channel };
        let request = v1::RebalanceGroupRequest::default();
        let status = there.groups().rebalance(passed_on(request)).await.err()?;
        Some(there.silent_amid_change(&status, "kq-ctl group describe"))
    }

    #[tokio::test]
    async fn a_change_that_nobody_heard_may_be_asked_for_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let err = rebalance_at(address).await.unwrap();
        assert_eq!(err.code, "kafka.COORDINATOR_NOT_AVAILABLE");
        assert!(err.retriable, "{err:?}");
    }

    #[tokio::test]
    async fn a_change_that_may_have_been_heard_is_to_be_looked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let dies = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
        });
        let err = rebalance_at(address).await.unwrap();
        dies.await.unwrap();
        assert_eq!(err.code, "kafka.REQUEST_TIMED_OUT");
        assert!(!err.retriable && err.message.contains("is not known"), "{err:?}");
        assert_eq!(err.hint, "look before you repeat it: kq-ctl group describe");
    }
}
