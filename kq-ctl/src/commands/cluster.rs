//! `kq-ctl cluster ...`

pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod rebalance;
pub(crate) mod roll;
pub(crate) mod status;
pub(crate) mod wait;

use kq_proto::admin::v1;

use super::verbs;
use crate::output::{Cell, Row, Tone, row};

verbs! {
    /// The cluster in one block
    Status(status) = "status",
    /// Who and what the cluster is
    Describe(describe) = "describe",
    /// What is wrong with it, row by row; ends with 10 if anything is
    Health(health) = "health",
    /// Health, and what will be wrong or costs without need; ends with 10 if anything is found
    Doctor(doctor) = "doctor",
    /// Spread load evenly over the brokers, by a plan
    Rebalance(rebalance) = "rebalance",
    /// The order of a rolling restart, and whether each broker can go now
    Roll(roll) = "roll",
    /// Wait until the cluster is as it should be
    Wait(wait) = "wait",
}

fn severity_cell(severity: v1::Severity) -> Cell {
    match severity {
        v1::Severity::Unspecified => Cell::Null,
        v1::Severity::Info => Cell::State("info", Tone::Plain),
        v1::Severity::Warn => Cell::State("warn", Tone::Warn),
        v1::Severity::Error => Cell::State("error", Tone::Bad),
    }
}

fn reason_row(reason: &v1::HealthReason) -> Row {
    row! {
        check: &reason.check,
        severity: severity_cell(reason.severity()),
        subject: &reason.subject,
        since: super::shared::time_cell(reason.since_at_ms),
        what: &reason.what,
        fix: Cell::text_or_null(reason.fix.as_str()),
    }
}
