//! Checks of brokers and of the quorum.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1::{Finding, Severity};

use super::{Exam, finding};
use crate::ids::BrokerId;

/// Clocks that differ by less are as good as equal.
const SKEW_MS_WARN: i64 = 1_000;
const SKEW_MS_ERROR: i64 = 10_000;

pub(super) fn leader_skew(exam: &Exam) -> Vec<Finding> {
    let image = &exam.shapes.image;
    let mut leaders: BTreeMap<BrokerId, u64> = image.live_brokers().map(|it| (it.id, 0)).collect();
    for leader in image.topics().flat_map(|it| &it.partitions).filter_map(|it| it.leader) {
        *leaders.entry(leader).or_default() += 1;
    }
    let total: u64 = leaders.values().sum();
    let mean = total / u64::try_from(leaders.len().max(1)).unwrap_or(1);
    let most = leaders.iter().max_by_key(|it| it.1);
    let fewest = leaders.iter().min_by_key(|it| it.1);
    let (Some((most_id, most)), Some((fewest_id, fewest))) = (most, fewest) else {
        return Vec::new();
    };
    // A fifth more or less than the mean is how placement falls.
    if most - fewest <= (mean / 5).max(2) {
        return Vec::new();
    }
    let evidence = format!("broker {most_id} leads {most}, broker {fewest_id} {fewest}");
    let what = "leaders are unevenly spread";
    let fix = "kq-ctl leader list";
    vec![finding(("D006", Severity::Warn), "cluster", (what, evidence), fix)]
}

pub(super) fn clock_skew(exam: &Exam) -> Vec<Finding> {
    let mut found = Vec::new();
    for told in exam.shapes.figures.answers() {
        let skew = told.now_ms - exam.now_ms;
        if skew.abs() < SKEW_MS_WARN {
            continue;
        }
        let grave = SKEW_MS_ERROR <= skew.abs();
        let severity = if grave { Severity::Error } else { Severity::Warn };
        let evidence = format!("{skew} ms from the broker that answers");
        let subject = format!("broker {}", told.broker);
        let fix = "set its clock by NTP";
        found.push(finding(("D017", severity), subject, ("its clock is off", evidence), fix));
    }
    found
}

pub(super) fn mixed_versions(exam: &Exam) -> Vec<Finding> {
    let mut brokers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for told in exam.shapes.figures.answers() {
        brokers.entry(&told.version).or_default().push(told.broker.to_string());
    }
    if brokers.len() < 2 {
        return Vec::new();
    }
    let of = |(version, ids): (&&str, &Vec<String>)| format!("{version} on {}", ids.join(","));
    let evidence = brokers.iter().map(of).collect::<Vec<_>>().join("; ");
    let what = "brokers run different versions";
    let fix = "kq-ctl cluster roll --plan-only";
    vec![finding(("D019", Severity::Info), "cluster", (what, evidence), fix)]
}

pub(super) fn voters(exam: &Exam) -> Vec<Finding> {
    let image = &exam.shapes.image;
    let voters: BTreeSet<BrokerId> = exam.status.voters.iter().copied().collect();
    let mut found = Vec::new();
    let list = voters.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let brokers = image.live_brokers().count();
    if voters.len().is_multiple_of(2) {
        let what = "an even number of voters bears no more losses than one less";
        let evidence = format!("voters [{list}]");
        let fix = "kq-ctl quorum status";
        found.push(finding(("D020", Severity::Warn), "quorum", (what, evidence), fix));
    } else if voters.len() == 1 && 3 <= brokers {
        let what = "one voter alone: its loss stops every change";
        let evidence = format!("voters [{list}], {brokers} brokers");
        let fix = "kq-ctl quorum status";
        found.push(finding(("D020", Severity::Warn), "quorum", (what, evidence), fix));
    }
    for id in voters.iter().filter(|id| !image.is_live(**id)) {
        let evidence = format!("voters [{list}]");
        let fix = "start the broker again";
        let what = "a voter is away";
        found.push(finding(
            ("D020", Severity::Error),
            format!("broker {id}"),
            (what, evidence),
            fix,
        ));
    }
    found
}
