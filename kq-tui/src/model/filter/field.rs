//! What a filter may ask of the rows of each screen.

use crate::model::Screen;

/// What is asked of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word that is typed, and `Spec::help` says the rest")]
pub enum Field {
    Topic,
    Partition,
    Group,
    Broker,
    Rack,
    State,
    Leader,
    Preferred,
    On,
    Isr,
    Why,
    Leads,
    Replicas,
    Urp,
    Partitions,
    Size,
    In,
    Out,
    Behind,
    Epoch,
    For,
    Disk,
    Class,
    Lag,
    Age,
    Members,
    Member,
    Host,
    Kind,
    Reason,
    Count,
    Id,
    Verb,
    Role,
    Key,
    Value,
    Source,
    Doc,
    Is,
    Offset,
    Headers,
    Line,
}

impl Field {
    /// Whether its figures come from counters.
    pub(super) const fn is_counted(self) -> bool {
        matches!(self, Self::Size | Self::In | Self::Out | Self::Behind | Self::Disk)
    }
}

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text; `*` stands for anything.
    Text,
    /// A broker: `b3` or `3`, or `none`.
    Broker,
    /// How many: `250`, `10k`, `1.5M`.
    Count,
    /// Bytes: `512`, `10k`, `1G`, `1GiB`.
    Bytes,
    /// How long: `90s`, `5m`, `2h`.
    Span,
    /// Of a hundred.
    Percent,
    /// One of these words.
    Words(&'static [&'static str]),
}

impl Kind {
    pub(super) const fn is_number(self) -> bool {
        matches!(self, Self::Count | Self::Bytes | Self::Span | Self::Percent)
    }

    /// What may be typed.
    pub fn accepted(self) -> String {
        match self {
            Self::Text => "a name; * stands for anything, as orders* or \"two words\"".to_owned(),
            Self::Broker => "a broker as b3, or none".to_owned(),
            Self::Count => "a number as 250, 10k or 1.5M".to_owned(),
            Self::Bytes => "bytes as 512, 10k, 1.5G or 1GiB".to_owned(),
            Self::Span => "a time as 500ms, 90s, 5m, 2h or 1d".to_owned(),
            Self::Percent => "percent as 80".to_owned(),
            Self::Words(words) => words.join(" "),
        }
    }
}

/// One field of a screen.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// What is asked.
    pub field: Field,
    /// How it is typed.
    pub names: &'static [&'static str],
    /// What it is compared with.
    pub kind: Kind,
    /// What it is.
    pub help: &'static str,
}

const fn spec(
    field: Field,
    names: &'static [&'static str],
    kind: Kind,
    help: &'static str,
) -> Spec {
    Spec { field, names, kind, help }
}

const BROKERS: &[Spec] = &[
    spec(Field::Broker, &["broker", "id"], Kind::Broker, "its id"),
    spec(Field::State, &["state"], Kind::Words(BROKER_STATES), "how it is"),
    spec(Field::Rack, &["rack"], Kind::Text, "where it stands"),
    spec(Field::Leads, &["lead", "leads"], Kind::Count, "partitions that it leads"),
    spec(Field::Replicas, &["repl", "replicas"], Kind::Count, "replicas on it"),
    spec(Field::Urp, &["urp"], Kind::Count, "replicas on it that are out of sync"),
    spec(Field::In, &["in"], Kind::Bytes, "bytes a second from producers"),
    spec(Field::Out, &["out"], Kind::Bytes, "bytes a second to readers"),
    spec(Field::Disk, &["disk"], Kind::Percent, "how full its disks are"),
    spec(Field::For, &["for"], Kind::Span, "since when it is in its state"),
];
const BROKER_STATES: &[&str] =
    &["up", "fenced", "draining", "stopping", "starting", "cordoned", "silent"];

