//! One shard and what is around it: its partition, those who wait for its answers, and the
//! writes that are on their way.
//!
//! ```text
//!   call --> Shard::step --> Reply --> the waiting request
//!                       |--> Write --> append, under the same lock: the log's order is the core's
//!                       |               |--> Shard::step(Written: appended or refused), at once
//!                       |               '--> the end is known --> Shard::step(Written), in that order
//!                       '--> Reload -> all who wait are let go, and the shard is loaded anew
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use kq_proto::kafka::ErrorCode;
use kq_storage::LeaderEpoch;
use kq_storage::batch::{BatchBuilder, Compression};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::timer::Timer;
use crate::canary;
use crate::group::{
    GroupError, Input, Outcome, Output, Reply, ReplyTo, Shard, WriteId, WrittenRecord,
};
use crate::metadata::MetadataImage;
use crate::runtime::{Acks, Appended, Node, Partition, PartitionError};

/// What all shards of a broker stand on.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) node: Arc<Node>,
    pub(super) timer: Timer,
    /// Told when some shard is to be loaded anew.
    pub(super) reload: Notify,
}

/// A shard of groups at work.
pub struct ShardHost {
    partition: Arc<Partition>,
    /// The epoch since which this broker led when the shard was loaded. In another term there may be
    /// records that it does not know.
    term: LeaderEpoch,
    ground: Arc<Ground>,
    /// Nothing is done here any more: another broker coordinates these groups, or this one loads them
    /// anew. Set with the state locked.
    is_retired: AtomicBool,
    state: Mutex<State>,
}

struct State {
    shard: Shard,
    /// The newest image that the shard was told.
    image: Option<Arc<MetadataImage>>,
    waiting: BTreeMap<ReplyTo, oneshot::Sender<Reply>>,
    /// Answers that go out when the lock is free again.
    answers: Vec<(oneshot::Sender<Reply>, Reply)>,
    reply_next: u64,
    /// Appended and not yet told to the shard as committed or failed, in the order of the log.
    in_flight: VecDeque<InFlight>,
    /// Whether a task is telling them.
    is_draining: bool,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    write: WriteId,
    appended: Appended,
}

/// The answer to a call, once it comes.
#[derive(Debug)]
#[must_use = "an answer that nobody awaits is lost"]
pub struct PendingReply(oneshot::Receiver<Reply>);

impl Future for PendingReply {
    /// None when the shard was let go before it answered.
    type Output = Option<Reply>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

impl ShardHost {
    pub(super) fn new(
        shard: Shard,
        (partition, term): (Arc<Partition>, LeaderEpoch),
        ground: Arc<Ground>,
    ) -> Arc<Self> {
        ground.timer.arm(shard.deadline());
        let state = State {
            shard,
            image: None,
            waiting: BTreeMap::new(),
            answers: Vec::new(),
            reply_next: 0,
            in_flight: VecDeque::new(),
            is_draining: false,
        };
        let is_retired = AtomicBool::new(false);
        Arc::new(Self { partition, term, ground, is_retired, state: Mutex::new(state) })
    }

    /// Puts a request to the shard. It takes effect before this returns; only the answer is
    /// awaited.
    pub fn call(self: &Arc<Self>, request: impl FnOnce(ReplyTo) -> Input) -> PendingReply {
        let (sender, receiver) = oneshot::channel();
        self.with_state(|state| {
            if !self.is_retired() {
                let reply = ReplyTo(state.reply_next);
                state.reply_next += 1;
                state.waiting.insert(reply, sender);
                self.step(state, request(reply));
            }
        });
        PendingReply(receiver)
    }

    /// Does something under the lock, and sends the answers after it.
    fn with_state(&self, act: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        act(&mut state);
        let answers = std::mem::take(&mut state.answers);
        drop(state);
        for (sender, reply) in answers {
            // The client may have hung up.
            let _ = sender.send(reply);
        }
    }

    /// Looks into the shard.
    pub fn look<T>(&self, look: impl FnOnce(&Shard) -> T) -> T {
        look(&self.state.lock().shard)
    }

    /// Judges its groups; nothing that members wait for changes.
    pub(super) fn watch<T>(&self, watch: impl FnOnce(&mut Shard) -> T) -> T {
        watch(&mut self.state.lock().shard)
    }

    /// Carries out what is due.
    pub(super) fn tick(self: &Arc<Self>) {
        self.with_state(|state| self.step(state, Input::Tick));
    }

    /// Has the next share of its groups forget what is too old.
    pub(super) fn expire_offsets(self: &Arc<Self>) {
        self.with_state(|state| self.step(state, Input::ExpireOffsets));
    }

    /// Tells the shard of topics that came and went, also while nobody asks it for anything.
    pub(super) fn follow_topics(self: &Arc<Self>) {
        self.with_state(|state| self.tell_topics(state));
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.state.lock().shard.deadline()
    }

    /// Whether it was loaded from this partition, in the term that goes on, and is at work.
    pub(super) fn is_of(&self, partition: &Arc<Partition>) -> bool {
        Arc::ptr_eq(&self.partition, partition)
            && partition.led_since() == Some(self.term)
            && !self.is_retired()
    }

    /// Another broker coordinates these groups now: whoever waits for an answer gets none, and looks
    /// for it there.
    pub(super) fn retire(&self) {
        self.retire_locked(&mut self.state.lock());
    }

