//! `kq-ctl leader transfer TOPIC/P.. --to ID`

use kq_proto::admin::v1;

use super::elect::{count_changed, elect};
use crate::cli;
use crate::commands::place::{Place, expand};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_ELECTION, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Partitions, as orders/3 or orders/0,3; all of a topic if no index is given
    #[arg(value_name = "TOPIC[/P]", required = true, add = crate::complete::topics())]
    places: Vec<Place>,
    /// The replica that is to lead
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    to: u32,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_ELECTION
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let (partitions, errors) = expand(&args.places, cluster.as_ref()).await?;
    let mut report = Report::new(&LEADER_ELECTION);
    report.fail(errors);
    let request = v1::ElectLeadersRequest {
        r#type: v1::ElectionType::Preferred.into(),
        designate: Some(args.to),
        intent: Some(args.change.intent()),
        ..v1::ElectLeadersRequest::default()
    };
    elect(&request, &partitions, cluster.as_ref(), session, &mut report).await;
    let changed = count_changed(&report);
    args.change.conclude(&mut report, changed);
    Ok(report)
}
