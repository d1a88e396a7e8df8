//! `DescribeCluster`: who belongs to it.

use std::sync::Arc;

use kq_proto::kafka::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::operations::CLUSTER_OPERATIONS;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::kafka::leaders::node;
use crate::metadata::BrokerImage;

/// The endpoints that clients speak to. The others, those of controllers, are no Kafka listeners here.
const BROKER_ENDPOINTS: i8 = 1;

impl Handle for DescribeClusterRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        if self.endpoint_type != BROKER_ENDPOINTS {
            return call.answer::<Self>(&DescribeClusterResponse {
                error_code: ErrorCode::MismatchedEndpointType,
                error_message: Some(Str::from_static("this is a listener of a broker")),
                ..Default::default()
            });
        }
        let image = door.image();
        let brokers = image.brokers().filter(|it| it.is_live() || self.include_fenced_brokers);
        let operations = self.include_cluster_authorized_operations;
        call.answer::<Self>(&DescribeClusterResponse {
            cluster_id: door.cluster_id().unwrap_or_default(),
            controller_id: door.controller_id(),
            brokers: brokers.filter_map(|it| describe(it)).collect(),
            cluster_authorized_operations: if operations { CLUSTER_OPERATIONS } else { i32::MIN },
            ..Default::default()
        })
    }
}

fn describe(broker: &BrokerImage) -> Option<DescribeClusterBroker> {
    let node = node(broker)?;
    Some(DescribeClusterBroker {
        broker_id: node.id,
        host: node.host,
        port: node.port,
        rack: node.rack,
        is_fenced: !broker.is_live(),
    })
}
