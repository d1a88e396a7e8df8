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

/// Since when it is in that state, in milliseconds since 1970, and why: one that drains was told to.
pub fn since_of(broker: &BrokerImage) -> (i64, &str) {
    match (broker.state, &broker.cordon) {
        (BrokerState::Active, Some(cordon)) => (cordon.since.0, &cordon.reason),
        (BrokerState::Active, None) | (BrokerState::Stopping | BrokerState::Fenced, _) => {
            (broker.state_since.0, &broker.state_reason)
        }
    }
}

/// All of a broker that the image knows.
pub(super) fn broker(it: &BrokerImage) -> v1::BrokerState {
    let endpoint = it.endpoints.first();
    let (since_at_ms, reason) = since_of(it);
    v1::BrokerState {
        id: it.id.0,
        host: endpoint.map(|it| it.host.clone()).unwrap_or_default(),
        port: endpoint.map_or(0, |it| it.port.into()),
        rack: it.rack.clone(),
        state: state_of(it).into(),
        since_at_ms: Some(since_at_ms),
        reason: reason.to_owned(),
        cordon: it.cordon.as_ref().map(|it| admin::Cordon {
            since_at_ms: it.since.0,
            reason: it.reason.to_string(),
            decommission: it.decommission,
        }),
        version: Some(it.version.clone()),
        registered_at_ms: Some(it.registered_at.0),
    }
}
