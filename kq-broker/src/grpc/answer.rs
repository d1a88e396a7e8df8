//! What all services share: commands with their intent, topics by reference, items and failures.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::{self, topic_ref::By};
use tonic::{Response, Status};
use uuid::Uuid;

use super::Admin;
use super::error::{bad_argument, of_control, unknown_topic};
use crate::controller::{Command, ControlError, Reply, TopicRef};
use crate::ids::{PlanId, TopicId};
use crate::metadata::{MetadataImage, TopicImage};

/// How long a command may take; clients give up by deadlines of their own.
const COMMAND_WAIT: Duration = Duration::from_secs(30);

/// What an RPC answers.
pub(super) type Answer<T> = Result<Response<T>, Status>;

impl Admin {
    /// Carries a command out, and what it changed stands in files before this returns.
    pub(super) async fn submit(
        &self,
        intent: Option<&v1::Intent>,
        command: Command,
    ) -> Result<Reply, Status> {
        Ok(self.try_submit(intent, command).await.map_err(|err| of_control(&err))?)
    }

    /// The same, with a refusal as an answer.
    pub(super) async fn try_submit(
        &self,
        intent: Option<&v1::Intent>,
        command: Command,
    ) -> Result<Reply, ControlError> {
        let reason = intent.map(|it| it.reason.clone()).unwrap_or_default();
        let submitted = self.node.controller.submit_for(reason, command, COMMAND_WAIT);
        let reply = submitted.await?;
        let index = self.node.image().applied();
        let applied = self.node.partitions.wait_applied(index);
        // Late, not wrong: it is committed, and the next reader may find a partition not ready.
        let _ = tokio::time::timeout(COMMAND_WAIT, applied).await;
        Ok(reply)
    }
}

/// True if nothing is to be changed.
pub(super) fn is_dry_run(intent: Option<&v1::Intent>) -> bool {
    intent.is_some_and(|it| it.dry_run)
}

/// The reason of a change, as much of it as is kept with the change.
pub(super) fn kept_reason(intent: Option<&v1::Intent>) -> String {
    const LETTERS_MAX: usize = 1_000;
    intent.map(|it| it.reason.chars().take(LETTERS_MAX).collect()).unwrap_or_default()
}

/// The name of a change of offsets. Chance, and not what is done: the same change may be made twice,
/// and taken back twice.
pub(super) fn draw_plan_id() -> PlanId {
    let (first, ..) = Uuid::new_v4().as_fields();
    PlanId(first)
}

/// A reply of another kind than its command's: a fault of the broker, told as such.
pub(super) fn unexpected() -> Status {
    Status::internal("the controller gave an answer to another command")
}

/// Sorts the outcome of each item into answers and failures.
pub(super) fn sort<'a, T, U>(
    names: impl IntoIterator<Item = &'a String>,
    results: Vec<Result<T, ControlError>>,
    mut answer: impl FnMut(&'a str, T) -> U,
) -> (Vec<U>, Vec<v1::ItemError>) {
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    for (name, result) in names.into_iter().zip(results) {
        match result {
            Ok(item) => answers.push(answer(name, item)),
            Err(err) => errors.push(of_control(&err).into_item(name)),
        }
    }
    (answers, errors)
}

/// The topics of a request, as the controller takes them.
pub(super) fn topic_refs(refs: &[v1::TopicRef]) -> Result<Vec<TopicRef>, Status> {
    refs.iter().map(|it| topic_ref(it).map_err(Status::from)).collect()
}

fn topic_ref(it: &v1::TopicRef) -> Result<TopicRef, AdminError> {
    match &it.by {
        Some(By::Name(name)) => Ok(TopicRef::Name(name.clone())),
        Some(By::Id(id)) => Uuid::from_slice(id)
            .map(|id| TopicRef::Id(TopicId(id)))
            .map_err(|_| bad_argument(format!("a topic id has 16 bytes, not {}", id.len()))),
        None => Err(bad_argument("a topic is named by nothing: give its name or its id")),
    }
}

/// How an operator would name a topic of a request.
pub(super) fn name_of(topic: &TopicRef) -> String {
    match topic {
        TopicRef::Name(name) => name.clone(),
        TopicRef::Id(id) => id.to_string(),
    }
}

/// A visible topic.
pub(super) fn find_topic(
    image: &MetadataImage,
    topic: &TopicRef,
) -> Result<Arc<TopicImage>, AdminError> {
    let found = match topic {
        TopicRef::Name(name) => image.topic_by_name(name),
        TopicRef::Id(id) => image.topic_by_id(*id),
    };
    found
        .cloned()
        .ok_or_else(|| unknown_topic(format!("topic '{}' does not exist", name_of(topic))))
}

/// The 16 bytes of a topic's id.
pub(super) fn id_bytes(id: TopicId) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(id.0.as_bytes())
}

/// Cuts a page out of a list that is in the order of its keys: those after `after`, at most `size`
/// of them, and the key to go on from.
pub(super) fn page<T>(
    items: impl Iterator<Item = T>,
    request: Option<&v1::PageRequest>,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, String) {
    const ITEMS_MAX: usize = 1_000;
    let size = request.map_or(0, |it| it.size as usize);
    let size = if size == 0 { ITEMS_MAX } else { size.min(ITEMS_MAX) };
    let mut taken: Vec<T> = items.take(size + 1).collect();
    let more = taken.len() > size;
    taken.truncate(size);
    let next = taken.last().filter(|_| more).map(key).unwrap_or_default();
    (taken, next)
}
