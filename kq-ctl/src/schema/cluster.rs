//! Kinds of `broker`, `cluster` and `events`.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

const ID: Field = int("id", "ID", "broker id");
const HOST: Field = text("host", "HOST", "host:port of its first listener");
const RACK: Field = text("rack", "RACK", "where it stands").nullable();
const STATE: Field = text("state", "STATE", "running, fenced, shutting_down, draining or starting");
const VERSION: Field = text("version", "VERSION", "version of its binary").nullable();
const LEADERS: Field = int("leader_count", "LEADERS", "partitions it leads");
const REPLICAS: Field = int("replica_count", "REPLICAS", "partitions it holds a copy of");
const SIZE: Field = Field::of(Type::Size, "size_bytes", "SIZE", "bytes of its logs").nullable();
const DISK: Field = int("disk_percent", "DISK%", "used share of its disks").nullable();
const UPTIME: Field =
    Field::of(Type::Millis, "uptime_ms", "UPTIME", "time since its start").nullable();
const EPOCH: Field = int("epoch", "EPOCH", "broker epoch");
const CONTROLLER: Field = Field::of(Type::Bool, "controller", "CONTROLLER", "its controller leads");
const LISTENERS: Field =
    Field::of(Type::Texts, "listeners", "LISTENERS", "name://host:port of each");

const CORDONED: Field =
    text("cordoned", "CORDONED", "why it is given no new replicas; null = it is").nullable();
const DECOMMISSION: Field =
    Field::of(Type::Bool, "decommission", "DECOMMISSION", "it is to leave for good");
const STATE_SINCE: Field =
    Field::of(Type::Time, "state_since", "STATE-SINCE", "since when it is in its state").nullable();
const STATE_REASON: Field =
    text("state_reason", "STATE-REASON", "why it is in its state").nullable();

