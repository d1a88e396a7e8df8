//! What must hold at every moment, looked at from inside the brokers.

use std::collections::BTreeMap;
use std::rc::Rc;

use kq_broker::ids::{BrokerId, PartitionId};
use kq_broker::metadata::{MetadataImage, PartitionImage};
use kq_broker::runtime::{Node, OFFSETS_TOPIC};

use super::history::History;
use super::seat::Seat;

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// The metadata after each entry of the quorum's log.
    images: BTreeMap<u64, u64>,
    /// The entry that each broker was seen at last.
    seen: BTreeMap<u32, u64>,
    /// Who leads a partition in an epoch, and how far its high watermark was.
    leaders: BTreeMap<(PartitionId, u32), (u32, u64)>,
    /// Who leads the quorum in a term.
    terms: BTreeMap<u64, u32>,
}

impl Checks {
    /// Looks at every broker that serves.
    pub(crate) fn look(&mut self, seats: &[Rc<Seat>], history: &mut History) {
        for seat in seats {
            if let Some(failure) = seat.failure.take() {
                history.broke("L2", format_args!("broker {}: {failure}", seat.id));
            }
            if let Some(node) = seat.node() {
                self.look_at_image(seat.id, &node.image(), history);
                self.look_at_term(seat.id, &node, history);
                self.look_at_leaders(seat.id, &node, history);
            }
        }
    }

    fn look_at_image(&mut self, id: u32, image: &MetadataImage, history: &mut History) {
        let applied = image.applied();
        if self.seen.insert(id, applied) == Some(applied) {
            return;
        }
        let hash = image.state_hash();
        history.note(format_args!("broker {id} is at entry {applied}: {hash:016x}"));
        let known = *self.images.entry(applied).or_insert(hash);
        if known != hash {
            history.broke("C6", format_args!("broker {id} holds other metadata at {applied}"));
        }
        for topic in image.all_topics() {
            for (index, partition) in topic.partitions() {
                if let Some(wrong) = wrong_with(partition) {
                    let at = format!("{}/{index} at entry {applied}", topic.name);
                    history.broke("D6", format_args!("{at}: {wrong}"));
                }
            }
        }
    }

    fn look_at_term(&mut self, id: u32, node: &Node, history: &mut History) {
        let status = node.controller.status();
        if status.leader != Some(BrokerId(id)) {
            return;
        }
        match self.terms.insert(status.term, id) {
            None => {
                history.count("quorum leaders", 1);
                history.note(format_args!("broker {id} leads the quorum in term {}", status.term));
            }
            Some(other) if other != id => {
                let term = status.term;
                history.broke("D5", format_args!("{other} and {id} lead the quorum in {term}"));
            }
            Some(_) => {}
        }
    }

    fn look_at_leaders(&mut self, id: u32, node: &Node, history: &mut History) {
        for partition in node.partitions.all() {
            let Ok(found) = partition.describe() else { continue };
            if !found.leads {
                continue;
            }
            let (epoch, mark) = (found.leader_epoch.0, found.offsets.high_watermark().offset().0);
            let at = (partition.id(), epoch);
            let Some((other, before)) = self.leaders.insert(at, (id, mark)) else {
                history.count("leaders", 1);
                if **partition.topic() == *OFFSETS_TOPIC {
                    history.count("coordinators", 1);
                }
                history.note(format_args!("broker {id} leads {partition:?} in {epoch}"));
                continue;
            };
            if other != id {
                history.broke("D5", format_args!("{other} and {id} lead {partition:?} in {epoch}"));
            } else if mark < before {
                history.broke(
                    "D3",
                    format_args!(
                        "the high watermark of {partition:?} fell from {before} to {mark}"
                    ),
                );
            }
        }
    }
}

/// What cannot be of a partition's metadata.
fn wrong_with(partition: &PartitionImage) -> Option<&'static str> {
    let PartitionImage { replicas, isr, elr, leader, .. } = partition;
    if !isr.iter().chain(elr).all(|it| replicas.contains(it)) {
        return Some("who is no replica is in sync");
    }
    if elr.iter().any(|it| isr.contains(it)) {
        return Some("a replica is in ISR and ELR");
    }
    leader.filter(|it| !isr.contains(it)).map(|_| "the leader is not in sync")
}
