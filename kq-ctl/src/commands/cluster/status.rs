//! `kq-ctl cluster status`

use kq_proto::admin::v1;

use crate::commands::shared::size_cell;
use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{CLUSTER_STATUS, Schema};
use crate::session::{Access, Session};

/// Of each check; the full list is what `cluster health` is for.
const REASONS_PER_CHECK: u32 = 3;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CLUSTER_STATUS
}

pub(crate) async fn run(_: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let (about, health) = tokio::join!(
        cluster.describe_cluster(v1::DescribeClusterRequest {}),
        cluster.cluster_health(v1::ClusterHealthRequest { per_check_max: REASONS_PER_CHECK }),
    );
    let (about, health) = (about?, health?);
    let mut report = Report::new(&CLUSTER_STATUS);
    report.push(row! {
        cluster_id: &about.cluster_id,
        healthy: health.healthy,
        controller: about.controller,
        broker_count: about.broker_count,
        broker_running_count: about.broker_running_count,
        topic_count: about.topic_count,
        deleted_topic_count: about.deleted_topic_count,
        partition_count: about.partition_count,
        under_replicated_count: about.under_replicated_count,
        at_min_isr_count: about.at_min_isr_count,
        under_min_isr_count: about.under_min_isr_count,
        offline_count: about.offline_count,
        not_preferred_count: about.not_preferred_count,
        size_bytes: size_cell(about.size_bytes),
        reasons: health.reasons.iter().map(super::reason_row).collect::<Vec<_>>(),
    });
    if health.omitted_count > 0 {
        report.note(format!("{} more reasons: kq-ctl cluster health", health.omitted_count));
    }
    Ok(report)
}
