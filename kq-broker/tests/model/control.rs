//! The controller: the real decisions over the real image, committed one after the other.
//!
//! What a quorum adds to that, a run sees as its observers would: answers that are lost, commands
//! that were committed or not, images that come late, a time without any controller.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_broker::controller::{
    Command, ControlError, FenceReason, ManualAssignment, NewTopic, Reply, Settings, Turn, decide,
};
use kq_broker::ids::{BrokerId, PartitionEpoch, PartitionId, PartitionIndex};
use kq_broker::metadata::{BrokerRegistration, Change, MetadataImage, MetadataRecord, TimestampMs};
use kq_broker::replica::ProposalRefusal;
use kq_proto::kafka::ErrorCode;
use uuid::Uuid;

use crate::broker::Broker;
use crate::event::{Ask, Event, Packet};
use crate::faults::FaultKind;
use crate::shell::rules_of;
use crate::world::{Time, World, trace};

/// `broker.session.timeout.ms` of the model.
const SESSION: Time = 3_000;

const SESSION_CHECK: Time = 250;

/// The topic that all is about.
pub(crate) const TOPIC: &str = "orders";

pub(crate) struct Control {
    pub(crate) image: Arc<MetadataImage>,
    /// All that there have been, the oldest first.
    pub(crate) images: Vec<Arc<MetadataImage>>,
    pub(crate) up: bool,
    /// How far its wall clock is off.
    clock_off: i64,
    clock_off_max: i64,
    heard: BTreeMap<BrokerId, Time>,
    settings: Settings,
    drawn: u128,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self {
            image: Arc::default(),
            images: Vec::new(),
            up: true,
            clock_off: 0,
            clock_off_max: 0,
            heard: BTreeMap::new(),
            settings: Settings::default(),
            drawn: 0xa0,
        }
    }

    pub(crate) fn partition(&self) -> Option<PartitionId> {
        let topic = self.image.topic_by_name(TOPIC)?;
        Some(PartitionId { topic: topic.id, index: PartitionIndex(0) })
    }

    /// What the topic demands for acks=all.
    pub(crate) fn min_isr(&self) -> Option<usize> {
        self.image.topic_by_name(TOPIC).map(|it| rules_of(it).isr_min)
    }

    pub(crate) fn set_clock(&mut self, off: i64) {
        self.clock_off = off;
        self.clock_off_max = self.clock_off_max.max(off);
    }

    /// History never goes back, so it stands still under a clock that was set back, until that has
    /// caught up. The end of a run does not wait for it.
    pub(crate) fn end_clock_jumps(&mut self) {
        self.clock_off = self.clock_off_max;
    }

    /// Its wall clock.
    pub(crate) fn wall(&self, now: Time) -> i64 {
        i64::try_from(now).unwrap_or(0) + 1_700_000_000_000 + self.clock_off
    }

    fn decide(
        &mut self,
        command: &Command,
        now: Time,
    ) -> Result<(Reply, Vec<MetadataRecord>), ControlError> {
        let wall = self.wall(now);
        let Self { image, images, settings, drawn, .. } = self;
        let mut ids = || {
            *drawn += 1;
            Uuid::from_u128(*drawn << 64)
        };
        let mut turn = Turn { now: TimestampMs(wall), ids: &mut ids };
        let decision = decide(image, command, settings, &mut turn)?;
        let index = image.applied() + 1;
        if decision.records.is_empty() {
            return Ok((decision.reply, decision.records));
        }
        let time = TimestampMs(wall);
        let change = Change { time, reason: String::new(), records: decision.records };
        let next = image.apply(index, &change).expect("the controller decides what can be applied");
        *image = Arc::new(next);
        images.push(Arc::clone(image));
        Ok((decision.reply.committed_at(index), change.records))
    }
}

impl World {
    pub(crate) fn on_ask(&mut self, from: BrokerId, ask: Ask) {
        let may_lose = self.stormy && self.weather.faults.contains(&FaultKind::ControllerLoss);
        if !self.control.up || (may_lose && self.rng.percent(3)) {
            return;
        }
        match ask {
            Ask::Beat { epoch, applied, life } => {
                let known = self.control.image.broker(from).filter(|it| it.is_live());
                if known.is_some_and(|it| Some(it.epoch) == epoch) {
                    self.control.heard.insert(from, self.now);
                }
                if applied < self.control.image.applied() {
                    let image = Arc::clone(&self.control.image);
                    self.tell(from, Some(life), Packet::Image(image));
                }
            }
            Ask::Register(registration) => self.register(from, registration),
            Ask::Command(command, call) => {
                let reply = self.submit(&command);
                let answer_lost = may_lose && self.rng.percent(10);
                if let (Command::AlterPartitions { partitions, .. }, false) =
                    (&command, answer_lost)
                {
                    for it in partitions {
                        let sent = (it.partition, it.partition_epoch, call);
                        self.tell_fate(from, sent, &reply);
                    }
                }
            }
        }
    }

