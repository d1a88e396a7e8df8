//! The promises, by the names that RELIABILITY knows them by, held against what brokers and the
//! controller really do. Checkers see everything; the cores do not know that they exist.

use std::collections::BTreeMap;

use kq_broker::controller::{Command, Handover, Reply};
use kq_broker::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionId};
use kq_broker::metadata::{MetadataImage, MetadataRecord};
use kq_storage::{ProducerEpoch, ProducerId};

use crate::log::Entry;
use crate::moves::Demand;
use crate::tally::{Count, Tally};
use crate::world::{Failure, World};

pub(crate) struct Checks {
    pub(crate) failure: Option<Failure>,
    pub(crate) tally: Tally,
    /// Something went wrong since the reassignment that is under way began.
    pub(crate) struck: bool,
    /// What acks=all demanded, by committed state.
    pub(crate) demands: BTreeMap<PartitionId, Vec<Demand>>,
    /// The newest record of each idempotent producer that is committed.
    pub(crate) sequences: BTreeMap<PartitionId, BTreeMap<ProducerId, (ProducerEpoch, u32)>>,
    /// A record counts as held when it is in the page cache.
    page_cache: bool,
    partitions: BTreeMap<PartitionId, Truth>,
}

/// What has become true of one partition, for good.
#[derive(Debug, Default)]
struct Truth {
    /// By offset: some leader's high watermark has passed it.
    committed: Vec<Entry>,
    /// Offsets and values that were acknowledged with acks=all.
    acked: Vec<(u64, u64)>,
    /// What was acknowledged with acks=1, with the epoch.
    acked_by_leader: Vec<(u64, Entry)>,
    /// Every record that a leader wrote, by offset and epoch.
    written: BTreeMap<(u64, LeaderEpoch), u64>,
    leaders: BTreeMap<LeaderEpoch, BrokerId>,
}

impl Checks {
    pub(crate) fn new(page_cache: bool) -> Self {
        Self {
            failure: None,
            tally: Tally::default(),
            struck: false,
            demands: BTreeMap::new(),
            sequences: BTreeMap::new(),
            page_cache,
            partitions: BTreeMap::new(),
        }
    }

    fn truth(&mut self, of: PartitionId) -> &mut Truth {
        self.partitions.entry(of).or_default()
    }

    pub(crate) fn committed(&self, of: PartitionId) -> u64 {
        self.partitions.get(&of).map_or(0, |it| it.committed.len() as u64)
    }
}

impl Truth {
    fn committed_at(&self, offset: u64) -> Option<&Entry> {
        self.committed.get(usize::try_from(offset).ok()?)
    }
}

impl World {
    /// C1: an epoch has one leader.
    pub(crate) fn check_leads(&mut self, id: BrokerId, of: PartitionId, epoch: LeaderEpoch) {
        let first = *self.checks.truth(of).leaders.entry(epoch).or_insert(id);
        self.checks.tally.one(Count::Elections);
        if first != id {
            self.fail(
                "SingleLeaderPerEpoch",
                format!("epoch {epoch} has leaders {first} and {id}"),
            );
        }
    }

    /// D4: offset and epoch tell a record.
    pub(crate) fn check_appended(&mut self, of: PartitionId, offset: u64, entry: Entry) {
        let written = &mut self.checks.truth(of).written;
        let first = *written.entry((offset, entry.epoch)).or_insert(entry.value);
        if first != entry.value {
            let (epoch, value) = (entry.epoch, entry.value);
            let what = format!("offset {offset} of epoch {epoch} was {first} and is {value}");
            self.fail("LogMatching", what);
        }
    }

