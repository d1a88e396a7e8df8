//! `kq-ctl leader policy ...`

pub(crate) mod freeze;
pub(crate) mod get;
pub(crate) mod set;
pub(crate) mod unfreeze;

use kq_proto::admin::v1;
use kq_proto::admin::v1::leader_place::Place;

use crate::cli::Select;
use crate::cluster::Cluster;
use crate::commands::shared::{named_topics, time_cell};
use crate::commands::verbs;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::Schema;
use crate::session::Session;

verbs! {
    /// What is in force for the leaders of topics, and who said so
    Get(get) = "get",
    /// Say who should lead, and who may when nobody in sync is left
    Set(set) = "set",
    /// Keep leaders where they are: only failures and shutdowns move them
    Freeze(freeze) = "freeze",
    /// Let leaders move again
    Unfreeze(unfreeze) = "unfreeze",
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

impl Args {
    pub(crate) fn path(&self) -> &'static str {
        match self.verb.name() {
            "get" => "policy get",
            "set" => "policy set",
            "freeze" => "policy freeze",
            _ => "policy unfreeze",
        }
    }
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    args.verb.schema()
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    args.verb.run(session).await
}

/// For which leaders something is said.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Targets {
    /// Names of topics
    #[arg(value_name = "TOPIC", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
    /// For all topics that say nothing of their own
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

impl Targets {
    pub(super) async fn find(&self, cluster: &dyn Cluster) -> Result<v1::PolicyTargets, Failure> {
        if self.all {
            return Ok(v1::PolicyTargets { topics: Vec::new(), cluster: true });
        }
        let topics = named_topics(&self.names, &self.select, cluster).await;
        let topics = topics.map_err(|failure| match failure.code.as_str() {
            "kq.USAGE" if self.names.is_empty() => {
                failure.hint("give names, --match GLOB or --all")
            }
            _ => failure,
        })?;
        Ok(v1::PolicyTargets { topics, cluster: false })
    }
}

/// A row of `LeaderPolicy`, or with a status of `LeaderPolicyChange`.
pub(super) fn policy_row(it: &v1::TopicLeaderPolicy, status: Option<String>) -> Row {
    let said = it.said.clone().unwrap_or_default();
    let force = it.in_force.clone().unwrap_or_default();
    let pins = force.pins.iter().map(|(partition, broker)| format!("{partition}={broker}"));
    let freeze = it.freeze.as_ref();
    let mut row = row! {
        topic: it.topic.clone(),
        prefer: places(force.prefer.as_ref()),
        avoid: places(force.avoid.as_ref()),
        unclean: unclean_word(force.unclean()),
        auto_balance: force.auto_balance,
        moves_per_minute: force.moves_per_minute,
        pins: Cell::list(pins),
        frozen_by: freeze.map(|it| it.reason.clone()),
        frozen_since: time_cell(freeze.map(|it| it.since_at_ms)),
        frozen_until: time_cell(freeze.and_then(|it| it.until_at_ms)),
        source: source(it, &said),
    };
    if let Some(status) = status {
        row.0.push(("status", Cell::from(status)));
    }
    row
}

/// Who said it: the topic for itself, or the cluster for all, or nobody.
fn source(it: &v1::TopicLeaderPolicy, said: &v1::LeaderPolicy) -> &'static str {
    let says_something = *said != v1::LeaderPolicy::default();
    match (&it.topic, says_something) {
        (Some(_), true) => "topic",
        (None, true) => "cluster",
        (_, false) => "inherited",
    }
}

fn places(list: Option<&v1::LeaderPlaces>) -> Cell {
    let name = |it: &v1::LeaderPlace| match &it.place {
        Some(Place::Broker(id)) => format!("broker={id}"),
        Some(Place::Rack(rack)) => format!("rack={rack}"),
        None => String::new(),
    };
    list.map_or(Cell::Null, |list| Cell::list(list.places.iter().map(name)))
}

fn unclean_word(policy: v1::UncleanPolicy) -> Cell {
    match policy {
        v1::UncleanPolicy::Unspecified => Cell::Null,
        v1::UncleanPolicy::Never => Cell::from("never"),
        v1::UncleanPolicy::Manual => Cell::from("manual"),
        v1::UncleanPolicy::Balanced => Cell::from("balanced"),
        v1::UncleanPolicy::Auto => Cell::from("auto"),
    }
}

/// What became of policies that were changed.
pub(super) fn changed(
    policies: &[v1::ChangedPolicy],
    errors: Vec<v1::ItemError>,
    (change, done): (&crate::cli::Change, &str),
) -> Report {
    let mut report = Report::new(&crate::schema::LEADER_POLICY_CHANGE);
    for it in policies {
        let status = if it.changed { change.status(done) } else { "unchanged".to_owned() };
        report.push(policy_row(
            it.policy.as_ref().unwrap_or(&v1::TopicLeaderPolicy::default()),
            Some(status),
        ));
    }
    report.fail(errors);
    let count = policies.iter().filter(|it| it.changed).count();
    change.conclude(&mut report, count);
    report
}
