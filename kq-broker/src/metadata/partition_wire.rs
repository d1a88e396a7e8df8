//! The bytes of partitions and of what they lost, in changes and in snapshots.

use kq_storage::Offset;
use prost::Message;

use super::image::PartitionImage;
use super::record::{Loss, PartitionChange};
use super::wire::{ChangeDecodeError, id_from_wire, id_to_wire};
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex, TopicId};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WirePartition {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(uint32, repeated, tag = "3")]
    replicas: Vec<u32>,
    #[prost(uint32, repeated, tag = "4")]
    isr: Vec<u32>,
    #[prost(uint32, repeated, tag = "5")]
    elr: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    adding: Vec<u32>,
    #[prost(uint32, repeated, tag = "7")]
    removing: Vec<u32>,
    #[prost(uint32, optional, tag = "8")]
    leader: Option<u32>,
    #[prost(uint32, tag = "9")]
    leader_epoch: u32,
    #[prost(uint32, tag = "10")]
    partition_epoch: u32,
    #[prost(uint32, repeated, tag = "11")]
    last_known: Vec<u32>,
    #[prost(uint32, optional, tag = "12")]
    handover: Option<u32>,
    #[prost(uint32, optional, tag = "13")]
    unclean_epoch: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireLoss {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(uint32, tag = "3")]
    broker: u32,
    #[prost(uint64, tag = "4")]
    from: u64,
    #[prost(uint64, tag = "5")]
    until: u64,
    #[prost(bool, tag = "6")]
    at_most: bool,
}

pub(super) fn partition_to_wire(
    topic: TopicId,
    index: PartitionIndex,
    it: &PartitionImage,
) -> WirePartition {
    let list = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
    WirePartition {
        topic: id_to_wire(topic),
        index: index.0,
        replicas: list(&it.replicas),
        isr: list(&it.isr),
        elr: list(&it.elr),
        adding: list(&it.adding),
        removing: list(&it.removing),
        leader: it.leader.map(|id| id.0),
        leader_epoch: it.leader_epoch.0,
        partition_epoch: it.partition_epoch.0,
        last_known: list(&it.last_known),
        handover: it.handover.map(|id| id.0),
        unclean_epoch: it.unclean_epoch.map(|epoch| epoch.0),
    }
}

pub(super) fn partition_from_wire(it: WirePartition) -> Result<PartitionChange, ChangeDecodeError> {
    let list = |ids: Vec<u32>| ids.into_iter().map(BrokerId).collect();
    let now = PartitionImage {
        replicas: list(it.replicas),
        isr: list(it.isr),
        elr: list(it.elr),
        adding: list(it.adding),
        removing: list(it.removing),
        leader: it.leader.map(BrokerId),
        leader_epoch: LeaderEpoch(it.leader_epoch),
        partition_epoch: PartitionEpoch(it.partition_epoch),
        last_known: list(it.last_known),
        handover: it.handover.map(BrokerId),
        unclean_epoch: it.unclean_epoch.map(LeaderEpoch),
    };
    Ok(PartitionChange { topic: id_from_wire(&it.topic)?, index: PartitionIndex(it.index), now })
}

pub(super) fn loss_to_wire(it: &Loss) -> WireLoss {
    WireLoss {
        topic: id_to_wire(it.partition.topic),
        index: it.partition.index.0,
        broker: it.broker.0,
        from: it.from.0,
        until: it.until.0,
        at_most: it.at_most,
    }
}

pub(super) fn loss_from_wire(it: &WireLoss) -> Result<Loss, ChangeDecodeError> {
    let partition =
        PartitionId { topic: id_from_wire(&it.topic)?, index: PartitionIndex(it.index) };
    let (from, until) = (Offset(it.from), Offset(it.until));
    Ok(Loss { partition, broker: BrokerId(it.broker), from, until, at_most: it.at_most })
}
