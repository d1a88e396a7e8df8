//! A partition as a follower: what it fetches next, and what it takes over from its leader.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use kq_proto::kafka::ErrorCode;
use kq_storage::{
    AppendError, HighWatermark, LeaderEpoch, Log, LogEndOffset, LogStartOffset, Offset, ReadError,
    StorageError,
};

use super::Partition;
use super::state::State;
use crate::ids::BrokerId;
use crate::metadata::Loss;
use crate::replica::{
    Answer, Diverged, FetchFrom, FetchToken, FollowerInput, FollowerOutput, LostRange,
};
use crate::runtime::replication::{Applied, Fetched, FetchedOutcome};
use crate::runtime::sync_queue::Urgency;
use crate::runtime::{LogDir, PartitionError, SyncRound};

/// Numbers the requests of all partitions, so that none is taken for another's.
static TOKEN_NEXT: AtomicU64 = AtomicU64::new(1);

impl Partition {
    /// What to ask the leader for; none while nobody leads, while an answer is awaited, while this
    /// replica [waits for room](Self::waits_for_room), and with durability fsync until what the log holds is synced: then it joins `round`, and may be asked
    /// again when that is done.
    pub fn next_fetch(
        self: &Arc<Self>,
        round: &SyncRound,
    ) -> Result<Option<FetchFrom>, PartitionError> {
        self.dir.verify_online()?;
        let mut state = self.state.lock();
        let last_epoch = epoch_of_last_record(state.log()?);
        if state.no_room_since.is_some() {
            state.follower_mut()?;
            if !self.dir.has_room() {
                return Ok(None);
            }
            state.no_room_since = None;
        }
        let follower = state.follower_mut()?;
        let token = FetchToken(TOKEN_NEXT.fetch_add(1, Ordering::Relaxed));
        let fetch = follower.next_fetch(token, last_epoch);
        if fetch.is_none() && follower.waits_for_sync() {
            let end = follower.log_end();
            self.join_round(&mut state, end, round);
        }
        Ok(fetch)
    }

    /// Whether it gave the lead up for want of room and has found none since. Nothing tells when there
    /// is some: `next_fetch` looks.
    pub(in crate::runtime) fn waits_for_room(&self) -> bool {
        let state = self.state.lock();
        state.no_room_since.is_some() && state.leader().is_err()
    }

    /// There is no answer to this request and there will be none, for its connection is gone.
    pub fn fetch_failed(&self, token: FetchToken) {
        if let Ok(follower) = self.state.lock().follower_mut() {
            follower.step(FollowerInput::FetchFailed { token }, &mut Vec::new());
        }
    }

    /// Takes over what the leader answered to a fetch. What has to be synced for it joins `round`.
    pub fn apply_fetched(
        self: &Arc<Self>,
        fetched: Fetched,
        round: &SyncRound,
    ) -> Result<Applied, PartitionError> {
        self.dir.verify_online()?;
        let outcome = {
            let mut state = self.state.lock();
            state.log()?;
            if !state.follower_mut()?.awaits(fetched.token) {
                return Ok(Applied::Stale);
            }
            self.apply_locked(&mut state, fetched, round)
        };
        outcome.map_err(|failed| failed.tell(&self.dir))
    }

    /// The broker that leads, as far as this follower knows.
    pub fn source(&self) -> Option<BrokerId> {
        self.state.lock().follower_mut().ok()?.leader()
    }

    fn apply_locked(
        self: &Arc<Self>,
        state: &mut State,
        fetched: Fetched,
        round: &SyncRound,
    ) -> Result<Applied, Failed> {
        let Fetched { token, high_watermark, log_start, outcome } = fetched;
        let (answer, records) = match outcome {
            FetchedOutcome::Records(records) if records.is_empty() => (Answer::Nothing, records),
            FetchedOutcome::Records(records) => (Answer::Records, records),
            FetchedOutcome::Diverging { epoch, end } => {
                let own = state.log()?.epoch_end_offset(epoch);
                (Answer::Diverging(Diverged { epoch, end, own }), Bytes::new())
            }
            FetchedOutcome::Refused(ErrorCode::OffsetOutOfRange) if log_start.is_some() => {
                (Answer::OutOfRange, Bytes::new())
            }
            FetchedOutcome::Refused(_) => (Answer::Refused, Bytes::new()),
        };
        let answered = FollowerInput::Responded {
            token,
            high_watermark: HighWatermark(high_watermark.unwrap_or_default()),
            log_start: log_start.unwrap_or_default(),
            answer,
        };
        let before = state.offsets().log_end();
        let (mut taken_in, mut tells) = (Ok(()), false);
        let mut todo = state.follow(answered)?;
        while let Some(output) = todo.pop_front() {
            let done = match output {
                FollowerOutput::Append => {
                    let (inputs, outcome) = self.take_in(state, records.clone())?;
                    taken_in = outcome;
                    inputs
                }
                FollowerOutput::TellLoss(lost) => {
                    self.tell_loss(state, lost);
                    tells = true;
                    Vec::new()
                }
                FollowerOutput::TruncateTo(to) => vec![self.truncate(state, to)?],
                FollowerOutput::StartOverAt(at) => vec![start_over(state, at)?],
                FollowerOutput::RaiseLogStart { to } => vec![raise_log_start(state, to)?],
                FollowerOutput::AdvanceHighWatermark { .. } => Vec::new(),
            };
            for input in done {
                todo.extend(state.follow(input)?);
            }
        }
        if before < state.offsets().log_end() {
            self.sync_taken_in(state, round)?;
        }
        taken_in?;
        let is_settled = !matches!(answer, Answer::Refused | Answer::OutOfRange)
            || state.synced_end() < state.offsets().log_end();
        Ok(if is_settled && !tells { Applied::GoOn } else { Applied::BackOff })
    }

