//! Kinds of `partition`, `quorum`, and of what waits.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

const fn ints(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Ints, name, header, doc)
}

const TOPIC: Field = text("topic", "TOPIC", "name of the topic");
const P: Field = int("partition", "P", "index of the partition");
const LEADER: Field = int("leader", "LEADER", "broker that leads").nullable();
const PREFERRED: Field = int("preferred_leader", "PREFERRED", "first of the replicas").nullable();
const LEADER_EPOCH: Field = int("leader_epoch", "EPOCH", "how often leadership was settled");
const PARTITION_EPOCH: Field =
    int("partition_epoch", "PARTITION-EPOCH", "how often ISR or replicas changed");
const MIN_ISR: Field = int("min_insync_replicas", "MIN-ISR", "min.insync.replicas in force");
const ISR: Field = ints("isr", "ISR", "in-sync replicas");
const ELR: Field = ints("elr", "ELR", "eligible leader replicas");
const ADDING: Field = ints("adding", "ADDING", "replicas being added");
const REMOVING: Field = ints("removing", "REMOVING", "replicas being removed");
const START: Field = int("log_start_offset", "START", "log start offset").nullable();
const HW: Field = int("high_watermark", "HW", "high watermark").nullable();
const END: Field = int("log_end_offset", "END", "log end offset of the leader").nullable();
const STATE: Field =
    text("state", "STATE", "ok, under_replicated, at_min_isr, under_min_isr, offline");
const BROKER: Field = int("broker", "BROKER", "broker id");
const RACK: Field = text("rack", "RACK", "where it stands").nullable();

pub(crate) const PARTITION_LIST: Schema = Schema {
    kind: "PartitionList",
    doc: "Partitions, where they are and how they are.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        P,
        LEADER,
        PREFERRED.wide(),
        ints("replicas", "REPLICAS", "brokers that hold a copy"),
        ISR,
        ELR.wide(),
        ADDING.wide(),
        REMOVING.wide(),
        MIN_ISR.wide(),
        LEADER_EPOCH.wide(),
        PARTITION_EPOCH.wide(),
        START.wide(),
        HW.wide(),
        END.wide(),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of the leader's log").nullable(),
        STATE,
        text("why", "WHY", "in words, when the state is not ok").nullable(),
    ],
    summary: &[
        int("partition_count", "PARTITIONS", "partitions in this document"),
        int("unhealthy_count", "UNHEALTHY", "partitions whose state is not ok"),
    ],
};

const REPLICA: &[Field] = &[
    BROKER,
    RACK,
    text("role", "ROLE", "leader, in_sync, eligible, out_of_sync or adding"),
    text("broker_state", "BROKER-STATE", "how the broker is").wide(),
    int("lag_records", "LAG-RECORDS", "records of the leader that it lacks").nullable(),
    Field::of(Type::Millis, "lag_ms", "LAG-MS", "how long ago it last held everything").nullable(),
    Field::of(Type::Time, "last_caught_up", "LAST-CAUGHT-UP", "when it last held everything")
        .nullable(),
    Field::of(Type::Bool, "removing", "REMOVING", "a reassignment takes it away").wide(),
    int("log_end_offset", "END", "below it, it holds everything").nullable().wide(),
    int("synced_end_offset", "SYNCED", "below it, everything is on its stable storage")
        .nullable()
        .wide(),
    Field::of(Type::Size, "size_bytes", "SIZE", "bytes of its log").nullable(),
    text("log_dir", "DIR", "the log directory that it lives in").nullable().wide(),
];

const HISTORY: &[Field] = &[
    Field::of(Type::Time, "at", "TIME", "when it was committed"),
    text("event", "EVENT", "what kind of event"),
    text("message", "MESSAGE", "what happened"),
    text("reason", "REASON", "why").nullable(),
    int("sequence", "SEQUENCE", "number of the event").wide(),
];

pub(crate) const PARTITION: Schema = Schema {
    kind: "Partition",
    doc: "Partitions with each replica, why they stand as they do, and what has happened.",
    layout: Layout::Card,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        int("partition", "PARTITION", "index of the partition"),
        STATE,
        text("why", "WHY", "how it stands, and why, in words"),
        LEADER,
        PREFERRED,
        LEADER_EPOCH,
        PARTITION_EPOCH,
        MIN_ISR,
        ISR,
        ELR,
        ADDING,
        REMOVING,
        START,
        int("last_stable_offset", "LAST-STABLE", "last stable offset").nullable(),
        HW,
        END,
        Field::of(Type::Rows(REPLICA), "replicas", "REPLICAS", "its replicas, preferred first"),
        Field::of(Type::Rows(HISTORY), "history", "HISTORY", "what has happened, newest first"),
    ],
    summary: &[],
};

pub(crate) const QUORUM_STATUS: Schema = Schema {
    kind: "QuorumStatus",
    doc: "Who votes in the metadata quorum, who follows, and how far each is.",
    layout: Layout::Rows,
    key: &["broker"],
    fields: &[
        BROKER,
        text("role", "ROLE", "leader, voter, or learner, which follows without a vote"),
        Field::of(Type::Bool, "live", "LIVE", "registered and not fenced"),
        int("epoch", "EPOCH", "term of the quorum's leader"),
        int("end_index", "END", "last entry that it is known to hold").nullable(),
        int("lag", "LAG", "entries that it lacks").nullable(),
        Field::of(Type::Time, "last_contact", "LAST-CONTACT", "when the leader last heard of it")
            .nullable(),
        text("directory", "DIR", "id of its data directory").nullable().wide(),
    ],
    summary: &[
        int("leader", "LEADER", "broker that leads the quorum").nullable(),
        int("term", "TERM", "term of the quorum's leader"),
        int("last_index", "LAST", "last entry in the log of the broker that answers").nullable(),
        int("applied_index", "APPLIED", "last entry that it has applied").nullable(),
        int("snapshot_index", "SNAPSHOT", "last entry in its snapshot").nullable(),
        int("answered_by", "ANSWERED-BY", "broker that answers"),
    ],
};

pub(crate) const QUORUM_CHANGE: Schema = Schema {
    kind: "QuorumChange",
    doc: "What became of a member of the quorum, or with --dry-run would.",
    layout: Layout::Rows,
    key: &["broker"],
    fields: &[
        BROKER,
        text("status", "STATUS", "added, removed, leader, unchanged; would_be_... on a dry run"),
    ],
    summary: &[
        int("changed_count", "CHANGED", "members that changed, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const WAIT: Schema = Schema {
    kind: "Wait",
    doc: "Whether what was waited for came true.",
    layout: Layout::Rows,
    key: &["subject"],
    fields: &[
        text("subject", "SUBJECT", "orders/3, broker 2, plan 8c1f or cluster"),
        text("condition", "FOR", "what was waited for"),
        Field::of(Type::Bool, "met", "MET", "whether it came true"),
        text("why", "WHY", "what is missing").nullable(),
    ],
    summary: &[Field::of(Type::Millis, "waited_ms", "WAITED", "how long")],
};
