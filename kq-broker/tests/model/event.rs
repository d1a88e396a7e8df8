//! What can happen in a run, and what travels over its network.

use std::sync::Arc;

use kq_broker::controller::Command;
use kq_broker::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionId};
use kq_broker::metadata::{BrokerRegistration, MetadataImage};
use kq_broker::replica::{Acks, FetchFrom, FetchToken, ProposalRefusal};
use kq_storage::batch::ProducerMark;
use kq_storage::{HighWatermark, LogStartOffset, Offset};

use crate::log::Entry;

/// One event of the queue.
#[derive(Debug)]
pub(crate) enum Event {
    /// A packet arrives; a life is named where its connection ends with the process.
    Deliver {
        to: BrokerId,
        life: Option<u64>,
        packet: Packet,
    },
    /// A timer of one process.
    Timer {
        of: BrokerId,
        life: u64,
        timer: Timer,
    },
    /// The controller is asked.
    Ask {
        from: BrokerId,
        ask: Ask,
    },
    SessionCheck,
    NewTopic,
    NextFault,
    Undo(Undo),
    Client(Turn),
    StormEnds,
    Judge,
}

/// What a broker is sent.
#[derive(Debug, Clone)]
pub(crate) enum Packet {
    Image(Arc<MetadataImage>),
    Fetch(FetchRequest),
    Fetched(FetchResponse),
    /// What became of a proposal that was not taken up.
    Refused {
        partition: PartitionId,
        partition_epoch: PartitionEpoch,
        call: u64,
        refusal: ProposalRefusal,
    },
    Produce {
        producer: usize,
        partition: PartitionId,
        value: u64,
        acks: Acks,
        mark: Option<ProducerMark>,
    },
    Consume {
        consumer: usize,
        partition: PartitionId,
        from: u64,
    },
    /// An operator drops old records.
    DeleteRecords {
        partition: PartitionId,
    },
}

/// A follower's fetch of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchRequest {
    pub(crate) from: BrokerId,
    pub(crate) life: u64,
    pub(crate) broker_epoch: BrokerEpoch,
    /// Which replica asks: another one in each role, and after it was away.
    pub(crate) replica: u64,
    pub(crate) partition: PartitionId,
    pub(crate) fetch: FetchFrom,
}

/// The leader's answer.
#[derive(Debug, Clone)]
pub(crate) struct FetchResponse {
    pub(crate) partition: PartitionId,
    pub(crate) token: FetchToken,
    pub(crate) high_watermark: HighWatermark,
    pub(crate) log_start: LogStartOffset,
    pub(crate) served: Served,
}

/// What a fetch was answered with.
#[derive(Debug, Clone)]
pub(crate) enum Served {
    /// With their offsets.
    Records(Vec<(u64, Entry)>),
    Diverging {
        epoch: LeaderEpoch,
        end: Offset,
    },
    OutOfRange,
    Refused,
}

/// A timer of a broker's process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    Tick,
    Beat,
    FetchAgain(PartitionId),
    SyncDone(PartitionId),
    /// A proposal that nobody has answered.
    Unanswered(PartitionId, PartitionEpoch, u64),
    /// A process that is to stop asks whether it may.
    Stop,
}

/// What a broker asks the controller.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Beat {
        epoch: Option<BrokerEpoch>,
        applied: u64,
        life: u64,
    },
    Register(BrokerRegistration),
    /// With the number of the call, to tell its answer by.
    Command(Command, u64),
}

/// The end of a fault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Undo {
    Start(BrokerId),
    Resume(BrokerId),
    Connect(BrokerId, BrokerId),
    Rejoin(BrokerId),
    ReachController(BrokerId),
    ControllerBack,
    DiskFreed(BrokerId),
    DiskFast(BrokerId),
    /// A reassignment is called off.
    Reassigned,
    /// Or is undone by another one.
    Moved,
}

/// A client's turn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    Produce(usize),
    ProduceTimeout(usize, u64),
    Consume(usize),
}
