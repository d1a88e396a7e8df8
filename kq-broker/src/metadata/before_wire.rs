//! The bytes of what was before changes, in snapshots.

use std::sync::Arc;

use prost::{Message, Oneof};

use super::before::{Before, Was};
use super::config_wire::{WireConfig, config_from_wire, config_to_wire};
use super::record::{MetadataRecord, TimestampMs};
use super::state_wire::{
    WireBrokerState, WireProtection, WireSoftDeletion, broker_state_from_wire,
    broker_state_to_wire, deletion_from_wire, deletion_to_wire, protection_from_wire,
    protection_to_wire,
};
use super::wire::{ChangeDecodeError, WireController, id_from_wire, id_to_wire};
use crate::ids::{BrokerId, LeaderEpoch, PartitionId, PartitionIndex};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireBefore {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(int64, tag = "2")]
    time_ms: i64,
    #[prost(uint64, tag = "3")]
    events: u64,
    #[prost(oneof = "WireWas", tags = "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16")]
    was: Option<WireWas>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireWas {
    #[prost(message, tag = "4")]
    Epoch(WireOfPartition),
    #[prost(message, tag = "5")]
    Isr(WireOfPartition),
    #[prost(message, tag = "6")]
    Moves(WireOfPartition),
    #[prost(uint32, tag = "7")]
    EpochsRaised(u32),
    #[prost(message, tag = "8")]
    Broker(WireBrokerBefore),
    #[prost(message, tag = "9")]
    Controller(WireControllerBefore),
    #[prost(int64, tag = "10")]
    NoController(i64),
    #[prost(bool, tag = "11")]
    NoVoters(bool),
    #[prost(message, tag = "12")]
    Partitions(WireOfTopic),
    #[prost(message, tag = "13")]
    Deletion(WireOfTopic),
    #[prost(message, tag = "14")]
    Protection(WireOfTopic),
    #[prost(string, tag = "15")]
    Hidden(String),
    #[prost(message, tag = "16")]
    Config(WireConfig),
}

/// Of a partition one thing; which one, is known by where this stands.
#[derive(Clone, PartialEq, Message)]
struct WireOfPartition {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(uint32, tag = "3")]
    epoch: u32,
    #[prost(uint32, repeated, tag = "4")]
    brokers: Vec<u32>,
    #[prost(uint32, repeated, tag = "5")]
    removing: Vec<u32>,
}

/// Of a topic one thing.
#[derive(Clone, PartialEq, Message)]
struct WireOfTopic {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(uint32, tag = "2")]
    partitions: u32,
    #[prost(message, optional, tag = "3")]
    deletion: Option<WireSoftDeletion>,
    #[prost(message, optional, tag = "4")]
    protection: Option<WireProtection>,
}

