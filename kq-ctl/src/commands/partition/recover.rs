//! `kq-ctl partition recover TOPIC/P --from ID --accept-data-loss N`: the last resort.

use kq_proto::admin::v1;

use crate::cli;
use crate::cluster::Cluster;
use crate::commands::leader::elect::{ask, count_changed, tell};
use crate::commands::loss::{Estimate, Loss, Losses, describe, estimate};
use crate::commands::place::{name_of, one};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_ELECTION, Schema};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The partition, as orders/3
    #[arg(value_name = "TOPIC/P", value_parser = one, add = crate::complete::topics())]
    place: v1::PartitionRef,
    /// The replica that is to lead
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    from: u32,
    /// How many records may vanish; 'unknown' where nobody can tell
    #[arg(long, value_name = "N|unknown", value_parser = loss)]
    accept_data_loss: Option<Loss>,
    #[command(flatten)]
    change: cli::Change,
}

fn loss(text: &str) -> Result<Loss, String> {
    match text {
        "unknown" => Ok(Loss::Unknown),
        number => number
            .parse()
            .map(Loss::Records)
            .map_err(|_| "accepted: a number of records, or unknown".to_owned()),
    }
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_ELECTION
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let name = name_of(&args.place);
    let detail = described(&args.place, cluster.as_ref()).await?;
    let leader = detail.row.as_ref().and_then(|it| it.partition.as_ref()?.leader);
    if let Some(leader) = leader {
        return Err(Failure::new(
            "kafka.ELECTION_NOT_NEEDED",
            format!("broker {leader} leads {name}: there is nothing to recover"),
        )
        .about(&name)
        .hint(format!("kq-ctl leader transfer {name} --to {}", args.from)));
    }
    let estimate = estimate(&detail, args.from, &name)?;
    // A dry run that refuses tells the number to accept.
    verify_accepted(args, &estimate, &name)?;
    if !args.change.dry_run {
        let what =
            format!("let broker {} lead {name}, by which {} vanish", args.from, estimate.words);
        session.consent(&args.change.consent, &Danger { what, word: Some(name.clone()) }).await?;
    }
    let mut report = Report::new(&LEADER_ELECTION);
    let request = v1::ElectLeadersRequest {
        r#type: v1::ElectionType::Unclean.into(),
        designate: Some(args.from),
        intent: Some(args.change.intent()),
        ..v1::ElectLeadersRequest::default()
    };
    let partitions = [args.place.clone()];
    let (answers, stopped) = ask(&request, &partitions, cluster.as_ref(), session).await;
    report.note(estimate.note(&name, args.from));
    let losses = Losses::from([(name, estimate)]);
    tell((answers, stopped), &losses, args.change.dry_run, &mut report);
    let changed = count_changed(&report);
    args.change.conclude(&mut report, changed);
    Ok(report)
}

async fn described(
    place: &v1::PartitionRef,
    cluster: &dyn Cluster,
) -> Result<v1::PartitionDetail, Failure> {
    let answer = describe(vec![place.clone()], cluster).await?;
    let missing = || Failure::new("kq.NOT_FOUND", format!("no partition {}", name_of(place)));
    match (answer.partitions.into_iter().next(), answer.errors.into_iter().next()) {
        (Some(detail), _) => Ok(detail),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(missing().hint("kq-ctl partition list")),
    }
}

fn verify_accepted(args: &Args, estimate: &Estimate, name: &str) -> Result<(), Failure> {
    let needed = match estimate.loss {
        Loss::Records(count) => count.to_string(),
        Loss::Unknown => "unknown".to_owned(),
    };
    let accepted = match (args.accept_data_loss, estimate.loss) {
        (Some(Loss::Unknown), _) => true,
        (Some(Loss::Records(accepted)), Loss::Records(count)) => count <= accepted,
        (Some(Loss::Records(_)), Loss::Unknown) | (None, _) => false,
    };
    if accepted {
        return Ok(());
    }
    let message = format!("{} of {name} vanish when broker {} leads it", estimate.words, args.from);
    Err(Failure::new("kq.PROTECTED", message).about(name).hint(format!(
        "bring another replica or its old directory back, or: kq-ctl partition recover {name} --from {} --accept-data-loss {needed} --confirm {name}",
        args.from
    )))
}
