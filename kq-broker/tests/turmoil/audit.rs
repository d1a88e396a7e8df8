//! What must hold once the faults are over: everyone is up, everything is in sync, all hold the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use kq_broker::ids::{BrokerId, PartitionId, PartitionIndex};
use kq_broker::metadata::{MetadataImage, TopicImage};
use kq_storage::sim::SimDisk;
use kq_storage::vfs::{OpenMode, Vfs as _, read_all};

use super::clients::Ground;
use super::history::History;
use super::seat::Seat;

/// What is not as it should be yet; none when all is well.
pub(crate) fn unrest(seats: &[Rc<Seat>], voters: usize) -> Option<String> {
    let mut applied = None;
    for seat in seats {
        let id = seat.id;
        let Some(node) = seat.node() else { return Some(format!("broker {id} does not serve")) };
        let status = node.controller.status();
        if status.leader.is_none() || status.voters.len() != voters {
            return Some(format!("broker {id} knows {} voters", status.voters.len()));
        }
        let image = node.image();
        if *applied.get_or_insert(image.applied()) != image.applied() {
            return Some(format!("broker {id} is at entry {}", image.applied()));
        }
        if node.partitions.applied() != image.applied() {
            return Some(format!("broker {id} still applies entry {}", image.applied()));
        }
        if let Some(unrest) = unrest_in(&image, seats.len()) {
            return Some(unrest);
        }
        if let Some((partition, why)) = node.partitions.failed().first() {
            return Some(format!("broker {id} cannot serve {partition:?}: {why}"));
        }
    }
    None
}

fn unrest_in(image: &MetadataImage, brokers: usize) -> Option<String> {
    if image.brokers().filter(|it| it.may_lead()).count() != brokers {
        return Some("not all brokers are live".to_owned());
    }
    if !image.active_plans().is_empty() {
        return Some("a plan is under way".to_owned());
    }
    for topic in image.topics() {
        for (index, it) in topic.partitions() {
            let moves = !it.adding.is_empty() || !it.removing.is_empty() || it.handover.is_some();
            if it.leader.is_none() || it.isr.len() != it.replicas.len() || moves {
                let (isr, leader) = (&it.isr, it.leader);
                return Some(format!("{}/{index}: leader {leader:?}, ISR {isr:?}", topic.name));
            }
        }
    }
    None
}

/// Judges what stands in the end.
pub(crate) fn judge(seats: &[Rc<Seat>], ground: &Ground) {
    let mut history = ground.history.borrow_mut();
    for (slot, log) in &*ground.audited.borrow() {
        history.count("checked", log.len() as u64);
        history.judge(*slot, log);
        ground.book.borrow().judge(*slot, log, &mut history);
    }
    let Some(image) = seats.first().and_then(|it| it.node()).map(|it| it.image()) else { return };
    for name in history.topics().to_vec() {
        if image.topic_by_name(&name).is_none() {
            history.broke("C2", format_args!("topic {name} was made, and is not there"));
        }
    }
    for topic in image.topics() {
        for (index, partition) in topic.partitions() {
            compare(seats, topic, (index, &partition.replicas), &mut history);
        }
    }
}

/// A partition of which some replica has more than another: what groups still write is on all of
/// them in a moment.
pub(crate) fn uneven(seats: &[Rc<Seat>]) -> Option<String> {
    let image = seats.first()?.node()?.image();
    for topic in image.topics() {
        for (index, partition) in topic.partitions() {
            let id = PartitionId { topic: topic.id, index };
            let holds = |it: &&Rc<Seat>| partition.replicas.contains(&BrokerId(it.id));
            let bytes = seats.iter().filter(holds).filter_map(|it| bytes_of(it, topic, id).ok());
            let sizes: BTreeSet<usize> = bytes.map(|it| it.len()).collect();
            if sizes.len() > 1 {
                return Some(format!("{}/{index} is of the sizes {sizes:?}", topic.name));
            }
        }
    }
    None
}

/// All replicas of a partition hold the same bytes.
fn compare(
    seats: &[Rc<Seat>],
    topic: &TopicImage,
    (index, replicas): (PartitionIndex, &[BrokerId]),
    history: &mut History,
) {
    let mut first: Option<(u32, Vec<u8>)> = None;
    for seat in seats.iter().filter(|it| replicas.contains(&BrokerId(it.id))) {
        let at = format!("{}/{index} of broker {}", topic.name, seat.id);
        let bytes = match bytes_of(seat, topic, PartitionId { topic: topic.id, index }) {
            Ok(bytes) => bytes,
            Err(err) => {
                history.broke("D4", format_args!("{at}: {err}"));
                continue;
            }
        };
        let Some((other, expected)) = &first else {
            first = Some((seat.id, bytes));
            continue;
        };
        if *expected != bytes {
            let same = expected.iter().zip(&bytes).take_while(|(a, b)| a == b).count();
            let sizes = (bytes.len(), expected.len());
            history.broke(
                "D4",
                format_args!("{at} differs from {other}'s at byte {same}, sizes {sizes:?}"),
            );
        }
    }
}

/// The segments of a partition, one after another.
fn bytes_of(seat: &Seat, topic: &TopicImage, id: PartitionId) -> std::io::Result<Vec<u8>> {
    let dir = dir_of(&seat.disk, topic, id)?;
    let mut all = Vec::new();
    for entry in seat.disk.list(&dir)? {
        if Path::new(&entry.name).extension().is_some_and(|it| it == "log") {
            let file = seat.disk.open(&dir.join(&entry.name), OpenMode::Read)?;
            all.extend(read_all(file.as_ref())?);
        }
    }
    Ok(all)
}

/// The directory of a partition: the topic's name, the index, and the topic's id.
fn dir_of(disk: &SimDisk, topic: &TopicImage, id: PartitionId) -> std::io::Result<PathBuf> {
    let logs = Path::new("/data/logs");
    let name = format!("{}-{}.{}", topic.name, id.index, id.topic.0.simple());
    disk.list(&logs.join(&name)).map(|_| logs.join(name))
}
