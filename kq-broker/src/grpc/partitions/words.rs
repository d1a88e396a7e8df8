//! Why a partition stands as it does, in words that an operator can act on.

use kq_proto::admin::v1;

use crate::grpc::shape::{PartitionHealth, Shapes};
use crate::ids::BrokerId;
use crate::metadata::{BrokerImage, MetadataImage, PartitionImage, TopicImage, Utc};

/// Sentences without full stops, parted by semicolons; the worst first.
pub(super) fn why(
    shapes: &Shapes,
    (topic, partition): (&TopicImage, &PartitionImage),
    replicas: &[v1::Replica],
    now_ms: i64,
) -> String {
    let min_isr = shapes.config_of(topic).min_insync_replicas;
    let mut words = vec![standing(partition, min_isr)];
    let outside = replicas.iter().filter(|it| !partition.isr.contains(&BrokerId(it.broker)));
    words.extend(outside.map(|it| absence(&shapes.image, it, now_ms)));
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
    let (in_sync, all) = (partition.isr.len(), partition.replicas.len());
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

/// Why a replica is not in sync.
fn absence(image: &MetadataImage, replica: &v1::Replica, now_ms: i64) -> String {
    let id = BrokerId(replica.broker);
    let Some(broker) = image.broker(id) else {
        return format!("broker {id} is not registered");
    };
    if !broker.is_live() {
        return fenced(broker);
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
