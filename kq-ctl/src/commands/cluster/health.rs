//! `kq-ctl cluster health`

use kq_proto::admin::v1;

use crate::exit::{Exit, Failure};
use crate::output::Report;
use crate::schema::{CLUSTER_HEALTH, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// At most N rows of one check; 0 = all
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    per_check: u32,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CLUSTER_HEALTH
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::ClusterHealthRequest { per_check_max: args.per_check };
    let answer = cluster.cluster_health(request).await?;
    let mut report = Report::new(&CLUSTER_HEALTH);
    report.extend(answer.reasons.iter().map(super::reason_row));
    report.sum("healthy", answer.healthy);
    report.sum("omitted_count", answer.omitted_count);
    if answer.omitted_count > 0 {
        report.note(format!("{} more rows: --per-check 0", answer.omitted_count));
    }
    if !answer.healthy {
        report.exit = Some(Exit::No);
    } else if session.view.format.is_table() {
        report.note("healthy");
    }
    Ok(report)
}