pub(crate) const BROKER_CHANGE: Schema = Schema {
    kind: "BrokerChange",
    doc: "Brokers that were, or with --dry-run would be, changed.",
    layout: Layout::Rows,
    key: &["broker"],
    fields: &[
        int("broker", "BROKER", "broker id"),
        text(
            "status",
            "STATUS",
            "undrained, recommissioned, unregistered, unchanged; would_be_... on a dry run",
        ),
    ],
    summary: &[
        int("changed_count", "CHANGED", "brokers that changed, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const BROKER_LIST: Schema = Schema {
    kind: "BrokerList",
    doc: "Brokers and how they are.",
    layout: Layout::Rows,
    key: &["id"],
    fields: &[
        ID,
        HOST,
        RACK,
        STATE,
        VERSION,
        LEADERS,
        REPLICAS,
        SIZE,
        DISK,
        UPTIME,
        EPOCH.wide(),
        CONTROLLER.wide(),
        LISTENERS.wide(),
        CORDONED.wide(),
        DECOMMISSION.named(),
        STATE_SINCE.wide(),
        STATE_REASON.wide(),
    ],
    summary: &[
        int("broker_count", "BROKERS", "brokers in this document"),
        int("running_count", "RUNNING", "brokers that are alive and serving"),
    ],
};

const LOG_DIR: &[Field] = &[
    text("path", "PATH", "the directory"),
    Field::of(Type::Bool, "online", "ONLINE", "false after an I/O error"),
    int("replica_count", "REPLICAS", "logs in it"),
    Field::of(Type::Size, "used_bytes", "USED", "bytes of these logs"),
    Field::of(Type::Size, "free_bytes", "FREE", "free on its disk").nullable(),
    Field::of(Type::Size, "total_bytes", "TOTAL", "size of its disk").nullable(),
    text("error", "ERROR", "why it is offline").nullable(),
];

pub(crate) const BROKER: Schema = Schema {
    kind: "Broker",
    doc: "Brokers with their log directories.",
    layout: Layout::Card,
    key: &["id"],
    fields: &[
        ID,
        HOST,
        RACK,
        STATE,
        VERSION,
        LEADERS,
        REPLICAS,
        SIZE,
        DISK,
        UPTIME,
        EPOCH,
        CONTROLLER,
        LISTENERS,
        CORDONED,
        DECOMMISSION,
        STATE_SINCE,
        STATE_REASON,
        Field::of(Type::Rows(LOG_DIR), "log_dirs", "LOG-DIRS", "its log directories"),
    ],
    summary: &[],
};

pub(crate) const CLUSTER: Schema = Schema {
    kind: "Cluster",
    doc: "Who and what the cluster is.",
    layout: Layout::Card,
    key: &["cluster_id"],
    fields: &[
        text("cluster_id", "CLUSTER-ID", "drawn when the cluster was made"),
        int("controller", "CONTROLLER", "broker whose controller leads").nullable(),
        Field::of(Type::Ints, "voters", "VOTERS", "voters of the metadata quorum"),
        int(
            "metadata_index",
            "METADATA-INDEX",
            "last metadata record applied by the broker that answers",
        ),
        int("metadata_committed_index", "METADATA-COMMITTED", "last committed metadata record"),
        int("answered_by", "ANSWERED-BY", "broker that answers"),
        text("version", "VERSION", "version of its binary"),
        int("broker_count", "BROKERS", "registered brokers"),
        int("topic_count", "TOPICS", "topics"),
        int("partition_count", "PARTITIONS", "partitions"),
        Field::of(Type::Rows(FEATURE), "features", "FEATURES", "features and their levels"),
    ],
    summary: &[],
};

const FEATURE: &[Field] = &[
    text("feature", "FEATURE", "name of the feature"),
    int("level", "LEVEL", "level in force"),
    int("level_min", "MIN", "lowest level this version knows"),
    int("level_max", "MAX", "highest level this version knows"),
];

pub(crate) const CLUSTER_STATUS: Schema = Schema {
    kind: "ClusterStatus",
    doc: "The cluster in one block.",
    layout: Layout::Card,
    key: &["cluster_id"],
    fields: &[
        text("cluster_id", "CLUSTER-ID", "drawn when the cluster was made"),
        Field::of(Type::Bool, "healthy", "HEALTHY", "no reason of severity warn or error"),
        int("controller", "CONTROLLER", "broker whose controller leads").nullable(),
        int("broker_count", "BROKERS", "registered brokers"),
        int("broker_running_count", "BROKERS-RUNNING", "brokers that are alive and serving"),
        int("topic_count", "TOPICS", "topics"),
        int("deleted_topic_count", "TOPICS-DELETED", "topics that can be restored"),
        int("partition_count", "PARTITIONS", "partitions"),
        int(
            "under_replicated_count",
            "UNDER-REPLICATED",
            "partitions with a replica out of the ISR",
        ),
        int(
            "at_min_isr_count",
            "AT-MIN-ISR",
            "partitions that stop accepting acks=all with one more loss",
        ),
        int("under_min_isr_count", "UNDER-MIN-ISR", "partitions that refuse acks=all"),
        int("offline_count", "OFFLINE", "partitions without a leader"),
        int("not_preferred_count", "NOT-PREFERRED", "partitions not led by the preferred leader"),
        SIZE,
        Field::of(Type::Rows(REASON), "reasons", "REASONS", "what is wrong"),
    ],
    summary: &[],
};

const REASON: &[Field] = &[
    text("check", "CHECK", "id of the check"),
    text("severity", "SEVERITY", "info, warn or error"),
    text("subject", "SUBJECT", "what it is about"),
    Field::of(Type::Time, "since", "SINCE", "since when").nullable(),
    text("what", "WHAT", "what is wrong and what shows it"),
    text("fix", "FIX", "a command that helps").nullable(),
];

pub(crate) const CLUSTER_HEALTH: Schema = Schema {
    kind: "ClusterHealth",
    doc: "Why the cluster is not well: no rows if it is.",
    layout: Layout::Rows,
    key: &["check", "subject"],
    fields: REASON,
    summary: &[
        Field::of(Type::Bool, "healthy", "HEALTHY", "no reason of severity warn or error"),
        int("omitted_count", "OMITTED", "reasons left out"),
    ],
};

pub(crate) const RESTART_CHECK: Schema = Schema {
    kind: "RestartCheck",
    doc: "What would happen if a broker were restarted now: no rows if nothing would.",
    layout: Layout::Rows,
    key: &["topic", "partition", "risk"],
    fields: &[
        text("topic", "TOPIC", "name of the topic; null for the whole cluster").nullable(),
        int("partition", "P", "index of the partition").nullable(),
        text("risk", "RISK", "no_quorum, one_replica, offline, under_min_isr or acks_one_loss"),
        text("why", "WHY", "the cause"),
        text("until", "UNTIL", "what has to come true before it is safe"),
    ],
    summary: &[
        Field::of(Type::Bool, "safe", "SAFE", "nothing speaks against a restart"),
        int("risk_count", "RISKS", "what speaks against it"),
        int("leader_count", "LEADERS", "partitions that it leads"),
        int("replica_count", "REPLICAS", "partitions it holds a copy of"),
    ],
};

pub(crate) const CLUSTER_ROLL: Schema = Schema {
    kind: "ClusterRoll",
    doc: "The order in which brokers can be restarted, and whether each can be now.",
    layout: Layout::Rows,
    key: &["broker"],
    fields: &[
        int("step", "STEP", "place in the order"),
        int("broker", "BROKER", "broker id"),
        RACK,
        CONTROLLER,
        LEADERS,
        Field::of(Type::Bool, "safe", "SAFE", "it can be restarted now"),
        int("risk_count", "RISKS", "what speaks against it"),
        text("why", "WHY", "the first of them").nullable(),
        text("before", "BEFORE", "command that waits until it can be restarted").named(),
        text("after", "AFTER", "command that waits until the next one can follow").named(),
    ],
    summary: &[
        int("broker_count", "BROKERS", "brokers in this document"),
        int("unsafe_count", "UNSAFE", "brokers that cannot be restarted now"),
    ],
};

pub(crate) const DOCTOR: Schema = Schema {
    kind: "ClusterDoctor",
    doc: "What is wrong, what will be, and what costs without need.",
    layout: Layout::Rows,
    key: &["check", "subject"],
    fields: &[
        text("check", "ID", "id of the check"),
        text("severity", "SEVERITY", "info, warn or error"),
        text("subject", "SUBJECT", "what it is about"),
        text("what", "WHAT", "what is wrong"),
        text("evidence", "EVIDENCE", "what shows it").nullable(),
        text("fix", "FIX", "a command that helps").nullable(),
        Field::of(Type::Bool, "safe", "SAFE", "whether --fix safe does it").named(),
    ],
    summary: &[
        int("finding_count", "FINDINGS", "findings in this document"),
        int("omitted_count", "OMITTED", "findings left out"),
        Field::of(Type::Texts, "checks", "CHECKS", "ids of the checks that were made"),
    ],
};

pub(crate) const DOCTOR_FIX: Schema = Schema {
    kind: "ClusterDoctorFix",
    doc: "What --fix safe did, or would do, and what is left.",
    layout: Layout::Rows,
    key: &["check", "subject"],
    fields: &[
        text("check", "ID", "id of the check"),
        text("severity", "SEVERITY", "info, warn or error"),
        text("subject", "SUBJECT", "what it is about"),
        text("what", "WHAT", "what is wrong"),
        text("evidence", "EVIDENCE", "what shows it").nullable().wide(),
        text(
            "status",
            "STATUS",
            "done, handing_over, would_be_done, unchanged, failed; left: not safe to do unasked",
        ),
        text("fix", "FIX", "a command that helps").nullable(),
        Field::of(Type::Texts, "undo", "UNDO", "commands that take it back").wide(),
    ],
    summary: &[
        int("left_count", "LEFT", "findings in this document that are left"),
        int("omitted_count", "OMITTED", "findings left out"),
        Field::of(Type::Texts, "checks", "CHECKS", "ids of the checks that were made"),
        int("changed_count", "CHANGED", "findings that something was done about, or would be"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "true if nothing was done"),
    ],
};

const LOG_DIR_BROKER: Field = int("broker", "BROKER", "broker id");

pub(crate) const LOG_DIRS: Schema = Schema {
    kind: "LogDirs",
    doc: "Log directories of brokers, one by one or summed up by broker.",
    layout: Layout::Rows,
    key: &["broker", "path"],
    fields: &[
        LOG_DIR_BROKER,
        text("path", "PATH", "the directory; null when summed up").nullable(),
        Field::of(Type::Bool, "online", "ONLINE", "false after an I/O error"),
        int("replica_count", "REPLICAS", "logs in it"),
        Field::of(Type::Size, "used_bytes", "USED", "bytes of these logs"),
        Field::of(Type::Size, "free_bytes", "FREE", "free on its disk").nullable(),
        Field::of(Type::Size, "total_bytes", "TOTAL", "size of its disk").nullable(),
        text("error", "ERROR", "why it is offline").nullable(),
    ],
    summary: LOG_DIR_SUMS,
};

const LOG_DIR_SUMS: &[Field] = &[
    Field::of(Type::Size, "used_bytes", "USED", "bytes of all logs in this document"),
    int("offline_count", "OFFLINE", "directories that are offline"),
];

pub(crate) const LOG_DIR_TOPICS: Schema = Schema {
    kind: "LogDirTopics",
    doc: "What each topic takes on each broker.",
    layout: Layout::Rows,
    key: &["topic", "broker"],
    fields: &[
        text("topic", "TOPIC", "name of the topic"),
        LOG_DIR_BROKER,
        int("replica_count", "REPLICAS", "logs of it"),
        int("segment_count", "SEGMENTS", "segments of these logs"),
        Field::of(Type::Size, "size_bytes", "SIZE", "bytes of these logs"),
    ],
    summary: LOG_DIR_SUMS,
};

pub(crate) const EVENT_LIST: Schema = Schema {
    kind: "EventList",
    doc: "The committed history of the cluster.",
    layout: Layout::Rows,
    key: &["sequence", "part"],
    fields: &[
        int("sequence", "SEQUENCE", "index of the metadata record"),
        int("part", "PART", "tells events of one record apart").named(),
        Field::of(Type::Time, "at", "TIME", "when it was committed"),
        text("event", "EVENT", "what kind of event"),
        text("subject", "SUBJECT", "what it happened to"),
        text("message", "MESSAGE", "what happened"),
        text("reason", "REASON", "why").nullable(),
        text("principal", "PRINCIPAL", "who asked for it").nullable().wide(),
        Field::of(Type::Pairs, "attributes", "ATTRIBUTES", "figures for machines").named(),
    ],
    summary: &[Field::of(
        Type::Bool,
        "older_left_out",
        "OLDER-LEFT-OUT",
        "older events that fit are kept, and not listed",
    )],
};