const TOPICS: &[Spec] = &[
    spec(Field::Topic, &["topic", "name"], Kind::Text, "its name"),
    spec(Field::State, &["state"], Kind::Words(PARTITION_STATES), "true of a partition of it"),
    spec(Field::Partitions, &["partitions", "parts"], Kind::Count, "how many it has"),
    spec(Field::Urp, &["urp"], Kind::Count, "partitions that lack a replica in sync"),
    spec(Field::Why, &["why"], Kind::Broker, "a broker that its partitions miss"),
    spec(Field::On, &["on"], Kind::Broker, "a broker with a replica of it"),
    spec(Field::Size, &["size"], Kind::Bytes, "bytes of the leaders' logs"),
    spec(Field::In, &["in"], Kind::Bytes, "bytes a second from producers"),
    spec(Field::Out, &["out"], Kind::Bytes, "bytes a second to readers"),
];

const PARTITIONS: &[Spec] = &[
    spec(Field::Topic, &["topic"], Kind::Text, "the name of its topic"),
    spec(Field::Partition, &["partition", "index"], Kind::Count, "its index"),
    spec(Field::State, &["state"], Kind::Words(PARTITION_STATES), "how it is"),
    spec(Field::Why, &["why", "out"], Kind::Broker, "a broker that is missing in its ISR"),
    spec(Field::Leader, &["leader", "ldr"], Kind::Broker, "who leads"),
    spec(Field::Preferred, &["pref", "preferred"], Kind::Broker, "the preferred leader"),
    spec(Field::On, &["on", "replica"], Kind::Broker, "a broker with a replica"),
    spec(Field::Isr, &["isr"], Kind::Broker, "a broker in its ISR"),
    spec(Field::Behind, &["behind", "lag"], Kind::Count, "records that a follower lacks"),
    spec(Field::Size, &["size"], Kind::Bytes, "bytes of the leader's log"),
    spec(Field::In, &["in"], Kind::Count, "records a second from producers"),
    spec(Field::Epoch, &["epoch"], Kind::Count, "the leader epoch"),
    spec(Field::For, &["for"], Kind::Span, "since when it is so"),
];
/// `urp` is true of all that lack a replica in sync, whatever else they are.
pub(super) const PARTITION_STATES: &[&str] =
    &["offline", "undermin", "min", "urp", "moving", "notpref", "ok"];

const GROUPS: &[Spec] = &[
    spec(Field::Group, &["group", "name"], Kind::Text, "its name"),
    spec(Field::Class, &["class"], Kind::Words(CLASSES), "how it reads"),
    spec(Field::State, &["state"], Kind::Words(GROUP_STATES), "how its members are"),
    spec(Field::Lag, &["lag", "records"], Kind::Count, "records to read"),
    spec(Field::Age, &["behind", "age"], Kind::Span, "the age of the oldest unread record"),
    spec(Field::Members, &["members", "mem"], Kind::Count, "how many"),
    spec(Field::Topic, &["slowest"], Kind::Text, "the topic that is slowest to catch up"),
    spec(Field::Broker, &["coordinator"], Kind::Broker, "who coordinates it"),
];
const CLASSES: &[&str] = &[
    "ok",
    "new",
    "draining",
    "nocommits",
    "rewound",
    "falling",
    "stalled",
    "stopped",
    "leaderless",
    "partial",
    "unknown",
    "ill",
];
const GROUP_STATES: &[&str] = &["empty", "stable", "rebalancing"];

const MEMBERS: &[Spec] = &[
    spec(Field::Member, &["member"], Kind::Text, "its id"),
    spec(Field::Host, &["host"], Kind::Text, "where it runs"),
    spec(Field::Topic, &["topic"], Kind::Text, "of a partition"),
    spec(Field::Class, &["class"], Kind::Words(CLASSES), "of a partition"),
    spec(Field::Lag, &["lag", "records"], Kind::Count, "records to read"),
    spec(Field::Age, &["behind", "age"], Kind::Span, "the age of the oldest unread record"),
];

const PLANS: &[Spec] = &[
    spec(Field::Id, &["plan", "id"], Kind::Text, "its id"),
    spec(Field::State, &["state"], Kind::Words(PLAN_STATES), "how it is"),
    spec(Field::Verb, &["verb"], Kind::Text, "what it does"),
];
const PLAN_STATES: &[&str] = &["running", "paused", "cancelling", "done", "cancelled"];

