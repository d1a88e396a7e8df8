//! Why a partition stands as it does, in words that an operator can act on.

use kq_proto::admin::v1;

use crate::grpc::shape::{PartitionHealth, Shapes, nobody_holds_all};
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{
    BrokerImage, Detail, EventKind, MetadataImage, PartitionImage, Subject, TopicImage, Utc,
};

/// Sentences without full stops, parted by semicolons; the worst first.
pub(super) fn why(
    shapes: &Shapes,
    (topic, index, partition): (&TopicImage, PartitionIndex, &PartitionImage),
    replicas: &[v1::Replica],
    now_ms: i64,
) -> String {
    let min_isr = shapes.config_of(topic).min_insync_replicas;
    let mut words = if nobody_holds_all(partition) {
        vec![all_gone(&shapes.image, &topic.name, index)]
    } else {
        vec![standing(partition, min_isr)]
    };
    let outside = replicas.iter().filter(|it| !partition.isr.contains(&BrokerId(it.broker)));
    let led = partition.leader.is_some();
    words.extend(outside.map(|it| absence(&shapes.image, it, led, now_ms)));
    if let Some(preferred) = partition.replicas.first().filter(|id| partition.leader != Some(**id))
        && let Some(leader) = partition.leader
    {
        words.push(format!("{leader} leads instead of {preferred}, the preferred one"));
    }
    if !partition.adding.is_empty() || !partition.removing.is_empty() {
        let (adding, removing) = (list(&partition.adding), list(&partition.removing));
        words.push(format!("it is being moved: adding [{adding}], removing [{removing}]"));
    }
    words.join("; ")
}

fn standing(partition: &PartitionImage, min_isr: u32) -> String {
    let health = PartitionHealth::of(partition, min_isr);
    let (in_sync, all) = (partition.isr.len(), partition.settled().count());
    match health.worst() {
        v1::Health::Offline => {
            let candidates: Vec<BrokerId> =
                partition.isr.iter().chain(&partition.elr).copied().collect();
            format!("nobody leads: only {} hold all that is committed", list(&candidates))
        }
        v1::Health::UnderMinIsr => {
            format!("acks=all is refused: {in_sync} in sync, min.insync.replicas is {min_isr}")
        }
        v1::Health::AtMinIsr => {
            format!("{in_sync} of {all} in sync: one less, and acks=all is refused")
        }
        v1::Health::UnderReplicated => format!("{in_sync} of {all} in sync"),
        v1::Health::Ok | v1::Health::Unspecified if all == 1 => "its only replica leads".to_owned(),
        v1::Health::Ok | v1::Health::Unspecified => format!("all {all} replicas are in sync"),
    }
}

/// The last replica that held all that is committed lost its log; what was committed is unknown.
fn all_gone(image: &MetadataImage, topic: &str, index: PartitionIndex) -> String {
    const WORDS: &str = "nobody leads: no replica is known to hold all that is committed";
    let gone = image.events().rev().find_map(|it| {
        let (Detail::Brokers { from, to }, EventKind::IsrShrunk) = (&it.detail, it.kind) else {
            return None;
        };
        let of_it =
            matches!(&it.subject, Subject::Partition(name, at) if **name == *topic && *at == index);
        let last: Vec<BrokerId> = from.iter().collect();
        (of_it && to.iter().next().is_none()).then_some((last, it.time, &it.reason))
    });
    match gone {
        Some((last, at, reason)) => {
            let (last, at) = (list(&last), Utc(at));
            format!("{WORDS}; {last}, the last in sync, left the ISR at {at} ({reason})")
        }
        None => format!("{WORDS}; the last in sync came back without its log"),
    }
}

/// Why a replica is not in sync.
fn absence(image: &MetadataImage, replica: &v1::Replica, led: bool, now_ms: i64) -> String {
    let id = BrokerId(replica.broker);
    let Some(broker) = image.broker(id) else {
        return format!("broker {id} is not registered");
    };
    if !broker.is_live() {
        return fenced(broker);
    }
    if !led {
        return match replica.log_end_offset {
            Some(end) => format!("{id} is alive, and its log ends at offset {end}"),
            None => format!("{id} is alive, and did not tell how far its log goes"),
        };
    }
    match (replica.lag_records, replica.last_caught_up_at_ms) {
        (Some(0), _) => format!("{id} has caught up and is about to join"),
        (Some(records), Some(at)) => {
            let seconds = (now_ms - at).max(0) / 1_000;
            format!("{id} lacks {records} records and has been behind for {seconds} s")
        }
        (Some(records), None) => format!("{id} lacks {records} records"),
        (None, _) => {
            format!("{id} is alive and not in sync; its leader did not tell how far it is")
        }
    }
}

fn fenced(broker: &BrokerImage) -> String {
    let since = Utc(broker.state_since);
    let why = &broker.state_reason;
    if why.is_empty() {
        return format!("broker {} is fenced since {since}", broker.id);
    }
    format!("broker {} is fenced since {since} ({why})", broker.id)
}

fn list(ids: &[BrokerId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::grpc::shape;
    use crate::ids::TopicId;
    use crate::metadata::{
        BrokerRegistration, Change, MetadataRecord, PartitionChange, TimestampMs,
    };

    fn partition(isr: &[u32], epoch: u32) -> MetadataRecord {
        let ids = |list: &[u32]| list.iter().map(|id| BrokerId(*id)).collect::<Vec<_>>();
        let last_known = if isr.len() < 2 { ids(&[4]) } else { Vec::new() };
        let mut now =
            PartitionImage { replicas: ids(&[3, 4]), isr: ids(isr), ..Default::default() };
        now.last_known = last_known;
        now.partition_epoch.0 = epoch;
        let topic = TopicId(Uuid::from_u128(7));
        MetadataRecord::PartitionChanged(PartitionChange { topic, index: PartitionIndex(0), now })
    }

    #[test]
    fn who_came_back_without_its_log_is_named() {
        let register = |directory| {
            let directory = Uuid::from_u128(directory);
            let it = BrokerRegistration::at(BrokerId(3), "127.0.0.1", 9_092);
            MetadataRecord::BrokerRegistered(BrokerRegistration { directory, ..it })
        };
        let topic = TopicId(Uuid::from_u128(7));
        let created = MetadataRecord::TopicCreated { topic, name: "r34".to_owned() };
        let steps = [
            vec![register(1), created, partition(&[3, 4], 0)],
            vec![partition(&[3], 1)],
            vec![partition(&[], 2), register(2)],
        ];
        let mut image = MetadataImage::default();
        for (index, records) in (1_u32..).zip(steps) {
            let time = TimestampMs(i64::from(index) * 1_000);
            let change = Change { time, reason: "broker 3 started".to_owned(), records };
            image = image.apply(index.into(), &change).unwrap();
        }
        assert_eq!(
            all_gone(&image, "r34", PartitionIndex(0)),
            "nobody leads: no replica is known to hold all that is committed; 3, the last in sync, \
             left the ISR at 1970-01-01T00:00:03.000Z (broker 3 started on a new directory, \
             without the logs it had)"
        );
        let shrunk = image.events().rev().find(|it| it.kind == EventKind::BrokerRegistered);
        assert!(shrunk.is_some_and(|it| it.reason.contains("a new directory")));
        let now = image.topic_by_name("r34").and_then(|it| it.partition(PartitionIndex(0)));
        let now = now.unwrap();
        assert_eq!(
            shape::why(now, PartitionHealth::of(now, 1), 1),
            "no replica may lead: the last in sync came back without its log; left the ISR before: 4"
        );
    }
}