#[derive(Clone, PartialEq, Message)]
struct WireBrokerBefore {
    #[prost(uint32, tag = "1")]
    broker: u32,
    #[prost(message, optional, tag = "2")]
    was: Option<WireBrokerState>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireControllerBefore {
    #[prost(message, optional, tag = "1")]
    was: Option<WireController>,
}

pub(super) fn before_to_wire(it: &Before) -> WireBefore {
    let numbers = |list: &[BrokerId]| list.iter().map(|id| id.0).collect::<Vec<_>>();
    let of = |id: &PartitionId| WireOfPartition {
        topic: id_to_wire(id.topic),
        index: id.index.0,
        ..WireOfPartition::default()
    };
    let was = match &it.was {
        Was::Epoch(id, epoch) => WireWas::Epoch(WireOfPartition { epoch: epoch.0, ..of(id) }),
        Was::Isr(id, isr) => WireWas::Isr(WireOfPartition { brokers: numbers(isr), ..of(id) }),
        Was::Moves(id, adding, removing) => WireWas::Moves(WireOfPartition {
            brokers: numbers(adding),
            removing: numbers(removing),
            ..of(id)
        }),
        Was::EpochsRaised(id) => WireWas::EpochsRaised(id.0),
        Was::Broker(id, was) => WireWas::Broker(WireBrokerBefore {
            broker: id.0,
            was: was.as_deref().map(broker_state_to_wire),
        }),
        Was::Controller(was) => WireWas::Controller(WireControllerBefore {
            was: was.map(|(id, term)| WireController { broker: id.0, term, unled_since_ms: None }),
        }),
        Was::NoController(since) => WireWas::NoController(since.0),
        Was::NoVoters => WireWas::NoVoters(true),
        Was::Partitions(topic, count) => WireWas::Partitions(WireOfTopic {
            topic: id_to_wire(*topic),
            partitions: *count,
            ..WireOfTopic::default()
        }),
        Was::Deletion(topic, was) => WireWas::Deletion(WireOfTopic {
            topic: id_to_wire(*topic),
            deletion: was.as_ref().map(deletion_to_wire),
            ..WireOfTopic::default()
        }),
        Was::Protection(topic, was) => WireWas::Protection(WireOfTopic {
            topic: id_to_wire(*topic),
            protection: was.as_ref().map(protection_to_wire),
            ..WireOfTopic::default()
        }),
        Was::Hidden(name) => WireWas::Hidden(name.to_string()),
        Was::Config(resource, key, value) => {
            WireWas::Config(config_to_wire(resource, key, value.as_deref()))
        }
    };
    WireBefore { index: it.index, time_ms: it.time.0, events: it.events, was: Some(was) }
}

pub(super) fn before_from_wire(wire: WireBefore) -> Result<Before, ChangeDecodeError> {
    let was = wire.was.ok_or(ChangeDecodeError::BadField("state before a change"))?;
    let (index, events) = (wire.index, wire.events);
    Ok(Before { index, time: TimestampMs(wire.time_ms), events, was: was_from_wire(was)? })
}

fn was_from_wire(wire: WireWas) -> Result<Was, ChangeDecodeError> {
    let brokers = |list: Vec<u32>| list.into_iter().map(BrokerId).collect::<Arc<[_]>>();
    let of = |it: &WireOfPartition| {
        let topic = id_from_wire(&it.topic)?;
        Ok(PartitionId { topic, index: PartitionIndex(it.index) })
    };
    Ok(match wire {
        WireWas::Epoch(it) => Was::Epoch(of(&it)?, LeaderEpoch(it.epoch)),
        WireWas::Isr(it) => Was::Isr(of(&it)?, brokers(it.brokers)),
        WireWas::Moves(it) => Was::Moves(of(&it)?, brokers(it.brokers), brokers(it.removing)),
        WireWas::EpochsRaised(id) => Was::EpochsRaised(BrokerId(id)),
        WireWas::Broker(it) => {
            let was = it.was.map(broker_state_from_wire).transpose()?;
            Was::Broker(BrokerId(it.broker), was.map(Arc::new))
        }
        WireWas::Controller(it) => Was::Controller(it.was.map(|it| (BrokerId(it.broker), it.term))),
        WireWas::NoController(since) => Was::NoController(TimestampMs(since)),
        WireWas::NoVoters(_) => Was::NoVoters,
        WireWas::Partitions(it) => Was::Partitions(id_from_wire(&it.topic)?, it.partitions),
        WireWas::Deletion(it) => {
            Was::Deletion(id_from_wire(&it.topic)?, it.deletion.map(deletion_from_wire))
        }
        WireWas::Protection(it) => {
            Was::Protection(id_from_wire(&it.topic)?, it.protection.map(protection_from_wire))
        }
        WireWas::Hidden(name) => Was::Hidden(name.into()),
        WireWas::Config(it) => {
            let MetadataRecord::ConfigChanged { resource, key, value } = config_from_wire(it)?
            else {
                return Err(ChangeDecodeError::BadField("setting before a change"));
            };
            Was::Config(resource, key.into(), value.map(Arc::from))
        }
    })
}
