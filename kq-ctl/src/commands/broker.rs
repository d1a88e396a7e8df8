//! `kq-ctl broker ...`

mod change;
pub(crate) mod decommission;
pub(crate) mod describe;
pub(crate) mod drain;
pub(crate) mod list;
pub(crate) mod recommission;
pub(crate) mod restart_check;
pub(crate) mod undrain;
pub(crate) mod unregister;
pub(crate) mod wait;

use kq_proto::admin::v1;

use super::verbs;
use crate::commands::shared::size_cell;
use crate::output::{Cell, Row, Tone, row};

verbs! {
    /// List brokers and how they are
    List(list) = "list",
    /// Describe brokers with their log directories
    Describe(describe) = "describe",
    /// What would happen if a broker were restarted now; ends with 10 if anything would
    RestartCheck(restart_check) = "restart-check",
    /// Move everything off a broker, and give it nothing new
    Drain(drain) = "drain",
    /// Let drained brokers have new replicas again
    Undrain(undrain) = "undrain",
    /// Move everything off a broker that is to leave for good
    Decommission(decommission) = "decommission",
    /// Let brokers stay that were to leave for good
    Recommission(recommission) = "recommission",
    /// Forget brokers that are stopped and hold nothing
    Unregister(unregister) = "unregister",
    /// Wait until brokers are as they should be
    Wait(wait) = "wait",
}

pub(super) fn state_cell(state: v1::BrokerState) -> Cell {
    let (word, tone) = match state {
        v1::BrokerState::Unspecified => return Cell::Null,
        v1::BrokerState::Running => ("running", Tone::Good),
        v1::BrokerState::Fenced => ("fenced", Tone::Bad),
        v1::BrokerState::ShuttingDown => ("shutting_down", Tone::Warn),
        v1::BrokerState::Draining => ("draining", Tone::Warn),
        v1::BrokerState::Starting => ("starting", Tone::Plain),
    };
    Cell::State(word, tone)
}

/// Used share of the disks, rounded up: 100 means full.
fn disk_percent(broker: &v1::Broker) -> Option<u64> {
    let total = broker.disk_total_bytes.filter(|total| *total > 0)?;
    let used = total.saturating_sub(broker.disk_free_bytes?);
    u64::try_from((u128::from(used) * 100).div_ceil(u128::from(total))).ok()
}

fn uptime(broker: &v1::Broker, now_ms: i64) -> Cell {
    let uptime = broker.started_at_ms.and_then(|at| u64::try_from(now_ms - at).ok());
    uptime.map_or(Cell::Null, Cell::Millis)
}

fn listeners(broker: &v1::Broker) -> Cell {
    Cell::list(
        broker.endpoints.iter().map(|it| format!("{}://{}:{}", it.listener, it.host, it.port)),
    )
}

/// What lists and descriptions both say.
fn figures(broker: &v1::Broker, now_ms: i64) -> Row {
    row! {
        id: broker.id,
        host: format!("{}:{}", broker.host, broker.port),
        rack: broker.rack.clone(),
        state: state_cell(broker.state()),
        version: broker.version.clone(),
        leader_count: broker.leader_count,
        replica_count: broker.replica_count,
        size_bytes: size_cell(broker.size_bytes),
        disk_percent: disk_percent(broker),
        uptime_ms: uptime(broker, now_ms),
        epoch: broker.epoch,
        controller: broker.controller,
        listeners: listeners(broker),
        cordoned: broker.cordon.as_ref().map(|it| it.reason.clone()),
        decommission: broker.cordon.as_ref().is_some_and(|it| it.decommission),
        state_since: super::shared::time_cell(broker.state_since_at_ms),
        state_reason: Cell::text_or_null(broker.state_reason.as_str()),
    }
}
