//! `kq.admin.v1.Leaders`.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1;
use kq_proto::admin::v1::leaders_server::Leaders;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use super::brokers::unknown_broker;
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;

#[tonic::async_trait]
impl Leaders for Admin {
    async fn list(
        &self,
        request: Request<v1::ListLeadersRequest>,
    ) -> Answer<v1::ListLeadersResponse> {
        let asked: BTreeSet<u32> = request.into_inner().brokers.into_iter().collect();
        let image = self.node.image();
        let unknown = asked.iter().filter(|id| image.broker(BrokerId(**id)).is_none());
        let errors = unknown.map(|id| unknown_broker(*id).into_item(format!("broker {id}")));
        let (mut brokers, leaderless_count) = spread(&image);
        brokers.retain(|it| asked.is_empty() || asked.contains(&it.broker));
        Ok(Response::new(v1::ListLeadersResponse {
            brokers,
            errors: errors.collect(),
            leaderless_count,
        }))
    }
}

/// How leadership is spread over all brokers, and how many partitions nobody leads.
fn spread(image: &MetadataImage) -> (Vec<v1::BrokerLeaders>, u32) {
    let row = |it: &std::sync::Arc<crate::metadata::BrokerImage>| v1::BrokerLeaders {
        broker: it.id.0,
        rack: it.rack.clone(),
        live: it.is_live(),
        ..v1::BrokerLeaders::default()
    };
    let mut rows: BTreeMap<BrokerId, v1::BrokerLeaders> =
        image.brokers().map(|it| (it.id, row(it))).collect();
    let mut leaderless = 0;
    for partition in image.topics().flat_map(|it| &it.partitions) {
        let preferred = partition.replicas.first().copied();
        leaderless += u32::from(partition.leader.is_none());
        for id in &partition.replicas {
            let Some(row) = rows.get_mut(id) else { continue };
            let (leads, is_preferred) = (partition.leader == Some(*id), preferred == Some(*id));
            row.replica_count += 1;
            row.leader_count += u32::from(leads);
            row.preferred_count += u32::from(is_preferred);
            row.preferred_led_count += u32::from(leads && is_preferred);
        }
    }
    (rows.into_values().collect(), leaderless)
}
