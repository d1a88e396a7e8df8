//! What is wrong with the cluster, row by row, each with what helps.

use std::collections::BTreeMap;

use kq_proto::admin::v1::{self, Health, HealthReason, Severity};

use super::Admin;
use super::error::lost_words;
use super::gather::{Figures, Wanted};
use super::shape::{PartitionHealth, Shapes, why};
use crate::ids::BrokerId;
use crate::metadata::{BrokerState, MetadataImage};

/// Free room of a disk below which it is told, in percent.
const DISK_FREE_PERCENT_MIN: u64 = 10;

impl Admin {
    pub(super) async fn judge(&self, per_check_max: u32) -> v1::ClusterHealthResponse {
        let mut shapes = self.shapes();
        shapes.figures = self.all_figures(Wanted::Brokers).await;
        let reasons = reasons(&shapes);
        let healthy = !reasons.iter().any(|it| it.severity() > Severity::Info);
        let (reasons, omitted_count) =
            shorten(reasons, per_check_max, |it| (it.severity, &it.check));
        v1::ClusterHealthResponse { healthy, reasons, omitted_count }
    }
}

/// All that is wrong, in no order.
pub(super) fn reasons(shapes: &Shapes) -> Vec<HealthReason> {
    let mut reasons = partition_reasons(shapes);
    reasons.extend(contact_reasons(shapes));
    reasons.extend(failed_reasons(&shapes.figures));
    reasons.extend(broker_reasons(&shapes.image));
    reasons.extend(disk_reasons(&shapes.figures));
    reasons
}

fn partition_reasons(shapes: &Shapes) -> Vec<HealthReason> {
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
            let fix = format!("kq-ctl partition describe {subject}");
            reasons.push(reason((check, severity), subject, what, &fix));
        }
    }
    reasons
}

/// Who hears whom. Without the controller all else that is said here may be old.
fn contact_reasons(shapes: &Shapes) -> Vec<HealthReason> {
    let lost = shapes.lost.map(|(asked, silence)| {
        let what = lost_words(asked, silence);
        let fix = "ask the other brokers; look whether a majority of the voters runs";
        reason(("D033", Severity::Error), format!("broker {asked}"), what, fix)
    });
    let silent = shapes.silent().map(|id| {
        let what = "it is running, and did not answer the broker that was asked".to_owned();
        let fix = format!("kq-ctl broker describe {id}");
        reason(("D034", Severity::Warn), format!("broker {id}"), what, &fix)
    });
    lost.into_iter().chain(silent).collect()
}

fn failed_reasons(figures: &Figures) -> Vec<HealthReason> {
    let mut reasons = Vec::new();
    for told in figures.answers() {
        for failed in &told.failed {
            let what = format!("broker {} cannot serve it: {}", told.broker, failed.message);
            let fix = format!("kq-ctl partition describe {}", failed.item);
            reasons.push(reason(("D032", Severity::Error), failed.item.clone(), what, &fix));
        }
    }
    reasons
}

fn disk_reasons(figures: &Figures) -> Vec<HealthReason> {
    let mut reasons = Vec::new();
    for dir in figures.answers().flat_map(|it| &it.dirs) {
        let subject = format!("broker {}", dir.broker);
        if !dir.online {
            let fix = "look for the fault of the disk, then start the broker again";
            reasons.push(reason(("D016", Severity::Error), subject, dir.error.clone(), fix));
            continue;
        }
        let (Some(total), Some(free)) = (dir.total_bytes, dir.free_bytes) else { continue };
        let Some(percent) = free.saturating_mul(100).checked_div(total) else { continue };
        if percent < DISK_FREE_PERCENT_MIN {
            let what = format!("the volume of {} has {percent}% left, {free} bytes", dir.path);
            let fix = "kq-ctl topic list --sort -size_bytes";
            reasons.push(reason(("D015", Severity::Warn), subject, what, fix));
        }
    }
    reasons
}

fn broker_reasons(image: &MetadataImage) -> Vec<HealthReason> {
    let fenced = image.brokers().filter(|it| it.state == BrokerState::Fenced);
    fenced
        .map(|broker| {
            let why = &broker.state_reason;
            let cause = if why.is_empty() { String::new() } else { format!(" ({why})") };
            let subject = format!("broker {}", broker.id);
            let what = format!("it is fenced{cause}: it leads nothing until it registers again");
            let gone = broker.cordon.as_ref().is_some_and(|it| it.decommission);
            let fix = format!("kq-ctl broker unregister {0} --confirm {0}", broker.id);
            let row = if gone && !holds_replicas(image, broker.id) {
                let what = "it is decommissioned, empty and gone, and still registered".to_owned();
                reason(("D031", Severity::Warn), subject, what, &fix)
            } else {
                reason(("D031", Severity::Error), subject, what, "start the broker again")
            };
            HealthReason { since_at_ms: Some(broker.state_since.0), ..row }
        })
        .collect()
}

fn holds_replicas(image: &MetadataImage, broker: BrokerId) -> bool {
    let mut partitions = image.all_topics().flat_map(|topic| topic.partitions());
    partitions.any(|(_, partition)| partition.replicas.contains(&broker))
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
pub(super) fn shorten<T>(
    mut rows: Vec<T>,
    per_check_max: u32,
    key: impl Fn(&T) -> (i32, &String),
) -> (Vec<T>, u32) {
    rows.sort_by(|a, b| {
        let ((a_severity, a_check), (b_severity, b_check)) = (key(a), key(b));
        b_severity.cmp(&a_severity).then_with(|| a_check.cmp(b_check))
    });
    let (mut seen, mut omitted): (BTreeMap<String, u32>, u32) = (BTreeMap::new(), 0);
    rows.retain(|it| {
        let count = seen.entry(key(it).1.clone()).or_default();
        *count += 1;
        let kept = per_check_max == 0 || *count <= per_check_max;
        omitted += u32::from(!kept);
        kept
    });
    (rows, omitted)
}
