//! What a broker's shell does around the cores: roles as the image says, commands carried out.

use std::sync::Arc;
use std::time::Duration;

use kq_broker::controller::{AlterPartition, Command, Handover, LedPartition};
use kq_broker::ids::{BrokerEpoch, BrokerId, PartitionEpoch, PartitionId};
use kq_broker::metadata::{MetadataImage, PartitionImage, TopicImage};
use kq_broker::replica::{
    Durability, Follower, FollowerInput, FollowerStart, Input, IsrProposal, Leader, LeaderStart,
    Output, ProposalRefusal, Rules,
};

use crate::broker::{Replica, Role};
use crate::event::{Ask, Packet, Timer};
use crate::world::{World, trace};

/// `replica.lag.time.max.ms` of the model.
const LAG_MAX: Duration = Duration::from_secs(5);

/// How long a broker waits for the controller.
const ANSWER_MAX: u64 = 1_000;

const BEAT_EVERY: u64 = 500;
const TICK_EVERY: u64 = 1_000;

impl World {
    pub(crate) fn on_packet(&mut self, id: BrokerId, packet: Packet) {
        match packet {
            Packet::Image(image) => self.apply(id, &image),
            Packet::Fetch(request) => self.serve_fetch(id, request),
            Packet::Fetched(response) => self.on_fetched(id, response),
            Packet::Refused { partition, partition_epoch, call, refusal } => {
                self.tell_refused(id, partition, (partition_epoch, call, refusal));
            }
            Packet::Produce { producer, partition, value, acks, mark } => {
                self.serve_produce(id, partition, (producer, value, acks, mark));
            }
            Packet::Consume { consumer, partition, from } => {
                self.serve_consume(id, partition, (consumer, from));
            }
            Packet::DeleteRecords { partition } => self.serve_delete_records(id, partition),
        }
    }

    pub(crate) fn on_broker_timer(&mut self, id: BrokerId, timer: Timer) {
        match timer {
            Timer::Tick => {
                for partition in self.partitions_of(id) {
                    let now = self.clock();
                    self.step_leader(id, partition, Input::Ticked { now });
                }
                self.timer(TICK_EVERY, id, Timer::Tick);
            }
            Timer::Beat => {
                self.beat(id);
                self.give_up_fetches(id);
                self.timer(BEAT_EVERY, id, Timer::Beat);
            }
            Timer::FetchAgain(partition) => self.try_fetch(id, partition),
            Timer::SyncDone(partition) => self.on_synced(id, partition),
            Timer::Unanswered(partition, partition_epoch, call) => {
                let unanswered = (partition_epoch, call, ProposalRefusal::Unanswered);
                self.tell_refused(id, partition, unanswered);
            }
            Timer::Stop => self.try_stop(id),
        }
    }

    fn beat(&mut self, id: BrokerId) {
        let Some(process) = self.brokers.get(&id).and_then(|it| it.process.as_ref()) else {
            return;
        };
        let (epoch, applied, life) =
            (process.broker_epoch(), process.image.applied(), process.life);
        let due = process.registration_due().cloned();
        self.ask(id, Ask::Beat { epoch, applied, life });
        if let Some(registration) = due {
            self.ask(id, Ask::Register(registration));
        }
    }

    /// Asks to stop, and does when its leaders have moved away.
    fn try_stop(&mut self, id: BrokerId) {
        let Some(process) = self.brokers.get_mut(&id).and_then(|it| it.process.as_mut()) else {
            return;
        };
        process.stopping = true;
        let Some(epoch) = process.broker_epoch() else {
            self.close(id);
            return;
        };
        if kq_broker::controller::may_stop(&process.image, id) {
            self.close(id);
            return;
        }
        self.ask(id, Ask::Command(Command::BeginShutdown { broker: id, epoch }, 0));
        self.timer(300, id, Timer::Stop);
    }