    /// D1, D3, D6: the high watermark of a leader has moved.
    pub(crate) fn check_committed(&mut self, id: BrokerId, of: PartitionId, moved: (u64, u64)) {
        let (from, to) = moved;
        let Some(log) = self.brokers.get(&id).and_then(|it| it.disk.logs.get(&of)) else { return };
        let truth = self.checks.partitions.entry(of).or_default();
        let mut wrong = None;
        let mut new = Vec::new();
        for offset in from..to {
            let Some(entry) = log.get(offset) else { continue };
            match truth.committed_at(offset) {
                Some(known) if known != entry => {
                    wrong = Some(format!("offset {offset} was {known:?}, {id} commits {entry:?}"));
                }
                Some(_) => {}
                None if truth.committed.len() as u64 == offset => {
                    truth.committed.push(*entry);
                    new.push((offset, *entry));
                }
                None => wrong = Some(format!("{id} commits {offset} before what is below")),
            }
            if entry.topic != of.topic {
                wrong = Some(format!("offset {offset} holds a record of another topic"));
            }
        }
        if let Some(what) = wrong {
            self.fail("CommittedNeverChanges", what);
        }
        for (offset, entry) in new {
            self.checks.tally.one(Count::Committed);
            self.check_sequence(of, offset, entry);
        }
        for holder in self.holders(of) {
            self.check_holds(holder, of, from, "when the high watermark moved");
        }
    }

    /// Who must hold all that is committed: the ISR and the ELR, as the controller has them.
    pub(crate) fn holders(&self, of: PartitionId) -> Vec<BrokerId> {
        let Some(image) = self.control.image.partition(of) else { return Vec::new() };
        image.isr.iter().chain(&image.elr).copied().collect()
    }

    /// D5, D6: whoever may be elected holds everything.
    pub(crate) fn check_holder(&mut self, id: BrokerId, of: PartitionId, when: &str) {
        if self.holders(of).contains(&id) {
            self.check_holds(id, of, 0, when);
        }
    }

    fn check_holds(&mut self, id: BrokerId, of: PartitionId, from: u64, when: &str) {
        if !self.has_its_disk(id) {
            return;
        }
        let Some(truth) = self.checks.partitions.get(&of) else { return };
        let committed = truth.committed.len() as u64;
        let log = self.brokers.get(&id).and_then(|it| it.disk.logs.get(&of));
        let held = log.map_or(0, |it| if self.checks.page_cache { it.end() } else { it.synced() });
        let wrong = if held < committed {
            Some(format!("{id} holds {held} of {committed} {when}"))
        } else {
            let from = from.max(log.map_or(0, crate::log::ModelLog::start));
            let differs = |at: &u64| log.and_then(|it| it.get(*at)) != truth.committed_at(*at);
            let first = (from..committed).find(differs);
            first.map(|at| format!("{id} has something else at {at} of {committed} {when}"))
        };
        if let Some(what) = wrong {
            self.fail("ElectableHoldsCommitted", what);
        }
    }

    /// False once its disk was replaced and the controller has not heard of it.
    pub(crate) fn has_its_disk(&self, id: BrokerId) -> bool {
        let known = self.control.image.broker(id).map(|it| it.directory);
        self.brokers.get(&id).map(|it| it.disk.directory) == known
    }

    /// D1: what a producer was told stands.
    pub(crate) fn check_acked(&mut self, of: PartitionId, (offset, value): (u64, u64)) {
        self.checks.tally.one(Count::Acked);
        let truth = self.checks.truth(of);
        truth.acked.push((offset, value));
        if truth.committed_at(offset).map(|it| it.value) != Some(value) {
            self.fail("AckedNeverLost", format!("{value} was acknowledged at {offset}, in vain"));
        }
    }

    pub(crate) fn check_acked_by_leader(&mut self, of: PartitionId, record: (u64, Entry)) {
        self.checks.tally.one(Count::Acked);
        self.checks.truth(of).acked_by_leader.push(record);
    }

    /// D3: what one consumer saw, every consumer sees.
    pub(crate) fn check_read(
        &mut self,
        id: BrokerId,
        of: PartitionId,
        (offset, entry): (u64, Option<Entry>),
    ) {
        let known = self.checks.truth(of).committed_at(offset).copied();
        if known.is_none() || known != entry {
            let what = format!("{id} shows {entry:?} at {offset}, committed is {known:?}");
            self.fail("ReadNeverVanishes", what);
        }
    }

