//! Kinds of `record` and `log`.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

const TOPIC: Field = text("topic", "TOPIC", "name of the topic");
const PARTITION: Field = int("partition", "P", "index of the partition");

pub(crate) const RECORD_LIST: Schema = Schema {
    kind: "RecordList",
    doc: "Records.",
    layout: Layout::Rows,
    key: &["topic", "partition", "offset"],
    fields: &[
        TOPIC.nullable(),
        PARTITION.nullable(),
        int("offset", "OFFSET", "offset in the partition"),
        Field::of(Type::Time, "timestamp", "TIME", "when it was made or appended").nullable(),
        text("timestamp_type", "TIME-TYPE", "create_time or log_append_time").named(),
        text("key", "KEY", "the key; base64 if key_encoding says so").nullable(),
        text("key_encoding", "KEY-ENCODING", "utf8 or base64").named(),
        text("value", "VALUE", "the value; base64 if value_encoding says so").nullable(),
        text("value_encoding", "VALUE-ENCODING", "utf8 or base64").named(),
        Field::of(Type::Rows(HEADER), "headers", "HEADERS", "its headers, duplicates kept").named(),
        int("leader_epoch", "EPOCH", "epoch of the leader that appended it").nullable().wide(),
        int("producer_id", "PRODUCER", "of an idempotent producer").nullable().wide(),
        int("producer_epoch", "PRODUCER-EPOCH", "of an idempotent producer").nullable().wide(),
        int("sequence", "SEQUENCE", "of an idempotent producer").nullable().wide(),
        Field::of(Type::Bool, "transactional", "TXN", "part of a transaction").wide(),
        Field::of(Type::Bool, "control", "CONTROL", "a transaction marker").wide(),
        text("compression", "CODEC", "codec of its batch").wide(),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of the record, uncompressed").wide(),
    ],
    summary: &[int("record_count", "RECORDS", "records in this document")],
};

const HEADER: &[Field] = &[
    text("key", "KEY", "name of the header"),
    text("value", "VALUE", "its value").nullable(),
    text("value_encoding", "VALUE-ENCODING", "utf8 or base64"),
];

pub(crate) const PRODUCED: Schema = Schema {
    kind: "Produced",
    doc: "Records that were appended, summed up by partition.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        PARTITION,
        int("first_offset", "FIRST", "offset of the first; null with acks=0").nullable(),
        int("last_offset", "LAST", "offset of the last; null with acks=0").nullable(),
        int("record_count", "RECORDS", "how many"),
    ],
    summary: &[
        int("record_count", "RECORDS", "records appended"),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of keys and values"),
    ],
};

pub(crate) const RECORD_COUNT: Schema = Schema {
    kind: "RecordCount",
    doc: "How many records lie between two positions.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        PARTITION,
        int("from_offset", "FROM", "inclusive"),
        int("to_offset", "TO", "exclusive"),
        int("record_count", "RECORDS", "records between them"),
        Field::of(
            Type::Bool,
            "exact",
            "EXACT",
            "counted one by one; otherwise the distance of the offsets",
        ),
    ],
    summary: &[int("record_count", "RECORDS", "sum over partitions")],
};

pub(crate) const LOG_DUMP: Schema = Schema {
    kind: "LogDump",
    doc: "Batches of a log, read from its files.",
    layout: Layout::Rows,
    key: &["file", "position"],
    fields: &[
        text("file", "FILE", "segment file"),
        int("position", "POSITION", "byte position in it"),
        int("base_offset", "BASE", "first offset of the batch"),
        int("last_offset", "LAST", "last offset of the batch"),
        int("record_count", "RECORDS", "records in it"),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of the batch"),
        int("leader_epoch", "EPOCH", "leader epoch").nullable(),
        Field::of(Type::Time, "max_timestamp", "MAX-TIME", "greatest timestamp in it").nullable(),
        text("compression", "CODEC", "codec"),
        int("producer_id", "PRODUCER", "of an idempotent producer").nullable(),
        int("producer_epoch", "PRODUCER-EPOCH", "of an idempotent producer").nullable().wide(),
        int("base_sequence", "SEQUENCE", "first sequence number").nullable().wide(),
        Field::of(Type::Bool, "transactional", "TXN", "part of a transaction").wide(),
        Field::of(Type::Bool, "control", "CONTROL", "transaction markers").wide(),
        Field::of(Type::Bool, "valid", "VALID", "CRC and structure hold"),
        text("fault", "FAULT", "what is wrong with it").nullable(),
    ],
    summary: &[
        int("batch_count", "BATCHES", "batches read"),
        int("record_count", "RECORDS", "records in valid batches"),
        int("fault_count", "FAULTS", "faults found"),
    ],
};

pub(crate) const LOG_VERIFY: Schema = Schema {
    kind: "LogVerify",
    doc: "Files of a log and whether they are sound.",
    layout: Layout::Rows,
    key: &["file"],
    fields: &[
        text("file", "FILE", "path"),
        text(
            "file_type",
            "TYPE",
            "segment, offset_index, time_index, epochs, producer_snapshot, identity or recovery_point",
        ),
        Field::of(Type::Size, "size_bytes", "SIZE", "its length"),
        Field::of(Type::Bool, "sound", "SOUND", "no fault was found"),
        int("position", "POSITION", "where the first fault is").nullable(),
        text("fault", "FAULT", "the first fault").nullable(),
    ],
    summary: &[
        int("file_count", "FILES", "files read"),
        int("fault_count", "FAULTS", "files with a fault"),
    ],
};
