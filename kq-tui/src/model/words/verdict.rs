//! How the cluster is, in a word and a sentence, and what is wrong with it, the worst first, each with
//! the way that leads to it.

use kq_proto::admin::v1::{self as admin, BrokerState, LagClass};

use super::{broker, class_word, records_text};
use crate::facts::{Facts, Health};
use crate::model::filter::quoted;
use crate::model::{Place, RowKey, Screen};
use crate::text::{bytes_text, grouped, plural, safe, since_text, span_text};

/// Groups that are named one by one.
const GROUPS_NAMED_MAX: usize = 3;
/// Partitions that are named one by one.
const PARTITIONS_NAMED_MAX: usize = 2;
/// A disk that is so full, in percent, is told.
const DISK_PERCENT_MAX: u64 = 90;

/// What does not go on without a controller: an ISR stays as it is, and acks=all waits for all of it.
const WAITS: &str = "acks=all waits where a replica in sync is gone";

/// How bad an alarm is, the worst first. The sign says it without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// `x`: something does not work.
    Stopped,
    /// `!`: it works, with less to spare.
    Risk,
    /// `~`: it works, and somebody falls behind.
    Behind,
}

impl Sign {
    /// As it is drawn.
    pub const fn char(self) -> char {
        match self {
            Self::Stopped => 'x',
            Self::Risk => '!',
            Self::Behind => '~',
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// How bad it is.
    pub sign: Sign,
    /// What it is about; the same alarm keeps it while its words change.
    pub about: String,
    /// In words.
    pub text: String,
    /// The screen that Enter opens.
    pub place: Place,
    /// The filter there.
    pub filter: String,
    /// The row there.
    pub row: Option<RowKey>,
}

impl Alarm {
    /// The way to it: `4 why=b3`.
    pub fn way(&self) -> String {
        let digit = self.place.screen.digit().map(String::from).unwrap_or_default();
        let row = match &self.row {
            Some(RowKey::Broker(id) | RowKey::Voter(id)) => broker(*id),
            Some(RowKey::Group(name)) => safe(name).into_owned(),
            Some(RowKey::Plan(id)) => safe(id).into_owned(),
            _ => String::new(),
        };
        let to = if self.filter.is_empty() { row } else { self.filter.clone() };
        format!("{digit} {to}").trim().to_owned()
    }
}

/// How the cluster is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// In a word; empty before the first frame.
    pub word: &'static str,
    /// In a sentence.
    pub sentence: String,
    /// What is wrong, the worst first.
    pub alarms: Vec<Alarm>,
}

impl Verdict {
    /// Of a cluster as it is known.
    pub fn of(facts: &Facts) -> Self {
        let Some(now_ms) = facts.moment_ms() else {
            return Self { sentence: "nothing is known yet".to_owned(), ..Self::default() };
        };
        let mut alarms = Vec::new();
        controller(facts, &mut alarms);
        // What is the cause comes before what follows from it.
        brokers(facts, now_ms, &mut alarms);
        partitions(facts, &mut alarms);
        groups(facts, &mut alarms);
        plans(facts, &mut alarms);
        alarms.sort_by_key(|it| it.sign);
        let (word, sentence) = summary(facts, &alarms);
        Self { word, sentence, alarms }
    }
}

fn summary(facts: &Facts, alarms: &[Alarm]) -> (&'static str, String) {
    let tally = &facts.topics.tally;
    let some = |count: u32| plural(count.into(), "partition");
    let next = match tally.worst_loss() {
        None => String::new(),
        Some((id, count)) => format!("; losing {} stops {}", broker(id), some(count)),
    };
    let (offline, refusing) = (tally.of(Health::Offline), tally.of(Health::UnderMin));
    // Those that are led and have too few in sync refuse; nothing else is said of writes than this.
    let writes = match refusing {
        0 => "writes with acks=all pass".to_owned(),
        count => format!("writes with acks=all are refused on {}", some(count)),
    };
    if offline > 0 {
        let more = if refusing > 0 { format!("; {writes}") } else { String::new() };
        return (
            "OUTAGE",
            format!("{} can be neither read nor written{more}{next}", some(offline)),
        );
    }
    if refusing > 0 {
        return ("REFUSING", format!("{writes}{next}"));
    }
    if facts.cluster.controller.is_none() {
        return ("HEADLESS", format!("as it was when a controller was last heard; {WAITS}"));
    }
    if let Some(stale_ms) = facts.cluster.stale_ms {
        return ("HEADLESS", format!("as it was {} ago; {WAITS}", span_text(stale_ms)));
    }
    let count = some(tally.partitions);
    if alarms.iter().any(|it| it.sign <= Sign::Risk) {
        if tally.partitions == 0 {
            return ("DEGRADED", "there are no partitions".to_owned());
        }
        return ("DEGRADED", format!("{writes}{next}"));
    }
    let more = match alarms.len() {
        0 => String::new(),
        count => format!("; {count} to look at"),
    };
    let well = match tally.partitions {
        0 => format!("there are no partitions yet{more}"),
        _ => format!("{count}, all replicas in sync{next}{more}"),
    };
    // A broker asks the others about groups, and tells of them when they have answered.
    if facts.as_of_ms.is_none() && !facts.told.groups {
        return ("WAITING", format!("{well}; groups are not told yet"));
    }
    ("HEALTHY", well)
}

fn alarm(sign: Sign, about: impl Into<String>, text: String, screen: Screen) -> Alarm {
    let place = Place::of(screen);
    Alarm { sign, about: about.into(), text, place, filter: String::new(), row: None }
}

fn controller(facts: &Facts, alarms: &mut Vec<Alarm>) {
    let by = broker(facts.cluster.answered_by);
    if facts.cluster.controller.is_none() {
        let text = "no controller: nothing can be changed, and no leader elected".to_owned();
        alarms.push(alarm(Sign::Stopped, "controller", text, Screen::Quorum));
    }
    if let Some(stale_ms) = facts.cluster.stale_ms {
        let span = span_text(stale_ms);
        // A leader of the quorum that no majority answers decides nothing, whoever still lives.
        let text = if facts.cluster.controller == Some(facts.cluster.answered_by) {
            format!("{by} leads the quorum, and no majority of it has answered for {span}")
        } else {
            format!("{by}, which tells this, has not heard the controller for {span}")
        };
        alarms.push(alarm(Sign::Stopped, "stale", text, Screen::Quorum));
    }
    if facts.is_cut() {
        let text = format!("{by} told more than is kept here: some of the cluster is missing");
        alarms.push(alarm(Sign::Risk, "cut", text, Screen::Overview));
    }
}

fn partitions(facts: &Facts, alarms: &mut Vec<Alarm>) {
    let tally = &facts.topics.tally;
    let offline = tally.of(Health::Offline);
    if offline > 0 {
        let text =
            format!("{} offline: {}", grouped(offline.into()), named(facts, Health::Offline));
        let it = alarm(Sign::Stopped, "offline", text, Screen::Partitions);
        alarms.push(Alarm { filter: "state=offline".to_owned(), ..it });
    }
    let under = tally.of(Health::UnderMin);
    if under > 0 {
        let names = named(facts, Health::UnderMin);
        let text = format!("{} below min.insync.replicas: {names}", grouped(under.into()));
        let it = alarm(Sign::Stopped, "undermin", text, Screen::Partitions);
        alarms.push(Alarm { filter: "state=undermin".to_owned(), ..it });
    }
    let ill = tally.ill();
    if ill <= offline {
        return;
    }
    let missing: Vec<(u32, u32)> =
        tally.brokers.iter().filter(|(_, it)| it.out > 0).map(|(id, it)| (*id, it.out)).collect();
    let mut count = ill;
    let (who, filter) = match missing.as_slice() {
        [] => (String::new(), "state=urp".to_owned()),
        [(id, out)] => {
            // As many as the filter finds: of a replica that is alone nobody misses another one.
            count = *out;
            let all = if count == 1 { "it misses" } else { "all of them miss" };
            (format!(", {all} {}", broker(*id)), format!("why={}", broker(*id)))
        }
        many => {
            let each: Vec<String> =
                many.iter().take(3).map(|(id, out)| format!("{} {out}", broker(*id))).collect();
            let more = if many.len() > 3 { ", .." } else { "" };
            (format!("; missing: {}{more}", each.join(", ")), "state=urp".to_owned())
        }
    };
    let text = format!("{} under-replicated{who}", grouped(count.into()));
    let it = alarm(Sign::Risk, "urp", text, Screen::Partitions);
    alarms.push(Alarm { filter, ..it });
}

/// Some partitions that are so, by name.
fn named(facts: &Facts, health: Health) -> String {
    let of = |it: &&crate::facts::Topic| it.tally.of(health) > 0;
    let names = facts.topics.iter().filter(of).flat_map(|topic| {
        let min = topic.min_insync_replicas;
        let so = (0_u32..).zip(&topic.partitions).filter(move |(_, it)| it.health(min) == health);
        so.map(move |(index, _)| format!("{}-{index}", safe(&topic.name)))
    });
    let mut names: Vec<String> = names.take(PARTITIONS_NAMED_MAX + 1).collect();
    if names.len() > PARTITIONS_NAMED_MAX {
        names.truncate(PARTITIONS_NAMED_MAX);
        names.push("..".to_owned());
    }
    names.join(", ")
}

fn brokers(facts: &Facts, now_ms: i64, alarms: &mut Vec<Alarm>) {
    for (id, it) in &facts.brokers {
        let mut note = |sign: Sign, what: &str, text: String| {
            let about = format!("{what} {id}");
            let row = Some(RowKey::Broker(*id));
            alarms.push(Alarm { row, ..alarm(sign, about, text, Screen::Brokers) });
        };
        let name = broker(*id);
        if it.state() == BrokerState::Fenced {
            let since =
                it.told.since_at_ms.map(|at_ms| format!(" {} ago", since_text(at_ms, now_ms)));
            let since = since.unwrap_or_default();
            let why = match it.told.reason.as_str() {
                "" => String::new(),
                reason => format!(" ({})", safe(reason)),
            };
            note(Sign::Risk, "fenced", format!("broker {name} fenced{since}{why}"));
        } else if let Some(since_ms) = it.silent_since_ms {
            let since = since_text(since_ms, now_ms);
            let why = match it.silent_why.as_str() {
                "" => String::new(),
                why => format!(" ({})", safe(why)),
            };
            let text = format!("broker {name} has told no counters for {since}{why}");
            note(Sign::Risk, "silent", text);
        }
        let Some(counters) = &it.counters else { continue };
        if counters.dirs_offline > 0 {
            let count = plural(counters.dirs_offline.into(), "log directory");
            let count = count.replace("directorys", "directories");
            note(Sign::Risk, "dirs", format!("broker {name}: {count} offline"));
        }
        if let Some(percent) = counters.disk_percent().filter(|it| *it >= DISK_PERCENT_MAX) {
            let free = counters.disk_free_bytes.map(bytes_text).unwrap_or_default();
            note(Sign::Risk, "disk", format!("broker {name}: disks {percent} % full, {free} free"));
        }
    }
}

/// Whether somebody should look after a group of this class.
pub(super) const fn is_ill(class: LagClass) -> bool {
    matches!(
        class,
        LagClass::Lagging
            | LagClass::Stalled
            | LagClass::Stopped
            | LagClass::Rewound
            | LagClass::Partial
            | LagClass::Leaderless
            | LagClass::NoCommits
    )
}

fn groups(facts: &Facts, alarms: &mut Vec<Alarm>) {
    let lag = |it: &admin::GroupSummary| it.lag.clone().unwrap_or_default();
    let mut ill: Vec<(&String, admin::LagSummary)> = facts
        .groups
        .iter()
        .map(|(name, it)| (name, lag(it)))
        .filter(|(_, lag)| is_ill(lag.class()))
        .collect();
    // The oldest first; those whose age is not known follow, the most first.
    ill.sort_by_key(|(_, lag)| std::cmp::Reverse((lag.time_lag_ms, lag.lag)));
    let rest = ill.split_off(ill.len().min(GROUPS_NAMED_MAX));
    for (name, lag) in ill {
        let row = Some(RowKey::Group(name.as_str().into()));
        let it = alarm(Sign::Behind, format!("group {name}"), behind(name, &lag), Screen::Groups);
        alarms.push(Alarm { row, ..it });
    }
    if !rest.is_empty() {
        let text = format!("{} more not OK", plural(count(&rest), "group"));
        let it = alarm(Sign::Behind, "groups", text, Screen::Groups);
        alarms.push(Alarm { filter: "class=ill".to_owned(), ..it });
    }
    if let Some(why) = facts.groups_missing.first() {
        let more = match facts.groups_missing.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        let text = format!("some groups cannot be told: {}{more}", safe(why));
        alarms.push(alarm(Sign::Risk, "groups missing", text, Screen::Groups));
    }
}

fn count<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

/// `billing falls behind: 1.21 M records, 16m02s, +1.20 k/s`.
fn behind(name: &str, lag: &admin::LagSummary) -> String {
    let does = match lag.class() {
        LagClass::Lagging => "falls behind",
        LagClass::Stalled => "commits and does not move",
        LagClass::Stopped => "commits no more",
        LagClass::Rewound => "went back",
        LagClass::Partial => "is known in part",
        LagClass::Leaderless => "reads what nobody leads",
        LagClass::NoCommits => "has committed nothing",
        LagClass::Ok
        | LagClass::New
        | LagClass::Draining
        | LagClass::Unknown
        | LagClass::Unspecified => class_word(lag.class()),
    };
    let mut text = format!("{} {does}: {} records", safe(name), records_text(lag));
    if let Some(age_ms) = lag.time_lag_ms {
        text = format!("{text}, {}", span_text(age_ms));
    }
    if let (Some(come), Some(gone)) = (lag.produced_per_second, lag.consumed_per_second) {
        let more = come - gone;
        let sign = if more < 0.0 { '-' } else { '+' };
        text = format!("{text}, {sign}{}", crate::text::rate_text(more.abs()));
    }
    text
}

fn plans(facts: &Facts, alarms: &mut Vec<Alarm>) {
    for plan in &facts.plans {
        let failed = plan.moves_by_state.get("failed").copied().unwrap_or(0);
        let is_over = matches!(plan.state.as_str(), "done" | "cancelled");
        if failed > 0 && !is_over {
            let text = format!("plan {}: {} failed", safe(&plan.id), plural(failed.into(), "move"));
            let row = Some(RowKey::Plan(plan.id.clone()));
            let about = format!("plan {}", plan.id);
            alarms.push(Alarm { row, ..alarm(Sign::Risk, about, text, Screen::Plans) });
        }
    }
}

/// The filter of all partitions that have to do with a broker: those that miss it, if any does.
pub(in crate::model) fn filter_of_broker(facts: &Facts, id: u32) -> String {
    let out = facts.topics.tally.broker(id).out;
    let what = if out > 0 { "why" } else { "on" };
    format!("{what}={}", broker(id))
}

/// The filter of one topic's partitions.
pub(in crate::model) fn filter_of_topic(name: &str) -> String {
    format!("topic={}", quoted(name))
}
