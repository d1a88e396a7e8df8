//! A broker of the model: a disk that outlives its processes, and what one process holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_broker::ids::{BrokerEpoch, BrokerId, Incarnation, PartitionId};
use kq_broker::metadata::{BrokerRegistration, MetadataImage};
use kq_broker::replica::{FetchFrom, FetchToken, Follower, Leader};
use uuid::Uuid;

use crate::event::{Event, Timer, Undo};
use crate::log::ModelLog;
use crate::world::{Time, World, trace};

pub(crate) struct Broker {
    pub(crate) id: BrokerId,
    pub(crate) disk: Disk,
    pub(crate) process: Option<Process>,
    /// Stopped by a signal: it does nothing, and everything that it is sent waits.
    pub(crate) paused: bool,
    pub(crate) held: Vec<Event>,
    pub(crate) disk_full: bool,
    pub(crate) disk_slow: bool,
    lives: u64,
    disks: u64,
}

/// What survives the process.
pub(crate) struct Disk {
    pub(crate) directory: Uuid,
    pub(crate) logs: BTreeMap<PartitionId, ModelLog>,
    /// The metadata that it has seen.
    image: Arc<MetadataImage>,
    stopped_cleanly: bool,
}

/// One life of a broker.
pub(crate) struct Process {
    pub(crate) life: u64,
    pub(crate) image: Arc<MetadataImage>,
    pub(crate) replicas: BTreeMap<PartitionId, Replica>,
    pub(crate) tokens: u64,
    /// Numbers what the controller was asked.
    pub(crate) calls: u64,
    pub(crate) stopping: bool,
    registration: BrokerRegistration,
}

/// One replica in its role.
pub(crate) struct Replica {
    pub(crate) role: Role,
    /// Producers that wait for the high watermark.
    pub(crate) waiting: Vec<Waiting>,
    /// A follower's last request, and when it went out.
    pub(crate) asked: Option<(FetchToken, Time)>,
    /// Tells it from those of the same partition that this process had before.
    pub(crate) number: u64,
    /// A leader's fetch sessions: what each follower told last, in which registration and as which
    /// replica. It counts until the follower tells something else.
    pub(crate) told: BTreeMap<BrokerId, ((BrokerEpoch, u64), FetchFrom)>,
    /// A leader's last proposal to the controller: no other is answered any more.
    pub(crate) proposed: u64,
}

pub(crate) enum Role {
    Leader(Leader),
    Follower(Follower),
}

/// A record whose producer is answered once it is committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) producer: usize,
    pub(crate) value: u64,
    pub(crate) offset: u64,
}

impl Broker {
    pub(crate) fn new(id: BrokerId) -> Self {
        Self {
            id,
            disk: Disk::empty(id, 0),
            process: None,
            paused: false,
            held: Vec::new(),
            disk_full: false,
            disk_slow: false,
            lives: 0,
            disks: 0,
        }
    }

    pub(crate) fn life(&self) -> Option<u64> {
        self.process.as_ref().map(|it| it.life)
    }

    /// The logs and the replica of one partition at once.
    pub(crate) fn parts(&mut self, id: PartitionId) -> Option<(&mut ModelLog, &mut Replica)> {
        let replica = self.process.as_mut()?.replicas.get_mut(&id)?;
        Some((self.disk.logs.get_mut(&id)?, replica))
    }

    pub(crate) const fn had_another_disk(&self) -> bool {
        0 < self.disks
    }

    /// The disk is replaced.
    pub(crate) fn wipe(&mut self) {
        assert!(self.process.is_none(), "only the disk of a stopped broker is replaced");
        self.disks += 1;
        self.disk = Disk::empty(self.id, self.disks);
    }

    fn begin_life(&mut self) -> bool {
        if self.process.is_some() {
            return false;
        }
        self.lives += 1;
        let mut registration = BrokerRegistration::at(self.id, "localhost", 9_092);
        let life = u128::from(self.lives);
        registration.incarnation =
            Incarnation(Uuid::from_u128((u128::from(self.id.0) << 64) | life));
        registration.directory = self.disk.directory;
        registration.resumed_cleanly = std::mem::take(&mut self.disk.stopped_cleanly);
        self.disk.logs.values_mut().for_each(ModelLog::recover);
        self.process = Some(Process {
            life: self.lives,
            image: Arc::clone(&self.disk.image),
            replicas: BTreeMap::new(),
            tokens: 0,
            calls: 0,
            stopping: false,
            registration,
        });
        true
    }

