//! The bytes of what is said about leaders, in changes and in snapshots.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

use super::policy::{Freeze, LeaderPlace, LeaderPolicy, PolicyScope, UncleanPolicy};
use super::record::TimestampMs;
use super::wire::{ChangeDecodeError, id_from_wire, id_to_wire};
use crate::ids::{BrokerId, PartitionIndex};

/// The leaders of one topic, or those of all when it has no id.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WireScope {
    #[prost(bytes = "vec", optional, tag = "1")]
    topic: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireScopedPolicy {
    #[prost(message, optional, tag = "1")]
    scope: Option<WireScope>,
    #[prost(message, optional, tag = "2")]
    policy: Option<WireLeaderPolicy>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireFrozen {
    #[prost(message, optional, tag = "1")]
    scope: Option<WireScope>,
    #[prost(int64, optional, tag = "2")]
    until_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireLeaderPolicy {
    #[prost(message, optional, tag = "1")]
    prefer: Option<WirePlaces>,
    #[prost(message, optional, tag = "2")]
    avoid: Option<WirePlaces>,
    #[prost(uint32, optional, tag = "3")]
    unclean: Option<u32>,
    #[prost(bool, optional, tag = "4")]
    auto_balance: Option<bool>,
    #[prost(uint32, optional, tag = "5")]
    moves_per_minute: Option<u32>,
    #[prost(btree_map = "uint32, uint32", tag = "6")]
    pins: BTreeMap<u32, u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WirePlaces {
    #[prost(message, repeated, tag = "1")]
    places: Vec<WirePlace>,
}

#[derive(Clone, PartialEq, Message)]
struct WirePlace {
    #[prost(oneof = "WirePlaceKind", tags = "1, 2")]
    kind: Option<WirePlaceKind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WirePlaceKind {
    #[prost(uint32, tag = "1")]
    Broker(u32),
    #[prost(string, tag = "2")]
    Rack(String),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireFreeze {
    #[prost(int64, tag = "1")]
    since_ms: i64,
    #[prost(string, tag = "2")]
    reason: String,
    #[prost(int64, optional, tag = "3")]
    until_ms: Option<i64>,
}

pub(super) fn scope_to_wire(scope: PolicyScope) -> WireScope {
    match scope {
        PolicyScope::Cluster => WireScope { topic: None },
        PolicyScope::Topic(id) => WireScope { topic: Some(id_to_wire(id)) },
    }
}

pub(super) fn scope_from_wire(wire: &WireScope) -> Result<PolicyScope, ChangeDecodeError> {
    match &wire.topic {
        None => Ok(PolicyScope::Cluster),
        Some(id) => id_from_wire(id).map(PolicyScope::Topic),
    }
}

pub(super) fn scoped_policy_to_wire(scope: PolicyScope, policy: &LeaderPolicy) -> WireScopedPolicy {
    WireScopedPolicy {
        scope: Some(scope_to_wire(scope)),
        policy: Some(leader_policy_to_wire(policy)),
    }
}

pub(super) fn scoped_policy_from_wire(
    wire: WireScopedPolicy,
) -> Result<(PolicyScope, LeaderPolicy), ChangeDecodeError> {
    let scope = wire.scope.ok_or(ChangeDecodeError::BadField("scope"))?;
    let policy = wire.policy.ok_or(ChangeDecodeError::BadField("leader policy"))?;
    Ok((scope_from_wire(&scope)?, leader_policy_from_wire(policy)?))
}

pub(super) fn frozen_to_wire(scope: PolicyScope, until: Option<TimestampMs>) -> WireFrozen {
    WireFrozen { scope: Some(scope_to_wire(scope)), until_ms: until.map(|it| it.0) }
}

pub(super) fn frozen_from_wire(
    wire: WireFrozen,
) -> Result<(PolicyScope, Option<TimestampMs>), ChangeDecodeError> {
    let scope = wire.scope.ok_or(ChangeDecodeError::BadField("scope"))?;
    Ok((scope_from_wire(&scope)?, wire.until_ms.map(TimestampMs)))
}

pub(super) fn leader_policy_to_wire(it: &LeaderPolicy) -> WireLeaderPolicy {
    WireLeaderPolicy {
        prefer: it.prefer.as_deref().map(places_to_wire),
        avoid: it.avoid.as_deref().map(places_to_wire),
        unclean: it.unclean.map(UncleanPolicy::number),
        auto_balance: it.auto_balance,
        moves_per_minute: it.moves_per_minute,
        pins: it.pins.iter().map(|(index, broker)| (index.0, broker.0)).collect(),
    }
}

pub(super) fn leader_policy_from_wire(
    wire: WireLeaderPolicy,
) -> Result<LeaderPolicy, ChangeDecodeError> {
    let unclean = |number| {
        UncleanPolicy::from_number(number).ok_or(ChangeDecodeError::BadField("unclean policy"))
    };
    let pin = |(index, broker)| (PartitionIndex(index), BrokerId(broker));
    Ok(LeaderPolicy {
        prefer: wire.prefer.map(places_from_wire).transpose()?,
        avoid: wire.avoid.map(places_from_wire).transpose()?,
        unclean: wire.unclean.map(unclean).transpose()?,
        auto_balance: wire.auto_balance,
        moves_per_minute: wire.moves_per_minute,
        pins: wire.pins.into_iter().map(pin).collect(),
    })
}

fn places_to_wire(places: &[LeaderPlace]) -> WirePlaces {
    let place = |it: &LeaderPlace| {
        let kind = match it {
            LeaderPlace::Broker(id) => WirePlaceKind::Broker(id.0),
            LeaderPlace::Rack(name) => WirePlaceKind::Rack(name.clone()),
        };
        WirePlace { kind: Some(kind) }
    };
    WirePlaces { places: places.iter().map(place).collect() }
}

fn places_from_wire(wire: WirePlaces) -> Result<Vec<LeaderPlace>, ChangeDecodeError> {
    let place = |it: WirePlace| match it.kind {
        Some(WirePlaceKind::Broker(id)) => Ok(LeaderPlace::Broker(BrokerId(id))),
        Some(WirePlaceKind::Rack(name)) => Ok(LeaderPlace::Rack(name)),
        None => Err(ChangeDecodeError::BadField("place of leaders")),
    };
    wire.places.into_iter().map(place).collect()
}

pub(super) fn freeze_to_wire(it: &Freeze) -> WireFreeze {
    WireFreeze {
        since_ms: it.since.0,
        reason: it.reason.to_string(),
        until_ms: it.until.map(|it| it.0),
    }
}

pub(super) fn freeze_from_wire(wire: WireFreeze) -> Freeze {
    Freeze {
        since: TimestampMs(wire.since_ms),
        reason: wire.reason.into(),
        until: wire.until_ms.map(TimestampMs),
    }
}
