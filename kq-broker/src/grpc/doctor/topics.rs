//! Checks of topics and partitions.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1::{Finding, Severity};

use super::{Exam, finding};
use crate::controller::LeaderRules;
use crate::metadata::{EventKind, PartitionImage, Subject, TimestampMs, TopicImage, UncleanPolicy};

/// Segments below this make more files than they are worth.
const SEGMENT_BYTES_MIN: u32 = 1 << 20;
/// A move that has not done anything for so long stands still.
const MOVE_QUIET_MS_MAX: i64 = 600_000;
/// An ISR that shrinks this often in an hour is not one bad moment.
const SHRINKS_PER_HOUR_MAX: u32 = 4;
const HOUR_MS: i64 = 3_600_000;

pub(super) fn no_spare(exam: &Exam) -> Vec<Finding> {
    let brokers = exam.shapes.image.brokers().count();
    let mut found = Vec::new();
    for topic in exam.shapes.image.topics() {
        let factor = topic.partitions.iter().map(|it| it.replicas.len()).min().unwrap_or(0);
        let min_isr = exam.shapes.config_of(topic).min_insync_replicas as usize;
        if min_isr < factor {
            continue;
        }
        // Where there is nobody to copy to, there is nothing to do about it either.
        let severity = if factor < brokers { Severity::Warn } else { Severity::Info };
        let fix = if factor < brokers {
            format!("kq-ctl topic alter {} -r {}", topic.name, brokers.min(3).max(factor + 1))
        } else {
            String::new()
        };
        let evidence = format!("rf {factor}, min.insync.replicas {min_isr}");
        let what = "one broker less stops acks=all";
        found.push(finding(("D004", severity), &*topic.name, (what, evidence), fix));
    }
    found
}

pub(super) fn one_rack(exam: &Exam) -> Vec<Finding> {
    let image = &exam.shapes.image;
    let rack = |id| image.broker(id).and_then(|it| it.rack.as_deref());
    let racks: BTreeSet<&str> = image.brokers().filter_map(|it| it.rack.as_deref()).collect();
    if racks.len() < 2 {
        return Vec::new();
    }
    let huddled = |topic: &TopicImage| -> Vec<String> {
        let in_one = topic.partitions().filter(|(_, it)| {
            let on: BTreeSet<Option<&str>> = it.replicas.iter().map(|id| rack(*id)).collect();
            it.replicas.len() > 1 && on.len() == 1 && !on.contains(&None)
        });
        in_one.map(|(index, _)| index.to_string()).collect()
    };
    let mut found = Vec::new();
    for topic in image.topics() {
        let partitions = huddled(topic);
        if partitions.is_empty() {
            continue;
        }
        let evidence = format!("partitions {} of {} racks", some(&partitions), racks.len());
        let fix = format!("kq-ctl partition reassign {} --racks", topic.name);
        let what = "all its replicas stand in one rack";
        found.push(finding(("D005", Severity::Warn), &*topic.name, (what, evidence), fix));
    }
    found
}

pub(super) fn not_preferred(exam: &Exam) -> Vec<Finding> {
    let image = &exam.shapes.image;
    let mut found = Vec::new();
    for topic in image.topics() {
        let rules = LeaderRules::of(image, topic, &exam.shapes.sources);
        // What an election would ask for, not what it would fall back to.
        let off = topic.partitions().filter(|(index, it)| {
            let wanted = rules.order(image, *index, &it.replicas).first().copied();
            let can_lead = wanted.is_some_and(|id| it.isr.contains(&id) && image.may_lead(id));
            it.leader.is_some() && it.leader != wanted && it.handover != wanted && can_lead
        });
        let off: Vec<String> = off.map(|(index, _)| index.to_string()).collect();
        if off.is_empty() {
            continue;
        }
        let what = "another replica leads than the preferred one";
        let freeze = image.freeze_of(topic).filter(|it| it.holds_at(TimestampMs(exam.now_ms)));
        let (why, fix) = match &freeze {
            None => ("", format!("kq-ctl leader elect {} --type preferred", topic.name)),
            Some(_) if topic.freeze.is_some() => {
                (", frozen", format!("kq-ctl leader policy unfreeze {}", topic.name))
            }
            Some(_) => (", frozen", "kq-ctl leader policy unfreeze --all".to_owned()),
        };
        let evidence = format!("partitions {}{why}", some(&off));
        let row = finding(("D007", Severity::Info), &*topic.name, (what, evidence), fix);
        // A leader drains before it hands over, and can be handed back.
        found.push(Finding { safe: freeze.is_none(), ..row });
    }
    found
}

