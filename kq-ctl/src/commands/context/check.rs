//! `kq-ctl context check [NAME]`

use kq_proto::admin::v1;

use crate::exit::Failure;
use crate::output::{Cell, Report, row};
use crate::schema::{CONTEXT_CHECK, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT_CHECK
}

pub(crate) async fn run(_: &Args, session: &Session) -> Result<Report, Failure> {
    let began = session.now_ms();
    let cluster = session.cluster(Access::Read).await?;
    let about = cluster.describe_cluster(v1::DescribeClusterRequest {}).await?;
    let elapsed = u64::try_from(session.elapsed(began).as_millis()).unwrap_or(u64::MAX);
    let pinned = session.settings.guards.cluster_id.as_deref();
    if let Some(pinned) = pinned.filter(|pinned| *pinned != about.cluster_id) {
        return Err(Failure::new(
            "kq.WRONG_CLUSTER",
            format!(
                "the context is pinned to cluster {pinned}, but {} belongs to {}",
                cluster.address(),
                about.cluster_id
            ),
        ));
    }
    let pin = match pinned {
        Some(_) => "matches",
        None if session.was_pinned_now() => "pinned_now",
        None => "none",
    };
    let mut report = Report::new(&CONTEXT_CHECK);
    report.push(row! {
        name: session.context_name().map(str::to_owned),
        broker: cluster.address(),
        cluster_id: about.cluster_id,
        pin: pin,
        elapsed_ms: Cell::Millis(elapsed),
    });
    Ok(report)
}
