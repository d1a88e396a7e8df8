//! Kinds of `topic`.

use super::config::CONFIG_ROW;
use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

const TOPIC_NAME: Field = text("topic", "TOPIC", "name of the topic");
const TOPIC_ID: Field = text("id", "ID", "topic id as Kafka's tools print it");
const PARTITIONS: Field = int("partition_count", "PARTITIONS", "number of partitions");
const RF: Field = int("replication_factor", "RF", "copies of each partition");

pub(crate) const TOPIC_LIST: Schema = Schema {
    kind: "TopicList",
    doc: "Topics and how they are.",
    layout: Layout::Rows,
    key: &["topic"],
    fields: &[
        TOPIC_NAME,
        PARTITIONS,
        RF,
        int("min_insync_replicas", "MIN-ISR", "min.insync.replicas in force").nullable(),
        text(
            "health",
            "HEALTH",
            "worst state of any partition: ok, under_replicated, at_min_isr, under_min_isr, offline",
        ),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of all replicas").nullable().wide(),
        int("offset_span", "OFFSETS", "sum of high watermark minus log start offset")
            .nullable()
            .wide(),
        Field::of(
            Type::Millis,
            "retention_ms",
            "RETENTION",
            "retention.ms in force; null = unlimited",
        )
        .nullable()
        .wide(),
        text("cleanup_policy", "CLEANUP", "cleanup.policy in force").wide(),
        int("leader_skew", "LEADER-SKEW", "most leaders on one broker minus fewest")
            .nullable()
            .wide(),
        int("override_count", "OVERRIDES", "configuration keys set on the topic").wide(),
        Field::of(Type::Bool, "protected", "PROTECTED", "deletion and purging are refused").wide(),
        Field::of(Type::Bool, "internal", "INTERNAL", "a topic of the cluster's own").named(),
        int(
            "under_replicated_count",
            "UNDER-REPLICATED",
            "partitions with a replica out of the ISR",
        )
        .named(),
        int(
            "at_min_isr_count",
            "AT-MIN-ISR",
            "partitions that stop accepting acks=all with one more loss",
        )
        .named(),
        int("under_min_isr_count", "UNDER-MIN-ISR", "partitions that refuse acks=all").named(),
        int("offline_count", "OFFLINE", "partitions without a leader").named(),
        TOPIC_ID.wide(),
        Field::of(Type::Time, "created_at", "CREATED", "when it was created").nullable().named(),
    ],
    summary: &[
        int("topic_count", "TOPICS", "topics in this document"),
        PARTITIONS,
        int("unhealthy_count", "UNHEALTHY", "topics whose health is not ok"),
    ],
};

const PARTITION: &[Field] = &[
    int("partition", "P", "index of the partition"),
    int("leader", "LEADER", "broker that leads").nullable(),
    int("preferred_leader", "PREFERRED", "first of the replicas").nullable(),
    int("leader_epoch", "EPOCH", "how often leadership was settled"),
    int("partition_epoch", "PARTITION-EPOCH", "how often ISR or replicas changed").wide(),
    Field::of(Type::Ints, "replicas", "REPLICAS", "brokers that hold a copy"),
    Field::of(Type::Ints, "isr", "ISR", "in-sync replicas"),
    Field::of(Type::Ints, "elr", "ELR", "eligible leader replicas").wide(),
    Field::of(Type::Ints, "adding", "ADDING", "replicas being added").wide(),
    Field::of(Type::Ints, "removing", "REMOVING", "replicas being removed").wide(),
    int("log_start_offset", "START", "log start offset").nullable(),
    int("last_stable_offset", "LAST-STABLE", "last stable offset").nullable().wide(),
    int("high_watermark", "HW", "high watermark").nullable(),
    int("log_end_offset", "END", "log end offset of the leader").nullable(),
    Field::of(Type::Size, "size_bytes", "SIZE", "bytes of the leader's log").nullable(),
    text("state", "STATE", "ok, under_replicated, at_min_isr, under_min_isr, offline"),
    text("why", "WHY", "in words, when the state is not ok").nullable().wide(),
];

pub(crate) const TOPIC: Schema = Schema {
    kind: "Topic",
    doc: "Topics with their partitions and, on demand, configuration.",
    layout: Layout::Card,
    key: &["topic"],
    fields: &[
        TOPIC_NAME,
        TOPIC_ID,
        PARTITIONS,
        RF,
        int("min_insync_replicas", "MIN-ISR", "min.insync.replicas in force").nullable(),
        text("health", "HEALTH", "worst state of any partition"),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of all replicas").nullable(),
        Field::of(
            Type::Millis,
            "retention_ms",
            "RETENTION",
            "retention.ms in force; null = unlimited",
        )
        .nullable(),
        text("cleanup_policy", "CLEANUP", "cleanup.policy in force"),
        Field::of(Type::Bool, "internal", "INTERNAL", "a topic of the cluster's own"),
        Field::of(Type::Bool, "protected", "PROTECTED", "deletion and purging are refused"),
        text("protected_why", "PROTECTED-WHY", "the reason given").nullable(),
        Field::of(Type::Time, "created_at", "CREATED", "when it was created").nullable(),
        Field::of(Type::Rows(PARTITION), "partitions", "PARTITIONS", "its partitions"),
        Field::of(
            Type::Rows(CONFIG_ROW),
            "configs",
            "CONFIGS",
            "its configuration; empty unless --configs",
        ),
    ],
    summary: &[],
};