    pub(crate) fn see(&mut self, image: &Arc<MetadataImage>) {
        self.disk.image = Arc::clone(image);
        if let Some(process) = &mut self.process {
            process.image = Arc::clone(image);
        }
    }
}

impl Replica {
    pub(crate) const fn new(role: Role) -> Self {
        let told = BTreeMap::new();
        Self { role, waiting: Vec::new(), asked: None, number: 0, told, proposed: 0 }
    }
}

impl Disk {
    fn empty(id: BrokerId, number: u64) -> Self {
        let number = (u128::from(id.0) << 32) | u128::from(number);
        Self {
            directory: Uuid::from_u128(0xd15c << 96 | number),
            logs: BTreeMap::new(),
            image: Arc::default(),
            stopped_cleanly: false,
        }
    }
}

impl Process {
    /// The epoch of this very life, once the controller has committed it.
    pub(crate) fn broker_epoch(&self) -> Option<BrokerEpoch> {
        let known = self.image.broker(self.registration.broker)?;
        (known.incarnation == self.registration.incarnation).then_some(known.epoch)
    }

    /// What it has to say to the controller, unless that knows it and counts on it.
    pub(crate) fn registration_due(&self) -> Option<&BrokerRegistration> {
        let known = self.image.broker(self.registration.broker);
        let known = known.filter(|it| it.incarnation == self.registration.incarnation);
        let due = !self.stopping && known.is_none_or(|it| !it.is_live());
        due.then_some(&self.registration)
    }
}

impl World {
    pub(crate) fn start(&mut self, id: BrokerId) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        if broker.begin_life() {
            trace!(self, "{id} starts");
            let tick = self.rng.within(1, 1_000);
            self.timer(tick, id, Timer::Tick);
            self.timer(1, id, Timer::Beat);
        }
    }

    /// The process is gone; what it wrote is in the page cache.
    pub(crate) fn kill(&mut self, id: BrokerId) {
        trace!(self, "{id} is killed");
        self.end_life(id);
    }

    /// The machine is without power: of what was not synced, no one knows how much is left.
    pub(crate) fn cut_power(&mut self, id: BrokerId) {
        self.end_life(id);
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let mut kept = Vec::new();
        for (partition, log) in &mut broker.disk.logs {
            let keep = self.rng.within(log.synced(), log.end());
            log.crash(keep);
            kept.push(*partition);
        }
        trace!(self, "{id} loses its power");
        for partition in kept {
            self.check_holder(id, partition, "after a power cut");
        }
    }

    fn end_life(&mut self, id: BrokerId) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        broker.process = None;
        broker.paused = false;
        broker.held.clear();
        for log in broker.disk.logs.values_mut() {
            let end = log.end();
            log.crash(end);
        }
    }

    /// An orderly end: everything is synced first. Only a life that was registered vouches for the one
    /// before it: what a crash had lost until then the controller may not have heard of.
    pub(crate) fn close(&mut self, id: BrokerId) {
        trace!(self, "{id} stops");
        let process = self.brokers.get(&id).and_then(|it| it.process.as_ref());
        let took_part = process.is_some_and(|it| it.broker_epoch().is_some());
        self.end_life(id);
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        broker.disk.logs.values_mut().for_each(ModelLog::recover);
        broker.disk.stopped_cleanly = took_part;
        if !self.stormy {
            self.schedule(500, Event::Undo(Undo::Start(id)));
        }
    }

    pub(crate) fn pause(&mut self, id: BrokerId) {
        trace!(self, "{id} is paused");
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.paused = broker.process.is_some();
        }
    }

    pub(crate) fn resume(&mut self, id: BrokerId) {
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        if !std::mem::take(&mut broker.paused) {
            return;
        }
        let held = std::mem::take(&mut broker.held);
        trace!(self, "{id} goes on");
        for event in held {
            self.schedule(0, event);
        }
    }
}
