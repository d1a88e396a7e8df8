//! Topics of the wire as rows of our kinds.

use kq_proto::admin::v1;

use crate::commands::shared::{health_cell, id_text, millis_cell, size_cell, time_cell};
use crate::output::{Cell, Row, row};

pub(super) fn list_row(topic: &v1::TopicSummary) -> Row {
    row! {
        topic: &topic.name,
        partition_count: topic.partition_count,
        replication_factor: topic.replication_factor,
        min_insync_replicas: topic.min_insync_replicas,
        health: health_cell(topic.health),
        size_bytes: size_cell(topic.size_bytes),
        offset_span: topic.offset_span,
        retention_ms: millis_cell(topic.retention_ms),
        cleanup_policy: &topic.cleanup_policy,
        leader_skew: topic.leader_skew,
        override_count: topic.override_count,
        protected: topic.protection.is_some(),
        internal: topic.internal,
        under_replicated_count: topic.under_replicated_count,
        at_min_isr_count: topic.at_min_isr_count,
        under_min_isr_count: topic.under_min_isr_count,
        offline_count: topic.offline_count,
        id: id_text(&topic.id),
        created_at: time_cell(topic.created_at_ms),
    }
}

pub(super) fn describe_row(topic: &v1::TopicDescription) -> Row {
    let summary = topic.summary.clone().unwrap_or_default();
    let why = summary.protection.as_ref().map(|it| Cell::text_or_null(it.reason.as_str()));
    row! {
        topic: &summary.name,
        id: id_text(&summary.id),
        partition_count: summary.partition_count,
        replication_factor: summary.replication_factor,
        min_insync_replicas: summary.min_insync_replicas,
        health: health_cell(summary.health),
        size_bytes: size_cell(summary.size_bytes),
        retention_ms: millis_cell(summary.retention_ms),
        cleanup_policy: summary.cleanup_policy,
        internal: summary.internal,
        protected: summary.protection.is_some(),
        protected_why: why.unwrap_or(Cell::Null),
        created_at: time_cell(summary.created_at_ms),
        partitions: topic.partitions.iter().map(partition_row).collect::<Vec<_>>(),
        configs: topic.configs.iter().map(config_row).collect::<Vec<_>>(),
    }
}

fn partition_row(partition: &v1::PartitionDescription) -> Row {
    row! {
        partition: partition.index,
        leader: partition.leader,
        preferred_leader: partition.preferred_leader,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        replicas: &partition.replicas,
        isr: &partition.isr,
        elr: &partition.elr,
        adding: &partition.adding,
        removing: &partition.removing,
        log_start_offset: partition.log_start_offset,
        last_stable_offset: partition.last_stable_offset,
        high_watermark: partition.high_watermark,
        log_end_offset: partition.log_end_offset,
        size_bytes: size_cell(partition.size_bytes),
        state: health_cell(partition.health),
        why: Cell::text_or_null(partition.why.as_str()),
    }
}

fn config_row(entry: &v1::ConfigEntry) -> Row {
    row! {
        key: &entry.key,
        value: entry.value.clone(),
        source: crate::commands::config::source_word(entry.source),
        default: entry.default_value.clone(),
    }
}

/// A row of `TopicChange`.
pub(super) struct Change<'a> {
    pub(super) name: &'a str,
    pub(super) id: Option<&'a [u8]>,
    pub(super) partition_count: Option<u32>,
    pub(super) replication_factor: Option<u32>,
    pub(super) status: String,
    pub(super) purge_at_ms: Option<i64>,
}

impl Change<'_> {
    pub(super) fn row(self) -> Row {
        row! {
            topic: self.name,
            id: self.id.map(id_text),
            partition_count: self.partition_count,
            replication_factor: self.replication_factor,
            status: self.status,
            purge_at: time_cell(self.purge_at_ms),
        }
    }
}

pub(super) fn deleted_row(topic: &v1::DeletedTopic) -> Row {
    row! {
        topic: &topic.name,
        id: id_text(&topic.id),
        partition_count: topic.partition_count,
        replication_factor: topic.replication_factor,
        deleted_at: Cell::Time(topic.deleted_at_ms),
        purge_at: time_cell(topic.purge_at_ms),
        size_bytes: size_cell(topic.size_bytes),
        reason: Cell::text_or_null(topic.reason.as_str()),
    }
}

/// A row of `TopicChange` for a topic that is deleted.
pub(super) fn deleted_change(topic: &v1::DeletedTopic, status: String) -> Row {
    Change {
        name: &topic.name,
        id: Some(&topic.id),
        partition_count: Some(topic.partition_count),
        replication_factor: Some(topic.replication_factor),
        status,
        purge_at_ms: topic.purge_at_ms,
    }
    .row()
}
