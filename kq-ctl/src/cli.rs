//! The command tree: `kq-ctl <noun> <verb>`. One folder per noun, one file per verb.

mod global;
mod kafka_reset;
mod mistake;
mod number;

use clap::{Parser, Subcommand};

use crate::cluster::Reply;
use crate::commands::{
    broker, cluster, completion, config, context, events, group, help, leader, log, offset,
    partition, plan, quorum, record, schema, topic, translate,
};
use crate::output::Report;
use crate::schema::Schema;
use crate::session::Session;

pub(crate) use global::{Change, Consent, Global, Select, duration, format_of, timeout};
pub(crate) use kafka_reset::{AS_KAFKA, To};
pub(crate) use mistake::failure_of;
pub(crate) use number::{INDEXES, NEW_PARTITIONS, PARTITIONS, REPLICAS, items, whole};

/// Administer a kq cluster from scripts and by hand.
#[derive(Debug, Clone, Parser)]
#[command(name = "kq-ctl", version, disable_help_subcommand = true, subcommand_required = true)]
#[command(arg_required_else_help = true, infer_long_args = false, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 unreachable, 4 denied, 5 not found, \
6 conflict, 7 refused, 8 partial, 9 deadline, 10 the answer is no, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) noun: Noun,
}

/// What a command is about.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Noun {
    /// Topics: list, create, change, delete, restore
    #[command(subcommand, alias = "topics")]
    Topic(topic::Verb),
    /// Partitions: where they are, how far each replica is, why
    #[command(subcommand, alias = "partitions")]
    Partition(partition::Verb),
    /// Plans: moves of replicas, planned, under way, or over
    #[command(subcommand, alias = "plans")]
    Plan(plan::Verb),
    /// Leaders of partitions
    #[command(subcommand, alias = "leaders")]
    Leader(leader::Verb),
    /// Consumer groups: who is in them, how far they are behind
    #[command(subcommand, alias = "groups")]
    Group(group::Verb),
    /// Committed offsets of groups: look, set anew, take back
    #[command(subcommand, alias = "offsets")]
    Offset(offset::Verb),
    /// Configuration of topics, brokers and the cluster
    #[command(subcommand, alias = "configs")]
    Config(config::Verb),
    /// Brokers
    #[command(subcommand, alias = "brokers")]
    Broker(broker::Verb),
    /// The cluster as a whole
    #[command(subcommand)]
    Cluster(cluster::Verb),
    /// The metadata quorum
    #[command(subcommand, alias = "quorums")]
    Quorum(quorum::Verb),
    /// Records: produce, consume, look up, count
    #[command(subcommand, alias = "records")]
    Record(record::Verb),
    /// Log files on this machine, without a broker; log directories of brokers
    #[command(subcommand, alias = "logs")]
    Log(log::Verb),
    /// The committed history of the cluster
    #[command(alias = "event")]
    Events(events::Args),
    /// Contexts: named clusters in the configuration file
    #[command(subcommand, alias = "contexts")]
    Context(context::Verb),
    /// What kq-ctl prints, as JSON Schema
    #[command(subcommand, alias = "schemas")]
    Schema(schema::Verb),
    /// A command line of Kafka's tools, rpk or kcl as one of kq-ctl
    Translate(translate::Args),
    /// Completion for a shell
    Completion(completion::Args),
    /// Help on commands
    Help(help::Args),
    /// The same as 'cluster doctor'
    Doctor(cluster::doctor::Args),
    /// The same as 'record produce'
    Produce(record::produce::Args),
    /// The same as 'record consume'
    Consume(record::consume::Args),
}

impl Noun {
    /// The command without its arguments: `topic list`.
    pub(crate) fn path(&self) -> String {
        let (noun, verb) = match self {
            Self::Topic(verb) => ("topic", verb.name()),
            Self::Partition(verb) => ("partition", verb.name()),
            Self::Plan(verb) => ("plan", verb.name()),
            Self::Leader(verb) => ("leader", verb.path()),
            Self::Quorum(verb) => ("quorum", verb.name()),
            Self::Doctor(_) => ("cluster", "doctor"),
            Self::Group(verb) => ("group", verb.path()),
            Self::Offset(verb) => ("offset", verb.name()),
            Self::Config(verb) => ("config", verb.name()),
            Self::Broker(verb) => ("broker", verb.name()),
            Self::Cluster(verb) => ("cluster", verb.name()),
            Self::Record(verb) => ("record", verb.name()),
            Self::Log(verb) => ("log", verb.name()),
            Self::Context(verb) => ("context", verb.name()),
            Self::Schema(verb) => ("schema", verb.name()),
            Self::Events(_) => return "events".to_owned(),
            Self::Translate(_) => return "translate".to_owned(),
            Self::Completion(_) => return "completion".to_owned(),
            Self::Help(_) => return "help".to_owned(),
            Self::Produce(_) => ("record", "produce"),
            Self::Consume(_) => ("record", "consume"),
        };
        format!("{noun} {verb}")
    }

