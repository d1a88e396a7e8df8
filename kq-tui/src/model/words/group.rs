//! What a group's class rests on, in sentences.

use kq_proto::admin::v1::catch_up::When;
use kq_proto::admin::v1::{CatchUp, GroupSummary, LagClass, LagSummary, PartitionLag};

use crate::facts::Facts;
use crate::model::moment::{self, Zone};
use crate::text::{count_text, plural, rate_text, safe, span_text};

/// Within so many seconds a group should be through, to say what it lacks.
const THROUGH_WITHIN_S: u32 = 1_200;

/// The word of a class, as screens show it.
pub const fn class_word(class: LagClass) -> &'static str {
    match class {
        LagClass::Ok => "OK",
        LagClass::New => "NEW",
        LagClass::Draining => "DRAINING",
        LagClass::NoCommits => "NO COMMITS",
        LagClass::Rewound => "REWOUND",
        LagClass::Lagging => "FALLING",
        LagClass::Stalled => "STALLED",
        LagClass::Stopped => "STOPPED",
        LagClass::Leaderless => "LEADERLESS",
        LagClass::Partial => "PARTIAL",
        LagClass::Unknown | LagClass::Unspecified => "?",
    }
}

/// Between which bounds lie the records that a group has to read: at least, and, where all of it is
/// known, at most. What nobody knows is never 0.
pub fn records_known(lag: &LagSummary) -> (u64, Option<u64>) {
    let is_told = !matches!(lag.class(), LagClass::New | LagClass::Unknown) || lag.lag > 0;
    let most = Some(lag.lag).filter(|_| is_told && lag.partial_count == 0);
    (if lag.lag_is_bound { 0 } else { lag.lag }, most)
}

/// Records to read: `?` where nothing is known, `3 + ?` where a part is, `<=9` where a gap may lie
/// between.
pub fn records_text(lag: &LagSummary) -> String {
    let count = count_text(lag.lag);
    match records_known(lag) {
        (_, Some(_)) if lag.lag_is_bound => format!("<={count}"),
        (_, Some(_)) => count,
        (_, None) if lag.partial_count > 0 && lag.lag > 0 => format!("{count} + ?"),
        (_, None) => "?".to_owned(),
    }
}

/// What the class of a group rests on, and what would help. Partitions are named if the group is
/// open.
pub fn evidence(facts: &Facts, group: &str, zone: Zone<'_>) -> Vec<String> {
    let open = facts.group.as_ref().filter(|it| it.group == group);
    // The sum that was told with the partitions: another one is of another moment.
    let with_them = open.and_then(|it| it.summary.as_ref());
    let Some(summary) = with_them.or_else(|| facts.groups.get(group)) else { return Vec::new() };
    let Some(lag) = &summary.lag else {
        return vec![format!("{}: its lag is not known.", safe(group))];
    };
    let partitions = open.map(|it| it.partitions.as_slice()).unwrap_or_default();
    let mut words = vec![class_sentence(summary, lag, zone)];
    words.extend(slowest(lag, partitions));
    words.extend(needs(lag));
    if lag.partial_count > 0 {
        words.push(unknown(lag, partitions));
    }
    if lag.expired > 0 {
        let count = plural(lag.expired, "record");
        words.push(format!("Retention took {count} before they were read."));
    }
    words
}

/// `billing FALLING since 11:48: 9.80 k/s come in, 8.60 k/s are committed.`
fn class_sentence(summary: &GroupSummary, lag: &LagSummary, zone: Zone<'_>) -> String {
    let name = safe(&summary.group);
    let since =
        lag.class_since_at_ms.map(|at_ms| format!(" since {}", moment::minute(at_ms, zone)));
    let since = since.unwrap_or_default();
    let word = class_word(lag.class());
    let why = match lag.why.as_str() {
        "" => String::new(),
        why => format!(" ({})", safe(&why.replace('_', " "))),
    };
    let rates = match (lag.produced_per_second, lag.consumed_per_second) {
        (Some(come), Some(gone)) => {
            format!(": {} come in, {} are committed", rate_text(come), rate_text(gone))
        }
        (Some(come), None) => format!(": {} come in, commits are not known", rate_text(come)),
        (None, _) => String::new(),
    };
    let nobody =
        if summary.member_count == 0 && lag.class() != LagClass::Ok { ", no member" } else { "" };
    format!("{name} {word}{since}{why}{rates}{nobody}.")
}

fn slowest(lag: &LagSummary, partitions: &[PartitionLag]) -> Option<String> {
    let of = lag.slowest.as_ref()?;
    if lag.lag == 0 {
        return None;
    }
    let mut text = format!("Slowest: {}-{}", safe(&of.topic), of.partition);
    let same = |it: &&PartitionLag| it.topic == of.topic && it.partition == of.partition;
    if let Some(it) = partitions.iter().find(same) {
        // A part that is larger than the whole is of another moment.
        let share = it.lag.and_then(|own| own.saturating_mul(100).checked_div(lag.lag));
        if let Some(percent) = share.filter(|it| *it <= 100) {
            text = format!("{text}, {percent} % of the lag");
        }
        match (&it.member, &it.host) {
            (Some(member), Some(host)) => {
                let host = host.trim_start_matches('/');
                text = format!("{text}, member {} on {}", safe(member), safe(host));
            }
            (Some(member), None) => text = format!("{text}, member {}", safe(member)),
            (None, _) => text.push_str(", which nobody owns"),
        }
    }
    let through = lag.catch_up.as_ref().and_then(catch_up_text);
    Some(match through {
        Some(through) => format!("{text}; {through}."),
        None => format!("{text}."),
    })
}

/// `through in 4m10s`, `never through at this rate`; none if it is not known.
fn catch_up_text(it: &CatchUp) -> Option<String> {
    match it.when? {
        When::InMs(0) => Some("through now".to_owned()),
        When::InMs(ms) => Some(format!("through in {}", span_text(ms))),
        When::Never(true) => Some("never through at this rate".to_owned()),
        When::Never(false) => None,
    }
}

/// How much more it would have to commit.
fn needs(lag: &LagSummary) -> Option<String> {
    if !matches!(lag.class(), LagClass::Lagging) {
        return None;
    }
    let more = lag.produced_per_second? - lag.consumed_per_second?;
    if more <= 0.0 {
        return None;
    }
    let lag_records = u32::try_from(lag.lag).map_or(f64::from(u32::MAX), f64::from);
    let through = more + lag_records / f64::from(THROUGH_WITHIN_S);
    Some(format!(
        "It needs {} more to hold, {} more to be through in {} m.",
        rate_text(more),
        rate_text(through),
        THROUGH_WITHIN_S / 60
    ))
}

fn unknown(lag: &LagSummary, partitions: &[PartitionLag]) -> String {
    let of = partitions.iter().filter(|it| it.lag.is_none());
    let names: Vec<String> =
        of.take(3).map(|it| format!("{}-{}", safe(&it.topic), it.partition)).collect();
    let count = plural(lag.partial_count.into(), "partition");
    let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    format!("Of {count} it is not known how much there is to read{names}.")
}
