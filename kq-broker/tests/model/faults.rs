//! What goes wrong, for how long, and how it ends.

use kq_broker::ids::BrokerId;

use crate::event::{Event, Packet, Timer, Undo};
use crate::world::{World, trace};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    Kill,
    PowerCut,
    PowerCutAll,
    Wipe,
    Pause,
    CutOneWay,
    Isolate,
    CutFromController,
    ControllerLoss,
    ExpireSession,
    DiskFull,
    SlowDisk,
    GracefulRestart,
    MoveLeader,
    Reassign,
    ChangePlan,
    ChangeMinIsr,
    Recreate,
    DeleteRecords,
    ClockJump,
}

impl FaultKind {
    pub(crate) const ALL: &[Self] = &[
        Self::Kill,
        Self::PowerCut,
        Self::PowerCutAll,
        Self::Wipe,
        Self::Pause,
        Self::CutOneWay,
        Self::Isolate,
        Self::CutFromController,
        Self::ControllerLoss,
        Self::ExpireSession,
        Self::DiskFull,
        Self::SlowDisk,
        Self::GracefulRestart,
        Self::MoveLeader,
        Self::Reassign,
        Self::ChangePlan,
        Self::ChangeMinIsr,
        Self::Recreate,
        Self::DeleteRecords,
        Self::ClockJump,
    ];

    /// What an operator wants, and what goes wrong only with other things.
    const fn is_an_order(self) -> bool {
        matches!(
            self,
            Self::Reassign
                | Self::ChangePlan
                | Self::ChangeMinIsr
                | Self::Recreate
                | Self::DeleteRecords
        )
    }
}

impl World {
    pub(crate) fn next_fault(&mut self) {
        if !self.stormy {
            return;
        }
        let pause = self.rng.within(1, 2 * self.weather.fault_every);
        self.schedule(pause, Event::NextFault);
        let kinds = self.weather.faults.clone();
        if let (Some(kind), Some(id)) = (self.rng.pick(&kinds), self.victim()) {
            self.strike(kind, id);
        }
    }

    /// Someone; oftener than not the leader, since that hurts most.
    fn victim(&mut self) -> Option<BrokerId> {
        let image = self.partition().and_then(|of| self.control.image.partition(of).cloned());
        if self.rng.percent(40)
            && let Some(leader) = image.as_ref().and_then(|it| it.leader)
        {
            return Some(leader);
        }
        if let (true, Some(image)) = (self.rng.percent(70), &image) {
            return self.rng.pick(&image.replicas);
        }
        self.rng.pick(&self.ids())
    }

    fn strike(&mut self, kind: FaultKind, id: BrokerId) {
        trace!(self, "fault: {kind:?} of {id}");
        if !kind.is_an_order() {
            self.note_strike();
        }
        // Short ones show races, long ones show what follows from them.
        let (low, high) = if self.rng.percent(50) { (1, 600) } else { (600, 8_000) };
        let lasts = self.rng.within(low, high);
        match kind {
            FaultKind::Kill => {
                self.kill(id);
                self.undo_after(lasts, Undo::Start(id));
            }
            FaultKind::PowerCut => {
                self.cut_power(id);
                self.undo_after(lasts, Undo::Start(id));
            }
            FaultKind::PowerCutAll => self.cut_all_power(lasts),
            FaultKind::Wipe => self.wipe(id, lasts),
            FaultKind::Pause => {
                self.pause(id);
                self.undo_after(lasts, Undo::Resume(id));
            }
            FaultKind::ControllerLoss => {
                self.control.up = false;
                self.undo_after(lasts, Undo::ControllerBack);
            }
            FaultKind::ExpireSession => self.fence(id),
            FaultKind::GracefulRestart => {
                self.timer(1, id, Timer::Stop);
                self.undo_after(lasts + 3_000, Undo::Start(id));
            }
            FaultKind::MoveLeader => self.move_leader(id),
            FaultKind::Reassign => self.reassign(),
            FaultKind::ChangePlan => self.change_plan(),
            FaultKind::ChangeMinIsr => self.change_min_isr(),
            FaultKind::Recreate => {
                self.delete_topic();
                self.schedule(lasts, Event::NewTopic);
            }
            FaultKind::DeleteRecords => self.delete_records(id),
            FaultKind::ClockJump => {
                let off = i64::try_from(self.rng.below(7_200_000)).unwrap_or(0);
                self.control.set_clock(off - 3_600_000);
            }
            FaultKind::CutOneWay => {
                let Some(to) = self.rng.pick(&self.ids()) else { return };
                self.net.cut.insert((id, to));
                self.undo_after(lasts, Undo::Connect(id, to));
            }
            FaultKind::Isolate => {
                self.net.isolated.insert(id);
                self.undo_after(lasts, Undo::Rejoin(id));
            }
            FaultKind::CutFromController => {
                self.net.off_controller.insert(id);
                self.undo_after(lasts, Undo::ReachController(id));
            }
            FaultKind::DiskFull => {
                self.brokers.entry(id).and_modify(|it| it.disk_full = true);
                self.undo_after(lasts, Undo::DiskFreed(id));
            }
            FaultKind::SlowDisk => {
                self.brokers.entry(id).and_modify(|it| it.disk_slow = true);
                self.undo_after(lasts, Undo::DiskFast(id));
            }
        }
    }

