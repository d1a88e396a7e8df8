//! What the APIs of consumer groups have in common: each puts its request to the group's shard and
//! answers when the shard does.

use std::sync::Arc;

use bytes::Bytes;
use kq_proto::kafka::{ApiKey, ErrorCode, Request, Str};

use crate::group::{Caller, GroupError, GroupId, Input, InstanceId, MemberId, Reply, ReplyTo};
use crate::kafka::answer::Answer;
use crate::kafka::dispatch::Call;
use crate::kafka::door::Door;

/// Puts a request to the shard of its group at once, so that the requests of one connection take
/// effect in their order, and answers when the shard has. `respond` gets its reply, or why there
/// is none.
pub(super) fn ask<R: Request>(
    door: &Arc<Door>,
    mut call: Call,
    group: &GroupId,
    request: impl FnOnce(ReplyTo) -> Input,
    respond: impl FnOnce(Result<Reply, ErrorCode>) -> R::Response + Send + 'static,
) -> Answer
where
    R::Response: Send,
{
    let pending = match door.groups().host(group) {
        Ok(host) => host.call(request),
        Err(code) => return call.answer::<R>(&respond(Err(code))),
    };
    // What the shard keeps of the request is a copy.
    call.memory = None;
    // Members wait for one another, for minutes if need be; a broker that stops does not.
    let waits_for_others = matches!(R::KEY, ApiKey::JoinGroup | ApiKey::SyncGroup);
    let stopping = door.node.stopping.clone();
    Answer::Later(Box::pin(async move {
        let reply = tokio::select! {
            biased;
            reply = pending => reply,
            () = stopping.cancelled(), if waits_for_others => None,
        };
        call.reply::<R>(&respond(reply.ok_or(ErrorCode::CoordinatorNotAvailable)))
    }))
}

/// The code of an answer that says only whether something was done.
pub(super) fn code_of(result: Result<(), GroupError>) -> ErrorCode {
    result.err().map_or(ErrorCode::None, |error| code(&error))
}

/// Kafka's code for a refusal.
pub(super) fn code(error: &GroupError) -> ErrorCode {
    match error {
        GroupError::InvalidGroupId => ErrorCode::InvalidGroupId,
        GroupError::UnknownMember => ErrorCode::UnknownMemberId,
        GroupError::IllegalGeneration { .. } => ErrorCode::IllegalGeneration,
        GroupError::FencedMemberEpoch { .. } => ErrorCode::FencedMemberEpoch,
        GroupError::StaleMemberEpoch { .. } => ErrorCode::StaleMemberEpoch,
        GroupError::UnreleasedInstance => ErrorCode::UnreleasedInstanceId,
        GroupError::InvalidPattern { .. } => ErrorCode::InvalidRegularExpression,
        GroupError::EpochsUsedUp => ErrorCode::UnknownServerError,
        GroupError::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        GroupError::InconsistentProtocol => ErrorCode::InconsistentGroupProtocol,
        GroupError::InvalidSessionTimeout { .. } => ErrorCode::InvalidSessionTimeout,
        GroupError::MemberIdRequired => ErrorCode::MemberIdRequired,
        GroupError::FencedInstance => ErrorCode::FencedInstanceId,
        GroupError::GroupFull { .. } => ErrorCode::GroupMaxSizeReached,
        GroupError::NonEmptyGroup => ErrorCode::NonEmptyGroup,
        GroupError::GroupNotFound => ErrorCode::GroupIdNotFound,
        GroupError::SubscribedToTopic => ErrorCode::GroupSubscribedToTopic,
        GroupError::MetadataTooLarge { .. } => ErrorCode::OffsetMetadataTooLarge,
        GroupError::NotAvailable => ErrorCode::CoordinatorNotAvailable,
    }
}

/// The caller, as most group requests name it.
pub(super) fn caller(group: &Str, member: &Str, instance: Option<&Str>, generation: i32) -> Caller {
    Caller {
        group: GroupId::from(&**group),
        member: MemberId::from(&**member),
        instance: instance.map(|it| InstanceId::from(&**it)),
        generation,
    }
}

/// A copy that does not keep the request's frame alive.
pub(super) fn own(text: &Str) -> Arc<str> {
    Arc::from(&**text)
}

/// A copy that does not keep the request's frame alive.
pub(super) fn own_bytes(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// Text for a response.
pub(super) fn text(text: &str) -> Str {
    Str::from(text)
}
