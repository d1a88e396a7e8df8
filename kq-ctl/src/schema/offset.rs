//! Kinds of `offset`, and of `translate`.

use super::group::{GROUP_NAME, STATE};
use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

const fn flag(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Bool, name, header, doc)
}

const fn time(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Time, name, header, doc)
}

const TOPIC: Field = text("topic", "TOPIC", "name of the topic");
const PARTITION: Field = int("partition", "P", "index of the partition");
const METADATA: Field = text("metadata", "METADATA", "the client's note").nullable();
const EPOCH: Field =
    int("leader_epoch", "EPOCH", "leader epoch of the last record read").nullable();

pub(crate) const OFFSETS: Schema = Schema {
    kind: "Offsets",
    doc: "Committed offsets of groups; 'offset reset --to file:F' reads this document.",
    layout: Layout::Rows,
    key: &["group", "topic", "partition"],
    fields: &[
        GROUP_NAME,
        TOPIC,
        PARTITION,
        int("committed", "COMMITTED", "the next offset to read").nullable(),
        time("committed_at", "TIME", "when that was committed").nullable(),
        int("start", "START", "log start offset").nullable(),
        int("end", "END", "high watermark").nullable(),
        int("lag", "LAG", "offsets between what is committed and the high watermark").nullable(),
        int("at", "AT", "offset at the position of --at").nullable().wide(),
        METADATA.wide(),
        EPOCH.wide(),
        text("member", "MEMBER", "who owns it").nullable().wide(),
        int("expired", "EXPIRED", "records that retention took before they were read").named(),
        flag("lag_is_bound", "LAG-IS-BOUND", "there are fewer records than offsets, or may be")
            .named(),
        flag("topic_deleted", "TOPIC-DELETED", "the topic is gone").named(),
    ],
    summary: &[],
};

const PLAN: Field = text("plan", "PLAN", "id of the plan").nullable();
const LIVE: Field = flag("live", "LIVE", "members are put out and come back");
const REREAD: Field = int("reread", "REREAD", "offsets that are read again");
const SKIP: Field = int("skip", "SKIP", "offsets that are not read");
const UNDO: Field = text("undo", "UNDO", "what 'offset undo' takes to take this back").nullable();
const UNDO_FILE: Field = text("undo_file", "UNDO-FILE", "the same as a file").nullable();
const EXPELLED: Field = int("expelled_count", "EXPELLED", "members that were put out").nullable();

/// What a plan has besides its rows.
const RESET_PLAN: &[Field] = &[
    PLAN,
    GROUP_NAME,
    text("cluster_id", "CLUSTER", "the cluster it was made for"),
    text("verb", "VERB", "reset, delete, undo"),
    STATE.nullable(),
    int("generation", "GENERATION", "generation, or group epoch (KIP-848)").nullable(),
    LIVE,
    time("planned_at", "AT", "when it was made"),
    int("coordinator", "COORDINATOR", "broker that coordinates the group"),
    text("after", "AFTER", "newest change of the group's offsets that the plan knows").nullable(),
    REREAD,
    SKIP,
    text("to", "TO", "the position as it was typed"),
    Field::of(Type::Texts, "members", "MEMBERS", "members that were at work"),
    Field::of(Type::Texts, "notes", "NOTES", "what is particular"),
    UNDO,
    UNDO_FILE,
    EXPELLED,
    flag("refused", "REFUSED", "it must not be applied"),
];

pub(crate) const OFFSET_RESET: Schema = Schema {
    kind: "OffsetReset",
    doc: "Offsets that are, or by a plan would be, set anew.",
    layout: Layout::Rows,
    key: &["group", "topic", "partition"],
    fields: &[
        GROUP_NAME.named(),
        TOPIC,
        PARTITION,
        int("from", "FROM", "offset that was committed").nullable(),
        int("to", "TO", "offset that is committed; null = the commit is taken away")
            .nullable()
            .wide(),
        REREAD.wide(),
        SKIP.wide(),
        time("to_time", "TO-TIME", "time of the record there").nullable().wide(),
        text("note", "NOTE", "what is particular").nullable().wide(),
        time("from_time", "FROM-TIME", "time of the record where it was").nullable().wide(),
        time("committed_at", "COMMITTED-AT", "when that was committed").nullable().wide(),
        text("status", "STATUS", "reset, deleted, unchanged; would_be_... before it is done")
            .wide(),
        text("topic_id", "TOPIC-ID", "id of the topic").nullable().named(),
        flag("is_bound", "IS-BOUND", "there are fewer records than offsets, or may be").named(),
        METADATA.named(),
        EPOCH.named(),
    ],
    summary: &[
        PLAN,
        GROUP_NAME.nullable(),
        STATE.nullable(),
        LIVE,
        REREAD,
        SKIP,
        time("oldest_from", "OLDEST-FROM", "the oldest time of a record where it was").nullable(),
        time("oldest_to", "OLDEST-TO", "the oldest time of a record where it is then").nullable(),
        EXPELLED,
        UNDO,
        UNDO_FILE,
        Field::of(Type::Rows(RESET_PLAN), "plans", "PLANS", "a plan for each group"),
        int("changed_count", "CHANGED", "offsets that changed, or would"),
        flag("dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const OFFSET_UNDO_LIST: Schema = Schema {
    kind: "OffsetUndoList",
    doc: "Changes of offsets that 'offset undo' can take back.",
    layout: Layout::Rows,
    key: &["id"],
    fields: &[
        text("id", "ID", "what 'offset undo' takes"),
        GROUP_NAME,
        text("verb", "VERB", "reset, delete, undo, group-delete"),
        time("at", "AT", "when it was done"),
        int("partition_count", "PARTITIONS", "offsets that were changed"),
        time("until", "UNTIL", "until when it is kept"),
        text("reason", "REASON", "as it was given").nullable(),
        LIVE.named(),
    ],
    summary: &[int("undo_count", "UNDOS", "changes in this document")],
};

pub(crate) const TRANSLATION: Schema = Schema {
    kind: "Translation",
    doc: "A command line of another tool as lines of kq-ctl.",
    layout: Layout::Rows,
    key: &["line"],
    fields: &[
        text("line", "LINE", "to be typed instead"),
        Field::of(Type::Texts, "notes", "NOTES", "what is different"),
    ],
    summary: &[],
};
