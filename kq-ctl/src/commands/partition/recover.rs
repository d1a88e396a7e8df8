//! `kq-ctl partition recover TOPIC/P --from ID --accept-data-loss N`: the last resort.

use std::fmt::Write as _;

use kq_proto::admin::v1;

use crate::cli;
use crate::cluster::Cluster;
use crate::commands::leader::elect::{count_changed, elect};
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

/// Records that vanish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// So many, and no more.
    Records(u64),
    /// So many that are known of, and nobody knows how many more.
    Unknown,
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
    let detail = describe(&args.place, cluster.as_ref()).await?;
    let name = name_of(&args.place);
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
    elect(&request, &partitions, cluster.as_ref(), session, &mut report).await;
    report.note(format!("{name} from broker {}: {} vanish", args.from, estimate.words));
    let changed = count_changed(&report);
    args.change.conclude(&mut report, changed);
    Ok(report)
}

async fn describe(
    place: &v1::PartitionRef,
    cluster: &dyn Cluster,
) -> Result<v1::PartitionDetail, Failure> {
    let request = v1::DescribePartitionsRequest { partitions: vec![place.clone()], history_max: 1 };
    let answer = cluster.describe_partitions(request).await?;
    let missing = || Failure::new("kq.NOT_FOUND", format!("no partition {}", name_of(place)));
    match (answer.partitions.into_iter().next(), answer.errors.into_iter().next()) {
        (Some(detail), _) => Ok(detail),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(missing().hint("kq-ctl partition list")),
    }
}

/// What would vanish.
struct Estimate {
    loss: Loss,
    words: String,
}

/// From what the replicas told. One that held everything committed and is silent may hold more.
fn estimate(detail: &v1::PartitionDetail, from: u32, name: &str) -> Result<Estimate, Failure> {
    let Some(chosen) = detail.replicas.iter().find(|it| it.broker == from) else {
        let replicas: Vec<String> =
            detail.replicas.iter().map(|it| it.broker.to_string()).collect();
        return Err(Failure::new(
            "kafka.INVALID_REPLICA_ASSIGNMENT",
            format!("broker {from} is no replica of {name}"),
        )
        .about(name)
        .hint(format!("--from one of: {}", replicas.join(", "))));
    };
    let Some(end) = chosen.log_end_offset else {
        return Err(Failure::new(
            "kafka.ELIGIBLE_LEADERS_NOT_AVAILABLE",
            format!("broker {from} does not answer, so it cannot lead {name}"),
        )
        .about(name)
        .hint(format!("start broker {from}, then kq-ctl broker wait {from} --for alive")));
    };
    let furthest = detail.replicas.iter().filter_map(|it| it.log_end_offset).max().unwrap_or(end);
    let known = furthest.saturating_sub(end);
    let silent: Vec<String> = detail
        .replicas
        .iter()
        .filter(|it| it.log_end_offset.is_none())
        .map(|it| it.broker.to_string())
        .collect();
    let nobody_holds_all =
        detail.row.as_ref().and_then(|it| it.partition.as_ref()).is_some_and(holds_nothing);
    if silent.is_empty() && !nobody_holds_all {
        let range =
            if known > 0 { format!(", offsets {end} to {}", furthest - 1) } else { String::new() };
        return Ok(Estimate {
            loss: Loss::Records(known),
            words: format!("{known} records{range}"),
        });
    }
    let mut words = format!("at least {known} records, and all above offset {end} that");
    if !silent.is_empty() {
        let _ = write!(words, " only broker {} may hold", silent.join(", "));
    }
    if nobody_holds_all {
        let or = if silent.is_empty() { "" } else { ", or that" };
        let _ = write!(words, "{or} the last replica in sync held, whose log is gone");
    }
    Ok(Estimate { loss: Loss::Unknown, words })
}

/// Whether the last that was in sync came back without its log: what it held alone is not counted
/// by anybody, whatever the others tell.
fn holds_nothing(it: &v1::PartitionDescription) -> bool {
    it.isr.is_empty() && it.elr.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(ends: &[(u32, Option<u64>)]) -> v1::PartitionDetail {
        let replica = |(broker, end): &(u32, Option<u64>)| v1::Replica {
            broker: *broker,
            log_end_offset: *end,
            ..v1::Replica::default()
        };
        v1::PartitionDetail {
            replicas: ends.iter().map(replica).collect(),
            ..v1::PartitionDetail::default()
        }
    }

    #[test]
    fn what_vanishes_is_counted_where_every_replica_tells() {
        let all = detail(&[(1, Some(90)), (2, Some(50))]);
        let it = estimate(&all, 2, "orders/0").unwrap();
        assert_eq!(
            (it.loss, it.words.as_str()),
            (Loss::Records(40), "40 records, offsets 50 to 89")
        );
        let it = estimate(&all, 1, "orders/0").unwrap();
        assert_eq!((it.loss, it.words.as_str()), (Loss::Records(0), "0 records"));
    }

    #[test]
    fn a_silent_replica_makes_the_loss_unknown() {
        let it =
            estimate(&detail(&[(1, None), (2, Some(50)), (3, Some(60))]), 2, "orders/0").unwrap();
        assert_eq!(it.loss, Loss::Unknown);
        let words = "at least 10 records, and all above offset 50 that only broker 1 may hold";
        assert_eq!(it.words, words);
        assert!(estimate(&detail(&[(1, None)]), 1, "orders/0").is_err());
        assert!(estimate(&detail(&[(1, None)]), 9, "orders/0").is_err());
    }

    #[test]
    fn a_last_replica_without_its_log_makes_the_loss_unknown() {
        let gone = |ends| v1::PartitionDetail {
            row: Some(v1::PartitionRow {
                partition: Some(v1::PartitionDescription::default()),
                ..v1::PartitionRow::default()
            }),
            ..detail(ends)
        };
        let it = estimate(&gone(&[(3, Some(0)), (4, Some(100))]), 4, "orders/0").unwrap();
        assert_eq!(it.loss, Loss::Unknown);
        let words = "at least 0 records, and all above offset 100 that the last replica in sync held, \
             whose log is gone";
        assert_eq!(it.words, words);
        let it = estimate(&gone(&[(3, Some(0)), (4, None)]), 3, "orders/0").unwrap();
        assert!(it.words.contains("only broker 4 may hold, or that the last"), "{}", it.words);
    }
}
