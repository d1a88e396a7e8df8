//! Kinds of `plan`, and of the verbs that make one.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

const fn size(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Size, name, header, doc)
}

const TOPIC: Field = text("topic", "TOPIC", "name of the topic");
const P: Field = int("partition", "P", "index of the partition");
const FROM: Field = Field::of(Type::Ints, "from", "FROM", "replicas before");
const TO: Field = Field::of(Type::Ints, "to", "TO", "replicas in the end");
const BYTES: Field = size("bytes", "BYTES", "bytes that are copied; null = unknown").nullable();
const ETA: Field =
    Field::of(Type::Millis, "eta_ms", "ETA", "how long that takes; null = unknown").nullable();

const PEAK: &[Field] = &[
    int("broker", "BROKER", "broker id"),
    size("lands_bytes", "LANDS", "bytes that land on it"),
    size("peak_bytes", "PEAK", "bytes taken at the peak").nullable(),
    size("total_bytes", "TOTAL", "size of its disks").nullable(),
    int("percent", "PERCENT", "the peak in percent").nullable(),
];

const MEASURED: &[Field] = &[
    int("broker", "BROKER", "broker that takes bytes in"),
    int("from", "FROM", "from this broker; null = onto its slowest log directory").nullable(),
    size("bytes_per_second", "RATE", "at most so much a second"),
    size("now_bytes_per_second", "NOW", "what its replicas take in now").nullable(),
    text("how", "HOW", "probe, or traffic that went through anyway"),
    size("measured_bytes", "BYTES", "found with so many bytes"),
    Field::of(Type::Millis, "age_ms", "AGE", "so long ago"),
];

const LEFT_OUT: &[Field] =
    &[text("item", "ITEM", "the partition"), text("why", "WHY", "why it is left out")];

const FINDING: &[Field] = &[
    text("subject", "SUBJECT", "what is at fault"),
    text("cause", "CAUSE", "why, with figures"),
    Field::of(Type::Bool, "breaks", "BREAKS", "the plan must not run by it"),
    Field::of(Type::Texts, "next", "NEXT", "commands that get on"),
];

const VERDICT: &[Field] = &[
    text("rule", "RULE", "KQ-S001 to KQ-S012"),
    text("guards", "GUARDS", "what it guards"),
    text("outcome", "OUTCOME", "pass, warn or break"),
    Field::of(Type::Bool, "overridden", "OVERRIDDEN", "it does not stop the plan"),
    Field::of(Type::Rows(FINDING), "findings", "FINDINGS", "what it found"),
];

pub(crate) const PLAN: Schema = Schema {
    kind: "Plan",
    doc: "A plan: its moves, and in the summary what they cost and what speaks against them.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        P,
        FROM,
        TO,
        int("leader", "LEADER", "broker that leads now").nullable(),
        BYTES,
        ETA,
        Field::of(Type::Texts, "rules", "RULES", "rules that it breaks or comes near to"),
        int("partition_epoch", "PARTITION-EPOCH", "the state that the plan saw").wide(),
        text("topic_id", "TOPIC-ID", "topic id as Kafka's tools print it").named(),
    ],
    summary: &[
        text("id", "ID", "its name"),
        text("verb", "VERB", "the verb that asked for it"),
        text("command", "COMMAND", "the command that asked for it").nullable(),
        text("cluster_id", "CLUSTER-ID", "the cluster it is for"),
        int("move_count", "MOVES", "its moves"),
        BYTES,
        int("unknown_size_count", "UNKNOWN", "moves whose bytes are unknown"),
        int("leader_move_count", "LEADER-MOVES", "partitions somebody else leads in the end"),
        ETA,
        text("bottleneck", "BOTTLENECK", "the broker that takes longest").nullable(),
        Field::of(Type::Rows(MEASURED), "rates", "RATES", "what links and disks can carry"),
        Field::of(Type::Rows(PEAK), "peaks", "PEAKS", "how full disks get"),
        Field::of(Type::Pairs, "spread_before", "SPREAD-BEFORE", "most minus least, in percent"),
        Field::of(Type::Pairs, "spread_after", "SPREAD-AFTER", "the same in the end"),
        text("throttle", "THROTTLE", "its rate: off, auto or 50MiB/s").nullable(),
        size("bytes_per_second", "RATE", "what the throttle comes to; null = no bound").nullable(),
        int("concurrency", "CONCURRENCY", "moves at a time that one broker may receive"),
        int("batch", "BATCH", "moves at a time"),
        int("disk_percent_max", "DISK-MAX", "how full a disk may get, in percent").nullable(),
        Field::of(Type::Texts, "overrides", "OVERRIDES", "rules that do not stop it"),
        int("cordons", "CORDONS", "broker that it empties").nullable(),
        Field::of(Type::Bool, "decommissions", "DECOMMISSIONS", "that broker leaves for good"),
        Field::of(Type::Rows(LEFT_OUT), "left_out", "LEFT-OUT", "moves that are not in it"),
        Field::of(Type::Rows(VERDICT), "verdicts", "VERDICTS", "what each rule says"),
        Field::of(Type::Bool, "refused", "REFUSED", "a rule forbids it"),
        text("refusal", "REFUSAL", "why, and what to do").nullable(),
        int("changed_count", "CHANGED", "moves that begin, or would").nullable(),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done").nullable(),
    ],
};

