//! What is wrong with the cluster, row by row, each with what helps.

use std::collections::BTreeMap;

use kq_proto::admin::v1::{self, Health, HealthReason, Severity};

use super::Admin;
use super::shape::{PartitionHealth, Shapes, why};
use crate::metadata::BrokerState;

/// Free room of a disk below which it is told, in percent.
const DISK_FREE_PERCENT_MIN: u64 = 10;

impl Admin {
    pub(super) fn judge(&self, per_check_max: u32) -> v1::ClusterHealthResponse {
        let shapes = self.shapes();
        let mut reasons = self.partition_reasons(&shapes);
        reasons.extend(broker_reasons(&shapes));
        reasons.extend(self.disk_reasons());
        let healthy = !reasons.iter().any(|it| it.severity() > Severity::Info);
        let (reasons, omitted_count) = shorten(reasons, per_check_max);
        v1::ClusterHealthResponse { healthy, reasons, omitted_count }
    }

    fn partition_reasons(&self, shapes: &Shapes) -> Vec<HealthReason> {
        let mut reasons = Vec::new();
        for topic in shapes.image.topics() {
            let min_isr = shapes.config_of(topic).min_insync_replicas;
            for (index, partition) in topic.partitions() {
                let health = PartitionHealth::of(partition, min_isr);
                let (check, severity) = match health.worst() {
                    Health::Offline => ("D001", Severity::Error),
                    Health::UnderMinIsr => ("D002", Severity::Error),
                    Health::AtMinIsr => ("D003", Severity::Warn),
                    Health::UnderReplicated => ("D030", Severity::Warn),
                    Health::Ok | Health::Unspecified => continue,
                };
                let subject = format!("{}/{index}", topic.name);
                let what = why(partition, health, min_isr);
                reasons.push(reason((check, severity), subject, what, "kq-ctl broker list"));
            }
        }
        for (id, err) in self.node.partitions.failed() {
            let name = shapes.image.any_topic(id.topic).map(|it| it.name.to_string());
            let subject = format!("{}/{}", name.unwrap_or_else(|| id.topic.to_string()), id.index);
            let what = format!("broker {} cannot serve it: {err}", self.node.broker_id);
            reasons.push(reason(("D032", Severity::Error), subject, what, ""));
        }
        reasons
    }

    fn disk_reasons(&self) -> Vec<HealthReason> {
        let mut reasons = Vec::new();
        for dir in self.node.partitions.log_dirs() {
            let described = dir.describe();
            let subject = format!("broker {}", self.node.broker_id);
            if let Some(why) = &described.offline {
                let fix = "look for the fault of the disk, then start the broker again";
                reasons.push(reason(("D016", Severity::Error), subject, why.to_string(), fix));
                continue;
            }
            let Some(space) = described.space.filter(|it| it.total_bytes > 0) else { continue };
            let percent = space.free_bytes.saturating_mul(100) / space.total_bytes;
            if percent < DISK_FREE_PERCENT_MIN {
                let what = format!(
                    "the volume of {} has {percent}% left, {} bytes",
                    described.path.display(),
                    space.free_bytes
                );
                let fix = "kq-ctl topic list --sort -size_bytes";
                reasons.push(reason(("D015", Severity::Warn), subject, what, fix));
            }
        }
        reasons
    }
}

fn broker_reasons(shapes: &Shapes) -> Vec<HealthReason> {
    let fenced = shapes.image.brokers().filter(|it| it.state == BrokerState::Fenced);
    fenced
        .map(|broker| {
            let subject = format!("broker {}", broker.id);
            let what = "it is fenced: it leads nothing until it registers again".to_owned();
            reason(("D031", Severity::Error), subject, what, "start the broker again")
        })
        .collect()
}

fn reason(
    (check, severity): (&str, Severity),
    subject: String,
    what: String,
    fix: &str,
) -> HealthReason {
    HealthReason {
        check: check.to_owned(),
        severity: severity.into(),
        subject,
        what,
        fix: fix.to_owned(),
        since_at_ms: None,
    }
}

/// The worst first, at most so many of each check, and how many were left out.
fn shorten(mut reasons: Vec<HealthReason>, per_check_max: u32) -> (Vec<HealthReason>, u32) {
    reasons.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.check.cmp(&b.check)));
    let (mut seen, mut omitted): (BTreeMap<String, u32>, u32) = (BTreeMap::new(), 0);
    reasons.retain(|it| {
        let count = seen.entry(it.check.clone()).or_default();
        *count += 1;
        let kept = per_check_max == 0 || *count <= per_check_max;
        omitted += u32::from(!kept);
        kept
    });
    (reasons, omitted)
}
