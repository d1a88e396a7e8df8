//! Where clients reach brokers: all of them, and the leaders of partitions that were sought here in vain.

use std::collections::BTreeSet;

use kq_proto::kafka::Str;

use super::topic_key::TopicKey;
use crate::ids::BrokerId;
use crate::metadata::{BrokerImage, MetadataImage};
use crate::runtime;

/// A broker's address in a response.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: i32,
    /// Host name or address.
    pub host: Str,
    /// Port.
    pub port: i32,
    /// Where it stands.
    pub rack: Option<Str>,
}

/// A broker's first address; none while it advertises none.
pub fn node(broker: &BrokerImage) -> Option<Node> {
    let endpoint = broker.endpoints.first()?;
    Some(Node {
        id: broker.id.to_wire(),
        host: endpoint.host.as_str().into(),
        port: i32::from(endpoint.port),
        rack: broker.rack.as_deref().map(Str::from),
    })
}

/// All brokers that may be spoken to.
pub fn nodes(image: &MetadataImage) -> impl Iterator<Item = Node> {
    image.live_brokers().filter_map(|broker| node(broker))
}

/// Leaders that a response names, each address once (KIP-951).
#[derive(Debug, Default)]
pub struct Leaders(BTreeSet<BrokerId>);

impl Leaders {
    /// Who leads a partition, and its epoch.
    pub fn find(
        &mut self,
        (node, image): (&runtime::Node, &MetadataImage),
        key: &TopicKey,
        index: i32,
    ) -> Option<(i32, i32)> {
        let partition = image.partition(key.partition(image, index).ok()?)?;
        let leader = node.leader_of(partition)?;
        self.0.insert(leader);
        Some((leader.to_wire(), i32::try_from(partition.leader_epoch.0).unwrap_or(i32::MAX)))
    }

    /// The addresses of those that were found.
    pub fn endpoints(self, image: &MetadataImage) -> impl Iterator<Item = Node> {
        self.0.into_iter().filter_map(|id| node(image.broker(id)?))
    }
}