pub(super) fn stuck_moves(exam: &Exam) -> Vec<Finding> {
    let image = &exam.shapes.image;
    let mut moving = Vec::new();
    for topic in image.topics() {
        let moves = |it: &PartitionImage| !it.adding.is_empty() || !it.removing.is_empty();
        for (index, partition) in topic.partitions().filter(|(_, it)| moves(it)) {
            moving.push(((&*topic.name, index), (topic, partition)));
        }
    }
    if moving.is_empty() {
        return Vec::new();
    }
    let mut last = BTreeMap::new();
    for event in image.events() {
        if let Subject::Partition(topic, index) = &event.subject {
            last.insert((&**topic, *index), event.time.0);
        }
    }
    let mut found = Vec::new();
    for (name, (topic, partition)) in moving {
        let Some(quiet) = last.get(&name).map(|at| exam.now_ms - at) else { continue };
        if quiet < MOVE_QUIET_MS_MAX {
            continue;
        }
        let name = format!("{}/{}", name.0, name.1);
        let adding: Vec<String> = partition.adding.iter().map(ToString::to_string).collect();
        let mut evidence =
            format!("adding [{}], nothing for {} min", adding.join(" "), quiet / 60_000);
        let mut fix = format!("kq-ctl partition describe {name}");
        let copied = partition.adding.iter().all(|id| partition.isr.contains(id));
        let leaves = partition.leader.is_some_and(|id| partition.removing.contains(&id));
        if let Some((frozen, lift)) = image.frozen_words(topic).filter(|_| copied && leaves) {
            evidence = format!("{evidence}, its leader is to go and {frozen}");
            fix = lift;
        }
        found.push(finding(
            ("D009", Severity::Warn),
            name,
            ("its move stands still", evidence),
            fix,
        ));
    }
    found
}

pub(super) fn isr_churn(exam: &Exam) -> Vec<Finding> {
    let mut shrinks: BTreeMap<_, u32> = BTreeMap::new();
    let lately = exam.shapes.image.events().rev();
    for event in lately.take_while(|it| exam.now_ms - it.time.0 < HOUR_MS) {
        if let (EventKind::IsrShrunk, Subject::Partition(topic, index)) =
            (event.kind, &event.subject)
        {
            *shrinks.entry((&**topic, *index)).or_default() += 1;
        }
    }
    let often = shrinks.into_iter().filter(|(_, count)| SHRINKS_PER_HOUR_MAX < *count);
    often
        .map(|(name, count)| {
            let name = format!("{}/{}", name.0, name.1);
            let evidence = format!("its ISR shrank {count} times in the last hour");
            let fix = format!("kq-ctl partition describe {name}");
            let what = "replicas come and go";
            finding(("D022", Severity::Warn), name, (what, evidence), fix)
        })
        .collect()
}

pub(super) fn unclean(exam: &Exam) -> Vec<Finding> {
    let image = &exam.shapes.image;
    let mut found = Vec::new();
    for topic in image.topics() {
        let rules = LeaderRules::of(image, topic, &exam.shapes.sources);
        let severity = match rules.unclean {
            UncleanPolicy::Never | UncleanPolicy::Manual => continue,
            UncleanPolicy::Balanced => Severity::Info,
            UncleanPolicy::Auto => Severity::Warn,
        };
        let evidence = format!("unclean election: {}", rules.unclean.as_str());
        let fix = format!("kq-ctl leader policy set {} --unclean manual", topic.name);
        let what = "a replica that lacks acknowledged records may lead";
        found.push(finding(("D023", severity), &*topic.name, (what, evidence), fix));
    }
    found
}

pub(super) fn small_segments(exam: &Exam) -> Vec<Finding> {
    let topics = exam.shapes.image.topics().filter(|it| !it.is_internal());
    let small = topics.filter_map(|topic| {
        let bytes = exam.shapes.config_of(topic).segment_bytes;
        (bytes < SEGMENT_BYTES_MIN).then_some((topic, bytes))
    });
    small
        .map(|(topic, bytes)| {
            let evidence = format!("segment.bytes={bytes}");
            let fix = format!("kq-ctl topic alter {} --unset segment.bytes", topic.name);
            let what = "it makes very many files";
            finding(("D025", Severity::Warn), &*topic.name, (what, evidence), fix)
        })
        .collect()
}

/// The first of many.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(",");
    if names.len() > SHOWN { format!("{shown},.. ({} in all)", names.len()) } else { shown }
}
