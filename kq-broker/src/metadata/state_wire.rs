//! The bytes of brokers, and of what is said about a topic as a whole: as they are in a snapshot, and
//! as they were in its history.

use prost::Message;

use super::image::{Protection, SoftDeletion};
use super::record::TimestampMs;
use super::roster::{BrokerImage, BrokerState, Cordon};
use super::wire::{ChangeDecodeError, WireBroker, broker_from_wire, broker_to_wire};
use crate::ids::BrokerEpoch;

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireProtection {
    #[prost(int64, tag = "1")]
    since_ms: i64,
    #[prost(string, tag = "2")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireSoftDeletion {
    #[prost(int64, tag = "1")]
    deleted_at_ms: i64,
    #[prost(int64, tag = "2")]
    purge_at_ms: i64,
    #[prost(string, tag = "3")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireBrokerState {
    #[prost(message, optional, tag = "1")]
    registration: Option<WireBroker>,
    #[prost(uint64, tag = "2")]
    epoch: u64,
    #[prost(int64, tag = "3")]
    registered_at_ms: i64,
    #[prost(enumeration = "WireState", tag = "4")]
    state: i32,
    #[prost(int64, tag = "5")]
    state_since_ms: i64,
    #[prost(string, tag = "6")]
    state_reason: String,
    #[prost(message, optional, tag = "7")]
    cordon: Option<WireCordon>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum WireState {
    Active = 0,
    Fenced = 1,
    Stopping = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireCordon {
    #[prost(int64, tag = "1")]
    since_ms: i64,
    #[prost(string, tag = "2")]
    reason: String,
    #[prost(bool, tag = "3")]
    decommission: bool,
}

pub(super) fn broker_state_to_wire(it: &BrokerImage) -> WireBrokerState {
    WireBrokerState {
        registration: Some(broker_to_wire(&it.registration())),
        epoch: it.epoch.0,
        registered_at_ms: it.registered_at.0,
        state: match it.state {
            BrokerState::Active => WireState::Active,
            BrokerState::Fenced => WireState::Fenced,
            BrokerState::Stopping => WireState::Stopping,
        }
        .into(),
        state_since_ms: it.state_since.0,
        state_reason: it.state_reason.to_string(),
        cordon: it.cordon.as_ref().map(|it| WireCordon {
            since_ms: it.since.0,
            reason: it.reason.to_string(),
            decommission: it.decommission,
        }),
    }
}

pub(super) fn broker_state_from_wire(
    wire: WireBrokerState,
) -> Result<BrokerImage, ChangeDecodeError> {
    let registration =
        wire.registration.ok_or(ChangeDecodeError::BadField("registration of a broker"))?;
    let it = broker_from_wire(registration)?;
    let state = match WireState::try_from(wire.state) {
        Ok(WireState::Active) => BrokerState::Active,
        Ok(WireState::Fenced) => BrokerState::Fenced,
        Ok(WireState::Stopping) => BrokerState::Stopping,
        Err(_) => return Err(ChangeDecodeError::BadField("state of a broker")),
    };
    Ok(BrokerImage {
        id: it.broker,
        incarnation: it.incarnation,
        epoch: BrokerEpoch(wire.epoch),
        registered_at: TimestampMs(wire.registered_at_ms),
        directory: it.directory,
        endpoints: it.endpoints,
        rack: it.rack,
        version: it.version,
        resumed_cleanly: it.resumed_cleanly,
        state,
        state_since: TimestampMs(wire.state_since_ms),
        state_reason: wire.state_reason.into(),
        cordon: wire.cordon.map(|it| Cordon {
            since: TimestampMs(it.since_ms),
            reason: it.reason.into(),
            decommission: it.decommission,
        }),
    })
}

pub(super) fn protection_to_wire(it: &Protection) -> WireProtection {
    WireProtection { since_ms: it.since.0, reason: it.reason.to_string() }
}

pub(super) fn protection_from_wire(it: WireProtection) -> Protection {
    Protection { since: TimestampMs(it.since_ms), reason: it.reason.into() }
}

pub(super) fn deletion_to_wire(it: &SoftDeletion) -> WireSoftDeletion {
    WireSoftDeletion {
        deleted_at_ms: it.deleted_at.0,
        purge_at_ms: it.purge_at.0,
        reason: it.reason.to_string(),
    }
}

pub(super) fn deletion_from_wire(it: WireSoftDeletion) -> SoftDeletion {
    SoftDeletion {
        deleted_at: TimestampMs(it.deleted_at_ms),
        purge_at: TimestampMs(it.purge_at_ms),
        reason: it.reason.into(),
    }
}
