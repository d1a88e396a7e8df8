//! `kq-ctl partition describe TOPIC/P..`

use kq_proto::admin::v1;

use crate::commands::events::kind_word;
use crate::commands::place::{Place, expand};
use crate::commands::shared::{health_cell, size_cell, time_cell};
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, Tone, row};
use crate::schema::{PARTITION, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Partitions, as orders/3 or orders/0,3; all of a topic if no index is given
    #[arg(value_name = "TOPIC/P", required = true, add = crate::complete::topics())]
    places: Vec<Place>,
    /// At most N events of each; 0 = as many as the broker tells
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true)]
    #[arg(value_parser = crate::cli::whole(crate::cli::INDEXES))]
    history: u32,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PARTITION
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let (partitions, errors) = expand(&args.places, cluster.as_ref()).await?;
    let mut report = Report::new(&PARTITION);
    report.fail(errors);
    if partitions.is_empty() {
        return Ok(report);
    }
    let request = v1::DescribePartitionsRequest { partitions, history_max: args.history };
    let answer = cluster.describe_partitions(request).await?;
    report.extend(answer.partitions.iter().map(detail_row));
    report.fail(answer.errors);
    Ok(report)
}

fn detail_row(detail: &v1::PartitionDetail) -> Row {
    let row = detail.row.clone().unwrap_or_default();
    let it = row.partition.unwrap_or_default();
    row! {
        topic: &row.topic,
        partition: it.index,
        state: health_cell(it.health),
        why: &detail.why,
        leader: it.leader,
        preferred_leader: it.preferred_leader,
        leader_epoch: it.leader_epoch,
        partition_epoch: it.partition_epoch,
        min_insync_replicas: row.min_insync_replicas,
        isr: &it.isr,
        elr: &it.elr,
        adding: &it.adding,
        removing: &it.removing,
        log_start_offset: it.log_start_offset,
        last_stable_offset: it.last_stable_offset,
        high_watermark: it.high_watermark,
        log_end_offset: it.log_end_offset,
        replicas: detail.replicas.iter().map(replica_row).collect::<Vec<_>>(),
        history: detail.history.iter().map(event_row).collect::<Vec<_>>(),
    }
}

fn replica_row(it: &v1::Replica) -> Row {
    let role = match it.role() {
        v1::ReplicaRole::Unspecified => Cell::Null,
        v1::ReplicaRole::Leader => Cell::State("leader", Tone::Good),
        v1::ReplicaRole::InSync => Cell::State("in_sync", Tone::Good),
        v1::ReplicaRole::Eligible => Cell::State("eligible", Tone::Warn),
        v1::ReplicaRole::OutOfSync => Cell::State("out_of_sync", Tone::Bad),
        v1::ReplicaRole::Adding => Cell::State("adding", Tone::Plain),
    };
    row! {
        broker: it.broker,
        rack: it.rack.clone(),
        role: role,
        broker_state: crate::commands::broker::state_cell(it.broker_state()),
        lag_records: it.lag_records,
        lag_ms: it.lag_ms.map_or(Cell::Null, Cell::Millis),
        last_caught_up: time_cell(it.last_caught_up_at_ms),
        removing: it.removing,
        log_end_offset: it.log_end_offset,
        synced_end_offset: it.synced_end_offset,
        size_bytes: size_cell(it.size_bytes),
        log_dir: it.log_dir.clone(),
    }
}

fn event_row(event: &v1::Event) -> Row {
    row! {
        at: Cell::Time(event.at_ms),
        event: kind_word(event),
        message: &event.message,
        reason: Cell::text_or_null(event.reason.as_str()),
        sequence: event.sequence,
    }
}
