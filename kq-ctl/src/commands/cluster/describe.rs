//! `kq-ctl cluster describe`

use kq_proto::admin::v1;

use crate::exit::Failure;
use crate::output::{Report, Row, row};
use crate::schema::{CLUSTER, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CLUSTER
}

pub(crate) async fn run(_: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let about = cluster.describe_cluster(v1::DescribeClusterRequest {}).await?;
    let mut report = Report::new(&CLUSTER);
    report.push(row! {
        cluster_id: &about.cluster_id,
        controller: about.controller,
        voters: &about.voters,
        metadata_index: about.metadata_index,
        metadata_committed_index: about.metadata_committed_index,
        answered_by: about.answered_by,
        version: &about.version,
        broker_count: about.broker_count,
        topic_count: about.topic_count,
        partition_count: about.partition_count,
        features: about.features.iter().map(feature_row).collect::<Vec<_>>(),
    });
    Ok(report)
}

fn feature_row(feature: &v1::Feature) -> Row {
    row! {
        feature: &feature.name,
        level: feature.level,
        level_min: feature.level_min,
        level_max: feature.level_max,
    }
}
