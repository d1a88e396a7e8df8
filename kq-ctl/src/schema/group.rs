//! Kinds of `group`.

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

const fn millis(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Millis, name, header, doc)
}

pub(super) const GROUP_NAME: Field = text("group", "GROUP", "name of the group");
const TYPE: Field = text("type", "TYPE", "classic, consumer (KIP-848), share, streams");
pub(super) const STATE: Field = text(
    "state",
    "STATE",
    "empty, preparing_rebalance, completing_rebalance, stable, assigning, reconciling, dead",
);
const CLASS: Field = text(
    "class",
    "CLASS",
    "ok, new, draining, no_commits, rewound, lagging, stalled, stopped, leaderless, partial, \
     unknown",
)
.nullable();
const MEMBERS: Field = int("member_count", "MEMBERS", "members it has");
const LAG: Field =
    int("lag", "LAG", "offsets between what is committed and the high watermark").nullable();
const LAG_IS_BOUND: Field =
    flag("lag_is_bound", "LAG-IS-BOUND", "there are fewer records than offsets, or may be").named();
const TIME_LAG: Field =
    millis("time_lag_ms", "TIME-LAG", "age of the oldest record that was not read").nullable();
const EXPIRED: Field =
    int("expired", "EXPIRED", "records that retention took before they were read");
const IN: Field =
    Field::of(Type::Rate, "produced_per_second", "IN", "records that come in a second").nullable();
const OUT: Field =
    Field::of(Type::Rate, "consumed_per_second", "OUT", "records that are committed a second")
        .nullable();
const CATCH_UP: Field =
    millis("catch_up_ms", "CATCH-UP", "when all is read if it goes on like this").nullable();
const NEVER: Field =
    flag("catch_up_never", "NEVER", "it does not catch up if it goes on like this").named();
const SINCE: Field = time("class_since", "SINCE", "since when it is of its class").nullable();
const WHY: Field = text("why", "WHY", "the evidence for the class").nullable();
const SLOWEST: Field =
    text("slowest", "SLOWEST", "the partition that catches up last, or is furthest behind")
        .nullable();
const PARTIAL: Field =
    int("partial_count", "PARTIAL", "partitions of which the lag is not known").nullable();

pub(crate) const GROUP_LIST: Schema = Schema {
    kind: "GroupList",
    doc: "Groups, where they stand and how far they are behind.",
    layout: Layout::Rows,
    key: &["group"],
    fields: &[
        GROUP_NAME,
        TYPE,
        STATE,
        CLASS,
        MEMBERS,
        int("topic_count", "TOPICS", "topics that it has committed, is subscribed to or assigned"),
        LAG,
        TIME_LAG,
        int("coordinator", "COORDINATOR", "broker that coordinates it").wide(),
        CATCH_UP.wide(),
        time("last_commit", "LAST-COMMIT", "when it last committed").nullable().wide(),
        text("protocol", "PROTOCOL", "assignment strategy").nullable().wide(),
        text("protocol_type", "PROTOCOL-TYPE", "consumer, connect, ..").nullable().named(),
        int("generation", "GENERATION", "generation, or group epoch (KIP-848)").nullable().named(),
        time("state_since", "STATE-SINCE", "since when it is in its state").nullable().named(),
        SINCE.named(),
        WHY.named(),
        SLOWEST.named(),
        PARTIAL.named(),
        LAG_IS_BOUND.nullable(),
        EXPIRED.nullable().named(),
        IN.named(),
        OUT.named(),
        NEVER,
        int("windowless_count", "WINDOWLESS", "partitions whose commits are not watched").named(),
    ],
    summary: &[
        int("group_count", "GROUPS", "groups in this document"),
        LAG,
        int(
            "unhealthy_count",
            "UNHEALTHY",
            "groups that are lagging, stalled, stopped, rewound or partial",
        ),
    ],
};