    fn retire_locked(&self, state: &mut State) {
        self.is_retired.store(true, Ordering::Release);
        state.waiting.clear();
        state.in_flight.clear();
    }

    fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire)
    }

    fn step(self: &Arc<Self>, state: &mut State, input: Input) {
        if self.is_retired() {
            return;
        }
        // What a request names was found in this image or in an older one.
        self.tell_topics(state);
        // Heartbeats and commits only put deadlines off; a member that is new is written down.
        let may_shorten =
            !matches!(input, Input::Heartbeat(_) | Input::ConsumerHeartbeat(_) | Input::Commit(_));
        self.take(state, input);
        if may_shorten {
            self.ground.timer.arm(state.shard.deadline());
        }
    }

    fn tell_topics(self: &Arc<Self>, state: &mut State) {
        let image = self.ground.node.image();
        let is_known = state.image.as_ref().is_some_and(|it| Arc::ptr_eq(it, &image));
        if !is_known && !self.is_retired() {
            state.image = Some(Arc::clone(&image));
            self.take(state, Input::Image(image));
        }
    }

    /// Puts one event to the shard, and does what it asks for, in its order.
    fn take(self: &Arc<Self>, state: &mut State, input: Input) {
        let mut outputs = Vec::new();
        state.shard.step(self.ground.timer.now(), input, &mut outputs);
        let mut outputs = VecDeque::from(outputs);
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Reply(to, reply) => {
                    if let Some(sender) = state.waiting.remove(&to) {
                        state.answers.push((sender, reply));
                    }
                }
                Output::Write { write, records } => {
                    let outcome = self.write(state, write, &records);
                    let mut more = Vec::new();
                    let told = Input::Written { write, outcome };
                    state.shard.step(self.ground.timer.now(), told, &mut more);
                    outputs.extend(more);
                }
                Output::Reload => {
                    self.retire_locked(state);
                    self.ground.reload.notify_one();
                    return;
                }
            }
        }
    }

    fn write(
        self: &Arc<Self>,
        state: &mut State,
        write: WriteId,
        records: &[WrittenRecord],
    ) -> Outcome {
        let appended = match self.append(records) {
            Ok(appended) => appended,
            Err(err) => {
                self.report(&err);
                let refused = Outcome::Refused(GroupError::NotAvailable);
                return if is_certain(&err) { refused } else { Outcome::Unknown };
            }
        };
        state.in_flight.push_back(InFlight { write, appended });
        if !state.is_draining {
            state.is_draining = true;
            tokio::spawn(Arc::clone(self).drain());
        }
        Outcome::Appended
    }

    fn append(&self, records: &[WrittenRecord]) -> Result<Appended, PartitionError> {
        let now = self.ground.timer.wall();
        let batch = records.iter().fold(BatchBuilder::new(Compression::None), |batch, record| {
            batch.record(now, Some(&record.key), record.value.as_deref())
        });
        let batch = batch.build().map_err(|err| PartitionError::Batch {
            code: ErrorCode::MessageTooLarge,
            message: err.to_string().into(),
        })?;
        self.partition.append_in(Some(self.term), batch, Acks::All)
    }

    /// Tells the shard of each write, in the order of the log; ends when none is left.
    async fn drain(self: Arc<Self>) {
        while let Some(InFlight { appended, .. }) = self.next_in_flight() {
            let end = if canary::is("appended_told_as_committed") {
                Ok(())
            } else {
                self.partition.acknowledged(&appended).await
            };
            self.with_state(|state| self.tell_ends(state, end));
        }
    }

    /// Tells how the first write in flight ended, and with it of all behind it of which that is known
    /// by now: under load many are committed at once.
    fn tell_ends(self: &Arc<Self>, state: &mut State, first: Result<(), PartitionError>) {
        let mut next = Some(first);
        while let Some(end) = next {
            let Some(InFlight { write, .. }) = state.in_flight.pop_front() else { return };
            let outcome = self.outcome_of(end);
            self.step(state, Input::Written { write, outcome });
            let behind = state.in_flight.front();
            next = behind.and_then(|it| self.partition.acknowledged(&it.appended).now_or_never());
        }
    }

    fn outcome_of(&self, end: Result<(), PartitionError>) -> Outcome {
        let Err(err) = end else { return Outcome::Committed };
        self.report(&err);
        let is_thin = matches!(err, PartitionError::NotEnoughReplicasAfterAppend(_));
        if is_thin { Outcome::Thin } else { Outcome::Unknown }
    }

    fn next_in_flight(&self) -> Option<InFlight> {
        let mut state = self.state.lock();
        let next = state.in_flight.front().copied();
        state.is_draining = next.is_some();
        next
    }

    fn report(&self, err: &PartitionError) {
        tracing::warn!(partition = ?self.partition, %err, "a group's records are not acknowledged");
    }
}

/// Whether an append that failed in this way left nothing in the log. Anything else may have been
/// written in part or as a whole.
fn is_certain(err: &PartitionError) -> bool {
    matches!(
        err,
        PartitionError::Unknown
            | PartitionError::NotLeader
            | PartitionError::CutOff
            | PartitionError::NotEnoughReplicas(_)
            | PartitionError::Batch { .. }
            | PartitionError::NoSpace(_)
    )
}

impl fmt::Debug for ShardHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardHost({:?})", self.partition)
    }
}
