//! Replication between two brokers of the model: a follower's fetch, the leader's answer.

use kq_broker::ids::{BrokerId, PartitionId};
use kq_broker::replica::{
    Answer, Diverged, FetchToken, FetchVerdict, FollowerInput, FollowerOutput, Input,
};
use kq_storage::Offset;

use crate::broker::Role;
use crate::event::{FetchRequest, FetchResponse, Packet, Served, Timer};
use crate::log::Entry;
use crate::world::{World, trace};

/// How long a follower waits for an answer, at least: it looks once every beat.
const FETCH_MAX: u64 = 300;

/// How long it rests when there was nothing to fetch, in place of a leader that holds the request.
const IDLE: u64 = 90;

impl World {
    /// Sends the next fetch, if it is time for one.
    pub(crate) fn try_fetch(&mut self, id: BrokerId, of: PartitionId) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let Some(log) = broker.disk.logs.get(&of) else { return };
        let Some(process) = &mut broker.process else { return };
        let Some(broker_epoch) = process.broker_epoch() else { return };
        process.tokens += 1;
        let token = FetchToken(process.tokens);
        let life = process.life;
        let Some(replica) = process.replicas.get_mut(&of) else { return };
        if replica.number == 0 {
            replica.number = token.0;
        }
        let number = replica.number;
        let Role::Follower(follower) = &mut replica.role else { return };
        let Some(fetch) = follower.next_fetch(token, log.latest_epoch()) else { return };
        let request =
            FetchRequest { from: id, life, broker_epoch, replica: number, partition: of, fetch };
        replica.asked = Some((token, self.now));
        self.send(id, (fetch.leader, None), Packet::Fetch(request));
    }

    /// Gives up what was asked too long ago, and asks again.
    pub(crate) fn give_up_fetches(&mut self, id: BrokerId) {
        let now = self.now;
        for of in self.partitions_of(id) {
            let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
                continue;
            };
            let overdue = replica.asked.filter(|(_, at)| at + FETCH_MAX < now);
            if let Some((token, _)) = overdue {
                self.step_follower(id, of, FollowerInput::FetchFailed { token }, &[]);
                self.try_fetch(id, of);
            }
        }
    }

    pub(crate) fn serve_fetch(&mut self, id: BrokerId, request: FetchRequest) {
        let (of, fetch) = (request.partition, request.fetch);
        let served = self.judge_fetch(id, &request);
        if matches!(served, Some(FetchVerdict::Serve)) && self.is_news(id, &request) {
            let now = self.clock();
            let fetched = Input::FollowerFetched {
                follower: request.from,
                broker_epoch: request.broker_epoch,
                fetch_offset: fetch.offset,
                synced_end: fetch.synced_end.offset(),
                log_start: fetch.log_start,
                now,
            };
            self.step_leader(id, of, fetched);
        }
        let records = self.records(id, of, fetch.offset.0);
        let Some((log, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        let Role::Leader(leader) = &replica.role else { return };
        let response = FetchResponse {
            partition: of,
            token: fetch.token,
            high_watermark: leader.high_watermark(),
            log_start: log.start_offset(),
            served: match served {
                Some(FetchVerdict::Serve) => Served::Records(records),
                Some(FetchVerdict::Diverging { epoch, end }) => Served::Diverging { epoch, end },
                Some(FetchVerdict::OutOfRange) => Served::OutOfRange,
                None => Served::Refused,
            },
        };
        self.send(id, (request.from, Some(request.life)), Packet::Fetched(response));
    }

    /// Whether a fetch tells the leader anything: in a session, nobody says the same thing twice.
    fn is_news(&mut self, id: BrokerId, request: &FetchRequest) -> bool {
        let of = request.partition;
        let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return false;
        };
        let who = (request.broker_epoch, request.replica);
        let before = replica.told.insert(request.from, (who, request.fetch));
        before.is_none_or(|(known, fetch)| known != who || !fetch.asks_the_same(&request.fetch))
    }

    /// What the leader makes of a fetch; none refuses it.
    fn judge_fetch(&mut self, id: BrokerId, request: &FetchRequest) -> Option<FetchVerdict> {
        let fetch = request.fetch;
        let broker = self.brokers.get_mut(&id)?;
        let known = broker.process.as_ref()?.image.broker(request.from)?.epoch;
        let (log, replica) = broker.parts(request.partition)?;
        let Role::Leader(leader) = &replica.role else { return None };
        let knows_sender = known == request.broker_epoch && leader.is_replica(request.from);
        if !knows_sender || leader.verify_epoch(Some(fetch.leader_epoch)).is_err() {
            return None;
        }
        let own_end = fetch.last_epoch.and_then(|epoch| log.end_of(epoch));
        Some(leader.judge_fetch(fetch.offset, fetch.last_epoch, own_end))
    }

    fn records(&mut self, id: BrokerId, of: PartitionId, from: u64) -> Vec<(u64, Entry)> {
        let most = self.rng.within(1, self.weather.batch_max);
        let Some(log) = self.brokers.get(&id).and_then(|it| it.disk.logs.get(&of)) else {
            return Vec::new();
        };
        (from..from + most).map_while(|at| Some((at, *log.get(at)?))).collect()
    }

    pub(crate) fn on_fetched(&mut self, id: BrokerId, response: FetchResponse) {
        let of = response.partition;
        let Some((log, _)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else { return };
        let (answer, records) = match response.served {
            Served::Records(records) if records.is_empty() => (Answer::Nothing, records),
            Served::Records(records) => (Answer::Records, records),
            Served::Diverging { epoch, end } => {
                let own = log.end_of(epoch);
                (Answer::Diverging(Diverged { epoch, end, own }), Vec::new())
            }
            Served::OutOfRange => (Answer::OutOfRange, Vec::new()),
            Served::Refused => (Answer::Refused, Vec::new()),
        };
        let responded = FollowerInput::Responded {
            token: response.token,
            high_watermark: response.high_watermark,
            log_start: response.log_start,
            answer,
        };
        self.step_follower(id, of, responded, &records);
        match answer {
            Answer::Nothing | Answer::Refused | Answer::OutOfRange => {
                self.timer(IDLE, id, Timer::FetchAgain(of));
            }
            Answer::Records | Answer::Diverging(_) => {
                self.request_sync(id, of);
                self.try_fetch(id, of);
            }
        }
    }

    /// Steps a follower and carries out what it says; nothing happens if the replica leads.
    pub(crate) fn step_follower(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        input: FollowerInput,
        records: &[(u64, Entry)],
    ) {
        let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        let Role::Follower(follower) = &mut replica.role else { return };
        let mut out = Vec::new();
        follower.step(input, &mut out);
        for output in out {
            let Some(next) = self.carry_out(id, of, output, records) else { continue };
            self.step_follower(id, of, next, &[]);
        }
    }

    fn carry_out(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        output: FollowerOutput,
        records: &[(u64, Entry)],
    ) -> Option<FollowerInput> {
        let broker = self.brokers.get_mut(&id)?;
        let full = broker.disk_full;
        let (log, _) = broker.parts(of)?;
        match output {
            FollowerOutput::Append if full || !log.takes(records) => {
                self.timer(IDLE, id, Timer::FetchAgain(of));
                return Some(FollowerInput::AppendFailed);
            }
            FollowerOutput::Append => {
                for (_, entry) in records {
                    log.append(*entry);
                }
                return Some(FollowerInput::Appended { log_end: log.end_offset() });
            }
            // The model has no history: it is told at once.
            FollowerOutput::TellLoss(lost) => {
                self.timer(IDLE, id, Timer::FetchAgain(of));
                return Some(FollowerInput::LossTold(lost));
            }
            FollowerOutput::TruncateTo(Offset(to)) => {
                let was = log.end();
                log.truncate(to);
                let truncated = FollowerInput::Truncated { log_end: log.end_offset() };
                trace!(self, "{id} truncates from {was} to {to}");
                self.check_holder(id, of, "after a truncation");
                return Some(truncated);
            }
            FollowerOutput::StartOverAt(at) => {
                log.start_over(at.0);
                trace!(self, "{id} starts over at {at}");
                self.check_holder(id, of, "after starting over");
                return Some(FollowerInput::StartedOver { at });
            }
            FollowerOutput::RaiseLogStart { to } => {
                log.raise_start(to.offset().0);
                return Some(FollowerInput::LogStartMoved { log_start: log.start_offset() });
            }
            FollowerOutput::AdvanceHighWatermark { .. } => {}
        }
        None
    }
}