/// What every kind that tells the lag of partitions has.
const TOPIC: Field = text("topic", "TOPIC", "name of the topic");
const PARTITION: Field = int("partition", "P", "index of the partition");

pub(crate) const GROUP: Schema = Schema {
    kind: "Group",
    doc: "Partitions of groups: what is read, what is there to read, who reads it.",
    layout: Layout::Rows,
    key: &["group", "topic", "partition"],
    fields: &[
        GROUP_NAME.wide(),
        TOPIC,
        PARTITION,
        int("committed", "COMMITTED", "the next offset to read").nullable(),
        int("end", "END", "high watermark").nullable(),
        LAG,
        TIME_LAG,
        CLASS,
        Field::of(Type::Rate, "consumed_per_second", "RATE", "records that are committed a second")
            .nullable(),
        CATCH_UP,
        text("member", "MEMBER", "who owns it").nullable(),
        int("start", "START", "log start offset").nullable().wide(),
        EXPIRED.wide(),
        int("unread_from", "UNREAD-FROM", "offset of the first record that was not read")
            .nullable()
            .wide(),
        IN.wide(),
        text("instance", "INSTANCE", "group.instance.id of its owner").nullable().wide(),
        text("host", "HOST", "where its owner connects from").nullable().wide(),
        time("committed_at", "COMMITTED-AT", "when that was committed").nullable().wide(),
        WHY.wide(),
        text("topic_id", "TOPIC-ID", "id of the topic").nullable().named(),
        int("leader_epoch", "EPOCH", "leader epoch of the last record read").nullable().named(),
        text("metadata", "METADATA", "the client's note").nullable().named(),
        int("last_stable", "LAST-STABLE", "last stable offset").nullable().named(),
        LAG_IS_BOUND,
        time("unread_at", "UNREAD-AT", "time of the first record that was not read")
            .nullable()
            .named(),
        text("trend", "TREND", "rising, level, falling").nullable().named(),
        SINCE.named(),
        NEVER,
        flag("topic_deleted", "TOPIC-DELETED", "the topic is gone").named(),
        millis("age_ms", "AGE", "how old START and END are").nullable().named(),
    ],
    summary: &[Field::of(
        Type::Rows(GROUP_LIST.fields),
        "groups",
        "GROUPS",
        "the groups as in GroupList",
    )],
};

pub(crate) const GROUP_LAG: Schema = Schema {
    kind: "GroupLag",
    doc: "How far groups are behind, and why.",
    layout: Layout::Rows,
    key: &["group"],
    fields: &[
        GROUP_NAME,
        CLASS,
        LAG,
        TIME_LAG,
        IN,
        OUT,
        CATCH_UP,
        SLOWEST,
        WHY,
        EXPIRED.wide(),
        PARTIAL.wide(),
        SINCE.wide(),
        LAG_IS_BOUND,
        NEVER,
        flag("over", "OVER", "over the bound of --over, or not known").nullable().named(),
    ],
    summary: &[int("over_count", "OVER", "groups over the bound")],
};

pub(crate) const TOPIC_LAG: Schema = Schema {
    kind: "TopicLag",
    doc: "The groups that read a topic, and how far they are behind.",
    layout: Layout::Rows,
    key: &["topic", "group"],
    fields: &[
        TOPIC.wide(),
        GROUP_NAME,
        int("partition_count", "P-COUNT", "partitions of the topic that it has committed or owns"),
        CLASS,
        LAG,
        TIME_LAG,
        CATCH_UP,
        SLOWEST,
        PARTIAL.named(),
        LAG_IS_BOUND,
        NEVER,
    ],
    summary: &[int("group_count", "GROUPS", "groups that read them")],
};

const MEMBER: Field = text("member", "MEMBER", "id that the coordinator gave it");
const INSTANCE: Field =
    text("instance", "INSTANCE", "group.instance.id of a static member").nullable();
