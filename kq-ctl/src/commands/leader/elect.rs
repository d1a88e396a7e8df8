//! `kq-ctl leader elect TOPIC[/P].. --type preferred|unclean`

use kq_proto::admin::v1;

use super::{elected_row, is_change, unclean};
use crate::cli;
use crate::cluster::Cluster;
use crate::commands::loss::Losses;
use crate::commands::place::{Place, expand, list_partitions};
use crate::commands::shared::in_chunks;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_ELECTION, Schema};
use crate::session::Session;

/// Among which replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Type {
    /// Those in sync, the preferred one first; a leader that lives drains before it hands over
    Preferred,
    /// All that live, where nobody leads: records may be lost. What vanishes is told before, with
    /// --dry-run too
    Unclean,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Partitions, as orders/3 or orders/0,3; all of a topic if no index is given
    #[arg(value_name = "TOPIC[/P]", add = crate::complete::topics())]
    places: Vec<Place>,
    /// All partitions
    #[arg(long, conflicts_with_all = ["places", "broker"])]
    all: bool,
    /// Partitions whose preferred leader this broker is
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES), conflicts_with = "places")]
    broker: Vec<u32>,
    /// Among which replicas
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value = "preferred")]
    kind: Type,
    /// This replica is to lead, not the one that the policy names
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    designate: Option<u32>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_ELECTION
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if !args.all && args.places.is_empty() && args.broker.is_empty() {
        return Err(Failure::usage("no partition is named")
            .hint("give TOPIC, TOPIC/P, --broker ID or --all"));
    }
    let cluster = session.cluster(args.change.access()).await?;
    let (partitions, errors) = chosen(args, cluster.as_ref()).await?;
    let mut report = Report::new(&LEADER_ELECTION);
    report.fail(errors);
    let kind = match args.kind {
        Type::Preferred => v1::ElectionType::Preferred,
        Type::Unclean => v1::ElectionType::Unclean,
    };
    let request = v1::ElectLeadersRequest {
        r#type: kind.into(),
        designate: args.designate,
        intent: Some(args.change.intent()),
        all: args.all,
        ..v1::ElectLeadersRequest::default()
    };
    match args.kind {
        Type::Preferred => {
            elect(&request, &partitions, cluster.as_ref(), session, &mut report).await;
        }
        Type::Unclean => {
            let asked = unclean::Asked { request, partitions, consent: &args.change.consent };
            unclean::elect(&asked, (cluster.as_ref(), session), &mut report).await?;
        }
    }
    let changed = count_changed(&report);
    args.change.conclude(&mut report, changed);
    Ok(report)
}

/// Those that are named, or those that certain brokers should lead.
async fn chosen(
    args: &Args,
    cluster: &dyn Cluster,
) -> Result<(Vec<v1::PartitionRef>, Vec<v1::ItemError>), Failure> {
    if args.broker.is_empty() {
        return expand(&args.places, cluster).await;
    }
    let request = v1::ListPartitionsRequest {
        replica_on: args.broker.clone(),
        include_internal: true,
        only_not_preferred: args.kind == Type::Preferred,
        ..v1::ListPartitionsRequest::default()
    };
    let found = list_partitions(cluster, request).await?;
    let wanted = |row: &v1::PartitionRow| {
        let it = row.partition.as_ref()?;
        let preferred = it.preferred_leader.is_some_and(|id| args.broker.contains(&id));
        let fits = if args.kind == Type::Preferred { preferred } else { it.leader.is_none() };
        fits.then(|| v1::PartitionRef { topic: row.topic.clone(), partition: it.index })
    };
    Ok((found.partitions.iter().filter_map(wanted).collect(), found.errors))
}

/// Elects in chunks and adds what became of each.
pub(crate) async fn elect(
    request: &v1::ElectLeadersRequest,
    partitions: &[v1::PartitionRef],
    cluster: &dyn Cluster,
    session: &Session,
    report: &mut Report,
) {
    let dry_run = request.intent.as_ref().is_some_and(|it| it.dry_run);
    let answers = ask(request, partitions, cluster, session).await;
    tell(answers, &Losses::new(), dry_run, report);
}

/// What became of each, and what stopped it early.
pub(crate) type Answers = (v1::ElectLeadersResponse, Option<Failure>);

/// Elects in chunks.
pub(crate) async fn ask(
    request: &v1::ElectLeadersRequest,
    partitions: &[v1::PartitionRef],
    cluster: &dyn Cluster,
    session: &Session,
) -> Answers {
    if request.all {
        return match cluster.elect_leaders(request.clone()).await {
            Ok(answer) => (answer, None),
            Err(failure) => (v1::ElectLeadersResponse::default(), Some(failure)),
        };
    }
    let mut answers = v1::ElectLeadersResponse::default();
    let call = async |partitions| {
        cluster.elect_leaders(v1::ElectLeadersRequest { partitions, ..request.clone() }).await
    };
    let stopped = in_chunks(session, "electing", partitions, call, |mut more| {
        answers.leaders.append(&mut more.leaders);
        answers.errors.append(&mut more.errors);
    })
    .await;
    (answers, stopped)
}

/// Adds what became of each, with what vanishes by it.
pub(crate) fn tell(
    (answers, stopped): Answers,
    losses: &Losses,
    dry_run: bool,
    report: &mut Report,
) {
    report.extend(answers.leaders.iter().map(|it| {
        let loss = losses.get(&format!("{}/{}", it.topic, it.partition));
        elected_row(it, loss.map(|it| it.words.as_str()).filter(|_| is_change(it)), dry_run)
    }));
    let late =
        |it: &&v1::ElectedLeader| it.outcome() == v1::ElectionOutcome::HandingOver && !dry_run;
    if answers.leaders.iter().any(|it| late(&it)) {
        report.note("handing_over: the old leader still drains; kq-ctl leader list --not-preferred shows whether it did");
    }
    let changed = answers.leaders.iter().filter(|it| is_change(it)).count();
    report.sum("elected_count", changed);
    report.fail(answers.errors);
    report.fail(stopped);
}

/// How many rows tell of a change.
pub(crate) fn count_changed(report: &Report) -> usize {
    let unchanged = |row: &crate::output::Row| {
        row.get("status").is_some_and(|status| status.raw() == "unchanged")
    };
    report.items.iter().filter(|row| !unchanged(row)).count()
}
