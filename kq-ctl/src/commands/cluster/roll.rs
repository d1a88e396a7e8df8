//! `kq-ctl cluster roll --plan-only`

use kq_proto::admin::v1;

use crate::exit::{Exit, Failure};
use crate::output::{Report, row};
use crate::schema::{CLUSTER_ROLL, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Show the order and the checks; the restarts are for whoever runs the processes
    #[arg(long)]
    plan_only: bool,
    /// Only these brokers
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    broker: Vec<u32>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CLUSTER_ROLL
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if !args.plan_only {
        return Err(Failure::usage(
            "kq-ctl starts and stops no processes, it only plans the order",
        )
        .hint("kq-ctl cluster roll --plan-only"));
    }
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::ListBrokersRequest { ids: args.broker.clone(), with_figures: false };
    let answer = cluster.list_brokers(request).await?;
    let mut report = Report::new(&CLUSTER_ROLL);
    report.fail(answer.errors);
    let mut risky = 0;
    for (step, broker) in (1_u32..).zip(order(answer.brokers)) {
        let check = cluster.restart_check(v1::RestartCheckRequest { broker: broker.id }).await?;
        risky += usize::from(!check.safe);
        let first = check.risks.first().map(|it| it.why.clone());
        let id = broker.id;
        report.push(row! {
            step: step,
            broker: id,
            rack: broker.rack.clone(),
            controller: broker.controller,
            leader_count: broker.leader_count,
            safe: check.safe,
            risk_count: check.risks.len(),
            why: first,
            before: format!("kq-ctl broker wait {id} --for restart-safe --timeout 10m"),
            after: format!("kq-ctl broker wait {id} --for caught-up --timeout 10m"),
        });
    }
    report.sum("broker_count", report.items.len());
    report.sum("unsafe_count", risky);
    if risky > 0 {
        report.exit = Some(Exit::No);
        report.note(format!(
            "{risky} of {} cannot be restarted now: kq-ctl broker restart-check ID",
            report.items.len()
        ));
    }
    if session.view.format.is_table() && !report.items.is_empty() {
        report.note("before each restart: kq-ctl broker wait ID --for restart-safe --timeout 10m; after it: --for caught-up");
    }
    Ok(report)
}

/// Racks one after the other, so that never two of them are touched at a time; the controller's broker
/// last, so that leadership of the quorum moves once.
fn order(mut brokers: Vec<v1::Broker>) -> Vec<v1::Broker> {
    brokers.sort_by(|a, b| {
        let key = |it: &v1::Broker| (it.controller, it.rack.clone(), it.leader_count, it.id);
        key(a).cmp(&key(b))
    });
    brokers
}