pub(crate) const PLAN_RULES: Schema = Schema {
    kind: "PlanRules",
    doc: "What the rules say of a plan.",
    layout: Layout::Rows,
    key: &["rule"],
    fields: &[
        text("rule", "RULE", "KQ-S001 to KQ-S012"),
        text("outcome", "OUTCOME", "pass, warn, break or overridden"),
        text("guards", "GUARDS", "what it guards"),
        int("finding_count", "FINDINGS", "what it found"),
        Field::of(Type::Texts, "subjects", "SUBJECTS", "what is at fault").wide(),
        text("cause", "CAUSE", "why, of the first").nullable(),
        text("next", "NEXT", "a command that gets on").nullable().wide(),
    ],
    summary: &[],
};

pub(crate) const PLAN_DIFF: Schema = Schema {
    kind: "PlanDiff",
    doc: "A plan beside the cluster as it stands now.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        P,
        Field::of(Type::Ints, "now", "NOW", "replicas now; null = it is gone").nullable(),
        TO,
        Field::of(Type::Ints, "adds", "ADDS", "brokers that get a replica"),
        Field::of(Type::Ints, "removes", "REMOVES", "brokers that lose theirs"),
        int("preferred", "PREFERRED", "preferred leader in the end, if it is another").nullable(),
        text("standing", "STANDING", "to do, on its way, there, changed since or gone"),
    ],
    summary: &[
        text("id", "ID", "its name"),
        int("differing_count", "DIFFERING", "partitions that are not where the plan brings them"),
    ],
};

const RATE: Field =
    size("bytes_per_second", "RATE", "bytes a second as measured of late").nullable();
const LEFT: Field = size("bytes_left", "BYTES-LEFT", "bytes that are still to copy").nullable();

pub(crate) const PLAN_LIST: Schema = Schema {
    kind: "PlanList",
    doc: "Plans that were started.",
    layout: Layout::Rows,
    key: &["id"],
    fields: &[
        text("id", "ID", "its name"),
        text("verb", "VERB", "the verb that asked for it"),
        text("state", "STATE", "running, paused, cancelling, done or cancelled"),
        text("done", "DONE", "moves that are done, of all"),
        LEFT,
        RATE,
        ETA,
        text("reason", "REASON", "why, in the operator's words").nullable(),
        Field::of(Type::Time, "started_at", "STARTED", "when it began"),
        Field::of(Type::Time, "ended_at", "ENDED", "when it ended").nullable().wide(),
        text("throttle", "THROTTLE", "its rate: off, auto or 50MiB/s").nullable().wide(),
        size("allowed_bytes_per_second", "ALLOWED", "what the throttle comes to; null = no bound")
            .nullable()
            .wide(),
        int("waiting_count", "WAITING", "moves that have not begun").wide(),
        int("moving_count", "MOVING", "moves under way").wide(),
        int("not_done_count", "NOT-DONE", "moves returned, skipped or failed").wide(),
        BYTES.wide(),
    ],
    summary: &[int("plan_count", "PLANS", "plans in this document")],
};

pub(crate) const PLAN_STATUS: Schema = Schema {
    kind: "PlanStatus",
    doc: "How far each move of a plan has come.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        TOPIC,
        P,
        FROM,
        TO,
        int("percent", "%", "share of the bytes that is copied").nullable(),
        size("bytes_moved", "MOVED", "bytes that are copied").nullable(),
        size("bytes_left", "LEFT", "bytes that are still to copy").nullable(),
        RATE,
        ETA,
        text("state", "STATE", "waiting, moving, returning, done, returned, skipped or failed"),
        text("why", "WHY", "why, when that does not go without saying").nullable(),
        Field::of(Type::Time, "began_at", "BEGAN", "when it began").nullable().wide(),
        Field::of(Type::Time, "ended_at", "ENDED", "when it ended").nullable().wide(),
    ],
    summary: &[
        text("id", "ID", "its name"),
        text("state", "STATE", "running, paused, cancelling, done or cancelled"),
        int("move_count", "MOVES", "its moves"),
        int("done_count", "DONE", "moves that are done"),
        int("not_done_count", "NOT-DONE", "moves returned, skipped or failed"),
        LEFT,
        RATE,
        ETA,
    ],
};