pub(crate) const TOPIC_CHANGE: Schema = Schema {
    kind: "TopicChange",
    doc: "Topics that were, or with --dry-run would be, created, deleted, restored, purged or protected.",
    layout: Layout::Rows,
    key: &["topic"],
    fields: &[
        TOPIC_NAME,
        TOPIC_ID.nullable(),
        PARTITIONS.nullable(),
        RF.nullable(),
        text(
            "status",
            "STATUS",
            "created, exists, absent, deleted, restored, purged, protected, unprotected, unchanged; would_... on a dry run",
        ),
        Field::of(Type::Time, "purge_at", "PURGE-AT", "until when a deleted topic can be restored")
            .nullable()
            .wide(),
    ],
    summary: &[
        int("changed_count", "CHANGED", "topics that changed, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const DELETED_TOPIC_LIST: Schema = Schema {
    kind: "DeletedTopicList",
    doc: "Topics that are deleted and can be restored.",
    layout: Layout::Rows,
    key: &["topic", "id"],
    fields: &[
        TOPIC_NAME,
        TOPIC_ID,
        PARTITIONS,
        RF,
        Field::of(Type::Time, "deleted_at", "DELETED", "when it was deleted"),
        Field::of(Type::Time, "purge_at", "PURGE-AT", "until when it can be restored").nullable(),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes that come free").nullable(),
        text("reason", "REASON", "why, in the operator's words").nullable().wide(),
    ],
    summary: &[int("topic_count", "TOPICS", "topics in this document")],
};

pub(crate) const TOPIC_ALTERATION: Schema = Schema {
    kind: "TopicAlteration",
    doc: "What changed, or with --dry-run would change, on topics.",
    layout: Layout::Rows,
    key: &["topic", "key"],
    fields: &[
        TOPIC_NAME,
        text("key", "KEY", "configuration key, or partitions"),
        text("old", "OLD", "value before").nullable(),
        text("new", "NEW", "value after").nullable(),
        text("status", "STATUS", "changed or would_change"),
    ],
    summary: &[
        int("changed_count", "CHANGED", "values that changed, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const TOPIC_COMPACTION: Schema = Schema {
    kind: "TopicCompaction",
    doc: "Replicas that compact their logs, or with --dry-run would.",
    layout: Layout::Rows,
    key: &["topic", "partition", "broker"],
    fields: &[
        TOPIC_NAME,
        int("partition", "P", "index of the partition"),
        int("broker", "BROKER", "broker that holds the replica"),
        Field::of(Type::Bool, "leads", "LEADS", "it is the leader's replica").wide(),
        Field::of(
            Type::Size,
            "dirty_bytes",
            "DIRTY",
            "bytes that may be compacted now and were not; the active segment never counts",
        ),
        Field::of(
            Type::Rate,
            "dirty_ratio",
            "RATIO",
            "their part of what would be read, from 0 to 1; compared with min.cleanable.dirty.ratio",
        ),
        int("cleaned_offset", "CLEANED", "below it all was compacted"),
        int("cleanable_offset", "CLEANABLE", "up to here it may be compacted now").wide(),
        Field::of(Type::Time, "last_compacted_at", "LAST", "when the last pass ended").nullable(),
        text(
            "status",
            "STATUS",
            "clean, would_compact, queued, running, compacted, failed; dirty: nobody has asked",
        ),
        text("why", "WHY", "why it failed").nullable().wide(),
    ],
    summary: &[
        int("changed_count", "CHANGED", "replicas that compact, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const TOPIC_OFFSETS: Schema = Schema {
    kind: "TopicOffsets",
    doc: "Offsets at a position, partition by partition.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC_NAME,
        int("partition", "P", "index of the partition"),
        int("offset", "OFFSET", "the offset; null = no record is there").nullable(),
        Field::of(Type::Time, "timestamp", "TIME", "timestamp of the record found by time")
            .nullable(),
        int("leader_epoch", "EPOCH", "leader epoch of that record").nullable().wide(),
    ],
    summary: &[],
};

pub(crate) const TOPIC_WAIT: Schema = Schema {
    kind: "TopicWait",
    doc: "Whether topics reached a condition.",
    layout: Layout::Rows,
    key: &["topic"],
    fields: &[
        TOPIC_NAME,
        text("condition", "FOR", "what was waited for"),
        Field::of(Type::Bool, "met", "MET", "whether it came true"),
        text("why", "WHY", "what is missing").nullable(),
    ],
    summary: &[Field::of(Type::Millis, "waited_ms", "WAITED", "how long")],
};