const EVENTS: &[Spec] = &[
    spec(Field::Kind, &["kind"], Kind::Words(KINDS), "what happened"),
    spec(Field::Topic, &["topic"], Kind::Text, "to which topic, or a partition of it"),
    spec(Field::Broker, &["broker"], Kind::Broker, "to which broker"),
    spec(Field::Reason, &["reason"], Kind::Text, "why"),
    spec(Field::Count, &["count"], Kind::Count, "how many at once"),
];
pub(super) const KINDS: &[&str] = &[
    "topic_created",
    "topic_deleted",
    "topic_restored",
    "topic_purged",
    "topic_protected",
    "topic_unprotected",
    "partitions_added",
    "config_changed",
    "leader_changed",
    "isr_shrunk",
    "isr_expanded",
    "broker_registered",
    "broker_fenced",
    "broker_unfenced",
    "broker_unregistered",
    "controller_changed",
    "producer_ids_allocated",
    "reassignment_started",
    "reassignment_finished",
    "records_deleted",
    "log_dir_failed",
    "leader_elected_uncleanly",
    "handover_changed",
    "replicas_changed",
    "broker_stopping",
    "broker_cordoned",
    "broker_uncordoned",
    "leader_policy_changed",
    "leaders_frozen",
    "leaders_unfrozen",
    "leaders_balanced",
    "cluster_created",
    "plan_changed",
    "replicas_moved",
    "records_lost",
    "voter_added",
    "voter_removed",
    "quorum_transferred",
    "group_operated",
    "other",
];

const QUORUM: &[Spec] = &[
    spec(Field::Broker, &["broker", "id"], Kind::Broker, "its id"),
    spec(Field::Role, &["role"], Kind::Words(&["leader", "voter", "learner"]), "what it may do"),
    spec(Field::Lag, &["lag"], Kind::Count, "entries that it lacks"),
];

const CONFIGS: &[Spec] = &[
    spec(Field::Key, &["key", "name"], Kind::Text, "its name"),
    spec(Field::Value, &["value"], Kind::Text, "the value in force"),
    spec(Field::Source, &["source"], Kind::Words(SOURCES), "where its value comes from"),
    spec(Field::Is, &["is"], Kind::Words(CONFIG_IS), "what is true of it"),
    spec(Field::Doc, &["doc"], Kind::Text, "what it does, as *timeout*"),
];
const SOURCES: &[&str] =
    &["topic", "broker", "cluster", "static", "default", "logger", "group", "metrics", "unknown"];
const CONFIG_IS: &[&str] = &["set", "differs", "fixed", "restart", "secret"];

const RECORDS: &[Spec] = &[
    spec(Field::Key, &["key"], Kind::Text, "its key, as user-*"),
    spec(Field::Value, &["value"], Kind::Text, "its value, as *error*"),
    spec(Field::Partition, &["partition", "p"], Kind::Count, "the index of its partition"),
    spec(Field::Offset, &["offset", "o"], Kind::Count, "its offset"),
    spec(Field::Headers, &["headers"], Kind::Count, "how many it has"),
    spec(Field::Size, &["size"], Kind::Bytes, "its bytes, uncompressed"),
    spec(Field::Is, &["is"], Kind::Words(&["tombstone", "keyless"]), "whose value or key is null"),
];

const LINES: &[Spec] = &[spec(Field::Line, &["line"], Kind::Text, "what stands in it, as *error*")];

/// What a filter may ask on a screen.
pub const fn fields(screen: Screen) -> &'static [Spec] {
    match screen {
        Screen::Overview | Screen::Brokers => BROKERS,
        Screen::Topics => TOPICS,
        Screen::Partitions => PARTITIONS,
        Screen::Churn | Screen::Events => EVENTS,
        Screen::Groups => GROUPS,
        Screen::Members => MEMBERS,
        Screen::Plans => PLANS,
        Screen::Quorum => QUORUM,
        Screen::Configs => CONFIGS,
        Screen::Tail => RECORDS,
        Screen::Record => LINES,
    }
}
