//! `kq-ctl partition ...`

mod assignment_file;
pub(crate) mod describe;
pub(crate) mod list;
pub(crate) mod reassign;
pub(crate) mod recover;
pub(crate) mod wait;

use kq_proto::admin::v1;

use super::verbs;
use crate::commands::shared::{health_cell, size_cell};
use crate::output::{Cell, Row, row};

verbs! {
    /// List partitions, where they are and how they are
    List(list) = "list",
    /// Describe partitions: each replica, why it stands so, what has happened
    Describe(describe) = "describe",
    /// Move replicas by a plan that says beforehand what it costs and what speaks against it
    Reassign(reassign) = "reassign",
    /// Let a replica lead that may lack records, when no other is left: the last resort
    Recover(recover) = "recover",
    /// Wait until partitions are as they should be
    Wait(wait) = "wait",
}

/// A row of `PartitionList`.
pub(super) fn list_row(row: &v1::PartitionRow) -> Row {
    let it = row.partition.clone().unwrap_or_default();
    row! {
        topic: &row.topic,
        partition: it.index,
        leader: it.leader,
        preferred_leader: it.preferred_leader,
        replicas: &it.replicas,
        isr: &it.isr,
        elr: &it.elr,
        adding: &it.adding,
        removing: &it.removing,
        min_insync_replicas: row.min_insync_replicas,
        leader_epoch: it.leader_epoch,
        partition_epoch: it.partition_epoch,
        log_start_offset: it.log_start_offset,
        high_watermark: it.high_watermark,
        log_end_offset: it.log_end_offset,
        size_bytes: size_cell(it.size_bytes),
        state: health_cell(it.health),
        why: Cell::text_or_null(it.why.as_str()),
    }
}
