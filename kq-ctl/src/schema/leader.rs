//! Kinds of `leader`.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn int(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Int, name, header, doc)
}

pub(crate) const LEADER_LIST: Schema = Schema {
    kind: "LeaderList",
    doc: "How leadership is spread over the brokers.",
    layout: Layout::Rows,
    key: &["broker"],
    fields: &[
        int("broker", "BROKER", "broker id"),
        text("rack", "RACK", "where it stands").nullable(),
        Field::of(Type::Bool, "live", "LIVE", "registered and not fenced"),
        int("leader_count", "LEADERS", "partitions it leads"),
        int("preferred_count", "PREFERRED", "partitions whose preferred leader it is"),
        int("skew", "SKEW", "leaders minus preferred"),
        int("not_preferred_count", "NOT-PREFERRED", "partitions it leads for another one"),
        int("replica_count", "REPLICAS", "partitions it holds a copy of"),
    ],
    summary: &[
        int("leader_count", "LEADERS", "partitions that have a leader"),
        int("leaderless_count", "LEADERLESS", "partitions that have none"),
    ],
};

pub(crate) const LEADER_ELECTION: Schema = Schema {
    kind: "LeaderElection",
    doc: "Leaders that were, or with --dry-run would be, elected.",
    layout: Layout::Rows,
    key: &["topic", "partition"],
    fields: &[
        text("topic", "TOPIC", "name of the topic"),
        int("partition", "P", "index of the partition"),
        int("old_leader", "OLD", "broker that led").nullable(),
        int("new_leader", "NEW", "broker that leads, or will").nullable(),
        text("status", "STATUS", "elected, handing_over, unchanged, would_be_elected"),
        text("loss", "LOSS", "what vanishes by an unclean election, as far as replicas tell")
            .nullable()
            .named(),
    ],
    summary: &[
        int("elected_count", "ELECTED", "partitions that got another leader, or would"),
        int("changed_count", "CHANGED", "the same"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

const TOPIC: Field = text("topic", "TOPIC", "name of the topic; null = all topics").nullable();
const PREFER: Field =
    Field::of(Type::Texts, "prefer", "PREFER", "where leaders should be, the best place first")
        .nullable();
const AVOID: Field =
    Field::of(Type::Texts, "avoid", "AVOID", "where they should be only when nobody else can lead")
        .nullable();
const UNCLEAN: Field = text(
    "unclean",
    "UNCLEAN",
    "what happens when nobody in sync is left: never, manual, balanced, auto",
)
.nullable();
const AUTO: Field =
    Field::of(Type::Bool, "auto_balance", "AUTO", "leaders go back by themselves").nullable();
const RATE: Field = int("moves_per_minute", "RATE", "how many of them a minute may").nullable();
const PINS: Field = Field::of(Type::Texts, "pins", "PIN", "partition=broker of each pin");
const FROZEN_BY: Field =
    text("frozen_by", "FROZEN-BY", "why leaders stay where they are; null = they may move")
        .nullable();
const FROZEN_SINCE: Field =
    Field::of(Type::Time, "frozen_since", "FROZEN-SINCE", "since when").nullable();
const FROZEN_UNTIL: Field =
    Field::of(Type::Time, "frozen_until", "FROZEN-UNTIL", "when that ends by itself").nullable();
const SOURCE: Field =
    text("source", "SOURCE", "topic or cluster where something was said there, else inherited");

pub(crate) const LEADER_POLICY: Schema = Schema {
    kind: "LeaderPolicy",
    doc: "What is in force for the leaders of topics.",
    layout: Layout::Rows,
    key: &["topic"],
    fields: &[
        TOPIC,
        PREFER,
        AVOID.wide(),
        UNCLEAN,
        AUTO,
        RATE,
        PINS,
        FROZEN_BY,
        FROZEN_SINCE.wide(),
        FROZEN_UNTIL.wide(),
        SOURCE,
    ],
    summary: &[],
};

pub(crate) const LEADER_POLICY_CHANGE: Schema = Schema {
    kind: "LeaderPolicyChange",
    doc: "Leader policies as they stand after a change; with --dry-run as before it.",
    layout: Layout::Rows,
    key: &["topic"],
    fields: &[
        TOPIC,
        PREFER,
        AVOID,
        UNCLEAN,
        AUTO.wide(),
        RATE.wide(),
        PINS,
        FROZEN_BY,
        FROZEN_SINCE.named(),
        FROZEN_UNTIL,
        SOURCE.named(),
        text("status", "STATUS", "changed, frozen, unfrozen, unchanged; would_be_... on a dry run"),
    ],
    summary: &[
        int("changed_count", "CHANGED", "policies that changed, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};
