//! One shard and what is around it: its partition, those who wait for its answers, and the
//! writes that are on their way.
//!
//! ```text
//!   call --> Shard::step --> Reply --> the waiting request
//!                       \--> Write --> append, under the same lock: the log's order is the core's
//!                                        '--> committed --> Shard::step(Written), in that order
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use kq_storage::LeaderEpoch;
use kq_storage::batch::{BatchBuilder, Compression};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::timer::Timer;
use crate::group::{GroupError, Input, Output, Reply, ReplyTo, Shard, WriteId, WrittenRecord};
use crate::runtime::{Acks, Appended, Partition, PartitionError};

/// A shard of groups at work.
pub struct ShardHost {
    partition: Arc<Partition>,
    /// The epoch since which this broker led when the shard was loaded. In another term there may be
    /// records that it does not know.
    term: LeaderEpoch,
    timer: Arc<Timer>,
    state: Mutex<State>,
}

struct State {
    shard: Shard,
    waiting: BTreeMap<ReplyTo, oneshot::Sender<Reply>>,
    reply_next: u64,
    /// Appended and not yet told to the shard as committed or failed, in the order of the log.
    in_flight: VecDeque<InFlight>,
    /// Whether a task is telling them.
    is_draining: bool,
    /// Another broker coordinates these groups, or this one loads them anew.
    is_retired: bool,
}

#[derive(Debug, Clone, Copy)]
struct InFlight {
    write: WriteId,
    /// None if it could not be appended.
    appended: Option<Appended>,
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
        timer: Arc<Timer>,
    ) -> Arc<Self> {
        timer.arm(shard.deadline());
        let state = State {
            shard,
            waiting: BTreeMap::new(),
            reply_next: 0,
            in_flight: VecDeque::new(),
            is_draining: false,
            is_retired: false,
        };
        Arc::new(Self { partition, term, timer, state: Mutex::new(state) })
    }

    /// Puts a request to the shard. It takes effect before this returns; only the answer is
    /// awaited.
    pub fn call(self: &Arc<Self>, request: impl FnOnce(ReplyTo) -> Input) -> PendingReply {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        if state.is_retired {
            return PendingReply(receiver);
        }
        let reply = ReplyTo(state.reply_next);
        state.reply_next += 1;
        state.waiting.insert(reply, sender);
        self.step(&mut state, request(reply));
        PendingReply(receiver)
    }

    /// Looks into the shard.
    pub fn look<T>(&self, look: impl FnOnce(&Shard) -> T) -> T {
        look(&self.state.lock().shard)
    }

    /// Carries out what is due.
    pub(super) fn tick(self: &Arc<Self>) {
        self.step(&mut self.state.lock(), Input::Tick);
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.state.lock().shard.deadline()
    }

    /// Whether it was loaded from this partition, in the term that goes on.
    pub(super) fn is_of(&self, partition: &Arc<Partition>) -> bool {
        Arc::ptr_eq(&self.partition, partition) && partition.led_since() == Some(self.term)
    }

    /// Another broker coordinates these groups now: whoever waits for an answer gets none, and looks
    /// for it there.
    pub(super) fn retire(&self) {
        let mut state = self.state.lock();
        state.is_retired = true;
        state.waiting.clear();
    }

    fn step(self: &Arc<Self>, state: &mut State, input: Input) {
        if state.is_retired {
            return;
        }
        // Heartbeats and commits only put deadlines off.
        let may_shorten = !matches!(input, Input::Heartbeat(_) | Input::Commit(_));
        let mut outputs = Vec::new();
        state.shard.step(self.timer.now(), input, &mut outputs);
        for output in outputs {
            match output {
                Output::Reply(to, reply) => {
                    if let Some(sender) = state.waiting.remove(&to) {
                        // The client may have hung up.
                        let _ = sender.send(reply);
                    }
                }
                Output::Write { write, records } => self.write(state, write, &records),
            }
        }
        if may_shorten {
            self.timer.arm(state.shard.deadline());
        }
    }

    fn write(self: &Arc<Self>, state: &mut State, write: WriteId, records: &[WrittenRecord]) {
        let appended = self.append(records).map_err(|err| self.report(&err)).ok();
        state.in_flight.push_back(InFlight { write, appended });
        if !state.is_draining {
            state.is_draining = true;
            tokio::spawn(Arc::clone(self).drain());
        }
    }

    fn append(&self, records: &[WrittenRecord]) -> Result<Appended, PartitionError> {
        let now = self.timer.wall();
        let batch = records.iter().fold(BatchBuilder::new(Compression::None), |batch, record| {
            batch.record(now, Some(&record.key), record.value.as_deref())
        });
        let batch = batch.build().map_err(|err| PartitionError::Storage(err.to_string().into()))?;
        self.partition.append_in(Some(self.term), batch, Acks::All)
    }

    /// Tells the shard of each write, in the order of the log; ends when none is left.
    async fn drain(self: Arc<Self>) {
        while let Some(InFlight { write, appended }) = self.next_in_flight() {
            let result = match appended {
                Some(it) => self.partition.acknowledged(&it).await.map_err(|err| self.report(&err)),
                None => Err(()),
            };
            let result = result.map_err(|()| GroupError::NotAvailable);
            let mut state = self.state.lock();
            state.in_flight.pop_front();
            self.step(&mut state, Input::Written { write, result });
        }
    }

    fn next_in_flight(&self) -> Option<InFlight> {
        let mut state = self.state.lock();
        let next = state.in_flight.front().copied();
        state.is_draining = next.is_some();
        next
    }

    fn report(&self, err: &PartitionError) {
        tracing::warn!(partition = ?self.partition, %err, "a group's records were not written");
    }
}

impl fmt::Debug for ShardHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardHost({:?})", self.partition)
    }
}