const HOST: Field = text("host", "HOST", "where it connects from");
const PARTITIONS: Field = int("partition_count", "PARTITIONS", "partitions that it owns");
const ASSIGNED: Field =
    Field::of(Type::Texts, "assigned", "ASSIGNED", "partitions that it owns, as orders/0");

pub(crate) const GROUP_MEMBERS: Schema = Schema {
    kind: "GroupMembers",
    doc: "Members of groups.",
    layout: Layout::Rows,
    key: &["group", "member"],
    fields: &[
        GROUP_NAME.named(),
        MEMBER,
        INSTANCE,
        text("client_id", "CLIENT", "client.id"),
        HOST,
        PARTITIONS,
        millis("last_heard_ms", "LAST-HEARD", "how long ago it was last heard of"),
        int("epoch", "EPOCH", "its member epoch (KIP-848); -2: it is static and away")
            .nullable()
            .wide(),
        int("revoking_count", "TO-REVOKE", "partitions that it is to give up (KIP-848)").named(),
        millis("session_timeout_ms", "SESSION", "how long it may be silent").wide(),
        flag("leads", "LEADS", "it computes the assignment").wide(),
        Field::of(Type::Texts, "subscribed", "SUBSCRIBED", "topics that it names, or its pattern")
            .wide(),
        text("rack", "RACK", "client.rack").nullable().wide(),
        ASSIGNED.wide(),
        Field::of(Type::Texts, "revoking", "REVOKING", "partitions that it is to give up").named(),
        text("regex", "REGEX", "pattern of topics that it subscribes to").nullable().named(),
        millis("rebalance_timeout_ms", "REBALANCE-TIMEOUT", "how long others wait for it").named(),
        flag("joining", "JOINING", "it waits for the next generation").named(),
    ],
    summary: &[int("member_count", "MEMBERS", "members in this document")],
};

const CHANGED: &[Field] = &[
    int("changed_count", "CHANGED", "how many changed, or would"),
    flag("dry_run", "DRY-RUN", "nothing was done"),
];

pub(crate) const GROUP_MEMBER_CHANGE: Schema = Schema {
    kind: "GroupMemberChange",
    doc: "Members that were, or with --dry-run would be, put out of a group.",
    layout: Layout::Rows,
    key: &["group", "member"],
    fields: &[
        GROUP_NAME.named(),
        MEMBER,
        INSTANCE,
        HOST,
        PARTITIONS,
        text("status", "STATUS", "removed; would_be_removed on a dry run"),
        millis("last_heard_ms", "LAST-HEARD", "how long ago it was last heard of").wide(),
        ASSIGNED.wide(),
    ],
    summary: CHANGED,
};

pub(crate) const GROUP_CHANGE: Schema = Schema {
    kind: "GroupChange",
    doc: "Groups that were, or with --dry-run would be, changed.",
    layout: Layout::Rows,
    key: &["group"],
    fields: &[
        GROUP_NAME,
        TYPE.nullable(),
        int("generation", "GENERATION", "generation, or group epoch (KIP-848), before")
            .nullable()
            .wide(),
        int("member_count", "MEMBERS", "members it has").nullable().wide(),
        int("offset_count", "OFFSETS", "committed offsets that went with it").nullable().wide(),
        text(
            "status",
            "STATUS",
            "deleted, absent, rebalancing, unchanged; would_be_... on a dry run",
        ),
        text("undo", "UNDO", "what brings the offsets back").nullable().wide(),
    ],
    summary: CHANGED,
};

pub(crate) const GROUP_WAIT: Schema = Schema {
    kind: "GroupWait",
    doc: "Whether groups reached a condition.",
    layout: Layout::Rows,
    key: &["group"],
    fields: &[
        GROUP_NAME,
        text("condition", "FOR", "what was waited for"),
        flag("met", "MET", "whether it came true"),
        text("why", "WHY", "what is missing").nullable(),
    ],
    summary: &[millis("waited_ms", "WAITED", "how long")],
};
