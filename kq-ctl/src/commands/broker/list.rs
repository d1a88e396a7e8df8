//! `kq-ctl broker list`

use kq_proto::admin::v1;

use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{BROKER_LIST, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Broker ids; all brokers if none is given
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    ids: Vec<u32>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &BROKER_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::ListBrokersRequest { ids: args.ids.clone(), with_figures: true };
    let answer = cluster.list_brokers(request).await?;
    let mut report = Report::new(&BROKER_LIST);
    let now = session.now_ms();
    report.extend(answer.brokers.iter().map(|broker| super::figures(broker, now)));
    let running = answer.brokers.iter().filter(|it| it.state() == v1::BrokerState::Running).count();
    report.fail(answer.errors);
    report.sum("broker_count", report.items.len());
    report.sum("running_count", running);
    Ok(report)
}