    fn cut_all_power(&mut self, lasts: u64) {
        for id in self.ids() {
            self.cut_power(id);
            let later = self.rng.within(1, 3_000);
            self.undo_after(lasts + later, Undo::Start(id));
        }
    }

    fn delete_records(&mut self, id: BrokerId) {
        if let Some(partition) = self.partition() {
            self.send_from_client(id, Packet::DeleteRecords { partition });
        }
    }

    /// Replaces a disk, one at a time: with min.insync.replicas of 2, what is committed may be on
    /// two disks only. The next one goes when the controller has heard of all before.
    fn wipe(&mut self, id: BrokerId, lasts: u64) {
        let Some(image) = self.partition().and_then(|of| self.control.image.partition(of)) else {
            return;
        };
        let holders = image.isr.iter().chain(&image.elr).filter(|it| **it != id);
        let others_hold = holders.count() > 0;
        let all_sound = self.brokers.keys().all(|it| self.has_its_disk(*it));
        if !others_hold || !all_sound || self.weather.isr_min_least() < 2 || self.weather.page_cache
        {
            return;
        }
        self.kill(id);
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.wipe();
        }
        self.undo_after(lasts, Undo::Start(id));
    }

    fn undo_after(&mut self, lasts: u64, undo: Undo) {
        self.schedule(lasts, Event::Undo(undo));
    }

    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Start(id) => self.start(id),
            Undo::Resume(id) => self.resume(id),
            Undo::Connect(from, to) => {
                self.net.cut.remove(&(from, to));
            }
            Undo::Rejoin(id) => {
                self.net.isolated.remove(&id);
            }
            Undo::ReachController(id) => {
                self.net.off_controller.remove(&id);
            }
            Undo::ControllerBack => self.controller_back(),
            Undo::DiskFreed(id) => {
                self.brokers.entry(id).and_modify(|it| it.disk_full = false);
            }
            Undo::DiskFast(id) => {
                self.brokers.entry(id).and_modify(|it| it.disk_slow = false);
            }
            Undo::Reassigned => self.take_back(),
            Undo::Moved => self.reassign_back(),
        }
    }

    /// Everything works from here on.
    pub(crate) fn end_storm(&mut self) {
        trace!(self, "all faults end");
        self.stormy = false;
        self.net.cut.clear();
        self.net.isolated.clear();
        self.net.off_controller.clear();
        self.controller_back();
        self.control.end_clock_jumps();
        self.resume_plans();
        for id in self.ids() {
            self.brokers.entry(id).and_modify(|it| {
                it.disk_full = false;
                it.disk_slow = false;
            });
            self.resume(id);
            self.start(id);
        }
        self.schedule(1, Event::NewTopic);
    }
}