    /// What the controller committed just now. That may be a step of a plan alone, which came due
    /// with a command that was refused.
    pub(crate) fn check_commit(
        &mut self,
        (command, reply): (&Command, &Reply),
        records: &[MetadataRecord],
        before: &MetadataImage,
    ) {
        self.check_moves(records, before);
        let refused = matches!(
            reply,
            Reply::PartitionsAltered(results) | Reply::HandoversSettled(results)
                if results.iter().all(Result::is_err)
        );
        if let (Command::AlterPartitions { broker, epoch, partitions }, false) = (command, refused)
        {
            let told = partitions.iter().flat_map(|it| &it.isr);
            let told = told.filter_map(|(id, epoch)| Some((*id, (*epoch)?)));
            let lives: Vec<(BrokerId, BrokerEpoch)> = told.chain([(*broker, *epoch)]).collect();
            self.check_lives(&lives, before);
        }
        if let (Command::CompleteHandover { handovers, .. }, false) = (command, refused) {
            for it in handovers {
                self.check_handed_over(it);
            }
        }
        let Some(of) = self.partition() else { return };
        let Some(image) = self.control.image.partition(of).cloned() else { return };
        if image.isr.iter().any(|id| !image.replicas.contains(id)) {
            self.fail("IsrWithinReplicas", format!("{image:?}"));
        }
        let old = before.partition(of);
        let same = old.is_some_and(|old| old.isr == image.isr && old.elr == image.elr);
        if !same {
            for holder in self.holders(of) {
                self.check_holder(holder, of, "when the controller counts on it");
            }
        }
    }

    /// C4: a life of a broker that is over has no say.
    fn check_lives(&mut self, lives: &[(BrokerId, BrokerEpoch)], before: &MetadataImage) {
        for (id, epoch) in lives {
            let known = before.broker(*id);
            if known.is_none_or(|it| it.epoch != *epoch || !it.is_live()) {
                let what = format!("an ISR was taken up from or with {id} at epoch {epoch}");
                self.fail("EndedLivesHaveNoSay", what);
            }
        }
    }

    /// D2: a planned move loses nothing that its leader acknowledged.
    fn check_handed_over(&mut self, handover: &Handover) {
        let (of, to) = (handover.partition, handover.to);
        let took_over = self.control.image.partition(of).and_then(|it| it.leader) == Some(to);
        if !took_over || !self.has_its_disk(to) {
            return;
        }
        let log = self.brokers.get(&to).and_then(|it| it.disk.logs.get(&of));
        let Some(truth) = self.checks.partitions.get(&of) else { return };
        let of_epoch = |it: &&(u64, Entry)| it.1.epoch == handover.leader_epoch;
        let lacks = |it: &&(u64, Entry)| {
            let (offset, entry) = **it;
            let start = log.map_or(0, crate::log::ModelLog::start);
            start <= offset && log.and_then(|it| it.get(offset)) != Some(&entry)
        };
        let lost = truth.acked_by_leader.iter().filter(of_epoch).find(lacks).copied();
        if let Some((offset, entry)) = lost {
            let what = format!("{to} takes over without {} at {offset}", entry.value);
            self.fail("PlannedMovesLoseNothing", what);
        }
    }
}

impl World {
    /// D1, at the end: every record that was acknowledged is there.
    pub(crate) fn check_all_acked(&mut self, of: PartitionId) {
        let Some(truth) = self.checks.partitions.get(&of) else { return };
        let gone = |it: &&(u64, u64)| truth.committed_at(it.0).map(|it| it.value) != Some(it.1);
        if let Some((offset, value)) = truth.acked.iter().find(gone).copied() {
            self.fail("AckedNeverLost", format!("{value} at {offset} is gone"));
        }
    }
}
