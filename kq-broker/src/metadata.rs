//! The cluster's truth as data: records that were committed, and the image that they add up to.
//!
//! ```text
//!   Change { time, reason, records }  --raft-->  MetadataImage::apply  -->  MetadataImage
//!                                                                             |      \
//!                                                          MetadataDelta (old, new)   snapshot
//! ```
//!
//! Pure: no clock, no disk. Every broker that has applied the same raft log up to the same index
//! holds the same image, down to the last bit of its snapshot.

mod apply;
mod before;
mod before_wire;
mod config_wire;
mod delta;
mod event;
mod history;
mod history_wire;
mod image;
#[cfg(test)]
mod image_test;
mod partition_wire;
mod past;
#[cfg(test)]
mod past_test;
mod plan;
mod plan_wire;
mod policy;
mod policy_wire;
mod record;
mod roster;
mod snapshot;
mod state_wire;
mod wire;

pub use apply::ApplyError;
pub use delta::{MetadataDelta, TopicDelta};
pub use event::{Detail, Event, EventKind, FewBrokers, Subject};
pub use history::{EVENTS_BYTES_MAX, EVENTS_MAX};
pub use image::{
    ConfigMap, MetadataImage, PartitionImage, Protection, SoftDeletion, TopicImage,
    is_internal_name,
};
pub use past::{Past, PastImage, Unled};
pub use plan::{
    HANDOVER_RETRY_MS, Lease, MoveImage, MoveState, PlanImage, PlanStart, PlanState, PlanStep,
    PlannedMove, Throttle,
};
pub use policy::{
    Freeze, LeaderPlace, LeaderPolicy, PolicyScope, UncleanPolicy, UncleanPolicyError,
};
pub use record::{
    BrokerRegistration, Change, ConfigResource, Endpoint, Loss, MetadataRecord, PartitionChange,
    TimestampMs, Utc, clip,
};
pub use roster::{BrokerImage, BrokerLoad, BrokerState, Cordon};
pub use snapshot::SnapshotError;
pub use wire::ChangeDecodeError;