    fn register(&mut self, from: BrokerId, registration: BrokerRegistration) {
        let now = self.now;
        if self.submit(&Command::RegisterBroker(registration)).is_ok() {
            self.control.heard.insert(from, now);
        }
    }

    /// Tells a leader what became of its proposal, unless it was committed: the image tells that.
    fn tell_fate(
        &mut self,
        to: BrokerId,
        (partition, partition_epoch, call): (PartitionId, PartitionEpoch, u64),
        reply: &Result<Reply, ControlError>,
    ) {
        let code = match reply {
            Ok(Reply::PartitionsAltered(results)) => match results.first() {
                Some(Err(refused)) => refused.code,
                Some(Ok(_)) | None => return,
            },
            Ok(_) => return,
            Err(refused) => refused.code,
        };
        let refusal = refusal_of(code);
        let life = self.brokers.get(&to).and_then(Broker::life);
        self.tell(to, life, Packet::Refused { partition, partition_epoch, call, refusal });
    }

    /// Decides a command and commits what follows from it.
    pub(crate) fn submit(&mut self, command: &Command) -> Result<Reply, ControlError> {
        let before = Arc::clone(&self.control.image);
        let decided = self.control.decide(command, self.now);
        match &decided {
            Ok((reply, records)) if !records.is_empty() => {
                trace!(self, "controller: {command:?} -> {reply:?}");
            }
            Ok(_) => {}
            Err(err) => trace!(self, "controller refuses {command:?}: {err}"),
        }
        let (reply, records) = decided?;
        if !records.is_empty() {
            self.check_commit((command, &reply), &records, &before);
            let image = Arc::clone(&self.control.image);
            for id in self.ids() {
                self.tell(id, None, Packet::Image(Arc::clone(&image)));
            }
        }
        Ok(reply)
    }

    /// Fences whom nobody has heard of for a whole session.
    pub(crate) fn check_sessions(&mut self) {
        self.schedule(SESSION_CHECK, Event::SessionCheck);
        if !self.control.up {
            return;
        }
        let now = self.now;
        let heard = &self.control.heard;
        let silent = |id: &BrokerId| {
            now.saturating_sub(heard.get(id).copied().unwrap_or_default()) > SESSION
        };
        let live = self.control.image.live_brokers().map(|it| it.id);
        let expired: Vec<BrokerId> = live.filter(silent).collect();
        for broker in expired {
            self.fence(broker);
        }
        self.tick_controller();
    }

    pub(crate) fn fence(&mut self, broker: BrokerId) {
        if !self.control.up {
            return;
        }
        let why = FenceReason::SessionExpired;
        let _ = self.submit(&Command::FenceBroker { broker, epoch: None, why });
    }

    /// Another controller takes over and gives every broker a whole session.
    pub(crate) fn controller_back(&mut self) {
        trace!(self, "the controller is back");
        self.control.up = true;
        let now = self.now;
        let live: Vec<BrokerId> = self.control.image.live_brokers().map(|it| it.id).collect();
        self.control.heard.extend(live.into_iter().map(|id| (id, now)));
    }

    /// Makes the topic on three brokers, once there are three.
    pub(crate) fn create_topic(&mut self) {
        let mut live: Vec<BrokerId> = self.control.image.live_brokers().map(|it| it.id).collect();
        if self.partition().is_some() {
            return;
        }
        if live.len() < 3 || !self.control.up {
            self.schedule(200, Event::NewTopic);
            return;
        }
        while live.len() > 3 {
            let at = usize::try_from(self.rng.below(live.len() as u64)).unwrap_or(0);
            live.remove(at);
        }
        let turn = usize::try_from(self.rng.below(3)).unwrap_or(0);
        live.rotate_left(turn);
        let isr_min = self.weather.isr_min.to_string();
        let durability = if self.weather.page_cache { "os" } else { "fsync" };
        let topic = NewTopic {
            name: TOPIC.to_owned(),
            assignments: vec![ManualAssignment {
                partition: 0,
                brokers: live.iter().map(|id| id.to_wire()).collect(),
            }],
            configs: vec![
                ("min.insync.replicas".to_owned(), Some(isr_min)),
                ("log.durability".to_owned(), Some(durability.to_owned())),
            ],
            ..NewTopic::default()
        };
        let _ = self.submit(&Command::CreateTopics { topics: vec![topic], validate_only: false });
    }
}

/// What a leader learns from the code of a refusal; as the broker's shell has it.
fn refusal_of(code: ErrorCode) -> ProposalRefusal {
    if matches!(code, ErrorCode::IneligibleReplica | ErrorCode::InvalidRequest) {
        return ProposalRefusal::Rejected;
    }
    let moved_on = matches!(
        code,
        ErrorCode::InvalidUpdateVersion
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownTopicId
            | ErrorCode::UnknownTopicOrPartition
    );
    if moved_on { ProposalRefusal::Superseded } else { ProposalRefusal::Unanswered }
}