    /// Takes an image over, if it is newer: roles follow from it, once this life is registered. A
    /// broker never leads by an image from before its registration: it may have lost records since.
    fn apply(&mut self, id: BrokerId, image: &Arc<MetadataImage>) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let Some(process) = &broker.process else { return };
        if image.applied() <= process.image.applied() {
            return;
        }
        broker.see(image);
        let gone = |of: &PartitionId| image.any_topic(of.topic).is_none();
        broker.disk.logs.retain(|of, _| !gone(of));
        let Some(process) = &mut broker.process else { return };
        process.replicas.retain(|of, _| !gone(of));
        if process.broker_epoch().is_none() {
            return;
        }
        for topic in image.topics() {
            for (index, partition) in topic.partitions() {
                let of = PartitionId { topic: topic.id, index };
                if partition.replicas.contains(&id) {
                    self.take_role(id, of, partition, rules_of(topic));
                } else {
                    self.give_up(id, of);
                }
            }
        }
    }

    /// The replica is another broker's now, and its records go.
    fn give_up(&mut self, id: BrokerId, of: PartitionId) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        if let Some(process) = &mut broker.process {
            process.replicas.remove(&of);
        }
        if broker.disk.logs.remove(&of).is_some() {
            trace!(self, "{id} gives its replica up");
            self.check_holder(id, of, "after it gave its replica up");
        }
    }

    fn take_role(&mut self, id: BrokerId, of: PartitionId, image: &PartitionImage, rules: Rules) {
        let leads = image.leader == Some(id);
        let now = self.clock();
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        broker.disk.logs.entry(of).or_default();
        let Some(process) = &broker.process else { return };
        match process.replicas.get(&of).map(|it| &it.role) {
            Some(Role::Leader(leader)) if leads => {
                let is_new = leader.partition_epoch() < image.partition_epoch;
                if leader.rules() != rules {
                    self.step_leader(id, of, Input::Reconfigured { rules });
                }
                if is_new {
                    self.stay_leader(id, of, image, now);
                }
            }
            Some(Role::Follower(_)) if !leads => {
                let durability = rules.durability;
                self.step_follower(id, of, FollowerInput::Reconfigured { durability }, &[]);
                let committed = FollowerInput::PartitionCommitted {
                    leader: image.leader,
                    leader_epoch: image.leader_epoch,
                    partition_epoch: image.partition_epoch,
                    unclean_epoch: image.unclean_epoch,
                };
                self.step_follower(id, of, committed, &[]);
            }
            _ if leads => self.begin_to_lead(id, of, image, (rules, now)),
            _ => self.begin_to_follow(id, of, image, rules),
        }
        self.request_sync(id, of);
        self.try_fetch(id, of);
    }

    /// The registrations of a partition's brokers, as one of them knows them.
    fn registrations(&self, id: BrokerId, of: &PartitionImage) -> Vec<(BrokerId, BrokerEpoch)> {
        let process = self.brokers.get(&id).and_then(|it| it.process.as_ref());
        process.map(|it| it.image.registrations(&of.replicas)).unwrap_or_default()
    }

    fn stay_leader(&mut self, id: BrokerId, of: PartitionId, it: &PartitionImage, now: Duration) {
        self.check_leads(id, of, it.leader_epoch);
        if let Some((log, _)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) {
            log.begin_epoch(it.leader_epoch);
        }
        let committed = Input::PartitionCommitted {
            epoch: it.leader_epoch,
            partition_epoch: it.partition_epoch,
            replicas: it.replicas.clone(),
            isr: it.isr.clone(),
            registered: self.registrations(id, it),
            handover: it.handover,
            now,
        };
        self.step_leader(id, of, committed);
    }

    fn begin_to_lead(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        image: &PartitionImage,
        (rules, now): (Rules, Duration),
    ) {
        trace!(self, "{id} leads in epoch {} with isr {:?}", image.leader_epoch, image.isr);
        let registered = self.registrations(id, image);
        self.check_leads(id, of, image.leader_epoch);
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let Some(log) = broker.disk.logs.get_mut(&of) else { return };
        let Some(process) = &mut broker.process else { return };
        let before = process.replicas.remove(&of).map(|it| it.role);
        log.begin_epoch(image.leader_epoch);
        let leader = Leader::new(LeaderStart {
            me: id,
            epoch: image.leader_epoch,
            partition_epoch: image.partition_epoch,
            rules,
            log_start: log.start_offset(),
            synced_end: log.synced_offset(),
            log_end: log.end_offset(),
            high_watermark: match before {
                Some(Role::Follower(it)) => Some(it.high_watermark()),
                Some(Role::Leader(_)) | None => None,
            },
            replicas: image.replicas.clone(),
            isr: image.isr.clone(),
            registered,
            handover: image.handover,
            now,
        });
        let from = log.start();
        let committed = leader.high_watermark().offset().0;
        process.replicas.insert(of, Replica::new(Role::Leader(leader)));
        self.check_committed(id, of, (from, committed));
    }

    fn begin_to_follow(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        image: &PartitionImage,
        rules: Rules,
    ) {
        trace!(self, "{id} follows {:?} in epoch {}", image.leader, image.leader_epoch);
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let Some(log) = broker.disk.logs.get(&of) else { return };
        let Some(process) = &mut broker.process else { return };
        let high_watermark = match process.replicas.remove(&of).map(|it| it.role) {
            Some(Role::Leader(leader)) => Some(leader.high_watermark()),
            Some(Role::Follower(_)) | None => None,
        };
        let follower = Follower::new(FollowerStart {
            leader: image.leader,
            leader_epoch: image.leader_epoch,
            partition_epoch: image.partition_epoch,
            durability: rules.durability,
            log_start: log.start_offset(),
            synced_end: log.synced_offset(),
            log_end: log.end_offset(),
            high_watermark,
            unclean_epoch: image.unclean_epoch,
        });
        process.replicas.insert(of, Replica::new(Role::Follower(follower)));
    }

    /// Steps a leader and carries out what it says; nothing happens if the replica does not lead.
    pub(crate) fn step_leader(&mut self, id: BrokerId, of: PartitionId, input: Input) {
        let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        let Role::Leader(leader) = &mut replica.role else { return };
        let mut out = Vec::new();
        let before = leader.high_watermark().offset().0;
        let epoch = leader.epoch();
        leader.step(input, &mut out);
        for output in out {
            match output {
                Output::AdvanceHighWatermark { to } => {
                    trace!(self, "{id} commits up to {to}");
                    self.check_committed(id, of, (before, to.offset().0));
                    self.answer_waiting(id, of);
                }
                Output::ProposeIsr(proposal) => self.propose(id, of, proposal),
                Output::HandoverReady { to, partition_epoch } => {
                    let it = Handover { partition: of, leader_epoch: epoch, partition_epoch, to };
                    self.ask_as(id, |broker, epoch| Command::CompleteHandover {
                        broker,
                        epoch,
                        handovers: vec![it],
                    });
                }
                Output::HandoverFailed { to, partition_epoch } => {
                    let it = Handover { partition: of, leader_epoch: epoch, partition_epoch, to };
                    self.ask_as(id, |broker, epoch| Command::CancelHandover {
                        broker,
                        epoch,
                        handovers: vec![it],
                    });
                }
            }
        }
    }

    fn propose(&mut self, id: BrokerId, of: PartitionId, proposal: IsrProposal) {
        trace!(self, "{id}: {proposal}");
        let IsrProposal { isr, leader_epoch, partition_epoch, .. } = proposal;
        let it = AlterPartition { partition: of, leader_epoch, partition_epoch, isr };
        let call = self.ask_as(id, |broker, epoch| Command::AlterPartitions {
            broker,
            epoch,
            partitions: vec![it],
        });
        if let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) {
            replica.proposed = call;
        }
        self.timer(ANSWER_MAX, id, Timer::Unanswered(of, partition_epoch, call));
    }

    /// A leader with a full disk lets somebody else lead, if others are in sync.
    pub(crate) fn give_up_lead(&mut self, id: BrokerId, of: PartitionId) {
        let parts = self.brokers.get_mut(&id).and_then(|it| it.parts(of));
        let Some(Role::Leader(leader)) = parts.map(|(_, replica)| &replica.role) else { return };
        if leader.isr().len() < 2 {
            return;
        }
        let led = LedPartition { partition: of, leader_epoch: leader.epoch() };
        trace!(self, "{id} gives the lead up, its disk is full");
        self.ask_as(id, |broker, epoch| Command::GiveUpLead {
            broker,
            epoch,
            partitions: vec![led],
        });
    }

    /// Asks the controller something under this life's epoch; tells the number of the call.
    fn ask_as(
        &mut self,
        id: BrokerId,
        command: impl FnOnce(BrokerId, BrokerEpoch) -> Command,
    ) -> u64 {
        let Some(process) = self.brokers.get_mut(&id).and_then(|it| it.process.as_mut()) else {
            return 0;
        };
        process.calls += 1;
        let call = process.calls;
        if let Some(epoch) = process.broker_epoch() {
            self.ask(id, Ask::Command(command(id, epoch), call));
        }
        call
    }

    fn tell_refused(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        (partition_epoch, call, refusal): (PartitionEpoch, u64, ProposalRefusal),
    ) {
        let Some((_, replica)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else {
            return;
        };
        // A call has one answer, and that there is none is an answer too.
        if replica.proposed != call || call == 0 {
            return;
        }
        replica.proposed = 0;
        let now = self.clock();
        self.step_leader(id, of, Input::ProposalRefused { partition_epoch, refusal, now });
    }

    /// Has the unsynced end of a log synced.
    pub(crate) fn request_sync(&mut self, id: BrokerId, of: PartitionId) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let slow = broker.disk_slow;
        let Some((log, _)) = broker.parts(of) else { return };
        if log.begin_sync() {
            let most = if slow { 2_000 } else { self.weather.sync_max };
            let takes = self.rng.within(1, most.max(1));
            self.timer(takes, id, Timer::SyncDone(of));
        }
    }

    fn on_synced(&mut self, id: BrokerId, of: PartitionId) {
        let Some((log, _)) = self.brokers.get_mut(&id).and_then(|it| it.parts(of)) else { return };
        log.finish_sync();
        let synced_end = log.synced_offset();
        self.step_leader(id, of, Input::Synced { synced_end });
        self.step_follower(id, of, FollowerInput::Synced { synced_end }, &[]);
        self.request_sync(id, of);
        self.try_fetch(id, of);
    }

    pub(crate) fn partitions_of(&self, id: BrokerId) -> Vec<PartitionId> {
        let process = self.brokers.get(&id).and_then(|it| it.process.as_ref());
        process.map(|it| it.replicas.keys().copied().collect()).unwrap_or_default()
    }

    pub(crate) fn clock(&self) -> Duration {
        Duration::from_millis(self.now)
    }
}

/// The rules of a topic, from the same values as the controller goes by.
pub(crate) fn rules_of(topic: &TopicImage) -> Rules {
    let isr_min = topic.configs.get("min.insync.replicas").and_then(|it| it.parse().ok());
    let in_page_cache = topic.configs.get("log.durability").is_some_and(|it| it == "os");
    Rules {
        durability: if in_page_cache { Durability::Os } else { Durability::Fsync },
        isr_min: isr_min.unwrap_or(1),
        lag_max: LAG_MAX,
    }
}
