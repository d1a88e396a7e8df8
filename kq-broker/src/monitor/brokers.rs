//! Brokers of an image in the words of the wire.

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

use crate::metadata::{BrokerImage, BrokerState};

/// A broker's state. One that lives and is given nothing new is draining.
pub fn state_of(broker: &BrokerImage) -> admin::BrokerState {
    match (broker.state, &broker.cordon) {
        (BrokerState::Active, Some(_)) => admin::BrokerState::Draining,
        (BrokerState::Active, None) => admin::BrokerState::Running,
        (BrokerState::Stopping, _) => admin::BrokerState::ShuttingDown,
        (BrokerState::Fenced, _) => admin::BrokerState::Fenced,
    }
}

/// All of a broker that the image knows.
pub(super) fn broker(it: &BrokerImage) -> v1::BrokerState {
    let endpoint = it.endpoints.first();
    v1::BrokerState {
        id: it.id.0,
        host: endpoint.map(|it| it.host.clone()).unwrap_or_default(),
        port: endpoint.map_or(0, |it| it.port.into()),
        rack: it.rack.clone(),
        state: state_of(it).into(),
        since_at_ms: Some(it.state_since.0),
        reason: it.state_reason.to_string(),
        cordon: it.cordon.as_ref().map(|it| admin::Cordon {
            since_at_ms: it.since.0,
            reason: it.reason.to_string(),
            decommission: it.decommission,
        }),
        version: Some(it.version.clone()),
        registered_at_ms: Some(it.registered_at.0),
    }
}