    /// What it prints.
    pub(crate) fn schema(&self) -> &'static Schema {
        match self {
            Self::Topic(verb) => verb.schema(),
            Self::Partition(verb) => verb.schema(),
            Self::Plan(verb) => verb.schema(),
            Self::Leader(verb) => verb.schema(),
            Self::Quorum(verb) => verb.schema(),
            Self::Doctor(args) => cluster::doctor::schema(args),
            Self::Group(verb) => verb.schema(),
            Self::Offset(verb) => verb.schema(),
            Self::Config(verb) => verb.schema(),
            Self::Broker(verb) => verb.schema(),
            Self::Cluster(verb) => verb.schema(),
            Self::Record(verb) => verb.schema(),
            Self::Log(verb) => verb.schema(),
            Self::Context(verb) => verb.schema(),
            Self::Schema(verb) => verb.schema(),
            Self::Events(args) => events::schema(args),
            Self::Translate(args) => translate::schema(args),
            Self::Completion(args) => completion::schema(args),
            Self::Help(args) => help::schema(args),
            Self::Produce(args) => record::produce::schema(args),
            Self::Consume(args) => record::consume::schema(args),
        }
    }

    pub(crate) fn run<'a>(&'a self, session: &'a Session) -> Reply<'a, Report> {
        match self {
            Self::Topic(verb) => verb.run(session),
            Self::Partition(verb) => verb.run(session),
            Self::Plan(verb) => verb.run(session),
            Self::Leader(verb) => verb.run(session),
            Self::Quorum(verb) => verb.run(session),
            Self::Doctor(args) => Box::pin(cluster::doctor::run(args, session)),
            Self::Group(verb) => verb.run(session),
            Self::Offset(verb) => verb.run(session),
            Self::Config(verb) => verb.run(session),
            Self::Broker(verb) => verb.run(session),
            Self::Cluster(verb) => verb.run(session),
            Self::Record(verb) => verb.run(session),
            Self::Log(verb) => verb.run(session),
            Self::Context(verb) => verb.run(session),
            Self::Schema(verb) => verb.run(session),
            Self::Events(args) => Box::pin(events::run(args, session)),
            Self::Translate(args) => Box::pin(translate::run(args, session)),
            Self::Completion(args) => Box::pin(completion::run(args, session)),
            Self::Help(args) => Box::pin(help::run(args, session)),
            Self::Produce(args) => Box::pin(record::produce::run(args, session)),
            Self::Consume(args) => Box::pin(record::consume::run(args, session)),
        }
    }

    /// True if it must work whatever context is chosen.
    pub(crate) fn mends_contexts(&self) -> bool {
        if let Self::Context(verb) = self {
            return !["show", "check", "prompt"].contains(&verb.name());
        }
        self.is_local()
    }

    /// True if it needs no cluster.
    pub(crate) fn is_local(&self) -> bool {
        if let Self::Log(verb) = self {
            return verb.name() != "dirs";
        }
        matches!(
            self,
            Self::Context(_)
                | Self::Schema(_)
                | Self::Translate(_)
                | Self::Completion(_)
                | Self::Help(_)
        )
    }

    /// True if repeating it changes nothing, so that `--watch` makes sense.
    pub(crate) fn only_reads(&self) -> bool {
        const READERS: &[&str] = &[
            "topic list",
            "topic describe",
            "topic lag",
            "topic offsets",
            "group list",
            "group describe",
            "group lag",
            "group member list",
            "offset get",
            "partition list",
            "partition describe",
            "plan list",
            "plan show",
            "plan status",
            "leader list",
            "leader policy get",
            "quorum status",
            "log dirs",
            "config get",
            "config describe",
            "config diff",
            "broker list",
            "broker describe",
            "broker restart-check",
            "cluster status",
            "cluster describe",
            "cluster health",
            "cluster roll",
            "record count",
        ];
        if let Self::Doctor(args) = self {
            return args.only_reads();
        }
        if let Self::Cluster(cluster::Verb::Doctor(args)) = self {
            return args.only_reads();
        }
        READERS.contains(&self.path().as_str())
    }
}
