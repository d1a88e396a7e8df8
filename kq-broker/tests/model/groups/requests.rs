//! What clients ask a coordinator, and what they hear.

use kq_broker::group::{CommittedOffset, GroupId, Input, MemberId, Reply, ReplyTo, TopicPartition};

/// A client's question.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) from: usize,
    /// Which of its questions.
    pub(crate) number: u64,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// To be put to the shard; whom to answer is filled in there.
    Step(Input),
    /// `OffsetFetch` of all that the group has committed, by one of its members or by anybody.
    Fetch { group: GroupId, member: MemberId, epoch: i32 },
}

#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Reply(Reply),
    Offsets(Vec<(TopicPartition, CommittedOffset)>),
    /// Ask elsewhere, or again.
    NotCoordinator,
}

/// The same request, to be answered under this number.
pub(crate) fn addressed(input: Input, to: ReplyTo) -> Input {
    let mut input = input;
    match &mut input {
        Input::Join(it) => it.reply = to,
        Input::Sync(it) => it.reply = to,
        Input::Heartbeat(it) => it.reply = to,
        Input::Leave(it) => it.reply = to,
        Input::ConsumerHeartbeat(it) => it.reply = to,
        Input::Commit(it) => it.reply = to,
        Input::DeleteOffsets(it) => it.reply = to,
        Input::Reset(it) => it.reply = to,
        Input::Operate(it) => it.reply = to,
        Input::DeleteGroup { reply, .. } | Input::Settle { reply, .. } => *reply = to,
        Input::Image(_) | Input::Written { .. } | Input::Tick | Input::ExpireOffsets => {}
    }
    input
}
