//! Checks of brokers and of the quorum.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kq_proto::admin::v1::{Finding, Severity};

use super::{Exam, finding};
use crate::ids::BrokerId;
use crate::metadata::{EventKind, MetadataImage};
use crate::raft::MemberStatus;

/// How far back it is counted how often the quorum changed its leader.
const CHURN_WINDOW_MS: i64 = 3_600_000;
/// A rolling restart of all voters may change the leader once for each, and an operator may hand it
/// over. More than this and one more for each voter is neither.
const CHURN_SPARE: usize = 1;
/// A voter that lacks more of the log than this needs a while before it can lead.
const VOTER_LAG_MAX: u64 = 1_000;
/// A voter that lives answers its leader several times a second.
const VOTER_SILENCE_MAX: Duration = Duration::from_secs(5);

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
    found.extend(exam.members.iter().filter_map(|it| behind(it, exam)));
    found
}

/// A voter that lives and is far behind, or does not answer its leader: it counts for a majority and
/// cannot help to make one.
fn behind(it: &MemberStatus, exam: &Exam) -> Option<Finding> {
    let live = exam.shapes.image.is_live(it.broker);
    if !it.voter || !live || exam.status.leader == Some(it.broker) {
        return None;
    }
    let end = exam.members.iter().filter_map(|it| it.matched).max()?;
    let lag = end.saturating_sub(it.matched.unwrap_or(end));
    let silent = it.answered.filter(|ago| VOTER_SILENCE_MAX < *ago);
    let (what, evidence) = match silent {
        Some(ago) => ("a voter does not answer", format!("silent for {} s", ago.as_secs())),
        None if VOTER_LAG_MAX < lag => {
            ("a voter is far behind", format!("it lacks {lag} entries of {end}"))
        }
        None => return None,
    };
    let subject = format!("broker {}", it.broker);
    Some(finding(("D020", Severity::Warn), subject, (what, evidence), "kq-ctl quorum status"))
}

pub(super) fn controller_churn(exam: &Exam) -> Vec<Finding> {
    let lately = leaders_since(&exam.shapes.image, exam.now_ms - CHURN_WINDOW_MS);
    if lately.len() <= exam.status.voters.len() + CHURN_SPARE {
        return Vec::new();
    }
    let latest = lately.iter().skip(lately.len().saturating_sub(8));
    let names: Vec<String> = latest.map(ToString::to_string).collect();
    let evidence = format!(
        "{} times in the last hour, with {} voters; the latest leaders: {}",
        lately.len(),
        exam.status.voters.len(),
        names.join(" ")
    );
    let what = "the leader of the quorum changes again and again";
    let fix = "kq-ctl events --kind controller_changed --since 1h";
    vec![finding(("D021", Severity::Warn), "quorum", (what, evidence), fix)]
}

/// Who came to lead the quorum since then, in the order of time.
fn leaders_since(image: &MetadataImage, since_ms: i64) -> Vec<BrokerId> {
    let lately = image.events().rev().take_while(|it| since_ms <= it.time.0);
    let changes = lately.filter(|it| it.kind == EventKind::ControllerChanged);
    let mut leaders: Vec<_> = changes.filter_map(|it| it.subject.broker()).collect();
    leaders.reverse();
    leaders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Change, MetadataRecord, TimestampMs};

    #[test]
    fn leaders_of_the_quorum_are_counted_within_the_window_only() {
        let mut image = MetadataImage::default();
        for (nth, broker) in [1, 2, 1, 3].into_iter().enumerate() {
            let nth = u64::try_from(nth).unwrap() + 1;
            let time = TimestampMs(i64::try_from(nth).unwrap() * 1_000);
            let mut change = Change::new(time, "elected");
            change.records.push(MetadataRecord::ControllerChanged {
                broker: BrokerId(broker),
                term: nth,
                unled_since: None,
            });
            image = image.apply(nth, &change).unwrap();
        }
        let leaders = |since| -> Vec<u32> {
            leaders_since(&image, since).into_iter().map(|id| id.0).collect()
        };
        assert_eq!(leaders(0), [1, 2, 1, 3]);
        assert_eq!(leaders(2_001), [1, 3]);
        assert_eq!(leaders(5_000), [0; 0]);
    }
}
