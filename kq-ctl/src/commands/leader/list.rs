//! `kq-ctl leader list`

use kq_proto::admin::v1;

use crate::cli;
use crate::commands::partition::list::report as partitions;
use crate::commands::place::list_partitions;
use crate::exit::Failure;
use crate::output::{Report, Row, row};
use crate::schema::{LEADER_LIST, PARTITION_LIST, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only these brokers
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    broker: Vec<u32>,
    /// Only brokers that lead more or less than they are preferred for
    #[arg(long)]
    skew: bool,
    /// List partitions that another broker leads than the preferred one, instead
    #[arg(long, conflicts_with = "skew")]
    not_preferred: bool,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.not_preferred { &PARTITION_LIST } else { &LEADER_LIST }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    if args.not_preferred {
        let request = v1::ListPartitionsRequest {
            include_internal: true,
            only_not_preferred: true,
            leader_on: args.broker.clone(),
            with_figures: true,
            ..v1::ListPartitionsRequest::default()
        };
        return Ok(partitions(list_partitions(cluster.as_ref(), request).await?));
    }
    let request = v1::ListLeadersRequest { brokers: args.broker.clone() };
    let answer = cluster.list_leaders(request).await?;
    let mut report = Report::new(&LEADER_LIST);
    let shown = answer.brokers.iter().filter(|it| !args.skew || skew(it) != 0);
    report.extend(shown.map(leaders_row));
    report.fail(answer.errors);
    report.sum(
        "leader_count",
        answer.brokers.iter().map(|it| u64::from(it.leader_count)).sum::<u64>(),
    );
    report.sum("leaderless_count", answer.leaderless_count);
    if answer.leaderless_count > 0 {
        let words = "partitions have no leader: kq-ctl partition list --unhealthy";
        report.note(format!("{} {words}", answer.leaderless_count));
    }
    Ok(report)
}

fn skew(it: &v1::BrokerLeaders) -> i64 {
    i64::from(it.leader_count) - i64::from(it.preferred_count)
}

fn leaders_row(it: &v1::BrokerLeaders) -> Row {
    row! {
        broker: it.broker,
        rack: it.rack.clone(),
        live: it.live,
        leader_count: it.leader_count,
        preferred_count: it.preferred_count,
        skew: skew(it),
        not_preferred_count: it.leader_count.saturating_sub(it.preferred_led_count),
        replica_count: it.replica_count,
    }
}
