//! `kq-ctl partition reassign [TOPIC[/P]..] --replace OLD=NEW ...`

use std::path::PathBuf;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_goal::Goal;

use super::assignment_file;
use crate::cli;
use crate::commands::place::Place;
use crate::commands::plan::flow;
use crate::commands::plan::options::{Bounds, Objective, Outcome};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Partitions, as orders/3 or orders/0,3, or topics; all of them if none is named
    #[arg(value_name = "TOPIC[/P]", add = crate::complete::topics())]
    places: Vec<Place>,
    #[command(flatten)]
    goal: WhereTo,
    /// What --balance makes even
    #[arg(long, value_enum, value_name = "WHAT", requires = "balance", default_value = "bytes")]
    objective: Objective,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    outcome: Outcome,
}

/// Where replicas are to be in the end.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
struct WhereTo {
    /// On these brokers. Partitions that are named, as orders/0,3, get them in this order, the
    /// preferred leader first; those of a whole topic take turns at who is first, so that not one
    /// broker leads them all
    #[arg(long, value_name = "ID,ID,..", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    to: Vec<u32>,
    /// One replica more, on this broker
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    add: Option<u32>,
    /// No replica on this broker
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    remove: Option<u32>,
    /// One broker in the place of another
    #[arg(long, value_name = "OLD=NEW", value_parser = replacement)]
    replace: Option<v1::plan_goal::Replace>,
    /// Load spread evenly with as few moves as it takes
    #[arg(long)]
    balance: bool,
    /// So many replicas of each partition
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::REPLICAS))]
    rf: Option<u32>,
    /// No two replicas of a partition in one rack while another rack has none
    #[arg(long)]
    racks: bool,
    /// As a file says, in the form of Kafka's own tool
    #[arg(long, value_name = "FILE", alias = "reassignment-json-file", conflicts_with = "places")]
    file: Option<PathBuf>,
}

fn replacement(text: &str) -> Result<v1::plan_goal::Replace, String> {
    let ids = text.split_once('=').and_then(|(old, new)| {
        Some(v1::plan_goal::Replace { old: old.parse().ok()?, new: new.parse().ok()? })
    });
    ids.ok_or_else(|| "write OLD=NEW, as 3=4".to_owned())
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let scope = args.places.iter().map(scope_of).collect();
    let goal = goal(args)?;
    let whole = args.places.iter().any(|it| it.partitions.is_empty()) || args.places.is_empty();
    if args.goal.to.len() > 1 && whole {
        session.say(
            "partitions of a whole topic take turns at who of --to is first; name them, as \
             orders/0,1, to have them in that order",
        );
    }
    flow::carry_out((goal, args.bounds.options(scope)), &args.outcome, session).await
}

pub(crate) fn scope_of(place: &Place) -> v1::PlanScope {
    v1::PlanScope { topic: place.topic.clone(), partitions: place.partitions.clone() }
}

fn goal(args: &Args) -> Result<Goal, Failure> {
    let it = &args.goal;
    if let Some(path) = &it.file {
        let partitions = assignment_file::read(path)?;
        return Ok(Goal::Assign(v1::plan_goal::Assignments { partitions }));
    }
    if let Some(replace) = it.replace {
        return Ok(Goal::Replace(replace));
    }
    if it.balance {
        return Ok(Goal::Balance(args.objective.wire().into()));
    }
    if it.racks {
        return Ok(Goal::Racks(v1::plan_goal::Racks {}));
    }
    let one = it.add.map(Goal::Add).or(it.remove.map(Goal::Remove));
    let one = one.or(it.rf.map(Goal::ReplicationFactor));
    // Of the group exactly one is there, so this is the last that it can be.
    Ok(one.unwrap_or_else(|| Goal::To(v1::plan_goal::Brokers { brokers: it.to.clone() })))
}