    /// What a leader elected uncleanly lacks may have been acknowledged: the cluster is told before it
    /// is cut off.
    fn tell_loss(&self, state: &State, LostRange { from, until, at_most }: LostRange) {
        let topic = &self.topic;
        tracing::warn!(%topic, index = %self.id.index, %from, %until, at_most, "records are lost");
        state.tell_loss(Loss { partition: self.id, broker: self.me, from, until, at_most });
    }

    /// The cluster's history has it: it may be cut off.
    pub(in crate::runtime) fn loss_told(&self, it: &Loss) {
        let Loss { from, until, at_most, .. } = *it;
        if let Ok(follower) = self.state.lock().follower_mut() {
            let told = FollowerInput::LossTold(LostRange { from, until, at_most });
            follower.step(told, &mut Vec::new());
        }
    }

    /// Cuts off what the leader does not have. Mostly nobody was told that it is there.
    fn truncate(&self, state: &mut State, to: Offset) -> Result<FollowerInput, Failed> {
        let log = state.log_mut()?;
        let until = log.log_end().offset();
        let log_end = match log.truncate_to(to) {
            Ok(log_end) => log_end,
            Err(err) => return state.call_off(Failed::Write(err)),
        };
        state.rounds.clear();
        let (topic, from) = (&self.topic, log_end.offset());
        if from < to && from < until {
            // Compacted by what is cut off, or cut in mid-batch: the rest is copied again.
            tracing::warn!(%topic, index = %self.id.index, %from, %to, %until, "log cut lower");
        } else if from < until {
            tracing::info!(%topic, index = %self.id.index, %from, %until, "log truncated");
        }
        Ok(FollowerInput::Truncated { log_end })
    }

    /// Appends what the leader sent; also tells what the core is to hear of it.
    fn take_in(
        &self,
        state: &mut State,
        records: Bytes,
    ) -> Result<(Vec<FollowerInput>, Result<(), Failed>), PartitionError> {
        let before = state.offsets().log_end();
        let now = self.clock.now();
        let log = state.log_mut()?;
        let outcome = log.append_replicated(records, now);
        let log_end = log.log_end();
        let mut inputs = Vec::with_capacity(1);
        if before < log_end {
            // Of several batches some may have been written before the disk refused one.
            inputs.push(FollowerInput::Appended { log_end });
        }
        let outcome = match outcome {
            Ok(written) => {
                state.intake.add(written.bytes as u64, now);
                state.note_unsynced(written.bytes as u64, written.records);
                Ok(())
            }
            Err(err) => {
                inputs.push(FollowerInput::AppendFailed);
                Err(Failed::Append(err))
            }
        };
        Ok((inputs, outcome))
    }

    /// Has what was taken in synced: now, if the next request waits for it.
    fn sync_taken_in(
        self: &Arc<Self>,
        state: &mut State,
        round: &SyncRound,
    ) -> Result<(), PartitionError> {
        if state.follower_mut()?.waits_for_sync() {
            let end = state.offsets().log_end();
            self.join_round(state, end, round);
        } else {
            self.sync_in_a_while(state);
        }
        Ok(())
    }

    /// Everything below `end`, the log's end, is to be synced now.
    fn join_round(self: &Arc<Self>, state: &mut State, end: LogEndOffset, round: &SyncRound) {
        state.rounds.push_back((end, round.part()));
        self.request_sync(state, Urgency::Now);
    }
}

fn start_over(state: &mut State, at: Offset) -> Result<FollowerInput, Failed> {
    if let Err(err) = state.log_mut()?.start_over_at(at) {
        return state.call_off(Failed::Write(err));
    }
    state.rounds.clear();
    Ok(FollowerInput::StartedOver { at })
}

fn raise_log_start(state: &mut State, to: LogStartOffset) -> Result<FollowerInput, Failed> {
    match state.log_mut()?.delete_records_before(to.offset()) {
        Ok(log_start) => Ok(FollowerInput::LogStartMoved { log_start }),
        Err(ReadError::Storage(err)) => Err(Failed::Write(err)),
        Err(out_of_range @ ReadError::OutOfRange { .. }) => {
            let why = out_of_range.to_string().into();
            Err(Failed::Partition(PartitionError::Storage(why)))
        }
    }
}

/// The epoch of the last record; an epoch that began without a record does not count.
fn epoch_of_last_record(log: &Log) -> Option<LeaderEpoch> {
    let end = log.log_end().offset();
    (log.log_start().offset() < end).then(|| log.epoch_at(Offset(end.0 - 1)))?
}

impl State {
    /// Steps the follower's core; tells what it wants done, in order.
    fn follow(&mut self, input: FollowerInput) -> Result<VecDeque<FollowerOutput>, PartitionError> {
        let mut out = Vec::new();
        self.follower_mut()?.step(input, &mut out);
        Ok(out.into())
    }

    /// What the core wants cannot be done now: it asks the leader again.
    fn call_off(&mut self, failed: Failed) -> Result<FollowerInput, Failed> {
        self.follow(FollowerInput::AppendFailed)?;
        Err(failed)
    }
}

/// What went wrong under the lock, to be told to the log directory without it.
enum Failed {
    Append(AppendError),
    Write(StorageError),
    Partition(PartitionError),
}

impl Failed {
    fn tell(self, dir: &LogDir) -> PartitionError {
        match self {
            Self::Append(err) => dir.append_failed(&err),
            Self::Write(err) => dir.write_failed(&err),
            Self::Partition(err) => err,
        }
    }
}

impl From<PartitionError> for Failed {
    fn from(err: PartitionError) -> Self {
        Self::Partition(err)
    }
}
